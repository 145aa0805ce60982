"""Request traces: read, generate, inspect, write."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from .. import _core
from .._core import TraceError
from .._errors import fail
from ..frames.render import Field, html_table, number, text_table
from . import files as trace_files
from .servegen import client_from_csv

__all__ = [
    "Trace",
    "TraceSummary",
    "azure_conversation_like",
    "formats",
    "inspect",
    "load",
    "parse",
    "save",
]

Trace = _core.Trace

_Reader = Callable[[bytes, str, str, Mapping[str, Any]], Trace]  # of a text, its source, format and options

_START = 1 << 16  # bytes that tell what a file is

# A window's start, rate and variation, a family or nothing, shape and scale: no other format begins like this.
_SERVEGEN = re.compile(rb"[\d.]+,[\d.e+-]+,[\d.e+-]+,(Gamma|Weibull|),[\d.e+-]+,[\d.e+-]+\r?\n")

_MEANING = {
    "requests": "requests",
    "duration_s": "seconds from the first request to the last",
    "rate_per_s": "requests a second",
    "gap_cv": "coefficient of variation of the gaps between arrivals (1: Poisson)",
    "dispersion_1s": "variance / mean of the counts in windows of 1 s (1: Poisson)",
    "dispersion_10s": "the same in windows of 10 s",
    "dispersion_60s": "the same in windows of 60 s",
    "ties": "arrivals at the same time as the one before",
    "empty_outputs": "requests without output tokens",
    "sessions": "conversations; 0 where the trace does not tell",
    "prefix_blocks": "prompt blocks with an id",
    "prefix_hit_rate": "share of them that were seen before (a cache that forgets nothing)",
    "input_mean": "prompt tokens, mean",
    "input_p50": "prompt tokens, median",
    "input_p90": "prompt tokens, 90th percentile",
    "input_p99": "prompt tokens, 99th percentile",
    "input_max": "prompt tokens, largest",
    "output_mean": "generated tokens, mean",
    "output_p50": "generated tokens, median",
    "output_p90": "generated tokens, 90th percentile",
    "output_p99": "generated tokens, 99th percentile",
    "output_max": "generated tokens, largest",
}


def formats() -> list[str]:
    """The names that `load` takes, ``"auto"`` first."""
    return [*_core.trace_formats(), *_WHOLE_FILES]


def load(
    path: str | os.PathLike[str],
    format: str = "auto",
    *,
    keep_empty: bool = False,
    sort: bool = False,
    time_unit: str = "auto",
    block_tokens: int = 0,
    output_tokens: int = 0,
) -> Trace:
    """Reads a trace.

    Parameters
    ----------
    path : str or path
        CSV with a header line or JSON lines, which may be gzip; Parquet or Arrow; ShareGPT's JSON.
    format : str
        One of `formats`. ``"auto"`` looks at the file; ``csv`` and ``jsonl`` take any known names, ``sharegpt``
        has lengths only (all requests arrive at once), and ``servegen`` generates from one client's windows, see
        `traffic.servegen`.
    keep_empty : bool
        Keep requests without output tokens, which are failures in most traces.
    sort : bool
        Put the requests in order of arrival instead of refusing those that go back in time.
    time_unit : {"auto", "s", "ms", "us", "ns"}
        Of arrivals that are numbers and whose name has no unit; ``"auto"`` is the format's.
    block_tokens : int
        Prompt tokens that one of the ``hash_ids`` stands for; 0 is the format's: 512 for Mooncake and AIPerf,
        otherwise 16.
    output_tokens : int
        What requests generate whose length the file leaves open, as AIPerf's may; 0 refuses them.

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
        With file and line: missing file, unknown columns, bad number, unsorted or empty trace.
    ImportError
        For Parquet and Arrow without pyarrow.
    """
    name = os.fspath(path)
    options: dict[str, Any] = {
        "keep_empty": keep_empty,
        "sort": sort,
        "time_unit": time_unit,
        "block_tokens": block_tokens,
        "output_tokens": output_tokens,
    }
    with trace_files.Unpacked(name) as file:
        start = file.read(_START)
        if _reader(start, format) is not None:
            return _read(start + file.read(), name, format, options)
        _refuse_tables_of_machines(start, name, format)
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
) -> Trace:
    """Reads a trace from text; `source` names it in messages. See `load`."""
    data = text.encode() if isinstance(text, str) else text
    options: dict[str, Any] = {
        "keep_empty": keep_empty,
        "sort": sort,
        "time_unit": time_unit,
        "block_tokens": block_tokens,
        "output_tokens": output_tokens,
    }
    return _read(data, source, format, options)


def _reader(start: bytes, format: str) -> _Reader | None:
    """What reads a file that begins so and is no text of lines: it takes the file as a whole."""
    if trace_files.is_arrow(start):
        return _read_arrow
    for name, whole in _WHOLE_FILES.items():
        if format == name or (format == "auto" and whole.begins(start)):
            return whole.read
    return None


def _read(data: bytes, source: str, format: str, options: Mapping[str, Any]) -> Trace:
    reader = _reader(data[:_START], format)
    if reader is not None:
        return reader(data, source, format, options)
    _refuse_tables_of_machines(data, source, format)
    return _core.parse_trace(data, source, format=format, **options)


def _read_arrow(data: bytes, source: str, format: str, options: Mapping[str, Any]) -> Trace:
    text = trace_files.arrow_text(trace_files.read_arrow(data, source), source)
    return _core.parse_trace(text, source, format=format, **options)


def _read_servegen(data: bytes, source: str, format: str, options: Mapping[str, Any]) -> Trace:
    return client_from_csv(data, source).trace()


def _read_sharegpt(data: bytes, source: str, format: str, options: Mapping[str, Any]) -> Trace:
    return trace_files.sharegpt(data, source)


class _WholeFile(NamedTuple):
    """A format that is no text of lines: how such files begin, and what reads them."""

    begins: Callable[[bytes], bool]
    read: _Reader


_WHOLE_FILES = {
    "sharegpt": _WholeFile(trace_files.is_sharegpt, _read_sharegpt),
    "servegen": _WholeFile(lambda start: _SERVEGEN.match(start) is not None, _read_servegen),
}


def _refuse_tables_of_machines(data: bytes, source: str, format: str) -> None:
    """OpenB's pods ask for GPUs; they are not requests to a service."""
    header = data[:4096].split(b"\n", 1)[0].split(b",")
    if format in ("auto", "csv") and b"gpu_milli" in header:
        raise fail(TraceError, f"{source}:1", "these are OpenB pods, not requests: read_pods reads them")
    if format in ("auto", "csv") and header[:2] == [b"sn", b"cpu_milli"]:
        raise fail(TraceError, f"{source}:1", "these are OpenB nodes, not requests: read_nodes reads them")


