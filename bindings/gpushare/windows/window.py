"""Whether a cluster's services keep to their objectives in a window, on the layout that the packing chose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ..clusters.timed import ClusterRun, ClusterRuns
from ..frames.notices import Notice, plain
from ..frames.tables import Table
from ..planning.judging import Fared
from ..planning.rounds import MOST, Budget, asked_of, judged_run
from ..scenario.profiles import profile_names
from ..scenario.scenario import Scenario, ScenarioLike
from ..study.results import Result
from ..study.simulation import MOST_REQUESTS, as_scenario, check_seconds
from .clock import length_s, said, time_s
from .missing import replica_table
from .placing import Replica, check_served, stage
from .presence import Pod, pods_of, unserved
from .text import window_text
from .workload import workload_from

__all__ = ["ClusterWindow", "cluster_window"]

#: Seconds that a run begins before the window, so that queues are not empty then (assumed).
LEAD_S = 300.0
#: Seconds from a pod's start until it serves (assumed: what a process takes to restart after a fault, too).
READY_S = 60.0


@dataclass(frozen=True)
class ClusterWindow:
    """A window of a packed cluster, simulated.

    Attributes
    ----------
    policy : str
        Which placed the pods.
    at_s, duration_s, begin_s : float
        The window on the clock of the list, and when the run began before it.
    scenario : Scenario
        Services and traffic on the placement at that time.
    actions : list of mapping
        Pods that come and go: ``gs.simulate(scenario, actions=actions)`` is the run again.
    result : Result
        Figures of the window, as of any run.
    fared : Fared
        What became of each objective; ``meets`` says whether all hold.
    pods : list of Pod
        All that held GPUs, those of others too.
    """

    policy: str
    at_s: float
    duration_s: float
    begin_s: float
    scenario: Scenario
    actions: Sequence[Mapping[str, Any]]
    result: Result
    fared: Fared
    pods: Sequence[Pod]
    staged: Sequence[Replica]
    warnings: Sequence[Notice]

    @property
    def meets(self) -> bool | None:
        """Whether the window is within objectives; None where chance leaves it open."""
        return self.fared.meets

    @property
    def asked(self) -> bool:
        """Whether there are objectives."""
        return bool(self.fared.judged or self.fared.checks)

    @cached_property
    def replicas(self) -> Table:
        """A row for each replica: pod, node, GPU, when it served, its requests, p95s, and the objectives it misses."""
        return replica_table(self.staged, self.scenario, self.result, self.fared.judged, self.begin_s)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        rows = zip(*(self.replicas[name].tolist() for name in self.replicas.columns), strict=True)
        return {
            "policy": self.policy,
            "at_s": self.at_s,
            "duration_s": self.duration_s,
            "lead_s": self.at_s - self.begin_s,
            "meets": self.meets if self.asked else None,
            "objectives": {name: one.to_dict() for name, one in self.fared.named().items()},
            "replications": self.fared.runs,
            "gpus": len(self.scenario.placement.gpus),
            "replicas": [dict(zip(self.replicas.columns, row, strict=True)) for row in rows],
            "actions": [dict(one) for one in self.actions],
            "warnings": plain(self.warnings),
            "summary": self.result.summary().to_dict(),
        }

    def text(self, width: int = 80) -> str:
        """The answer first, then every objective and every replica."""
        return window_text(self, width)

    def __repr__(self) -> str:
        return self.text()


def cluster_window(
    runs: ClusterRuns,
    workload: ScenarioLike,
    *,
    at: float | str,
    window: float | str = "1h",
    policy: str | None = None,
    gpus: Mapping[str, str] | None = None,
    slo: Sequence[str] = (),
    lead_s: float = LEAD_S,
    ready_s: float = READY_S,
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
    time-sliced. Pods that come or go meanwhile are replicas that come and go. Pods without a service are taken to be
    idle; where they share a GPU with services that is said.

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
    slo : sequence of str
        Further bounds, such as ``"llm.ttft_p95=400ms"``.
    lead_s : float
        The run begins so long before the window, whose figures do not count it.
    ready_s : float
        From a pod's start until it serves.
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
    scenario = as_scenario(workload)
    run = _run_of(runs, policy)
    at_s, span_s = time_s("at", at), length_s("window", window)
    if at_s + span_s > runs.until_s:
        raise ValueError(
            f"window: ends at {said(at_s + span_s)}; the packing ends at {said(runs.until_s)} (until_s)"
        )
    begin_s = max(0.0, at_s - check_seconds("lead_s", lead_s))
    length = at_s - begin_s + span_s
    ranks = {one["name"]: int(one["tensor_parallel"]) for one in scenario.workload.services}
    waiting = unserved(runs.cluster, run, ranks, at_s + span_s)
    pods = pods_of(runs.cluster, run, begin_s, at_s + span_s)
    staged = stage(
        pods,
        dict(zip(runs.cluster.nodes["sn"].tolist(), runs.cluster.nodes["cpu_milli"].tolist(), strict=True)),
        _kinds(runs, pods, gpus or {}),
        runs.sharing.name,
        begin_s=begin_s,
        length_s=length,
        ready_s=check_seconds("ready_s", ready_s),
    )
    check_served(staged, scenario.services, pods, said(begin_s))
    document, traces, left_out = workload_from(scenario, begin_s, at_s - begin_s, length)
    document["placement"] = {"nodes": staged.nodes}
    placed, asked = asked_of(Scenario.from_dict(document, traces=traces), None, list(slo))
    notices = [
        *runs.sharing.notices,
        *left_out,
        *waiting,
        *_neighbours(pods),
        *_came(staged.actions, ready_s),
    ]
    if asked.tolerate and staged.actions:
        asked = replace(asked, tolerate="")
        notices.append(Notice("/objectives/tolerate", "is not checked: pods come or go in the window"))
    budget = Budget(replications, most_replications, False, bool(asked.bounds or asked.tolerate))
    result, fared = judged_run(
        placed,
        asked,
        budget,
        seed=seed,
        actions=staged.actions,
        threads=threads,
        most_requests=most_requests,
        progress=progress,
    )
    return ClusterWindow(
        run.policy,
        at_s,
        span_s,
        begin_s,
        placed,
        staged.actions,
        result,
        fared,
        pods,
        staged.replicas,
        tuple(dict.fromkeys([*notices, *result.warnings])),
    )


def _run_of(runs: ClusterRuns, policy: str | None) -> ClusterRun:
    if policy is None and len(runs.policies) == 1:
        return next(iter(runs.policies.values()))
    if policy is None or policy not in runs.policies:
        found = "none" if policy is None else repr(policy)
        raise ValueError(f"policy: found {found}; expected one of {', '.join(runs.policies)}")
    return runs.policies[policy]


def _kinds(runs: ClusterRuns, pods: Sequence[Pod], gpus: Mapping[str, str]) -> dict[str, str]:
    """Profiles of the nodes where services run."""
    known = set(profile_names())
    models = dict(zip(runs.cluster.nodes["sn"].tolist(), runs.cluster.nodes["model"].tolist(), strict=True))
    for model in gpus:
        if model not in runs.cluster.models:
            raise ValueError(
                f"gpus: no node has GPUs of model {model!r}; there are {', '.join(runs.cluster.models)}"
            )
    found = {}
    for node in dict.fromkeys(pod.node for pod in pods if pod.service):
        model = models[node]
        if model in gpus:
            found[node] = str(gpus[model])
        elif model in runs.sharing.profiles:
            found[node] = runs.sharing.profiles[model].name
        elif model in known or model.lower() in known:
            found[node] = model if model in known else model.lower()
        else:
            raise ValueError(
                f"gpus: node {node} has GPUs of model {model!r}, which is no profile; say which one it is: "
                f"{{{model!r}: 'a100'}}. Profiles: {', '.join(sorted(known))}"
            )
    return found


def _neighbours(pods: Sequence[Pod]) -> list[Notice]:
    """Pods without a service that shared a GPU with one that has, at some time of the window."""
    beside: dict[str, set[str]] = {}
    where: set[str] = set()
    for pod in pods:
        if pod.service or not pod.shared:
            continue
        for device in pod.devices:
            met = {
                own.service
                for own in pods
                if own.service
                and own.shared
                and own.node == pod.node
                and device in own.devices
                and own.from_s < pod.until_s
                and pod.from_s < own.until_s
            }
            if met:
                beside.setdefault(pod.name, set()).update(met)
                where.add(f"{pod.node}/gpu{device}")
    if not beside:
        return []
    services = sorted(set.union(*beside.values()))
    names = ", ".join([*list(beside)[:3], *(["..."] if len(beside) > 3 else [])])
    many = f"{len(beside)} pods" if len(beside) > 1 else "1 pod"
    return [
        Notice(
            "others",
            f"{many} without a service ({names}) share{'' if len(beside) > 1 else 's'} {len(where)} "
            f"GPU{'s' if len(where) > 1 else ''} with {', '.join(services)}: what they do there is not known, and they "
            "are taken to be idle (assumed); give them a service that keeps their share busy to see the worst",
        )
    ]


def _came(actions: Sequence[Mapping[str, Any]], ready_s: float) -> list[Notice]:
    come = sum("start" in one for one in actions)
    go = sum("stop" in one for one in actions)
    said_ = []
    if come:
        said_.append(
            Notice(
                "ready_s",
                f"{come} of the pods come in the run, and serve {ready_s:g} s after they start (assumed)",
            )
        )
    if go:
        said_.append(
            Notice(
                "pods",
                f"{go} of the pods leave in the run: what they work on begins again elsewhere (assumed)",
            )
        )
    return said_
