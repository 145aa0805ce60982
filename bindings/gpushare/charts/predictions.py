"""Predictions against measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .look import HUES, INK, MARKERS, SOFT, canvas, legend_beside, plain_frame, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["prediction_chart"]

_BAND = 0.1
#: Of the ends of an axis, below which powers of ten alone are too few.
_WIDE = 300.0


def prediction_chart(
    title: str, unit: str, groups: Mapping[str, Sequence[tuple[float, float]]], ax: Axes | None = None
) -> Figure:
    """A point for each pair of measured and predicted, by group; on the diagonal they are equal."""
    figure, axis = canvas(ax, 6.6, 4.6)
    known = [value for pairs in groups.values() for pair in pairs for value in pair]
    low, high = min(known) / 1.25, max(known) * 1.25
    axis.fill_between(
        [low, high],
        [low * (1 - _BAND), high * (1 - _BAND)],
        [low * (1 + _BAND), high * (1 + _BAND)],
        color=SOFT,
        alpha=0.15,
        linewidth=0,
        label=f"within {100 * _BAND:.0f} %",
    )
    axis.plot([low, high], [low, high], color=INK, linewidth=0.8, label="equal")
    for i, (name, pairs) in enumerate(groups.items()):
        axis.plot(
            [measured for measured, _ in pairs],
            [predicted for _, predicted in pairs],
            MARKERS[i % len(MARKERS)],
            color=HUES[i % len(HUES)],
            markersize=5,
            alpha=0.75,
            markeredgewidth=0,
            label=name,
        )
    axis.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    axis.set(
        xlabel=f"measured, {unit}" if unit else "measured",
        ylabel=f"predicted, {unit}" if unit else "predicted",
    )
    _plain_ticks(axis)
    axis.set_aspect("equal")
    plain_frame(axis)
    legend_beside(axis)
    say(axis, title, ax is None)
    return figure


def _plain_ticks(axis: Axes) -> None:
    """One, two and five of each power of ten, written as numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for one in (axis.xaxis, axis.yaxis):
        low, high = one.get_view_interval()
        one.set_major_locator(LogLocator(10, (1.0, 2.0, 5.0) if high / low < _WIDE else (1.0,)))
        one.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.7g}"))
        one.set_minor_formatter(NullFormatter())
