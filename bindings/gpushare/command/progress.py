"""Progress on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._core import Error

__all__ = ["Progress", "warned"]


class Progress:
    """A line on stderr that is rewritten, only when stderr is a terminal.

    Parameters
    ----------
    label : str
        What is going on.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._on = sys.stderr.isatty()
        self._first: tuple[float, float] | None = None

    def fraction(self, done: float) -> None:
        """Shows a share of 1, and from the second call on for about how long."""
        self._show(f"{100 * done:.0f} %{self._left(done, 1.0)}")

    def count(self, done: int, total: int) -> None:
        """Shows so many of so many, how many are left, and from the second call on for about how long."""
        self._show(f"{done} of {total}, {total - done} left{self._left(done, total)}")

    def _left(self, done: float, total: float) -> str:
        """At the pace since the first call."""
        now = time.monotonic()
        if self._first is None:
            self._first = done, now
        elif done > self._first[0]:
            pace = (now - self._first[1]) / (done - self._first[0])
            return f", about {_duration(pace * (total - done))}"
        return ""

    def text(self, text: str) -> None:
        """Shows a line as it is."""
        self._show(text)

    def _show(self, text: str) -> None:
        if self._on:
            sys.stderr.write(f"\r\033[K{self._label}: {text}")
            sys.stderr.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._on:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@contextmanager
def warned(scenario: Any) -> Iterator[None]:
    """Tells on stderr what is odd about a scenario that cannot run: it may be the reason."""
    try:
        yield
    except Error:
        for warning in scenario.warnings:
            sys.stderr.write(f"gpushare: warning: {warning}\n")
        raise
