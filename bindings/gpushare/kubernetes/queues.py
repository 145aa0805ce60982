"""Queues and schedulers that hand out parts of GPUs: Kueue, KAI and HAMi."""

from __future__ import annotations

from collections import Counter
from typing import Any

from . import device_plugin
from .fleet import Fleet, Replica
from .names import object_name
from .parts import Export, ExportError, Naming, metadata, yaml_file
from .pods import Asked, asked, deployments, mps_environment, plugin_request

__all__ = ["export_hami", "export_kai", "export_kueue"]

_KUEUE = "kueue.x-k8s.io/v1beta2"


def export_kueue(fleet: Fleet, naming: Naming) -> Export:
    """Quotas of what the plan uses, by kind of card, and Deployments that wait in the queue.

    Fields are those of kueue.x-k8s.io/v1beta2 (Kueue 0.20).

    Raises
    ------
    ExportError
        As of the device plugin, which hands out what is counted.
    """
    device_plugin.plugin_configs(fleet)
    name = object_name(fleet.name)
    queues = _queues(fleet, naming, name)
    label = {"kueue.x-k8s.io/queue-name": name}
    documents = deployments(
        fleet,
        naming,
        lambda replica: asked(plugin_request(replica), mps_environment(replica), labels=label),
    )
    return Export(
        files={
            "queues.yaml": yaml_file(queues, "Quotas of what the plan uses.", fleet),
            "deployments.yaml": yaml_file(documents, "What runs where.", fleet),
        },
        steps=[
            "the device plugin must hand out these resources first: the formats device-plugin or gpu-operator",
            "kubectl apply -f queues.yaml",
            "kubectl apply -f deployments.yaml",
        ],
        notes=[
            "quotas are exactly what the plan uses; CPU and memory are not counted (Kueue's "
            "excludeResourcePrefixes, or "
            "cover them too)",
            "the label nvidia.com/gpu.product is GPU Feature Discovery's; under time-slicing it may end in -SHARED",
        ],
        undo=["kubectl delete -f deployments.yaml -f queues.yaml"],
    )


def _queues(fleet: Fleet, naming: Naming, name: str) -> list[dict[str, Any]]:
    """A flavor for each kind of card, and the queues over them."""
    used: dict[str, Counter[str]] = {}
    products: dict[str, str] = {}
    for replica in fleet.replicas:
        card = replica.ranks[0][0]
        flavor = object_name(card.profile)
        products[flavor] = card.product
        for resource, count in plugin_request(replica).items():
            used.setdefault(flavor, Counter())[resource] += int(count)
    covered = sorted({resource for counts in used.values() for resource in counts})
    flavors = [
        {
            "name": flavor,
            "resources": [{"name": resource, "nominalQuota": counts[resource]} for resource in covered],
        }
        for flavor, counts in used.items()
    ]
    queues: list[dict[str, Any]] = [
        {
            "apiVersion": _KUEUE,
            "kind": "ResourceFlavor",
            "metadata": metadata(flavor),
            "spec": {"nodeLabels": {"nvidia.com/gpu.product": products[flavor].replace(" ", "-")}},
        }
        for flavor in used
    ]
    return [
        *queues,
        {
            "apiVersion": _KUEUE,
            "kind": "ClusterQueue",
            "metadata": metadata(name),
            "spec": {
                "namespaceSelector": {},
                "resourceGroups": [{"coveredResources": covered, "flavors": flavors}],
            },
        },
        {
            "apiVersion": _KUEUE,
            "kind": "LocalQueue",
            "metadata": metadata(name, naming.namespace),
            "spec": {"clusterQueue": name},
        },
    ]


