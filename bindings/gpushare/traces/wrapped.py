"""Logs inside of what carried them: Loki, CloudWatch, Docker, OpenTelemetry, streams of events, frames as JSON.

Each becomes JSON lines, one a request, with the time that the carrier put beside it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from .._core import TraceError
from .._errors import fail
from ..frames.table_files import delimiter_of
from .carried_documents import DOCUMENTS
from .carried_rows import PLAIN, TOKENS, joined, joint, object_text, objects
from .drawn_tables import Unwrapped, drawn

__all__ = ["unwrap"]
#: Names of the time that a carrier puts beside what it carries: a time of the request itself counts before it.
_TIMES = {
    "timestamp": "carried_at",
    "@timestamp": "carried_at",
    "time": "carried_at",
    "__REALTIME_TIMESTAMP": "carried_at_us",
}
_DATE = rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_IS_SYSLOG = re.compile(rb"(?:<\d+>)?([A-Z][a-z][a-z]) +(\d{1,2}) (\d\d:\d\d:\d\d) ")
_LEAP_YEAR = 2024  # syslog writes no year; this one has every day
_PAIR = re.compile(rb'([A-Za-z_][\w.]*)=(?:"((?:[^"\\\n]|\\.)*)"|([^\s"]*))[ \t]*')
_PAIRS = re.compile(rb"(?:" + _PAIR.pattern + rb"){3,}\r?")
_NO_MARKS = bytes(set(range(256)) - set(b"= \n"))
_MARKS = re.compile(rb"(?:(?:= )*=\n)*(?:= )*=")
_ESCAPES = b"\\\t\0"
_BLOCK = 512  # lines
_PREFIXED = re.compile(rb"[^{\n\"]{0,200}[ |:]\{.*\}\r?")
_IS_DATE = re.compile(rb"\[?(" + _DATE + rb")")
_EVENT = re.compile(rb"(?:id:|event:|retry:|:)[^\n]*\n|\s+")
_TEXT_MEMBER = re.compile(rb'"([^"\\]{1,64})"\s*:\s*"\s*\{\s*\\"')
_TEXT_FIELD = re.compile(rb'[,;\t]"\s*\{\s*""|^"\s*\{\s*""', re.M)
_LINES = 20  # that are looked at


def unwrap(start: bytes) -> Callable[[bytes, str], Unwrapped] | None:
    """What takes the requests out of a file that begins so; None where nothing carries them."""
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"{", b"[")) and _IS_DATE.match(start) is None:
        taken = next((take for fits, take in DOCUMENTS if fits(start)), None)
        return _texts if taken is None and _is_text_of_json(start) else taken
    if _TEXT_FIELD.search(start) is not None and b"{" not in start.split(b"\n", 1)[0]:
        return _table
    lines = [
        line for line in start.split(b"\n")[:_LINES] if line.strip() and not _EVENT.fullmatch(line + b"\n")
    ]
    if lines and _PREFIXED.fullmatch(lines[0]):
        return _prefixed
    if lines and all(map(_PAIRS.fullmatch, lines)):
        return _pairs
    return drawn(start)


class _Names(dict[Any, str]):
    """Names of members as they are written, with their colons; a time is the carrier's."""

    def __missing__(self, name: Any) -> str:
        called = _TIMES.get(name) or _TIMES.get(str(name).lower(), str(name))
        self[name] = written = f"{quoted(called)}: "
        return written


class _Lifter:
    """Rows with the members of the JSON in their texts as their own, and their own time as the carrier's."""

    def __init__(self) -> None:
        self._names = _Names()

    def __call__(self, row: Mapping[Any, Any]) -> bytes:
        held: dict[str, str] = {}
        own = []
        names = self._names
        for name, value in row.items():
            if type(value) is str:
                if "{" in value[:3] and (found := object_text(value)):
                    held[names[name]] = found
                else:
                    own.append(names[name] + quoted(value))
            elif type(value) in PLAIN:
                own.append(names[name] + json.dumps(value))
        return _lifted(own, held)

    def of_texts(self, names: Iterable[str]) -> Callable[[Iterable[str]], bytes]:
        """The same for the fields of a table, whose names are those."""
        before = [self._names[name] for name in names]

        def lifted(fields: Iterable[str]) -> bytes:
            held: dict[str, str] = {}
            own = []
            for name, value in zip(before, fields, strict=False):
                if "{" in value[:3] and (found := object_text(value)):
                    held[name] = found
                else:
                    own.append(name + quoted(value))
            return _lifted(own, held)

        return lifted


