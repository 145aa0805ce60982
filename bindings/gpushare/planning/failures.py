"""A scenario while a node, a GPU or an instance of it is lost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..scenario.scenario import Scenario
from .objectives import Judged, shown

__all__ = ["Failure", "Loss", "failures", "worst_loss", "worst_of_each"]


@dataclass(frozen=True)
class Failure:
    """One thing that fails.

    Attributes
    ----------
    what : str
        ``"node0"``, ``"gpu0"``, or ``"gpu0/3g.40gb@4"``.
    scenario : Scenario or None
        In which it is down from the first request to the last; None when a service has no server left.
    lacking : str
        That service; empty otherwise.
    """

    what: str
    scenario: Scenario | None
    lacking: str = ""


@dataclass(frozen=True)
class Loss:
    """The worst of what may be lost alone.

    Attributes
    ----------
    what : str
        As in `Failure`.
    judged : Judged
        While it is lost: the objective that is furthest beyond its bound, or has least to spare.
    """

    what: str
    judged: Judged

    def __str__(self) -> str:
        asked = self.judged.objective
        sign = "<=" if asked.at_most else ">="
        value, bound = shown(asked.figure, self.judged.value), shown(asked.figure, asked.bound)
        return f"without {self.what} {asked.figure} is {value}, {sign} {bound} is asked"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"lost": self.what, "objective": self.judged.objective.figure, **self.judged.to_dict()}


def worst_of_each(judged: Sequence[Sequence[Judged]]) -> list[Judged]:
    """Of each objective the one, of several runs, that is furthest beyond its bound or has least to spare."""
    found: dict[str, Judged] = {}
    for one in (one for several in judged for one in several):
        name = one.objective.figure
        if name not in found or _excess(one) > _excess(found[name]):
            found[name] = one
    return list(found.values())


def _excess(judged: Judged) -> float:
    return math.inf if math.isnan(judged.excess) else judged.excess


def worst_loss(failures: Sequence[Failure], judged: Sequence[Sequence[Judged]]) -> Loss | None:
    """Of failures and what is judged of each; None where nothing is."""
    found = [Loss(f.what, one) for f, several in zip(failures, judged, strict=True) for one in several]
    return max(found, key=lambda loss: _excess(loss.judged), default=None)


@dataclass(frozen=True)
class _Taken:
    """What is lost, the fault that takes it, and the partitions (GPU, number there) that go with it."""

    what: str
    fault: dict[str, Any]
    parts: set[tuple[int, int]]


def failures(scenario: Scenario, what: str) -> list[Failure]:
    """The scenario under the loss of each ``"node"``, ``"gpu"`` or ``"instance"`` that serves anything."""
    return [_failure(scenario, loss) for loss in _losses(scenario, what)]


def _losses(scenario: Scenario, what: str) -> Iterator[_Taken]:
    gpus = scenario.placement.gpus
    used = {
        (i, j) for i, gpu in enumerate(gpus) for j, part in enumerate(gpu["partitions"]) if part["processes"]
    }
    names = [node["name"] for node in scenario.placement.nodes]
    if what == "node":
        for n, name in enumerate(names):
            parts = {(i, j) for i, j in used if gpus[i]["node"] == name}
            if parts:
                yield _Taken(name, {"node": n}, parts)
        return
    for i in sorted({i for i, _ in used}):
        parts = {part for part in used if part[0] == i}
        if what == "gpu" or len(parts) == 1:
            name = (
                f"gpu{i}"
                if what == "gpu"
                else f"gpu{i}/{gpus[i]['partitions'][next(iter(parts))[1]]['name']}"
            )
            yield _Taken(name, {"gpu": i}, parts)
            continue
        for _, j in sorted(parts):
            part = gpus[i]["partitions"][j]
            # Of instances one goes alone when the context of all that share it does.
            process = {"service": part["processes"][0], "replica": _replica(scenario, i, j)}
            yield _Taken(f"gpu{i}/{part['name']}", process | {"shared_fault_domain": True}, {(i, j)})


def _replica(scenario: Scenario, gpu: int, part: int) -> int:
    """Of the first process on a partition of several: the number of its replica."""
    service = scenario.placement.gpus[gpu]["partitions"][part]["processes"][0]
    return sum(
        process == service
        for i, one in enumerate(scenario.placement.gpus)
        for j, other in enumerate(one["partitions"])
        if (i, j) < (gpu, part)
        for process in other["processes"]
    )


def _failure(scenario: Scenario, loss: _Taken) -> Failure:
    left = {
        service
        for i, one in enumerate(scenario.placement.gpus)
        for j, part in enumerate(one["partitions"])
        if (i, j) not in loss.parts
        for service in part["processes"]
    }
    lacking = next((service for service in scenario.services if service not in left), "")
    if lacking:
        return Failure(loss.what, None, lacking)
    # Whatever waits is served by the others before it would be back.
    fault = loss.fault | {"at_s": 0, "restart_s": 1e6 + 10 * scenario.duration_s}
    faults = [*scenario.document.get("faults", []), fault]
    return Failure(loss.what, scenario.with_faults(faults))
