"""What a simulation gives back."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from .. import _core
from ..frames.render import Field, html_table, number, numbers, text_table, wrap
from ..frames.tables import Table, concatenate

__all__ = ["Estimate", "Result", "Run", "Summary", "estimate"]

#: Figures of one latency, as they appear in names such as "ttft_p95_s".
LATENCY_STATISTICS = ("mean", "p50", "p90", "p95", "p99", "max", "standard_deviation", "jitter")
_PARTITION_FIGURES = (
    "busy",
    "switching",
    "compute_utilisation",
    "bandwidth_utilisation",
    "memory_used_bytes",
    "memory_allocated_bytes",
)
_SERVICE_FIGURES = (
    "replicas",
    "mean_in_system",
    "mean_batch",
    "steps",
    "preemptions",
    "rejected",
    "prefix_prompt_tokens",
    "prefix_hit_tokens",
    "prefix_evicted_blocks",
    "draft_tokens",
    "accepted_tokens",
    "busy",
)


class Estimate(float):
    """A mean over replications that knows its confidence interval.

    Attributes
    ----------
    half_width : float
        Of the 95 % interval by Student's t; infinite for fewer than two values.
    count : int
        Replications that had the figure.
    """

    half_width: float
    count: int

    def __new__(cls, mean: float, half_width: float = math.inf, count: int = 1) -> Estimate:  # noqa: D102
        self = super().__new__(cls, mean)
        self.half_width = half_width
        self.count = count
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Estimate, (float(self), self.half_width, self.count)

    def __repr__(self) -> str:
        return f"{float(self):.6g} ± {self.half_width:.2g}"


def scaled(value: float, factor: float) -> float:
    """In another unit; an estimate keeps its interval."""
    if isinstance(value, Estimate):
        return Estimate(value * factor, value.half_width * factor, value.count)
    return value * factor


# Half of the width that holds 90 % of a normal distribution, in standard deviations.
_HALF_OF_90 = 1.645


def estimate(values: Sequence[float], *, perturbed: bool = False) -> float:
    """The value itself, or for two and more the mean with its 95 % half-width; NaN values are left out.

    With `perturbed` the half-width is that of the values, 90 %: what one prediction may be off by.
    """
    known = [float(v) for v in values if not math.isnan(v)]
    if len(values) == 1 or not known:
        return values[0] if len(values) == 1 else math.nan
    if perturbed:
        half_width = _HALF_OF_90 * float(np.std(known, ddof=1)) if len(known) > 1 else math.inf
        return Estimate(float(np.mean(known)), half_width, len(known))
    return Estimate(*_core.mean_estimate(known, 0.95))


def precision(
    runs: int, intervals: bool, figures: Mapping[str, Sequence[float]], *, perturbed: bool = False
) -> str:
    """What is known about chance: what ± means, or how wide the intervals of some figures are at most."""
    if runs < 2:
        return ""
    if perturbed and intervals:
        return f"± is half of the 90 % interval of the prediction: calibration error and chance, {runs} runs."
    if intervals:
        return f"± is the half-width of the 95 % interval over {runs} replications."
    widest = [
        f"{100 * max(relative):.1f} % of {title}"
        for title, values in figures.items()
        if (relative := [v.half_width / v for v in values if isinstance(v, Estimate) and v > 0])
    ]
    if perturbed:
        return f"Means of {runs} runs; by calibration error and chance 90 % lie within {', '.join(widest)}."
    return f"Means of {runs} replications; 95 % half-widths are at most {', '.join(widest)}."


def _weighted(partitions: Sequence[Mapping[str, Any]], figure: str) -> float:
    """Mean over partitions, each counted by the memory it was given."""
    total = sum(p["memory_allocated_bytes"] for p in partitions)
    if not total:
        return math.nan
    return float(sum(p[figure] * p["memory_allocated_bytes"] for p in partitions) / total)


def flatten(summary: Mapping[str, Any]) -> dict[str, float]:
    """Every number of one run's summary by a flat name, such as ``tts.first_audio_p95_s``."""
    flat: dict[str, float] = {k: v for k, v in summary.items() if isinstance(v, (int, float))}
    partitions = summary["partitions"]
    for figure, name in (
        ("busy", "gpu_busy"),
        ("bandwidth_utilisation", "bandwidth_utilisation"),
        ("compute_utilisation", "compute_utilisation"),
        ("switching", "gpu_switching"),
    ):
        flat[name] = _weighted(partitions, figure)
    for name, latency in summary["latencies"].items():
        for statistic in LATENCY_STATISTICS:
            flat[f"{name}_{statistic}_s"] = latency[statistic] if latency["count"] else math.nan
        flat[f"{name}_count"] = latency["count"]
    for partition in partitions:
        flat |= {f"{partition['name']}.{figure}": partition[figure] for figure in _PARTITION_FIGURES}
    for service in summary["services"]:
        flat |= {f"{service['name']}.{figure}": service[figure] for figure in _SERVICE_FIGURES}
        if looked_up := service["prefix_prompt_tokens"]:
            flat[f"{service['name']}.prefix_hit_rate"] = service["prefix_hit_tokens"] / looked_up
        if guessed := service["draft_tokens"]:
            flat[f"{service['name']}.draft_acceptance_rate"] = service["accepted_tokens"] / guessed
    return flat


