"""Who has the GPUs of a run when, and the steps, as trace events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..frames.tables import Table
from .trace_events import Event, Group, Lanes, Nanoseconds, counter_event, nanoseconds, slice_event

__all__ = ["Processes", "Steps", "holds", "shares", "steps_of"]


class Processes:
    """Lanes of GPUs, of their partitions and of the processes on them."""

    def __init__(self, table: Table, gpus: Sequence[str], lanes: Lanes) -> None:
        self.gpu = np.asarray(table["gpu"])
        self.names = [
            f"{service} {replica}" + (f", rank {rank}" if rank else "")
            for service, replica, rank in zip(table["service"], table["replica"], table["rank"], strict=True)
        ]
        self.keys = {
            (str(service), int(replica)): i
            for i, (service, replica, rank) in enumerate(
                zip(table["service"], table["replica"], table["rank"], strict=True)
            )
            if rank == 0
        }
        for number in sorted(set(self.gpu.tolist())):
            lanes.process(number + 1, gpus[number] if number < len(gpus) else f"gpu{number}")
        for number in sorted(set(self.gpu.tolist())):
            here = [i for i in range(len(self.names)) if self.gpu[i] == number]
            for partition in dict.fromkeys(str(table["partition"][i]) for i in here):
                lanes.thread(number + 1, partition)
                for i in here:
                    if table["partition"][i] == partition:
                        lanes.thread(number + 1, self._lane(table, i))
        self.partition_lane = [
            lanes.thread(int(self.gpu[i]) + 1, str(table["partition"][i])) for i in range(len(self.names))
        ]
        self.lane = [lanes.thread(int(self.gpu[i]) + 1, self._lane(table, i)) for i in range(len(self.names))]

    def _lane(self, table: Table, i: int) -> str:
        return f"{table['partition'][i]}: {self.names[i]}"


def holds(table: Table, processes: Processes) -> Iterator[Group]:
    """One process at a time: who has the partition, and who is being brought in."""
    who, switching = np.asarray(table["process"]), np.asarray(table["switching"])
    begins, ends = nanoseconds(table["begin_s"]), nanoseconds(table["end_s"])

    def make(i: int) -> list[Event]:
        process = int(who[i])
        name, kind = processes.names[process], "hold"
        if switching[i]:
            name, kind = f"hand-over to {name}", "hand-over"
        pid = int(processes.gpu[process]) + 1
        return [slice_event(pid, processes.partition_lane[process], name, kind, int(begins[i]), int(ends[i]))]

    yield Group(ends, make)


def shares(table: Table, processes: Processes) -> Iterator[Group]:
    """Side by side: how fast each process runs, as counters of its GPU."""
    who, rates = np.asarray(table["process"]), np.asarray(table["rate"])
    begins, ends = nanoseconds(table["begin_s"]), nanoseconds(table["end_s"])
    if len(who) == 0:
        return
    # A share that another of the same process follows at once does not end.
    order = np.lexsort((begins, who))
    follows = np.zeros(len(who), dtype=bool)
    follows[order[:-1]] = (who[order[1:]] == who[order[:-1]]) & (begins[order[1:]] == ends[order[:-1]])

    def set_(i: int, time: int, rate: float) -> list[Event]:
        process = int(who[i])
        name = f"{processes.names[process]}: rate"
        return [counter_event(int(processes.gpu[process]) + 1, name, time, round(rate, 4))]

    yield Group(begins, lambda i: set_(i, int(begins[i]), float(rates[i])))
    last = np.flatnonzero(~follows)
    yield Group(ends[last], lambda i: set_(int(last[i]), int(ends[last[i]]), 0.0))


@dataclass(eq=False)
class Steps:
    """Steps as slices of their processes' lanes, and by process when each was planned, to point at."""

    group: Group
    processes: Processes
    rows: dict[int, npt.NDArray[np.int64]]
    planned: Nanoseconds
    begins: Nanoseconds
    ends: Nanoseconds

    def first_after(self, service: str, replica: int, time: int) -> int | None:
        """The first step of a replica that was planned then or later."""
        rows = self.rows.get(self.processes.keys.get((service, replica), -1))
        if rows is None:
            return None
        at = int(np.searchsorted(self.planned[rows], time))
        return int(rows[at]) if at < len(rows) else None


def steps_of(table: Table, processes: Processes) -> Steps:
    """Those that were on a GPU."""
    who, items = np.asarray(table["process"]), np.asarray(table["items"])
    planned, begins, ends = (
        nanoseconds(table["planned_s"]),
        nanoseconds(table["gpu_start_s"]),
        nanoseconds(table["gpu_end_s"]),
    )
    phases = table["phase"]

    def make(i: int) -> list[Event]:
        process = int(who[i])
        pid, lane = int(processes.gpu[process]) + 1, processes.lane[process]
        return [
            slice_event(
                pid, lane, str(phases[i]), "step", int(begins[i]), int(ends[i]), items=float(items[i])
            )
        ]

    on_gpu = np.flatnonzero(~np.isnan(table["gpu_start_s"]))
    rows = {}
    for process in set(who[on_gpu].tolist()):
        own = on_gpu[who[on_gpu] == process]
        rows[int(process)] = own[np.argsort(planned[own], kind="stable")]
    group = Group(ends[on_gpu], lambda i: make(int(on_gpu[i])))
    return Steps(group, processes, rows, planned, begins, ends)
