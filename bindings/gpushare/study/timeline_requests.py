"""Requests of a run as trace events, and what services have to do."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..frames.tables import Table
from .timeline_gpus import Steps
from .trace_events import Event, Group, Lanes, Nanoseconds, counter_event, nanoseconds, slice_event

__all__ = ["requests_of"]

#: Process numbers of the lanes that belong to no GPU.
_REQUESTS, _COUNTERS = 9001, 9002


def requests_of(
    table: Table, stages: Mapping[str, str], holding: Collection[str], steps: Steps, lanes: Lanes
) -> Iterator[Group]:
    """A slice for each request, in as many lanes as there were at once; an arrow to its first step of each stage."""
    lanes.process(_REQUESTS, "requests")
    lanes.process(_COUNTERS, "services")
    begins, ends = nanoseconds(table["arrival_s"]), nanoseconds(table["finish_s"])
    status = table["status"]
    served = np.flatnonzero(~np.isnan(table["finish_s"]) & (ends > begins))
    lane: dict[int, int] = dict(zip(served.tolist(), _packed(begins[served], ends[served]), strict=True))
    threads = [
        lanes.thread(_REQUESTS, f"in the system {i + 1}") for i in range(max(lane.values(), default=-1) + 1)
    ]

    def make(i: int) -> list[Event]:
        row = int(served[i])
        about = {"tokens_in": int(table["input_tokens"][row]), "tokens_out": int(table["output_tokens"][row])}
        name = f"request {int(table['request'][row])}"
        span = (int(begins[row]), int(ends[row]))
        return [slice_event(_REQUESTS, threads[lane[row]], name, str(status[row]), *span, **about)]

    yield Group(ends[served], make)
    yield _turned_away(table, begins, np.setdiff1d(np.arange(len(table)), served), lanes)
    for number, (stage, service) in enumerate(stages.items()):
        if f"{stage}.queued_s" not in table:
            continue
        yield _arrows(
            table,
            stage,
            service,
            number * len(table),
            steps,
            [threads[lane[r]] for r in served.tolist()],
            served,
        )
        yield from _counters(table, stage, service in holding)


def _packed(begins: Nanoseconds, ends: Nanoseconds) -> list[int]:
    """The first lane that is free for each interval, in order of their beginnings."""
    free: list[int] = []
    chosen = [0] * len(begins)
    for i in np.argsort(begins, kind="stable").tolist():
        at = next((k for k, until in enumerate(free) if until <= begins[i]), len(free))
        free[at : at + 1] = [int(ends[i])]
        chosen[i] = at
    return chosen


def _turned_away(table: Table, begins: Nanoseconds, rows: npt.NDArray[Any], lanes: Lanes) -> Group:
    """Requests that had no time in the system."""
    thread = lanes.thread(_REQUESTS, "not served") if len(rows) else 0

    def make(i: int) -> list[Event]:
        row = int(rows[i])
        name = f"request {int(table['request'][row])}"
        event = {"ph": "i", "s": "t", "pid": _REQUESTS, "tid": thread, "name": name}
        return [event | {"cat": str(table["status"][row]), "ts": int(begins[row]) / 1000}]

    return Group(begins[rows], make)


def _arrows(
    table: Table,
    stage: str,
    service: str,
    first: int,
    steps: Steps,
    threads: Sequence[int],
    served: npt.NDArray[Any],
) -> Group:
    """From a request, when the server takes it up, to the first step that is planned after that."""
    started = nanoseconds(table[f"{stage}.started_s"])
    replicas = table[f"{stage}.replica"]
    taken = [i for i, row in enumerate(served) if not np.isnan(table[f"{stage}.started_s"][row])]
    ends_of_requests = nanoseconds(table["finish_s"])
    pairs = []
    for i in taken:
        row = int(served[i])
        step = steps.first_after(service, int(replicas[row]), int(started[row]))
        if step is not None and steps.begins[step] < ends_of_requests[row]:
            pairs.append((row, threads[i], step))

    def make(i: int) -> list[Event]:
        row, thread, step = pairs[i]
        process = steps.processes.keys[service, int(replicas[row])]
        arrow = {"cat": "serves", "name": stage, "id": first + row + 1}
        begin = {"ph": "s", "pid": _REQUESTS, "tid": thread, "ts": int(started[row]) / 1000}
        pid, lane = int(steps.processes.gpu[process]) + 1, steps.processes.lane[process]
        end = {"ph": "f", "bp": "e", "pid": pid, "tid": lane, "ts": int(steps.begins[step]) / 1000}
        return [arrow | begin, arrow | end]

    times = [max(int(ends_of_requests[row]), int(steps.ends[step])) for row, _, step in pairs]
    return Group(np.asarray(times, dtype=np.int64), make, 2)


def _counters(table: Table, stage: str, holds_tokens: bool) -> Iterator[Group]:
    """How many requests wait for a stage's service, how many it works on, and the tokens that these hold."""
    queued, started = table[f"{stage}.queued_s"], table[f"{stage}.started_s"]
    first, finished = table[f"{stage}.first_output_s"], table[f"{stage}.finished_s"]
    begun = np.where(np.isnan(started), finished, started)
    one = np.ones(len(table))
    yield _level(f"{stage}: waiting", [(queued, one), (begun, -one)])
    yield _level(f"{stage}: in service", [(started, one), (finished, -one)])
    if holds_tokens:
        tokens_in, tokens_out = table["input_tokens"].astype(float), table["output_tokens"].astype(float)
        held = [(started, tokens_in), (finished, -tokens_in - tokens_out), (first, tokens_out)]
        yield _level(f"{stage}: KV tokens, replies whole", held)


def _level(name: str, changes: Sequence[tuple[npt.NDArray[Any], npt.NDArray[Any]]]) -> Group:
    """A counter that goes up and down; one value for each time."""
    times = np.concatenate([nanoseconds(when[~np.isnan(when)]) for when, _ in changes])
    steps = np.concatenate([by[~np.isnan(when)] for when, by in changes])
    order = np.argsort(times, kind="stable")
    moments, places = np.unique(times[order], return_index=True)
    total = np.cumsum(steps[order])
    values = total[np.append(places[1:], len(order)) - 1] if len(order) else total
    return Group(moments, lambda i: [counter_event(_COUNTERS, name, int(moments[i]), float(values[i]))])
