"""Reads trace files of all formats: looks at their first bytes, and hands them to what reads such files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from .. import _core
from .._core import TraceError
from .._errors import fail
from . import files as trace_files
from . import foreign, logs
from .access_logs import access_log
from .benchmark_result import TOOLS
from .benchmarks import is_record, may_be_result, parse_result, result_of
from .conversations import conversations, is_conversations
from .drawn_tables import Unwrapped
from .servegen import client_from_csv
from .unpacked import Unpacked
from .wrapped import unwrap

__all__ = ["Columns", "columns_of", "columns_text", "formats", "load", "parse"]

Columns = str | Mapping[str, str | int]

_Reader = Callable[
    [bytes, str, str, Mapping[str, Any]], _core.Trace
]  # of a text, its source, format and options

_START = 1 << 16  # bytes that tell what a file is

# A window's start, rate and variation, a family or nothing, shape and scale: no other format begins like this.
_SERVEGEN = re.compile(rb"[\d.]+,[\d.e+-]+,[\d.e+-]+,(Gamma|Weibull|),[\d.e+-]+,[\d.e+-]+\r?\n")


def formats() -> list[str]:
    """The names that `load` takes, ``"auto"`` first."""
    return list(dict.fromkeys([*_core.trace_formats(), *_WHOLE_FILES, *TOOLS]))


def columns_text(columns: Columns) -> str:
    """Which column holds what, as the compiled reader takes it: ``"arrival=ts,input=1000"``."""
    if isinstance(columns, str):
        return columns
    return ",".join(f"{role}={name}" for role, name in columns.items())


def columns_of(text: str) -> dict[str, str | int]:
    """The same as a trace's entry of a document has it: ``{"arrival": "ts", "input": 1000}``."""
    parts = [part.partition("=")[::2] for part in text.split(",") if part]
    return {role: int(name) if name.isdigit() else name for role, name in parts}


def load(
    path: str | os.PathLike[str],
    format: str = "auto",
    *,
    keep_empty: bool = False,
    sort: bool = False,
    time_unit: str = "auto",
    block_tokens: int = 0,
    output_tokens: int = 0,
    columns: Columns = "",
) -> _core.Trace:
    """Reads a trace.

    Parameters
    ----------
    path : str or path
        A table with a header line (fields between commas, semicolons, tabs or bars), JSON (lines, objects over several
        lines, an array), Parquet or Arrow, conversations, or a log; gzip, bz2, xz or zstd, UTF-8 or UTF-16.
    format : str
        One of `formats`. ``"auto"`` looks at the file; ``csv`` and ``jsonl`` take any known names, ``sharegpt``
        has lengths only (all requests arrive at once), and ``servegen`` generates from one client's windows, see
        `traffic.servegen`.
    keep_empty : bool
        Keep requests without output tokens, which are failures in most traces.
    sort : bool
        Put the requests in order of arrival instead of refusing those that go back in time. Logs, whose lines are
        written when requests end, are put in order without it.
    time_unit : {"auto", "s", "ms", "us", "ns"}
        Of arrivals that are numbers and whose name has no unit; ``"auto"`` is the format's.
    block_tokens : int
        Prompt tokens that one of the ``hash_ids`` stands for; 0 is the format's: 512 for Mooncake and AIPerf,
        otherwise 16.
    output_tokens : int
        What requests generate whose length the file leaves open, as AIPerf's may; 0 refuses them.
    columns : str or mapping
        Which column or member holds what, where names do not say it: ``{"arrival": "ts", "input": "usage.in",
        "output": 200}`` or ``"arrival=ts,input=usage.in,output=200"``. A number stands for as many tokens in all
        requests, and ``#2`` for the second column, of a file without a header line too; ``session`` is the fourth role.

    Returns
    -------
    Trace
        ``arrival_s`` (float64, seconds from the first request), ``input_tokens`` and ``output_tokens``
        (int32), each of shape ``(requests,)`` and read-only; ``extra`` has what only some formats have
        (``session``, ``parent``, ``delay_s``, ``images``, ``hash_ids`` with ``hash_starts`` and
        ``block_tokens``), and ``origin`` says how it was read.

    Raises
    ------
    TraceError
        With file and line: missing file, unknown columns, bad number, unsorted or empty trace; or what the file is
        instead of a trace.
    ImportError
        For Parquet and Arrow without pyarrow, and zstd without zstandard.
    """
    name = os.fspath(path)
    options: dict[str, Any] = {
        "keep_empty": keep_empty,
        "sort": sort,
        "time_unit": time_unit,
        "block_tokens": block_tokens,
        "output_tokens": output_tokens,
        "columns": columns_text(columns),
    }
    with Unpacked(name) as file:
        start = file.read(_START)
        if _reader(start, format) is not None:
            return _read(start + file.read(), name, format, options)
        _refuse(start, name, format)
        if not file.packed and os.path.isfile(name):  # not a pipe
            return _core.load_trace(name, format=format, **options)
        pieces = iter((start,))  # what was looked at comes first
        return _core.read_trace(
            lambda size: next(pieces, None) or file.read(size), name, format=format, **options
        )


