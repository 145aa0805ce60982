"""The workload of a window: what has to be served, from that time of the day on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import traces as trace_files
from .._core import ScenarioError
from .._errors import fail
from ..frames.notices import Notice
from ..scenario.scenario import Scenario
from ..traces.transforms import take

__all__ = ["workload_from"]

#: Arrivals that follow the clock.
_CLOCKED = ("piecewise", "diurnal", "spikes")
#: Members that say where a scenario runs by itself, or name parts of it.
_OWN_PLACE = ("placement", "control", "host", "faults", "modes")


def workload_from(
    scenario: Scenario, begin_s: float, lead_s: float, length_s: float
) -> tuple[dict[str, Any], dict[str, Any], list[Notice]]:
    """The document without its own placement, traces to hand over with it, and what of it does not count.

    Parameters
    ----------
    scenario : Scenario
        Any, in one of its modes.
    begin_s, lead_s, length_s : float
        When the run begins on the clock, its warm-up, and its whole length.
    """
    document = scenario.document
    notices = [
        Notice(f"/{name}", f"is left out: {why}")
        for name, why in (
            ("control", "the packing says which replicas there are"),
            ("faults", "they name replicas and GPUs of the document's own placement"),
        )
        if document.get(name)
    ]
    for name in _OWN_PLACE:
        document.pop(name, None)
    document["duration_s"], document["warmup_s"] = length_s, lead_s
    for service in document["services"].values():
        service.pop("replicas", None)
    traces: dict[str, Any] = {}
    handed = scenario.traces
    for number, entry in enumerate(document["traffic"]):
        where = f"/traffic/{number}"
        kind = entry["kind"]
        if kind == "open":
            _turn(entry["arrivals"], begin_s, f"{where}/arrivals")
        elif kind == "closed":
            notices += _all_there(entry, where)
        elif kind == "trace":
            _cut(entry, document, handed, begin_s, length_s, traces, where)
        elif "generate" in entry:
            _turn(entry["generate"]["arrivals"], begin_s, f"{where}/generate/arrivals")
        else:
            raise fail(
                ScenarioError, where, "calls of a file cannot be cut at a time; generate them from arrivals"
            )
    return document, traces, notices


def _turn(arrivals: dict[str, Any], begin_s: float, where: str) -> None:
    """Lets what follows the clock begin then; other processes are alike at any time."""
    if arrivals["kind"] in _CLOCKED:
        arrivals["clock_s"] = arrivals.get("clock_s", 0) + begin_s
    elif arrivals["kind"] == "mixture":
        for number, client in enumerate(arrivals["clients"]):
            _turn(client, begin_s, f"{where}/clients/{number}")
    elif arrivals.get("convention") in ("vllm-bench", "inference-perf"):
        raise fail(
            ScenarioError,
            f"{where}/convention",
            "a load test ends after its last request, and has no time of the day; leave it out for a window",
        )


def _all_there(entry: dict[str, Any], where: str) -> list[Notice]:
    """Users of a closed loop with an end are all there throughout the window."""
    gone = [name for name in ("ramp_up_s", "hold_s", "ramp_down_s") if entry.pop(name, None) is not None]
    if not gone:
        return []
    return [Notice(where, f"{entry['users']} users throughout the window: {', '.join(gone)} left out")]


def _cut(
    entry: dict[str, Any],
    document: Mapping[str, Any],
    handed: Mapping[str, Any],
    begin_s: float,
    length_s: float,
    traces: dict[str, Any],
    where: str,
) -> None:
    """The requests of the window, handed over; the first of them comes when it begins."""
    name = entry.setdefault("name", entry.get("pipeline") or next(iter(document["pipelines"])))
    if name in handed:
        trace = handed[name]
    elif "generate" in entry:
        how = {key: value for key, value in entry["generate"].items() if key != "like"}
        trace = trace_files.azure_conversation_like(**how)
    else:
        how = {
            key: entry[key]
            for key in ("format", "time_unit", "block_tokens", "output_tokens", "columns")
            if key in entry
        }
        trace = trace_files.load(entry["path"], **how)
    for key in ("path", "generate", "format", "time_unit", "block_tokens", "output_tokens", "columns"):
        entry.pop(key, None)
    speed = entry.get("speed", 1.0)
    first, last = np.searchsorted(trace.arrival_s, [begin_s * speed, (begin_s + length_s) * speed])
    if first == last:
        raise fail(
            ScenarioError,
            where,
            f"the trace has no request in the window; it ends after {trace.arrival_s[-1] / speed:,.0f} s",
        )
    traces[name] = take(trace, np.arange(first, last), trace.arrival_s[first:last])
    if "parent" not in traces[name].extra or not (traces[name].extra["parent"] >= 0).any():
        entry.pop("follow_parents", None)
