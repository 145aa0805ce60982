"""Placements as the nodes and pods of a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..scenario.placement import Placement
from ..scenario.profiles import profile
from ..scenario.scenario import Scenario

__all__ = ["NO_LIMIT_MILLI", "placed_rows"]

#: Cores of a host without limit, in thousandths; MiB of a host whose memory nobody says.
NO_LIMIT_MILLI = NO_LIMIT_MIB = 10**9


@dataclass
class _Replica:
    """One pod, which may have several ranks on GPUs of its node."""

    service: str
    number: int
    node: str
    gpu_milli: int
    devices: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)


def placed_rows(
    placed: Placement | Scenario, cpu_milli: int, memory_mib: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Nodes and pods as `Cluster` takes them."""
    placement = placed.placement if isinstance(placed, Scenario) else placed
    ranks = (
        {one["name"]: int(one["tensor_parallel"]) for one in placed.workload.services}
        if isinstance(placed, Scenario)
        else {}
    )
    kinds = _kinds(placement)
    nodes = [_node(node, kinds[node["name"]]) for node in placement.nodes]
    replicas = list(_replicas(placement, ranks, kinds))
    cores = {node["sn"]: node["cpu_milli"] for node in nodes}
    held = {name: sum(len(one.devices) for one in replicas if one.node == name) for name in cores}
    pods = [
        {
            "name": f"{one.service}-{one.number}",
            "cpu_milli": min(cpu_milli, cores[one.node] // held[one.node]) * len(one.devices),
            "memory_mib": memory_mib * len(one.devices),
            "num_gpu": len(one.devices),
            "gpu_milli": one.gpu_milli,
            "service": one.service,
            "node": one.node,
            "devices": one.devices,
            "starts": one.starts,
        }
        for one in replicas
    ]
    return nodes, pods


def _kinds(placement: Placement) -> dict[str, list[str]]:
    """By node the profile of each GPU, by the name or path that it was loaded by."""
    written = placement.to_dict()["nodes"]
    return {
        node["name"]: [gpu["profile"] for gpu in given["gpus"]]
        for node, given in zip(placement.nodes, written, strict=True)
    }


def _node(node: Mapping[str, Any], models: list[str]) -> dict[str, Any]:
    if len(set(models)) > 1:
        raise ValueError(
            f"{node['name']}: has GPUs of {len(set(models))} kinds ({', '.join(sorted(set(models)))}); "
            "the nodes of a cluster have one"
        )
    return {
        "sn": node["name"],
        "cpu_milli": 1000 * node["host_cores"] or NO_LIMIT_MILLI,
        "memory_mib": NO_LIMIT_MIB,
        "gpu": len(models),
        "model": models[0],
    }


def _replicas(
    placement: Placement, ranks: Mapping[str, int], kinds: Mapping[str, list[str]]
) -> Iterator[_Replica]:
    """Processes in order; a rank joins the first replica on its node that lacks one, as a run reads it."""
    lacking: list[_Replica] = []
    counts: dict[str, int] = {}
    devices: dict[str, int] = {}
    for gpu in placement.gpus:
        node = gpu["node"]
        device = devices[node] = devices.get(node, -1) + 1
        for service, milli, start in _shares(gpu, kinds[node][device], f"{node}, GPU {device}"):
            replica = next(
                (
                    one
                    for one in lacking
                    if one.service == service and one.node == node and device not in one.devices
                ),
                None,
            )
            if replica is None:
                replica = _Replica(service, counts.get(service, 0), node, milli)
                counts[service] = replica.number + 1
                lacking.append(replica)
            if replica.gpu_milli != milli:
                raise ValueError(
                    f"{node}, GPU {device}: a rank of {service} has {milli} thousandths, and another one "
                    f"{replica.gpu_milli}; the GPUs of a pod have shares of one size"
                )
            replica.devices.append(device)
            replica.starts += [start] if start is not None else []
            if len(replica.devices) == ranks.get(service, 1):
                lacking.remove(replica)
                yield replica


def _shares(gpu: Mapping[str, Any], kind: str, where: str) -> Iterator[tuple[str, int, int | None]]:
    """Service, thousandths of the GPU and first memory slot (None without MIG) of every process."""
    for part in gpu["partitions"]:
        name, _, start = part["name"].partition("@")
        services, count = part["processes"], len(part["processes"])
        if not start:
            caps = part["active_thread_percentages"]
            whole = max(100.0, sum(caps))
            for service, cap in zip(services, caps, strict=True):
                yield service, max(1, int(1000 * cap / whole)), None
        elif count > 1:
            raise ValueError(
                f"{where}, {part['name']}: {count} processes share an instance; a pod has one of its own"
            )
        elif count == 1:
            yield services[0], _milli(kind, name, where), int(start)


def _milli(kind: str, instance: str, where: str) -> int:
    """The largest share that no smaller instance holds."""
    card = profile(kind)
    row = next(row for row in card.mig if row["name"] == instance)
    if row["media_extension"] or row["double_memory"]:
        raise ValueError(
            f"{where}: no share of a GPU asks for {instance}, whose media engines or memory are special"
        )
    slices = max(row["compute_slices"] for row in card.mig)
    of_compute: int = 1000 * row["compute_slices"] // slices
    of_memory: int = 1000 * row["memory_slices"] // card.memory_slots
    return min(of_compute, of_memory)
