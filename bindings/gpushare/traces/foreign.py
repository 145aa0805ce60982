"""Files that are no requests, named for what they are."""

from __future__ import annotations

import re

from .._core import TraceError
from .._errors import fail

__all__ = ["refuse"]

_METRICS = re.compile(
    rb"^(# (HELP|TYPE) (?P<help>\w+)|(?P<name>[A-Za-z_:][\w:]*)(\{[^}]*\})? [-+\d.eENna]+( \d+)?\r?$)", re.M
)


def _first_line(start: bytes) -> bytes:
    return start.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0].strip()


def _metrics(start: bytes) -> str | None:
    found = _METRICS.match(start.removeprefix(b"\xef\xbb\xbf").lstrip())
    if found is None:
        return None
    name = (found["help"] or found["name"]).decode()
    if name.startswith("DCGM_"):
        return (
            "a scrape of the DCGM exporter: utilisation of GPUs, not requests; --from-cluster takes it where a cluster "
            "is read"
        )
    return f"a scrape of Prometheus metrics ({name}, ...): values at one moment, not requests"


def _tables(line: bytes) -> str | None:
    fields = [field.strip(b' "') for field in line.split(b",")]
    if b"gpu_milli" in fields:
        return "these are OpenB pods, not requests: read_pods reads them"
    if fields[:2] == [b"sn", b"cpu_milli"]:
        return "these are OpenB nodes, not requests: read_nodes reads them"
    return None


_HEAD = 4096  # bytes that are looked at

#: How files begin that are no text, and what they are.
_BINARY = {
    b"%PDF": "a PDF, not a log",
    b"PK\x03\x04": "a zip archive (or a spreadsheet in .xlsx); unpack it, or save the sheet as CSV",
    b"SQLite format 3": "an SQLite database, not a log; export the table as CSV",
    b"\x93NUMPY": "an array of NumPy; write a table with the names of its columns, such as CSV",
    b"\x89HDF": "an HDF5 file; write its table as CSV or Parquet",
    b"Obj\x01": "an Avro file; write its rows as JSON lines or Parquet",
    b"ORC": "an ORC file; write its table as CSV or Parquet",
    b"\x80\x04": "a pickle of Python, which is not read as it may run anything; write it with to_csv or to_parquet",
    b"\x80\x05": "a pickle of Python, which is not read as it may run anything; write it with to_csv or to_parquet",
}
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))  # what no log has; colours begin with 1b


def _binary(start: bytes) -> str | None:
    known = next((what for magic, what in _BINARY.items() if start.startswith(magic)), None)
    if start[257:262] == b"ustar":
        return "a tar archive; unpack it, and name the file in it"
    if known is None and start[:512].translate(None, _CONTROL) != start[:512]:
        return "no text but bytes that are not known; what is read: tables, JSON, logs, Parquet and Arrow, packed too"
    return known


_LLM_TOOLS = (
    "; what vllm bench serve, AIPerf, GuideLLM and others write of each request is read (docs/logs.md)"
)


def _patterns(*known: tuple[bytes, str]) -> tuple[tuple[re.Pattern[bytes], str], ...]:
    return tuple((re.compile(pattern, re.M), what) for pattern, what in known)


