"""What configurations of a cluster mean, in this project's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from .._core import Error
from ..frames.render import Field, brief, counted, page_width, text_table, wrap
from ..scenario import mig
from ..scenario.profiles import profile, profile_names
from . import dra, telemetry
from .device_plugin import PluginConfig
from .mig_parted import MigEntry
from .objects import Node, Pod
from .reading import Config, Seen, read_cluster_files

__all__ = ["Imported", "import_files"]


def import_files(path: Any) -> Imported:
    """Reads files of a cluster and says what they mean; nothing is changed, and nothing is fetched.

    Parameters
    ----------
    path : str or path
        A file or a folder: mig-parted and device-plugin configurations (as they are, in a ConfigMap, or in Helm values
        of the GPU Operator), ResourceClaims and ResourceSlices, ``kubectl get pods,nodes -o yaml|json``, text of the
        DCGM exporter, answers of Prometheus (JSON or CSV).

    Returns
    -------
    Imported
        Prints as text; ``to_dict()`` is for machines.

    Raises
    ------
    Error
        With file, line, what was found and what would be right.
    """
    return Imported(read_cluster_files(path))


class Imported:
    """What was read, and what it means; `seen` has the values."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "source": self.seen.source,
            "files": dict(self.seen.files),
            "configurations": [
                {"what": one.what, "name": one.name, "where": one.where, "means": list(_config_lines(one))}
                for one in self.seen.configs
            ],
            "claims": [
                {"name": one.name, "means": _claim_line(one), "sharing": one.sharing}
                for one in self.seen.claims
            ],
            "nodes": [_node_row(one) for one in self.seen.nodes],
            "pods": [_pod_row(one) for one in self.seen.pods],
            "loads": [_load_row(one) for one in telemetry.loads(self.seen.samples)],
            "other": dict(self.seen.other),
        }

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        seen = self.seen
        sizes = ((len(seen.files), "file"), (len(seen.nodes), "node"), (len(seen.pods), "pod"))
        return brief(self, ", ".join(counted(*size) for size in sizes))

    def text(self, width: int | None = None) -> str:
        """What each file holds, then what it means."""
        width = page_width(width)
        seen = self.seen
        parts = ["\n".join(f"{name}: {what}" for name, what in seen.files.items())]
        configs = [f"{one.what} {one.name}: {line}" for one in seen.configs for line in _config_lines(one)]
        once = dict.fromkeys(configs)  # a configuration may stand in a file and in a ConfigMap
        parts += ["\n".join(wrap(line, width, "  ") for line in once)] if once else []
        parts += (
            ["\n".join(wrap(_claim_line(one), width, "  ") for one in seen.claims)] if seen.claims else []
        )
        for rows in (
            [_node_row(one) for one in seen.nodes],
            [_pod_row(one) for one in seen.pods],
            [_load_row(one) for one in telemetry.loads(seen.samples)],
        ):
            if rows:
                parts.append(_table(rows, width))
        if seen.other:
            parts.append("not read: " + ", ".join(f"{count} {kind}" for kind, count in seen.other.items()))
        return "\n\n".join(parts)


def _table(rows: Sequence[dict[str, Any]], width: int) -> str:
    numbers = {key for key in rows[0] if all(isinstance(row[key], (int, float)) for row in rows)}
    return text_table(
        [
            Field(
                key,
                ["-" if row[key] is None else str(row[key]) for row in rows],
                "right" if key in numbers else "left",
            )
            for key in rows[0]
        ],
        width=width,
    )


def _config_lines(config: Config) -> Iterator[str]:
    if config.what == "mig-parted":
        yield from (_mig_line(entry) for entry in config.value)
    elif config.what == "device-plugin":
        yield from _plugin_lines(config.value)
    elif config.what == "vllm":
        yield ", ".join(f"{key} {value}" for key, value in config.value.items())
    else:
        batching = config.value.get("dynamic_batching")
        yield f"max_batch {config.value.get('max_batch_size', 0)}, " + (
            f"dynamic batching {batching}" if batching is not None else "no dynamic batching"
        )


def _mig_line(entry: MigEntry) -> str:
    where = "all GPUs" if not entry.devices else f"GPU {', '.join(map(str, entry.devices))}"
    if entry.device_filter:
        where += f" with PCI ids {', '.join(entry.device_filter[:3])}{', ...' if len(entry.device_filter) > 3 else ''}"
    if not entry.enabled:
        return f"{where}: whole, without MIG"
    if not entry.counts:
        return f"{where}: MIG is on, and there are no instances: nothing can run"
    cards, why = _cards(entry.layout, tuple(entry.counts))
    fits = (
        f"as mig:{entry.layout} on {', '.join(cards)}"
        if cards
        else f"fits no card that is described here ({why})"
    )
    return f"{where}: {' + '.join(f'{count} x {name}' for name, count in entry.counts.items())}, {fits}"


