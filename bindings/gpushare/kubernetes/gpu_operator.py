"""NVIDIA's GPU Operator: Helm values that hold the configurations of mig-parted and of the device plugin.

Fields are those of NVIDIA/gpu-operator v26.7.0 (deployments/gpu-operator/values.yaml).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..yaml_files import parse_yaml, yaml_text
from . import device_plugin, mig_parted
from .fleet import Fleet
from .parts import Export, Naming, node_labels, yaml_file
from .tables import Found, check

__all__ = ["export", "is_operator_values", "read_operator_values"]

_CONFIG = {"create": "bool", "name": "text", "default": "text", "data": {"*": "text"}}
#: What is read; the chart has many more members, which say nothing about sharing.
_TABLE = {
    "mig": {"strategy": "text"},
    "migManager": {"enabled": "bool", "config": _CONFIG, "*": "any"},
    "devicePlugin": {
        "enabled": "bool",
        "config": _CONFIG,
        "mps": {"root": "text", "*": "any"},
        "*": "any",
    },
    "*": "any",
}


def export(fleet: Fleet, naming: Naming) -> Export:
    """The values, and the labels that choose a node's configurations.

    Raises
    ------
    ExportError
        As of the device plugin.
    """
    cut = any(card.cut for card in fleet.cards)
    values: dict[str, Any] = {"mig": {"strategy": "mixed" if cut else "single"}}
    labels = node_labels(fleet, naming, device_plugin.LABEL, device_plugin.config_names(fleet))
    if cut:
        config = {
            "version": "v1",
            "mig-configs": {"all-disabled": [_DISABLED], **mig_parted.mig_configs(fleet)},
        }
        values["migManager"] = {
            "config": _config(mig_parted.CONFIG_MAP, {"config.yaml": yaml_text([config])})
        }
        chosen = mig_parted.config_names(fleet)
        for node, one in zip(fleet.nodes, labels, strict=True):
            one["metadata"]["labels"][mig_parted.LABEL] = chosen[node]
    values["devicePlugin"] = {"config": _config(device_plugin.CONFIG_MAP, device_plugin.texts(fleet))}
    values["dcgmExporter"] = {"enabled": True, "serviceMonitor": {"enabled": True}}
    whole = dict.fromkeys(fleet.nodes, "all-disabled")
    back = (
        node_labels(fleet, naming, mig_parted.LABEL, whole)
        if cut
        else [_bare(naming, node) for node in fleet.nodes]
    )
    return Export(
        files={
            "gpu-operator-values.yaml": yaml_file([values], "helm upgrade --reuse-values -f THIS", fleet),
            "node-labels.yaml": yaml_file(labels, "Which configurations each node has.", fleet),
        },
        steps=[
            f"helm upgrade gpu-operator nvidia/gpu-operator -n {naming.operator_namespace} --reuse-values "
            "-f gpu-operator-values.yaml",
            "drain the nodes: what uses their GPUs is stopped when they are cut",
            "kubectl apply --server-side --field-manager=gpushare -f node-labels.yaml",
        ],
        notes=[
            *device_plugin.notes(fleet),
            "a custom MIG configuration replaces the one that the operator makes from the hardware of each node",
        ],
        rollback={
            "node-labels.yaml": yaml_file(back, "Takes every GPU back to a whole, unshared one.", fleet)
        },
        undo=[
            "kubectl apply --server-side --field-manager=gpushare -f rollback/node-labels.yaml",
            f"helm rollback gpu-operator -n {naming.operator_namespace}",
        ],
    )


_DISABLED = {"devices": "all", "mig-enabled": False}


def _config(name: str, data: Mapping[str, str]) -> dict[str, Any]:
    return {"create": True, "name": name, "data": dict(data)}


def _bare(naming: Naming, node: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": naming.node(node)}}


def is_operator_values(value: Any) -> bool:
    """Whether a document looks like values of the operator."""
    return (
        isinstance(value, Mapping)
        and "kind" not in value
        and bool({"migManager", "devicePlugin"} & set(value))
    )


def read_operator_values(found: Found) -> dict[str, Found]:
    """The configurations that the values hold, by ``"mig-parted"`` and ``"device-plugin NAME"``.

    Raises
    ------
    Error
        With place and key.
    """
    check(found, _TABLE)
    inner: dict[str, Found] = {}
    for key, name in (("migManager", "mig-parted"), ("devicePlugin", "device-plugin")):
        data = found.value.get(key, {}).get("config", {}).get("data") or {}
        for entry, text in data.items():
            where = found.where(f"/{key}/config/data/{entry}")
            for document in parse_yaml(text, f"{where} {entry}"):
                label = name if key == "migManager" else f"{name} {entry}"
                inner[label] = Found(document.value, document.where)
    return inner
