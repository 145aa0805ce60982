"""Pods that ask for what a plan gives them: Deployments, one for replicas that are alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import device_plugin
from .fleet import Fleet, Replica
from .names import label_value, object_name
from .parts import Export, ExportError, Naming, metadata, yaml_file
from .servers import vllm_arguments

__all__ = ["MODEL_LABEL", "SERVICE_LABEL", "Asked", "deployments", "export", "mps_environment"]

SERVICE_LABEL = "gpushare/service"
MODEL_LABEL = "gpushare/model"


@dataclass(frozen=True)
class Asked:
    """What a replica asks of Kubernetes: limits or claims, its environment, and what a scheduler wants to know."""

    limits: Mapping[str, int | str]
    environment: Mapping[str, str]
    claims: Mapping[str, Mapping[str, str]]
    annotations: Mapping[str, str]
    labels: Mapping[str, str]
    scheduler: str = ""
    pinned: bool = True


def asked(
    limits: Mapping[str, int | str] | None = None,
    environment: Mapping[str, str] | None = None,
    claims: Mapping[str, Mapping[str, str]] | None = None,
    annotations: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    scheduler: str = "",
    pinned: bool = True,
) -> Asked:
    """Nothing of what is left out."""
    return Asked(
        limits or {}, environment or {}, claims or {}, annotations or {}, labels or {}, scheduler, pinned
    )


def deployments(fleet: Fleet, naming: Naming, ask: Callable[[Replica], Asked]) -> list[dict[str, Any]]:
    """A Deployment for replicas of a service that ask for the same on the same node."""
    groups: dict[str, tuple[Replica, Asked, int]] = {}
    for replica in fleet.replicas:
        own = ask(replica)
        key = repr((replica.service, replica.node if own.pinned else "", own))
        first, _, count = groups.get(key, (replica, own, 0))
        groups[key] = (first, own, count + 1)
    several = {
        name for name in fleet.services if sum(one.service == name for one, _, _ in groups.values()) > 1
    }
    return [
        _deployment(
            fleet,
            naming,
            one,
            own,
            count,
            fleet.name_of(one) if one.service in several else fleet.called[one.service],
        )
        for one, own, count in groups.values()
    ]


def _deployment(
    fleet: Fleet, naming: Naming, replica: Replica, own: Asked, count: int, name: str
) -> dict[str, Any]:
    service = fleet.services[replica.service]
    labels = {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": object_name(fleet.name),
        SERVICE_LABEL: fleet.called[replica.service],
        MODEL_LABEL: label_value(service.model.rpartition("/")[2].removesuffix(".json")),
        **own.labels,
    }
    container: dict[str, Any] = {
        "name": "server",
        "image": naming.image.format(service=fleet.called[replica.service]),
    }
    if arguments := vllm_arguments(fleet, replica):
        container["args"] = arguments
    if own.environment:
        container["env"] = [{"name": key, "value": value} for key, value in own.environment.items()]
    resources: dict[str, Any] = {}
    if own.limits:
        resources["limits"] = dict(own.limits)
    if own.claims:
        resources["claims"] = [{"name": claim} for claim in own.claims]
    container["resources"] = resources
    template: dict[str, Any] = {"metadata": {"labels": labels}}
    if own.annotations:
        template["metadata"]["annotations"] = dict(own.annotations)
    template["spec"] = _pod_spec(naming, replica, own, container)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(name, naming.namespace, labels),
        "spec": {
            "replicas": count,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
            "template": template,
        },
    }


def _pod_spec(naming: Naming, replica: Replica, own: Asked, container: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if own.scheduler:
        spec["schedulerName"] = own.scheduler
    if own.pinned:
        spec["nodeSelector"] = {"kubernetes.io/hostname": naming.node(replica.node)}
    if own.claims:
        spec["resourceClaims"] = [{"name": name, **claim} for name, claim in own.claims.items()]
    spec["containers"] = [container]
    return spec


def mps_environment(replica: Replica, default: float = 100.0) -> dict[str, str]:
    """What MPS reads in a client's environment, where it is less than the daemon's `default` percentage allows.

    A client's percentage only lowers that of the daemon (NVIDIA, Multi-Process Service,
    CUDA_MPS_ACTIVE_THREAD_PERCENTAGE).
    """
    _, part, seat = replica.ranks[0]
    if part.sharing != "mps":
        return {}
    found = {}
    if seat.percentage < default:
        found["CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"] = f"{seat.percentage:g}"
    if seat.memory_limit_bytes is not None:
        found["CUDA_MPS_PINNED_DEVICE_MEM_LIMIT"] = f"0={int(seat.memory_limit_bytes) // 2**20}M"
    return found


def plugin_request(replica: Replica) -> dict[str, int | str]:
    """What a replica asks of the device plugin.

    Raises
    ------
    ExportError
        For ranks on shared devices: the plugin fails requests of more than one of them.
    """
    parts = [part for _, part, _ in replica.ranks]
    if len(parts) > 1 and any(part.shared for part in parts):
        raise ExportError(
            f"{replica.name} has {len(parts)} ranks on shared GPUs: a pod may ask for one shared device only",
            "dra",
        )
    return {device_plugin.resource_of(parts[0]): len(parts)}


def export(fleet: Fleet, naming: Naming) -> Export:
    """Deployments that ask for the device plugin's resources.

    Raises
    ------
    ExportError
        As of the device plugin.
    """
    device_plugin.plugin_configs(fleet)
    documents = deployments(
        fleet,
        naming,
        lambda replica: asked(plugin_request(replica), mps_environment(replica)),
    )
    return Export(
        files={"deployments.yaml": yaml_file(documents, "What runs where.", fleet)},
        steps=[
            "the device plugin must hand out these resources first: the formats device-plugin or gpu-operator",
            "put your images in the place of example.invalid/..., and your models where --model says REPLACE-ME",
            "kubectl apply -f deployments.yaml",
        ],
        notes=["Deployments are replaced whole (Recreate): there is no GPU for an old and a new pod at once"],
        undo=["kubectl delete -f deployments.yaml"],
    )
