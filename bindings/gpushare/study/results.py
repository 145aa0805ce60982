"""What a simulation gives back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..frames.notices import Notice, plain, told
from ..frames.render import Field, brief, html_table, number, numbers, shorten, text_table, wrap
from ..frames.sections import Beside, assumed_line, joined, section, warned
from ..frames.tables import Table, concatenate
from ..frames.units import time_unit
from . import figures
from .bottleneck import Bottleneck, agreed
from .breakdown import breakdown
from .estimates import Estimate, estimates, precision
from .marks import bound_mark
from .run import Run
from .summary_facts import Facts, percent
from .tidy import tidy
from .traffic_table import traffic_fields

__all__ = ["Result", "Run", "Summary"]


class Summary(Mapping[str, float]):
    """Figures by name: throughput, latencies, utilisations, cost.

    Names follow the benchmark tools: ``request_throughput``, ``output_token_throughput``, ``llm.ttft_p95_s``,
    ``e2e_latency_mean_s``, ``tts.first_audio_p95_s``; ``*_jitter_s`` is p99 - p50. Times are seconds, memory
    is bytes, utilisations are shares of 1. With several replications every value is an `Estimate`. A name may
    lack what stands before a dot where the rest is unique (``ttft_p95_s``); iteration gives full names.

    Parameters
    ----------
    runs : sequence of Run
        Replications of one scenario in one mode.
    warnings, assumptions : sequence of Notice
        What may mislead in them, and what they hang on that nobody said.

    Examples
    --------
    >>> import gpushare as gs
    >>> summary = gs.simulate("voice-light").summary()
    >>> summary["llm.ttft_p95_s"] == summary["ttft_p95_s"], "gpus_used" in summary
    (True, True)
    """

    def __init__(
        self, runs: Sequence[Run], warnings: Sequence[Notice] = (), assumptions: Sequence[Notice] = ()
    ) -> None:
        self.warnings = tuple(warnings)
        self.assumptions = tuple(assumptions)
        self._runs = tuple(runs)
        self._latencies = list(dict.fromkeys(name for run in runs for name in run.summary["latencies"]))
        self.only_pipeline = runs[0].only_pipeline

    @cached_property
    def _metrics(self) -> dict[str, float]:
        perturbed = any(run.perturbed for run in self._runs)
        return estimates([run.figures for run in self._runs], perturbed=perturbed)

    @property
    def latencies(self) -> list[str]:
        """Names of the measured latencies: ``e2e_latency``, ``ttft``, ..."""
        return list(self._latencies)

    @cached_property
    def bottleneck(self) -> Bottleneck:
        """What the requests wait for most; with several replications the most frequent answer."""
        return agreed([run.bottleneck for run in self._runs])

    @property
    def limiting_resource(self) -> str:
        """The bottleneck in words."""
        return str(self.bottleneck)

    def __getitem__(self, name: str) -> float:
        """A figure; a `FigureError`, which is a KeyError, tells the nearest names or the choices."""
        if name in self._metrics:
            return self._metrics[name]
        return self._metrics[figures.resolve(self, name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._metrics)

    def tidy(self) -> Table:
        """Every figure as a row: pipeline, stage (a service or partition), metric, statistic, value, unit; see `tidy`.

        Examples
        --------
        >>> import gpushare as gs
        >>> rows = gs.simulate("voice-light").summary().tidy()
        >>> [str(rows[column][rows["metric"].tolist().index("ttft")]) for column in ("pipeline", "stage", "unit")]
        ['turn', 'llm', 's']
        """
        return tidy(self._metrics, self.only_pipeline)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; an `Estimate` becomes ``{"mean", "half_width", "count"}``."""
        figures_: dict[str, Any] = {}
        for name, value in self._metrics.items():
            if isinstance(value, Estimate):
                figures_[name] = {"mean": float(value), "half_width": value.half_width, "count": value.count}
            else:
                figures_[name] = value
        about = {"warnings": plain(self.warnings), "assumptions": plain(self.assumptions)}
        return figures_ | {"limiting_resource": self.limiting_resource} | about

    def _title(self) -> str:
        run = self._runs[0]
        many = f", {len(self._runs)} replications" if len(self._runs) > 1 else ""
        until = ", until the last answer" if run.until_served else ""
        seconds = number(self["duration_s"])
        return f"{run.scenario}, {run.mode}: {seconds} s measured{until}, seed {run.seed}{many}"

    def _latency_fields(self, all_: bool = True) -> list[Field]:
        """A row for each latency, or each that users feel, in the unit of its p95."""
        names = [name for name in self._latencies if all_ or figures.is_felt(name)]
        units = [time_unit(self.get(f"{name}_p95_s", 0.0)) for name in names]
        asked = self._runs[0].objectives if self._runs else {}
        marks = [
            [bound_mark(f"{name}_{s}_s", self.get(f"{name}_{s}_s", math.nan), asked) for name in names]
            for s in figures.STATISTICS
        ]
        rows = [
            numbers([self.get(f"{name}_{s}_s", math.nan) / unit.seconds for s in figures.STATISTICS])
            for name, unit in zip(names, units, strict=True)
        ]
        titles = [figures.of("latency")[f"{statistic}_s"].title for statistic in figures.STATISTICS]
        return [
            Field("latency", names, "left"),
            Field("in", [unit.name for unit in units], "left"),
            *(Field(title, [row[i] for row in rows], marks=marks[i]) for i, title in enumerate(titles)),
        ]

    def _partition_fields(self) -> list[Field]:
        partitions = [p for p in self._runs[0].summary["partitions"] if not p["gone"]]
        names = [p["name"] for p in partitions]
        shared_by = Field("shared by", [p["sharing"] for p in partitions], "left")
        who = [shorten(", ".join(p["processes"]) or "nobody", 24) for p in partitions]
        fields = [Field("partition", names, "left"), shared_by, *self._partition_figures(names)]
        return [*fields, Field("serves", who, "left")]

    def _partition_figures(self, names: Sequence[str]) -> list[Field]:
        return [
            Field(figure.title, _cells(figure, [self[f"{name}.{figure.name}"] for name in names]))
            for figure in figures.of("partition").values()
            if figure.notable
        ]

    def text(self, width: int | None = None, *, details: bool = False, beside: Beside | None = None) -> str:
        """What is in it: what became of the requests, what users felt, and who was busy.

        Parameters
        ----------
        width : int, optional
            Columns at most; by default those of the page.
        details : bool
            Also latencies that users do not feel, and every assumption.
        beside : Beside, optional
            What a command says beside it.
        """
        beside = beside if beside is not None else Beside(details=details)
        entries = [run.summary["traffic"] for run in self._runs]
        several = bool(entries) and len(entries[0]) > 1
        return joined(
            [
                "\n".join(
                    [
                        wrap(self._title(), width),
                        *(
                            wrap(f"  {name:<11} {text}", width, " " * 14)
                            for name, text in Facts(self._metrics, self._runs, self.limiting_resource).rows()
                        ),
                    ]
                ),
                warned(self.warnings, width),
                text_table(self._latency_fields(beside.details), width=width),
                "\n".join([text_table(self._partition_fields(), width=width), *self._gone()]),
                text_table(traffic_fields(entries), width=width) if several else "",
                section(
                    "How sure",
                    [*self._sure(beside), assumed_line(self.assumptions, beside), beside.origin],
                    width,
                ),
                "\n".join(told(self.assumptions, width, "assumed")) if beside.details else "",
            ]
        )

    def _gone(self) -> list[str]:
        gone = sum(p["gone"] for run in self._runs[:1] for p in run.summary["partitions"])
        return [f"and {gone} that left before the end"] if gone else []

    def _sure(self, beside: Beside) -> list[str]:
        if len(self._runs) == 1:
            more = "; --replications 8 does" if beside.replications else ""
            return [f"One run does not say what chance may change{more}."]
        told = {"req/s": [self["request_throughput"]]}
        if "e2e_latency_mean_s" in self._metrics:
            told["the e2e mean"] = [self["e2e_latency_mean_s"]]
        return [precision(len(self._runs), False, told)] if self._runs else []

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return brief(self, self._title())

    def _repr_html_(self) -> str:
        notes = [
            f"{name}: {text}"
            for name, text in Facts(self._metrics, self._runs, self.limiting_resource).rows()
        ] + told(self.warnings, 10_000)
        latencies = html_table(self._latency_fields(), caption=self._title(), notes=notes)
        assumed = told(self.assumptions, 10_000, "assumed")
        return latencies + html_table(self._partition_fields(), notes=assumed)


