"""Nodes and pods as ``kubectl get -o yaml|json`` prints them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .._core import profile_of_machine
from .pods import MODEL_LABEL, SERVICE_LABEL
from .quantities import parse_quantity
from .tables import Found, check

__all__ = [
    "META",
    "TEMPLATES",
    "Node",
    "Pod",
    "asks_for_gpus",
    "is_list",
    "items",
    "makes_pods",
    "read_node",
    "read_pods",
    "read_template",
    "renamed",
]

META = {
    "name": "text",
    "namespace": "text",
    "labels": {"*": "text"},
    "annotations": {"*": "text"},
    "*": "any",
}
_NODE = {
    "metadata!": META,
    "status": {"capacity": {"*": "quantity"}, "allocatable": {"*": "quantity"}, "*": "any"},
    "*": "any",
}
_CONTAINER = {
    "name": "text",
    "image": "text",
    "command": ["text"],
    "args": ["text"],
    "env": [{"name!": "text", "*": "any"}],
    "resources": {
        "limits": {"*": "quantity"},
        "requests": {"*": "quantity"},
        "claims": [{"name!": "text", "request": "text"}],
    },
    "*": "any",
}
_POD = {
    "metadata": META,
    "spec!": {
        "nodeName": "text",
        "nodeSelector": {"*": "text"},
        "containers!": [_CONTAINER],
        "resourceClaims": [{"name!": "text", "*": "any"}],
        "*": "any",
    },
    "status": {"phase": "text", "*": "any"},
    "*": "any",
}
_WORKLOAD = {
    "spec!": {"replicas": "int", "parallelism": "int", "template!": {"*": "any"}, "*": "any"},
    "*": "any",
}
#: Kinds that make pods.
TEMPLATES = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job")
_GPU = re.compile(
    r"nvidia\.com/(gpu|mig-[\w.-]+?)(\.shared)?|volcano\.sh/(vgpu-number|gpu-number)"
    r"|(?:instaslice\.redhat\.com|instaslice\.codeflare\.dev|org\.instaslice)/mig-[\w.-]+"
)
#: Labels of a node that say its GPUs where GPU Feature Discovery does not: its machine type, as clouds name it.
_MACHINES = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
_ACCELERATOR = "cloud.google.com/gke-accelerator"
_KAI_MEMORY = "gpu-memory"
_OVER = ("Succeeded", "Failed")
#: ``--model X``, ``--model=X``, ``vllm serve X``.
_MODEL = re.compile(r"(?:--model(?:-id|-path|_name)?[ =]|\bvllm serve )([\w./:-]+)")
_MODEL_VARIABLES = ("MODEL", "MODEL_ID", "MODEL_NAME", "HF_MODEL_ID", "NIM_MODEL_NAME")


@dataclass(frozen=True)
class Node:
    """A node with GPUs: `gpus` of `product`, how they are cut and shared, what it hands out by resource.

    Where all GPUs are cut alike and handed out as GPUs (the strategy ``single``), `instance` is their profile and
    `gpus` counts instances.
    """

    name: str
    product: str
    gpus: int
    mig_config: str
    sharing: str
    replicas: int
    resources: Mapping[str, float]
    memory_bytes: float | None
    cores: float
    instance: str = ""


@dataclass(frozen=True)
class Pod:
    """A pod that asks for GPUs, or as many of them as a Deployment makes.

    `resources` are counts by resource, `claims` names of templates and claims, `model` what its arguments or labels
    name, `owner` what makes it. `percentage` and `memory_bytes` are what MPS, HAMi, Volcano or KAI limit it to, or
    `memory_share` of the card's memory; with `by_memory` it asks KAI for that memory of a GPU and for nothing else.
    `makes_pods` tells a Deployment from a pod, and `made_by` is the name of what made it.
    """

    name: str
    namespace: str
    node: str
    copies: int
    owner: str
    resources: Mapping[str, float]
    claims: tuple[str, ...]
    model: str
    phase: str = ""
    percentage: float | None = None
    fraction: float | None = None
    memory_bytes: float | None = None
    memory_share: float | None = None
    by_memory: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    makes_pods: bool = False
    made_by: str = ""

    @property
    def gpus(self) -> float:
        """Devices that each copy asks for, of whatever kind."""
        return (
            sum(self.resources.values())
            if self.resources
            else float(len(self.claims) or (self.fraction is not None or self.by_memory))
        )


def is_list(value: Any) -> bool:
    """Whether a document holds others, as kubectl prints several."""
    return (
        isinstance(value, Mapping)
        and str(value.get("kind", "")).endswith("List")
        and isinstance(value.get("items"), list)
    )


def items(found: Found) -> Iterator[Found]:
    """The objects of a document: its items, or itself."""
    if is_list(found.value):
        kind = str(found.value["kind"]).removesuffix("List")
        for number, item in enumerate(found.value["items"]):
            inner = found.at(f"/items/{number}")
            if isinstance(item, Mapping) and (kind or "kind" in item):
                # kubectl leaves the kind out of the items of some lists.
                yield Found({"kind": kind, **item} if kind else item, inner.where)
    elif isinstance(found.value, Mapping):
        yield found


def read_node(found: Found) -> Node | None:
    """A node; None where it has no GPU of NVIDIA.

    Raises
    ------
    Error
        With place and key.
    """
    check(found, {"kind": "text", "apiVersion": "text", **_NODE})
    value = found.value
    labels = value["metadata"].get("labels") or {}
    status = value.get("status") or {}
    given = status.get("allocatable") or status.get("capacity") or {}
    resources = {
        name: parse_quantity(count, found.where("/status"))
        for name, count in given.items()
        if _GPU.fullmatch(name)
    }
    counted = labels.get("nvidia.com/gpu.count", "")
    product = labels.get("nvidia.com/gpu.product") or _product(labels)
    if not product and not resources and "nvidia.com/mig.config" not in labels:
        return None
    replicas = _whole(labels.get("nvidia.com/gpu.replicas", "1"))
    whole = sum(count for name, count in resources.items() if "/mig-" not in name)
    gpus = _whole(counted) if counted else round(whole / max(replicas, 1))
    memory = labels.get("nvidia.com/gpu.memory", "")
    return Node(
        value["metadata"].get("name", ""),
        re.sub(r"(-SHARED|-MIG-.*)$", "", product),
        gpus,
        labels.get("nvidia.com/mig.config", ""),
        labels.get("nvidia.com/gpu.sharing-strategy", ""),
        replicas,
        resources,
        _whole(memory) * 2.0**20 if memory else None,
        parse_quantity(given["cpu"]) if "cpu" in given else 0.0,
        product.partition("-MIG-")[2].removesuffix("-SHARED"),
    )


def _product(labels: Mapping[str, str]) -> str:
    """The card of a node that only its cloud has labelled; empty where no label tells."""
    if labels.get(_ACCELERATOR):
        return str(labels[_ACCELERATOR])
    return next(filter(None, (profile_of_machine(str(labels.get(label, ""))) for label in _MACHINES)), "")


def _whole(text: str) -> int:
    return int(text) if text.isdigit() else 0


def makes_pods(value: Mapping[str, Any]) -> bool:
    """Whether it is one of Kubernetes' own kinds with one template; other projects have kinds of the same names."""
    group = str(value.get("apiVersion", "")).partition("/")[0]
    return value.get("kind") in TEMPLATES and group in ("", "apps", "batch", "v1", "extensions")


