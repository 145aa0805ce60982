"""``python -m gpushare`` is the command line."""

import signal
import sys

__all__ = ["start"]


def start() -> int:
    """Runs the command line; Ctrl-C while it is still being imported ends it when that is done."""
    pressed: list[int] = []
    try:
        # An interrupt inside an import may be lost: Python ignores what its own callbacks raise there.
        before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
        from .command.cli import main

        signal.signal(signal.SIGINT, before)
        if pressed and before is signal.default_int_handler:
            raise KeyboardInterrupt
        code = main()
    except KeyboardInterrupt:
        code = 130
        sys.stderr.write("gpushare: error: interrupted\n")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left that it could stop
    return code


if __name__ == "__main__":
    sys.exit(start())
