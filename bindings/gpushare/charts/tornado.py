"""What a figure does when one thing changes at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .look import HUES, INK, canvas, legend_beside, plain_frame, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Bar", "tornado_chart"]


@dataclass(frozen=True)
class Bar:
    """A value with something low and with something high; NaN where there is none."""

    label: str
    low: float
    high: float


def tornado_chart(title: str, x: str, base: float, bars: Sequence[Bar], ax: Axes | None = None) -> Figure:
    """Bars from `base` to either side, the first on top; `x` is what the axis shows."""
    figure, axis = canvas(ax, 7.6, 1.4 + 0.45 * len(bars))
    for name, color, shift in (("low", HUES[5], -0.17), ("high", HUES[0], 0.17)):
        ends = [getattr(bar, name) for bar in bars]
        widths = [0.0 if math.isnan(end) else end - base for end in ends]
        rows = [y + shift for y in range(len(bars))]
        axis.barh(rows, widths, left=base, height=0.32, color=color, label=f"at its {name} value")
    axis.axvline(base, color=INK, linewidth=1.2, label="as it is")
    axis.set_yticks(range(len(bars)), [bar.label for bar in bars], fontsize=8)
    axis.invert_yaxis()
    axis.set(xlabel=x)
    legend_beside(axis)
    plain_frame(axis)
    say(axis, title, ax is None)
    return figure
