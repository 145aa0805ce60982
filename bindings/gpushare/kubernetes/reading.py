"""Files of a cluster, whatever they are called: each is known by what is in it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._core import Error
from .._errors import fail
from ..yaml_files import has_yaml_name, parse_yaml, yaml_characters
from . import device_plugin, dra, gpu_operator, mig_parted, objects, servers, telemetry
from .custom_objects import read_custom
from .slices import SLICE, joined, read_slice
from .tables import Found

__all__ = ["Config", "Seen", "read_cluster_files"]

#: Larger ones are no configuration and no scrape.
_MOST_BYTES = 256 * 2**20
_TEXTS = (".prom", ".txt", ".metrics", ".log", "")
#: Written by an export to lead back: not what the cluster is.
_SKIPPED = "rollback"


@dataclass(frozen=True)
class Config:
    """A configuration and where it stood.

    `what` is ``"mig-parted"``, ``"device-plugin"``, ``"vllm"`` or ``"triton"``, `value` what its reader makes of it.
    """

    what: str
    name: str
    where: str
    value: Any


@dataclass
class Seen:
    """What was found in files, by kind; `sliced` are nodes as ResourceSlices tell of them, in part or whole.

    `other` counts objects that say nothing of GPUs.
    """

    source: str
    nodes: list[objects.Node] = field(default_factory=list)
    sliced: list[objects.Node] = field(default_factory=list)
    pods: list[objects.Pod] = field(default_factory=list)
    claims: list[dra.Claim] = field(default_factory=list)
    configs: list[Config] = field(default_factory=list)
    samples: list[telemetry.Sample] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)
    files: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.nodes or self.pods or self.claims or self.configs or self.samples)


def read_cluster_files(path: str | os.PathLike[str]) -> Seen:
    """Reads a file, or every file of a folder and of those in it.

    Parameters
    ----------
    path : str or path
        YAML, JSON, text of an exporter, CSV, ``config.pbtxt``; hidden files, and folders called ``rollback``, are left
        out.

    Raises
    ------
    Error
        For a file that says it is one of these and is not, with its line; and where nothing was found.
    OSError
        When something cannot be read.
    """
    top = Path(path)
    seen = Seen(os.fspath(path))
    for file in _files(top):
        before = _size(seen)
        _read(file, seen)
        if _size(seen) > before:
            seen.files[str(file.relative_to(top) if top.is_dir() else file)] = _said(before, _size(seen))
    seen.nodes = joined(seen.nodes, seen.sliced)
    if not seen:
        there = (
            ", ".join(f"{count} {kind}" for kind, count in seen.other.most_common(5))
            or "no file that is read"
        )
        raise fail(
            Error,
            seen.source,
            f"nothing about GPUs was found ({there}); what is read: mig-parted and device-plugin configurations "
            "(as they "
            "are or in a ConfigMap), Helm values of the GPU Operator, ResourceClaims and ResourceSlices, `kubectl "
            "get pods,nodes -o yaml`, text of the DCGM exporter, range queries of Prometheus",
        )
    return seen


def _files(top: Path) -> Iterator[Path]:
    if not top.is_dir():
        yield top
        return
    for file in sorted(top.rglob("*")):
        inner = file.relative_to(top).parts
        if file.is_file() and _SKIPPED not in inner and not any(part.startswith(".") for part in inner):
            yield file


_Size = tuple[int, ...]


def _size(seen: Seen) -> _Size:
    found: list[Sized] = [seen.nodes, seen.sliced, seen.pods, seen.claims, seen.configs, seen.samples]
    return tuple(map(len, found))


def _said(before: _Size, after: _Size) -> str:
    names = ("node", "slice of devices", "pod or workload", "claim", "configuration", "sample")
    counts = [end - begin for begin, end in zip(before, after, strict=True)]
    plural = ("nodes", "slices of devices", "pods or workloads", "claims", "configurations", "samples")
    return ", ".join(
        f"{count} {name if count == 1 else many}"
        for count, name, many in zip(counts, names, plural, strict=True)
        if count
    )


def _read(file: Path, seen: Seen) -> None:
    suffix = file.suffix.lower()
    source = str(file)
    if suffix == ".pbtxt":
        seen.configs.append(
            Config("triton", file.parent.name, source, servers.read_triton(_text(file), source))
        )
    elif has_yaml_name(file):
        for document in parse_yaml(_text(file), source):
            _sort(Found(document.value, document.where), seen, file)
    elif suffix == ".json":
        _read_json(file, seen)
    elif suffix == ".csv":
        seen.samples += telemetry.read_csv_samples(_text(file), source)
    elif suffix in _TEXTS:
        text = _text(file)
        if telemetry.is_exposition(text):
            seen.samples += telemetry.read_exposition(text, source)


def _text(file: Path) -> str:
    if file.stat().st_size > _MOST_BYTES:
        raise fail(Error, str(file), f"has more than {_MOST_BYTES // 2**20} MiB")
    return yaml_characters(file.read_bytes(), str(file))


def _read_json(file: Path, seen: Seen) -> None:
    source = str(file)
    try:
        value = json.loads(_text(file))
    except json.JSONDecodeError as error:
        raise fail(Error, f"{source}:{error.lineno}:{error.colno}", f"is not JSON: {error.msg}") from None
    except (RecursionError, ValueError) as error:
        raise fail(Error, source, f"is not read as JSON: {type(error).__name__}") from None
    if telemetry.is_prometheus(value):
        seen.samples += telemetry.read_prometheus(value, source)
    else:
        _sort(Found(value, lambda pointer: f"{source}#{pointer}"), seen, file)


def _sort(found: Found, seen: Seen, file: Path) -> None:
    """Puts a document where it belongs."""
    value = found.value
    if not isinstance(value, Mapping):
        return
    if "kind" in value:
        for item in objects.items(found):
            _sort_object(item, seen)
    elif mig_parted.is_mig_parted(value):
        _add_mig(found, seen)
    elif device_plugin.is_plugin_config(value):
        seen.configs.append(
            Config("device-plugin", file.stem, found.where(""), device_plugin.read_plugin_config(found))
        )
    elif gpu_operator.is_operator_values(value):
        for name, inner in gpu_operator.read_operator_values(found).items():
            if name == "mig-parted":
                _add_mig(inner, seen)
            else:
                config = device_plugin.read_plugin_config(inner)
                seen.configs.append(Config("device-plugin", name.partition(" ")[2], inner.where(""), config))
    elif "tensor-parallel-size" in value or "served-model-name" in value:
        seen.configs.append(
            Config("vllm", file.stem.removeprefix("vllm-"), found.where(""), servers.read_vllm(found))
        )


def _add_mig(found: Found, seen: Seen) -> None:
    for name, entries in mig_parted.read_mig_parted(found).items():
        seen.configs.append(Config("mig-parted", name, found.where(f"/mig-configs/{name}"), entries))


def _sort_object(found: Found, seen: Seen) -> None:
    value = found.value
    kind = str(value["kind"])
    if kind == "Node":
        node = objects.read_node(found)
        if node is not None:
            seen.nodes.append(node)
            return
    elif kind == "Pod" or objects.makes_pods(value):
        pod = objects.read_pods(found)
        if pod is not None:
            seen.pods.append(pod)
            return
    elif kind in dra.CLAIMS:
        seen.claims.append(dra.read_claim(found))
        return
    elif kind == SLICE:
        node = read_slice(found)
        if node is not None:
            seen.sliced.append(node)
            return
    elif kind == "ConfigMap" and _config_map(found, seen):
        return
    elif pods := read_custom(found):
        seen.pods += pods
        return
    seen.other[kind] += 1


def _config_map(found: Found, seen: Seen) -> bool:
    """Reads the configurations in a ConfigMap; whether there are any."""
    data = found.value.get("data")
    before = len(seen.configs)
    for key, text in data.items() if isinstance(data, Mapping) else ():
        if not isinstance(text, str) or not (
            "mig-configs" in text or "sharing" in text or "migStrategy" in text
        ):
            continue
        where = found.where(f"/data/{key.replace('~', '~0').replace('/', '~1')}")
        for document in parse_yaml(text, f"{where} {key}"):
            _sort(Found(document.value, document.where), seen, Path(key))
    return len(seen.configs) > before
