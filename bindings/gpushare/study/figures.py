"""What figures there are: names, units, headings and meanings, from the one table in C++.

The canonical name of a figure is ``request_throughput`` of a run, ``[pipeline.]stage.metric_statistic_unit`` of a
latency (``tts.first_audio_p95_s``), ``gpu0/whole.busy`` of a partition and ``llm.preemptions`` of a service.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from .. import _core
from .._errors import fail
from ..frames.units import time_text, time_unit, value_text
from .estimates import scaled

if TYPE_CHECKING:
    from ..scenario.scenario import Scenario

__all__ = [
    "Bound",
    "Figure",
    "LatencyMetric",
    "describe",
    "is_felt",
    "is_offered",
    "metrics",
    "of",
    "parse_bound",
    "resolve",
]

#: What tables of studies begin with.
LEADING = (
    "gpus_used",
    "gpus_freed",
    "offered_rate",
    "request_throughput",
    "request_throughput_per_gpu",
    "output_token_throughput",
    "success_rate",
    "backlog",
    "gpu_busy",
    "bandwidth_utilisation",
    "vram_used_bytes",
    "vram_allocated_bytes",
    "cost_per_month",
)
#: What comparisons have in their tables beside what a service or a latency has.
COMPARED = (
    "gpus_used",
    "gpus_freed",
    "offered_rate",
    "request_throughput",
    "request_throughput_per_gpu",
    "output_token_throughput",
    "success_rate",
    "late",
    "backlog",
    "backlog_growth",
    "gpu_busy",
    "gpu_switching",
    "bandwidth_utilisation",
    "compute_utilisation",
    "vram_used_bytes",
    "vram_allocated_bytes",
    "stranded_sms",
    "stranded_memory_bytes",
    "gpu_hours",
    "time_out_of_objectives",
    "cost",
    "cost_per_month",
    "cost_per_1000_requests",
    "energy_kwh",
    "audio_gap_rate",
)
#: What fleets under control are chosen by, beside what all are.
OF_CONTROL = ("gpu_hours", "energy_kwh", "time_out_of_objectives")
#: Of these, what is no news where users wait for their answers: they are offered what is served.
OF_OPEN = ("offered_rate", "backlog")
#: Statistics of latencies that tables show.
STATISTICS = ("mean", "p50", "p95", "p99", "jitter")


@dataclass(frozen=True)
class Figure:
    """What a figure is, whatever its value.

    Attributes
    ----------
    name : str
        Canonical from `describe`; from `of` only the last part: ``busy``, of a latency the statistic, ``p95_s``.
    unit : str
        ``s``, ``bytes``, ``requests/s``, ``$/month``, ...; empty for plain numbers.
    kind : str
        ``time``, ``rate``, ``share`` (of 1), ``count``, ``number``, ``bytes`` or ``money``.
    better : str
        ``lower``, ``higher`` or ``neither``.
    title : str
        Heading of a column; line breaks stack it.
    scale : float
        A table shows the value times this.
    decimals : int or None
        Of what a table shows; None for as many as the values need.
    meaning : str
        In a few words.
    notable : bool
        Whether tables show it; comparisons that of services which is not zero everywhere.
    """

    name: str
    unit: str
    kind: str
    better: str
    title: str
    scale: float
    decimals: int | None
    meaning: str
    notable: bool

    def shown(self, value: float) -> float:
        """What a table shows of a value."""
        return scaled(value, self.scale)

    def suited(self, largest: float) -> Figure:
        """A time in the unit that suits the largest, which then stands in its heading; others as they are."""
        if self.kind != "time":
            return self
        unit = time_unit(largest)
        return replace(self, title=f"{self.title}\n{unit.name}", scale=1 / unit.seconds, decimals=None)


@dataclass(frozen=True)
class LatencyMetric:
    """What a latency measures: the last part of its name.

    Attributes
    ----------
    name, title, meaning : str
        ``ttft``, its heading and what it is.
    felt : bool
        Whether users feel it; comparisons show these.
    """

    name: str
    title: str
    felt: bool
    meaning: str


@cache
def of(scope: str) -> Mapping[str, Figure]:
    """The figures of a ``run``, a ``latency``, a ``partition`` or a ``service`` by their last part, in order."""
    return {row["name"]: Figure(**row) for row in _core.figure_table()[scope]}


@cache
def metrics() -> Mapping[str, LatencyMetric]:
    """What latencies measure, by name."""
    return {row[0]: LatencyMetric(*row) for row in _core.latency_metrics()}


def is_felt(latency: str) -> bool:
    """Whether users feel a latency: ``llm.ttft``, and not ``llm.queue``."""
    metric = metrics().get(latency.rsplit(".", 1)[-1])
    return metric is not None and metric.felt


def is_offered(scenarios: Iterable[Scenario | None]) -> bool:
    """Whether any of them has traffic that comes whatever is served."""
    return any(
        kind != "closed"
        for scenario in scenarios
        if scenario is not None
        for kind in scenario.workload.traffic.values()
    )


def describe(name: str) -> Figure:
    """What a canonical name means.

    Parameters
    ----------
    name : str
        Such as ``llm.ttft_p95_s``.

    Raises
    ------
    FigureError
        No run has a figure of that name.
    """
    row = _core.figure_info(name)
    if row is None:
        raise fail(_core.FigureError, "", f'unknown figure "{name}"')
    figure = replace(Figure(**row), name=name)
    last = name.rsplit(".", 1)[-1]
    for metric in metrics().values():
        if last == f"{metric.name}_{row['name']}":
            title = f"{metric.title} {figure.title}"
            return replace(figure, title=title, meaning=f"{metric.meaning}: {figure.meaning}")
    return figure


def shown(figure: str, value: float, half: float = 0.0) -> str:
    """A value of a figure as people write it: ``400 ms``, ``69 min``, ``99.9 %``, with its half-width if it has one."""
    described = describe(figure)
    if math.isnan(value):
        return "none"
    if described.kind == "share":
        return f"{value_text(100 * value, 100 * half)} %"
    if described.unit == "s":
        return time_text(value, half)
    if described.kind == "money":
        return f"${value:,.0f}"
    if described.kind == "bytes":
        return f"{value_text(value / 1e9, half / 1e9)} GB"
    unit = "GPU" if described.unit == "GPUs" and value == 1 else described.unit
    if unit.startswith("kWh") and abs(value) < 1:
        value, half, unit = 1000 * value, 1000 * half, unit[1:]
    return f"{value_text(value, half)} {unit}".rstrip()


def resolve(names: Iterable[str], text: str) -> str:
    """The canonical name that a text means.

    Parameters
    ----------
    names : iterable of str
        Canonical names; a `Summary` gives its own.
    text : str
        One of them, or what is left when parts before a dot are dropped, where that is unique. The name of the only
        pipeline may stand before latencies of a `Summary`.

    Raises
    ------
    FigureError
        For a name that is unknown, with the nearest, or ambiguous, with the choices.
    """
    return _core.resolve_figure(list(names), text, getattr(names, "only_pipeline", ""))


@dataclass(frozen=True)
class Bound:
    """What a figure may be at most or at least.

    Attributes
    ----------
    name : str
        Canonical.
    value : float
        In the unit of the figure.
    at_most : bool
        Whether the value is the largest that is good; otherwise the smallest.
    """

    name: str
    value: float
    at_most: bool


def parse_bound(names: Iterable[str], text: str) -> Bound:
    """Reads ``llm.ttft_p95=500ms``, ``success_rate>=99%`` or ``gpus_used<=2``.

    Parameters
    ----------
    names : iterable of str
        As in `resolve`.
    text : str
        A figure, ``=``, ``<=`` or ``>=``, and a number with or without a unit: ns, us, ms, s, min, h; %; B, kB, MB,
        GB, TB, KiB, MiB, GiB, TiB; /s, /min, /h, also req/s and tok/s; $. With a unit the name may lack its own.
        ``=`` bounds the worse side of the figure.

    Raises
    ------
    FigureError
        For a figure as in `resolve`, and for a bound that says nothing of it.
    """
    return Bound(*_core.parse_bound(list(names), text, getattr(names, "only_pipeline", "")))
