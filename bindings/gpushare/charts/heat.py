"""A figure over two axes as a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .look import BAD, SOFT, canvas, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["heat_map"]

_MOST_WRITTEN = 150


def heat_map(
    title: str,
    axes: tuple[str, str],
    labels: tuple[Sequence[str], Sequence[str]],
    values: npt.NDArray[np.float64],
    figure: str,
    best: tuple[int, int] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Cells with their values; where there is none, a dash.

    Parameters
    ----------
    axes : (str, str)
        What goes down and what goes to the right.
    labels : (sequence of str, sequence of str)
        Of rows and columns.
    values : ndarray
        Shape (rows, columns), NaN where there is none.
    figure : str
        Name and unit.
    best : (int, int), optional
        The cell that stands out.
    """
    rows, columns = values.shape
    names = 0.075 * max(map(len, labels[0]))
    drawn, axis = canvas(ax, max(4.6, 2.2 + names + 0.7 * columns), max(2.6, 1.6 + 0.36 * rows))
    image = axis.imshow(np.ma.masked_invalid(values), cmap="cividis", aspect="auto")
    axis.set_yticks(range(rows), labels[0], fontsize=8)
    axis.set_xticks(range(columns), labels[1], fontsize=8)
    if max(map(len, labels[1])) > 8:
        axis.tick_params(axis="x", labelrotation=25)
        for label in axis.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    axis.set(ylabel=axes[0], xlabel=axes[1])
    if values.size <= _MOST_WRITTEN:
        _write(axis, values)
    if best is not None:
        from matplotlib.patches import Rectangle

        axis.add_patch(
            Rectangle((best[1] - 0.5, best[0] - 0.5), 1, 1, fill=False, edgecolor=BAD, linewidth=2.5)
        )
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    drawn.colorbar(image, ax=axis, label=figure, shrink=0.9)
    say(axis, title, ax is None)
    return drawn


def _write(axis: Axes, values: npt.NDArray[np.float64]) -> None:
    known = values[np.isfinite(values)]
    middle = (known.min() + known.max()) / 2 if known.size else 0.0
    for (row, column), value in np.ndenumerate(values):
        missing = np.isnan(value)
        text = "-" if missing else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
        color = SOFT if missing else "white" if value < middle else "black"
        axis.text(column, row, text, ha="center", va="center", fontsize=8, color=color)
