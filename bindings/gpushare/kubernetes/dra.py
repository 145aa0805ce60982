"""Dynamic resource allocation: claims on NVIDIA's driver gpu.nvidia.com, with how devices are shared.

Fields are those of resource.k8s.io/v1 (Kubernetes 1.34 on; v1beta1 and v1beta2 are read too) and of
resource.nvidia.com/v1beta1 in kubernetes-sigs/dra-driver-nvidia-gpu.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .fleet import Card, Fleet, Part, Replica
from .names import object_name
from .parts import Export, ExportError, Naming, metadata, yaml_file
from .pods import Asked, asked, deployments, mps_environment
from .quantities import parse_quantity, quantity_of_bytes
from .tables import Found, check

__all__ = ["CLAIMS", "Claim", "Request", "export", "read_claim"]

_DRIVER = "gpu.nvidia.com"
_API = "resource.k8s.io/v1"
_PARAMETERS = "resource.nvidia.com/v1beta1"
#: Kinds that hold claims, and where the devices stand in them.
CLAIMS = {"ResourceClaim": "/spec/devices", "ResourceClaimTemplate": "/spec/spec/devices"}

_SELECTORS = [{"cel!": {"expression!": "text"}}]
_TOLERATIONS = [{"*": "any"}]
_CAPACITY = {"requests": {"*": "quantity"}}
_EXACTLY = {
    "deviceClassName!": "text",
    "selectors": _SELECTORS,
    "allocationMode": "text",
    "count": "int",
    "adminAccess": "bool",
    "tolerations": _TOLERATIONS,
    "capacity": _CAPACITY,
}
_SUB = {key: kind for key, kind in _EXACTLY.items() if key != "adminAccess"} | {"name!": "text"}
_DEVICES = {
    "requests": [
        (
            # v1beta1 has the members of `exactly` in the request itself.
            {"name!": "text", **_EXACTLY},
            {"name!": "text", "firstAvailable!": [_SUB]},
            {"name!": "text", "exactly!": _EXACTLY},
        )
    ],
    "constraints": [{"requests": ["text"], "matchAttribute": "text", "distinctAttribute": "text"}],
    "config": [{"requests": ["text"], "opaque": {"driver!": "text", "parameters!": {"*": "any"}}}],
}
_MPS = {
    "defaultActiveThreadPercentage": "int",
    "defaultPinnedDeviceMemoryLimit": "quantity",
    "defaultPerDevicePinnedMemoryLimit": {"*": "quantity"},
    "multiUser": "bool",
}
_PARAMETER_TABLES = {
    "GpuConfig": {
        "apiVersion!": "text",
        "kind!": "text",
        "sharing": {"strategy!": "text", "timeSlicingConfig": {"interval": "text"}, "mpsConfig": _MPS},
    },
    "MigDeviceConfig": {
        "apiVersion!": "text",
        "kind!": "text",
        "sharing": {"strategy!": "text", "mpsConfig": _MPS},
    },
}
_STRATEGIES = {"TimeSlicing": "time-slicing", "MPS": "mps"}
_INTERVALS = ("Default", "Short", "Medium", "Long")


@dataclass(frozen=True)
class Request:
    """Devices of one class: how many, and the conditions on them."""

    name: str
    device_class: str
    count: int
    conditions: tuple[str, ...]
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A claim or a template: its requests, and how the devices are shared (``"exclusive"`` where it does not say)."""

    name: str
    namespace: str
    template: bool
    requests: tuple[Request, ...]
    sharing: str
    percentage: int | None
    memory_limit_bytes: float | None
    interval: str


