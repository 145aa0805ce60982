"""Logs inside of what carried them: Loki, CloudWatch, Docker, OpenTelemetry, streams of events, frames as JSON.

Each becomes JSON lines, one a request, with the time that the carrier put beside it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .._core import TraceError
from .._errors import fail
from .benchmark_result import entry

__all__ = ["Unwrapped", "unwrap"]


class Unwrapped(NamedTuple):
    """JSON lines, what they were taken out of, and how many lines beside them say nothing of tokens."""

    text: bytes
    carrier: str
    beside: int = 0


#: Names of the time that a carrier puts beside what it carries: a time of the request itself counts before it.
_TIMES = {
    "timestamp": "carried_at",
    "@timestamp": "carried_at",
    "time": "carried_at",
    "__REALTIME_TIMESTAMP": "carried_at_us",
}
_TOKENS = re.compile(rb'(?i)"[\w.]*(tokens|token_?count|eval_count|_len(gth)?s?)"')

_DATE = rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
_PREFIXED = re.compile(
    rb"^(?:(?P<date>" + _DATE + rb")|[^{\[\n\"]{0,200}?)[ |:]+(?P<object>\{.*\})\r?$", re.M
)
_EVENT = re.compile(rb"(?:id:|event:|retry:|:)[^\n]*\n|\s+")
_TEXT_MEMBER = re.compile(rb'"([^"\\]{1,64})"\s*:\s*"\s*\{\s*\\"')
_TEXT_FIELD = re.compile(rb'[,;\t]"\s*\{\s*""|^"\s*\{\s*""', re.M)
_LINES = 20  # that are looked at


def unwrap(start: bytes) -> Callable[[bytes, str], Unwrapped] | None:
    """What takes the requests out of a file that begins so; None where nothing carries them."""
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"{", b"[")):
        return next((take for fits, take in _DOCUMENTS if fits(start)), None)
    if _TEXT_FIELD.search(start) is not None and b"{" not in start.split(b"\n", 1)[0]:
        return _table
    lines = [
        line for line in start.split(b"\n")[:_LINES] if line.strip() and not _EVENT.fullmatch(line + b"\n")
    ]
    return _prefixed if lines and _PREFIXED.match(lines[0]) else None


def _joined(lines: list[bytes], carrier: str, source: str) -> Unwrapped:
    """Those of the lines that say something of tokens, where any does: loggers have others beside them."""
    telling = [line for line in lines if _TOKENS.search(line)] or lines
    if not telling:
        raise fail(
            TraceError, source, f"{carrier} without a request; expected at least one JSON object in it"
        )
    return Unwrapped(b"\n".join(telling), carrier, len(lines) - len(telling))


def _lines(rows: Iterable[Mapping[str, Any]], carrier: str, source: str) -> Unwrapped:
    return _joined([json.dumps(row).encode() for row in rows], carrier, source)


def _lifted(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row with the members of the JSON in its texts as its own, and its own time as the carrier's."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        inner = _object(value)
        if inner is None:
            found[_TIMES.get(str(name).lower(), _TIMES.get(str(name), str(name)))] = value
        else:
            found = {**found, **inner}
    return found


def _objects(data: bytes, source: str) -> Iterator[Any]:
    """The values of a JSON document: a list's, lines', or the only one."""
    text = data.removeprefix(b"\xef\xbb\xbf")
    try:
        document = json.loads(text)
        yield from document if isinstance(document, list) else [document]
        return
    except (ValueError, RecursionError):
        pass
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise fail(TraceError, f"{source}:{number}", f"not a JSON object: {problem}") from None


def _object(text: Any) -> dict[str, Any] | None:
    """The JSON object that a text is; None for anything else."""
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _prefixed(data: bytes, source: str) -> Unwrapped:
    lines = []
    for found in _PREFIXED.finditer(data):
        date, line = found["date"], found["object"]
        lines.append(b'{"carried_at": "%s", %s' % (date, line.lstrip()[1:]) if date else line)
    return _joined(lines, "lines that end in JSON", source)


def _table(data: bytes, source: str) -> Unwrapped:
    text = data.decode("utf-8-sig", errors="replace")
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    try:
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey="")
        return _lines(map(_lifted, rows), "a table with JSON in its fields", source)
    except csv.Error as problem:
        raise fail(TraceError, source, f"not a table: {problem}") from None


def _texts(data: bytes, source: str) -> Unwrapped:
    rows = (row for row in _objects(data, source) if isinstance(row, dict))
    return _lines(map(_lifted, rows), "JSON with JSON in its texts", source)


def _loki(data: bytes, source: str) -> Unwrapped:
    rows = []
    for document in _objects(data, source):
        for stream in entry(document, "data", "result") or ():
            for value in entry(stream, "values") or ():
                found = _object(entry(value, 1))
                if found is not None:
                    rows.append({**found, "carried_at_ns": entry(value, 0)})
    return _lines(rows, "an answer of Loki", source)


def _attribute(value: Any) -> Any:
    """{"intValue": "7"} of OpenTelemetry's JSON is 7."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    kind, found = next(iter(value.items()))
    return int(found) if kind == "intValue" and str(found).isdigit() else found


def _span(span: Mapping[str, Any]) -> dict[str, Any] | None:
    """A span with its attributes by name; None where no model answered in it."""
    listed = span.get("attributes")
    pairs = listed if isinstance(listed, list) else []
    named = {str(entry(pair, "key")): _attribute(entry(pair, "value")) for pair in pairs}
    if not any("input_tokens" in name or "prompt_tokens" in name for name in named):
        return None
    return {**{name: span[name] for name in span if name.endswith("UnixNano")}, "attributes": named}


def _spans(data: bytes, source: str) -> Unwrapped:
    found: list[dict[str, Any]] = []
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
    return _lines(found, "spans of OpenTelemetry", source)


def _frame(data: bytes, source: str) -> Unwrapped:
    document = next(_objects(data, source))
    names, rows = entry(document, "columns"), entry(document, "data")
    if isinstance(names, list) and isinstance(rows, list):
        listed = [dict(zip(map(str, names), row, strict=False)) for row in rows if isinstance(row, list)]
        return _lines(listed, "a frame as JSON, split", source)
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
    listed = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return _lines(listed, "a frame as JSON, by column", source)


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
    (_is_frame, _frame),
    (_is_text_of_json, _texts),
)
