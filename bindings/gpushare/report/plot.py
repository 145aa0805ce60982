"""Figures; matplotlib is imported when the first one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .._core import Trace
from ..frames.charts import new_figure, plain_frame
from ..study.comparison import Comparison
from ..study.sensitivity import Sensitivity
from ..study.sweeps import SweepTable
from ..validation.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["comparison", "front", "sensitivity", "sweep", "timelines", "trace"]


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
    return table.plot(latencies)


def front(table: Comparison, x: str = "cost_per_month", y: str = "e2e_latency_p95_s") -> Figure:
    """Modes by two figures, cost against latency, with a line through those that nobody beats in both.

    Parameters
    ----------
    table : Comparison
        What to draw; refused modes are left out.
    x, y : str
        As in `Comparison.front`.

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
    return table.plot_front(x, y)


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
    return table.plot(x, y)


def sensitivity(table: Sensitivity) -> Figure:
    """What a figure depends on as a tornado: a bar from low to high for each change, largest on top.

    Parameters
    ----------
    table : Sensitivity
        What to draw.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    """
    return table.plot()


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
    figure = new_figure(11, 6)
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
    figure = new_figure(4.5 * len(names), 3.0 * len(report.timelines))
    rows = figure.subplots(len(report.timelines), len(names), squeeze=False, sharex="row")
    for axes, timeline in zip(rows, report.timelines, strict=True):
        for axis, name in zip(axes, names, strict=True):
            axis.plot(timeline.seconds, timeline.measured[name], color="0.2", label="measured")
            axis.plot(timeline.seconds, timeline.predicted[name], color="C1", label="predicted")
            axis.set(xlabel="time, s", ylabel=f"{name} requests", title=timeline.name, ylim=(0, None))
            plain_frame(axis)
    rows[0][0].legend(frameon=False)
    figure.suptitle(report.title, fontsize=10)
    return figure
