"""A run over time in the trace event format of Chrome, as Perfetto and chrome://tracing show it."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..files import replace_binary
from ..frames.tables import Table
from .timeline_gpus import Processes, holds, shares, steps_of
from .timeline_requests import requests_of
from .trace_events import Event, Group, Lanes

__all__ = ["MOST_EVENTS", "Timeline", "timeline"]

#: Events at most, unless told otherwise: a viewer opens so many at once (about 30 MB).
MOST_EVENTS = 250_000


@dataclass(frozen=True)
class Timeline:
    """Trace events in order of time, lanes named first.

    Attributes
    ----------
    name : str
        Of the run.
    events : list of dict
        As the format has them: ``ph`` is ``M`` (names), ``X`` (slices), ``s`` and ``f`` (arrows), ``C`` (counters) or
        ``i`` (instants); ``ts`` and ``dur`` are microseconds.
    begin_s, end_s : float
        The part of the run that is shown, in seconds from its start.
    left_out : int
        Events after `end_s` that would have been too many.
    """

    name: str
    events: list[Event]
    begin_s: float
    end_s: float
    left_out: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The document, as viewers read it."""
        shown = {"begin_s": self.begin_s, "end_s": self.end_s, "events_left_out": self.left_out}
        return {
            "displayTimeUnit": "ms",
            "otherData": {"name": self.name, **shown},
            "traceEvents": self.events,
        }

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes the document, packed where the name ends in ``.gz``; an existing file is replaced."""
        text = json.dumps(self.to_dict(), separators=(",", ":"), ensure_ascii=False) + "\n"
        data = text.encode()
        if os.fspath(path).endswith(".gz"):
            data = gzip.compress(data, mtime=0)
        replace_binary(path, lambda file: file.write(data))

    def __repr__(self) -> str:
        cut = f"; {self.left_out:,} later events left out" if self.left_out else ""
        return f"<Timeline {self.name}: {len(self.events):,} events, {self.begin_s:g} to {self.end_s:.6g} s{cut}>"


def timeline(
    name: str,
    log: Mapping[str, Table],
    requests: Table,
    *,
    gpus: Sequence[str],
    stages: Mapping[str, str],
    holding: Collection[str] = (),
    most_events: int = MOST_EVENTS,
    begin_s: float = 0.0,
    end_s: float = np.inf,
) -> Timeline:
    """The trace events of a run.

    Parameters
    ----------
    name : str
        Of the run.
    log : mapping of str to Table
        `Run.log`, not empty.
    requests : Table
        `Run.requests`; without rows there are neither requests nor counters.
    gpus : sequence of str
        What each GPU is called.
    stages : mapping of str to str
        By the name of a stage in the columns of `requests` its service.
    most_events : int
        At most; what would be more is cut off at a time.
    holding : collection of str
        Services that hold a cache of tokens.
    begin_s, end_s : float
        What ends earlier or later is left out.
    """
    lanes = Lanes()
    processes = Processes(log["processes"], gpus, lanes)
    groups = [*holds(log["holds"], processes), *shares(log["shares"], processes)]
    steps = steps_of(log["steps"], processes)
    groups.append(steps.group)
    if len(requests) > 0 and requests.columns:
        groups += requests_of(requests, stages, holding, steps, lanes)
    events, end_ns, left_out = _within(groups, most_events, round(begin_s * 1e9), end_s)
    return Timeline(name, [*lanes.events(), *events], begin_s, end_ns / 1e9, left_out)


def _within(
    groups: Sequence[Group], most: int, begin_ns: int, end_s: float
) -> tuple[list[Event], float, int]:
    """Events that are complete in the window, and before there are too many; until when; how many are cut off."""
    times = np.concatenate([group.times for group in groups])
    weights = np.concatenate([np.full(len(group.times), group.weight) for group in groups])
    last = int(times.max(initial=0))
    inside = (times >= begin_ns) & (times <= end_s * 1e9)
    order = np.argsort(times[inside], kind="stable")
    total = np.cumsum(weights[inside][order])
    cut = float(min(last, end_s * 1e9))
    left_out = 0
    if len(total) > 0 and total[-1] > most:
        first = int(np.searchsorted(total, most, side="right"))
        cut = float(times[inside][order][first] - 1)
        left_out = int(weights[inside & (times > cut)].sum())
    events: list[Event] = []
    for group in groups:
        for row in np.flatnonzero((group.times >= begin_ns) & (group.times <= cut)):
            events += group.make(int(row))
    return sorted(events, key=lambda event: event["ts"]), cut, left_out
