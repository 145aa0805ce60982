"""Which replica, on which GPU, misses an objective."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..frames.tables import Table
from ..planning.objectives import Judged
from ..scenario.scenario import Scenario
from ..study.results import Result
from .placing import Replica

__all__ = ["replica_table"]

Numbers = npt.NDArray[np.float64]
#: Figures that are of single requests: a stage's, by what a request's row says of it, and of the whole way.
_OF_STAGE = {"ttft": "first_output_s", "first_audio": "first_output_s", "latency": "finished_s"}
_FIGURE = re.compile(r"(?:(?P<owner>.+)\.)?(?P<metric>[a-z_0-9]+)_(?P<statistic>mean|p50|p95|p99|max)_s")


def replica_table(
    replicas: Sequence[Replica],
    scenario: Scenario,
    result: Result,
    judged: Sequence[Judged],
    begin_s: float,
) -> Table:
    """A row for each replica: where and when it served, how many requests, and what they waited.

    A replica misses an objective when the requests that it served do by themselves, in all runs together.
    """
    own = _of_pipelines(scenario.document, result.requests)
    stages = _stages(scenario.document)
    rows: dict[str, list[Any]] = {}
    for replica in replicas:
        visits = _visits(result.requests, own, stages.get(replica.pod.service, []), replica.number)
        row: dict[str, Any] = {
            "service": replica.pod.service,
            "replica": replica.number,
            "pod": replica.pod.name,
            "node": replica.pod.node,
            "gpus": "|".join(map(str, replica.pod.devices)),
            "share": "|".join(replica.pod.instances) or replica.pod.milli,
            "from_s": begin_s + replica.from_s,
            "until_s": begin_s + replica.until_s,
            "requests": sum(len(one.seconds["finished_s"]) for one in visits),
            "first_output_p95_s": _statistic(_joined(visits, "first_output_s"), "p95"),
            "latency_p95_s": _statistic(_joined(visits, "finished_s"), "p95"),
            "misses": "|".join(_missed(judged, visits)),
        }
        for name, value in row.items():
            rows.setdefault(name, []).append(str(value) if name == "share" else value)
    return Table(
        "replicas",
        {name: values if isinstance(values[0], str) else np.array(values) for name, values in rows.items()},
    )


@dataclass(frozen=True)
class _Visits:
    """Requests of a pipeline that a replica served at one of its stages: seconds from when they came there."""

    pipeline: str
    stage: str
    seconds: Mapping[str, Numbers]

    def column(self, metric: str, owner: str) -> str:
        """Where a figure's metric stands, if it is of these requests; empty otherwise."""
        if metric == "e2e_latency":
            return metric if owner in ("", self.pipeline) else ""
        return _OF_STAGE.get(metric, "") if owner in (self.stage, f"{self.pipeline}.{self.stage}") else ""


def _stages(document: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """By service its stages, each with its pipeline."""
    found: dict[str, list[tuple[str, str]]] = {}
    for pipeline, one in document["pipelines"].items():
        for stage in one["stages"]:
            if "service" in stage:
                found.setdefault(stage["service"], []).append((pipeline, stage.get("name", stage["service"])))
    return found


def _of_pipelines(document: Mapping[str, Any], requests: Table) -> dict[str, npt.NDArray[np.bool_]]:
    """By pipeline which of the requests that count are its own."""
    only = next(iter(document["pipelines"]))
    entries: dict[str, set[str]] = {}
    for entry in document["traffic"]:
        pipeline = entry.get("pipeline", only)
        entries.setdefault(pipeline, set()).add(entry.get("name", pipeline))
    measured = np.asarray(requests["measured"]) == 1
    traffic = np.asarray(requests["traffic"])
    return {name: measured & np.isin(traffic, sorted(names)) for name, names in entries.items()}


def _visits(
    requests: Table,
    own: Mapping[str, npt.NDArray[np.bool_]],
    stages: Sequence[tuple[str, str]],
    number: int,
) -> list[_Visits]:
    found = []
    for pipeline, stage in stages:
        if pipeline not in own:
            continue
        mine = own[pipeline] & (np.asarray(requests[f"{stage}.replica"]) == number)
        queued = np.asarray(requests[f"{stage}.queued_s"], dtype=float)[mine]
        seconds = {
            name: np.asarray(requests[f"{stage}.{name}"], dtype=float)[mine] - queued
            for name in ("first_output_s", "finished_s")
        }
        seconds["e2e_latency"] = np.asarray(requests["e2e_latency_s"], dtype=float)[mine]
        found.append(_Visits(pipeline, stage, seconds))
    return found


def _joined(visits: Sequence[_Visits], name: str) -> Numbers:
    return np.concatenate([np.empty(0), *(one.seconds[name] for one in visits)])


def _statistic(values: Numbers, name: str) -> float:
    known = values[np.isfinite(values)]
    if not known.size:
        return float("nan")
    if name in ("mean", "max"):
        return float(known.mean() if name == "mean" else known.max())
    return float(np.percentile(known, int(name[1:])))


def _missed(judged: Sequence[Judged], visits: Sequence[_Visits]) -> Iterator[str]:
    for one in judged:
        found = _FIGURE.fullmatch(one.objective.figure)
        if found is None or not one.objective.at_most:
            continue
        values = [
            visit.seconds[column]
            for visit in visits
            if (column := visit.column(found["metric"], found["owner"] or ""))
        ]
        if values and _statistic(np.concatenate(values), found["statistic"]) > one.objective.bound:
            yield one.objective.figure
