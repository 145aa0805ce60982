"""Request traces: generate, inspect, write."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from .. import _core
from .._numbers import check_seed
from ..frames.render import Field, brief, html_table, number, text_table
from . import files as trace_files
from .reading import load

if TYPE_CHECKING:
    import pandas
    import pyarrow

__all__ = ["Trace", "TraceSummary", "azure_conversation_like", "inspect", "save", "to_arrow", "to_pandas"]

Trace = _core.Trace

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
    return _core.azure_conversation_like(check_seed(seed), duration_s, rate_per_s)


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


def to_arrow(trace: Trace) -> pyarrow.Table:
    """A trace as an Arrow table, which `from_columns` reads back; nothing is lost.

    Parameters
    ----------
    trace : Trace
        Its columns: ``arrival_s``, ``input_tokens``, ``output_tokens``, and what only some traces have.

    Raises
    ------
    ImportError
        When pyarrow is not installed.

    Examples
    --------
    >>> import gpushare as gs
    >>> trace = gs.traces.from_columns({"arrival_s": [0, 1], "input_tokens": [90, 8], "output_tokens": [2, 3]})
    >>> gs.traces.to_arrow(trace).column_names
    ['arrival_s', 'input_tokens', 'output_tokens']
    """
    return trace_files.arrow_table(trace)


def to_pandas(trace: Trace) -> pandas.DataFrame:
    """The same as a pandas frame; needs pandas and pyarrow."""
    return trace_files.arrow_table(trace).to_pandas()


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

    def __str__(self) -> str:
        return f"trace {self.name}\n{text_table(self._fields())}"

    def __repr__(self) -> str:
        return brief(self, f"{self.name}: {len(self)} figures")

    def _repr_html_(self) -> str:
        return html_table(self._fields(), caption=f"trace {self.name}")
