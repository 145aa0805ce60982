"""Small multiples: p50, p95 and p99 of several latencies by mode, in one hue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .look import BAD, HUE, INK, SOFT, new_figure, plain_frame, say_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["Panel", "draw_small_multiples", "size_of", "small_multiples"]

_COLUMNS = 3
#: From here on seconds are read more easily than milliseconds.
_LONG_S = 10.0


@dataclass(frozen=True)
class Panel:
    """A latency: its name, and for each label p50, p95 and p99 in seconds; a bound of its p95 (NaN: none)."""

    title: str
    values: Sequence[tuple[float, float, float]]
    bound: float = math.nan


def size_of(labels: Sequence[str], panels: Sequence[Panel]) -> tuple[float, float]:
    """Inches that the panels take."""
    columns = min(_COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    names = 0.075 * max(map(len, labels))
    return names + 2.7 * columns, 0.7 + rows * (0.75 + 0.24 * len(labels))


def small_multiples(title: str, labels: Sequence[str], panels: Sequence[Panel], best: str = "") -> Figure:
    """A panel for each latency, a row for each label; the row `best` stands out."""
    width, height = size_of(labels, panels)
    figure = new_figure(width, height)
    draw_small_multiples(figure, labels, panels, best)
    say_above(figure, title, width)
    return figure


def draw_small_multiples(
    figure: Figure | SubFigure, labels: Sequence[str], panels: Sequence[Panel], best: str = ""
) -> None:
    """The same into a figure that is there, without a title."""
    columns = min(_COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel().tolist()
    for axis, panel in zip(axes, panels, strict=False):
        _panel(axis, labels, panel, best)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    handles, names = axes[0].get_legend_handles_labels()
    bounded = next(
        (axis for axis, panel in zip(axes, panels, strict=False) if panel.bound == panel.bound), None
    )
    if bounded is not None:
        handles, names = bounded.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, fontsize=8)


def _panel(axis: Axes, labels: Sequence[str], panel: Panel, best: str) -> None:
    known = [v for row in panel.values for v in row if not math.isnan(v)]
    factor, unit = (1.0, "s") if max(known, default=0.0) >= _LONG_S else (1e3, "ms")
    rows = range(len(labels))
    p50, p95, p99 = ([factor * row[i] for row in panel.values] for i in range(3))
    for y, low, high in zip(rows, p50, p99, strict=True):
        if not math.isnan(low) and not math.isnan(high):
            axis.plot(
                [low, high], [y, y], color=HUE, alpha=0.35, linewidth=4, solid_capstyle="butt", zorder=1
            )
    axis.plot(p99, rows, "|", color=HUE, markersize=9, markeredgewidth=1.8, label="p99", zorder=3)
    axis.plot(p95, rows, "o", color=HUE, markersize=6, label="p95", zorder=4)
    axis.plot(
        p50,
        rows,
        "o",
        color="white",
        markeredgecolor=HUE,
        markersize=5.5,
        markeredgewidth=1.4,
        label="p50",
        zorder=3,
    )
    largest = max([*p99, *p95], key=lambda v: -1.0 if math.isnan(v) else v, default=1.0)
    end = 1.0 if math.isnan(largest) or largest <= 0 else 1.08 * largest
    if not math.isnan(panel.bound):
        bound = factor * panel.bound
        if bound <= 3 * end:
            axis.axvline(bound, color=BAD, linestyle="--", linewidth=1.2, label="bound of p95", zorder=2)
            end = max(end, 1.08 * bound)
    axis.set_xlim(0, end)
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.set_yticks(rows, labels, fontsize=8)
    for tick, label in zip(axis.get_yticklabels(), labels, strict=False):
        tick.set_fontweight("bold" if label == best else "normal")
    axis.tick_params(axis="x", labelsize=8)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", color=SOFT, alpha=0.2, linewidth=0.6)
    axis.set_axisbelow(True)
    plain_frame(axis)
    axis.set_title(f"{panel.title}, {unit}", fontsize=9, loc="left", color=INK)
