"""One replication of a simulation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .. import _core
from ..frames.tables import Table
from ..scenario.scenario import Scenario
from .bottleneck import Bottleneck
from .timeline import MOST_EVENTS, Timeline, timeline

__all__ = ["Run"]


class Run:
    """One replication.

    Attributes
    ----------
    scenario, mode : str
        What was simulated.
    seed, replication : int
        The random streams it drew from.
    perturbed : bool
        Whether it drew its own calibration errors.
    until_served : bool
        Whether it was measured until the last answer, because nothing said for how long.
    summary : dict
        Every figure, nested by latency, partition and service.
    figures : dict of str to float
        Every figure by its canonical name.
    bottleneck : Bottleneck
        What the requests wait for most.
    only_pipeline : str
        The pipeline that the names of latencies leave out; empty where there are several.
    requests, steps, partitions : Table
        ``requests`` and ``steps`` are empty when they were not recorded.
    series : Table
        Window by window: ``start_s``, ``end_s``, rates offered, served, rejected and failed (requests/s), ``gpus_on``
        (mean), of each service ``replicas`` that take requests (at the end) and ``in_system`` (mean), and p50, p95 and
        p99 of the latencies of what was answered in it, s; empty unless `series_s` was set or the fleet is under
        control.
    changes : Table
        What happened to a fleet under control, in order: ``at_s``, ``change`` (node ordered, node ready, node left,
        replica starts, replica serves, replica leaves, GPU closes, GPU opens), ``of`` (the pool or the service),
        ``number`` (of the node or replica among all that ever were; -1: a GPU's) and ``gpu`` (-1: a node's); empty
        otherwise.
    log : dict of str to Table
        ``processes`` (who lived where from when to when), ``holds`` (one process at a time: it ran, or was being
        brought in), ``shares`` (side by side: a step's rate, 1 is as fast as alone) and ``steps`` (by process, rank
        and phase); empty when it was not recorded.
    """

    def __init__(self, run: _core.Run, scenario: Scenario) -> None:
        self._simulated = scenario
        self.scenario: str = run.scenario
        self.mode: str = run.mode
        self.seed: int = run.seed
        self.replication: int = run.replication
        self.perturbed: bool = run.perturbed
        self.until_served: bool = run.until_served
        self.summary: dict[str, Any] = run.summary
        self.figures: dict[str, float] = run.figures
        self.bottleneck = Bottleneck(**run.bottleneck)
        self.only_pipeline: str = run.only_pipeline
        self.requests = Table._wrap(run.requests)
        self.steps = Table._wrap(run.steps)
        self.partitions = Table._wrap(run.partitions)
        self.changes = Table._wrap(run.changes)
        self.series = Table._wrap(run.series)
        self.log = {name: Table._wrap(table) for name, table in run.log().items()}

    def timeline(
        self, *, most_events: int = MOST_EVENTS, begin_s: float = 0.0, end_s: float = math.inf
    ) -> Timeline:
        """The run as lanes over time, for Perfetto and chrome://tracing: see docs/timeline.md.

        Parameters
        ----------
        most_events : int
            Beside the names of lanes; what would be more is cut off at a time, and `Timeline.left_out` says how many.
        begin_s, end_s : float
            The part of the run to show, in seconds from its start.

        Raises
        ------
        ValueError
            When the run was not recorded with `record_log`, or for fewer than one event.

        Examples
        --------
        >>> import gpushare as gs
        >>> run = gs.simulate("voice-light", mode="time-slicing", record_log=True).runs[0]
        >>> run.timeline(end_s=20).write("voice.json")  # doctest: +SKIP
        """
        if not self.log:
            raise ValueError("the run keeps no log to draw: simulate(..., record_log=True)")
        if most_events < 1:
            raise ValueError(f"most_events: found {most_events!r}; an integer of at least 1 is needed")
        scenario = self._simulated
        holding = [name for name in scenario.services if f"{name}.longest_sequence_tokens" in self.figures]
        return timeline(
            f"{self.scenario}, {self.mode}, seed {self.seed}",
            self.log,
            self.requests,
            gpus=[f"gpu{i} {gpu['profile']}" for i, gpu in enumerate(scenario.gpus)],
            stages=self.stages,
            holding=holding,
            most_events=most_events,
            begin_s=begin_s,
            end_s=end_s,
        )

    @property
    def objectives(self) -> dict[str, Any]:
        """What is asked of it, as `Scenario.objectives` has it."""
        return self._simulated.objectives

    @property
    def stages(self) -> dict[str, str]:
        """By the name that a stage has in the columns of requests its service."""
        return _stages(self._simulated.document)

    def __repr__(self) -> str:
        return f"<Run {self.scenario}, {self.mode}, seed {self.seed}, replication {self.replication}>"


def _stages(document: Mapping[str, Any]) -> dict[str, str]:
    """By the name that a stage has in the columns of requests its service."""
    pipelines = document["pipelines"]
    return {
        (f"{pipeline}.{name}" if len(pipelines) > 1 else name): stage["service"]
        for pipeline, one in pipelines.items()
        for stage in one["stages"]
        if "service" in stage and (name := stage.get("name", stage["service"]))
    }
