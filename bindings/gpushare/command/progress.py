"""Progress on a terminal."""

from __future__ import annotations

import sys

__all__ = ["Progress"]


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

    def fraction(self, done: float) -> None:
        """Shows a share of 1."""
        self._show(f"{100 * done:.0f} %")

    def count(self, done: int, total: int) -> None:
        """Shows so many of so many."""
        self._show(f"{done} of {total}")

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
