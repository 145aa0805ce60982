"""One replication of a simulation."""

from __future__ import annotations

from typing import Any

from .. import _core
from ..frames.tables import Table
from .bottleneck import Bottleneck

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

    def __init__(self, run: _core.Run) -> None:
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

    def __repr__(self) -> str:
        return f"<Run {self.scenario}, {self.mode}, seed {self.seed}, replication {self.replication}>"
