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
    if known is None and start[:512].translate(None, _CONTROL) != start[:512]:
        return "no text but bytes that are not known; what is read: tables, JSON, logs, Parquet and Arrow, packed too"
    return known


def _documents(start: bytes) -> str | None:
    head = start.lstrip()
    if head[:9].lower().startswith((b"<!doctype", b"<html", b"<?xml")):
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
    what = _binary(start) or _documents(start) or _metrics(start)
    if what is not None:
        raise fail(TraceError, source, what)
