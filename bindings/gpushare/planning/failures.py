"""What is left of a scenario when a GPU or an instance fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..scenario.placement import Placement
from ..scenario.scenario import Scenario

__all__ = ["Failure", "failures"]


@dataclass(frozen=True)
class Failure:
    """One thing that fails.

    Attributes
    ----------
    what : str
        ``"gpu0"``, or ``"gpu0/3g.40gb@4"``.
    scenario : Scenario or None
        Without it; None when a service has no server left.
    lacking : str
        That service; empty otherwise.
    """

    what: str
    scenario: Scenario | None
    lacking: str = ""


def failures(scenario: Scenario, what: str) -> list[Failure]:
    """The scenario without each GPU (``"gpu"``), or each partition (``"instance"``), that serves anything."""
    return [_without(scenario, i, parts, name) for i, parts, name in _parts(scenario, what)]


def _parts(scenario: Scenario, what: str) -> Iterator[tuple[int, list[int], str]]:
    for i, gpu in enumerate(scenario.placement.gpus):
        used = [j for j, part in enumerate(gpu["partitions"]) if part["processes"]]
        if what == "gpu" and used:
            yield i, used, f"gpu{i}"
        elif what == "instance":
            yield from ((i, [j], f"gpu{i}/{gpu['partitions'][j]['name']}") for j in used)


def _without(scenario: Scenario, gpu: int, parts: list[int], name: str) -> Failure:
    left = {
        service
        for i, one in enumerate(scenario.placement.gpus)
        for j, part in enumerate(one["partitions"])
        if i != gpu or j not in parts
        for service in part["processes"]
    }
    lacking = next((service for service in scenario.services if service not in left), "")
    if lacking:
        return Failure(name, None, lacking)
    document = scenario.placement.to_dict()
    _emptied(document, gpu, parts)
    placement = Placement.from_dict(document, scenario.services)
    return Failure(name, scenario.with_placement(placement, f"without {name}"))


def _emptied(document: dict[str, Any], gpu: int, parts: list[int]) -> None:
    """Takes the processes from some partitions of a GPU, counted over all nodes."""
    gpus = [one for node in document["nodes"] for one in node["gpus"]]
    for j in parts:
        gpus[gpu]["partitions"][j] = {"processes": []}
