"""Logs inside of what carried them: Loki, CloudWatch, Docker, OpenTelemetry, streams of events, frames as JSON.

Each becomes JSON lines, one a request, with the time that the carrier put beside it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from .._core import TraceError
from .._errors import fail
from ..frames.table_files import delimiter_of
from .benchmark_result import entry
from .conversations import estimated_tokens
from .drawn_tables import Unwrapped, drawn

__all__ = ["unwrap"]


#: Names of the time that a carrier puts beside what it carries: a time of the request itself counts before it.
_TIMES = {
    "timestamp": "carried_at",
    "@timestamp": "carried_at",
    "time": "carried_at",
    "__REALTIME_TIMESTAMP": "carried_at_us",
}
_TOKENS = re.compile(rb'(?:[tT]okens|[tT]oken_?[cC]ount|eval_count|_len(?:gth)?s?)"\s*:')

_DATE = rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_IS_SYSLOG = re.compile(rb"(?:<\d+>)?([A-Z][a-z][a-z]) +(\d{1,2}) (\d\d:\d\d:\d\d) ")
_LEAP_YEAR = 2024  # syslog writes no year; this one has every day
_PAIR = re.compile(rb'([A-Za-z_][\w.]*)=(?:"((?:[^"\\\n]|\\.)*)"|([^\s"]*))[ \t]*')
_PAIRS = re.compile(rb"(?:" + _PAIR.pattern + rb"){3,}\r?")
_NO_MARKS = bytes(set(range(256)) - set(b"= "))
_PREFIXED = re.compile(rb"[^{\n\"]{0,200}[ |:]\{.*\}\r?")
_IS_DATE = re.compile(rb"\[?(" + _DATE + rb")")
_EVENT = re.compile(rb"(?:id:|event:|retry:|:)[^\n]*\n|\s+")
_TEXT_MEMBER = re.compile(rb'"([^"\\]{1,64})"\s*:\s*"\s*\{\s*\\"')
_TEXT_FIELD = re.compile(rb'[,;\t]"\s*\{\s*""|^"\s*\{\s*""', re.M)
_LISTED = re.compile(
    "requests|trace|rows|records|entries|items|data|results|logs|events|hits|generations|observations"
)  # that hold a file's requests
_LIST = re.compile(rb'"(?:%s)"\s*:\s*\[\s*\{' % _LISTED.pattern.encode())
_BODY = re.compile(rb'"body"\s*:\s*\{[^}]*"(?:messages|prompt|input)"\s*:')
_LINES = 20  # that are looked at
_BATCH = 10  # lines
_PLAIN = (str, int, float, bool)


def unwrap(start: bytes) -> Callable[[bytes, str], Unwrapped] | None:
    """What takes the requests out of a file that begins so; None where nothing carries them."""
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"{", b"[")) and _IS_DATE.match(start) is None:
        return next((take for fits, take in _DOCUMENTS if fits(start)), None)
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


def _tells(line: bytes) -> bool:
    """Whether a member's name is of tokens; most are found without looking at all of the line."""
    at = line.find(b'okens"')
    return (at >= 0 and _TOKENS.match(line, at - 1) is not None) or _TOKENS.search(line) is not None


def _joined(lines: list[bytes], carrier: str, source: str) -> Unwrapped:
    """Those of the lines that say something of tokens, where any does: loggers have others beside them."""
    telling = [line for line in lines if _tells(line)] or lines
    if not telling:
        raise fail(
            TraceError, source, f"{carrier} without a request; expected at least one JSON object in it"
        )
    return Unwrapped(b"\n".join(telling), carrier, len(lines) - len(telling))


def _line(members: Iterable[tuple[str, Any]], inner: str = "{}") -> bytes:
    """A JSON object of members, and those of the text of another one."""
    own = [f"{quoted(name)}: {quoted(v) if type(v) is str else json.dumps(v)}" for name, v in members]
    return _joint(own, inner)


def _joint(own: list[str], inner: str) -> bytes:
    rest = inner[1:].lstrip()
    return f"{{{', '.join(own)}{', ' if own and rest != '}' else ''}{rest}".encode()


class _Lifter:
    """Rows with the members of the JSON in their texts as their own, and their own time as the carrier's."""

    def __init__(self) -> None:
        self._names: dict[Any, str] = {}  # as they are written, with their colons

    def _name(self, name: Any) -> str:
        known = self._names.get(name)
        if known is None:
            called = _TIMES.get(name) or _TIMES.get(str(name).lower(), str(name))
            known = self._names[name] = f"{quoted(called)}: "
        return known

    def __call__(self, row: Mapping[Any, Any]) -> bytes:
        inner, own = "{}", []
        for name, value in row.items():
            if type(value) is str:
                if inner == "{}" and (found := _object(value)):
                    inner = found
                else:
                    own.append(self._name(name) + quoted(value))
            elif type(value) in _PLAIN:
                own.append(self._name(name) + json.dumps(value))
        return _joint(own, inner)


