"""Results of load generators by their files: which tool wrote one, and what reads it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from .._core import TraceError
from .._errors import fail
from . import benchmark_tools as tools
from .aiperf_records import START, aiperf_records, aiperf_requests, aiperf_rows
from .benchmark_result import BenchmarkResult, entry, is_number
from .foreign import refuse
from .unpacked import read_bytes

__all__ = [
    "is_record",
    "load_result",
    "load_results",
    "may_be_result",
    "parse_result",
    "result_of",
    "tool_of",
]

_START = 1 << 16  # bytes that tell what a file is

_Reader = Callable[[Any, str], BenchmarkResult]


def _document_reader(document: Any) -> _Reader | None:
    """What reads a JSON document; None for what is no result."""
    if isinstance(document, Mapping):
        return next((read for fits, read in _DOCUMENTS if fits(document)), None)
    first = document[0] if isinstance(document, list) and document else None
    if isinstance(first, Mapping) and isinstance(first.get("info"), Mapping) and "start_time" in first:
        return tools.inference_perf_requests
    return aiperf_records if _is_aiperf_record(first) else None


def _runs_of(document: Any) -> dict[str, Any]:
    """The runs of a document, by what one calls them; a document with one of them, or none, is itself."""
    listed = document.get("benchmarks") if isinstance(document, Mapping) else None
    if isinstance(listed, list) and listed:  # GuideLLM
        runs = [{**document, "benchmarks": [run]} for run in listed]
        return {
            f"{number}: {tools.load_of(run)}": one
            for number, (run, one) in enumerate(zip(listed, runs, strict=True))
        }
    first = document[0] if isinstance(document, list) and document else None
    if isinstance(first, Mapping) and "request_throughput" in first:  # vLLM with --append-result
        return {f"{number}: {_rate_of(run)}": run for number, run in enumerate(document)}
    return {"": document}


def _rate_of(run: Any) -> str:
    limit = entry(run, "max_concurrency")
    rate = entry(run, "request_rate")
    told = f"{rate:g}/s" if is_number(rate) else "all at once"
    return f"{told}, {limit} in flight" if is_number(limit) else told


def _several(runs: Mapping[str, Any], document: Any, source: str) -> Exception:
    keep = (
        f"the first: jq '.benchmarks = [.benchmarks[0]]' {source}"
        if isinstance(document, Mapping)
        else f"the last: tail -n 1 {source} > last.json"
    )
    return fail(
        TraceError,
        source,
        f"found {len(runs)} runs ({'; '.join(runs)}); `gpushare check result` compares each of them; for anything else "
        f"keep one, such as {keep}",
    )


def _is_aiperf_record(first: Any) -> bool:
    return (
        isinstance(first, Mapping)
        and "metrics" in first
        and is_number(entry(first, "metadata", "request_start_ns"))
    )


_DOCUMENTS: tuple[tuple[Callable[[Mapping[str, Any]], bool], _Reader], ...] = (
    (lambda d: "request_throughput" in d and ("output_throughput" in d or "mean_ttft_ms" in d), tools.vllm),
    (lambda d: isinstance(d.get("benchmarks"), list) and bool(d["benchmarks"]), tools.guidellm),
    (lambda d: isinstance(d.get("experiments"), list), tools.perf_analyzer),
    (lambda d: isinstance(d.get("successes"), Mapping) and "load_summary" in d, tools.inference_perf_summary),
    (
        lambda d: "input_config" in d and isinstance(d.get("request_latency", d.get("records")), Mapping),
        tools.aiperf_summary,
    ),
)
_MARKS = re.compile(
    rb'"(output_throughput|mean_ttft_ms|num_prompts|input_lens|benchmarks|experiments|load_summary|input_config'
    rb'|output_token_times)"\s*:'
)


def may_be_result(start: bytes) -> bool:
    """Whether a file that begins so may be a result; `tool_of` knows when it has all of it."""
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"Metric,") or b"MLPerf Results Summary" in start[:4096]:
        return True
    return start.startswith((b"{", b"[")) and _MARKS.search(start) is not None


def is_record(start: bytes) -> bool:
    """Whether a file begins with AIPerf's record of a request."""
    return b'"request_start_ns"' in start.split(b"\n", 1)[0]


