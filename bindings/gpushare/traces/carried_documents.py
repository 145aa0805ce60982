"""Logs inside of JSON documents: Loki, OpenTelemetry, frames, lists of requests, batches for OpenAI's API."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from .. import _core
from .._core import TraceError
from .._errors import fail
from .benchmark_result import entry
from .carried_rows import PLAIN, TOKENS, joined, line_of, object_text, objects, one_by_one
from .conversations import estimated_tokens
from .drawn_tables import Unwrapped

__all__ = ["DOCUMENTS"]

_LISTED = re.compile(
    "requests|trace|rows|records|entries|items|data|results|logs|events|hits|generations|observations"
)  # that hold a file's requests
_LIST = re.compile(rb'"(?:%s)"\s*:\s*\[\s*\{' % _LISTED.pattern.encode())
_BODY = re.compile(rb'"body"\s*:\s*\{[^}]*"(?:messages|prompt|input)"\s*:')


def _loki(data: bytes, source: str) -> Unwrapped:
    lines = []
    for document in objects(data, source):
        for stream in entry(document, "data", "result") or ():
            for value in entry(stream, "values") or ():
                if isinstance(value, list) and len(value) > 1 and (found := object_text(value[1])):
                    lines.append(line_of([("carried_at_ns", value[0])], found))
    return joined(lines, "an answer of Loki", source)


def _span(span: Any) -> bytes | None:
    """A span with its attributes by name; None where no model answered in it."""
    try:
        members = [(name, value) for name, value in span.items() if name.endswith("UnixNano")]
        for pair in span["attributes"]:
            ((kind, value),) = pair["value"].items()  # {"intValue": "7"}
            if type(value) in PLAIN:
                members.append((str(pair["key"]), int(value) if kind == "intValue" else value))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    line = line_of(members)
    return line if b"input_tokens" in line or b"prompt_tokens" in line else None


def _spans(data: bytes, source: str) -> Unwrapped:
    text = data.removeprefix(b"\xef\xbb\xbf")
    found = _core.lines_of_spans(text)
    if found is None and b"\n{" in text:
        found = []
        for number, line in enumerate(text.split(b"\n"), 1):
            taken = _core.lines_of_spans(line)
            if taken is not None:
                found += taken
            elif line and not line.isspace():
                one = line.decode(errors="replace")
                found += _spans_of(one_by_one([one], number, source))
    return joined(
        _spans_of(objects(data, source)) if found is None else found, "spans of OpenTelemetry", source
    )


def _spans_of(documents: Iterable[Any]) -> list[bytes]:
    found: list[bytes] = []
    for document in documents:
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
    return found


#: What frames are called, by whether they are written by row.
_FRAMES = {True: "a frame as JSON, split", False: "a frame as JSON, by column"}


def _frame(data: bytes, source: str) -> Unwrapped:
    held = {name: text for name, text, _ in _core.json_members(data) or ()}
    by_row = "columns" in held and "data" in held
    rows_text = _core.lines_of_rows(held["columns"], held["data"]) if by_row else _core.lines_of_columns(data)
    if rows_text:
        return Unwrapped(rows_text, _FRAMES[by_row])
    document = next(objects(data, source))
    names, rows = entry(document, "columns"), entry(document, "data")
    if isinstance(names, list) and isinstance(rows, list):
        split = [line_of(zip(map(str, names), row, strict=False)) for row in rows if isinstance(row, list)]
        return joined(split, _FRAMES[True], source)
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
    return joined(listed, _FRAMES[False], source)


def _written(column: list[Any]) -> Iterable[str]:
    """The values of a column as JSON, texts and whole numbers without a call of Python's for each."""
    kinds = set(map(type, column))
    if kinds == {str}:
        return map(quoted, column)
    return map(str, column) if kinds == {int} else map(json.dumps, column)


def _listed(data: bytes, source: str) -> Unwrapped:
    members = _core.json_members(data.removeprefix(b"\xef\xbb\xbf"))
    if members is None:
        document = next(objects(data, source))
        members = _core.json_members(json.dumps(document)) if isinstance(document, dict) else None
    hits = next((text for name, text, _ in members or () if name == "hits"), b"")
    inner = _core.json_members(hits) or ()
    if any(name == "hits" and text.startswith(b"[") for name, text, _ in inner):  # an answer of Elasticsearch
        members = list(inner)
    lists = [
        (name, text) for name, text, of_objects in members or () if of_objects and _LISTED.fullmatch(name)
    ]
    told = next((one for one in lists if TOKENS.search(one[1])), None)
    if told is None and lists and not any(TOKENS.search(f'"{name}":'.encode()) for name, *_ in members or ()):
        told = lists[0]
    return Unwrapped(data, "") if told is None else Unwrapped(told[1], f'JSON with a list of "{told[0]}"')


def _batch(data: bytes, source: str) -> Unwrapped:
    lines = []
    for row in objects(data, source):
        body = entry(row, "body")
        said = json.dumps(entry(body, "messages") or entry(body, "prompt") or entry(body, "input") or "")
        limit = entry(body, "max_completion_tokens") or entry(body, "max_tokens")
        members = [("arrival_s", 0), ("input_tokens", estimated_tokens(said))]
        lines.append(line_of(members + ([("output_tokens", limit)] if limit else [])))
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


DOCUMENTS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes, str], Unwrapped]], ...] = (
    (lambda start: b'"resultType"' in start[:4096] and b'"streams"' in start[:4096], _loki),
    (lambda start: b'"resourceSpans"' in start[:4096], _spans),
    (lambda start: re.search(rb'"attributes"\s*:\s*\[\s*\{\s*"key"', start) is not None, _spans),
    (lambda start: b'"custom_id"' in start[:4096] and _BODY.search(start) is not None, _batch),
    (_is_frame, _frame),
    (_is_listed, _listed),
)