def _objects(data: bytes, source: str) -> Iterator[Any]:
    """The values of a JSON document: a list's, lines', or the only one."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")
    try:
        document = json.loads(text)
        yield from document if isinstance(document, list) else [document]
        return
    except (ValueError, RecursionError):
        pass
    lines = text.split("\n")
    for first in range(0, len(lines), _BATCH):
        yield from _parsed(lines[first : first + _BATCH], first + 1, source)


def _parsed(lines: list[str], number: int, source: str) -> Iterable[Any]:
    """The values of lines, all at once where they are right: a call for each takes three times as long."""
    told = [line for line in lines if line and not line.isspace()]
    try:
        values: list[Any] = json.loads(f"[{','.join(told)}]")
        if len(values) == len(told):
            return values
    except (ValueError, RecursionError):
        pass
    return _one_by_one(lines, number, source)


def _one_by_one(lines: list[str], number: int, source: str) -> Iterator[Any]:
    for at, line in enumerate(lines, number):
        if not line or line.isspace():
            continue
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise fail(TraceError, f"{source}:{at}", f"not a JSON object: {problem}") from None


def _object(text: Any) -> str:
    """A text that looks like a JSON object, in one line; empty for anything else."""
    if type(text) is not str or "{" not in text[:3]:
        return ""
    text = text.strip()
    return text.replace("\n", " ") if text[:1] == "{" and text[-1:] == "}" else ""


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
    return _joined(lines, "lines that end in JSON", source)


def _pairs(data: bytes, source: str) -> Unwrapped:
    found = (_of_pairs(line.rstrip()) for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    return _joined([line for line in found if line], "lines of names and values (logfmt)", source)


def _of_pairs(line: bytes) -> bytes:
    """A line of pairs as an object; empty for any other line.

    Of most lines what is between quotes stays, and all that separates outside of them is replaced at once.
    """
    parts = line.split(b'"')
    marks = b"".join(parts[::2]).translate(None, _NO_MARKS)
    if (
        b"\\" not in line
        and b"\t" not in line
        and len(parts) % 2
        and marks == b"= " * (len(marks) // 2) + b"="
    ):
        parts[::2] = [part.replace(b" ", b'", "').replace(b"=", b'": "') for part in parts[::2]]
        return b'{"%s"}' % b"".join(parts)
    text = _PAIR.sub(rb'"\1": "\2\3", ', line)
    return b"{%s}" % text.rstrip(b", ") if text.startswith(b'"') else b""


def _table(data: bytes, source: str) -> Unwrapped:
    text = data.decode("utf-8-sig", errors="replace")
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text))
        names, lifted = next(rows, []), _Lifter()
        found = [lifted(dict(zip(names, row, strict=False))) for row in rows if row]
        return _joined(found, "a table with JSON in its fields", source)
    except csv.Error as problem:
        raise fail(TraceError, source, f"not a table: {problem}") from None


def _texts(data: bytes, source: str) -> Unwrapped:
    rows = (row for row in _objects(data, source) if isinstance(row, dict))
    return _joined(list(map(_Lifter(), rows)), "JSON with JSON in its texts", source)


def _loki(data: bytes, source: str) -> Unwrapped:
    lines = []
    for document in _objects(data, source):
        for stream in entry(document, "data", "result") or ():
            for value in entry(stream, "values") or ():
                if isinstance(value, list) and len(value) > 1 and (found := _object(value[1])):
                    lines.append(_line([("carried_at_ns", value[0])], found))
    return _joined(lines, "an answer of Loki", source)


def _span(span: Any) -> bytes | None:
    """A span with its attributes by name; None where no model answered in it."""
    try:
        members = [(name, value) for name, value in span.items() if name.endswith("UnixNano")]
        for pair in span["attributes"]:
            ((kind, value),) = pair["value"].items()  # {"intValue": "7"}
            if type(value) in _PLAIN:
                members.append((str(pair["key"]), int(value) if kind == "intValue" else value))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    line = _line(members)
    return line if b"input_tokens" in line or b"prompt_tokens" in line else None


def _spans(data: bytes, source: str) -> Unwrapped:
    found: list[bytes] = []
    for document in _objects(data, source):
        resources = entry(document, "resourceSpans")
        spans = (
            [
                span
                for r in resources
                for s in entry(r, "scopeSpans") or ()
                for span in entry(s, "spans") or ()
            ]
            if isinstance(resources, list)
            else [document]
        )
        found += (row for row in map(_span, spans) if row is not None)
    return _joined(found, "spans of OpenTelemetry", source)


def _frame(data: bytes, source: str) -> Unwrapped:
    document = next(_objects(data, source))
    names, rows = entry(document, "columns"), entry(document, "data")
    if isinstance(names, list) and isinstance(rows, list):
        split = [_line(zip(map(str, names), row, strict=False)) for row in rows if isinstance(row, list)]
        return _joined(split, "a frame as JSON, split", source)
    if not isinstance(document, dict) or not all(isinstance(v, (dict, list)) for v in document.values()):
        return Unwrapped(data, "")  # a request with a list in it
    columns = {
        name: list(column.values()) if isinstance(column, dict) else column
        for name, column in document.items()
    }
    sizes = {len(column) for column in columns.values()}
    if len(sizes) != 1:
        told = ", ".join(f"{name} {len(column)}" for name, column in columns.items())
        raise fail(TraceError, source, f"the columns differ in length: {told}")
    members = [quoted(name).replace("%", "%%") + ": %s" for name in columns]
    form = f"{{{', '.join(members)}}}"
    listed = [(form % row).encode() for row in zip(*map(_written, columns.values()), strict=True)]
    return _joined(listed, "a frame as JSON, by column", source)


def _written(column: list[Any]) -> Iterable[str]:
    """The values of a column as JSON, texts and whole numbers without a call of Python's for each."""
    kinds = set(map(type, column))
    if kinds == {str}:
        return map(quoted, column)
    return map(str, column) if kinds == {int} else map(json.dumps, column)


