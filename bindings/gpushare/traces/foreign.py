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


def _documents(start: bytes) -> str | None:
    head = start.lstrip()
    if head.startswith((b"<!DOCTYPE", b"<html", b"<?xml")):
        return "a page of HTML or XML, not a log; was it downloaded where a login is needed?"
    if b'"resultType"' in head[:4096] and b'"status"' in head[:200]:
        return "an answer of Prometheus: values over time, not requests"
    if head.startswith(b"%PDF"):
        return "a PDF, not a log"
    if head.startswith(b"PK\x03\x04"):
        return "a zip archive (or a spreadsheet in .xlsx); unpack it, or save the sheet as CSV"
    if head.startswith(b"SQLite format 3"):
        return "an SQLite database, not a log; export the table as CSV"
    return None


def refuse(start: bytes, source: str) -> None:
    """Raises TraceError for what is known to be no trace, by its first bytes."""
    line = _first_line(start)
    what = _tables(line)
    if what is not None:
        raise fail(TraceError, f"{source}:1", what)
    what = _documents(start) or _metrics(start)
    if what is not None:
        raise fail(TraceError, source, what)