def asks_for_gpus(resources: Mapping[str, Any]) -> bool:
    """Whether limits or requests of a container count GPUs or MIG instances."""
    asked = [resources.get(key) for key in ("limits", "requests")]
    return any(
        _GPU.fullmatch(str(name)) for counts in asked if isinstance(counts, Mapping) for name in counts
    )


def renamed(pod: Pod, name: str) -> Pod:
    """The same pod by another name."""
    return replace(pod, name=name)


def read_template(
    found: Found, meta: Mapping[str, Any], template: Mapping[str, Any], copies: int
) -> Pod | None:
    """So many pods of a template, whose `found` has a spec; None where they ask for no GPU.

    Raises
    ------
    Error
        With place and key.
    """
    check(found, _POD)
    labels = {**(meta.get("labels") or {}), **(template.get("labels") or {})}
    pod = _pod(found, meta, labels, template, copies)
    return pod if pod.gpus > 0 and copies > 0 else None


def read_pods(found: Found) -> Pod | None:
    """A pod, or the pods of a Deployment; None where they ask for no GPU or are over.

    Raises
    ------
    Error
        With place and key.
    """
    copies = 1
    inner = found
    check(found, {"metadata": META, "*": "any"})
    if makes_pods(found.value):
        check(found, _WORKLOAD)
        spec = found.value["spec"]
        copies = spec.get("replicas", spec.get("parallelism", 1))
        inner = found.at("/spec/template")
    check(inner, {"kind": "text", "apiVersion": "text", **_POD})
    meta = found.value.get("metadata") or {}
    template = inner.value.get("metadata") or {}
    if (inner.value.get("status") or {}).get("phase") in _OVER:
        return None
    pod = _pod(
        inner, meta, {**(meta.get("labels") or {}), **(template.get("labels") or {})}, template, copies
    )
    return pod if pod.gpus > 0 and copies > 0 else None


