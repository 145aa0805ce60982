"""Readers of what load generators write: vLLM, SGLang, AIPerf, genai-perf, GuideLLM, inference-perf, MLPerf's loadgen.

Field names are those of the tools' own files in 2026.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._core import TraceError
from .._errors import fail
from .benchmark_result import (
    STATISTICS,
    UNITS,
    BenchmarkResult,
    RequestTimes,
    entry,
    is_number,
    measured_of,
    number,
    numbers,
    put,
    requests_of,
)
from .unpacked import stem

__all__ = [
    "aiperf_summary",
    "genai_csv",
    "guidellm",
    "inference_perf_requests",
    "inference_perf_summary",
    "load_of",
    "mlperf",
    "perf_analyzer",
    "vllm",
]


def vllm(document: Mapping[str, Any], source: str) -> BenchmarkResult:
    """JSON of ``vllm bench serve`` or SGLang's ``bench_serving``."""
    found: dict[str, float] = {}
    for name, key in (
        ("ttft", "ttft"),
        ("tpot", "tpot"),
        ("itl", "itl"),
        ("e2e_latency", "e2el"),
        ("e2e_latency", "e2e_latency"),
    ):
        for statistic, word in zip(STATISTICS, ("mean", "median", "p90", "p95", "p99"), strict=True):
            put(found, f"{name}_{statistic}_s", document.get(f"{word}_{key}_ms"), 1e-3)
    for name in ("request_throughput",):
        put(found, name, document.get(name))
    put(found, "output_token_throughput", document.get("output_throughput"))
    put(found, "duration_s", document.get("duration"))
    put(found, "requests", document.get("completed"))
    rate = document.get("request_rate")
    asked = {
        "request_rate": math.inf if rate == "inf" else rate,
        "max_concurrency": document.get("max_concurrency"),
        "burstiness": document.get("burstiness"),
        "model": document.get("model_id"),
    }
    requests = _vllm_requests(document, source)
    tool = "sglang-bench" if "total_output_tokens_retokenized" in document else "vllm-bench"
    return BenchmarkResult(
        tool, stem(source), found, requests, {k: v for k, v in asked.items() if v is not None}
    )


def _vllm_requests(document: Mapping[str, Any], source: str) -> RequestTimes | None:
    starts = document.get("start_times")
    inputs, outputs, ttfts, itls = (
        values if isinstance(values, list) else []
        for values in map(document.get, ("input_lens", "output_lens", "ttfts", "itls"))
    )
    if not inputs or not ttfts:
        return None
    if starts is None:
        if document.get("request_rate") != "inf":  # only then all start together
            return None
        starts = [0.0] * len(inputs)
    sums = [float(np.nansum(numbers(gaps))) if isinstance(gaps, list) else math.nan for gaps in itls]
    return requests_of(
        {
            "start": starts,
            "input": inputs,
            "output": outputs,
            "ttft": ttfts,
            "e2e": numbers(ttfts) + np.array(sums) if len(sums) == len(ttfts) else [],
        },
        source,
    )


_AIPERF = {
    "time_to_first_token": "ttft",
    "inter_token_latency": "tpot",  # of a request: its mean
    "request_latency": "e2e_latency",
}
_RATES = {"request_throughput": "request_throughput", "output_token_throughput": "output_token_throughput"}
_WORDS = {"mean": "avg", "p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99"}


def aiperf_summary(document: Mapping[str, Any], source: str) -> BenchmarkResult:
    """``profile_export_aiperf.json``, and genai-perf's ``profile_export_genai_perf.json``."""
    found: dict[str, float] = {}
    tables = document.get("records") if isinstance(document.get("records"), Mapping) else document
    for theirs, ours in _AIPERF.items():
        part = entry(tables, theirs)
        scale = UNITS.get(str(entry(part, "unit")), 1e-3)
        for statistic, word in _WORDS.items():
            put(found, f"{ours}_{statistic}_s", entry(part, word), scale)
    for theirs, ours in _RATES.items():
        put(found, ours, entry(tables, theirs, "avg"))
    put(found, "requests", entry(tables, "request_count", "avg"))
    load = entry(document, "input_config", "loadgen") or {}
    asked = {
        "max_concurrency": entry(load, "concurrency"),
        "request_rate": entry(load, "request_rate"),
        "model": entry(document, "input_config", "endpoint", "model_names", 0),
    }
    tool = (
        "aiperf"
        if "aiperf_version" in document or "loadgen" in str(document.get("input_config"))[:20000]
        else "genai-perf"
    )
    return BenchmarkResult(tool, stem(source), found, None, {k: v for k, v in asked.items() if v is not None})