#: What stands in the first lines of results without tokens or times, and what they are.
_RESULTS = _patterns(
    (
        rb'"type"\s*:\s*"(?:Point|Metric)".*"metric"|"metric".*"type"\s*:\s*"(?:Point|Metric)"',
        "points of k6: HTTP requests without tokens",
    ),
    (rb'"root_group"|"http_req_duration"\s*:\s*\{', "a summary of k6: sums of HTTP requests"),
    (rb"^metric_name,timestamp,metric_value", "points of k6: HTTP requests without tokens"),
    (rb'^"?Type"?,"?Name"?,"?Request Count', "statistics of Locust: sums of HTTP requests"),
    (
        rb'^"?Timestamp"?,"?User Count',
        "a history of Locust: sums of HTTP requests, one line for each second",
    ),
    (rb"^Running \d+\w* test @ ", "what wrk prints: sums of HTTP requests"),
    (rb"^response-time,DNS\+dialup", "a table of hey: HTTP requests without tokens"),
    (rb'"latencies"\s*:\s*\{.*"status_codes"', "a report of Vegeta: sums of HTTP requests"),
    (rb"^This is ApacheBench", "what ApacheBench prints: sums of HTTP requests"),
    (
        rb'"number_input_tokens".*"number_output_tokens"|"number_output_tokens".*"number_input_tokens"',
        "LLMPerf's responses: lengths and latencies, without times",
    ),
    (rb'"results_ttft_s', "a summary of LLMPerf: sums, without requests"),
    (rb"^Run Info,Run Info|^Benchmark,Benchmark,", "GuideLLM's CSV: sums; its JSON has the requests"),
    (
        rb"^(?=.*(?:request_throughput|output_throughput))(?=.*(?:mean|median|p99)_ttft_ms).*,",
        "a table of runs, one a line, as vllm bench sweep writes it: sums, without requests",
    ),
)
#: Server logs without lengths of requests, and what to switch on.
_SERVERS = _patterns(
    (
        rb"text_generation_router",
        "a log of Text Generation Inference as text: times, without tokens; --json-output writes them",
    ),
    (rb"^[IWE]\d{4} .*grpc_riva", "a log of Riva: calls, without how long their audio is"),
    (
        rb"^[IWE]\d{4} \d\d:\d\d:\d\d\.\d+ \d+ \w+\.cc:\d+\]",
        "a log of Triton: what its server does, without lengths; log requests at the gateway before it",
    ),
    (
        rb"\[TRT-LLM\] \[[A-Z]\]",
        "a log of TensorRT-LLM: its iterations, not requests; log requests at the gateway before it",
    ),
    (
        rb"^slot +\w+:|^llama_perf|prompt eval time =",
        "a log of llama.cpp's server: lengths without times; log requests at the gateway before it",
    ),
    (
        rb'^INFO: +\S+ - "[A-Z]+ /',
        "Uvicorn's access log, which has no times; start vLLM with --enable-log-requests, or take the proxy's log",
    ),
)


def _known_by_lines(start: bytes) -> str | None:
    head = start.removeprefix(b"\xef\xbb\xbf")[:_HEAD]
    for pattern, what in _RESULTS:
        if pattern.search(head):
            return what + _LLM_TOOLS
    if head.lstrip().startswith((b"{", b"[{")):  # whose texts may say anything
        return None
    return next((what for pattern, what in _SERVERS if pattern.search(head)), None)


def _documents(start: bytes) -> str | None:
    head = start.lstrip()
    if head[:9].lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<table")):
        return "a page of HTML or XML, not a log; was it downloaded where a login is needed?"
    if b'"resultType"' in head[:4096] and b'"status"' in head[:200] and b'"streams"' not in head[:4096]:
        return "an answer of Prometheus: values over time, not requests"
    if head.startswith(b":::MLLOG"):
        return "MLPerf's mlperf_log_detail.txt; take mlperf_log_summary.txt beside it"
    if b'"avg_latency"' in head[:4096] and b'"latencies"' in head[:4096]:
        return "a result of vllm bench latency: one batch, over and over; vllm bench serve sends requests"
    if b'"total_num_tokens"' in head[:4096] and b'"elapsed_time"' in head[:4096]:
        return "a result of vllm bench throughput: one sum, no requests; vllm bench serve --save-detailed has them"
    return None


def refuse(start: bytes, source: str) -> None:
    """Raises TraceError for what is known to be no trace, by its first bytes."""
    line = _first_line(start)
    what = _tables(line)
    if what is not None:
        raise fail(TraceError, f"{source}:1", what)
    what = _binary(start) or _documents(start) or _known_by_lines(start) or _metrics(start)
    if what is not None:
        raise fail(TraceError, source, what)
