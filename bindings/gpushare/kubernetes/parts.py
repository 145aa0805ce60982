"""What exports have in common: files, what must be said of them, and objects of Kubernetes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core import Error
from ..yaml_files import yaml_text
from .fleet import Fleet
from .names import object_name

__all__ = [
    "Export",
    "ExportError",
    "Naming",
    "config_map",
    "metadata",
    "node_labels",
    "yaml_file",
]


class ExportError(Error):
    """A format has no words for a placement, and which has.

    Parameters
    ----------
    what : str
        The reason.
    instead : str
        Formats that can say it.
    """

    def __init__(self, what: str, instead: str = "") -> None:
        super().__init__(f"{what}; {instead} can say it" if instead else what)
        self.where = ""


_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


@dataclass(frozen=True)
class Naming:
    """Names that an export cannot know: those of the cluster; placeholders unless told."""

    namespace: str = "default"
    operator_namespace: str = "gpu-operator"
    image: str = "example.invalid/{service}:replace-me"
    nodes: Mapping[str, str] = field(default_factory=dict)

    def check(self, nodes: Iterable[str]) -> None:
        """Raises ValueError for names that no cluster takes, and for nodes that the placement has not."""
        for what, name, legal in (
            ("namespace", self.namespace, _LABEL),
            ("operator_namespace", self.operator_namespace, _LABEL),
            *((f"nodes: {node}", name, _SUBDOMAIN) for node, name in self.nodes.items()),
        ):
            if not legal.fullmatch(name) or len(name) > (63 if legal is _LABEL else 253):
                raise ValueError(
                    f"{what}: found {name!r}; Kubernetes takes lower-case letters, digits and dashes between them"
                    f"{'' if legal is _LABEL else ', and dots'}"
                )
        known = set(nodes)
        for node in self.nodes:
            if node not in known:
                raise ValueError(f"nodes: found {node!r}; the placement has {', '.join(sorted(known))}")
        called: dict[str, str] = {}
        for node in sorted(known):
            other = called.setdefault(self.node(node), node)
            if other != node:
                raise ValueError(
                    f"nodes: {other} and {node} would both be called {self.node(node)}; say what the cluster calls them"
                )

    def node(self, name: str) -> str:
        """What the cluster calls a node of the scenario."""
        return self.nodes.get(name, object_name(name))


@dataclass
class Export:
    """What one format makes of a placement.

    `files` and `rollback` are texts by name, `steps` and `undo` what to do in which order, `notes` what the files leave
    open or assume.
    """

    files: dict[str, str] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rollback: dict[str, str] = field(default_factory=dict)
    undo: list[str] = field(default_factory=list)


def yaml_file(documents: Sequence[Any], about: str, fleet: Fleet) -> str:
    """Documents with what they are, and of what, above them."""
    return yaml_text(
        documents,
        f"{about}\nFrom the scenario {fleet.name} in the mode {fleet.mode}; not applied to a cluster.",
    )


def metadata(name: str, namespace: str = "", labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The member of that name."""
    found: dict[str, Any] = {"name": name}
    if namespace:
        found["namespace"] = namespace
    if labels:
        found["labels"] = dict(labels)
    return found


def config_map(name: str, namespace: str, data: Mapping[str, str]) -> dict[str, Any]:
    """Texts by key."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(name, namespace),
        "data": dict(data),
    }


def node_labels(fleet: Fleet, naming: Naming, label: str, values: Mapping[str, str]) -> list[dict[str, Any]]:
    """A Node object for each node that has a value, with nothing but that label: for a server-side apply."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": metadata(naming.node(node), labels={label: values[node]}),
        }
        for node in fleet.nodes
        if node in values
    ]
