"""How a sweep looks as text."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..frames.render import Field, number, numbers, shorten, wrap
from .points import Point
from .results import Estimate, precision

__all__ = ["SweepText"]

#: Columns: title, figure, factor, decimals.
_SHOWN: tuple[tuple[str, str, float, int | None], ...] = (
    ("GPUs", "gpus_used", 1, 0),
    ("req/s", "request_throughput", 1, None),
    ("req/s\nper GPU", "request_throughput_per_gpu", 1, None),
    ("tok/s", "output_token_throughput", 1, 0),
    ("success\n%", "success_rate", 100, 1),
    ("e2e mean\ns", "e2e_latency_mean_s", 1, None),
    ("e2e p95\ns", "e2e_latency_p95_s", 1, None),
)
#: Of these, a figure that is the same in every row is said once, below the table.
_OFTEN_SAME = {"gpus_used": "{} GPUs", "success_rate": "{} % of the requests completed"}
_INSTANCE = re.compile(r"[^+@()]+\.\d+gb[^+@()]*")


class SweepText:
    """Columns and notes of some rows of a sweep.

    Parameters
    ----------
    points : sequence of Point
        Of the rows.
    outcomes : sequence of dict
        Of the rows, as `sweeps.run_point` gives them.
    axes : sequence of str
        Names of the axes.
    replications : int
        Runs of each point.
    intervals : bool
        Show half-widths beside the figures.
    """

    def __init__(
        self,
        points: Sequence[Point],
        outcomes: Sequence[Mapping[str, Any]],
        axes: Sequence[str],
        replications: int,
        intervals: bool,
    ) -> None:
        self._points = points
        self._outcomes = outcomes
        self._axes = axes
        self._replications = replications
        self._intervals = intervals

    def fields(self) -> list[Field]:
        """Axes, figures and limits."""
        fields = [self._axis_field(axis) for axis in self._axes]
        if not fields:
            fields = [Field("point", [str(i) for i in range(len(self._points))])]
        for title, metric, scale, places in _SHOWN:
            values = self._values(metric, scale)
            if _known(values) and not self._is_same(metric):
                shown = values if self._intervals else [float(v) for v in values]
                fields.append(Field(title, numbers(shown, places)))
        limits = [_brief(outcome["limiting_resource"]) or "refused" for outcome in self._outcomes]
        return [*fields, Field("limited by", limits, "left")]

    def notes(self, width: int) -> list[str]:
        """What the table does not say: figures common to all rows, precision, reasons."""
        same = [
            _OFTEN_SAME[metric].format(number(float(_known(self._values(metric, scale))[0]), places))
            for _, metric, scale, places in _SHOWN
            if self._is_same(metric)
        ]
        lines = [f"in every row that is not refused: {', '.join(same)}"] if same else []
        if "layout" in self._axes:
            lines.append("layout: instance@slot, such as 3g@4 for 3g.40gb from memory slot 4 on")
        figures = {"req/s": "request_throughput", "the e2e mean": "e2e_latency_mean_s"}
        known = {title: self._values(metric, 1) for title, metric in figures.items()}
        lines.append(precision(self._replications, self._intervals, known))
        return [wrap(line, width, "  ") for line in [*lines, *self._reasons()] if line]

    def _reasons(self) -> list[str]:
        reasons: dict[str, list[str]] = {}
        for i, (point, outcome) in enumerate(zip(self._points, self._outcomes, strict=True)):
            if outcome["refused"]:
                label = ", ".join(str(v) for v in point.axes.values()) or f"point {i}"
                reasons.setdefault(outcome["refused"], []).append(label)
        return [f"refused: {'; '.join(labels)}: {why}" for why, labels in reasons.items()]

    def _values(self, metric: str, scale: float) -> list[float]:
        return [_value(outcome["metrics"].get(metric), scale) for outcome in self._outcomes]

    def _is_same(self, metric: str) -> bool:
        values = _known(self._values(metric, 1))
        return metric in _OFTEN_SAME and len(values) > 1 and len({float(v) for v in values}) == 1

    def _axis_field(self, axis: str) -> Field:
        values = [point.axes.get(axis) for point in self._points]
        if all(isinstance(v, (int, float)) for v in values):
            return Field(axis, [f"{v:g}" for v in values])
        texts = [str(v) for v in values]
        if axis == "layout":
            texts = compact_layouts(texts)
        return Field(axis, [shorten(text, 40) for text in texts], "left")


def _value(found: Sequence[float] | None, scale: float) -> float:
    if found is None:
        return math.nan
    if len(found) > 1:
        return Estimate(found[0] * scale, found[1] * scale, int(found[2]))
    return found[0] * scale


def _known(values: Sequence[float]) -> list[float]:
    return [v for v in values if not math.isnan(v)]


def _brief(limit: str) -> str:
    """The service and the resource of a limit, without where and how much."""
    return shorten(re.split(r" of |[;,(]", limit)[0].strip(), 24)


def compact_layouts(layouts: Sequence[str]) -> list[str]:
    """Layouts without the memory in the names of instances, as long as that leaves them apart."""
    short = {name: name.split(".")[0] for layout in layouts for name in _INSTANCE.findall(layout)}
    if len(set(short.values())) < len(short):
        return list(layouts)
    return [_INSTANCE.sub(lambda match: short[match.group()], layout) for layout in layouts]