def _listed(data: bytes, source: str) -> Unwrapped:
    document = next(_objects(data, source))
    if isinstance(entry(document, "hits", "hits"), list):  # an answer of Elasticsearch
        document = document["hits"]
    for name, rows in document.items() if isinstance(document, dict) else ():
        if _LISTED.fullmatch(name) and isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
            text = json.dumps(rows).encode()
            if _TOKENS.search(text):
                return Unwrapped(text, f'JSON with a list of "{name}"')
    return Unwrapped(data, "")


def _batch(data: bytes, source: str) -> Unwrapped:
    lines = []
    for row in _objects(data, source):
        body = entry(row, "body")
        said = json.dumps(entry(body, "messages") or entry(body, "prompt") or entry(body, "input") or "")
        limit = entry(body, "max_completion_tokens") or entry(body, "max_tokens")
        members = [("arrival_s", 0), ("input_tokens", estimated_tokens(said))]
        lines.append(_line(members + ([("output_tokens", limit)] if limit else [])))
    return Unwrapped(
        b"\n".join(lines),
        "a batch for OpenAI's API, all at once, at four bytes a token and replies as long as their limit",
    )


def _is_listed(start: bytes) -> bool:
    """One object, with a list of objects under a name of requests."""
    return b"\n{" not in start and _LIST.search(start[:4096]) is not None


def _is_frame(start: bytes) -> bool:
    """Two columns at least, each a list of plain values or an object of them by row number, and nothing else."""
    if re.match(rb'\{\s*"columns"\s*:\s*\[\s*"[^\]]*\]\s*,\s*"(index|data)"\s*:', start):
        return True
    by_row = rb'\{\s*"0"\s*:\s*(-?\d|"|null)'
    found = re.match(rb'\{\s*"[^"\\]{1,64}"\s*:\s*(' + by_row + rb"|\[\s*[-\d\"])", start)
    return found is not None and b"\n{" not in start


def _is_text_of_json(start: bytes) -> bool:
    """The first object has JSON in a text, and no tokens of its own."""
    first = start.split(b"\n", 1)[0] if b"\n{" in start else start
    return _TEXT_MEMBER.search(first[:8192]) is not None and _TOKENS.search(first[:8192]) is None


_DOCUMENTS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes, str], Unwrapped]], ...] = (
    (lambda start: b'"resultType"' in start[:4096] and b'"streams"' in start[:4096], _loki),
    (lambda start: b'"resourceSpans"' in start[:4096], _spans),
    (lambda start: re.search(rb'"attributes"\s*:\s*\[\s*\{\s*"key"', start) is not None, _spans),
    (lambda start: b'"custom_id"' in start[:4096] and _BODY.search(start) is not None, _batch),
    (_is_frame, _frame),
    (_is_listed, _listed),
    (_is_text_of_json, _texts),
)
