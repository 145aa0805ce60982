"""What a simulation gives back."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..frames.notices import Notice, plain, told
from ..frames.render import Field, html_table, number, numbers, shorten, text_table, wrap
from ..frames.tables import Table, concatenate
from . import figures
from .bottleneck import Bottleneck, agreed
from .breakdown import breakdown
from .estimates import Estimate, estimate
from .run import Run
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
        names = dict.fromkeys(name for run in self._runs for name in run.figures)
        perturbed = any(run.perturbed for run in self._runs)
        return {
            name: estimate([run.figures.get(name, math.nan) for run in self._runs], perturbed=perturbed)
            for name in names
        }

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

    def _refusals(self) -> list[tuple[str, str]]:
        """Why language models turned requests away, and what they would have taken."""
        reasons = {
            "rejected_over_context": "longer than the context",
            "rejected_over_cache": "longer than the cache",
            "rejected_queue_full": "queue full",
        }
        lines = []
        for longest in [name for name in self._metrics if name.endswith(".longest_sequence_tokens")]:
            service = longest.rpartition(".")[0]
            found = [
                f"{number(count, 0)} {why}"
                for name, why in reasons.items()
                if (count := self._metrics[f"{service}.{name}"]) > 0
            ]
            fits = f"it takes {number(self._metrics[longest], 0)} tokens of prompt and reply at most"
            if found:
                lines.append(("rejected", f"{service}, in the window: {', '.join(found)}; {fits}"))
        return lines

    def _held_back(self) -> list[tuple[str, str]]:
        """Requests that waited at their client for one of the places in flight."""
        return [
            (
                "held back",
                f"{one['name']}: {one['held_back']:,} requests waited at their client until fewer were in flight, up "
                f"to {number(one['longest_hold_s'])} s; their latencies count from when they were sent",
            )
            for run in self._runs[:1]
            for one in run.summary["traffic"]
            if one.get("held_back", 0) > 0
        ]

    def _given_up(self) -> str:
        if "timed_out" not in self._metrics:
            return ""
        return f" ({self._count('timed_out')} by their client's timeout; {self._count('retried')} attempts sent again)"

    def _facts(self) -> list[tuple[str, str]]:
        count = self._count
        return [
            (
                "requests",
                f"{count('completed')} of {count('arrived')} completed{self._late()}, {count('rejected')} rejected, "
                f"{count('failed')} failed{self._given_up()}, {count('skipped')} skipped, "
                f"{count('unfinished')} unfinished",
            ),
            *self._refusals(),
            *self._held_back(),
            (
                "throughput",
                f"{number(self['request_throughput'])} requests/s {self._offered()} "
                f"({number(self['request_throughput_per_gpu'])} a GPU), "
                f"{number(self['output_token_throughput'], 0)} output tokens/s",
            ),
            *self._failures(),
            (
                "GPUs",
                f"{self._used()}, {count('gpus_freed')} freed; {_percent(self['gpu_busy'])} busy; "
                f"${number(self['cost_per_month'], 0)} a month",
            ),
            (
                "memory",
                f"{number(self['vram_used_bytes'] / 1e9, 1)} GB used "
                f"of {number(self['vram_allocated_bytes'] / 1e9, 1)} GB allocated{self._stranded()}",
            ),
            ("limited by", self.limiting_resource),
        ]

    def _failures(self) -> list[tuple[str, str]]:
        if "faults" not in self._metrics:
            return []
        shares = {name: value for name, value in self._metrics.items() if name.endswith(".availability")}
        up = ", ".join(
            f"{name.rpartition('.')[0]} {number(100 * value, 2)} %" for name, value in shares.items()
        )
        failed = self._count("failed_by_faults")
        return [("faults", f"{self._count('faults')} happened, {failed} requests failed by them; up: {up}")]

    def _used(self) -> str:
        """GPUs that were on, which may have come and gone."""
        mean = 3600 * self["gpu_hours"] / self["duration_s"]
        if abs(mean - self["gpus_used"]) < 0.05:
            return f"{self._count('gpus_used')} used"
        return f"{self._count('gpus_used')} used at most, {number(mean, 1)} on average"

    def _stranded(self) -> str:
        """What MIG cuts off, and empty instances."""
        if not self["stranded_sms"] > 0:
            return ""
        memory = self["stranded_memory_bytes"] / 1e9
        return f"; {self._count('stranded_sms')} SMs and {number(memory, 1)} GB in no process's instance"

    def _late(self) -> str:
        return f", {self._count('late')} of them after the window" if self["late"] > 0 else ""

    def _offered(self) -> str:
        """What is served against what comes."""
        kinds = {one["kind"] for run in self._runs for one in run.summary["traffic"]}
        if kinds == {"closed"}:
            return "by users who wait for their answers"
        growth = self["backlog_growth"]
        grows = f", growing by {number(growth)} a second" if self["late"] > 0 else ""
        return f"of {number(self['offered_rate'])} offered, {self._count('backlog')} left at the end{grows}"

    def _count(self, name: str) -> str:
        value = self[name]
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"

    def _latency_fields(self) -> list[Field]:
        fields = [Field("latency", self._latencies, "left")]
        for statistic in figures.STATISTICS:
            figure = figures.of("latency")[f"{statistic}_s"]
            found = [self.get(f"{name}_{statistic}_s", math.nan) for name in self._latencies]
            cells = numbers([float(figure.shown(value)) for value in found], figure.decimals)
            fields.append(Field(f"{figure.title}\nms", cells))
        return fields

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

    def text(self, width: int = 80) -> str:
        """What is in it, at most `width` columns wide."""
        lines = [wrap(self._title(), width)]
        lines += [wrap(f"  {name:<11} {text}", width, " " * 14) for name, text in self._facts()]
        lines += told(self.warnings, width)
        lines += ["", text_table(self._latency_fields(), width=width)]
        lines += ["", text_table(self._partition_fields(), width=width)]
        if gone := sum(p["gone"] for run in self._runs[:1] for p in run.summary["partitions"]):
            lines.append(f"and {gone} that left before the end")
        entries = [run.summary["traffic"] for run in self._runs]
        if entries and len(entries[0]) > 1:
            lines += ["", text_table(traffic_fields(entries), width=width)]
        if self.assumptions:
            lines += ["", *told(self.assumptions, width, "assumed")]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        notes = [f"{name}: {text}" for name, text in self._facts()] + told(self.warnings, 10_000)
        latencies = html_table(self._latency_fields(), caption=self._title(), notes=notes)
        assumed = told(self.assumptions, 10_000, "assumed")
        return latencies + html_table(self._partition_fields(), notes=assumed)


class KeptSummary(Summary):
    """Figures that were kept in a file, without their runs.

    Parameters
    ----------
    metrics : mapping of str to float
        By name.
    bottleneck : Bottleneck or None
        What the requests wait for most.
    only_pipeline, title : str
        The pipeline that the names of latencies leave out, and what is shown above the figures.
    warnings, assumptions : sequence of Notice
        What may mislead in them, and what they hang on that nobody said.
    """

    def __init__(
        self,
        metrics: Mapping[str, float],
        bottleneck: Bottleneck | None,
        only_pipeline: str,
        title: str,
        warnings: Sequence[Notice] = (),
        assumptions: Sequence[Notice] = (),
    ) -> None:
        self._runs = ()
        self.warnings = tuple(warnings)
        self.assumptions = tuple(assumptions)
        self._metrics = dict(metrics)
        self._latencies = [name.removesuffix("_p95_s") for name in metrics if name.endswith("_p95_s")]
        self.only_pipeline = only_pipeline
        if bottleneck is not None:
            self.bottleneck = bottleneck
        self._title_text = title

    def _title(self) -> str:
        return self._title_text

    def _partition_fields(self) -> list[Field]:
        names = [name.removesuffix(".busy") for name in self._metrics if re.fullmatch(r".*/.*\.busy", name)]
        return [Field("partition", names, "left"), *self._partition_figures(names)]


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.0f} %"


def _cells(figure: figures.Figure, values: Sequence[float]) -> list[str]:
    if figure.kind == "share":
        return [_percent(value) for value in values]
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
        """Counts and latencies of the requests, by columns of `requests` and windows of time: see `breakdown`."""
        return breakdown(self.requests, columns, window_s)

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

    def __repr__(self) -> str:
        return repr(self._summary)

    def _repr_html_(self) -> str:
        return self._summary._repr_html_()
