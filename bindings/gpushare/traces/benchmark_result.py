"""What a result of a load generator holds: requests with their times, and the figures that the tool measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import TraceError
from .._errors import fail
from ..frames.render import brief

__all__ = [
    "FIGURES",
    "STATISTICS",
    "TOOLS",
    "UNITS",
    "BenchmarkResult",
    "RequestTimes",
    "entry",
    "is_number",
    "measured_of",
    "number",
    "numbers",
    "put",
    "requests_of",
]

Vector = npt.NDArray[np.float64]

#: What results measure, in seconds and by the second; a latency has statistics such as ``ttft_mean_s``.
FIGURES = ("ttft", "tpot", "itl", "e2e_latency")
#: Seconds of the units that results write.
UNITS = {"ms": 1e-3, "s": 1.0, "sec": 1.0, "us": 1e-6, "ns": 1e-9}
STATISTICS = ("mean", "p50", "p90", "p95", "p99")


_TITLES = {
    "vllm-bench": "a result of vllm bench serve",
    "sglang-bench": "a result of SGLang's bench_serving",
    "aiperf": "an export of AIPerf",
    "genai-perf": "a result of genai-perf",
    "guidellm": "a report of GuideLLM",
    "inference-perf": "a report of inference-perf",
    "mlperf": "a summary of MLPerf's loadgen",
}
_SUMS = "it has sums over the run, no requests; `gpushare check result` compares them with a scenario; for traffic"
_HOW_TO_DETAIL = {
    "vllm-bench": f"{_SUMS} run the tool with --save-detailed",
    "sglang-bench": f"{_SUMS} run the tool with --output-details",
    "aiperf": f"{_SUMS} take profile_export.jsonl beside it",
    "genai-perf": f"{_SUMS} take profile_export.json beside it",
    "guidellm": f"{_SUMS} save the report as JSON with all requests",
    "inference-perf": f"{_SUMS} ask for per_request_lifecycle_metrics.json (report: request_lifecycle: per_request)",
    "mlperf": f"{_SUMS} loadgen writes none",
}
#: Names of the tools whose results are read.
TOOLS = tuple(_TITLES)


@dataclass(frozen=True, eq=False)
class RequestTimes:
    """What a result says of each request that succeeded, in order of its start.

    Attributes
    ----------
    start_s : ndarray
        Seconds from the first, shape ``(requests,)``.
    input_tokens, output_tokens : ndarray
        Whole numbers.
    ttft_s, e2e_s : ndarray
        From the start to the first and to the last token; NaN where the result does not say.
    """

    start_s: Vector
    input_tokens: npt.NDArray[np.int64]
    output_tokens: npt.NDArray[np.int64]
    ttft_s: Vector
    e2e_s: Vector

    @property
    def tpot_s(self) -> Vector:
        """Mean time between tokens of a request; NaN for a single token."""
        gaps = np.where(self.output_tokens > 1, self.output_tokens - 1, np.nan)
        found: Vector = (self.e2e_s - self.ttft_s) / gaps
        return found

    def part(self, kept: npt.NDArray[np.bool_]) -> RequestTimes:
        """Some of them, with their own start."""
        start = self.start_s[kept]
        return RequestTimes(
            start - start.min() if start.size else start,
            self.input_tokens[kept],
            self.output_tokens[kept],
            self.ttft_s[kept],
            self.e2e_s[kept],
        )


@dataclass(frozen=True)
class BenchmarkResult:
    """A result of a load generator.

    Attributes
    ----------
    tool : str
        One of `TOOLS`.
    name : str
        Of the file.
    measured : dict of str to float
        ``ttft_mean_s``, ``tpot_p50_s``, ..., ``request_throughput``, ``output_token_throughput``, ``duration_s``,
        ``requests``.
    requests : RequestTimes or None
        Where the result has them one by one.
    asked : dict
        What the tool was asked for, as far as it says: ``request_rate`` (infinite: all at once),
        ``max_concurrency``, ``burstiness``, ``model``.
    """

    tool: str
    name: str
    measured: dict[str, float]
    requests: RequestTimes | None = None
    asked: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        kept = f"{len(self.requests.start_s)} requests" if self.requests is not None else "sums only"
        return brief(self, f"{self.name} by {self.tool}: {kept}, {len(self.measured)} figures")

    @property
    def max_concurrency(self) -> int | None:
        """Requests that were in flight at most, where there was such a limit."""
        found = number(self.asked.get("max_concurrency"))
        return int(found) if found >= 1 else None

    def trace(self, source: str = "") -> _core.Trace:
        """Its requests as they were sent; `source` names the file in messages, by default the result's name does.

        Raises
        ------
        TraceError
            When the result has sums only.
        """
        found = self.requests
        if found is None:
            raise fail(TraceError, source or self.name, f"{_TITLES[self.tool]}: {_HOW_TO_DETAIL[self.tool]}")
        return _core.Trace(
            found.start_s,
            found.input_tokens,
            found.output_tokens,
            self.name,
            {},
            {
                "format": self.tool,
                "time_unit": "s",
                "reason": f"{_TITLES[self.tool]}: the requests that succeeded, when they were sent",
                "rows": len(found.start_s),
            },
        )


def is_number(value: Any) -> bool:
    """Whether a value of a JSON document is a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def number(value: Any) -> float:
    """A number of a JSON document; NaN for anything else."""
    return float(value) if is_number(value) else math.nan


