"""What all pictures share: colours that everybody can tell apart, where legends and titles stand, how they are kept."""

from __future__ import annotations

import io
import math
import os
import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..extras import extra
from ..files import replace_binary
from ..frames.render import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BAD",
    "GOOD",
    "HUE",
    "HUES",
    "INK",
    "MARKERS",
    "SOFT",
    "canvas",
    "finished",
    "from_nothing",
    "legend_beside",
    "logarithmic",
    "new_figure",
    "picture_kind",
    "plain_frame",
    "say",
    "say_above",
    "short_label",
    "side_labels",
]

#: Okabe and Ito's colours, which people of any colour vision tell apart; lines also differ by their markers.
HUES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#595959")
MARKERS = "osD^vPX*"
HUE, BAD, GOOD = HUES[0], HUES[1], HUES[2]
INK, SOFT = "#16202b", "#5b6673"
#: Characters of a title in an inch, at its size.
_IN_AN_INCH = 12.5
_LABEL = 36
#: Largest over smallest, beyond which 1, 2 and 5 are ticks enough, and beyond which powers of ten are.
_TWO_TICKS, _TENS = 10, 1000


def new_figure(width: float, height: float) -> Figure:
    """An empty figure that notebooks show; inches.

    Raises
    ------
    ImportError
        When matplotlib is not installed, with what installs it.
    """
    with extra("plot", "pictures need"):
        from matplotlib.figure import Figure

    class NotebookFigure(Figure):
        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", dpi=90)
            return buffer.getvalue()

    return NotebookFigure(figsize=(width, height), layout="constrained")


def canvas(ax: Axes | None, width: float, height: float) -> tuple[Figure, Axes]:
    """The axes to draw into with their figure; by default the only ones of a new one."""
    if ax is None:
        figure = new_figure(width, height)
        return figure, figure.subplots()
    return ax.figure.canvas.figure, ax


def finished(figure: Figure, save: str | os.PathLike[str] | None = None) -> Figure:
    """The figure, written to a file of the kind that its ending says, where one is named; it is replaced whole."""
    if save is not None:
        from matplotlib import rc_context

        kind = picture_kind(save)
        # Without dates and chance the same picture is the same bytes.
        about: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
        with rc_context({"svg.hashsalt": "gpushare"}):
            replace_binary(save, lambda file: figure.savefig(file, format=kind, dpi=150, metadata=about))
    return figure


def picture_kind(path: str | os.PathLike[str]) -> str:
    """What a file would be, by its ending; png without one.

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    ValueError
        For a kind that no picture is written as.
    """
    known = new_figure(1, 1).canvas.get_supported_filetypes()
    kind = os.path.splitext(os.fspath(path))[1].lstrip(".").lower() or "png"
    if kind not in known:
        raise ValueError(
            f"{os.fspath(path)}: no picture is written as {kind!r}; there are {', '.join(sorted(known))}"
        )
    return kind


def plain_frame(axis: Axes) -> None:
    """Takes the upper and the right line of the frame away."""
    axis.spines[["top", "right"]].set_visible(False)


def logarithmic(axis: Axes) -> None:
    """A logarithmic y axis with plain numbers: 20 and 50, not 2 x 10^1."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    low, high = axis.dataLim.intervaly
    if low <= 0 or not math.isfinite(high):
        return
    axis.set_yscale("log")
    ratio = high / low
    steps = (1,) if ratio > _TENS else (1, 2, 5) if ratio > _TWO_TICKS else (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)
    axis.yaxis.set_major_locator(LogLocator(subs=steps))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def from_nothing(axis: Axes) -> None:
    """A y axis of counts: from 0, with whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axis.set_ylim(0, 1.08 * max(1.0, axis.dataLim.intervaly[1]))
    axis.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def _inches(axis: Axes) -> tuple[float, float]:
    """Of an axes, before anything moves it."""
    box, figure = axis.get_position(), axis.figure
    dpi = figure.canvas.figure.dpi
    return box.width * figure.bbox.width / dpi, box.height * figure.bbox.height / dpi


def say(axis: Axes, title: str, alone: bool) -> None:
    """A title of as many lines as it takes, from the left: above the whole figure where the axes are alone in it."""
    if alone:
        say_above(axis.figure, title, axis.figure.bbox.width / axis.figure.canvas.figure.dpi)
    else:
        axis.set_title(_folded(title, _inches(axis)[0]), loc="left", fontsize=10, color=INK)


def say_above(figure: Any, title: str, width: float) -> None:
    """The same above several axes; `width` in inches."""
    figure.suptitle(_folded(title, width), x=0.01, ha="left", fontsize=10, color=INK)


def _folded(text: str, inches: float) -> str:
    lines = textwrap.wrap(text, max(24, int(inches * _IN_AN_INCH)))
    return "\n".join(lines).replace("$", r"\$")  # a dollar is no formula


def short_label(text: str) -> str:
    """A name as a picture has room for; instances of MIG lose their memory before anything else is left out."""
    if len(text) > _LABEL:
        text = re.sub(r"(\d+g)\.\d+gb", r"\1", text)
    return shorten(text, _LABEL)


def legend_beside(axis: Axes, **how: Any) -> None:
    """Outside, at the right of the axes, where no data are."""
    axis.legend(
        loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, frameon=False, fontsize=8, **how
    )


def side_labels(
    axis: Axes, labels: Sequence[str], points: Sequence[tuple[float, float]], strong: Sequence[bool]
) -> None:
    """Names in a column right of the axes with a line to their points, none on another.

    Parameters
    ----------
    points : sequence of (float, float)
        Shares of the axes' width and height, from below and left.
    strong : sequence of bool
        Which names stand out.
    """
    order = sorted(range(len(labels)), key=lambda i: (points[i][1], -points[i][0]))
    step = min(0.19 / _inches(axis)[1], 1.0 / max(len(labels), 1))
    placed = _spread([points[i][1] for i in order], step)
    for i, height in zip(order, placed, strict=True):
        axis.annotate(
            labels[i],
            points[i],
            xytext=(1.04, height),
            xycoords="axes fraction",
            textcoords="axes fraction",
            va="center",
            fontsize=8,
            fontweight="bold" if strong[i] else "normal",
            color=INK,
            arrowprops={"arrowstyle": "-", "color": SOFT, "linewidth": 0.5, "shrinkA": 1, "shrinkB": 4},
            annotation_clip=False,
        )


def _spread(wanted: Sequence[float], step: float) -> list[float]:
    """Ascending places as near to those that are wanted as `step` between them and both ends allow."""
    placed: list[float] = []
    for height in wanted:
        placed.append(max(height, placed[-1] + step if placed else 0.0))
    top = 1.0
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], top)
        top = placed[i] - step
    return placed
