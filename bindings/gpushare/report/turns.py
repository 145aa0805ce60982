"""Pictures of requests: where the time of one went, and how often speech stops."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..charts.lines import Line, line_chart
from ..charts.look import finished
from ..charts.spans import Row, Span, span_chart
from ..frames.tables import Table
from ..study.results import Result, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["KINDS", "audio_gaps", "request", "spans_of"]

_Times = npt.NDArray[np.float64]
_QUEUE, _BETWEEN, _HOST = "waits in the queue", "between steps", "host"
_AWAY, _SWITCH, _PRESSURE, _COMPUTE = "another has the GPU", "hand-over", "slowed by neighbours", "computes"
#: What a request waits for or gets: its colour and hatch, in the order of the legend.
KINDS = {
    _QUEUE: ("#9aa5b1", ""),
    _BETWEEN: ("#dfe4ea", ""),
    _HOST: ("#56B4E9", ""),
    _AWAY: ("#E69F00", "////"),
    _SWITCH: ("#CC79A7", ""),
    _PRESSURE: ("#D55E00", "...."),
    _COMPUTE: ("#0072B2", ""),
}


def request(
    result: Result,
    number: int | None = None,
    *,
    ax: Axes | None = None,
    save: str | os.PathLike[str] | None = None,
) -> Figure:
    """Where the time of a request went, or of a turn of a voice pipeline: a row for each stage.

    Queue; steps of the server that has it, by what they got: the GPU to themselves, hand-overs of time-slicing and time
    of others in it, and what neighbours under MPS take from their speed; host time, and the time between steps.

    Parameters
    ----------
    result : Result
        Of ``simulate(..., record_log=True)``; its first replication.
    number : int, optional
        Of the request; by default the one at the 95th percentile of ``e2e_latency``.
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
        The run keeps no log or no requests, or no such request was completed.
    """
    run = result.runs[0]
    if not run.log or not run.requests.columns:
        raise ValueError("the run keeps no log of its steps: simulate(..., record_log=True)")
    row = _row(run.requests, number)
    begin = float(run.requests["arrival_s"][row])
    rows: list[Row] = []
    for stage, spans in spans_of(run, row).items():
        first = float(run.requests[f"{stage}.first_output_s"][row]) - begin
        rows.append((stage, [(b - begin, e - begin, kind) for b, e, kind in spans], first))
    total = {kind: sum(e - b for _, spans, _ in rows for b, e, one in spans if one == kind) for kind in KINDS}
    most = sorted((kind for kind in total if total[kind] > 0), key=lambda kind: -total[kind])[:3]
    whole = float(run.requests["e2e_latency_s"][row])
    said = ", ".join(f"{kind} {total[kind]:.3g} s" for kind in most)
    title = f"{run.scenario}, {run.mode}: a request of {whole:.3g} s, whose stages spend most on: {said}"
    return finished(span_chart(title, "seconds since it arrived", rows, KINDS, "first output", ax), save)


def _row(requests: Table, number: int | None) -> int:
    took = np.asarray(requests["e2e_latency_s"], dtype=float)
    served = np.flatnonzero((np.asarray(requests["status"]) == "completed") & np.isfinite(took))
    if number is not None:
        served = served[np.asarray(requests["request"])[served] == number]
    if len(served) == 0:
        raise ValueError(
            f"request {number} was not completed" if number is not None else "no request was completed"
        )
    order = served[np.argsort(took[served], kind="stable")]
    return int(order[round(0.95 * (len(order) - 1))])


def spans_of(run: Run, row: int) -> dict[str, list[Span]]:
    """By stage what a request waited for or got, from when to when (s of the run, and a kind of `KINDS`)."""
    requests, log = run.requests, run.log
    found = {}
    for stage, service in run.stages.items():
        if f"{stage}.queued_s" not in requests or not np.isfinite(requests[f"{stage}.finished_s"][row]):
            continue
        queued, started, finished = (
            float(requests[f"{stage}.{at}_s"][row]) for at in ("queued", "started", "finished")
        )
        spans: list[Span] = [(queued, started, _QUEUE)]
        process = _process(log["processes"], service, int(requests[f"{stage}.replica"][row]))
        gpu = _Gpu(log, process)
        at = started
        for planned, begin, end, done in _steps(log["steps"], process, started, finished):
            first, last = max(planned, at), min(done, finished)
            window = (min(max(begin, first), last), min(end, last))
            spans += [(at, first, _BETWEEN), (first, window[0], _HOST)]
            spans += gpu.spans(*window)
            spans.append((window[1], last, _HOST))
            at = max(at, last)
        spans.append((at, finished, _BETWEEN))
        found[stage] = [span for span in spans if span[1] > span[0]]
    return found


def _process(processes: Table, service: str, replica: int) -> int:
    rank = np.asarray(processes["rank"]) == 0
    same = (np.asarray(processes["service"]) == service) & (np.asarray(processes["replica"]) == replica)
    return int(np.flatnonzero(rank & same)[0])


def _steps(steps: Table, process: int, begin: float, end: float) -> list[tuple[float, float, float, float]]:
    """Of a process between two moments in order: planned, on the GPU from, to, and done."""
    times = [
        np.asarray(steps[name], dtype=float) for name in ("planned_s", "gpu_start_s", "gpu_end_s", "done_s")
    ]
    own = (np.asarray(steps["process"]) == process) & np.isfinite(times[1])
    rows = np.flatnonzero(own & (times[2] > begin) & (times[1] < end))
    rows = rows[np.argsort(times[1][rows], kind="stable")]
    planned, first, last, done = (column[rows].tolist() for column in times)
    return list(zip(planned, first, last, done, strict=True))


class _Gpu:
    """What a process had of its partition: who held it in turn, or how fast it ran beside others."""

    def __init__(self, log: Mapping[str, Table], process: int) -> None:
        partition = log["processes"]["partition"][process]
        self._process = process
        self._holds = _rows(
            log["holds"], "partition", partition, ("begin_s", "end_s", "process", "switching")
        )
        self._shares = _rows(log["shares"], "process", process, ("begin_s", "end_s", "rate"))

    def spans(self, begin: float, end: float) -> list[Span]:
        """A step's time on the GPU."""
        if end <= begin:
            return []
        held = self._in_turn(begin, end)
        return held if held else self._side_by_side(begin, end)

    def _in_turn(self, begin: float, end: float) -> list[Span]:
        spans: list[Span] = []
        at = begin
        for first, last, who, switching in _meeting(self._holds, begin, end):
            kind = _SWITCH if switching else _COMPUTE if who == self._process else _AWAY
            spans += [(at, max(first, at), _AWAY), (max(first, at), min(last, end), kind)]
            at = min(last, end)
        return [*spans, (at, end, _AWAY)] if spans else []

    def _side_by_side(self, begin: float, end: float) -> list[Span]:
        """Of each stretch the share that it would have taken alone, then what neighbours made of it."""
        spans: list[Span] = []
        at = begin
        for first, last, rate in _meeting(self._shares, begin, end):
            here, until = max(first, at), min(last, end)
            turn = here + (until - here) * min(1.0, rate)
            spans += [(at, here, _COMPUTE), (here, turn, _COMPUTE), (turn, until, _PRESSURE)]
            at = until
        return [*spans, (at, end, _COMPUTE)]


