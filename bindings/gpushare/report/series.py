"""A run over time as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..frames.charts import new_figure, plain_frame
from ..frames.tables import Table
from ..study.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["series"]

#: Latencies that people choose by, the first that a run has.
_TELLING = ("voice_to_voice", "ttft", "first_audio", "e2e_latency")


def series(result: Result, latency: str | None = None) -> Figure:
    """A run window by window: requests offered and served, replicas and GPUs, requests in the system, a latency.

    Parameters
    ----------
    result : Result
        With a `Run.series`; its first replication is drawn.
    latency : str, optional
        By default the first of voice to voice, first token, first audio and end to end that it has.

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
    figure = new_figure(8, 8)
    rates, fleet, load, waits = figure.subplots(4, 1, sharex=True)
    hours = table["end_s"] / 3600
    _steps(
        rates, hours, table, {"offered": "offered_rate", "served": "served_rate", "rejected": "rejected_rate"}
    )
    rates.set_ylabel("requests/s")
    services = [name.removesuffix(".replicas") for name in table.columns if name.endswith(".replicas")]
    _steps(
        fleet,
        hours,
        table,
        {"GPUs on": "gpus_on", **{f"{name} replicas": f"{name}.replicas" for name in services}},
    )
    fleet.set_ylabel("on, serving")
    _steps(load, hours, table, {name: f"{name}.in_system" for name in services})
    load.set_ylabel("in the system")
    _steps(waits, hours, table, {"p50": f"{latency}_p50_s", "p95": f"{latency}_p95_s"})
    if np.nanmax(table[f"{latency}_p95_s"], initial=0) > 0:
        waits.set_yscale("log")
    waits.set(xlabel="time, hours", ylabel=f"{latency}, s")
    figure.suptitle(f"{run.scenario}, {run.mode}", fontsize=10)
    return figure


def _telling(table: Table) -> str:
    names = [name.removesuffix("_p95_s") for name in table.columns if name.endswith("_p95_s")]
    for wanted in _TELLING:
        for name in names:
            if name == wanted or name.endswith(f".{wanted}"):
                return name
    return names[0]


def _steps(axis: Axes, hours: np.ndarray, table: Table, lines: dict[str, str]) -> None:
    for label, column in lines.items():
        axis.plot(hours, table[column], drawstyle="steps-pre", linewidth=1, label=label)
    if len(lines) > 1:
        axis.legend(frameon=False, fontsize=8, loc="upper right")
    plain_frame(axis)
