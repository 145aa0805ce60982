"""``python -m gpushare`` is the command line."""

import signal
import sys

__all__ = ["start"]


def start() -> int:
    """Runs the command line; Ctrl-C while it is still being imported ends it as it does later."""
    try:
        from .command.cli import main

        code = main()
    except KeyboardInterrupt:
        code = 130
        sys.stderr.write("gpushare: error: interrupted\n")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left that it could stop
    return code


if __name__ == "__main__":
    sys.exit(start())
