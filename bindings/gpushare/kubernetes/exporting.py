"""Exports: formats by name, and the folder that one writes."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from .._errors import fail
from .._version import installed_version
from ..scenario.scenario import Scenario, ScenarioLike
from ..study.simulation import as_scenario
from . import device_plugin, dra, gpu_operator, mig_parted, pods, queues, servers, shell
from .fleet import Fleet, fleet_of
from .formats import ALL, FORMATS
from .parts import Export, ExportError, Naming

__all__ = ["export", "exported"]

_MAKERS: Mapping[str, Callable[[Fleet, Naming], Export]] = {
    "mig-parted": mig_parted.export,
    "device-plugin": device_plugin.export,
    "gpu-operator": gpu_operator.export,
    "pods": pods.export,
    "dra": dra.export,
    "kueue": queues.export_kueue,
    "kai": queues.export_kai,
    "hami": queues.export_hami,
    "vllm": servers.export_vllm,
    "triton": servers.export_triton,
    "nvidia-smi": shell.export_nvidia_smi,
    "compose": shell.export_compose,
}


def exported(name: str, scenario: Scenario, naming: Naming | None = None) -> dict[str, str]:
    """The files of an export by their paths in the folder, README.md first.

    Parameters
    ----------
    name : str
        A name of `FORMATS`, or ``"all"``: each in a folder of its own, those that cannot say the placement left out
        with the reason in README.md.
    scenario : Scenario
        On the placement that is to be written.
    naming : Naming, optional
        What the cluster calls its nodes and namespaces.

    Raises
    ------
    ExportError
        When the format cannot say the placement: the reason, and the formats that can.
    OutOfMemoryError
        When the processes do not fit where they are placed.
    ValueError
        For a format that does not exist, names that Kubernetes does not take, and nodes that the placement has not.
    """
    name = re.sub(r"[\s_]+", "-", name.strip().lower())
    if name not in (*FORMATS, ALL):
        raise ValueError(f"format: found {name!r}; there are {', '.join(FORMATS)} and {ALL}")
    scenario.check_memory()
    fleet = fleet_of(scenario)
    naming = naming if naming is not None else Naming()
    naming.check(fleet.nodes)
    made: dict[str, Export] = {}
    refused: dict[str, str] = {}
    for one in FORMATS if name == ALL else [name]:
        try:
            made[one] = _MAKERS[one](fleet, naming)
        except ExportError as error:
            refused[one] = str(error)
            if name != ALL:
                raise fail(ExportError, one, str(error)) from None
    files = {"README.md": _readme(name, fleet, naming, made, refused)}
    for one, export_ in made.items():
        folder = f"{one}/" if name == ALL else ""
        files |= {f"{folder}{path}": text for path, text in export_.files.items()}
        files |= {f"{folder}rollback/{path}": text for path, text in export_.rollback.items()}
        files[f"{folder}rollback/README.md"] = _rollback(one, export_)
    return files


def export(
    format: str, scenario: ScenarioLike, path: str | os.PathLike[str], naming: Naming | None = None
) -> list[str]:
    """Writes what brings a placement to a cluster, or to a machine, to a new folder: all files or none.

    Nothing is applied. README.md says in which order to do that and what is assumed, ``rollback/`` how to go back.

    Parameters
    ----------
    format : str
        ``"mig-parted"``, ``"device-plugin"``, ``"gpu-operator"``, ``"pods"``, ``"dra"``, ``"kueue"``, ``"kai"``,
        ``"hami"``, ``"vllm"``, ``"triton"``, ``"nvidia-smi"``, ``"compose"``, or ``"all"``, each in its own folder.
    scenario : Scenario, str, path or mapping
        On the placement that is to be written, as ``scenario.with_mode`` or a plan's ``scenario`` has it.
    path : str or path
        A folder that is not there, or empty.
    naming : Naming, optional
        What the cluster calls its nodes and namespaces.

    Returns
    -------
    list of str
        Their paths in the folder.

    Raises
    ------
    ExportError
        When the format cannot say the placement: the reason, and the formats that can.
    ValueError
        For a format that does not exist.
    FileExistsError
        When the folder has something in it.
    OSError
        When it cannot be written.
    """
    files = exported(format, as_scenario(scenario), naming)
    target = Path(path)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(
            f"{target}: is there, and not an empty folder; give another name, or remove it first"
        )
    try:
        temporary = Path(tempfile.mkdtemp(dir=target.absolute().parent, prefix=f".{target.name}."))
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(target)) from None
    try:
        for inner, text in files.items():
            file = temporary / inner
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="")
            if inner.endswith(".sh"):
                file.chmod(0o755)
        temporary.chmod(0o755)
        os.replace(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return list(files)


def _shares_of_time(fleet: Fleet) -> list[str]:
    """What no file here can say: turns that are not alike."""
    parts = [part for card in fleet.cards for part in card.parts if part.policy != "round-robin"]
    shares = [f"{seat.service} {seat.share:g}" for part in parts for seat in part.seats]
    policies = " and ".join(sorted({part.policy for part in parts}))
    if not parts:
        return []
    return [
        f"- shares of a GPU's time ({policies}: {', '.join(shares)}) are said by no file here: NVIDIA's driver gives "
        "all processes equal slices. Run:ai's time-slicing has them (`global.core.timeSlicing.mode: fair` or `strict` "
        "in runaiconfig, with each pod's `gpu-fraction`); without it, simulate a plain time-slicing"
    ]


def _readme(
    name: str, fleet: Fleet, naming: Naming, made: Mapping[str, Export], refused: Mapping[str, str]
) -> str:
    lines = [
        f"# {fleet.name}: {name}",
        "",
        f"Written by `gpushare export {name}` (gpushare {installed_version()}) from the scenario {fleet.name} "
        "in the mode "
        f"{fleet.mode}, seed {fleet.seed}. Nothing was applied to a cluster, and nothing was run on a GPU: try "
        "it on one node "
        "first.",
        "",
        "## What runs where",
        "",
        *_placed(fleet),
        "",
        *_called(fleet),
        "## What is not known here",
        "",
        f"- nodes are called {', '.join(sorted(naming.node(node) for node in fleet.nodes))}: put your names in, "
        "or give them "
        "with `--nodes`",
        f"- the namespace is {naming.namespace}, that of the GPU Operator {naming.operator_namespace}",
        f"- images are {naming.image.format(service='SERVICE')}: there is no such host",
        "- what the cluster has now: save it first (`kubectl get nodes,configmaps -A -o yaml > before.yaml`)",
        *_shares_of_time(fleet),
        "",
    ]
    for one, export_ in made.items():
        folder = f"{one}/" if name == ALL else ""
        lines += [
            f"## {one}: {FORMATS[one].about}",
            "",
            *(f"- `{folder}{file}`" for file in export_.files),
            "",
        ]
        lines += [f"{number}. {step}" for number, step in enumerate(export_.steps, start=1)]
        lines += ["", *(f"Note: {note}.\n" for note in export_.notes)]
        lines += [f"Back: `{folder}rollback/README.md`", ""]
    if refused:
        lines += [
            "## What cannot be said",
            "",
            *(f"- {one}: {reason}" for one, reason in refused.items()),
            "",
        ]
    return "\n".join(lines)


def _placed(fleet: Fleet) -> list[str]:
    lines = ["| node | GPU | part | sharing | processes |", "|---|---|---|---|---|"]
    for card in fleet.cards:
        for part in card.parts:
            where = (part.instance or "whole") + (f"@{part.start}" if part.start is not None else "")
            seats = ", ".join(
                seat.service + (f" ({seat.percentage:g} % of threads)" if seat.percentage < 100 else "")
                for seat in part.seats
            )
            sharing = part.sharing if part.shared else "exclusive"
            lines.append(
                f"| {card.node} | {card.index} ({card.product}) | {where} | {sharing} | {seats or 'none'} |"
            )
    return lines


def _called(fleet: Fleet) -> list[str]:
    """Services whose name Kubernetes does not take, or takes for another's."""
    other = [
        f"- {service} is called {name} here" for service, name in fleet.called.items() if name != service
    ]
    return [*other, ""] if other else []


def _rollback(name: str, export_: Export) -> str:
    lines = [f"# Back from {name}", "", "In this order, from the folder above:", ""]
    lines += [f"{number}. {step}" for number, step in enumerate(export_.undo, start=1)]
    lines += [
        "",
        "This takes GPUs back to whole, unshared ones and removes what was added; what the cluster had before "
        "is in what you "
        "saved.",
        "",
    ]
    return "\n".join(lines)
