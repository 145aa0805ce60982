"""A reader of the standard output that may go away, as in ``gpushare ... | head``."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TextIO, cast

__all__ = ["read_by_some"]


class _ReadBySome:
    """A text stream whose reader may stop reading; what is written then goes nowhere, and is no error."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._tried(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._tried(self._stream.flush)

    def _tried(self, action: Callable[[], object]) -> None:
        try:
            action()
        except BrokenPipeError:
            # So that neither this nor what the interpreter does at exit fails again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def read_by_some() -> AbstractContextManager[object]:
    """While it is entered the command goes on, and ends with its own exit code, though nobody reads it to its end."""
    return contextlib.redirect_stdout(cast(TextIO, _ReadBySome(sys.stdout)))
