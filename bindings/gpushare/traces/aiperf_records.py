"""Requests of AIPerf's ``profile_export.jsonl``: a record of each, of which a few members are looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .. import _core
from .._core import TraceError
from .._errors import fail
from .benchmark_result import UNITS, BenchmarkResult, entry, measured_of, number, requests_of
from .unpacked import stem

__all__ = ["START", "aiperf_records", "aiperf_requests", "aiperf_rows"]

START, _END = "metadata.request_start_ns", "metadata.request_end_ns"
_PHASE = "metadata.benchmark_phase"
_COUNTS = {name: f"metrics.{name}_sequence_length.value" for name in ("input", "output")}
_TTFT = "metrics.time_to_first_token"
_AIPERF_MEMBERS = {START, _END, _PHASE, *_COUNTS.values(), f"{_TTFT}.value", f"{_TTFT}.unit"}


def _aiperf_member(path: tuple[str, ...]) -> str | None:
    name = ".".join(path)
    return name if name in _AIPERF_MEMBERS else None


def _aiperf_row(record: Any) -> dict[str, Any]:
    """The members that are looked at, by their paths."""
    return {name: entry(record, *name.split(".")) for name in _AIPERF_MEMBERS}


def aiperf_rows(data: bytes) -> list[dict[str, Any]] | None:
    """The same of JSON lines; None for what is not that.

    Raises
    ------
    ValueError
        For a line that is no JSON.
    """
    return _core.json_rows(data, _aiperf_member, lambda line: _aiperf_row(json.loads(line)))


def aiperf_records(records: Sequence[Any], source: str) -> BenchmarkResult:
    """AIPerf's ``profile_export.jsonl``; what it sent to warm up is left out, as AIPerf does."""
    return aiperf_requests(list(map(_aiperf_row, records)), source)


def aiperf_requests(rows: Sequence[Mapping[str, Any]], source: str) -> BenchmarkResult:
    """The same from the members that are looked at, by their paths."""
    rows = [row for row in rows if row.get(_PHASE) != "warmup"]

    def ttft_s(row: Mapping[str, Any]) -> float:
        return number(row.get(f"{_TTFT}.value")) * UNITS.get(str(row.get(f"{_TTFT}.unit")), 1e-3)

    start_ns, end_ns = ([number(row.get(name)) for row in rows] for name in (START, _END))
    columns = {
        "start": [start / 1e9 for start in start_ns],
        **{role: [number(row.get(name)) for row in rows] for role, name in _COUNTS.items()},
        "ttft": list(map(ttft_s, rows)),
        "e2e": [(end - start) / 1e9 for start, end in zip(start_ns, end_ns, strict=True)],
    }
    requests = requests_of(columns, source)
    if requests is None:
        raise fail(TraceError, source, "no request of this AIPerf export has a start and a length")
    return BenchmarkResult("aiperf", stem(source), measured_of(requests), requests)