def tool_of(data: bytes, source: str = "result") -> str | None:
    """The tool whose result this is; None for anything else.

    Raises
    ------
    TraceError
        When it is one that cannot be read; `source` names it.
    """
    result = result_of(data, source)
    return None if result is None else result.tool


def result_of(data: bytes, source: str = "result") -> BenchmarkResult | None:
    """A result from its bytes; None for anything else.

    Raises
    ------
    TraceError
        When it is one that cannot be read, or has several runs; `source` names it.
    """
    text = _text_reader(data)
    if text is not None:
        return text(data.decode("utf-8-sig", errors="replace"), source)
    records = _records(data, source)
    if records is not None:
        return records
    document = _json(data)
    runs = _runs_of(document)
    first = next(iter(runs.values()))
    reader = _document_reader(first)
    if reader is None:
        return None
    if len(runs) > 1:
        raise _several(runs, document, source)
    return reader(first, source)


def _records(data: bytes, source: str) -> BenchmarkResult | None:
    """AIPerf's lines, read without what nobody looks at; None for anything else."""
    if not is_record(data[:_START]) or b'"metrics"' not in data[:_START]:
        return None
    try:
        rows = aiperf_rows(data.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return None
    return aiperf_requests(rows, source) if rows and is_number(rows[0].get(START)) else None


def _json(data: bytes) -> Any:
    text = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        lines = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None
    return lines


def parse_result(data: bytes, source: str = "result") -> BenchmarkResult:
    """Reads a result of a load generator from its bytes; `source` names it in messages. See `load_result`."""
    result = result_of(data, source)
    if result is not None:
        return result
    refuse(data[:_START], source)
    raise fail(
        TraceError,
        source,
        "not a result that is known: expected the JSON of vllm bench serve or SGLang's bench_serving, of AIPerf, "
        "GuideLLM or inference-perf, genai-perf's CSV or JSON, or mlperf_log_summary.txt",
    )


def _text_reader(data: bytes) -> _Reader | None:
    """What reads a result that is no JSON."""
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"Metric,"):
        return tools.genai_csv
    return tools.mlperf if b"MLPerf Results Summary" in start[:4096] else None


def load_result(path: str | os.PathLike[str]) -> BenchmarkResult:
    """Reads a result of a load generator.

    Parameters
    ----------
    path : str or path
        JSON of ``vllm bench serve`` (``--save-result``, better with ``--save-detailed``) or SGLang's ``bench_serving``,
        AIPerf's ``profile_export.jsonl`` or ``profile_export_aiperf.json``, GuideLLM's report, inference-perf's
        ``per_request_lifecycle_metrics.json`` or summary, genai-perf's CSV or JSON, ``mlperf_log_summary.txt``.

    Returns
    -------
    BenchmarkResult

    Raises
    ------
    TraceError
        When it cannot be read, is none of these, or has several runs: `load_results` reads those.
    """
    source = os.fspath(path)
    return parse_result(read_bytes(source), source)


def load_results(path: str | os.PathLike[str]) -> dict[str, BenchmarkResult]:
    """Reads every run of a result, by its number and load: GuideLLM's sweeps, ``vllm bench serve --append-result``.

    Raises
    ------
    TraceError
        As `load_result`, but for the number of runs.
    """
    source = os.fspath(path)
    data = read_bytes(source)
    runs = _runs_of(_json(data)) if _text_reader(data) is None else {}
    if len(runs) < 2:
        return {"": parse_result(data, source)}
    readers = {name: _document_reader(run) for name, run in runs.items()}
    if None in readers.values():
        return {"": parse_result(data, source)}
    return {
        name: read(runs[name], f"{source} run {name}") for name, read in readers.items() if read is not None
    }