def numbers(values: Any) -> Vector:
    """A list of a JSON document, NaN for what is no number; empty for what is no list."""
    listed = values if isinstance(values, Iterable) and not isinstance(values, (str, Mapping)) else ()
    return np.array([number(value) for value in listed], dtype=np.float64)


def _statistics(name: str, values: Vector) -> dict[str, float]:
    values = values[np.isfinite(values)]
    if not values.size:
        return {}
    found = {f"{name}_mean_s": float(values.mean())}
    for percent in (50, 90, 95, 99):
        found[f"{name}_p{percent}_s"] = float(np.percentile(values, percent))
    return found


def measured_of(requests: RequestTimes, gaps: Vector | None = None) -> dict[str, float]:
    """What a tool would say of these requests."""
    ends = requests.start_s + requests.e2e_s
    duration = float(np.nanmax(ends)) if np.isfinite(ends).any() else math.nan
    found = {
        **_statistics("ttft", requests.ttft_s),
        **_statistics("tpot", requests.tpot_s),
        **(_statistics("itl", gaps) if gaps is not None else {}),
        **_statistics("e2e_latency", requests.e2e_s),
        "requests": float(len(requests.start_s)),
    }
    if duration > 0:
        found["duration_s"] = duration
        found["request_throughput"] = len(requests.start_s) / duration
        found["output_token_throughput"] = float(requests.output_tokens.sum()) / duration
    return found


def requests_of(columns: Mapping[str, Any], source: str) -> RequestTimes | None:
    """Requests of columns of equal length, those without output left out; None when there are none."""
    arrays = {name: numbers(values) for name, values in columns.items()}
    sizes = {values.size for values in arrays.values()}
    if len(sizes) != 1:
        told = ", ".join(f"{name} {values.size}" for name, values in arrays.items())
        raise fail(TraceError, source, f"the lists of requests differ in length: {told}")
    start, inputs, outputs = (arrays[name] for name in ("start", "input", "output"))
    kept = np.isfinite(start) & (inputs >= 0) & (outputs > 0)
    most = 10_000_000
    if not kept.any():
        return None
    if max(inputs[kept].max(), outputs[kept].max()) > most:
        raise fail(TraceError, source, f"expected at most {most} tokens in a request")
    order = np.flatnonzero(kept)[np.argsort(start[kept], kind="stable")]
    return RequestTimes(
        start[order] - start[order[0]],
        inputs[order].astype(np.int64),
        outputs[order].astype(np.int64),
        arrays["ttft"][order],
        arrays["e2e"][order],
    )


def entry(document: Any, *path: str | int) -> Any:
    """What lies at a path; None where there is nothing."""
    for key in path:
        if isinstance(document, Mapping) and isinstance(key, str):
            document = document.get(key)
        elif isinstance(document, Sequence) and isinstance(key, int) and not isinstance(document, str):
            document = document[key] if -len(document) <= key < len(document) else None
        else:
            return None
    return document


def put(found: dict[str, float], name: str, value: Any, scale: float = 1.0) -> None:
    """Adds a figure where there is a number and none before it."""
    if is_number(value):
        found.setdefault(name, float(value) * scale)
