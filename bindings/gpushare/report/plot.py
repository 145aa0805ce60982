"""Figures; matplotlib is imported when the first one is drawn."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..frames.render import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..study.comparison import Comparison
    from ..study.sweeps import SweepTable
    from ..traces.traces import Trace
    from ..validation import Report

__all__ = ["comparison", "sweep", "timelines", "trace"]

_PERCENTILES = ("p50", "p95", "p99")


def _figure(width: float, height: float) -> Figure:
    """A figure that a notebook shows by itself, without pyplot and its global state."""
    from matplotlib.figure import Figure

    class NotebookFigure(Figure):
        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", dpi=90)
            return buffer.getvalue()

    return NotebookFigure(figsize=(width, height), layout="constrained")


def comparison(table: Comparison, latencies: Sequence[str] | None = None) -> Figure:
    """Latencies by mode as bars of p50, p95 and p99, and the throughput beside them.

    Parameters
    ----------
    table : Comparison
        What to draw; refused modes are left out.
    latencies : sequence of str, optional
        By default those of `Comparison.latencies`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    ValueError
        For a latency that was not measured.
    """
    names = list(latencies) if latencies is not None else table.latencies
    unknown = [name for name in names if all(math.isnan(v) for v in table.values(f"{name}_p50_s"))]
    if unknown:
        raise ValueError(f"no latency {unknown[0]!r}; legal are {', '.join(table.latencies)}")
    figure = _figure(3.2 * (len(names) + 1), 3.6)
    axes = figure.subplots(1, len(names) + 1, squeeze=False)[0]
    modes = [mode for mode in table.modes if mode in table.results]
    for axis, name in zip(axes, names, strict=False):
        _latency_bars(axis, table, modes, name)
    axes[0].legend(frameon=False)
    _throughput_bars(axes[-1], table, modes)
    figure.suptitle(table.scenario.name)
    return figure


def _bars(axis: Axes, table: Comparison, modes: Sequence[str], metric: str, **style: Any) -> None:
    offset = style.pop("offset", 0.0)
    values = [table[mode].get(metric, math.nan) for mode in modes]
    widths = [getattr(value, "half_width", 0.0) for value in values]
    errors = widths if any(math.isfinite(w) and w > 0 for w in widths) else None
    positions = [i + offset for i in range(len(modes))]
    axis.bar(positions, [float(v) for v in values], yerr=errors, capsize=2, **style)
    axis.set_xticks(
        range(len(modes)), [shorten(mode, 20) for mode in modes], rotation=30, ha="right", fontsize=8
    )
    axis.spines[["top", "right"]].set_visible(False)


def _latency_bars(axis: Axes, table: Comparison, modes: Sequence[str], name: str) -> None:
    width = 0.8 / len(_PERCENTILES)
    for k, statistic in enumerate(_PERCENTILES):
        offset = (k - (len(_PERCENTILES) - 1) / 2) * width
        _bars(axis, table, modes, f"{name}_{statistic}_s", offset=offset, width=width, label=statistic)
    axis.set_title(name, fontsize=9)
    axis.set_ylabel("s")


def _throughput_bars(axis: Axes, table: Comparison, modes: Sequence[str]) -> None:
    _bars(axis, table, modes, "request_throughput_per_gpu", width=0.6, color="0.6")
    axis.set_title("throughput per GPU", fontsize=9)
    axis.set_ylabel("requests/s")


def sweep(table: SweepTable, x: str, y: str = "request_throughput") -> Figure:
    """A figure over an axis of a sweep, one line for each combination of the other axes.

    Parameters
    ----------
    table : SweepTable
        What to draw; infeasible points are left out.
    x : str
        An axis.
    y : str
        A column of figures.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    ValueError
        For a column that does not exist.
    """
    for column in (x, y):
        if column not in table.columns:
            raise ValueError(f"no column {column!r}; legal are {', '.join(table.columns)}")
    figure = _figure(6, 4)
    axis = figure.subplots()
    lines: dict[str, list[int]] = {}
    for i, point in enumerate(table.points):
        if table["feasible"][i]:
            label = ", ".join(f"{k}={shorten(str(v), 24)}" for k, v in point.axes.items() if k != x)
            lines.setdefault(label, []).append(i)
    half_widths = table[f"{y}_half_width"] if f"{y}_half_width" in table.columns else None
    for label, rows in lines.items():
        errors = half_widths[rows] if half_widths is not None else None
        axis.errorbar(table[x][rows], table[y][rows], yerr=errors, marker="o", capsize=2, label=label or None)
    if len(lines) > 1:
        axis.legend(frameon=False, fontsize=8)
    axis.set_xlabel(x)
    axis.set_ylabel(y)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def trace(trace: Trace) -> Figure:
    """A request trace: counts over time, gaps between arrivals, and lengths in and out.

    Parameters
    ----------
    trace : Trace
        What to draw.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    """
    import numpy as np

    figure = _figure(11, 6)
    (over_time, gap_axis), (length_axis, joint_axis) = figure.subplots(2, 2)
    duration = max(float(trace.arrival_s[-1]), 1e-9)
    counts, edges = np.histogram(trace.arrival_s, bins=min(360, max(len(trace) // 4, 1)), range=(0, duration))
    over_time.stairs(counts / np.diff(edges), edges, fill=True)
    over_time.set(xlabel="time, s", ylabel="requests a second")
    gaps = np.diff(trace.arrival_s)
    gaps = gaps[gaps > 0]
    if len(gaps) > 0:
        gap_axis.hist(gaps, bins=np.geomspace(gaps.min(), gaps.max() * 1.001, 60).tolist())
        gap_axis.set_xscale("log")
    gap_axis.set(xlabel="gap between arrivals, s", ylabel="requests")
    for name, tokens in (("prompt", trace.input_tokens), ("reply", trace.output_tokens)):
        bins = np.geomspace(1, max(int(tokens.max()), 2), 60).tolist()
        length_axis.hist(np.maximum(tokens, 1), bins=bins, alpha=0.6, label=name)
    length_axis.set(xlabel="tokens", ylabel="requests", xscale="log")
    length_axis.legend(frameon=False)
    joint_axis.scatter(trace.input_tokens, trace.output_tokens, s=2, alpha=0.3)
    joint_axis.set(xlabel="prompt tokens", ylabel="reply tokens", xscale="symlog", yscale="symlog")
    figure.suptitle(trace.name)
    return figure


def timelines(report: Report) -> Figure:
    """Counts over time of a suite, predicted beside measured: requests that ran and that waited.

    Parameters
    ----------
    report : Report
        Of a suite that compares something over time (``llmservingsim``).

    Returns
    -------
    matplotlib.figure.Figure
        One row for each record, one column for each count.

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    ValueError
        The suite compares nothing over time.
    """
    if not report.timelines:
        raise ValueError(f"suite {report.suite} compares nothing over time; llmservingsim does")
    names = list(report.timelines[0].measured)
    figure = _figure(4.5 * len(names), 3.0 * len(report.timelines))
    rows = figure.subplots(len(report.timelines), len(names), squeeze=False, sharex="row")
    for axes, timeline in zip(rows, report.timelines, strict=True):
        for axis, name in zip(axes, names, strict=True):
            axis.plot(timeline.seconds, timeline.measured[name], color="0.2", label="measured")
            axis.plot(timeline.seconds, timeline.predicted[name], color="C1", label="predicted")
            axis.set(xlabel="time, s", ylabel=f"{name} requests", title=timeline.name, ylim=(0, None))
            axis.spines[["top", "right"]].set_visible(False)
    rows[0][0].legend(frameon=False)
    figure.suptitle(report.title, fontsize=10)
    return figure
