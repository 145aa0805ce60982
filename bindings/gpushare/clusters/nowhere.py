"""Pods that can go to no node, even of the empty cluster, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..frames.notices import Notice

__all__ = ["pods_without_a_node"]

_NAMED = 3
Row = Mapping[str, Any]


def pods_without_a_node(pods: Sequence[Row], nodes: Sequence[Row]) -> list[Notice]:
    """One for each reason, with the pods; those that ask for models of no node are another's (`unknown_models`).

    Parameters
    ----------
    pods, nodes : sequence of mapping
        By the library's names: ``cpu_milli``, ``memory_mib``, ``gpus``, ``models``, ``selector``, ``tolerations``;
        ``model``, ``labels``, ``taints``.
    """
    kinds = list({repr(_offer(node)): node for node in nodes}.values())
    found: dict[str, str | None] = {}
    lacking: dict[str, list[str]] = {}
    for pod in pods:
        asked = repr([pod.get(key) for key in _ASKED])
        if asked not in found:
            found[asked] = _reason(pod, kinds)
        if (reason := found[asked]) is not None:
            lacking.setdefault(reason, []).append(str(pod.get("name", "")))
    return [Notice("pods", f"{reason}: {_shown(names)}") for reason, names in lacking.items()]


_ASKED = ("cpu_milli", "memory_mib", "gpus", "models", "selector", "tolerations")


def _offer(node: Row) -> list[Any]:
    return [node.get(key) for key in ("cpu_milli", "memory_mib", "gpus", "model", "labels", "taints")]


def _reason(pod: Row, nodes: Sequence[Row]) -> str | None:
    """Why none of the nodes takes it: what the last that were left have not."""
    left = nodes
    steps: list[tuple[Callable[[Row], bool], str]] = [
        (lambda node: _is_model(pod, node), ""),
        (lambda node: _has_labels(pod, node), f"no node has the labels {_labels(pod)} that these ask for"),
        (
            lambda node: _is_borne(pod, node),
            "every node that they could go to has a taint that these do not bear",
        ),
        (lambda node: _has_room(pod, node), f"no node that they may go to has {_size(pod)}, as these ask"),
    ]
    for holds, reason in steps:
        left = [node for node in left if holds(node)]
        if not left:
            return reason or None
    return None


def _is_model(pod: Row, node: Row) -> bool:
    return not pod.get("models") or node.get("model", "") in pod["models"]


def _has_labels(pod: Row, node: Row) -> bool:
    labels = node.get("labels") or {}
    return all(labels.get(key) == value for key, value in (pod.get("selector") or {}).items())


def _is_borne(pod: Row, node: Row) -> bool:
    borne = pod.get("tolerations") or []
    return all(taint in borne or taint.partition("=")[0] in borne for taint in node.get("taints") or [])


def _has_room(pod: Row, node: Row) -> bool:
    return all(node.get(key, 0) >= pod.get(key, 0) for key in ("cpu_milli", "memory_mib", "gpus"))


def _labels(pod: Row) -> str:
    return " and ".join(f"{key}={value}" for key, value in (pod.get("selector") or {}).items())


def _size(pod: Row) -> str:
    return (
        f"{pod.get('gpus', 0)} GPUs with {pod.get('cpu_milli', 0) / 1000:g} cores and "
        f"{pod.get('memory_mib', 0):,} MiB"
    )


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