_CSV_NAMES = re.compile(r"^(?P<name>[A-Za-z /]+?) *\((?P<unit>[^)]*)\)$")
_CSV_FIGURES = {
    "time to first token": "ttft",
    "inter token latency": "tpot",
    "request latency": "e2e_latency",
}


def _cells(text: str, source: str) -> list[list[str]]:
    try:
        return list(csv.reader(text.splitlines()))
    except csv.Error as problem:
        raise fail(TraceError, source, f"not a table: {problem}") from None


def genai_csv(text: str, source: str) -> BenchmarkResult:
    """genai-perf's CSV."""
    found: dict[str, float] = {}
    header: list[str] = []
    for row in _cells(text, source):
        cells = [cell.strip() for cell in row]
        if cells and cells[0] == "Metric":
            header = [cell.lower() for cell in cells]
            continue
        told = _CSV_NAMES.match(cells[0]) if cells else None
        if told is None or not header:
            continue
        values = {key: _float(cell) for key, cell in zip(header, cells, strict=False)}
        name, scale = told["name"].lower(), UNITS.get(told["unit"], 1.0)
        if name in _CSV_FIGURES:
            for statistic, word in _WORDS.items():
                put(found, f"{_CSV_FIGURES[name]}_{statistic}_s", values.get(word), scale)
        elif name in ("output token throughput", "request throughput"):
            put(found, name.replace(" ", "_"), values.get("value", values.get("avg")))
        elif name == "request count":
            put(found, "requests", values.get("value", values.get("avg")))
    return BenchmarkResult("genai-perf", stem(source), found)


def _float(text: str) -> float:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return math.nan


