"""How a comparison of modes looks as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..frames.render import Field, number, numbers, shorten, wrap
from ..scenario.scenario import Scenario
from .outcomes import Outcome, values
from .results import precision, scaled

__all__ = ["ComparisonText", "server_figures"]

#: Columns: title, figure, factor, decimals.
_SHOWN: tuple[tuple[str, str, float, int | None], ...] = (
    ("GPUs", "gpus_used", 1, 0),
    ("freed", "gpus_freed", 1, 0),
    ("req/s", "request_throughput", 1, None),
    ("req/s\nper GPU", "request_throughput_per_gpu", 1, None),
    ("tok/s", "output_token_throughput", 1, 0),
    ("success\n%", "success_rate", 100, 1),
    ("GPU\nbusy %", "gpu_busy", 100, 0),
    ("band-\nwidth %", "bandwidth_utilisation", 100, 0),
)
_COST = ("$ per\nmonth", "cost_per_month", 1, 0)

#: Figures of one service that are shown where there is anything to show: heading, scale, decimals, meaning.
_SERVER_FIGURES = {
    "rejected": ("rejected", 1, 0, "refused by a full queue"),
    "preemptions": ("preempted", 1, 0, "sequences that gave up their KV cache and were computed again"),
    "prefix_hit_rate": ("hits %", 100, 0, "prompt tokens found in the prefix cache"),
    "draft_acceptance_rate": ("accepted %", 100, 0, "guessed tokens that were right"),
}


def server_figures(services: Sequence[str], outcomes: Sequence[Outcome]) -> list[str]:
    """Those of `_SERVER_FIGURES`, by service, that are not zero everywhere."""
    names = [f"{service}.{figure}" for service in services for figure in _SERVER_FIGURES]
    return [name for name in names if any(value > 0 for value in values(outcomes, name))]


class ComparisonText:
    """Columns and notes of a comparison.

    Parameters
    ----------
    scenario : Scenario
        What was compared.
    modes : sequence of str
        Of the rows.
    outcomes : sequence of Outcome
        Of the rows, with their results.
    latencies : sequence of str
        Those to show.
    intervals : bool
        Show half-widths beside the figures.
    """

    def __init__(
        self,
        scenario: Scenario,
        modes: Sequence[str],
        outcomes: Sequence[Outcome],
        latencies: Sequence[str],
        intervals: bool,
    ) -> None:
        self._scenario = scenario
        self._modes = modes
        self._outcomes = outcomes
        self._latencies = latencies
        self._intervals = intervals
        self._server_figures = server_figures(scenario.services, outcomes)

    def modes(self) -> Field:
        """The column that says which row is which."""
        return Field("mode", [shorten(mode, 34) for mode in self._modes], "left")

    def figures(self) -> list[Field]:
        """Throughput, utilisation, memory and cost, and what only some servers have."""
        return [
            *(self._field(*shown) for shown in _SHOWN),
            self._memory(),
            self._field(*_COST),
            *(self._server_field(figure) for figure in self._server_figures),
        ]

    def _field(self, title: str, figure: str, scale: float, places: int | None) -> Field:
        return Field(title, numbers(self._shown(figure, scale), places))

    def _shown(self, figure: str, scale: float) -> list[float]:
        found = [scaled(value, scale) for value in values(self._outcomes, figure)]
        return found if self._intervals else [float(value) for value in found]

    def _server_field(self, figure: str) -> Field:
        service, name = figure.rsplit(".", 1)
        title, scale, places, _ = _SERVER_FIGURES[name]
        return self._field(f"{service}\n{title}", figure, scale, places)

    def _memory(self) -> Field:
        pairs = zip(self._shown("vram_used_bytes", 1), self._shown("vram_allocated_bytes", 1), strict=True)
        return Field(
            "VRAM GB\nused/all",
            [
                f"{number(float(used) / 1e9, 1)}/{number(float(allocated) / 1e9, 0)}"
                if not math.isnan(used)
                else "-"
                for used, allocated in pairs
            ],
        )

    def latencies(self) -> list[Field]:
        """Mean, p95 and jitter of each latency, under its name."""
        fields = []
        for name in self._latencies:
            scale, unit = self._scale(name)
            group = [
                self._field(f"{title}\n{unit}", f"{name}_{title}_s", scale, 1 if unit == "ms" else 2)
                for title in ("mean", "p95", "jitter")
            ]
            fields.append(_joined(name, group))
        return fields

    def _scale(self, name: str) -> tuple[float, str]:
        found = values(self._outcomes, f"{name}_p95_s")
        largest = max((v for v in found if not math.isnan(v)), default=0.0)
        return (1.0, "s") if largest >= 10 else (1e3, "ms")

    def notes(self, width: int) -> list[str]:
        """What limits each mode, why some are refused, and what the columns mean."""
        limits: dict[str, list[str]] = {}
        refusals: dict[str, str] = {}
        for mode, outcome in zip(self._modes, self._outcomes, strict=True):
            limits.setdefault(outcome.limiting_resource, []).append(mode)
            if outcome.refused:
                refusals[mode] = outcome.refused
        lines = [f"limited by: {', '.join(modes)}: {what}" for what, modes in limits.items() if what]
        lines += [f"refused: {mode}: {why}" for mode, why in refusals.items()]
        lines.append(f"{self._legend()} {self._precision()}".rstrip())
        return [wrap(line, width, "  ") for line in lines]

    def _legend(self) -> str:
        windows = values(self._outcomes, "duration_s")
        window = next((float(seconds) for seconds in windows if not math.isnan(seconds)), math.nan)
        return (
            f"freed: GPUs fewer than the {self._scenario.baseline_gpus} of one GPU for each server. "
            f"req/s, tok/s: completed requests and their output tokens in the {number(window, 0)} s "
            "measured. busy: share of time with a kernel running; bandwidth: bytes moved of the peak; "
            "both over the GPUs used. VRAM: resident of nominal. jitter: p99 - p50. "
            f"{self._server_legend()}A month has 720 hours at ${self._scenario.price_per_gpu_hour:g} a GPU."
        )

    def _server_legend(self) -> str:
        shown = dict.fromkeys(figure.rsplit(".", 1)[1] for figure in self._server_figures)
        figures = [_SERVER_FIGURES[figure] for figure in shown]
        return "".join(f"{title.removesuffix(' %')}: {meaning}. " for title, _, _, meaning in figures)

    def _precision(self) -> str:
        runs = [outcome.result.runs for outcome in self._outcomes if outcome.result is not None]
        figures = {"req/s": "request_throughput", "the e2e mean": "e2e_latency_mean_s"}
        return precision(
            max(map(len, runs), default=1),
            self._intervals,
            {title: values(self._outcomes, figure) for title, figure in figures.items()},
            perturbed=any(run.perturbed for several in runs for run in several),
        )


def _joined(heading: str, fields: Sequence[Field]) -> Field:
    """Columns that stay together, under one heading."""
    widths = [field.width for field in fields]
    titles = [field.title.split("\n") for field in fields]
    rows = [
        "  ".join(c.rjust(w) for c, w in zip(cells, widths, strict=True))
        for cells in zip(*[f.cells for f in fields], strict=True)
    ]
    lines = ["  ".join(t[i].rjust(w) for t, w in zip(titles, widths, strict=True)) for i in range(2)]
    width = max(len(heading), *(len(line) for line in lines))
    return Field("\n".join([heading.center(width).rstrip(), *lines]), rows)
