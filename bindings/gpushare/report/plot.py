"""Pictures of studies; matplotlib is imported when the first one is drawn."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .._core import FigureError
from ..charts.fronts import Decision, Spot, front_chart
from ..charts.heat import heat_map
from ..charts.lines import Line, line_chart
from ..charts.look import finished, short_label
from ..charts.percentiles import Panel, small_multiples
from ..study import figures
from ..study.axes import axis_label, axis_scale
from ..study.comparison import Comparison
from ..study.estimates import scaled
from ..study.ranking import is_larger_better
from ..study.sensitivity import Sensitivity
from ..study.sweeps import SweepTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "front",
    "heat",
    "latencies",
    "latency_panels",
    "sensitivity",
    "sweep",
]

Path = str | os.PathLike[str]


def latencies(table: Comparison, names: Sequence[str] | None = None, *, save: Path | None = None) -> Figure:
    """A small panel for each latency, with p50, p95 and p99 by mode in milliseconds, and their bounds.

    Parameters
    ----------
    table : Comparison
        What to draw; refused modes are left out.
    names : sequence of str, optional
        By default those of `Comparison.latencies`.
    save : str or path, optional
        A file to write it to, of the kind that its ending says: png, svg, pdf.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    ValueError
        For a latency that was not measured, and a kind of file that cannot be written.
    """
    panels = latency_panels(table, names)
    modes = [short_label(mode) for mode in table.summaries]
    p95 = [[math.inf if math.isnan(one) else one for _, one, _ in panel.values] for panel in panels]
    firsts = [modes[values.index(min(values))] for values in p95]
    best = max(modes, key=firsts.count)
    said = f"{best} has the lowest p95 of {firsts.count(best)} of {len(panels)} latencies"
    return finished(small_multiples(f"{table.scenario.name}: {said}", modes, panels, best), save)


def latency_panels(
    table: Comparison, names: Sequence[str] | None = None, bounds: Mapping[str, float] | None = None
) -> list[Panel]:
    """What `latencies` draws, with the bounds of some figures, s."""
    chosen = list(names) if names is not None else table.latencies
    for name in chosen:
        if all(math.isnan(v) for v in table.values(f"{name}_p50_s")):
            raise ValueError(f"no latency {name!r}; legal are {', '.join(table.latencies)}")
    panels = []
    for name in chosen:
        p50, p95, p99 = (
            [float(s.get(f"{name}_{p}_s", math.nan)) for s in table.summaries.values()]
            for p in ("p50", "p95", "p99")
        )
        values = list(zip(p50, p95, p99, strict=True))
        panels.append(Panel(name, values, (bounds or {}).get(f"{name}_p95_s", math.nan)))
    return panels


def front(
    table: Comparison,
    x: str = "cost_per_month",
    y: str = "e2e_latency_p95_s",
    *,
    ax: Axes | None = None,
    save: Path | None = None,
) -> Figure:
    """Modes by two figures, cost against latency, with a line through those that nobody beats in both.

    Parameters
    ----------
    table : Comparison
        What to draw; refused modes are left out.
    x, y : str
        As in `Comparison.front`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    save : str or path, optional
        A file to write it to.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    FigureError
        For a figure that is unknown, or of which neither side is better.
    ImportError
        When matplotlib is not installed.
    """
    best = table.front(x, y)
    names = [table.resolve(name) for name in (x, y)]
    scales = [axis_scale(name, table.values(name)) for name in names]
    spots = []
    for mode, summary in table.summaries.items():
        at = [
            scaled(summary.get(name, math.nan), factor)
            for name, (factor, _) in zip(names, scales, strict=True)
        ]
        spots.append(Spot(mode, at[0], at[1]))
    labels = [axis_label(name, unit) for name, (_, unit) in zip(names, scales, strict=True)]
    said = f"nobody beats {', '.join(best)} in both {names[0]} and {names[1].removesuffix('_s')}"
    drawn = Decision(f"{table.scenario.name}: {said}", labels[0], labels[1], spots, best)
    return finished(front_chart(drawn, ax), save)


def sweep(
    table: SweepTable,
    x: str,
    y: str = "request_throughput",
    *,
    ax: Axes | None = None,
    save: Path | None = None,
) -> Figure:
    """A figure over an axis of a sweep, one line for each combination of the other axes, with its intervals as band.

    Parameters
    ----------
    table : SweepTable
        What to draw; infeasible points are left out.
    x : str
        An axis.
    y : str
        A figure, by a short name too.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    save : str or path, optional
        A file to write it to.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    ValueError
        For an axis or a figure that does not exist.
    """
    _check_axes(table, x)
    name = _figure(table, y)
    values = table[name] if name in table.columns else np.asarray(table.values(name), dtype=float)
    factor, unit = axis_scale(name, values)
    rows: dict[str, list[int]] = {}
    for i, point in enumerate(table.points):
        if table["feasible"][i]:
            label = ", ".join(f"{k}={short_label(str(v))}" for k, v in point.axes.items() if k != x)
            rows.setdefault(label, []).append(i)
    widths = table[f"{name}_half_width"] if f"{name}_half_width" in table.columns else None
    lines = [
        Line(
            label,
            [_place(table.points[i].axes[x]) for i in at],
            [factor * values[i] for i in at],
            None if widths is None else [factor * widths[i] for i in at],
        )
        for label, at in rows.items()
    ]
    return finished(line_chart(x, axis_label(name, unit), lines, title=_extremes(table, name), ax=ax), save)


def heat(
    table: SweepTable,
    x: str,
    y: str,
    figure: str,
    *,
    ax: Axes | None = None,
    save: Path | None = None,
) -> Figure:
    """A figure over two axes of a sweep as a map, the best cell marked.

    Parameters
    ----------
    table : SweepTable
        What to draw; points that cannot run are dashes.
    x, y : str
        Axes: `x` to the right, `y` down. Of points that differ in others too the best is shown.
    figure : str
        By a short name too.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    save : str or path, optional
        A file to write it to.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    ValueError
        For an axis or a figure that does not exist.
    """
    _check_axes(table, x, y)
    name = _figure(table, figure)
    values = table.values(name)
    larger = is_larger_better(name)
    factor, unit = axis_scale(name, values)
    columns, rows = (list(dict.fromkeys(str(point.axes[axis]) for point in table.points)) for axis in (x, y))
    cells = np.full((len(rows), len(columns)), np.nan)
    better = np.fmax if larger else np.fmin
    for point, value in zip(table.points, values, strict=True):
        at = rows.index(str(point.axes[y])), columns.index(str(point.axes[x]))
        cells[at] = better(cells[at], factor * value)
    best = None
    if np.isfinite(cells).any() and larger is not None:
        place = int(np.nanargmax(cells) if larger else np.nanargmin(cells))
        best = (place // len(columns), place % len(columns))
    labels = ([short_label(one) for one in rows], [short_label(one) for one in columns])
    drawn = heat_map(_extremes(table, name), (y, x), labels, cells, axis_label(name, unit), best, ax)
    return finished(drawn, save)


def _place(value: object) -> int | float | str:
    """Where an axis has a value: numbers at their places, anything else one after the other."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if number else short_label(str(value))  # type: ignore[return-value]


