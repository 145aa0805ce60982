"""Tables as terminals and documents draw them: psql, MySQL, Markdown, columns between blanks, Excel's `sep=`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Unwrapped", "drawn"]


class Unwrapped(NamedTuple):
    """A text that is read, what it was taken out of, and how many lines beside it say nothing of tokens."""

    text: bytes
    carrier: str
    beside: int = 0


_RULE = re.compile(rb"[ |+:=-]*--[ |+:=-]*")
_COUNT = re.compile(rb"\((?:\d+) rows?\)")
_SEP = re.compile(rb"sep=(.)\r?\n", re.I)
_GAPS = re.compile(rb" {2,}|\t+")
_SPACES = re.compile(rb"  +")  # which is looked for five times as quickly
_BLANKS = re.compile(rb"[^\S\n]+")
_NAMES = re.compile(rb"[A-Za-z_@#][\w.@()/-]*")
_OTHERS = re.compile(rb"[,;|{}\[\]\"<>]")  # of other formats
_LINES = 20  # that are looked at


def drawn(start: bytes) -> Callable[[bytes, str], Unwrapped] | None:
    """What takes the rows out of a table that begins so; None for other files."""
    start = start.removeprefix(b"\xef\xbb\xbf")
    if _SEP.match(start):
        return _without_sep
    lines = [line.strip() for line in start.split(b"\n")[:_LINES] if line.strip()]
    if len(lines) < 2:
        return None
    if any(b"|" in line for line in lines[:2]) and any(map(_RULE.fullmatch, lines[:2])):
        return _ruled
    return _aligned if _is_aligned(lines) else None


def _is_aligned(lines: list[bytes]) -> bool:
    """Names between blanks, and below as many values; the last line looked at may be cut."""
    names = lines[0].split()
    if len(names) < 3 or not all(map(_NAMES.fullmatch, names)) or any(map(_OTHERS.search, lines[:-1])):
        return False
    return _gap(lines[0], lines[1]) is not None


def _gap(names: bytes, row: bytes) -> re.Pattern[bytes] | None:
    """What stands between fields: two blanks and more, where one may be inside of a date, or any."""
    for gap in (_GAPS, _BLANKS):
        count = len(gap.split(names))
        if count > 2 and len(gap.split(row)) == count:
            return gap
    return None


def _without_sep(data: bytes, source: str) -> Unwrapped:
    return Unwrapped(data.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[1], "a table of Excel")


def _ruled(data: bytes, source: str) -> Unwrapped:
    rows = []
    for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        line = line.strip()
        if line and not _RULE.fullmatch(line) and not _COUNT.fullmatch(line):
            rows.append(line.removeprefix(b"|").removesuffix(b"|").strip())
    return Unwrapped(b"\n".join(rows), "a table with rules")


def _aligned(data: bytes, source: str) -> Unwrapped:
    lines = [
        stripped for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if (stripped := line.strip())
    ]
    gap, text = _gap(lines[0], lines[1]) or _BLANKS, b"\n".join(lines)
    if gap is _GAPS and b"\t" not in text:
        gap = _SPACES
    return Unwrapped(gap.sub(b"|", text), "a table between blanks")