def azure_conversation_like(seed: int = 1, duration_s: float = 3501.7, rate_per_s: float = 5.53) -> Trace:
    """A synthetic trace with the statistics of the Azure 2023 conversation trace.

    Parameters
    ----------
    seed : int
        Of its random streams.
    duration_s : float
        Seconds.
    rate_per_s : float
        Mean requests a second.

    Returns
    -------
    Trace
    """
    return _core.azure_conversation_like(seed, duration_s, rate_per_s)


def save(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Writes a trace in the project's own columns, atomically; `load` gives it back.

    ``.jsonl`` (JSON lines), ``.parquet`` and ``.arrow`` keep everything; any other name becomes CSV, which
    keeps all but the block ids.

    Raises
    ------
    TraceError
        When it cannot be written.
    ImportError
        For ``.parquet`` and ``.arrow`` without pyarrow.
    """
    name = os.fspath(path)
    if name.endswith((".parquet", ".arrow", ".feather")):
        trace_files.write_arrow(trace, name)
    else:
        trace.save(name)


def inspect(trace: Trace | str | os.PathLike[str]) -> TraceSummary:
    """Statistics of a trace.

    Parameters
    ----------
    trace : Trace, str or path
        A trace, or a file to read.

    Returns
    -------
    TraceSummary
    """
    trace = trace if isinstance(trace, Trace) else load(trace)
    return TraceSummary(trace.name, trace.inspect())


class TraceSummary(Mapping[str, float]):
    """Statistics of a trace by name; ``print`` shows what each one means."""

    def __init__(self, name: str, figures: Mapping[str, float]) -> None:
        self.name = name
        self._figures = dict(figures)

    def __getitem__(self, figure: str) -> float:
        return self._figures[figure]

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def to_dict(self) -> dict[str, float]:
        """Plain values by name."""
        return dict(self._figures)

    def _fields(self) -> list[Field]:
        return [
            Field("figure", list(self._figures), "left"),
            Field("value", [number(v, 0 if isinstance(v, int) else None) for v in self._figures.values()]),
            Field("meaning", [_MEANING[name] for name in self._figures], "left"),
        ]

    def __repr__(self) -> str:
        return f"trace {self.name}\n{text_table(self._fields())}"

    def _repr_html_(self) -> str:
        return html_table(self._fields(), caption=f"trace {self.name}")
