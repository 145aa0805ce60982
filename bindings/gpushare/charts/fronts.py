"""Points by two figures: who meets what is asked, and who is beaten by nobody."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .look import BAD, GOOD, HUE, INK, SOFT, canvas, plain_frame, say, side_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Bound", "Decision", "Spot", "front_chart"]

_STYLES = {
    "met": ("o", GOOD, "meets what is asked"),
    "missed": ("X", BAD, "misses something"),
    "open": ("D", "#8a6d00", "too close to say"),
    "": ("o", HUE, "mode"),
}
#: From so many times on between least and most a scale is logarithmic.
_WIDE = 30.0
#: Below it whole numbers are taken for counts, and an axis has no others.
_COUNTED = 20.0


@dataclass(frozen=True)
class Spot:
    """A point with a name; values may have a `half_width`. `state` is ``met``, ``missed``, ``open`` or empty."""

    label: str
    x: float
    y: float
    state: str = ""
    chosen: bool = False


@dataclass(frozen=True)
class Bound:
    """A bound of the upright figure, and how it is written."""

    value: float
    said: str


@dataclass(frozen=True)
class Decision:
    """Points under a title, those of `front` joined in its order; `x` and `y` are what the axes show."""

    title: str
    x: str
    y: str
    spots: Sequence[Spot]
    front: Sequence[str]
    bound: Bound | None = None


def front_chart(drawn: Decision, ax: Axes | None = None) -> Figure:
    """Points with their names, and a line through those that nobody beats."""
    spots, front, bound = drawn.spots, drawn.front, drawn.bound
    figure, axis = canvas(ax, 7.2, 4.2)
    best = {spot.label: spot for spot in spots if spot.label in front}
    axis.plot(
        [float(best[n].x) for n in front],
        [float(best[n].y) for n in front],
        color=SOFT,
        linewidth=1.2,
        zorder=1,
        label="nobody beats these in both",
    )
    told = set()
    for spot in spots:
        marker, color, meaning = _STYLES[spot.state]
        axis.errorbar(
            [float(spot.x)],
            [float(spot.y)],
            xerr=_half_width(spot.x),
            yerr=_half_width(spot.y),
            marker=marker,
            markersize=11 if spot.chosen else 7,
            markeredgecolor=INK if spot.chosen else color,
            linestyle="none",
            capsize=2,
            color=color,
            zorder=3,
            label=None if meaning in told or spot.state == "" else meaning,
        )
        told.add(meaning)
    _scales(axis, spots, bound)
    if bound is not None:
        axis.axhline(bound.value, color=BAD, linestyle="--", linewidth=1.2, label=bound.said, zorder=2)
    axis.set(xlabel=drawn.x, ylabel=drawn.y)
    plain_frame(axis)
    say(axis, drawn.title, ax is None)
    _names(axis, spots)
    axis.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.16), ncols=2, frameon=False, fontsize=8)
    return figure


def _half_width(value: float) -> list[float] | None:
    width = getattr(value, "half_width", 0.0)
    return [width] if math.isfinite(width) and width > 0 else None


def _scales(axis: Axes, spots: Sequence[Spot], bound: Bound | None) -> None:
    """From nothing where that leaves the points apart; by their ratios where these are large."""
    for name, values in (("x", [float(s.x) for s in spots]), ("y", [float(s.y) for s in spots])):
        known = [v for v in values if not math.isnan(v)] + ([bound.value] if bound and name == "y" else [])
        low, high = min(known, default=0.0), max(known, default=1.0)
        if low > 0 and high / low > _WIDE:
            getattr(axis, f"set_{name}scale")("log")
            limits = low / 1.5, high * 1.5
        elif low > 0.4 * high:  # from nothing on they would lie on each other
            limits = low - 0.12 * high, 1.05 * high
        else:
            limits = min(0.0, low), 1.12 * high if high > 0 else 1.0
        getattr(axis, f"set_{name}lim")(*limits)
        if high < _COUNTED and all(v.is_integer() for v in known):  # as GPUs are
            getattr(axis, f"{name}axis").get_major_locator().set_params(integer=True)


def _names(axis: Axes, spots: Sequence[Spot]) -> None:
    known = [s for s in spots if not math.isnan(float(s.x)) and not math.isnan(float(s.y))]
    places = [
        axis.transAxes.inverted().transform(axis.transData.transform((float(s.x), float(s.y)))) for s in known
    ]
    side_labels(
        axis, [s.label for s in known], [(float(x), float(y)) for x, y in places], [s.chosen for s in known]
    )
