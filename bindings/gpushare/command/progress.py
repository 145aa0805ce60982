"""Progress on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._core import Error
from ..frames import progress

__all__ = ["Progress", "warned"]


class Progress(progress.Progress):
    """A line on stderr that is rewritten, only when stderr is a terminal.

    Parameters
    ----------
    label : str
        What is going on.
    """

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self._on = sys.stderr.isatty()

    def _show(self, text: str, share: float) -> None:
        if self._on:
            sys.stderr.write(f"\r\033[K{self._label}: {text}")
            sys.stderr.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._on:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


@contextmanager
def warned(scenario: Any) -> Iterator[None]:
    """Tells on stderr what is odd about a scenario that cannot run: it may be the reason."""
    try:
        yield
    except Error:
        for warning in scenario.warnings:
            sys.stderr.write(f"gpushare: warning: {warning}\n")
        raise
