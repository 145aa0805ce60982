"""What the run of a window is told: who is where, and what has to be served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._errors import like
from ..clusters.sharing import profile_of_model
from ..clusters.timed import ClusterRun, ClusterRuns
from ..frames.notices import Notice
from ..scenario.profiles import profile_names
from ..scenario.scenario import Scenario
from .clock import said
from .others import WAYS, beside, idle_notice, keep_busy, stand_ins
from .placing import Staged, check_served, stage
from .presence import Pod, pods_of, unserved
from .workload import workload_from

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """A scenario on the layout of a window, and what is said of it."""

    policy: str
    scenario: Scenario
    staged: Staged
    pods: Sequence[Pod]
    notices: Sequence[Notice]


def prepare(
    runs: ClusterRuns,
    scenario: Scenario,
    *,
    policy: str | None,
    gpus: Mapping[str, str],
    begin_s: float,
    at_s: float,
    until_s: float,
    ready_s: float,
    others: str,
) -> Prepared:
    """Places a workload as a packing had its pods from `begin_s` to `until_s`."""
    if others not in WAYS:
        raise ValueError(f"others: found {others!r}; expected {' or '.join(WAYS)}")
    run = _run_of(runs, policy)
    if until_s > runs.until_s:
        raise ValueError(
            f"window: ends at {said(until_s)}; the packing ends at {said(runs.until_s)} (until_s)"
        )
    ranks = {one["name"]: int(one["tensor_parallel"]) for one in scenario.workload.services}
    notices = [*runs.cluster.notices, *runs.sharing.notices, *unserved(runs.cluster, run, ranks, until_s)]
    pods = pods_of(runs.cluster, run, begin_s, until_s)
    document, traces, left_out = workload_from(scenario, begin_s, at_s - begin_s, until_s - begin_s)
    if met := beside(pods):
        there = any(pod.from_s + ready_s <= begin_s < pod.until_s for pod in met)
        if others == "busy" and there:
            name = _free_name("others", [*scenario.services, *document["pipelines"]])
            pods = stand_ins(pods, met, name)
            notices.append(keep_busy(document, name, pods, met))
        else:
            late = (
                "none of them is there when the run begins" if others == "busy" else 'assumed; others: "busy"'
            )
            notices.append(idle_notice(met, late))
    nodes = runs.cluster.nodes
    staged = stage(
        pods,
        dict(zip(nodes["sn"].tolist(), nodes["cpu_milli"].tolist(), strict=True)),
        _kinds(runs, pods, gpus),
        runs.sharing.name,
        begin_s=begin_s,
        length_s=until_s - begin_s,
        ready_s=ready_s,
    )
    check_served(staged, scenario.services, pods, said(begin_s))
    notices += _never_ready(pods, staged)
    document["placement"] = {"nodes": staged.nodes}
    placed = Scenario.from_dict(document, traces=traces)
    return Prepared(run.policy, placed, staged, pods, [*notices, *left_out, *_came(staged.actions, ready_s)])


def _free_name(name: str, taken: Sequence[str]) -> str:
    return name if name not in taken else _free_name(f"{name}-pods", taken)


def _run_of(runs: ClusterRuns, policy: str | None) -> ClusterRun:
    if policy is None and len(runs.policies) == 1:
        return next(iter(runs.policies.values()))
    if policy is None or policy not in runs.policies:
        found = "none" if policy is None else repr(policy)
        raise ValueError(f"policy: found {found}; expected one of {', '.join(runs.policies)}")
    return runs.policies[policy]


def _kinds(runs: ClusterRuns, pods: Sequence[Pod], gpus: Mapping[str, str]) -> dict[str, str]:
    """Profiles of the nodes where services run."""
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
        elif (card := profile_of_model(model)) is not None:
            found[node] = card.name
        else:
            raise ValueError(
                f"gpus: node {node} has GPUs of model {model!r}, which is no profile; say which one it is: "
                f"{{{model!r}: 'a100'}}. Profiles: {like(model, sorted(profile_names()))}"
            )
    return found


def _never_ready(pods: Sequence[Pod], staged: Staged) -> list[Notice]:
    serving = [replica.pod for replica in staged.replicas]
    return [
        Notice(
            pod.service, f"{pod.name} held its GPU in the window and never served: it was not ready in time"
        )
        for pod in pods
        if pod.service and pod not in serving
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