def _cells(figure: figures.Figure, values: Sequence[float]) -> list[str]:
    if figure.kind == "share":
        return [percent(value) for value in values]
    return numbers([float(figure.shown(value)) for value in values], figure.decimals)


class Result:
    """Replications of one scenario in one mode.

    Attributes
    ----------
    runs : tuple of Run
        In order of replication.
    warnings : tuple of Notice
        What may mislead in it: odd input, and what its figures hide.
    assumptions : tuple of Notice
        What it hangs on and the scenario does not say.
    """

    def __init__(
        self, runs: Sequence[Run], warnings: Sequence[Notice] = (), assumptions: Sequence[Notice] = ()
    ) -> None:
        self.runs = tuple(runs)
        self.warnings = tuple(warnings)
        self.assumptions = tuple(assumptions)

    def _table(self, name: str) -> Table:
        tables: list[Table] = [getattr(run, name) for run in self.runs]
        if len(tables) == 1:
            return tables[0]
        labelled = [
            table.with_column("replication", np.full(len(table), run.replication, dtype=np.int64))
            for run, table in zip(self.runs, tables, strict=True)
            if table.columns
        ]
        return concatenate(labelled) if labelled else tables[0]

    @cached_property
    def requests(self) -> Table:
        """Every request with the times of its stages; several replications have a column for theirs."""
        return self._table("requests")

    @cached_property
    def steps(self) -> Table:
        """Every step on a GPU; empty unless `record_steps` was set."""
        return self._table("steps")

    @cached_property
    def partitions(self) -> Table:
        """One row for each partition."""
        return self._table("partitions")

    @cached_property
    def changes(self) -> Table:
        """What happened to a fleet under control: see `Run.changes`."""
        return self._table("changes")

    @cached_property
    def series(self) -> Table:
        """One row for each window of time: see `Run.series`."""
        return self._table("series")

    def by(self, *columns: str, window_s: float | None = None) -> Table:
        """Counts and latencies of the requests, by columns of `requests` and windows of time: see `breakdown`.

        Examples
        --------
        >>> import gpushare as gs
        >>> gs.simulate("voice-light").by("llm.replica").columns[:3]
        ['llm.replica', 'requests', 'completed']
        """
        return breakdown(self.requests, columns, window_s)

    def tidy(self) -> Table:
        """As `Summary.tidy`, a row for each figure and replication."""
        return concatenate(
            [
                tidy(run.figures, run.only_pipeline).with_column(
                    "replication", np.full(len(run.figures), run.replication, dtype=np.int64)
                )
                for run in self.runs
            ]
        )

    def summary(self) -> Summary:
        """Figures by name, as estimates with half-widths when there are several replications.

        A percentile is the least value that so large a part of the sample does not exceed (NumPy's
        ``inverted_cdf``), within 0.4 % of it; NumPy's default goes on to the next value in part, which matters where
        there are few.
        """
        return self._summary

    @cached_property
    def _summary(self) -> Summary:
        return Summary(self.runs, self.warnings, self.assumptions)

    def __str__(self) -> str:
        return str(self._summary)

    def __repr__(self) -> str:
        return brief(self, self._summary._title())

    def _repr_html_(self) -> str:
        return self._summary._repr_html_()
