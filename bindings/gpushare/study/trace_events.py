"""Events of the trace format of Chrome, and the lanes that they are in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Event", "Group", "Lanes", "Nanoseconds", "counter_event", "nanoseconds", "slice_event"]

Event = dict[str, Any]
Nanoseconds = npt.NDArray[np.int64]


@dataclass
class Group:
    """Events of one kind that follow from rows: when each is complete, how many it is, and how it looks."""

    times: Nanoseconds
    make: Callable[[int], list[Event]]
    weight: int = 1


@dataclass
class Lanes:
    """Names of lanes, and numbers for them in order of appearance."""

    names: dict[tuple[int, str], int] = field(default_factory=dict)
    processes: dict[int, str] = field(default_factory=dict)

    def process(self, number: int, name: str) -> None:
        """Names a group of lanes."""
        self.processes.setdefault(number, name)

    def thread(self, process: int, name: str) -> int:
        """The number of a lane, which is made where there is none of that name."""
        return self.names.setdefault((process, name), len(self.names) + 1)

    def events(self) -> list[Event]:
        """Metadata, processes and lanes in the order in which they were made."""
        found = []
        for order, (number, name) in enumerate(self.processes.items()):
            found += [
                _named("process_name", number, 0, {"name": name}),
                _named("process_sort_index", number, 0, {"sort_index": order}),
            ]
        for (number, name), thread in self.names.items():
            found += [
                _named("thread_name", number, thread, {"name": name}),
                _named("thread_sort_index", number, thread, {"sort_index": thread}),
            ]
        return found


def _named(what: str, process: int, thread: int, about: Mapping[str, Any]) -> Event:
    return {"ph": "M", "name": what, "pid": process, "tid": thread, "ts": 0, "args": dict(about)}


def nanoseconds(seconds: npt.NDArray[Any]) -> Nanoseconds:
    """Whole nanoseconds; where there is no time, one that nothing reaches."""
    finite = np.nan_to_num(np.asarray(seconds, dtype=np.float64), nan=9e9)
    return np.rint(finite * 1e9).astype(np.int64)


def slice_event(process: int, thread: int, name: str, kind: str, begin: int, end: int, **about: Any) -> Event:
    """A stretch of a lane; nanoseconds, and what a viewer shows beside them."""
    event = {"ph": "X", "pid": process, "tid": thread, "name": name, "cat": kind}
    event |= {"ts": begin / 1000, "dur": (end - begin) / 1000}
    return event | ({"args": about} if about else {})


def counter_event(process: int, name: str, time: int, value: float) -> Event:
    """What a counter of a group is from a nanosecond on."""
    return {"ph": "C", "pid": process, "tid": 0, "name": name, "ts": time / 1000, "args": {"value": value}}