def export_kai(fleet: Fleet, naming: Naming) -> Export:
    """Queues of the KAI scheduler, and pods with fractions of a GPU.

    Fields are those of scheduling.run.ai/v2 and of docs/gpu-sharing (KAI-Scheduler, March 2026).

    Raises
    ------
    ExportError
        For MPS, and for several processes on a MIG instance.
    """
    name = object_name(fleet.name)
    total = sum(1.0 for card in fleet.cards if any(part.seats for part in card.parts))
    documents = deployments(fleet, naming, lambda replica: _ask_kai(naming, replica, name))
    gpu = {"quota": total, "limit": total, "overQuotaWeight": 1}
    free = {"quota": -1, "limit": -1, "overQuotaWeight": 1}
    resources = {"cpu": free, "memory": free, "gpu": gpu}
    # Pods go to queues that have a parent and no children.
    queues = [
        {
            "apiVersion": "scheduling.run.ai/v2",
            "kind": "Queue",
            "metadata": metadata(own),
            "spec": {**parent, "resources": resources},
        }
        for own, parent in (
            (object_name(f"{name[:56]}-parent"), {}),
            (name, {"parentQueue": object_name(f"{name[:56]}-parent")}),
        )
    ]
    return Export(
        files={
            "queue.yaml": yaml_file(queues, "GPUs of the plan as a queue's quota, below a parent.", fleet),
            "deployments.yaml": yaml_file(documents, "What runs where.", fleet),
        },
        steps=[
            "install KAI with global.gpuSharing=true; it takes the place of the device plugin's sharing",
            "kubectl apply -f queue.yaml",
            "kubectl apply -f deployments.yaml",
        ],
        notes=["KAI enforces neither memory nor compute of a fraction: the servers must keep to it (vLLM: "
               "--gpu-memory-utilization)"],
        undo=["kubectl delete -f deployments.yaml -f queue.yaml"],
    )  # fmt: skip


def _ask_kai(naming: Naming, replica: Replica, queue: str) -> Asked:
    labels = {"kai.scheduler/queue": queue}
    _, part, seat = replica.ranks[0]
    if not any(other.shared for _, other, _ in replica.ranks):
        return asked({part.resource: len(replica.ranks)}, labels=labels, scheduler="kai-scheduler")
    if part.sharing == "mps":
        raise ExportError(
            f"{replica.name} is a client of MPS: KAI starts no MPS daemon and has no share of threads", "dra"
        )
    if part.instance or len(replica.ranks) > 1:
        raise ExportError(
            f"{replica.name} shares {part.instance or 'several GPUs'}: KAI has fractions of one whole GPU",
            "dra",
        )
    fraction = f"{max(1, int(100 * part.memory_of(seat) / part.memory_bytes)) / 100:g}"
    return asked(annotations={"gpu-fraction": fraction}, labels=labels, scheduler="kai-scheduler")


def export_hami(fleet: Fleet, naming: Naming) -> Export:
    """Pods with HAMi's limits of memory.

    Resources are those of Project-HAMi/HAMi (examples/nvidia, docs/config.md): nvidia.com/gpu, gpumem in MiB.

    Raises
    ------
    ExportError
        For MPS and for GPUs that are cut.
    """
    documents = deployments(fleet, naming, _ask_hami)
    return Export(
        files={"deployments.yaml": yaml_file(documents, "What runs where.", fleet)},
        steps=[
            "HAMi takes the place of NVIDIA's device plugin on these nodes (label gpu=on)",
            "kubectl apply -f deployments.yaml",
        ],
        notes=[
            "gpumem is an equal share of the memory for processes without a limit of their own; gpucores is "
            "left out, as "
            "time-slicing without limits was simulated",
        ],
        undo=["kubectl delete -f deployments.yaml"],
    )


def _ask_hami(replica: Replica) -> Asked:
    _, part, seat = replica.ranks[0]
    if part.instance:
        raise ExportError(
            f"{replica.name} is on {part.instance}: HAMi chooses MIG instances itself", "mig-parted"
        )
    if part.shared and part.sharing == "mps":
        raise ExportError(
            f"{replica.name} is a client of MPS: HAMi's gpucores are shares of time, which is not what was simulated",
            "dra",
        )
    limits: dict[str, int | str] = {"nvidia.com/gpu": len(replica.ranks)}
    if part.shared:
        limits["nvidia.com/gpumem"] = int(part.memory_of(seat)) // 2**20
    return asked(limits)
