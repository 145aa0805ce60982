"""Where the time of something went: shares of time by kind, one row a part."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .look import INK, SOFT, canvas, legend_beside, plain_frame, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Row", "Span", "span_chart"]

Span = tuple[float, float, str]
#: A name, its spans, and a moment that is marked (NaN: none).
Row = tuple[str, Sequence[Span], float]
#: Columns of a row: thinner ones could not be told apart.
_COLUMNS = 170
_HIGH = 0.72


def span_chart(
    title: str,
    x: str,
    rows: Sequence[Row],
    colors: Mapping[str, tuple[str, str]],
    mark: str,
    ax: Axes | None = None,
) -> Figure:
    """Rows from top to bottom; a row's height is what its columns of time are made of.

    Parameters
    ----------
    rows : sequence of (str, sequence of (begin, end, kind), float)
        In the unit of `x`, from 0 on.
    colors : mapping of str to (str, str)
        Of each kind its colour and hatch, in the order of the legend, the last at the bottom.
    mark : str
        What the marked moments are.
    """
    from matplotlib.patches import Patch

    figure, axis = canvas(ax, 8.8, 1.5 + 0.7 * len(rows))
    end = max((last for _, spans, _ in rows for _, last, _ in spans), default=1.0)
    edges = np.linspace(0.0, end, _COLUMNS + 1)
    kinds = list(colors)
    used = set()
    for y, (_, spans, moment) in enumerate(rows):
        bottom = np.full(_COLUMNS, y + _HIGH / 2)
        shares = _shares(spans, edges, kinds)
        for kind in reversed(kinds):
            height = _HIGH * shares[kinds.index(kind)]
            if height.any():
                used.add(kind)
                color, hatch = colors[kind]
                # Down is up: rows go from top to bottom.
                axis.fill_between(
                    edges,
                    np.append(bottom, bottom[-1]),
                    np.append(bottom - height, (bottom - height)[-1]),
                    step="post",
                    facecolor=color,
                    hatch=hatch,
                    edgecolor="white",
                    linewidth=0,
                )
                bottom = bottom - height
        if not math.isnan(moment):
            axis.plot([moment], [y - _HIGH / 2 - 0.06], "v", color=INK, markersize=6, clip_on=False)
    handles = [
        Patch(facecolor=c, hatch=h, edgecolor="white", label=kind)
        for kind, (c, h) in colors.items()
        if kind in used
    ]
    (marked,) = axis.plot([], [], "v", color=INK, markersize=6, linestyle="none", label=mark)
    axis.set_yticks(range(len(rows)), [name for name, _, _ in rows], fontsize=9)
    axis.set_ylim(len(rows) - 0.5, -0.6)
    axis.set_xlim(0, end)
    axis.set_xlabel(x)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", color=SOFT, alpha=0.2, linewidth=0.6)
    axis.set_axisbelow(True)
    plain_frame(axis)
    legend_beside(axis, handles=[*handles, marked])
    say(axis, title, ax is None)
    return figure


def _shares(
    spans: Sequence[Span], edges: npt.NDArray[np.float64], kinds: Sequence[str]
) -> npt.NDArray[np.float64]:
    """What share of every column is of each kind; shape (kinds, columns)."""
    # The time of a kind up to a moment grows within its spans: what lies between two edges is a difference.
    found = np.zeros((len(kinds), len(edges) - 1))
    for k, kind in enumerate(kinds):
        own = np.array([(begin, last) for begin, last, one in spans if one == kind and last > begin])
        if len(own):
            until = np.clip(edges[:, None], own[None, :, 0], own[None, :, 1]) - own[None, :, 0]
            found[k] = np.diff(until.sum(axis=1)) / np.diff(edges)
    return found
