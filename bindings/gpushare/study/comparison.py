"""The same scenario in several modes, side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from ..frames.charts import Panel, grouped_bars
from ..frames.render import Field, html_table, number, numbers, shorten, text_table, wrap
from ..frames.tables import Table
from ..scenario.scenario import ModeLike, Scenario, ScenarioLike, mode_text
from .results import Estimate, Result, Summary, precision
from .runner import run_all
from .simulation import as_scenario, check_count, simulate

if TYPE_CHECKING:
    import pandas
    import pyarrow
    from matplotlib.figure import Figure

__all__ = ["Comparison", "compare"]

#: Modes compared when the document names none.
DEFAULT_MODES = ("dedicated", "time-slicing", "mps")

#: Latencies that users feel, by the end of their names; the others are in the summaries.
_FELT = ("e2e_latency", ".after_speech", ".ttft", ".first_audio", ".latency")
_STATISTICS = (("mean", "mean"), ("p50", "p50"), ("p95", "p95"), ("p99", "p99"), ("jitter", "jitter"))
_FIGURES = (
    "gpus_used",
    "gpus_freed",
    "request_throughput",
    "request_throughput_per_gpu",
    "output_token_throughput",
    "success_rate",
    "gpu_busy",
    "gpu_switching",
    "bandwidth_utilisation",
    "compute_utilisation",
    "vram_used_bytes",
    "vram_allocated_bytes",
    "cost_per_month",
    "cost_per_1000_requests",
    "audio_gap_rate",
)

#: Figures of one service that are shown where there is anything to show: heading, scale, decimals, meaning.
_SERVER_FIGURES = {
    "rejected": ("rejected", 1, 0, "refused by a full queue"),
    "preemptions": ("preempted", 1, 0, "sequences that gave up their KV cache and were computed again"),
    "prefix_hit_rate": ("hits %", 100, 0, "prompt tokens found in the prefix cache"),
    "draft_acceptance_rate": ("accepted %", 100, 0, "guessed tokens that were right"),
}

Refusal = _core.OutOfMemoryError | _core.LayoutError


def compare(
    scenario: ScenarioLike,
    modes: Sequence[ModeLike] | None = None,
    *,
    seed: int | None = None,
    replications: int = 1,
    uncertainty: bool = False,
    record_requests: bool = True,
    threads: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Comparison:
    """Simulates a scenario in several modes under the same luck.

    Parameters
    ----------
    scenario : Scenario, str, path or mapping
        As in `simulate`.
    modes : sequence of str or Layout, optional
        Modes as in `Scenario.load`; by default the document's own, or dedicated, time-slicing and mps.
    seed, replications, uncertainty, record_requests : optional
        As in `simulate`.
    threads : int, optional
        Modes at a time; by default one a core.
    progress : callable, optional
        Called with (modes done, modes in all).

    Returns
    -------
    Comparison
        A mode that is refused for memory or layout is a row with its reason.

    Raises
    ------
    ScenarioError, SimulationError, ValueError
        As `simulate`; an empty list of modes is a ValueError.
    """
    scenario = as_scenario(scenario)
    names = (
        [mode_text(mode) for mode in modes] if modes is not None else (scenario.modes or list(DEFAULT_MODES))
    )
    if not names:
        raise ValueError("modes: an empty list; give at least one mode")
    check_count("replications", replications)
    if threads is not None:
        check_count("threads", threads)
    outcomes: list[Result | Refusal | None] = [None] * len(names)

    def done(i: int, outcome: Result | Refusal) -> None:
        outcomes[i] = outcome
        if progress:
            progress(sum(o is not None for o in outcomes), len(names))

    task = partial(
        _run_mode,
        scenario,
        seed=seed,
        replications=replications,
        uncertainty=uncertainty,
        record_requests=record_requests,
    )
    run_all(task, names, done, threads=threads)
    return Comparison(scenario, names, [o for o in outcomes if o is not None])


def _run_mode(
    scenario: Scenario,
    mode: str,
    *,
    seed: int | None,
    replications: int,
    uncertainty: bool,
    record_requests: bool,
    cancelled: Callable[[], bool],
) -> Result | Refusal:
    try:
        return simulate(
            scenario.with_mode(mode),
            seed=seed,
            replications=replications,
            uncertainty=uncertainty,
            record_requests=record_requests,
            threads=1,
            progress=lambda _: not cancelled(),
        )
    except (_core.OutOfMemoryError, _core.LayoutError) as error:
        return error


class Comparison:
    """One row for each mode.

    Attributes
    ----------
    scenario : Scenario
        What was compared.
    modes : list of str
        In the order of the rows.
    results : dict of str to Result
        By mode; a refused mode has none.
    refused : dict of str to str
        Reasons by mode.
    """

    def __init__(
        self, scenario: Scenario, modes: Sequence[str], outcomes: Sequence[Result | Refusal]
    ) -> None:
        self.scenario = scenario
        self.modes = list(modes)
        paired = list(zip(self.modes, outcomes, strict=True))
        self.results = {mode: outcome for mode, outcome in paired if isinstance(outcome, Result)}
        self.refused = {mode: str(outcome) for mode, outcome in paired if not isinstance(outcome, Result)}
        self._summaries: dict[str, Summary] = {
            mode: result.summary() for mode, result in self.results.items()
        }

    def __getitem__(self, mode: str) -> Summary:
        """Summary of a mode; a KeyError tells why a refused one has none."""
        if mode in self.refused:
            raise KeyError(f"{mode} was refused: {self.refused[mode]}")
        return self._summaries[mode]

    def __len__(self) -> int:
        return len(self.modes)

    @property
    def latencies(self) -> list[str]:
        """Latencies that users feel, in the order of the pipeline, end to end first."""
        found = dict.fromkeys(name for summary in self._summaries.values() for name in summary.latencies)
        felt = [name for name in found if name.endswith(_FELT)]
        return [name for name in felt if not self._is_told(name, found)]

    def _is_told(self, name: str, found: Mapping[str, None]) -> bool:
        """Whether a stage's latency is that of the whole pipeline, or contains the speech it recognises."""
        if not name.endswith(".latency"):
            return False
        whole = all(s.get(f"{name}_mean_s") == s["e2e_latency_mean_s"] for s in self._summaries.values())
        return whole or name.removesuffix("latency") + "after_speech" in found

    def _server_metrics(self) -> list[str]:
        """Those of `_SERVER_FIGURES`, by service, that are not zero everywhere."""
        names = [f"{service}.{figure}" for service in self.scenario.services for figure in _SERVER_FIGURES]
        return [name for name in names if any(value > 0 for value in self.values(name))]

    def values(self, metric: str) -> list[float]:
        """A figure by the names of `Summary`, one value for each mode; NaN where there is none."""
        return [
            self._summaries[m].get(metric, math.nan) if m in self._summaries else math.nan for m in self.modes
        ]

    @property
    def table(self) -> Table:
        """Mode, figures, latencies, limiting resource and reason as columns."""
        columns: dict[str, Any] = {"mode": self.modes}
        statistics = [f"{name}_{statistic}_s" for name in self.latencies for _, statistic in _STATISTICS]
        replicated = any(isinstance(v, Estimate) for s in self._summaries.values() for v in s.values())
        for metric in [*_FIGURES, *self._server_metrics(), *statistics]:
            values = self.values(metric)
            columns[metric] = np.array([float(v) for v in values], dtype=np.float64)
            if replicated:
                columns[f"{metric}_half_width"] = np.array(
                    [getattr(v, "half_width", math.nan) for v in values]
                )
        columns["limiting_resource"] = [self._limit(mode) for mode in self.modes]
        columns["refused"] = [self.refused.get(mode, "") for mode in self.modes]
        return Table("comparison", columns)

    def _limit(self, mode: str) -> str:
        return self._summaries[mode].limiting_resource if mode in self._summaries else ""

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Figures by mode; a refused mode has only ``"refused"``."""
        rows: dict[str, dict[str, Any]] = {}
        for mode in self.modes:
            rows[mode] = (
                self._summaries[mode].to_dict()
                if mode in self._summaries
                else {"refused": self.refused[mode]}
            )
        return rows

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas frame with one row for each mode."""
        return self.table.to_pandas()

    def to_arrow(self) -> pyarrow.Table:
        """An Arrow table with one row for each mode."""
        return self.table.to_arrow()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)

    def plot(self, latencies: Sequence[str] | None = None) -> Figure:
        """Latencies by mode (p50, p95, p99) beside the throughput; needs matplotlib.

        Parameters
        ----------
        latencies : sequence of str, optional
            By default those of `latencies`.

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        ValueError
            For a latency that was not measured.
        """
        names = list(latencies) if latencies is not None else self.latencies
        for name in names:
            if all(math.isnan(v) for v in self.values(f"{name}_p50_s")):
                raise ValueError(f"no latency {name!r}; legal are {', '.join(self.latencies)}")
        modes = [mode for mode in self.modes if mode in self.results]
        panels = [
            Panel(name, "s", {p: self._drawn(modes, f"{name}_{p}_s") for p in ("p50", "p95", "p99")})
            for name in names
        ]
        throughput = self._drawn(modes, "request_throughput_per_gpu")
        panels.append(Panel("throughput per GPU", "requests/s", {"": throughput}))
        return grouped_bars(self.scenario.name, modes, panels)

    def _drawn(self, modes: Sequence[str], metric: str) -> list[float]:
        return [self[mode].get(metric, math.nan) for mode in modes]

    def _mode_field(self) -> Field:
        return Field("mode", [shorten(mode, 34) for mode in self.modes], "left")

    def _figure_fields(self, intervals: bool) -> list[Field]:
        def field(title: str, metric: str, scale: float = 1, places: int | None = None) -> Field:
            return Field(title, numbers([_scaled(v, scale, intervals) for v in self.values(metric)], places))

        def server_field(metric: str) -> Field:
            service, figure = metric.rsplit(".", 1)
            title, scale, places, _ = _SERVER_FIGURES[figure]
            return field(f"{service}\n{title}", metric, scale, places)

        gigabytes = [
            f"{number(float(used) / 1e9, 1)}/{number(float(allocated) / 1e9, 0)}"
            if not math.isnan(used)
            else "-"
            for used, allocated in zip(
                self.values("vram_used_bytes"), self.values("vram_allocated_bytes"), strict=True
            )
        ]
        return [
            field("GPUs", "gpus_used", 1, 0),
            field("freed", "gpus_freed", 1, 0),
            field("req/s", "request_throughput"),
            field("req/s\nper GPU", "request_throughput_per_gpu"),
            field("tok/s", "output_token_throughput", 1, 0),
            field("success\n%", "success_rate", 100, 1),
            field("GPU\nbusy %", "gpu_busy", 100, 0),
            field("band-\nwidth %", "bandwidth_utilisation", 100, 0),
            Field("VRAM GB\nused/all", gigabytes),
            field("$ per\nmonth", "cost_per_month", 1, 0),
            *(server_field(metric) for metric in self._server_metrics()),
        ]

    def _latency_fields(self, intervals: bool) -> list[Field]:
        fields = []
        for name in self.latencies:
            scale, unit = self._scale(name)
            for title, statistic in (("mean", "mean"), ("p95", "p95"), ("jitter", "jitter")):
                values = [_scaled(v, scale, intervals) for v in self.values(f"{name}_{statistic}_s")]
                label = name if title == "mean" else ""
                fields.append(
                    _Group(label, Field(f"{title}\n{unit}", numbers(values, 1 if unit == "ms" else 2)))
                )
        return _headed(fields)

    def _scale(self, name: str) -> tuple[float, str]:
        largest = max((v for v in self.values(f"{name}_p95_s") if not math.isnan(v)), default=0.0)
        return (1.0, "s") if largest >= 10 else (1e3, "ms")

    def _notes(self, width: int, intervals: bool) -> list[str]:
        limits: dict[str, list[str]] = {}
        for mode in self.modes:
            limits.setdefault(self._limit(mode), []).append(mode)
        lines = [
            wrap(f"limited by: {', '.join(m)}: {what}", width, "  ") for what, m in limits.items() if what
        ]
        lines += [wrap(f"refused: {mode}: {why}", width, "  ") for mode, why in self.refused.items()]
        return [*lines, wrap(f"{self._legend()} {self._precision(intervals)}".rstrip(), width, "  ")]

    def _legend(self) -> str:
        window = next((s["duration_s"] for s in self._summaries.values()), math.nan)
        return (
            f"freed: GPUs fewer than the {self.scenario.baseline_gpus} of one GPU for each server. "
            f"req/s, tok/s: completed requests and their output tokens in the {number(float(window), 0)} s "
            "measured. busy: share of time with a kernel running; bandwidth: bytes moved of the peak; "
            "both over the GPUs used. VRAM: resident of nominal. jitter: p99 - p50. "
            f"{self._server_legend()}A month has 720 hours at ${self.scenario.price_per_gpu_hour:g} a GPU."
        )

    def _server_legend(self) -> str:
        shown = dict.fromkeys(metric.rsplit(".", 1)[1] for metric in self._server_metrics())
        figures = [_SERVER_FIGURES[figure] for figure in shown]
        return "".join(f"{title.removesuffix(' %')}: {meaning}. " for title, _, _, meaning in figures)

    def _precision(self, intervals: bool) -> str:
        runs = max((len(result.runs) for result in self.results.values()), default=1)
        figures = {"req/s": "request_throughput", "the e2e mean": "e2e_latency_mean_s"}
        perturbed = any(run.perturbed for result in self.results.values() for run in result.runs)
        values = {title: self.values(metric) for title, metric in figures.items()}
        return precision(runs, intervals, values, perturbed=perturbed)

    def text(self, *, width: int = 100, intervals: bool = False) -> str:
        """The comparison as aligned text, explained below.

        Parameters
        ----------
        width : int
            Columns at most.
        intervals : bool
            With several replications, show the half-width beside every figure.

        Returns
        -------
        str
        """
        key = self._mode_field()
        parts = [text_table([key, *self._figure_fields(intervals)], width=width)]
        if self.latencies:
            parts.append(text_table([key, *self._latency_fields(intervals)], width=width))
        return "\n\n".join([*parts, "\n".join(self._notes(width, intervals))])

    def __repr__(self) -> str:
        return f"{self.scenario.name}\n{self.text()}"

    def _repr_html_(self) -> str:
        key = self._mode_field()
        limits = Field("limited by", [self._limit(mode) or "refused" for mode in self.modes], "left")
        figures = html_table([key, *self._figure_fields(True), limits], caption=self.scenario.name)
        latencies = html_table([key, *self._latency_fields(True)]) if self.latencies else ""
        return figures + latencies + html_table([], notes=self._notes(10_000, True))


class _Group:
    """A column with the heading that it shares with the columns after it."""

    def __init__(self, heading: str, field: Field) -> None:
        self.heading = heading
        self.field = field


def _headed(groups: Sequence[_Group]) -> list[Field]:
    """Columns that stay together in threes, under one heading."""
    fields = []
    for i in range(0, len(groups), 3):
        fields.append(_joined(groups[i].heading, [g.field for g in groups[i : i + 3]]))
    return fields


def _joined(heading: str, fields: Sequence[Field]) -> Field:
    widths = [field.width for field in fields]
    titles = [field.title.split("\n") for field in fields]
    rows = [
        "  ".join(c.rjust(w) for c, w in zip(cells, widths, strict=True))
        for cells in zip(*[f.cells for f in fields], strict=True)
    ]
    lines = ["  ".join(t[i].rjust(w) for t, w in zip(titles, widths, strict=True)) for i in range(2)]
    width = max(len(heading), *(len(line) for line in lines))
    return Field("\n".join([heading.center(width).rstrip(), *lines]), rows)


def _scaled(value: float, scale: float, intervals: bool) -> float:
    if isinstance(value, Estimate) and intervals:
        return Estimate(value * scale, value.half_width * scale, value.count)
    return float(value) * scale
