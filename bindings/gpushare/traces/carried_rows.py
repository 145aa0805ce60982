"""Rows of JSON that are taken out of what carried them, and written as JSON lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from .._core import TraceError
from .._errors import fail
from .drawn_tables import Unwrapped

__all__ = ["PLAIN", "TOKENS", "joined", "joint", "line_of", "object_text", "objects", "one_by_one"]

TOKENS = re.compile(
    rb'(?:[tT]okens|[tT]oken_?[cC]ount|eval_count|_len(?:gth)?s?)"\s*:|"usage(?:_?[dD]etails)?"\s*:\s*\{\s*"input"'
)
_BATCH = 10  # lines
PLAIN = (str, int, float, bool)


def joined(lines: list[bytes], carrier: str, source: str) -> Unwrapped:
    """Those of the lines that say something of tokens, where any does: loggers have others beside them."""
    telling = [line for line in lines if b'tokens":' in line or TOKENS.search(line)] or lines
    if not telling:
        raise fail(
            TraceError, source, f"{carrier} without a request; expected at least one JSON object in it"
        )
    return Unwrapped(b"\n".join(telling), carrier, len(lines) - len(telling))


def line_of(members: Iterable[tuple[str, Any]], inner: str = "{}") -> bytes:
    """A JSON object of members, and those of the text of another one."""
    return joint([f"{quoted(name)}: {_text_of(value)}" for name, value in members], inner)


def _text_of(value: Any) -> str:
    """A value as JSON; most need no call of the encoder."""
    if type(value) is str:
        return quoted(value)
    return str(value) if type(value) is int else json.dumps(value)


def joint(own: list[str], inner: str) -> bytes:
    """A JSON object of members as they are written, and those of the text of another one."""
    rest = inner[1:].lstrip()
    return f"{{{', '.join(own)}{', ' if own and rest != '}' else ''}{rest}".encode()


def objects(data: bytes, source: str) -> Iterator[Any]:
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
    return one_by_one(lines, number, source)


def one_by_one(lines: list[str], number: int, source: str) -> Iterator[Any]:
    """The values of lines from that number on; the first that has none is refused."""
    for at, line in enumerate(lines, number):
        if not line or line.isspace():
            continue
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise fail(TraceError, f"{source}:{at}", f"not a JSON object: {problem}") from None


def object_text(text: Any) -> str:
    """A text that looks like a JSON object, in one line; empty for anything else."""
    if type(text) is not str or "{" not in text[:3]:
        return ""
    text = text.strip()
    return text.replace("\n", " ") if text[:1] == "{" and text[-1:] == "}" else ""
