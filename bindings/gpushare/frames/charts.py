"""Figures of plain numbers; matplotlib is imported when the first one is drawn."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..extras import extra
from .render import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "Bar",
    "Line",
    "Panel",
    "Spot",
    "front_chart",
    "grouped_bars",
    "line_chart",
    "new_figure",
    "plain_frame",
    "tornado_chart",
]


def new_figure(width: float, height: float) -> Figure:
    """An empty figure that notebooks show; inches.

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    """
    with extra("plot", "pictures need"):
        from matplotlib.figure import Figure

    class NotebookFigure(Figure):
        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", dpi=90)
            return buffer.getvalue()

    return NotebookFigure(figsize=(width, height), layout="constrained")


def plain_frame(axis: Axes) -> None:
    """Takes the upper and the right line of the frame away."""
    axis.spines[["top", "right"]].set_visible(False)


@dataclass(frozen=True)
class Panel:
    """Bars side by side for each label: title, unit, and by name the values, which may have a `half_width`."""

    title: str
    unit: str
    series: Mapping[str, Sequence[float]]


def grouped_bars(title: str, labels: Sequence[str], panels: Sequence[Panel]) -> Figure:
    """Panels beside each other, each with a group of bars for each label; a panel of one series is grey."""
    figure = new_figure(3.2 * len(panels), 3.6)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, panel in zip(axes, panels, strict=True):
        _groups(axis, labels, panel)
    if len(panels[0].series) > 1:
        axes[0].legend(frameon=False)
    figure.suptitle(title)
    return figure


def _groups(axis: Axes, labels: Sequence[str], panel: Panel) -> None:
    count = len(panel.series)
    width = 0.8 / count
    for k, (name, values) in enumerate(panel.series.items()):
        style: dict[str, Any] = (
            {"width": width, "label": name} if count > 1 else {"width": 0.6, "color": "0.6"}
        )
        positions = [i + (k - (count - 1) / 2) * width for i in range(len(labels))]
        axis.bar(positions, [float(v) for v in values], yerr=_half_widths(values), capsize=2, **style)
    axis.set_xticks(
        range(len(labels)), [shorten(label, 20) for label in labels], rotation=30, ha="right", fontsize=8
    )
    plain_frame(axis)
    axis.set_title(panel.title, fontsize=9)
    axis.set_ylabel(panel.unit)


def _half_widths(values: Sequence[float]) -> list[float] | None:
    widths = [getattr(value, "half_width", 0.0) for value in values]
    return widths if any(math.isfinite(w) and w > 0 for w in widths) else None


@dataclass(frozen=True)
class Line:
    """Points that belong together, and the half-widths of their intervals if they have any."""

    label: str
    x: Sequence[Any]
    y: Sequence[float]
    half_widths: Sequence[float] | None = None


def line_chart(x: str, y: str, lines: Sequence[Line]) -> Figure:
    """Lines in one panel; `x` and `y` are what the axes show."""
    figure = new_figure(6, 4)
    axis = figure.subplots()
    for line in lines:
        axis.errorbar(line.x, line.y, yerr=line.half_widths, marker="o", capsize=2, label=line.label or None)
    if len(lines) > 1:
        axis.legend(frameon=False, fontsize=8)
    axis.set_xlabel(x)
    axis.set_ylabel(y)
    plain_frame(axis)
    return figure


@dataclass(frozen=True)
class Spot:
    """A point with a name; values may have a `half_width`."""

    label: str
    x: float
    y: float


def front_chart(title: str, x: str, y: str, spots: Sequence[Spot], front: Sequence[str]) -> Figure:
    """Points with their names, those of `front` joined in its order; `x` and `y` are what the axes show."""
    figure = new_figure(6, 4.5)
    axis = figure.subplots()
    best = {spot.label: spot for spot in spots if spot.label in front}
    axis.plot([best[n].x for n in front], [best[n].y for n in front], color="C1", linewidth=1, label="front")
    for spot in spots:
        widths = [_half_widths([value]) for value in (spot.x, spot.y)]
        color = "C1" if spot.label in best else "0.6"
        axis.errorbar(
            [float(spot.x)],
            [float(spot.y)],
            xerr=widths[0],
            yerr=widths[1],
            marker="o",
            capsize=2,
            color=color,
        )
        axis.annotate(
            shorten(spot.label, 24), (spot.x, spot.y), xytext=(4, 4), textcoords="offset points", fontsize=8
        )
    axis.set(xlabel=x, ylabel=y, title=title)
    axis.legend(frameon=False, fontsize=8)
    plain_frame(axis)
    return figure


@dataclass(frozen=True)
class Bar:
    """A value with something low and with something high; NaN where there is none."""

    label: str
    low: float
    high: float


def tornado_chart(title: str, x: str, base: float, bars: Sequence[Bar]) -> Figure:
    """Bars from `base` to either side, the first on top; `x` is what the axis shows."""
    figure = new_figure(7, 1.2 + 0.5 * len(bars))
    axis = figure.subplots()
    for name, color in (("low", "C0"), ("high", "C1")):
        ends = [getattr(bar, name) for bar in bars]
        widths = [0.0 if math.isnan(end) else end - base for end in ends]
        axis.barh(range(len(bars)), widths, left=base, height=0.6, color=color, label=name)
    axis.axvline(base, color="0.2", linewidth=1)
    axis.set_yticks(range(len(bars)), [bar.label for bar in bars], fontsize=8)
    axis.invert_yaxis()
    axis.set(xlabel=x, title=title)
    axis.legend(frameon=False, fontsize=8)
    plain_frame(axis)
    return figure
