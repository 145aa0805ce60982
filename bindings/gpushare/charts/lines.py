"""Lines with their bands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .fronts import Bound
from .look import HUES, INK, MARKERS, SOFT, canvas, legend_beside, logarithmic, plain_frame, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Line", "line_chart"]

#: Points beyond which none has a marker.
_DENSE = 40
#: So many times its bound, and a value hides it.
_FAR = 20


@dataclass(frozen=True)
class Line:
    """Points that belong together, and the half-widths of their intervals if they have any.

    `at` is a place on the x axis that the line stands for (NaN: none).
    """

    label: str
    x: Sequence[Any]
    y: Sequence[float]
    half_widths: Sequence[float] | None = None
    at: float = math.nan


def line_chart(
    x: str,
    y: str,
    lines: Sequence[Line],
    *,
    title: str = "",
    bound: Bound | None = None,
    stairs: bool = False,
    ax: Axes | None = None,
) -> Figure:
    """Lines in one panel, `x` and `y` are what the axes show; over names, between which nothing is, points.

    Parameters
    ----------
    bound : Bound, optional
        A level that the lines are held against.
    stairs : bool
        Values hold until the next one; without markers.
    """
    figure, axis = canvas(ax, 7.2 if len(lines) > 1 else 6, 4)
    named = any(isinstance(one, str) for line in lines for one in line.x)
    for i, line in enumerate(lines):
        color = HUES[i % len(HUES)]
        dense = (stairs or len(line.x) > _DENSE) and not named
        axis.plot(
            line.x,
            line.y,
            color=color,
            marker=None if dense else MARKERS[i % len(MARKERS)],
            linestyle="" if named else ("-", "--", ":", "-.")[i % 4] if dense else "-",
            drawstyle="steps-post" if stairs else None,
            markersize=5,
            linewidth=1.6,
            label=line.label or None,
        )
        _band(axis, line, color)
        if not math.isnan(line.at):
            axis.axvline(line.at, color=color, linestyle=":", linewidth=1.2)
    if bound is not None:
        axis.axhline(bound.value, color=INK, linestyle="--", linewidth=1.2, label=bound.said)
        if axis.dataLim.intervaly[1] > _FAR * bound.value > 0:  # else the bound would lie on the axis
            logarithmic(axis)
    if len(lines) > 1 or bound is not None:
        legend_beside(axis)
    axis.set(xlabel=x, ylabel=y)
    if named:
        axis.margins(x=0.2)
        axis.tick_params(axis="x", labelrotation=25)
        for label in axis.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor", fontsize=8)
    axis.grid(axis="y", color=SOFT, alpha=0.2, linewidth=0.6)
    plain_frame(axis)
    if title:
        say(axis, title, ax is None)
    return figure


def _band(axis: Axes, line: Line, color: str) -> None:
    if line.half_widths is None:
        return
    y, width = np.asarray(line.y, dtype=float), np.asarray(line.half_widths, dtype=float)
    if np.isfinite(width).any():
        axis.fill_between(line.x, y - width, y + width, color=color, alpha=0.18, linewidth=0)