def export(fleet: Fleet, naming: Naming) -> Export:
    """Claims, and the Deployments that name them.

    A shared part is one ResourceClaim that several pods name; what a process has alone is a template, from which each
    pod gets a claim of its own.
    """
    claims: dict[str, dict[str, Any]] = {}
    documents = deployments(fleet, naming, lambda replica: _ask(fleet, naming, replica, claims))
    parts = [part for card in fleet.cards for part in card.parts if part.shared]
    gates = sorted(
        {"MPSSupport" for part in parts if part.sharing == "mps"}
        | {"TimeSlicingSettings" for part in parts if part.sharing == "time-slicing" and not part.instance}
    )
    steps = [
        "DRA needs Kubernetes 1.34 or later and the driver gpu.nvidia.com (GPU Operator, or the chart "
        "dra-driver-nvidia-gpu "
        "with gpuResourcesEnabledOverride=true); the device plugin must not hand out the same GPUs",
        "put your images in the place of example.invalid/...",
        "kubectl apply -f claims.yaml",
        "kubectl apply -f deployments.yaml",
    ]
    if gates:
        steps.insert(
            1,
            "switch the driver's alpha gates on: " + ", ".join(f"featureGates.{gate}=true" for gate in gates),
        )
    if any(card.cut for card in fleet.cards):
        steps.insert(0, "the MIG instances must be there first: the formats mig-parted or nvidia-smi")
    return Export(
        files={
            "claims.yaml": yaml_file(list(claims.values()), "What devices pods claim.", fleet),
            "deployments.yaml": yaml_file(documents, "What runs where.", fleet),
        },
        steps=steps,
        notes=_notes(parts),
        undo=["kubectl delete -f deployments.yaml -f claims.yaml"],
    )


def _notes(parts: list[Part]) -> list[str]:
    found = ["a claim chooses a card by its product name; names are those of the profiles"]
    if any(len({seat.percentage for seat in part.seats}) > 1 for part in parts if part.sharing == "mps"):
        found.append(
            "a claim has one percentage of threads for all its clients: it has the largest, and smaller ones "
            "stand in their "
            "pods' environment, which only lowers it"
        )
    if any(part.slice_s is not None for part in parts):
        found.append(
            "a slice's length in seconds cannot be said (intervals are Default, Short, Medium, Long): Default it is"
        )
    return found


def _ask(fleet: Fleet, naming: Naming, replica: Replica, claims: dict[str, dict[str, Any]]) -> Asked:
    card, part, _ = replica.ranks[0]
    if "c." in part.instance:
        raise ExportError(
            f"{replica.name} is on {part.instance}: a claim chooses GPU instances, not parts of one", "pods"
        )
    if any(other.shared for _, other, _ in replica.ranks):
        if len(replica.ranks) > 1:
            return _ask_many(naming, replica, claims)
        name = _claim(naming, card, part, claims)
        most = max(seat.percentage for seat in part.seats)
        return asked(environment=mps_environment(replica, most), claims={"gpu": {"resourceClaimName": name}})
    alone = object_name(
        f"{card.profile}-{part.instance or 'whole'}"
        + (f"-x{len(replica.ranks)}" if len(replica.ranks) > 1 else "")
    )
    claims.setdefault(
        alone,
        {
            "apiVersion": _API,
            "kind": "ResourceClaimTemplate",
            "metadata": metadata(alone, naming.namespace),
            "spec": {"spec": {"devices": {"requests": [_request(card, part, len(replica.ranks))]}}},
        },
    )
    return asked(claims={"gpu": {"resourceClaimTemplateName": alone}})


def _ask_many(naming: Naming, replica: Replica, claims: dict[str, dict[str, Any]]) -> Asked:
    """Ranks on shared GPUs: a claim for each."""
    if len({seat.percentage for _, _, seat in replica.ranks}) > 1:
        raise ExportError(
            f"the ranks of {replica.name} have different shares of threads: a container has one environment",
            "",
        )
    names = {
        f"gpu-{number}": {"resourceClaimName": _claim(naming, card, part, claims)}
        for number, (card, part, _) in enumerate(replica.ranks)
    }
    most = max(seat.percentage for _, part, _ in replica.ranks for seat in part.seats)
    return asked(environment=mps_environment(replica, most), claims=names)


def _claim(naming: Naming, card: Card, part: Part, claims: dict[str, dict[str, Any]]) -> str:
    name = object_name(
        f"{card.name}-{part.instance or 'whole'}" + (f"-at-{part.start}" if part.start is not None else "")
    )
    claims.setdefault(
        name,
        {
            "apiVersion": _API,
            "kind": "ResourceClaim",
            "metadata": metadata(name, naming.namespace),
            "spec": {
                "devices": {
                    "requests": [_request(card, part, 1)],
                    "config": [
                        {"requests": ["gpu"], "opaque": {"driver": _DRIVER, "parameters": _parameters(part)}}
                    ],
                }
            },
        },
    )
    return name