def parse(
    text: str | bytes,
    source: str = "",
    *,
    format: str = "auto",
    keep_empty: bool = False,
    sort: bool = False,
    time_unit: str = "auto",
    block_tokens: int = 0,
    output_tokens: int = 0,
    columns: Columns = "",
) -> _core.Trace:
    """Reads a trace from text; `source` names it in messages. See `load`."""
    data = text.encode() if isinstance(text, str) else text
    options: dict[str, Any] = {
        "keep_empty": keep_empty,
        "sort": sort,
        "time_unit": time_unit,
        "block_tokens": block_tokens,
        "output_tokens": output_tokens,
        "columns": columns_text(columns),
    }
    return _read(data, source, format, options)


def _reader(start: bytes, format: str) -> _Reader | None:
    """What reads a file that begins so and is no table or JSON of requests: it takes the file as a whole."""
    if trace_files.is_arrow(start):
        return _read_arrow
    if _is_result(start, format):
        return _read_result
    for name, whole in _WHOLE_FILES.items():
        if format == name or (format == "auto" and whole.begins(start)):
            return whole.read
    if format != "auto":
        return None
    take = unwrap(start)
    return access_log(start) if take is None else partial(_read_wrapped, take)


def _is_result(start: bytes, format: str) -> bool:
    """Whether a load generator wrote it; the name aiperf is of that tool's results and of what it replays."""
    if format in TOOLS:
        return format not in _core.trace_formats() or may_be_result(start) or is_record(start)
    return format == "auto" and (may_be_result(start) or is_record(start))


def _refuse(start: bytes, source: str, format: str) -> None:
    if format in ("auto", "csv", "jsonl"):
        foreign.refuse(start, source)


def _read(data: bytes, source: str, format: str, options: Mapping[str, Any]) -> _core.Trace:
    start = data[:_START]
    reader = _reader(start, format)
    if reader is not None:
        return reader(data, source, format, options)
    _refuse(start, source, format)
    return _core.parse_trace(data, source, format=format, **options)


def _read_arrow(data: bytes, source: str, format: str, options: Mapping[str, Any]) -> _core.Trace:
    text = trace_files.arrow_text(trace_files.read_arrow(data, source), source)
    return _read(text, source, format, options)


def _read_result(data: bytes, source: str, format: str, options: Mapping[str, Any]) -> _core.Trace:
    result = parse_result(data, source) if format != "auto" else result_of(data, source)
    if result is None:
        return _core.parse_trace(data, source, format=format, **options)
    _refuse_columns("a result of a load generator", source, options)
    return result.trace(source)


def _read_wrapped(
    take: Callable[[bytes, str], Unwrapped],
    data: bytes,
    source: str,
    format: str,
    options: Mapping[str, Any],
) -> _core.Trace:
    _refuse(data[:_START], source, format)
    found = take(data, source)
    trace = _core.parse_trace(found.text, source, format=format, **options)
    if not found.carrier:
        return trace
    beside = f" ({found.beside} others say nothing of tokens)" if found.beside else ""
    origin = {**trace.origin, "reason": f"{found.carrier}{beside}; {trace.origin['reason']}"}
    return _core.Trace(
        trace.arrival_s, trace.input_tokens, trace.output_tokens, trace.name, trace.extra, origin
    )


def _refuse_columns(what: str, source: str, options: Mapping[str, Any]) -> None:
    """Of files that have none, which would leave them out without a word."""
    if options.get("columns"):
        raise fail(
            TraceError,
            source,
            f"columns: {options['columns']}: {what}, whose times and lengths have their places; leave columns out",
        )


def _read_servegen(data: bytes, source: str, format: str, options: Mapping[str, Any]) -> _core.Trace:
    _refuse_columns("windows of a client of ServeGen", source, options)
    return client_from_csv(data, source).trace()


def _read_conversations(data: bytes, source: str, format: str, options: Mapping[str, Any]) -> _core.Trace:
    _refuse_columns("conversations", source, options)
    return conversations(data, source)


class _WholeFile(NamedTuple):
    """A format that is no table or JSON of requests: how such files begin, and what reads them."""

    begins: Callable[[bytes], bool]
    read: _Reader


def _log(name: str) -> _WholeFile:
    def read(data: bytes, source: str, format: str, options: Mapping[str, Any]) -> _core.Trace:
        return logs.read_log(data, source, name, options)

    return _WholeFile(lambda start: logs.format_of(start) == name, read)


_WHOLE_FILES = {
    "sharegpt": _WholeFile(is_conversations, _read_conversations),
    "servegen": _WholeFile(lambda start: _SERVEGEN.match(start) is not None, _read_servegen),
    **{name: _log(name) for name in logs.FORMATS},
}