class Summary(Mapping[str, float]):
    """Figures by name: throughput, latencies, utilisations, cost.

    Names follow the benchmark tools: ``request_throughput``, ``output_token_throughput``, ``ttft_p95_s``,
    ``e2e_latency_mean_s``, ``tts.first_audio_p95_s``; ``*_jitter_s`` is p99 - p50. Times are seconds, memory
    is bytes, utilisations are shares of 1. With several replications every value is an `Estimate`.

    Parameters
    ----------
    runs : sequence of Run
        Replications of one scenario in one mode.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = tuple(runs)
        self._latencies = list(dict.fromkeys(name for run in runs for name in run.summary["latencies"]))

    @cached_property
    def _metrics(self) -> dict[str, float]:
        flat = [flatten(run.summary) for run in self._runs]
        names = dict.fromkeys(name for metrics in flat for name in metrics)
        perturbed = any(run.perturbed for run in self._runs)
        return {
            name: estimate([metrics.get(name, math.nan) for metrics in flat], perturbed=perturbed)
            for name in names
        }

    @property
    def latencies(self) -> list[str]:
        """Names of the measured latencies: ``e2e_latency``, ``ttft``, ..."""
        return list(self._latencies)

    @property
    def limiting_resource(self) -> str:
        """What the requests wait for most, in words; with several replications the most frequent answer."""
        found = Counter(run.summary["limiting_resource"] for run in self._runs)
        answer, times = found.most_common(1)[0]
        return answer if times == len(self._runs) else f"{answer} ({times} of {len(self._runs)} replications)"

    def __getitem__(self, name: str) -> float:
        return self._metrics[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; an `Estimate` becomes ``{"mean", "half_width", "count"}``."""
        plain: dict[str, Any] = {}
        for name, value in self._metrics.items():
            if isinstance(value, Estimate):
                plain[name] = {"mean": float(value), "half_width": value.half_width, "count": value.count}
            else:
                plain[name] = value
        return plain | {"limiting_resource": self.limiting_resource}

    def _title(self) -> str:
        run = self._runs[0]
        many = f", {len(self._runs)} replications" if len(self._runs) > 1 else ""
        return f"{run.scenario}, {run.mode}: {number(self['duration_s'])} s measured, seed {run.seed}{many}"

    def _facts(self) -> list[tuple[str, str]]:
        count = self._count
        return [
            (
                "requests",
                f"{count('completed')} of {count('arrived')} completed, {count('rejected')} rejected, "
                f"{count('failed')} failed, {count('skipped')} skipped, {count('unfinished')} unfinished",
            ),
            (
                "throughput",
                f"{number(self['request_throughput'])} requests/s "
                f"({number(self['request_throughput_per_gpu'])} a GPU), "
                f"{number(self['output_token_throughput'], 0)} output tokens/s",
            ),
            (
                "GPUs",
                f"{count('gpus_used')} used, {count('gpus_freed')} freed; {_percent(self['gpu_busy'])} busy; "
                f"${number(self['cost_per_month'], 0)} a month",
            ),
            (
                "memory",
                f"{number(self['vram_used_bytes'] / 1e9, 1)} GB used "
                f"of {number(self['vram_allocated_bytes'] / 1e9, 1)} GB allocated",
            ),
            ("limited by", self.limiting_resource),
        ]

    def _count(self, name: str) -> str:
        value = self[name]
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"

    def _latency_fields(self) -> list[Field]:
        fields = [Field("latency", self._latencies, "left")]
        rows = {
            name: [
                self.get(f"{name}_{statistic}_s", math.nan) * 1e3
                for statistic in ("mean", "p50", "p95", "p99", "jitter")
            ]
            for name in self._latencies
        }
        for i, title in enumerate(("mean", "p50", "p95", "p99", "p99-p50")):
            fields.append(Field(f"{title}\nms", numbers([row[i] for row in rows.values()], 1)))
        return fields

    def _partition_fields(self) -> list[Field]:
        partitions = self._runs[0].summary["partitions"]
        names = [p["name"] for p in partitions]

        def percents(figure: str) -> list[str]:
            return [_percent(self[f"{name}.{figure}"]) for name in names]

        used = [self[f"{name}.memory_used_bytes"] / 1e9 for name in names]
        return [
            Field("partition", names, "left"),
            Field("shared by", [p["sharing"] for p in partitions], "left"),
            Field("busy", percents("busy")),
            Field("switching", percents("switching")),
            Field("compute", percents("compute_utilisation")),
            Field("bandwidth", percents("bandwidth_utilisation")),
            Field("GB used", numbers(used, 1)),
        ]

    def __repr__(self) -> str:
        lines = [self._title()]
        lines += [wrap(f"  {name:<11} {text}", 80, " " * 14) for name, text in self._facts()]
        lines += ["", text_table(self._latency_fields(), width=80)]
        lines += ["", text_table(self._partition_fields(), width=80)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        notes = [f"{name}: {text}" for name, text in self._facts()]
        latencies = html_table(self._latency_fields(), caption=self._title(), notes=notes)
        return latencies + html_table(self._partition_fields())


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.0f} %"


