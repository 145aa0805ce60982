"""Logs of vLLM and SGLang servers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import numpy as np

from .. import _core
from .._core import TraceError
from .._errors import fail
from .dates import seconds
from .unpacked import stem

__all__ = ["FORMATS", "format_of", "read_log"]

_VLLM = re.compile(r"(?:INFO|DEBUG|WARNING|ERROR) (?P<at>\d\d-\d\d \d\d:\d\d:\d\d) \[?[\w./]+:\d+\]")
_SGLANG = re.compile(r"^\[(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d+)?)[^\]]*\] ")

_RECEIVED = re.compile(r"Received request (?P<id>[^\s:,]+)")
_PROMPT_IDS = re.compile(r"prompt_token_ids: \[(?P<ids>[^\]]*)\]")
_PROMPT_LENGTH = re.compile(r"prompt_token_ids_len: (?P<n>\d+)")
_LIMIT = re.compile(r"\bmax_tokens=(?P<n>\d+)")
_GENERATED = re.compile(r"Generated response (?P<id>[^\s:,]+)(?! \(streaming delta\))")
_OUTPUT_IDS = re.compile(r"output_token_ids: \[(?P<ids>[^\]]*)\]")
_OUTPUT_COUNT = re.compile(r"output_token_count: (?P<n>\d+)")
_FINISHED = re.compile(r"Finish: obj=")
_SGLANG_FIELD = r"""['"]?{}['"]?[:=] ?(?P<n>\d+)"""
_SGLANG_INPUT = re.compile(_SGLANG_FIELD.format("prompt_tokens"))
_SGLANG_OUTPUT = re.compile(_SGLANG_FIELD.format("completion_tokens"))
_SGLANG_LATENCY = re.compile(r"""['"]?e2e_latency['"]?[:=] ?(?P<n>\d+(\.\d+)?)""")

_START_LINES = 200
_MOST_TOKENS = 10_000_000
_LEAP_YEAR = 2024  # vLLM writes no year; this one has every day


class _Request(NamedTuple):
    at_s: float
    input_tokens: int | None
    output_tokens: int | None
    limit: int | None = None


class _Read(NamedTuple):
    requests: list[_Request]
    why: str
    lines: int


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", errors="replace").splitlines()


def format_of(start: bytes) -> str | None:
    """The name of the log that begins so; None for anything else."""
    lines = _lines(start.removeprefix(b"\xef\xbb\xbf"))[:_START_LINES]
    if any(_VLLM.search(line) for line in lines):
        return "vllm-log"
    if any(_SGLANG.match(line) for line in lines):
        return "sglang-log"
    return None


def _count(ids: str) -> int:
    return ids.count(",") + 1 if ids.strip() else 0


def _whole(found: re.Match[str] | None, group: str = "n") -> int | None:
    return int(found[group]) if found else None


class _Clock:
    """Seconds of dates without a year, which grow."""

    def __init__(self) -> None:
        self._last = 0.0
        self._before = timedelta()

    def seconds(self, text: str) -> float:
        date = datetime.strptime(f"{_LEAP_YEAR}-{text}", "%Y-%m-%d %H:%M:%S")
        at = (date.replace(tzinfo=timezone.utc) + self._before).timestamp()
        if at < self._last - 180 * 86_400:  # from December to January
            self._before += timedelta(days=366)
            at += 366 * 86_400
        self._last = max(self._last, at)
        return at


def _vllm(lines: Iterable[str]) -> _Read:
    clock = _Clock()
    received: dict[str, _Request] = {}
    seen = 0
    for line in lines:
        stamp = _VLLM.search(line)
        if stamp is None:
            continue
        seen += 1
        start = _RECEIVED.search(line, stamp.end())
        if start is not None:
            ids = _PROMPT_IDS.search(line)
            tokens = _count(ids["ids"]) if ids else _whole(_PROMPT_LENGTH.search(line))
            limit = _whole(_LIMIT.search(line))
            received[start["id"]] = _Request(clock.seconds(stamp["at"]), tokens or None, None, limit)
            continue
        details = re.search(r"Request (\S+) details: ", line)
        if details and details[1] in received:
            ids = _PROMPT_IDS.search(line)
            tokens = _count(ids["ids"]) if ids else _whole(_PROMPT_LENGTH.search(line))
            received[details[1]] = received[details[1]]._replace(input_tokens=tokens)
        end = _GENERATED.search(line)
        if end is not None and end["id"] in received:
            ids = _OUTPUT_IDS.search(line)
            tokens = _count(ids["ids"]) if ids else _whole(_OUTPUT_COUNT.search(line))
            received[end["id"]] = received[end["id"]]._replace(output_tokens=tokens)
    return _Read(list(received.values()), "lines of received requests; the log has no year", seen)


def _sglang(lines: Iterable[str]) -> _Read:
    requests, seen = [], 0
    for line in lines:
        stamp = _SGLANG.match(line)
        if stamp is None:
            continue
        seen += 1
        if _FINISHED.search(line) is None:
            continue
        out = line[line.rfind("out=") :]
        took = _SGLANG_LATENCY.search(out)
        at = seconds(stamp["at"]) - (float(took["n"]) if took else 0.0)
        requests.append(_Request(at, _whole(_SGLANG_INPUT.search(out)), _whole(_SGLANG_OUTPUT.search(out))))
    return _Read(requests, "lines of finished requests, their time less e2e_latency", seen)


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
) -> tuple[list[int], str, int]:
    """Tokens of each request, how they are known, and how many were assumed."""
    if given is not None and given.isdigit():
        return [int(given)] * len(found.requests), given, 0
    known = [r.input_tokens if role == "input" else r.output_tokens for r in found.requests]
    if role == "output" and given == "max_tokens":
        limits = [r.limit for r in found.requests]
        if None not in limits:
            return [n for n in limits if n is not None], "max_tokens", 0
    elif given is not None:
        raise fail(
            TraceError, source, f"columns: {role}={given}: {_NAMES[format]} has no such column; give a number"
        )
    missing = sum(n is None for n in known)
    if missing and otherwise:
        return [otherwise if n is None else n for n in known], f"{otherwise} where unknown", missing
    if missing == len(known):
        limit = (
            ", or columns output=max_tokens for the limits that requests set" if format == "vllm-log" else ""
        )
        what = "prompts" if role == "input" else "replies"
        raise fail(
            TraceError,
            source,
            f"{_NAMES[format]} with {len(known)} requests, but it does not say how long {what} are; give one length "
            f"for all with columns (--columns), as in input=1000,output=200{limit if role == 'output' else ''}",
        )
    return [0 if n is None else n for n in known], f"{role} tokens of the log", 0


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
    if not found.requests:
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
    longest = max(*inputs, *outputs)
    if longest > _MOST_TOKENS:
        raise fail(
            TraceError, source, f"expected at most {_MOST_TOKENS} tokens in a request, found {longest}"
        )
    lengths = np.array([inputs, outputs], dtype=np.int64)
    times = np.array([request.at_s for request in found.requests])
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
