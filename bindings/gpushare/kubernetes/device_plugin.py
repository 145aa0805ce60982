"""NVIDIA's device plugin: how often each GPU or instance of a node is handed out.

Fields are those of NVIDIA/k8s-device-plugin v0.20.0 (api/config/v1). One method holds for all GPUs of a node, every
resource of a node has one number of replicas, MPS takes whole GPUs only and gives each replica the same share of memory
and threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..yaml_files import yaml_text
from .fleet import Card, Fleet, Part
from .names import object_name
from .parts import Export, ExportError, Naming, config_map, node_labels, yaml_file
from .tables import Found, check

__all__ = [
    "CONFIG_MAP",
    "LABEL",
    "PluginConfig",
    "export",
    "is_plugin_config",
    "plugin_configs",
    "read_plugin_config",
    "resource_of",
]

LABEL = "nvidia.com/device-plugin.config"
CONFIG_MAP = "gpushare-device-plugin"
_METHODS = {"time-slicing": "timeSlicing", "mps": "mps"}
_SHARED = {
    "renameByDefault": "bool",
    "failRequestsGreaterThanOne": "bool",
    "resources!": [{"name!": "text", "rename": "text", "devices": "any", "replicas!": "int"}],
}
_TABLE = {
    "version!": "text",
    "flags": {
        "migStrategy": "text",
        "failOnInitError": "bool",
        "mpsRoot": "text",
        "nvidiaDriverRoot": "text",
        "nvidiaDevRoot": "text",
        "gdrcopyEnabled": "bool",
        "gdsEnabled": "bool",
        "mofedEnabled": "bool",
        "useNodeFeatureAPI": "bool",
        "deviceDiscoveryStrategy": "text",
        "plugin": {
            "passDeviceSpecs": "bool",
            "deviceListStrategy": ("text", ["text"]),
            "deviceIDStrategy": "text",
            "cdiAnnotationPrefix": "text",
            "nvidiaCTKPath": "text",
            "containerDriverRoot": "text",
            "sharedDevicesAllocationPolicy": "text",
        },
        "gfd": {
            "oneshot": "bool",
            "noTimestamp": "bool",
            "sleepInterval": ("text", "int"),
            "outputFile": "text",
            "machineTypeFile": "text",
        },
    },
    "resources": "any",
    "sharing": {"timeSlicing": _SHARED, "mps": _SHARED},
    "imex": "any",
}
_STRATEGIES = ("none", "single", "mixed")


@dataclass(frozen=True)
class PluginConfig:
    """A configuration: `method` is ``"exclusive"``, ``"time-slicing"`` or ``"mps"``, `replicas` by resource."""

    mig_strategy: str
    method: str
    replicas: Mapping[str, int]
    renamed: bool
    one_each: bool


def plugin_configs(fleet: Fleet) -> dict[str, dict[str, Any]]:
    """By node its configuration.

    Raises
    ------
    ExportError
        Where a node has more than one method or number, or MPS in a way that the plugin does not have.
    """
    return {node: _config(node, cards) for node, cards in fleet.nodes.items()}


def _config(node: str, cards: list[Card]) -> dict[str, Any]:
    parts = [part for card in cards for part in card.parts if part.seats]
    methods = {part.sharing for part in parts if part.shared}
    if len(methods) > 1:
        raise ExportError(
            f"{node} shares GPUs by {' and by '.join(sorted(methods))}: the plugin has one method for a node",
            "dra",
        )
    strategy = "mixed" if any(card.cut for card in cards) else "none"
    config: dict[str, Any] = {"version": "v1", "flags": {"migStrategy": strategy}}
    if methods:
        method = methods.pop()
        replicas = _replicas(node, [part for card in cards for part in card.parts])
        if method == "mps":
            _check_mps(node, [part for part in parts if part.shared])
        config["sharing"] = {
            _METHODS[method]: {
                "renameByDefault": True,
                "failRequestsGreaterThanOne": True,
                "resources": [
                    {"name": name, "replicas": count} for name, count in replicas.items() if count > 1
                ],
            }
        }
    return config


def _replicas(node: str, parts: list[Part]) -> dict[str, int]:
    """By resource how many processes each of its devices has."""
    found: dict[str, set[int]] = {}
    for part in parts:
        if part.seats:
            found.setdefault(part.resource, set()).add(len(part.seats))
    for resource, counts in found.items():
        if len(counts) > 1:
            raise ExportError(
                f"{node} has {' and '.join(map(str, sorted(counts)))} processes on devices of {resource}: the "
                "plugin has "
                "one number for all of a node",
                "dra",
            )
    return {resource: counts.pop() for resource, counts in found.items()}


def _check_mps(node: str, parts: list[Part]) -> None:
    for part in parts:
        share = 100 / len(part.seats)
        if part.instance:
            raise ExportError(
                f"{node} has MPS on {part.instance}: the plugin has MPS on whole GPUs only", "dra"
            )
        over = [seat for seat in part.seats if seat.percentage > share + 0.5]
        if over:
            caps = "/".join(f"{seat.percentage:g}" for seat in part.seats)
            raise ExportError(
                f"{node} has MPS clients with {caps} % of the threads: the plugin caps each of {len(part.seats)} at "
                f"{share:.3g} %, and what a client asks for itself only lowers that",
                "dra",
            )
        most = part.memory_bytes / len(part.seats)
        for seat in part.seats:
            if part.memory_of(seat) > most * 1.001:
                raise ExportError(
                    f"{node} has {seat.service} with {part.memory_of(seat) / 1e9:.1f} GB under MPS: the plugin "
                    "gives each of "
                    f"{len(part.seats)} the same, {most / 1e9:.1f} GB",
                    "dra",
                )


def resource_of(part: Part) -> str:
    """What a pod asks for to be a process of a part: what is shared has another name than what is whole."""
    return f"{part.resource}.shared" if part.shared else part.resource


def config_names(fleet: Fleet) -> dict[str, str]:
    """By node the name of its configuration; nodes with the same share one."""
    first: dict[str, str] = {}
    return {
        node: first.setdefault(repr(config), object_name(f"gpushare-{node}"))
        for node, config in plugin_configs(fleet).items()
    }


def texts(fleet: Fleet) -> dict[str, str]:
    """Configurations as text by name, as ConfigMaps and Helm values hold them."""
    names, configs = config_names(fleet), plugin_configs(fleet)
    return {names[node]: yaml_text([config]) for node, config in configs.items()}


def export(fleet: Fleet, naming: Naming) -> Export:
    """The configurations as a ConfigMap, and the labels that choose them; `ExportError` as `plugin_configs` has it."""
    labels = node_labels(fleet, naming, LABEL, config_names(fleet))
    bare = [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": naming.node(node)}} for node in fleet.nodes
    ]
    return Export(
        files={
            "device-plugin-configmap.yaml": yaml_file(
                [config_map(CONFIG_MAP, naming.operator_namespace, texts(fleet))],
                "For devicePlugin.config.name of the GPU Operator, or config.name of the plugin's chart.",
                fleet,
            ),
            "node-labels-device-plugin.yaml": yaml_file(labels, "Which configuration each node has.", fleet),
        },
        steps=[
            "kubectl apply -f device-plugin-configmap.yaml, and name it to the GPU Operator: "
            f"devicePlugin.config.name={CONFIG_MAP} (the format gpu-operator writes that)",
            "kubectl apply --server-side --field-manager=gpushare -f node-labels-device-plugin.yaml; the plugin "
            "starts again "
            "on these nodes",
            "kubectl describe node: the shared resources are named NAME.shared",
        ],
        notes=notes(fleet),
        rollback={
            "node-labels-device-plugin.yaml": yaml_file(
                bare, "Takes the label of the plugin's configuration away.", fleet
            )
        },
        undo=[
            "kubectl apply --server-side --field-manager=gpushare -f rollback/node-labels-device-plugin.yaml: "
            "the label "
            "that only this manager set goes"
        ],
    )


def notes(fleet: Fleet) -> list[str]:
    """What the plugin leaves open."""
    found = [
        "which GPU of a node a pod gets is the plugin's choice; where several suit, processes may sit together "
        "otherwise"
    ]
    parts = [part for card in fleet.cards for part in card.parts if part.shared]
    for count in sorted({len(part.seats) for part in parts if part.sharing == "mps"}):
        found.append(
            f"under MPS each of {count} replicas gets 1/{count} of the memory and at most {100 / count:.3g} % "
            "of the threads"
        )
    if any(part.slice_s is not None for part in parts):
        found.append(
            "the length of a time slice cannot be said to the plugin (DRA has Short, Medium and Long): the "
            "driver's it is"
        )
    return found


def is_plugin_config(value: Any) -> bool:
    """Whether a document looks like a configuration."""
    return isinstance(value, Mapping) and "version" in value and ("sharing" in value or "flags" in value)


def read_plugin_config(found: Found) -> PluginConfig:
    """A configuration.

    Raises
    ------
    Error
        With place, key and what the plugin takes.
    """
    check(found, _TABLE)
    value = found.value
    strategy = value.get("flags", {}).get("migStrategy", "none")
    if strategy not in _STRATEGIES:
        raise found.fault(
            "/flags/migStrategy", f'found "{strategy}"; the plugin knows {", ".join(_STRATEGIES)}'
        )
    sharing = value.get("sharing", {})
    if len(sharing) > 1:
        raise found.fault("/sharing", "has time-slicing and MPS: the plugin has one method for a node")
    if not sharing:
        return PluginConfig(strategy, "exclusive", {}, False, False)
    key = next(iter(sharing))
    method = {word: name for name, word in _METHODS.items()}[key]
    shared = found.at(f"/sharing/{key}")
    if not shared.value["resources"]:
        raise shared.fault("/resources", "is empty; name a resource and its replicas")
    replicas = {}
    for number, resource in enumerate(shared.value["resources"]):
        if resource["replicas"] < 2:
            raise shared.fault(
                f"/resources/{number}/replicas",
                f"found {resource['replicas']}; the plugin takes 2 or more, and leave out what is not shared",
            )
        if method == "mps" and "/mig-" in resource["name"]:
            raise shared.fault(
                f"/resources/{number}/name", "MPS is for whole GPUs (nvidia.com/gpu), not for MIG"
            )
        replicas[resource["name"]] = int(resource["replicas"])
    one_each = shared.value.get("failRequestsGreaterThanOne", method == "mps")
    return PluginConfig(strategy, method, replicas, shared.value.get("renameByDefault", False), one_each)
