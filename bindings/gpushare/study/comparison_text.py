"""How a comparison of modes looks as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ..frames.notices import Notice, told
from ..frames.render import Field, number, numbers, shorten, wrap
from ..scenario.scenario import Scenario
from . import figures
from .estimates import precision, scaled
from .instances import unlike
from .marks import best_marks
from .outcomes import Outcome, values
from .times import time_cells

__all__ = ["ComparisonText", "server_figures"]

#: Of every latency.
_STATISTICS = ("mean", "p95", "jitter")


def server_figures(services: Sequence[str], outcomes: Sequence[Outcome]) -> list[str]:
    """Figures of services worth a column: the notable ones that are not zero everywhere."""
    notable = [name for name, figure in figures.of("service").items() if figure.notable]
    names = [f"{service}.{name}" for service in services for name in notable]
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
        Of the rows.
    latencies : sequence of str
        Those to show.
    intervals : bool
        Show half-widths beside the figures.
    replications : int
        Runs of each mode, the most where they differ.
    fewest : int, optional
        The fewest.
    perturbed : bool
        Whether the half-widths are of calibration errors too.
    warnings, assumptions : sequence of Notice
        What may mislead in the rows, and what they hang on that nobody said.
    homes : mapping
        By mode that cuts GPUs, the services on every instance.
    under_control : bool
        Whether fleets follow their load.
    """

    def __init__(
        self,
        scenario: Scenario,
        modes: Sequence[str],
        outcomes: Sequence[Outcome],
        latencies: Sequence[str],
        intervals: bool,
        *,
        replications: int = 1,
        fewest: int | None = None,
        perturbed: bool = False,
        warnings: Sequence[Notice] = (),
        assumptions: Sequence[Notice] = (),
        homes: Mapping[str, Mapping[str, list[str]]] = MappingProxyType({}),
        under_control: bool = False,
    ) -> None:
        self._under_control = under_control
        self._warnings = warnings
        self._assumptions = assumptions
        self._homes = homes
        self._replications = replications
        self._fewest = fewest
        self._perturbed = perturbed
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
        left_out = {
            "vram_allocated_bytes",
            *(() if figures.is_offered([self._scenario]) else figures.OF_OPEN),
        }
        leading = [name for name in figures.LEADING if name not in left_out]
        if self._under_control:
            leading += [
                name
                for name in figures.OF_CONTROL
                if not all(math.isnan(v) for v in values(self._outcomes, name))
            ]
        return [
            *(self._memory() if name == "vram_used_bytes" else self._figure(name) for name in leading),
            *(
                self._figure(name)
                for name in ("stranded_sms",)
                if any(v > 0 for v in values(self._outcomes, name))
            ),
            *(self._figure(name) for name in self._server_figures),
        ]

    def _figure(self, name: str) -> Field:
        figure = figures.describe(name)
        service = f"{name.rsplit('.', 1)[0]}\n" if "." in name else ""
        return self._field(f"{service}{figure.title}", name, figure.scale, figure.decimals)

    def _field(self, title: str, name: str, scale: float, places: int | None) -> Field:
        return Field(
            title,
            numbers(self._shown(name, scale), places),
            marks=best_marks(name, values(self._outcomes, name)),
        )

    def _shown(self, name: str, scale: float) -> list[float]:
        found = [scaled(value, scale) for value in values(self._outcomes, name)]
        return found if self._intervals else [float(value) for value in found]

    def _memory(self) -> Field:
        used, allocated = (figures.describe(f"vram_{which}_bytes") for which in ("used", "allocated"))
        pairs = zip(
            self._shown(used.name, used.scale), self._shown(allocated.name, allocated.scale), strict=True
        )
        return Field(
            f"{used.title}/{allocated.title.split()[-1]}",
            [
                f"{number(float(some), used.decimals)}/{number(float(all_), allocated.decimals)}"
                if not math.isnan(some)
                else "-"
                for some, all_ in pairs
            ],
        )

    def latencies(self) -> list[Field]:
        """Mean, p95 and jitter of each latency, under its name, in one column."""
        return [_joined(name, group) for name, group in self._groups()]

    def _groups(self) -> list[tuple[str, list[Field]]]:
        """Of each latency its name, and its mean, p95 and jitter by mode."""
        groups = []
        for name in self._latencies:
            unit, cells = time_cells([self._shown(f"{name}_{one}_s", 1.0) for one in _STATISTICS])
            columns = zip(_STATISTICS, cells, strict=True)
            groups.append((name, [Field(f"{title}\n{unit}".rstrip(), column) for title, column in columns]))
        return groups

    def latency_rows(self) -> list[Field]:
        """The same with a row for each latency and mode, however many there are of both: a page is narrow."""
        groups = self._groups()
        modes = list(self._modes)
        units = [group[0].title.partition("\n")[2] for _, group in groups]
        first = [name if i == 0 else "" for name, _ in groups for i in range(len(modes))]
        values = [
            Field(title, [cell for _, group in groups for cell in group[k].cells])
            for k, title in enumerate(_STATISTICS)
        ]
        return [
            Field("latency", first, "left"),
            Field("mode", modes * len(groups), "left"),
            *values,
            Field("in", [unit for unit in units for _ in modes], "left"),
        ]

    def limits(self) -> list[tuple[str, str]]:
        """By mode what limits it, or why it did not run; then who lives where on GPUs that are cut unalike."""
        told = []
        for mode, outcome in zip(self._modes, self._outcomes, strict=True):
            why = f"error: {outcome.error}" if outcome.error else f"refused: {outcome.refused}"
            told.append((mode, outcome.limiting_resource if outcome.ran else why))
        return [*told, *unlike(self._homes)]

    def notes(self, width: int) -> list[str]:
        """What limits each mode, why some are refused, and what the columns mean."""
        lines = [f"{mode}: {why}" for mode, why in self.limits() if why]
        lines.append(self.legend())
        notes = [*told(self._warnings, width), *(wrap(line, width, "  ") for line in lines)]
        return [*notes, *self.assumed(width)]

    def assumed(self, width: int) -> list[str]:
        """What the figures hang on and nobody said, a paragraph each."""
        return told(self._assumptions, width, "assumed")

    def legend(self) -> str:
        """What the columns mean, and how wide the intervals are."""
        return f"{self._legend()} {self._precision()}".rstrip()

    def _legend(self) -> str:
        baseline = self._scenario.baseline_gpus
        return (
            f"{f'freed: GPUs fewer than the {baseline} of one GPU for each server. ' if baseline > 0 else ''}"
            f"req/s, tok/s: completed requests and their output tokens {self._window()}"
            f"{self._offered()}. busy: share of time with a kernel running; bandwidth: bytes moved of the "
            "peak; both over the GPUs used. VRAM: resident of nominal. jitter: p99 - p50. "
            f"{self._latency_legend()}{self._server_legend()}{self._control_legend()}"
            f"A month has 720 hours at {self._prices()}."
        )

    def _window(self) -> str:
        known = [float(one) for one in values(self._outcomes, "duration_s") if not math.isnan(one)]
        if known and self._scenario.duration_s == 0:
            return f"until the last answer, after {number(min(known))} to {number(max(known))} s"
        return f"in the {number(known[0] if known else math.nan, 0)} s measured"

    def _control_legend(self) -> str:
        if not self._under_control:
            return ""
        meanings = (
            "GPUs: at most at once. GPU hours, kWh: in the window, of the GPUs that were on.",
            "time out: share of the windows of time with traffic that miss an objective.",
        )
        return " ".join(meanings) + " "

    def _offered(self) -> str:
        if not figures.is_offered([self._scenario]):
            return ", in a closed loop, where users wait for their answers"
        return "; offered: requests that came in them; backlog: those in the system when they end"

    def _prices(self) -> str:
        price = self._scenario.price_per_gpu_hour
        if isinstance(price, Mapping):
            return ", ".join(f"${one:g} for {gpu}" for gpu, one in price.items())
        return f"${price:g} a GPU" + (" unless its pool says otherwise" if self._under_control else "")

    def _server_legend(self) -> str:
        shown = [figures.of("service")[name.rsplit(".", 1)[1]] for name in self._server_figures]
        return "".join(f"{f.title.removesuffix(' %')}: {f.meaning}. " for f in dict.fromkeys(shown))

    def _latency_legend(self) -> str:
        """What those measure whose names do not tell them apart."""
        shown = dict.fromkeys(name.rsplit(".", 1)[-1] for name in self._latencies)
        told = [figures.metrics()[name] for name in shown if name in ("first_audio", "first_chunk")]
        return "".join(f"{metric.name}: {metric.meaning}. " for metric in told)

    def _precision(self) -> str:
        told = {"req/s": "request_throughput", "the e2e mean": "e2e_latency_mean_s"}
        return precision(
            self._replications,
            self._intervals,
            {title: values(self._outcomes, name) for title, name in told.items()},
            perturbed=self._perturbed,
            fewest=self._fewest,
        )


def _joined(heading: str, fields: Sequence[Field]) -> Field:
    """Columns that stay together, under one heading."""
    widths = [field.width for field in fields]
    titles = [field.title.split("\n") for field in fields]
    rows = [
        "  ".join(c.rjust(w) for c, w in zip(cells, widths, strict=True))
        for cells in zip(*[f.cells for f in fields], strict=True)
    ]
    lines = [
        "  ".join(t[i].rjust(w) for t, w in zip(titles, widths, strict=True)) for i in range(len(titles[0]))
    ]
    width = max(len(heading), *(len(line) for line in lines))
    return Field("\n".join([heading.center(width).rstrip(), *lines]), rows)