def _pod(
    found: Found, meta: Mapping[str, Any], labels: Mapping[str, str], template: Mapping[str, Any], copies: int
) -> Pod:
    spec = found.value["spec"]
    resources: dict[str, float] = {}
    limits: dict[str, float] = {}
    words: list[str] = []
    environment: dict[str, str] = {}
    for number, container in enumerate(spec["containers"]):
        where = found.where(f"/spec/containers/{number}")
        asked = container.get("resources") or {}
        for name, count in (asked.get("limits") or asked.get("requests") or {}).items():
            target = resources if _GPU.fullmatch(name) else limits
            if "instaslice" in name and target is resources:
                name = f"nvidia.com/{name.partition('/')[2]}"
            target[name] = target.get(name, 0.0) + parse_quantity(count, where)
        words += [*container.get("command", []), *container.get("args", [])]
        environment |= {
            one["name"]: one["value"] for one in container.get("env", []) if isinstance(one.get("value"), str)
        }
    annotations = template.get("annotations") or meta.get("annotations") or {}
    return Pod(
        str(meta.get("name", "")),
        str(meta.get("namespace", "default")),
        spec.get("nodeName") or (spec.get("nodeSelector") or {}).get("kubernetes.io/hostname", ""),
        copies,
        _owner(meta, labels),
        resources,
        tuple(
            str(one.get("resourceClaimName") or one.get("resourceClaimTemplateName") or one["name"])
            for one in spec.get("resourceClaims") or []
        ),
        _model(labels, words, environment),
        (found.value.get("status") or {}).get("phase", ""),
        _percentage(environment, limits),
        _fraction(annotations),
        _memory(environment, limits, annotations),
        limits["nvidia.com/gpumem-percentage"] / 100 if "nvidia.com/gpumem-percentage" in limits else None,
        _KAI_MEMORY in annotations,
        labels,
        "status" not in found.value and found.value.get("kind") != "Pod",
        next(
            (
                str(one.get("name", ""))
                for one in meta.get("ownerReferences") or []
                if isinstance(one, Mapping)
            ),
            "",
        ),
    )


def _owner(meta: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """What pods of one service have in common."""
    for label in (SERVICE_LABEL, "app.kubernetes.io/name", "app", "k8s-app", "name"):
        if labels.get(label):
            return str(labels[label])
    references = meta.get("ownerReferences") or []
    if references and isinstance(references[0], Mapping):
        # A ReplicaSet is named after its Deployment, with a hash.
        return re.sub(r"-[a-z0-9]{8,10}$", "", str(references[0].get("name", "")))
    return str(meta.get("name", ""))


def _model(labels: Mapping[str, str], words: list[str], environment: Mapping[str, str]) -> str:
    if labels.get(MODEL_LABEL):
        return str(labels[MODEL_LABEL])
    found = _MODEL.search(" ".join(words))
    if found:
        return found[1]
    return next((environment[name] for name in _MODEL_VARIABLES if environment.get(name)), "")


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def _percentage(environment: Mapping[str, str], limits: Mapping[str, float]) -> float | None:
    given = _number(environment.get("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"))
    return (
        given if given is not None else limits.get("nvidia.com/gpucores", limits.get("volcano.sh/vgpu-cores"))
    )


def _fraction(annotations: Mapping[str, str]) -> float | None:
    return _number(annotations.get("gpu-fraction"))


def _memory(
    environment: Mapping[str, str], limits: Mapping[str, float], annotations: Mapping[str, str]
) -> float | None:
    for name in ("nvidia.com/gpumem", "volcano.sh/vgpu-memory", "volcano.sh/gpu-memory"):
        if name in limits:
            return limits[name] * 2.0**20
    given = _number(annotations.get(_KAI_MEMORY))
    if given is not None:
        return given * 2.0**20
    found = re.match(r"0=([0-9]+)([KMG]?)", environment.get("CUDA_MPS_PINNED_DEVICE_MEM_LIMIT", ""))
    return float(found[1]) * 1024.0 ** " KMG".index(found[2] or " ") if found else None
