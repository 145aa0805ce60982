"""What is said after Ctrl-C."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

__all__ = ["resumable"]

_STORE = "points.jsonl"


@contextmanager
def resumable(options: argparse.Namespace) -> Iterator[None]:
    """Says after Ctrl-C what is kept, and the command that goes on."""
    try:
        yield
    except KeyboardInterrupt as stopped:
        words: list[str] = options.words
        done, total = getattr(stopped, "done", 0), getattr(stopped, "total", 0)
        count = f"{done} of {total} points" if total else "nothing yet"
        if options.resume is not None:
            told = f"{count} kept in {options.resume}; go on with: {_command(words)}"
        else:
            keeping = _command([*words, "--resume", _STORE])
            told = f"{count} done, and not kept; to keep points as they are done: {keeping}"
        raise KeyboardInterrupt(told) from None


def _command(words: Sequence[str]) -> str:
    """As this process was started."""
    program = sys.argv[0]
    if os.path.basename(program) != "gpushare":
        start = [sys.executable, "-m", "gpushare"]
    else:
        found = shutil.which("gpushare")
        start = ["gpushare" if found and os.path.samefile(found, program) else program]
    return shlex.join([*start, *words])