class Run:
    """One replication.

    Attributes
    ----------
    scenario, mode : str
        What was simulated.
    seed, replication : int
        The random streams it drew from.
    perturbed : bool
        Whether it drew its own calibration errors.
    summary : dict
        Every figure, nested; see `Summary` for flat names.
    requests, steps, partitions : Table
        ``requests`` and ``steps`` are empty when they were not recorded.
    log : dict of str to Table
        ``processes`` (who lived where from when to when), ``holds`` (one process at a time: it ran, or was being
        brought in), ``shares`` (side by side: a step's rate, 1 is as fast as alone) and ``steps`` (by process, rank
        and phase); empty when it was not recorded.
    """

    def __init__(self, run: _core.Run) -> None:
        self.scenario: str = run.scenario
        self.mode: str = run.mode
        self.seed: int = run.seed
        self.replication: int = run.replication
        self.perturbed: bool = run.perturbed
        self.summary: dict[str, Any] = run.summary
        self.requests = Table._wrap(run.requests)
        self.steps = Table._wrap(run.steps)
        self.partitions = Table._wrap(run.partitions)
        self.log = {name: Table._wrap(table) for name, table in run.log().items()}

    def __repr__(self) -> str:
        return f"<Run {self.scenario}, {self.mode}, seed {self.seed}, replication {self.replication}>"


class Result:
    """Replications of one scenario in one mode.

    Attributes
    ----------
    runs : tuple of Run
        In order of replication.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = tuple(runs)

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

    def summary(self) -> Summary:
        """Figures by name, as estimates with half-widths when there are several replications."""
        return self._summary

    @cached_property
    def _summary(self) -> Summary:
        return Summary(self.runs)

    def __repr__(self) -> str:
        return repr(self._summary)

    def _repr_html_(self) -> str:
        return self._summary._repr_html_()
