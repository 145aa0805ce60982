"""Objects of other kinds that make pods with GPUs: those of KServe, Ray, Kubeflow, Volcano, NIM, Argo and the like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from . import objects
from .tables import Found

__all__ = ["read_custom"]

#: What such objects call the number of pods that a part of them makes; with bounds the lower one counts.
_COUNTS = ("replicas", "minReplicas", "parallelism")
_NAMES = ("name", "groupName")
_MOST_DEPTH = 12


class _Part(NamedTuple):
    """A pod's template, or a part that asks for GPUs by itself, with how many pods it makes and what it is called."""

    spec: Mapping[str, Any]
    template: Mapping[str, Any]
    pointer: str
    copies: int
    name: str


def read_custom(found: Found) -> list[objects.Pod]:
    """The pods with GPUs that an object of any kind makes, a row for each of its parts; empty where it makes none.

    Counts of pods are multiplied from outside in. Where an object gives bounds, the lower one is taken.

    Raises
    ------
    Error
        With place and key, for a part that is no pod's template.
    """
    meta = found.value.get("metadata") or {}
    pods = []
    for part in _parts(found.value, "", 1, "", 0):
        inner = Found({"spec": part.spec}, _shifted(found, part.pointer))
        pod = objects.read_template(inner, meta, part.template, part.copies)
        if pod is not None:
            pods.append((part.name, pod))
    if len(pods) < 2:
        return [pod for _, pod in pods]
    return [objects.renamed(pod, f"{pod.name}-{name or number}") for number, (name, pod) in enumerate(pods)]


def _shifted(found: Found, pointer: str) -> Any:
    return lambda inner: found.where(pointer + inner.removeprefix("/spec"))


def _parts(value: Any, pointer: str, copies: int, name: str, depth: int) -> Iterator[_Part]:
    if depth > _MOST_DEPTH:
        return
    if isinstance(value, list):
        for number, member in enumerate(value):
            yield from _parts(member, f"{pointer}/{number}", copies, name, depth + 1)
    if not isinstance(value, Mapping):
        return
    copies *= _count(value)
    own = next((str(value[key]) for key in _NAMES if isinstance(value.get(key), str)), name)
    if isinstance(value.get("containers"), list):
        yield _Part(value, {}, pointer, copies, own)
        return
    resources = value.get("resources")
    if isinstance(resources, Mapping) and objects.asks_for_gpus(resources):
        container = {
            key: value[key] for key in ("image", "args", "command", "env", "resources") if key in value
        }
        if not isinstance(container.get("image", ""), str):
            del container["image"]
        yield _Part({"containers": [container]}, {}, pointer, copies, own)
    for key, member in value.items():
        if key in ("resources", "status", "metadata"):
            continue
        inner = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
        called = str(key).lower() if str(key)[:1].isupper() else own  # Kubeflow's Master and Worker
        for part in _parts(member, inner, copies * _of_group(value, key), called, depth + 1):
            yield part._replace(template=value.get("metadata") or part.template) if key == "spec" else part


def _count(value: Mapping[str, Any]) -> int:
    for key in _COUNTS:
        count = value.get(key)
        if isinstance(count, int) and not isinstance(count, bool):
            return max(count, 0)
    return 1


def _of_group(value: Mapping[str, Any], key: str) -> int:
    """Pods that a template of a LeaderWorkerSet makes in each group."""
    size = value.get("size")
    if key != "workerTemplate" or not isinstance(size, int):
        return 1
    return max(size - ("leaderTemplate" in value), 0)
