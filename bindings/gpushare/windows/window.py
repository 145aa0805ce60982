"""Whether a cluster's services keep to their objectives in a window, on the layout that the packing chose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._numbers import check_seconds
from ..clusters.timed import ClusterRuns
from ..frames.notices import Notice
from ..planning.judging import Fared
from ..planning.objectives import listed
from ..planning.rounds import MOST, Budget, asked_of, judged_run
from ..scenario.scenario import Scenario, ScenarioLike
from ..study.results import Result
from ..study.simulation import MOST_REQUESTS, as_scenario
from .answer import ClusterWindow
from .clock import length_s, time_s
from .prepare import Prepared, prepare

__all__ = ["READY_S", "cluster_window"]

#: Seconds that a run begins before the window, so that queues are not empty then (assumed).
LEAD_S = 300.0
#: Seconds from a pod's start until it serves (assumed: what a process takes to restart after a fault, too).
READY_S = 60.0


def cluster_window(
    runs: ClusterRuns,
    workload: ScenarioLike,
    *,
    at: float | str,
    window: float | str = "1h",
    policy: str | None = None,
    gpus: Mapping[str, str] | None = None,
    slo: str | Sequence[str] = (),
    lead_s: float = LEAD_S,
    ready_s: float = READY_S,
    others: str = "idle",
    seed: int | None = None,
    replications: int = 1,
    most_replications: int = MOST,
    threads: int | None = None,
    most_requests: float = MOST_REQUESTS,
    progress: Callable[[float], bool | None] | None = None,
) -> ClusterWindow:
    """Simulates the services of a packed cluster token by token for a while.

    Pods whose ``service`` names one of the workload's are its replicas, on the GPUs that the packing gave them: a
    share is a cap of SMs and memory under MPS, an instance under MIG, and one of several processes where GPUs are
    time-sliced. Pods that come or go meanwhile are replicas that come and go. Pods without a service that share a
    GPU with services are taken to be idle, or busy all the time, and either is said.

    Parameters
    ----------
    runs : ClusterRuns
        Of `cluster_over_time`.
    workload : Scenario, str, path or mapping
        Services, pipelines, traffic and objectives. Its own placement, control and faults do not count.
    at : float or str
        When the window begins, in seconds of the list or as ``"09:00"``; traffic that follows the clock begins
        there.
    window : float or str
        How long it is: seconds, ``"1h"``, ``"30min"``.
    policy : str, optional
        Whose packing; needed where there are several.
    gpus : mapping of str to str, optional
        Which profile a GPU model of the nodes is, where its name does not say.
    slo : str or sequence of str
        Further bounds, such as ``"llm.ttft_p95=400ms"``.
    lead_s : float
        The run begins so long before the window, whose figures do not count it.
    ready_s : float
        From a pod's start until it serves.
    others : {"idle", "busy"}
        What pods without a service do on GPUs that they share with services: nothing, or one step after another, for
        which stand-ins are added to the workload.
    seed, replications, most_replications, threads, most_requests, progress : optional
        As in `compare` and `simulate`.

    Returns
    -------
    ClusterWindow

    Raises
    ------
    ValueError
        For a time, policy or GPU model that there is not.
    ScenarioError
        For pods of services that the workload does not have, or a service without a pod.
    OutOfMemoryError
        When processes do not fit the share, instance or GPU that their pods hold.

    Examples
    --------
    >>> import gpushare as gs
    >>> runs = gs.cluster_over_time("nodes.csv", "pods.csv", policy="gpushare", sharing="mig")  # doctest: +SKIP
    >>> gs.cluster_window(runs, "scenario.json", at="09:00", window="1h").meets  # doctest: +SKIP
    True
    """
    at_s, span_s = time_s("at", at), length_s("window", window)
    begin_s = max(0.0, at_s - check_seconds("lead_s", lead_s))
    prepared = prepare(
        runs,
        as_scenario(workload),
        policy=policy,
        gpus=gpus or {},
        begin_s=begin_s,
        at_s=at_s,
        until_s=at_s + span_s,
        ready_s=check_seconds("ready_s", ready_s),
        others=others,
    )
    how = {"threads": threads, "most_requests": most_requests, "progress": progress, "seed": seed}
    scenario, result, fared, unchecked = _judged(
        prepared, listed(slo), replications, most_replications, **how
    )
    return ClusterWindow(
        prepared.policy,
        at_s,
        span_s,
        begin_s,
        scenario,
        prepared.staged.actions,
        result,
        fared,
        prepared.pods,
        prepared.staged.replicas,
        tuple(dict.fromkeys([*prepared.notices, *unchecked, *result.warnings])),
    )


def _judged(
    prepared: Prepared, slo: Sequence[str], replications: int, most: int, **how: Any
) -> tuple[Scenario, Result, Fared, list[Notice]]:
    """Runs it until its objectives are clear; with what is asked and not looked at."""
    scenario, asked = asked_of(prepared.scenario, None, slo)
    unchecked = []
    if asked.tolerate and prepared.staged.actions:
        asked = replace(asked, tolerate="")
        unchecked = [Notice("/objectives/tolerate", "is not checked: pods come or go in the window")]
    budget = Budget(replications, most, False, bool(asked.bounds or asked.tolerate))
    result, fared = judged_run(scenario, asked, budget, actions=prepared.staged.actions, **how)
    return scenario, result, fared, unchecked
