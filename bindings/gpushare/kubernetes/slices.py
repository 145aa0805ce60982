"""ResourceSlices: the GPUs of a node as NVIDIA's driver for dynamic resource allocation publishes them.

Fields are those of resource.k8s.io/v1, and of v1beta1, which has a device's members in ``basic``; attributes are those
of kubernetes-sigs/dra-driver-nvidia-gpu.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from .objects import Node
from .quantities import parse_quantity
from .tables import Found, check

__all__ = ["SLICE", "joined", "read_slice"]

SLICE = "ResourceSlice"
_DRIVER = "gpu.nvidia.com"
_DEVICE = {
    "attributes": {"*": {"string": "text", "*": "any"}},
    "capacity": {"*": {"value": "quantity", "*": "any"}},
    "*": "any",
}
_SPEC = {
    "driver": "text",
    "nodeName": "text",
    "devices": [{"name!": "text", "basic": _DEVICE, **_DEVICE}],
    "*": "any",
}


def read_slice(found: Found) -> Node | None:
    """The node of a slice, with the GPUs in it; None where it is another driver's, or of no node.

    Raises
    ------
    Error
        With place and key.
    """
    check(found, {"spec!": _SPEC, "*": "any"})
    spec = found.value["spec"]
    if spec.get("driver") != _DRIVER or not spec.get("nodeName"):
        return None
    products: Counter[str] = Counter()
    resources: Counter[str] = Counter()
    cut: set[str] = set()
    memory = None
    for device in spec.get("devices") or []:
        device = device.get("basic") or device
        kind, product = _text(device, "type"), _text(device, "productName")
        if kind == "gpu":
            products[product] += 1
            resources["nvidia.com/gpu"] += 1
            memory = _memory_bytes(device) or memory
        elif kind == "mig" and "consumesCounters" not in device:  # else one that could be made
            products[product] += 0
            resources[f"nvidia.com/mig-{_text(device, 'profile')}"] += 1
            cut.add(_text(device, "parentUUID"))
    if not products:
        return None
    product = max(products, key=lambda name: products[name])
    return Node(
        str(spec["nodeName"]),
        product,
        products.total() + len(cut),
        "",
        "",
        1,
        {name: float(count) for name, count in resources.items()},
        memory,
        0.0,
    )


def _text(device: Mapping[str, Any], attribute: str) -> str:
    """Of an attribute, whose name may have the driver's before it."""
    attributes = device.get("attributes") or {}
    value = attributes.get(attribute) or attributes.get(f"{_DRIVER}/{attribute}") or {}
    return str(value.get("string", ""))


def _memory_bytes(device: Mapping[str, Any]) -> float | None:
    value = ((device.get("capacity") or {}).get("memory") or {}).get("value")
    return None if value is None else parse_quantity(value)


def joined(nodes: list[Node], sliced: Iterable[Node]) -> list[Node]:
    """Nodes with those that only slices tell of; several slices of a node together."""
    by_name: dict[str, Node] = {}
    for node in sliced:
        before = by_name.get(node.name)
        if before is not None:
            counts = Counter(before.resources)
            counts.update(node.resources)
            node = replace(before, gpus=before.gpus + node.gpus, resources=dict(counts))
        by_name[node.name] = node
    known = {node.name for node in nodes}
    return nodes + [node for name, node in by_name.items() if name not in known]
