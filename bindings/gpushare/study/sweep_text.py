"""How a sweep looks as text."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from ..frames.notices import Notice
from ..frames.notices import told as warned
from ..frames.render import Field, number, numbers, shorten, wrap
from . import figures
from .estimates import precision, scaled
from .marks import best_marks
from .outcomes import Outcome, values
from .points import Point
from .times import time_cells

__all__ = ["SweepText"]

#: Columns.
_SHOWN = (
    "gpus_used",
    "offered_rate",
    "request_throughput",
    "request_throughput_per_gpu",
    "output_token_throughput",
    "success_rate",
    "backlog",
    "e2e_latency_mean_s",
    "e2e_latency_p95_s",
)
#: Of these, a figure that is the same in every row is said once, below the table.
_OFTEN_SAME = {"gpus_used": "GPUs: {}", "success_rate": "{} % of the requests completed"}
_INSTANCE = re.compile(r"[^+@()]+\.\d+gb[^+@()]*")


class SweepText:
    """Columns and notes of some rows of a sweep.

    Parameters
    ----------
    points : sequence of Point
        Of the rows.
    outcomes : sequence of Outcome
        Of the rows.
    axes : sequence of str
        Names of the axes.
    replications : int
        Runs of each point.
    intervals : bool
        Show half-widths beside the figures.
    perturbed : bool
        Whether the half-widths are of calibration errors too.
    first : sequence of str
        Figures that were asked for; they come before the others.
    fewest : int, optional
        Runs of the points that had the fewest.
    beside : sequence of Field
        What else is known of the rows; it comes before the limits.
    warnings : sequence of Notice
        What may mislead in them.
    missed : sequence of collection of str, optional
        Of each row the figures that miss their objectives: no figure of such a row is the best.
    """

    def __init__(
        self,
        points: Sequence[Point],
        outcomes: Sequence[Outcome],
        axes: Sequence[str],
        replications: int,
        intervals: bool,
        *,
        perturbed: bool = False,
        first: Sequence[str] = (),
        fewest: int | None = None,
        beside: Sequence[Field] = (),
        warnings: Sequence[Notice] = (),
        missed: Sequence[Collection[str]] | None = None,
    ) -> None:
        self._missed = missed if missed is not None else [()] * len(points)
        self._warnings = warnings
        self._fewest = fewest
        self._beside = beside
        self._points = points
        self._outcomes = outcomes
        self._asked = [self._asked_for(name) for name in dict.fromkeys(first)]
        self._axes = axes
        self._replications = replications
        self._intervals = intervals
        self._perturbed = perturbed

    def fields(self) -> list[Field]:
        """Axes, figures and limits."""
        fields = [self._axis_field(axis) for axis in self._axes]
        if not fields:
            fields = [Field("point", [str(i) for i in range(len(self._points))])]
        for figure in [*self._asked, *self._others()]:
            found = self._values(figure.name, figure.scale)
            if figure in self._asked or (_known(found) and not self._is_same(figure.name)):
                shown = found if self._intervals else [float(v) for v in found]
                fields.append(_field(figure, shown, self._marks(figure.name)))
        limits = [
            shorten(o.bottleneck.brief, 24) if o.bottleneck else "error" if o.error else "refused"
            for o in self._outcomes
        ]
        return [*fields, *self._beside, Field("limited by", limits, "left")]

    def _marks(self, name: str) -> list[str]:
        """What misses its bound, and the best of the rows that miss nothing."""
        found = values(self._outcomes, name)
        good = [math.nan if missed else value for value, missed in zip(found, self._missed, strict=True)]
        pairs = zip(best_marks(name, good), self._missed, strict=True)
        return ["failing" if name in missed else best for best, missed in pairs]

    def notes(self, width: int) -> list[str]:
        """What the table does not say: figures common to all rows, precision, reasons."""
        same = [
            _OFTEN_SAME[figure.name].format(
                number(float(_known(self._values(figure.name, figure.scale))[0]), figure.decimals)
            )
            for figure in self._others()
            if self._is_same(figure.name)
        ]
        lines = [f"in every row that is not refused: {', '.join(same)}"] if same else []
        if "layout" in self._axes:
            lines.append("layout: instance@slot, such as 3g@4 for 3g.40gb from memory slot 4 on")
        told = {"req/s": "request_throughput", "the e2e mean": "e2e_latency_mean_s"}
        known = {title: self._values(metric, 1) for title, metric in told.items()}
        lines.append(
            precision(
                self._replications, self._intervals, known, perturbed=self._perturbed, fewest=self._fewest
            )
        )
        shown = [wrap(line, width, "  ") for line in [*lines, *self._reasons()] if line]
        return [*warned(self._warnings, width), *shown]

    def _reasons(self) -> list[str]:
        reasons: dict[tuple[str, str], list[str]] = {}
        for i, (point, outcome) in enumerate(zip(self._points, self._outcomes, strict=True)):
            if not outcome.ran:
                label = ", ".join(str(v) for v in point.axes.values()) or f"point {i}"
                why = ("error", outcome.error) if outcome.error else ("refused", outcome.refused)
                reasons.setdefault(why, []).append(label)
        return [f"{what}: {'; '.join(labels)}: {why}" for (what, why), labels in reasons.items()]

    def _asked_for(self, name: str) -> figures.Figure:
        """With what it belongs to in its heading."""
        figure = figures.describe(name)
        owner = name.rpartition(".")[0]
        return replace(figure, title=f"{owner}\n{figure.title}") if owner else figure

    def _others(self) -> list[figures.Figure]:
        left_out = [figure.name for figure in self._asked]
        if not figures.is_offered(point.scenario for point in self._points):
            left_out += figures.OF_OPEN
        shown = [name for name in _SHOWN if not name.startswith("e2e_latency") or self._has(name)]
        shown += [name for name in self._names() if name.endswith(".e2e_latency_p95_s")]  # of each pipeline
        return [self._asked_for(name) for name in shown if name not in left_out]

    def _names(self) -> list[str]:
        return list(dict.fromkeys(name for outcome in self._outcomes for name in outcome.figures))

    def _has(self, name: str) -> bool:
        return any(name in outcome.figures for outcome in self._outcomes)

    def _values(self, metric: str, scale: float) -> list[float]:
        return [scaled(value, scale) for value in values(self._outcomes, metric)]

    def _is_same(self, metric: str) -> bool:
        known = _known(self._values(metric, 1))
        return metric in _OFTEN_SAME and len(known) > 1 and len({float(v) for v in known}) == 1

    def _axis_field(self, axis: str) -> Field:
        places = [point.axes.get(axis) for point in self._points]
        if all(isinstance(place, (int, float)) for place in places):
            return Field(axis, [f"{place:g}" for place in places])
        texts = [str(place) for place in places]
        if axis == "layout":
            texts = compact_layouts(texts)
        return Field(axis, [shorten(text, 40) for text in texts], "left")


def _field(figure: figures.Figure, found: Sequence[float], marks: Sequence[str]) -> Field:
    if figure.kind != "time":
        return Field(figure.title, numbers(found, figure.decimals), marks=marks)
    unit, (cells,) = time_cells([[scaled(one, 1 / figure.scale) for one in found]])
    return Field(f"{figure.title}\n{unit}".rstrip(), cells, marks=marks)


def _known(found: Sequence[float]) -> list[float]:
    return [value for value in found if not math.isnan(value)]


def compact_layouts(layouts: Sequence[str]) -> list[str]:
    """Layouts without the memory in the names of instances, as long as that leaves them apart."""
    short = {name: name.split(".")[0] for layout in layouts for name in _INSTANCE.findall(layout)}
    if len(set(short.values())) < len(short):
        return list(layouts)
    return [_INSTANCE.sub(lambda match: short[match.group()], layout) for layout in layouts]
