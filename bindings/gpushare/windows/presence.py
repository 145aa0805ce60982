"""Which pods were where in a window of a packing."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._core import ScenarioError
from .._errors import fail
from ..clusters.data import Cluster
from ..clusters.timed import ClusterRun
from ..frames.notices import Notice

__all__ = ["Pod", "pods_of", "unserved"]


@dataclass(frozen=True)
class Pod:
    """A pod that held GPUs in the window.

    Attributes
    ----------
    name, service, node : str
        The service is empty where the list does not say one.
    devices : tuple of int
        GPUs of the node.
    instances : tuple of str
        ``"3g.40gb@4"`` on each of them; empty where its share is no instance.
    milli : int
        Of each GPU.
    cpu_milli : int
        Of the node.
    from_s, until_s : float
        On the clock of the list.
    stand_in : bool
        Whether its service is not its own.
    """

    name: str
    service: str
    node: str
    devices: tuple[int, ...]
    instances: tuple[str, ...]
    milli: int
    cpu_milli: int
    from_s: float
    until_s: float
    stand_in: bool = False

    @property
    def shared(self) -> bool:
        """Whether its GPU may have others beside it, in the same partition."""
        return self.milli < 1000 and not self.instances


def pods_of(cluster: Cluster, run: ClusterRun, from_s: float, until_s: float) -> list[Pod]:
    """Those that ran some time of the window, in the order of the list."""
    found = []
    columns = ("name", "started_s", "ended_s", "node", "devices", "instances")
    rows = zip(*(run.pods[name].tolist() for name in columns), strict=True)
    for i, (name, started, ended, node, devices, instances) in enumerate(rows):
        end = math.inf if math.isnan(ended) else ended
        if not (started < until_s and end > from_s):
            continue
        found.append(
            Pod(
                name,
                cluster.services[i],
                node,
                tuple(int(device) for device in devices.split("|") if device),
                tuple(part for part in instances.split("|") if part),
                int(cluster.pods["gpu_milli"][i]),
                int(cluster.pods["cpu_milli"][i]),
                started,
                end,
            )
        )
    return found


def unserved(cluster: Cluster, run: ClusterRun, services: Mapping[str, int], until_s: float) -> list[Notice]:
    """Pods of services that had been created and had no place, and services whose pods are of another size.

    Raises
    ------
    ScenarioError
        For a pod of a service that the workload does not have, or that has not one GPU for each rank.
    """
    waiting: dict[str, list[str]] = {}
    started = run.pods["started_s"].tolist()
    for i, service in enumerate(cluster.services):
        if not service:
            continue
        name = str(cluster.pods["name"][i])
        _check(name, service, int(cluster.pods["num_gpu"][i]), services)
        if cluster.created_s[i] < until_s and not started[i] < until_s:
            waiting.setdefault(service, []).append(name)
    return [
        Notice(
            service,
            f"{_some(names)} had no place by the end of the window and serve{'s' if len(names) == 1 else ''} nobody",
        )
        for service, names in waiting.items()
    ]


def _check(pod: str, service: str, gpus: int, services: Mapping[str, int]) -> None:
    if service not in services:
        near = difflib.get_close_matches(service, services, 1)
        meant = f'; is "{near[0]}" meant?' if near else ""
        raise fail(
            ScenarioError,
            f'pod "{pod}"',
            f'the workload has no service "{service}"; it has {", ".join(services)}{meant} '
            "(pods of others leave the column empty)",
        )
    if gpus != services[service]:
        raise fail(
            ScenarioError,
            f'pod "{pod}"',
            f"asks for {gpus} GPUs; a replica of {service} has tensor_parallel {services[service]}",
        )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
