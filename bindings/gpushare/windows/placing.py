"""Pods of a window as a placement, and those that come and go as actions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core import ScenarioError
from .._errors import fail
from ..clusters.placed import NO_LIMIT_MILLI
from ..scenario.profiles import profile
from .presence import Pod

__all__ = ["Gpu", "Replica", "Staged", "check_served", "stage"]

Place = tuple[str, int]


@dataclass(frozen=True)
class Replica:
    """A pod as a replica of its service: seconds of the run from when to when it serves."""

    pod: Pod
    number: int
    gpus: tuple[int, ...]
    from_s: float
    until_s: float


@dataclass
class Gpu:
    """A GPU with pods of services in the window, as the run finds it."""

    place: Place
    kind: str
    layout: list[str] = field(default_factory=list)
    sharing: str = "exclusive"


@dataclass(frozen=True)
class Staged:
    """What a run is told: the member ``"nodes"`` of a placement, actions, and the replicas by number."""

    nodes: list[dict[str, Any]]
    actions: list[dict[str, Any]]
    replicas: list[Replica]


def stage(
    pods: Sequence[Pod],
    nodes: Mapping[str, int],
    kinds: Mapping[str, str],
    sharing: str,
    *,
    begin_s: float,
    length_s: float,
    ready_s: float,
) -> Staged:
    """Places pods that serve when the run begins, and lets others come and go.

    Parameters
    ----------
    pods : sequence of Pod
        All that held GPUs in the window; those without a service are neighbours.
    nodes : mapping of str to int
        Thousandths of a core of each node, in order.
    kinds : mapping of str to str
        Profile of each node with services.
    sharing : str
        Of GPUs that are not cut.
    begin_s, length_s : float
        When the run begins on the clock of the list, and how long it goes on.
    ready_s : float
        From a pod's start until it serves.
    """
    own = [pod for pod in pods if pod.service]
    order = {name: number for number, name in enumerate(nodes)}
    places = sorted(
        {(pod.node, device) for pod in own for device in pod.devices}, key=lambda at: (order[at[0]], at[1])
    )
    gpus = {place: _gpu(place, pods, own, kinds, sharing, begin_s) for place in places}
    numbers = {place: number for number, place in enumerate(places)}

    def times(pod: Pod) -> tuple[float, float]:
        return max(0.0, pod.from_s + ready_s - begin_s), pod.until_s - begin_s

    serving = [pod for pod in own if times(pod)[0] < min(times(pod)[1], length_s)]
    first = [pod for pod in serving if times(pod)[0] == 0]
    later = sorted((pod for pod in serving if times(pod)[0] > 0), key=lambda pod: times(pod)[0])
    first.sort(key=lambda pod: _rank(pod, gpus, numbers))
    counts: dict[str, int] = {}
    replicas = []
    for pod in [*first, *later]:
        number = counts[pod.service] = counts.get(pod.service, -1) + 1
        on = tuple(numbers[pod.node, device] for device in pod.devices)
        replicas.append(Replica(pod, number, on, *times(pod)))
    document = [
        _node(name, cpu, [gpu for gpu in gpus.values() if gpu.place[0] == name], pods, first, sharing)
        for name, cpu in nodes.items()
        if any(place[0] == name for place in places)
    ]
    return Staged(document, _actions(replicas, list(gpus.values()), sharing, length_s), replicas)


def _rank(pod: Pod, gpus: Mapping[Place, Gpu], numbers: Mapping[Place, int]) -> tuple[int, int]:
    """In the order in which a placement lists processes, which numbers the replicas."""
    place = (pod.node, pod.devices[0])
    layout = gpus[place].layout
    return numbers[place], layout.index(pod.instances[0]) if pod.instances else 0


def _start(instance: str) -> int:
    return int(instance.partition("@")[2])


def _gpu(
    place: Place,
    pods: Sequence[Pod],
    own: Sequence[Pod],
    kinds: Mapping[str, str],
    sharing: str,
    begin_s: float,
) -> Gpu:
    """Cut and shared as it is when the run begins; what comes later has its instance from then on where it can."""
    here = [pod for pod in pods if pod.node == place[0] and place[1] in pod.devices]
    mine = sorted((pod for pod in own if pod in here), key=lambda pod: pod.from_s)
    cut = any(pod.instances for pod in here)
    gpu = Gpu(place, kinds[place[0]])
    there = [pod for pod in here if pod.from_s <= begin_s < pod.until_s]
    shared = [pod for pod in (*there, *mine) if pod.service and pod.shared]
    whole = any(pod.milli == 1000 for pod in there)
    if shared and not whole:
        gpu.sharing = _sharing_of(shared[0], sharing)
    if cut and not whole:
        for pod in (*there, *mine):
            for instance in _on(pod, place):
                if not any(_overlap(instance, other, gpu.kind) for other in gpu.layout):
                    gpu.layout.append(instance)
        gpu.layout.sort(key=_start)
    return gpu


def _on(pod: Pod, place: Place) -> list[str]:
    """Its instance on that GPU, if it has one."""
    return [pod.instances[pod.devices.index(place[1])]] if pod.instances else []


def _span(instance: str, kind: str) -> range:
    name, _, start = instance.partition("@")
    slots = next(row["memory_slices"] for row in profile(kind).mig if row["name"] == name)
    return range(int(start), int(start) + slots)


def _overlap(one: str, other: str, kind: str) -> bool:
    return bool(set(_span(one, kind)) & set(_span(other, kind)))


def _sharing_of(pod: Pod, sharing: str) -> str:
    if not pod.shared:
        return "exclusive"
    return "mps" if sharing == "mps" else "time-slicing"


def _limits(pod: Pod, kind: str, sharing: str) -> dict[str, float]:
    """A share under MPS is a cap of SMs and of memory."""
    if _sharing_of(pod, sharing) != "mps":
        return {}
    return {
        "active_thread_percentage": pod.milli / 10,
        "memory_limit_bytes": profile(kind).memory_bytes * pod.milli / 1000,
    }


def _node(
    name: str, cpu_milli: int, gpus: Sequence[Gpu], pods: Sequence[Pod], first: Sequence[Pod], sharing: str
) -> dict[str, Any]:
    node: dict[str, Any] = {"name": name}
    if cpu_milli < NO_LIMIT_MILLI:
        others = [pod for pod in pods if pod.node == name and (pod.stand_in or not pod.service)]
        node["host"] = {"cores": max(1, (cpu_milli - _most(others)) // 1000)}
    node["gpus"] = [_gpu_document(gpu, first, sharing) for gpu in gpus]
    return node


def _most(pods: Sequence[Pod]) -> int:
    """The most thousandths of cores that they hold at a time."""
    return max(
        (sum(one.cpu_milli for one in pods if one.from_s <= pod.from_s < one.until_s) for pod in pods),
        default=0,
    )


def _gpu_document(gpu: Gpu, first: Sequence[Pod], sharing: str) -> dict[str, Any]:
    here = [pod for pod in first if pod.node == gpu.place[0] and gpu.place[1] in pod.devices]
    document: dict[str, Any] = {"profile": gpu.kind}
    if gpu.layout:
        document["layout"] = "+".join(gpu.layout)
        document["partitions"] = [
            {"processes": [pod.service for pod in here if _on(pod, gpu.place) == [instance]]}
            for instance in gpu.layout
        ]
        return document
    processes = []
    for pod in here:
        limits = _limits(pod, gpu.kind, sharing)
        processes.append({"service": pod.service} | limits if limits else pod.service)
    document["partitions"] = [{"sharing": gpu.sharing, "processes": processes}]
    return document


def _actions(
    replicas: Sequence[Replica], gpus: Sequence[Gpu], sharing: str, length_s: float
) -> list[dict[str, Any]]:
    """By time; what goes makes room for what comes."""
    events: list[tuple[float, int, Replica]] = []
    for replica in replicas:
        if replica.from_s > 0:
            events.append((replica.from_s, 1, replica))
        if replica.until_s < length_s:
            events.append((replica.until_s, 0, replica))
    layouts = {number: list(gpu.layout) for number, gpu in enumerate(gpus)}
    actions: list[dict[str, Any]] = []
    for at_s, comes, replica in sorted(events, key=lambda event: event[:2]):
        service = replica.pod.service
        if not comes:
            actions.append({"at_s": at_s, "stop": service, "replica": replica.number, "moves_requests": True})
            continue
        actions += _recuts(at_s, replica, gpus, layouts)
        kind = gpus[replica.gpus[0]].kind
        start = {"at_s": at_s, "start": service, "gpu": list(replica.gpus)}
        partition = {"partition": replica.pod.instances[0]} if replica.pod.instances else {}
        how = {"sharing": _sharing_of(replica.pod, sharing)}
        actions.append(start | partition | how | _limits(replica.pod, kind, sharing))
    return actions


def _recuts(
    at_s: float, replica: Replica, gpus: Sequence[Gpu], layouts: dict[int, list[str]]
) -> Iterator[dict[str, Any]]:
    for number in replica.gpus:
        wanted = _on(replica.pod, gpus[number].place)
        layout = layouts[number]
        if (wanted and wanted[0] in layout) or (not wanted and not layout):
            continue
        kept = [one for one in layout if wanted and not _overlap(one, wanted[0], gpus[number].kind)]
        layouts[number] = sorted([*kept, *wanted], key=_start)
        yield {"at_s": at_s, "recut": number, "layout": "+".join(layouts[number]) or "whole"}


def check_served(staged: Staged, services: Sequence[str], pods: Sequence[Pod], begin: str) -> None:
    """Every service has a replica when the run begins.

    Raises
    ------
    ScenarioError
        With when its first one comes.
    """
    there = {one.pod.service for one in staged.replicas if one.from_s == 0}
    for service in services:
        if service in there:
            continue
        later = min((pod.from_s for pod in pods if pod.service == service), default=math.inf)
        comes = "none comes in the window" if later == math.inf else "its first pod is not ready yet"
        raise fail(
            ScenarioError,
            service,
            f"no pod serves it when the run begins, at {begin}: {comes}. A pod serves a service whose name is in its "
            'column "service"; begin the window later, or leave the service out of the workload',
        )
