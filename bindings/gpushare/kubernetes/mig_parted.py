"""nvidia-mig-parted: which MIG instances the GPUs of a node are cut into.

Fields are those of NVIDIA/mig-parted v0.15.0 (api/spec/v1/spec.go): a specification counts instances and has no places.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..yaml_files import yaml_text
from .fleet import Card, Fleet
from .names import object_name
from .parts import Export, ExportError, Naming, config_map, node_labels, yaml_file
from .tables import Found, check

__all__ = [
    "CONFIG_MAP",
    "LABEL",
    "MigEntry",
    "config_names",
    "export",
    "is_mig_parted",
    "mig_configs",
    "read_mig_parted",
]

LABEL = "nvidia.com/mig.config"
CONFIG_MAP = "gpushare-mig"
_TABLE = {
    "version!": "text",
    "mig-configs!": {
        "*": [
            {
                "devices!": ("text", ["int"]),
                "mig-enabled!": "bool",
                "mig-devices": {"*": "int"},
                "device-filter": ("text", ["text"]),
            }
        ]
    },
}
#: ``1g.10gb``, ``1c.3g.40gb``, ``1g.10gb+me``, ``1g.24gb-me``.
_PROFILE = re.compile(r"([1-9][0-9]*c\.)?[1-9][0-9]*g\.[1-9][0-9]*gb([+-][a-z]+(\.[a-z]+)*)?")


@dataclass(frozen=True)
class MigEntry:
    """GPUs of a node and their instances. `devices` is empty for all, `counts` of instances by profile."""

    devices: tuple[int, ...]
    enabled: bool
    counts: Mapping[str, int]
    device_filter: tuple[str, ...] = ()

    @property
    def layout(self) -> str:
        """As this project writes it: ``"2x3g.40gb"``; ``"whole"`` without MIG."""
        parts = [f"{count}x{name}" if count > 1 else name for name, count in self.counts.items()]
        return "+".join(parts) if self.enabled and parts else "whole" if not self.enabled else "no instances"


def mig_configs(fleet: Fleet) -> dict[str, list[dict[str, Any]]]:
    """The member ``mig-configs``: a configuration for each way in which a node is cut."""
    names = config_names(fleet)
    return {names[node]: _entries(cards) for node, cards in fleet.nodes.items()}


def config_names(fleet: Fleet) -> dict[str, str]:
    """By node the name of its configuration; nodes that are cut alike share one."""
    first: dict[str, str] = {}
    return {
        node: first.setdefault(repr(_entries(cards)), object_name(f"gpushare-{node}"))
        for node, cards in fleet.nodes.items()
    }


def _entries(cards: list[Card]) -> list[dict[str, Any]]:
    alike: dict[str, list[Card]] = {}
    for card in cards:
        alike.setdefault(repr(_counts(card)), []).append(card)
    return [
        {"devices": "all" if len(alike) == 1 else [card.index for card in group]}
        | (
            {"mig-enabled": True, "mig-devices": _counts(group[0])}
            if group[0].cut
            else {"mig-enabled": False}
        )
        for group in alike.values()
    ]


def _counts(card: Card) -> dict[str, int]:
    return dict(Counter(part.instance for part in card.parts)) if card.cut else {}


def export(fleet: Fleet, naming: Naming) -> Export:
    """The configuration, the same as a ConfigMap, and the labels that choose it.

    Raises
    ------
    ExportError
        Where no GPU is cut.
    """
    if not any(card.cut for card in fleet.cards):
        raise ExportError("no GPU of this placement is cut: there is nothing for mig-parted to do", "")
    config = {"version": "v1", "mig-configs": mig_configs(fleet)}
    labels = node_labels(fleet, naming, LABEL, config_names(fleet))
    whole = dict.fromkeys(fleet.nodes, "all-disabled")
    return Export(
        files={
            "mig-parted-config.yaml": yaml_file([config], "nvidia-mig-parted apply -f THIS -c NAME", fleet),
            "mig-parted-configmap.yaml": yaml_file(
                [config_map(CONFIG_MAP, naming.operator_namespace, {"config.yaml": yaml_text([config])})],
                "For migManager.config.name of the GPU Operator.",
                fleet,
            ),
            "node-labels-mig.yaml": yaml_file(labels, "Which configuration each node has.", fleet),
        },
        steps=[
            "kubectl apply -f mig-parted-configmap.yaml, and name it to the GPU Operator: "
            f"migManager.config.name={CONFIG_MAP} (the format gpu-operator writes that)",
            "drain the nodes: mig-manager stops what uses their GPUs",
            "kubectl apply --server-side --field-manager=gpushare -f node-labels-mig.yaml, and wait until the label "
            f"{LABEL}.state reads success",
            "without a cluster, on each node: nvidia-mig-parted apply -f mig-parted-config.yaml -c NAME",
        ],
        notes=_notes(fleet),
        rollback={
            "node-labels-mig.yaml": yaml_file(
                node_labels(fleet, naming, LABEL, whole), "Takes every GPU back to a whole one.", fleet
            )
        },
        undo=["kubectl apply --server-side --field-manager=gpushare -f rollback/node-labels-mig.yaml"],
    )


def _notes(fleet: Fleet) -> list[str]:
    cards = [card for card in fleet.cards if card.cut and len({part.start for part in card.parts}) > 1]
    notes = [
        "all-disabled is a configuration of NVIDIA's default; put it into yours where the operator has only this one"
    ]
    if cards:
        notes.append(
            "a mig-parted configuration counts instances: at which slots the driver puts them it cannot say "
            "(nvidia-smi "
            "can); instances of one profile serve alike at any slot"
        )
    return notes


def is_mig_parted(value: Any) -> bool:
    """Whether a document looks like a configuration."""
    return isinstance(value, Mapping) and "mig-configs" in value


def read_mig_parted(found: Found) -> dict[str, list[MigEntry]]:
    """Configurations by name.

    Raises
    ------
    Error
        With place, key and what mig-parted takes.
    """
    check(found, _TABLE)
    if found.value["version"] != "v1":
        raise found.fault("/version", f'found "{found.value["version"]}"; mig-parted knows v1')
    return {
        name: [
            _entry(found.at(f"/mig-configs/{name.replace('~', '~0').replace('/', '~1')}/{i}"))
            for i in range(len(entries))
        ]
        for name, entries in found.value["mig-configs"].items()
    }


def _entry(found: Found) -> MigEntry:
    value = found.value
    counts = value.get("mig-devices") or {}
    if isinstance(value["devices"], str) and value["devices"] != "all":
        raise found.fault("/devices", f'found "{value["devices"]}"; write all, or a list of numbers')
    if counts and not value["mig-enabled"]:
        raise found.fault("/mig-devices", "has instances, and mig-enabled is false: MIG cannot be both")
    if value["mig-enabled"] and "mig-devices" not in value:
        raise found.fault("/mig-enabled", "mig-devices is missing; {} means MIG without instances")
    for name, count in counts.items():
        if not _PROFILE.fullmatch(name) or count < 1:
            raise found.fault(
                "/mig-devices",
                f'found "{name}": {count}; write a profile and how many of it, such as "3g.40gb": 2',
            )
    filters = value.get("device-filter", [])
    return MigEntry(
        () if value["devices"] == "all" else tuple(value["devices"]),
        value["mig-enabled"],
        dict(counts),
        tuple([filters] if isinstance(filters, str) else filters),
    )
