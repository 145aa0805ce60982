"""Colours of a terminal, which say once more what words say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO

__all__ = ["MARKS", "coloured", "paint", "wanted"]

#: The mark of what is met, missed, or too close to say.
MARKS = {True: "met", False: "failing", None: "open"}
#: ANSI's attributes: green, red and bold, yellow, bold, cyan.
_CODES = {"met": "32", "failing": "1;31", "open": "33", "best": "1", "tie": "36"}
_ON: ContextVar[bool] = ContextVar("coloured", default=False)


def wanted(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether what is written there may have colours: a terminal that has them, and no NO_COLOR (no-color.org)."""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


@contextmanager
def coloured(on: bool) -> Iterator[None]:
    """What is marked is coloured meanwhile, or not."""
    token = _ON.set(on)
    try:
        yield
    finally:
        _ON.reset(token)


def paint(text: str, mark: str) -> str:
    """Text in the colour of its mark, line by line and without the space around; as it is where there is no colour.

    Parameters
    ----------
    text : str
        As wide as it is to be: codes have no width on a terminal, but count as characters.
    mark : str
        ``met``, ``failing``, ``open``, ``best`` or ``tie``; others, and none, have no colour.
    """
    code = _CODES.get(mark) if _ON.get() else None
    return re.sub(r"\S(?:[^\n]*\S)?", lambda found: f"\033[{code}m{found[0]}\033[0m", text) if code else text