_USAGE = re.compile('"usage(?:_?details)?": ', re.I)  # whose members need its name: {"input": 7}


def _lifted(own: list[str], held: Mapping[str, str]) -> bytes:
    """Members of a row, and those of an object in its texts: the first that speaks of tokens, if any does."""
    if len(held) == 1:  # as of most
        ((name, text),) = held.items()
        if name[1:6].lower() != "usage":
            return joint(own, text)
    inside = [name for name in held if _USAGE.fullmatch(name) is None]
    lifted = next((name for name in inside if "oken" in held[name]), next(iter(inside), ""))
    own += [name + text for name, text in held.items() if name != lifted]
    return joint(own, held.get(lifted, "{}"))


class _Dates:
    """Dates that stand before the rest of a line; those of syslog get a year, which goes on after December."""

    def __init__(self) -> None:
        self._year, self._month = _LEAP_YEAR, 0

    def __call__(self, before: bytes) -> bytes | None:
        date = _IS_DATE.match(before)
        if date is not None:
            return date[1]
        short = _IS_SYSLOG.match(before)
        if short is None or short[1] not in _MONTHS:
            return None
        month = _MONTHS.index(short[1]) + 1
        self._year += month == 1 and self._month == len(_MONTHS)
        self._month = month
        return b"%d-%02d-%02d %s" % (self._year, month, int(short[2]), short[3])


def _prefixed(data: bytes, source: str) -> Unwrapped:
    lines, date_of = [], _Dates()
    for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        before, brace, rest = line.partition(b"{")
        if not brace or not rest.rstrip().endswith(b"}"):
            continue
        date = date_of(before)
        lines.append(b'{"carried_at": "%s", %s' % (date, rest) if date else brace + rest)
    return joined(lines, "lines that end in JSON", source)


def _pairs(data: bytes, source: str) -> Unwrapped:
    lines = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").split(b"\n")
    found: list[bytes] = []
    for first in range(0, len(lines), _BLOCK):
        block = lines[first : first + _BLOCK]
        found += _block_of_pairs(block) or [row for line in block if (row := _of_pairs(line.rstrip()))]
    return joined(found, "lines of names and values (logfmt)", source)


def _block_of_pairs(lines: list[bytes]) -> list[bytes]:
    """Lines of pairs as objects, all at once; empty where one of them is anything else, or has escapes or tabs.

    What is between quotes stays, and all that separates outside of them is replaced.
    """
    text = b"\n".join(lines)
    parts = text.split(b'"')
    outside = b"\0".join(parts[::2])
    marks = outside.translate(None, _NO_MARKS)
    if text.translate(None, _ESCAPES) != text or len(parts) % 2 == 0 or b"\n" in b"".join(parts[1::2]):
        return []
    if _MARKS.fullmatch(marks) is None:
        return []
    outside = outside.replace(b" ", b'", "').replace(b"=", b'": "').replace(b"\n", b'"}\n{"')
    parts[::2] = outside.split(b"\0")
    return (b'{"%s"}' % b"".join(parts)).split(b"\n")


def _of_pairs(line: bytes) -> bytes:
    """A line of pairs as an object; empty for any other line."""
    text = _PAIR.sub(rb'"\1": "\2\3", ', line)
    return b"{%s}" % text.rstrip(b", ") if text.startswith(b'"') else b""


def _table(data: bytes, source: str) -> Unwrapped:
    text = data.decode("utf-8-sig", errors="replace")
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text))
        names = next(rows, [])
        lifted = _Lifter().of_texts(names) if len(set(names)) == len(names) else _last_of(names)
        return joined(list(map(lifted, filter(None, rows))), "a table with JSON in its fields", source)
    except csv.Error as problem:
        raise fail(TraceError, source, f"not a table: {problem}") from None


def _last_of(names: list[str]) -> Callable[[list[str]], bytes]:
    """Of fields with the same name the last one counts."""
    lifted = _Lifter()
    return lambda row: lifted(dict(zip(names, row, strict=False)))


def _texts(data: bytes, source: str) -> Unwrapped:
    rows = (row for row in objects(data, source) if isinstance(row, dict))
    return joined(list(map(_Lifter(), rows)), "JSON with JSON in its texts", source)


def _is_text_of_json(start: bytes) -> bool:
    """The first object has JSON in a text, and no tokens of its own."""
    first = start.split(b"\n", 1)[0] if b"\n{" in start else start
    return _TEXT_MEMBER.search(first[:8192]) is not None and TOKENS.search(first[:8192]) is None
