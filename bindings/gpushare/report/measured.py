"""Pictures of what was measured: predictions beside it, and request traces."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from .._core import Trace
from ..charts.look import HUES, finished, new_figure, plain_frame, say_above
from ..charts.predictions import prediction_chart
from ..traces.benchmark_result import STATISTICS
from ..validation.report import Report, percent, quantile
from ..validation.result_curve import ResultCurve
from ..validation.results import ResultCheck

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["predictions", "timelines", "trace"]

Path = str | os.PathLike[str]


def predictions(
    report: Report | ResultCheck | ResultCurve,
    metric: str = "",
    *,
    ax: Axes | None = None,
    save: Path | None = None,
) -> Figure:
    """Predictions against measurements, a point for each; on the diagonal they are equal.

    Parameters
    ----------
    report : Report, ResultCheck or ResultCurve
        From `validate`, by mode; or times from `check_result` and `check_results`, by kind.
    metric : str
        Only rows of this one (``"ttft"`` of a result); by default all of the unit that most rows have.
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
        When nothing of it is a prediction of a positive figure, or nothing of that metric.
    """
    if isinstance(report, (ResultCheck, ResultCurve)):
        return _times(report, metric, ax, save)
    rows = [
        row
        for row in report.rows
        if row.role == "prediction"
        and metric in ("", row.metric)
        and row.scale == "relative"
        and row.measured > 0
        and row.predicted > 0
    ]
    if not rows:
        known = ", ".join(dict.fromkeys(row.metric for row in report.rows)) or "none"
        raise ValueError(f"suite {report.suite} predicts nothing like that; its metrics are {known}")
    units = [row.unit for row in rows]
    unit = max(dict.fromkeys(units), key=units.count)
    rows = [row for row in rows if row.unit == unit]
    groups: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        groups.setdefault(row.mode, []).append((row.measured, row.predicted))
    errors = sorted(abs(row.error) for row in rows)
    said = (
        f"half of {len(errors)} predictions are off by less than {percent(quantile(errors, 0.5))}, "
        f"nine of ten by less than {percent(quantile(errors, 0.9))}"
    )
    return finished(prediction_chart(f"{report.suite}: {said}", unit, groups, ax), save)


def _times(check: ResultCheck | ResultCurve, metric: str, ax: Axes | None, save: Path | None) -> Figure:
    name = check.name if isinstance(check, ResultCurve) else check.result.name
    groups: dict[str, list[tuple[float, float]]] = {}
    for row in check.rows:
        figure, _, statistic = row["figure"].removesuffix("_s").rpartition("_")
        if statistic in STATISTICS and metric in ("", figure):
            groups.setdefault(figure, []).append((1e3 * row["measured"], 1e3 * row["predicted"]))
    if not groups:
        known = ", ".join(row["figure"] for row in check.rows) or "none"
        raise ValueError(f"{name} has no such times beside predicted ones; its figures are {known}")
    said = f"half of the figures are off by less than {percent(check.median_abs_error)}"
    return finished(prediction_chart(f"{name}: {said}", "ms", groups, ax), save)


def trace(trace: Trace, *, save: Path | None = None) -> Figure:
    """A request trace: counts over time, gaps between arrivals, and lengths in and out.

    Parameters
    ----------
    trace : Trace
        What to draw.
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
    figure = new_figure(10, 6)
    (over_time, gap_axis), (length_axis, joint_axis) = figure.subplots(2, 2)
    duration = max(float(trace.arrival_s[-1]), 1e-9)
    counts, edges = np.histogram(trace.arrival_s, bins=min(360, max(len(trace) // 4, 1)), range=(0, duration))
    over_time.stairs(counts / np.diff(edges), edges, fill=True, color=HUES[0])
    over_time.set(xlabel="time, s", ylabel="requests a second")
    gaps = np.diff(trace.arrival_s)
    gaps = gaps[gaps > 0]
    if len(gaps) > 0:
        bins = np.geomspace(gaps.min(), gaps.max() * 1.001, 60).tolist()
        gap_axis.hist(gaps, bins=bins, color=HUES[0])
        gap_axis.set_xscale("log")
    gap_axis.set(xlabel="gap between arrivals, s", ylabel="requests")
    for (name, tokens), color in zip(
        (("prompt", trace.input_tokens), ("reply", trace.output_tokens)), HUES, strict=False
    ):
        bins = np.geomspace(1, max(int(tokens.max()), 2), 60).tolist()
        length_axis.hist(
            np.maximum(tokens, 1), bins=bins, histtype="step", linewidth=1.5, color=color, label=name
        )
    length_axis.set(xlabel="tokens", ylabel="requests", xscale="log")
    length_axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=8)
    joint_axis.scatter(trace.input_tokens, trace.output_tokens, s=2, alpha=0.3, color=HUES[0])
    joint_axis.set(xlabel="prompt tokens", ylabel="reply tokens", xscale="symlog", yscale="symlog")
    for axis in figure.axes:
        plain_frame(axis)
    prompt, reply = np.median(trace.input_tokens), np.median(trace.output_tokens)
    said = (
        f"{len(trace):,} requests in {duration:,.0f} s; half of the prompts have more than "
        f"{prompt:,.0f} tokens, half of the replies more than {reply:,.0f}"
    )
    say_above(figure, f"{trace.name}: {said}", 10)
    return finished(figure, save)


def timelines(report: Report, *, save: Path | None = None) -> Figure:
    """Counts over time of a suite, predicted beside measured: requests that ran and that waited.

    Parameters
    ----------
    report : Report
        Of a suite that compares something over time (``llmservingsim``).
    save : str or path, optional
        A file to write it to.

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
    width = 4.5 * len(names)
    figure = new_figure(width, 3.0 * len(report.timelines))
    rows = figure.subplots(len(report.timelines), len(names), squeeze=False, sharex="row")
    for axes, timeline in zip(rows, report.timelines, strict=True):
        for axis, name in zip(axes, names, strict=True):
            axis.plot(timeline.seconds, timeline.measured[name], color="0.2", label="measured")
            axis.plot(
                timeline.seconds, timeline.predicted[name], color=HUES[1], linestyle="--", label="predicted"
            )
            axis.set(xlabel="time, s", ylabel=f"{name} requests", title=timeline.name, ylim=(0, None))
            plain_frame(axis)
    figure.legend(*rows[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    say_above(figure, report.title, width)
    return finished(figure, save)
