"""Logs of vLLM and SGLang servers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import TraceError
from .._errors import fail
from .dates import seconds
from .unpacked import stem

__all__ = ["FORMATS", "format_of", "read_log"]

# Lines are found by a word of theirs and looked at as bytes: such logs are mostly text that says nothing here.
_VLLM = re.compile(rb"(?:INFO|DEBUG|WARNING|ERROR) (\d\d-\d\d \d\d:\d\d:\d\d) \[?[\w./]+:\d+\]")
_SGLANG = re.compile(rb"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d+)?)[^\]]*\] ")

_RECEIVED = b"Received request "
_GENERATED = b"Generated response "
_DETAILS = re.compile(rb"Request (\S+) details: ")
_IS_DETAIL = b" details: "
_ID = re.compile(rb"[^\s:,]+")
_PIECE = b" (streaming delta)"
_PROMPT_IDS = b"prompt_token_ids: ["
_PROMPT_LENGTH = b"prompt_token_ids_len: "
_OUTPUT_IDS = b"output_token_ids: ["
_OUTPUT_COUNT = b"output_token_count: "
_LIMIT = b" max_tokens="
_FIRST_LIMIT = b"(max_tokens="
_DIGITS = re.compile(rb"\d+")

_FINISHED = b"Finish: obj="
_FIELD = rb"['\"]?[:=] ?(\d+)"
_SGLANG_INPUT = re.compile(b"prompt_tokens" + _FIELD)
_SGLANG_OUTPUT = re.compile(b"completion_tokens" + _FIELD)
_SGLANG_LATENCY = re.compile(rb"e2e_latency['\"]?[:=] ?(\d+(?:\.\d+)?)")

_START_LINES = 200
_MOST_TOKENS = 10_000_000
_DIGITS_AT_MOST = 18  # that fit 64 bits
_LEAP_YEAR = 2024  # vLLM writes no year; this one has every day
_YEAR_S = 366 * 86_400
_HALF_YEAR_S = 180 * 86_400


class _Read(NamedTuple):
    """Of each request when it came and its tokens, -1 where they are not known."""

    at_s: npt.NDArray[np.float64]
    inputs: npt.NDArray[np.int64]
    outputs: npt.NDArray[np.int64]
    limits: npt.NDArray[np.int64]
    why: str
    lines: int


def _lines(data: bytes) -> list[bytes]:
    return data.removeprefix(b"\xef\xbb\xbf").split(b"\n")


def format_of(start: bytes) -> str | None:
    """The name of the log that begins so; None for anything else."""
    lines = _lines(start)[:_START_LINES]
    if any(_VLLM.search(line) for line in lines):
        return "vllm-log"
    if any(_SGLANG.match(line) for line in lines):
        return "sglang-log"
    return None


def _int(digits: bytes) -> int:
    """Of more digits than a count of tokens can have, more than there may be."""
    return int(digits) if len(digits) < _DIGITS_AT_MOST else 10**_DIGITS_AT_MOST


def _number_after(line: bytes, mark: bytes) -> int:
    """The number behind the last such mark, or -1: what a request said stands before what the server says of it."""
    at = line.rfind(mark)
    found = _DIGITS.match(line, at + len(mark)) if at >= 0 else None
    return _int(found[0]) if found else -1


def _tokens(line: bytes, ids: bytes, count: bytes) -> int:
    """How many ids stand in a list, otherwise the number that tells it; -1 where neither is there."""
    at = line.rfind(ids)
    if at < 0:
        return _number_after(line, count)
    first = at + len(ids)
    end = line.find(b"]", first)
    some = end > first and not line[first:end].isspace()
    return line.count(b",", first, end) + 1 if some else 0


def _limit(line: bytes) -> int:
    limit = _number_after(line, _LIMIT)
    return _number_after(line, _FIRST_LIMIT) if limit < 0 else limit


class _Dates:
    """Seconds of dates without a year; many lines have the same."""

    def __init__(self) -> None:
        self._known: dict[bytes, float] = {}

    def __call__(self, text: bytes) -> float:
        known = self._known.get(text)
        if known is None:
            date = datetime.fromisoformat(f"{_LEAP_YEAR}-{text.decode()}")
            known = self._known[text] = date.replace(tzinfo=timezone.utc).timestamp()
        return known


def _with_years(at: Sequence[float]) -> npt.NDArray[np.float64]:
    """Times that go on where December becomes January."""
    times = np.array(at, dtype=np.float64)
    steps = np.diff(times, prepend=times[:1])
    years = (steps < -_HALF_YEAR_S).astype(int) - (steps > _HALF_YEAR_S).astype(int)
    continued: npt.NDArray[np.float64] = times + _YEAR_S * np.cumsum(years)
    return continued


def _vllm(lines: Sequence[bytes]) -> _Read:
    date = _Dates()
    rows: dict[bytes, int] = {}
    at: list[float] = []
    inputs: list[int] = []
    outputs: list[int] = []
    limits: list[int] = []
    for line in lines:
        found = line.find(_RECEIVED)
        if found >= 0:
            stamp, name = _VLLM.search(line, 0, found), _ID.match(line, found + len(_RECEIVED))
            if stamp is None or name is None:
                continue
            row = rows.setdefault(name[0], len(at))
            if row < len(at):
                continue  # what a request says of another
            at.append(date(stamp[1]))
            inputs.append(_tokens(line, _PROMPT_IDS, _PROMPT_LENGTH) or -1)
            outputs.append(-1)
            limits.append(_limit(line))
            continue
        found = line.find(_GENERATED)
        if found >= 0:
            name = _ID.match(line, found + len(_GENERATED))
            row = rows.get(name[0], -1) if name else -1
            if name and row >= 0 and not line.startswith(_PIECE, name.end()):
                outputs[row] = _tokens(line, _OUTPUT_IDS, _OUTPUT_COUNT)
        elif _IS_DETAIL in line:
            name = _DETAILS.search(line)
            row = rows.get(name[1], -1) if name else -1
            if row >= 0:
                inputs[row] = _tokens(line, _PROMPT_IDS, _PROMPT_LENGTH)
    return _Read(
        _with_years(at),
        np.array(inputs, dtype=np.int64),
        np.array(outputs, dtype=np.int64),
        np.array(limits, dtype=np.int64),
        "lines of received requests; the log has no year",
        sum(map(bool, lines)),
    )


def _whole(found: re.Match[bytes] | None) -> int:
    return _int(found[1]) if found else -1


def _sglang(lines: Sequence[bytes]) -> _Read:
    at, inputs, outputs = [], [], []
    for line in lines:
        if _FINISHED not in line:
            continue
        stamp = _SGLANG.match(line)
        if stamp is None:
            continue
        # What was said and answered stands before the figures, and may look like them.
        out = max(line.rfind(b"meta_info"), line.rfind(b"out="), 0)
        took = _SGLANG_LATENCY.search(line, out)
        at.append(seconds(stamp[1].decode()) - (float(took[1]) if took else 0.0))
        inputs.append(_whole(_SGLANG_INPUT.search(line, out)))
        outputs.append(_whole(_SGLANG_OUTPUT.search(line, out)))
    return _Read(
        np.array(at, dtype=np.float64),
        np.array(inputs, dtype=np.int64),
        np.array(outputs, dtype=np.int64),
        np.full(len(at), -1),
        "lines of finished requests, their time less e2e_latency",
        sum(map(bool, lines)),
    )


_READERS = {"vllm-log": _vllm, "sglang-log": _sglang}
#: Names of the formats.
FORMATS = tuple(_READERS)

_NOTHING = {
    "vllm-log": "a vLLM server log without lines of requests, only of the engine; start the server with "
    "--enable-log-requests, and with --enable-log-outputs for the lengths of replies",
    "sglang-log": "an SGLang server log without lines of finished requests, only of batches; start the server with "
    "--log-requests",
}
_NAMES = {
    "vllm-log": "a vLLM server log",
    "sglang-log": "an SGLang server log",
}


def _given(columns: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in columns.split(",") if part)


def _lengths(
    found: _Read, role: str, given: str | None, format: str, source: str, otherwise: int
) -> tuple[npt.NDArray[np.int64], str, int]:
    """Tokens of each request, how they are known, and how many were assumed."""
    number = len(found.at_s)
    if given is not None and given.isdigit():
        return np.full(number, int(given)), given, 0
    if role == "output" and given == "max_tokens":
        if (found.limits >= 0).all():
            return found.limits, "max_tokens", 0
    elif given is not None:
        raise fail(
            TraceError, source, f"columns: {role}={given}: {_NAMES[format]} has no such column; give a number"
        )
    known = found.inputs if role == "input" else found.outputs
    missing = known < 0
    if missing.any() and otherwise:
        return np.where(missing, otherwise, known), f"{otherwise} where unknown", int(missing.sum())
    if missing.all():
        limit = (
            ", or columns output=max_tokens for the limits that requests set" if format == "vllm-log" else ""
        )
        what = "prompts" if role == "input" else "replies"
        raise fail(
            TraceError,
            source,
            f"{_NAMES[format]} with {number} requests, but it does not say how long {what} are; give one length "
            f"for all with columns (--columns), as in input=1000,output=200{limit if role == 'output' else ''}",
        )
    return np.maximum(known, 0), f"{role} tokens of the log", 0


def read_log(data: bytes, source: str, format: str, options: Mapping[str, Any]) -> _core.Trace:
    """The requests of a log, in order of their arrival.

    Parameters
    ----------
    data : bytes
        All of it.
    source : str
        Names it in messages.
    format : str
        One of `FORMATS`.
    options : mapping
        ``columns``, ``output_tokens`` and ``keep_empty`` as `load` takes them.

    Raises
    ------
    TraceError
        When no line is a request, or lengths are neither in the log nor given.
    """
    try:
        found = _READERS[format](_lines(data))
    except ValueError as problem:
        raise fail(TraceError, source, f"{_NAMES[format]}, but a time in it is none: {problem}") from None
    if not len(found.at_s):
        raise fail(TraceError, source, f"{_NOTHING[format]} ({found.lines} lines)")
    given = _given(options.get("columns", ""))
    arrival = given.get("arrival")
    if arrival is not None:
        raise fail(
            TraceError, source, f"columns: arrival={arrival}: the times of {_NAMES[format]} have one place"
        )
    inputs, input_from, _ = _lengths(found, "input", given.get("input"), format, source, 0)
    outputs, output_from, assumed = _lengths(
        found, "output", given.get("output"), format, source, int(options.get("output_tokens", 0))
    )
    longest = max(inputs.max(), outputs.max())
    if longest > _MOST_TOKENS:
        raise fail(
            TraceError, source, f"expected at most {_MOST_TOKENS} tokens in a request, found {longest}"
        )
    lengths = np.array([inputs, outputs])
    times = found.at_s
    kept = np.ones(len(times), dtype=bool) if options.get("keep_empty") else lengths[1] > 0
    if not kept.any():
        raise fail(TraceError, source, f"all {len(times)} requests have no output; keep_empty keeps them")
    order = np.flatnonzero(kept)[np.argsort(times[kept], kind="stable")]
    share = (
        "" if len(times) == found.lines else f"{len(times)} of {found.lines} lines are requests to a model; "
    )
    origin = {
        "format": format,
        "time_unit": "date",
        "columns": f"input={input_from},output={output_from}",
        "reason": f"{_NAMES[format]}; {share}{found.why}",
        "rows": len(times),
        "empty_outputs": int((lengths[1] == 0).sum()),
        "inversions": int((np.diff(times) < 0).sum()),
        "failed": int((lengths[1] == 0).sum()),
        "assumed": assumed,
        "is_log": True,
    }
    arrivals = times[order] - times[order[0]]
    return _core.Trace(arrivals, lengths[0, order], lengths[1, order], stem(source), {}, origin)
