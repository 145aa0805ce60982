"""Which services are alike but for how much comes and how strict their bound is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .objectives import Objectives
from .problem import Habit
from .space import Space

__all__ = ["habits"]


def habits(
    space: Space, objectives: Objectives, services_of: Callable[[str], frozenset[int] | None]
) -> list[Habit | None]:
    """What each service does; None for those that are compared with nothing.

    A service is compared when it has a pipeline of one stage to itself, Poisson arrivals, and one bound, from above.

    Parameters
    ----------
    space : Space
        The services.
    objectives : Objectives
        What is asked.
    services_of : callable
        Services that a figure is of; None for figures of the whole run.
    """
    if objectives.isolation:
        return [None] * len(space.services)
    return [_habit(space, objectives, services_of, service) for service in range(len(space.services))]


def _habit(
    space: Space, objectives: Objectives, services_of: Callable[[str], frozenset[int] | None], service: int
) -> Habit | None:
    document, name = space.scenario.document, space.services[service]
    pipelines = [pipeline for pipeline, members in space.pipelines.items() if service in members]
    bounds = [bound for bound in objectives.bounds if service in (services_of(bound.figure) or ())]
    if len(pipelines) != 1 or len(bounds) != 1 or not bounds[0].at_most:
        return None
    pipeline = document["pipelines"][pipelines[0]]
    only = pipelines[0] if len(document["pipelines"]) == 1 else ""
    traffic = [entry for entry in document["traffic"] if entry.get("pipeline", only) == pipelines[0]]
    if len(pipeline["stages"]) != 1 or len(traffic) != 1 or traffic[0].get("kind") != "open":
        return None
    arrivals = traffic[0].get("arrivals", {})
    if set(arrivals) != {"kind", "rate_per_s"} or arrivals["kind"] != "poisson":
        return None
    kind = [
        _without(document["services"][name], "replicas"),
        space.variants[service],
        _without(pipeline, "stages"),
        _without(pipeline["stages"][0], "name", "service"),
        _without(traffic[0], "name", "pipeline", "arrivals"),
        bounds[0].figure.rpartition(".")[2],
    ]
    return Habit(json.dumps(kind, sort_keys=True), float(arrivals["rate_per_s"]), bounds[0].bound)


def _without(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in names}
