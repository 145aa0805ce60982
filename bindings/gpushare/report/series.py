"""A run over time as a picture; matplotlib is imported when one is drawn."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from ..charts.look import (
    HUES,
    SOFT,
    finished,
    from_nothing,
    legend_beside,
    logarithmic,
    new_figure,
    plain_frame,
    say_above,
)
from ..frames.tables import Table
from ..study.axes import axis_scale
from ..study.figures import shown
from ..study.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["series"]

#: What is drawn where nobody says: what users of the pipeline feel first.
_TELLING = ("voice_to_voice", "ttft", "first_audio", "e2e_latency", "latency")


def series(
    result: Result, latency: str | None = None, *, save: str | os.PathLike[str] | None = None
) -> Figure:
    """A run window by window: requests offered and served, replicas and GPUs, requests in the system, a latency.

    Parameters
    ----------
    result : Result
        With a `Run.series`; its first replication is drawn.
    latency : str, optional
        By default the first of voice to voice, first token, first audio and end to end that it has.
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
        The run has no series, or no such latency.
    """
    run = result.runs[0]
    table = run.series
    if len(table) == 0:
        raise ValueError("the run was not recorded over time: simulate(..., series_s=60)")
    latency = latency if latency is not None else _telling(table)
    if f"{latency}_p95_s" not in table.columns:
        known = [name.removesuffix("_p95_s") for name in table.columns if name.endswith("_p95_s")]
        raise ValueError(f"no latency {latency!r}; there are {', '.join(known)}")
    figure = new_figure(8.6, 7.6)
    rates, fleet, load, waits = figure.subplots(4, 1, sharex=True)
    ends = np.asarray(table["end_s"], dtype=float)
    unit, length = next(
        (u, s) for u, s in (("hours", 3600.0), ("minutes", 60.0), ("s", 1.0)) if ends[-1] >= 2 * s or s == 1
    )
    times = ends / length
    _steps(
        rates, times, table, {"offered": "offered_rate", "served": "served_rate", "rejected": "rejected_rate"}
    )
    rates.set_ylabel("requests/s")
    services = [name.removesuffix(".replicas") for name in table.columns if name.endswith(".replicas")]
    on = {"GPUs on": "gpus_on", **{f"{name} replicas": f"{name}.replicas" for name in services}}
    _steps(fleet, times, table, on)
    fleet.set_ylabel("on, serving")
    from_nothing(fleet)
    _steps(load, times, table, {name: f"{name}.in_system" for name in services})
    load.set_ylabel("in the system")
    largest = float(np.nanmax(table[f"{latency}_p95_s"], initial=0))
    factor, seconds = axis_scale(f"{latency}_p95_s", [largest])
    _steps(waits, times, table, {"p50": f"{latency}_p50_s", "p95": f"{latency}_p95_s"}, factor)
    logarithmic(waits)
    waits.set(xlabel=f"time, {unit}", ylabel=f"{latency}, {seconds}")
    say_above(figure, f"{run.scenario}, {run.mode}: {_seen(table, latency, times, unit)}", 8.6)
    return finished(figure, save)


def _seen(table: Table, latency: str, times: np.ndarray, unit: str) -> str:
    """Most GPUs, and the worst of the latency and when."""
    gpus = np.asarray(table["gpus_on"], dtype=float)
    p95 = np.asarray(table[f"{latency}_p95_s"], dtype=float)
    few, most = f"{gpus.min():.3g}", f"{gpus.max():.3g}"  # means over windows, which may differ by rounding
    used = f"{few} to {most} GPUs" if few != most else f"{most} GPU{'' if most == '1' else 's'}"
    if not np.isfinite(p95).any():
        return f"{used} on; nothing was answered"
    at = int(np.nanargmax(p95))
    return f"{used} on; {latency} p95 is worst, {shown(f'{latency}_p95_s', float(p95[at]))}, at {times[at]:.3g} {unit}"


def _telling(table: Table) -> str:
    names = [name.removesuffix("_p95_s") for name in table.columns if name.endswith("_p95_s")]
    for wanted in _TELLING:
        for name in names:
            if name == wanted or name.endswith(f".{wanted}"):
                return name
    return names[0]


def _steps(axis: Axes, times: np.ndarray, table: Table, lines: dict[str, str], factor: float = 1.0) -> None:
    for i, (label, column) in enumerate(lines.items()):
        values = factor * np.asarray(table[column], dtype=float)
        style = ("-", "--", ":", "-.")[i % 4]
        axis.plot(
            times,
            values,
            drawstyle="steps-pre",
            linewidth=1.3,
            linestyle=style,
            color=HUES[i % len(HUES)],
            label=label,
        )
    legend_beside(axis)
    axis.grid(axis="y", color=SOFT, alpha=0.2, linewidth=0.6)
    plain_frame(axis)
