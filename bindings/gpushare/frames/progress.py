"""Progress of what takes long: what is said of it, and a bar in notebooks that goes when it ends."""

from __future__ import annotations

import html
import importlib
import math
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from .._numbers import check_callable

__all__ = ["Progress", "followed", "in_notebook"]

#: What is over sooner has no bar.
_AFTER_S, _BETWEEN_S = 0.7, 0.2


class Progress(ABC):
    """What is going on, with how much is left.

    Parameters
    ----------
    label : str
        What is going on.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._first: tuple[float, float] | None = None

    @abstractmethod
    def _show(self, text: str, share: float) -> None:
        """Writes it anew; `share` is what is done of 1, NaN where nobody knows."""

    def fraction(self, done: float) -> None:
        """Shows a share of 1, and from the second call on for about how long."""
        self._show(f"{100 * done:.0f} %{self._left(done, 1.0)}", done)

    def count(self, done: int, total: int) -> None:
        """Shows so many of so many, how many are left, and from the second call on for about how long."""
        self._show(f"{done} of {total}, {total - done} left{self._left(done, total)}", done / max(total, 1))

    def text(self, text: str) -> None:
        """Shows a line as it is."""
        self._show(text, math.nan)

    def _left(self, done: float, total: float) -> str:
        """At the pace since the first call."""
        now = time.monotonic()
        if self._first is None:
            self._first = done, now
        elif done > self._first[0]:
            pace = (now - self._first[1]) / (done - self._first[0])
            return f", about {_duration(pace * (total - done))}"
        return ""


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def in_notebook() -> bool:
    """Whether a kernel of Jupyter runs this, and not a script or a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class _Bar(Progress):
    """A bar below the cell, by IPython itself, which every notebook shows without an extension."""

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self._handle: Any = None
        self._next = time.monotonic() + _AFTER_S

    def _show(self, text: str, share: float) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _BETWEEN_S
        value = "" if math.isnan(share) else f' value="{share:.4f}"'
        self._write(f"<progress{value}></progress> {html.escape(f'{self._label}: {text}')}")

    def _write(self, markup: str) -> None:
        ipython: Any = importlib.import_module("IPython.display")
        if self._handle is None:
            self._handle = ipython.display(ipython.HTML(markup), display_id=True)
        else:
            self._handle.update(ipython.HTML(markup))

    def end(self) -> None:
        """Takes it away."""
        if self._handle is not None:
            self._write("")


_BUSY = threading.Lock()


@contextmanager
def followed(
    given: Callable[..., Any] | None, label: str, how: Literal["count", "fraction", "text"]
) -> Iterator[Callable[..., Any] | None]:
    """What to tell progress to: what was given; in a notebook a bar, unless one is there already; otherwise nothing.

    Parameters
    ----------
    given : callable or None
        By who called.
    label : str
        What is going on.
    how : str
        The method of `Progress` that it is called like.
    """
    check_callable("progress", given)
    if given is not None or not in_notebook() or threading.current_thread() is not threading.main_thread():
        yield given
    elif not _BUSY.acquire(blocking=False):  # what this is a part of has one
        yield None
    else:
        bar = _Bar(label)
        try:
            yield getattr(bar, how)
        finally:
            bar.end()
            _BUSY.release()