def _check_axes(table: SweepTable, *names: str) -> None:
    axes = list(dict.fromkeys(axis for point in table.points for axis in point.axes))
    for name in names:
        if name not in axes:
            raise ValueError(f"no axis {name!r}; legal are {', '.join(axes)}")


def _figure(table: SweepTable, name: str) -> str:
    if name in table.columns:
        return name
    try:
        return table.resolve(name)
    except FigureError as error:
        raise ValueError(str(error)) from None


def _extremes(table: SweepTable, name: str) -> str:
    """The least and the most of a figure, and where."""
    known = [(value, i) for i, value in enumerate(table.values(name)) if not math.isnan(value)]
    if name not in table.figure_names or not known:
        return name
    said = [
        f"{figures.shown(name, float(value))} ({', '.join(str(v) for v in table.points[i].axes.values())})"
        for value, i in (min(known), max(known))
    ]
    return f"{name.removesuffix('_s')}: from {said[0]} to {said[1]}"


def sensitivity(table: Sensitivity, *, ax: Axes | None = None, save: Path | None = None) -> Figure:
    """What a figure depends on as a tornado: a bar from low to high for each change, largest on top.

    Parameters
    ----------
    table : Sensitivity
        What to draw.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    save : str or path, optional
        A file to write it to.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    """
    return finished(table.plot(ax), save)