def _request(card: Card, part: Part, count: int) -> dict[str, Any]:
    conditions = [f"device.attributes['{_DRIVER}'].productName == '{card.product}'"]
    if part.instance:
        conditions.append(f"device.attributes['{_DRIVER}'].profile == '{part.instance}'")
    exactly: dict[str, Any] = {"deviceClassName": "mig.nvidia.com" if part.instance else _DRIVER}
    if count > 1:
        exactly |= {"allocationMode": "ExactCount", "count": count}
    exactly["selectors"] = [{"cel": {"expression": condition}} for condition in conditions]
    return {"name": "gpu", "exactly": exactly}


def _parameters(part: Part) -> dict[str, Any]:
    sharing: dict[str, Any] = {"strategy": "MPS" if part.sharing == "mps" else "TimeSlicing"}
    if part.sharing == "mps":
        most = max(seat.percentage for seat in part.seats)
        limits = [seat.memory_limit_bytes for seat in part.seats]
        mps: dict[str, Any] = {}
        if most < 100:
            mps["defaultActiveThreadPercentage"] = int(most)
        if all(limit is not None for limit in limits):
            mps["defaultPinnedDeviceMemoryLimit"] = quantity_of_bytes(
                max(limit for limit in limits if limit is not None)
            )
        if mps:
            sharing["mpsConfig"] = mps
    elif not part.instance:
        sharing["timeSlicingConfig"] = {"interval": "Default"}
    kind = "MigDeviceConfig" if part.instance else "GpuConfig"
    return {"apiVersion": _PARAMETERS, "kind": kind, "sharing": sharing}


def read_claim(found: Found) -> Claim:
    """A ResourceClaim or a template.

    Raises
    ------
    Error
        With place, key and what the API takes.
    """
    value = found.value
    template = value["kind"] == "ResourceClaimTemplate"
    spec: Any = {"devices!": {"*": "any"}, "metadata": "any"}
    check(found, {"metadata": {"name": "text", "namespace": "text", "*": "any"}, "*": "any"})
    check(found, {"spec!": {"spec!": spec, "metadata": "any"} if template else spec, "*": "any"})
    devices = found.at(CLAIMS[value["kind"]])
    check(devices, _DEVICES)
    sharing, mps, interval = _sharing(devices)
    limit = mps.get("defaultPinnedDeviceMemoryLimit")
    about = value.get("metadata") or {}
    return Claim(
        str(about.get("name", "")),
        str(about.get("namespace", "")),
        template,
        tuple(_requests(devices)),
        sharing,
        mps.get("defaultActiveThreadPercentage"),
        None if limit is None else parse_quantity(limit),
        interval,
    )


def _requests(devices: Found) -> Iterator[Request]:
    for request in devices.value.get("requests", []):
        options = request.get("firstAvailable") or [request.get("exactly", request)]
        first = options[0]
        yield Request(
            request["name"],
            first["deviceClassName"],
            int(first.get("count", 1)),
            tuple(one["cel"]["expression"] for one in first.get("selectors", [])),
            tuple(one["name"] for one in options[1:]),
        )


def _sharing(devices: Found) -> tuple[str, Mapping[str, Any], str]:
    """How the driver is told to share: the way, the settings of MPS, the interval of time-slicing."""
    found: tuple[str, Mapping[str, Any], str] = ("exclusive", {}, "")
    for number, entry in enumerate(devices.value.get("config", [])):
        opaque = entry.get("opaque")
        if opaque is None or opaque["driver"] != _DRIVER:
            continue
        parameters = devices.at(f"/config/{number}/opaque/parameters")
        kind = parameters.value.get("kind")
        if kind not in _PARAMETER_TABLES:
            raise parameters.fault(
                "", f'found kind "{kind}"; the driver shares by {" and ".join(_PARAMETER_TABLES)}'
            )
        check(parameters, _PARAMETER_TABLES[kind])
        sharing = parameters.value.get("sharing")
        if sharing is None:
            continue
        if sharing["strategy"] not in _STRATEGIES:
            raise parameters.fault(
                "/sharing/strategy",
                f'found "{sharing["strategy"]}"; the driver knows {", ".join(_STRATEGIES)}',
            )
        interval = sharing.get("timeSlicingConfig", {}).get("interval", "")
        if interval and interval not in _INTERVALS:
            raise parameters.fault(
                "/sharing/timeSlicingConfig/interval",
                f'found "{interval}"; the driver knows {", ".join(_INTERVALS)}',
            )
        found = (_STRATEGIES[sharing["strategy"]], sharing.get("mpsConfig", {}), interval)
    return found