@lru_cache(maxsize=512)
def _cards(layout: str, instances: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Cards that a layout suits; or what the nearest of them says."""
    found, reasons = [], []
    for name in profile_names():
        card = profile(name)
        try:
            mig.parse(layout, card)
            found.append(name)
        except Error as error:
            names = {instance["name"] for instance in card.mig}
            reasons.append((len(names.intersection(instances)), str(error)))
    return tuple(found), max(reasons, key=lambda one: one[0])[1] if reasons and not found else ""


def _plugin_lines(config: PluginConfig) -> Iterator[str]:
    strategy = {
        "none": "MIG instances are not handed out",
        "single": "MIG instances are handed out as nvidia.com/gpu",
        "mixed": "MIG instances are handed out by profile, such as nvidia.com/mig-3g.40gb",
    }
    if config.method == "exclusive":
        yield f"one process on each device; {strategy[config.mig_strategy]}"
    for name, count in config.replicas.items():
        shown = f"{name}.shared" if config.renamed else name
        if config.method == "time-slicing":
            yield (
                f"{name}: {count} processes take turns on each, as time-slicing:x{count}, without protection of "
                "memory; pods "
                f"ask for {shown}"
            )
        else:
            yield (
                f"{name}: {count} clients of MPS on each, {100 / count:.3g} % of the threads and 1/{count} of "
                "the memory "
                f"each, as mps:{100 / count:.3g}% with {count} processes; pods ask for {shown}"
            )
    if config.replicas:
        asks = "fails" if config.one_each else "is granted, and brings no more time"
        yield f"a pod that asks for more than one {asks}; {strategy[config.mig_strategy]}"


def _claim_line(claim: dra.Claim) -> str:
    kind = "each pod gets" if claim.template else "pods that name it share"
    wants = []
    for one in claim.requests:
        such = f" where {' and '.join(one.conditions)}" if one.conditions else ""
        instead = f", or else {', '.join(one.alternatives)}" if one.alternatives else ""
        wants.append(f"{one.count} of {one.device_class}{such}{instead}")
    how = {"exclusive": "", "time-slicing": ", by turns", "mps": ", under MPS"}[claim.sharing]
    if claim.interval:
        how += f" of the interval {claim.interval}"
    if claim.percentage is not None:
        how += f", at most {claim.percentage} % of the threads each"
    if claim.memory_limit_bytes is not None:
        how += f", at most {claim.memory_limit_bytes / 1e9:.3g} GB each"
    return f"claim {claim.name}: {kind} {' and '.join(wants)}{how}"


def _node_row(node: Node) -> dict[str, Any]:
    return {
        "node": node.name,
        "GPUs": node.gpus,
        "product": node.product or None,
        "MIG": node.mig_config or None,
        "sharing": node.sharing or None,
        "hands out": ", ".join(f"{count:g} {name}" for name, count in node.resources.items()) or None,
    }


def _pod_row(pod: Pod) -> dict[str, Any]:
    asks = [f"{count:g} {name}" for name, count in pod.resources.items()]
    asks += [f"claim {name}" for name in pod.claims]
    if pod.fraction is not None:
        asks.append(f"{pod.fraction:g} of a GPU")
    if pod.memory_share is not None:
        asks.append(f"{100 * pod.memory_share:g} % of its memory")
    return {
        "pod": pod.name,
        "copies": pod.copies,
        "node": pod.node or None,
        "asks for": ", ".join(asks),
        "model": pod.model or None,
        "compute %": pod.percentage,
        "GB": None if pod.memory_bytes is None else round(pod.memory_bytes / 1e9, 1),
    }


def _load_row(load: telemetry.Load) -> dict[str, Any]:
    def share(value: float | None) -> float | None:
        return None if value is None else round(100 * value, 1)

    return {
        "node": load.node or None,
        "GPU": load.gpu + (f"/{load.profile or load.instance}" if load.instance else ""),
        "busy %": share(load.busy),
        "p95 %": share(load.busy_p95),
        "SMs %": share(load.sms),
        "bandwidth %": share(load.bandwidth),
        "GB": None if load.memory_bytes is None else round(load.memory_bytes / 1e9, 1),
        "samples": load.samples,
        "pods": ", ".join(sorted(name for _, name in load.pods)) or None,
    }