def perf_analyzer(document: Mapping[str, Any], source: str) -> BenchmarkResult:
    """The requests behind genai-perf: answers with their times, a token each at most."""
    experiment = entry(document, "experiments", 0)
    columns: dict[str, list[float]] = {name: [] for name in ("start", "input", "output", "ttft", "e2e")}
    for request in entry(experiment, "requests") or ():
        at, answers = entry(request, "timestamp"), entry(request, "response_timestamps")
        if not is_number(at) or not isinstance(answers, list) or not answers:
            continue
        text = json.dumps(entry(request, "request_inputs") or {})
        columns["start"].append(at / 1e9)
        columns["input"].append(-(-len(text.encode()) // 4))
        columns["output"].append(len(answers))
        columns["ttft"].append((answers[0] - at) / 1e9)
        columns["e2e"].append((answers[-1] - at) / 1e9)
    requests = requests_of(columns, source)
    if requests is None:
        raise fail(TraceError, source, "no request of this export has a start and answers")
    asked = {"max_concurrency": entry(experiment, "experiment", "value")}
    if entry(experiment, "experiment", "mode") != "concurrency":
        asked = {}
    return BenchmarkResult("genai-perf", stem(source), measured_of(requests), requests, asked)


def _strategy(run: Any) -> tuple[Any, Any, Any]:
    """How a run of GuideLLM sent its requests: kind, streams and rate, each None where it does not say."""
    how = entry(run, "args", "strategy") or entry(run, "config", "strategy") or {}
    streams = entry(how, "streams") or entry(how, "max_concurrency")
    return entry(how, "type_") or entry(how, "type"), streams, entry(how, "rate")


def load_of(run: Any) -> str:
    """How much a run of GuideLLM asked of the server, in a word or two."""
    kind, streams, rate = _strategy(run)
    told = f" {rate:.3g}/s" if is_number(rate) else f" {streams:g}" if is_number(streams) else ""
    return f"{kind or 'run'}{told}"


def guidellm(document: Mapping[str, Any], source: str) -> BenchmarkResult:
    """GuideLLM's report of one run."""
    (run,) = document["benchmarks"]
    done = entry(run, "requests", "successful") or entry(run, "successful_requests") or []

    def first(request: Any, *names: str) -> float:
        return next((float(request[n]) for n in names if is_number(entry(request, n))), math.nan)

    columns = {
        "start": [first(r, "request_start_time", "start_time") for r in done],
        "input": [first(r, "prompt_tokens") for r in done],
        "output": [first(r, "output_tokens") for r in done],
        "ttft": [first(r, "time_to_first_token_ms") / 1e3 for r in done],
        "e2e": [first(r, "request_latency") for r in done],
    }
    requests = requests_of(columns, source) if done else None
    found: dict[str, float] = {}
    for theirs, ours, scale in (
        ("time_to_first_token_ms", "ttft", 1e-3),
        ("time_per_output_token_ms", "tpot", 1e-3),
        ("inter_token_latency_ms", "itl", 1e-3),
        ("request_latency", "e2e_latency", 1.0),
    ):
        part = entry(run, "metrics", theirs, "successful")
        put(found, f"{ours}_mean_s", entry(part, "mean"), scale)
        put(found, f"{ours}_p50_s", entry(part, "median"), scale)
        for percent in ("p50", "p90", "p95", "p99"):
            put(found, f"{ours}_{percent}_s", entry(part, "percentiles", percent), scale)
    put(found, "request_throughput", entry(run, "metrics", "requests_per_second", "successful", "mean"))
    tokens = entry(run, "metrics", "output_tokens_per_second", "successful", "mean")
    put(found, "output_token_throughput", tokens)
    if requests is not None:
        # GuideLLM's time per output token counts the first one: ours is of the requests.
        found |= {k: v for k, v in measured_of(requests).items() if k not in found or k.startswith("tpot")}
    kind, streams, rate = _strategy(run)
    alone = 1 if kind == "synchronous" else None
    asked = {"max_concurrency": streams or alone, "request_rate": rate}
    return BenchmarkResult(
        "guidellm", stem(source), found, requests, {k: v for k, v in asked.items() if v is not None}
    )


def inference_perf_requests(document: Sequence[Any], source: str) -> BenchmarkResult:
    """inference-perf's ``per_request_lifecycle_metrics.json``."""
    columns: dict[str, list[float]] = {name: [] for name in ("start", "input", "output", "ttft", "e2e")}
    gaps: list[float] = []
    for request in document:
        start, end, info = (entry(request, key) for key in ("start_time", "end_time", "info"))
        if entry(request, "error") or not is_number(start) or not isinstance(info, Mapping):
            continue
        answered = info.get("response_metrics") or info  # the latter until 2026
        times = numbers(entry(answered, "output_token_times"))
        columns["start"].append(start)
        prompt = entry(info, "request_metrics", "text", "input_tokens")
        columns["input"].append(number(info.get("input_tokens", prompt)))
        columns["output"].append(number(entry(answered, "output_tokens")))
        columns["ttft"].append(float(times[0]) - start if times.size else math.nan)
        columns["e2e"].append(number(end) - start)
        gaps += np.diff(times).tolist()
    requests = requests_of(columns, source)
    if requests is None:
        raise fail(TraceError, source, "no request of this inference-perf report succeeded")
    measured = measured_of(requests, np.array(gaps))
    return BenchmarkResult("inference-perf", stem(source), measured, requests)


def inference_perf_summary(document: Mapping[str, Any], source: str) -> BenchmarkResult:
    """inference-perf's ``summary_lifecycle_metrics.json``."""
    found: dict[str, float] = {}
    latency = entry(document, "successes", "latency")
    for theirs, ours in (
        ("time_to_first_token", "ttft"),
        ("time_per_output_token", "tpot"),
        ("inter_token_latency", "itl"),
        ("request_latency", "e2e_latency"),
    ):
        part = entry(latency, theirs)
        put(found, f"{ours}_mean_s", entry(part, "mean"))
        for percent in ("p50", "p90", "p95", "p99"):
            put(found, f"{ours}_{percent}_s", entry(part, percent))
        put(found, f"{ours}_p50_s", entry(part, "median"))
    rates = entry(document, "successes", "throughput")
    put(found, "request_throughput", entry(rates, "requests_per_sec"))
    put(found, "output_token_throughput", entry(rates, "output_tokens_per_sec"))
    put(found, "requests", entry(document, "successes", "count"))
    asked = {"request_rate": entry(document, "load_summary", "requested_rate")}
    return BenchmarkResult("inference-perf", stem(source), found, None, {k: v for k, v in asked.items() if v})


_MLPERF_LINE = re.compile(r"^ *(?P<name>[^:\n]+?) *: *(?P<value>\S.*?) *$", re.MULTILINE)


def mlperf(text: str, source: str) -> BenchmarkResult:
    """``mlperf_log_summary.txt``."""
    lines = {found["name"].lower(): found["value"] for found in _MLPERF_LINE.finditer(text)}
    found: dict[str, float] = {}

    def take(name: str, key: str, scale: float = 1.0) -> None:
        if key in lines:
            put(found, name, _float(lines[key].split()[0]), scale)

    for ours, theirs in (
        ("ttft", "first token latency"),
        ("tpot", "time to output token"),
        ("e2e_latency", "latency"),
    ):
        take(f"{ours}_mean_s", f"mean {theirs} (ns)", 1e-9)
        for percent in (50, 90, 95, 99):
            take(f"{ours}_p{percent}_s", f"{percent}.00 percentile {theirs} (ns)", 1e-9)
    for key in ("completed samples per second", "samples per second", "scheduled samples per second"):
        take("request_throughput", key)
    take("output_token_throughput", "completed tokens per second")
    take("output_token_throughput", "tokens per second")
    return BenchmarkResult("mlperf", stem(source), found, None, {"scenario": lines.get("scenario", "")})