def _rows(table: Table, key: str, value: Any, names: Sequence[str]) -> list[_Times]:
    """Columns of the rows that have a value, in order of their ends."""
    if len(table) == 0:
        return [np.array([]) for _ in names]
    rows = np.flatnonzero(np.asarray(table[key]) == value)
    rows = rows[np.argsort(np.asarray(table["end_s"], dtype=float)[rows], kind="stable")]
    return [np.asarray(table[name], dtype=float)[rows] for name in names]


def _meeting(columns: Sequence[_Times], begin: float, end: float) -> list[tuple[float, ...]]:
    """Rows of ascending begins and ends that meet a window."""
    first = np.searchsorted(columns[1], begin, side="right")
    last = np.searchsorted(columns[0], end, side="left")
    return list(zip(*(column[first:last].tolist() for column in columns), strict=True))


def audio_gaps(
    results: Mapping[str, Result], *, ax: Axes | None = None, save: str | os.PathLike[str] | None = None
) -> Figure:
    """How often speech stops in the middle: the share of replies whose gaps are longer than so much, by mode.

    Parameters
    ----------
    results : mapping of str to Result
        By mode, such as `Comparison.results`; with their requests.
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
        No result has requests, or none of them speaks.
    """
    gaps = {mode: _gaps(result) for mode, result in results.items()}
    gaps = {mode: values for mode, values in gaps.items() if len(values)}
    if not gaps:
        raise ValueError(
            "no reply is spoken in these results, or no requests were recorded: record_requests=True"
        )
    end = max(float(values.max()) for values in gaps.values())
    x = np.linspace(0.0, max(end, 0.01) * 1.02, 400)
    lines = [
        Line(mode, (1e3 * x).tolist(), [100 * float((values > at).mean()) for at in x])
        for mode, values in gaps.items()
    ]
    said = ", ".join(f"{mode} {100 * float((values > 0).mean()):.3g} %" for mode, values in gaps.items())
    drawn = line_chart(
        "silence in a reply, ms",
        "replies with more, %",
        lines,
        title=f"Replies in which speech stops: {said}",
        stairs=True,
        ax=ax,
    )
    axis = ax if ax is not None else drawn.axes[0]
    axis.set_ylim(0, max(1.0, axis.get_ylim()[1]))
    axis.set_xlim(left=0)
    return finished(drawn, save)


def _gaps(result: Result) -> _Times:
    """Of replies that were spoken, which have a first chunk of speech."""
    requests = result.requests
    spoken = any(name.endswith("first_chunk_p95_s") for run in result.runs for name in run.figures)
    if not spoken or "audio_gap_s" not in requests:
        return np.array([])
    gaps: _Times = np.asarray(requests["audio_gap_s"], dtype=float)
    done = np.asarray(requests["status"]) == "completed"
    return np.compress(done & np.isfinite(gaps), gaps)
