"""For people without a cluster: a script of nvidia-smi, and docker compose."""

from __future__ import annotations

from typing import Any

from .fleet import Card, Fleet, Part, Replica
from .names import object_name
from .parts import Export, ExportError, Naming, yaml_file
from .pods import mps_environment
from .servers import vllm_arguments

__all__ = ["export_compose", "export_nvidia_smi"]


def _head(fleet: Fleet, about: str, node: str) -> str:
    origin = " ".join(f"From the scenario {fleet.name} in the mode {fleet.mode}; nothing was run.".split())
    return f"#!/bin/sh\n# {about}\n# {origin}\n# Read it, then run it as root on {node}.\nset -eu\n"


def export_nvidia_smi(fleet: Fleet, naming: Naming) -> Export:
    """A script for each node: MIG instances at their slots, and the daemon of MPS.

    ``-cgi PROFILE:START`` is the placement that nvidia-smi takes (nvidia-smi mig --help).

    Raises
    ------
    ExportError
        For instances that are split into compute instances.
    """
    split = [part.instance for card in fleet.cards for part in card.parts if "c." in part.instance]
    if split:
        raise ExportError(
            f"{split[0]} is a compute instance: nvidia-smi makes it by the number of its GPU instance, which is "
            "known only "
            "when that is there",
            "mig-parted",
        )
    files, rollback = {}, {}
    for node, cards in fleet.nodes.items():
        name = f"{object_name(naming.node(node))}.sh"
        files[name] = (
            _head(fleet, "Cuts and shares the GPUs.", naming.node(node))
            + "".join(map(_cut, cards))
            + _mps(cards)
        )
        rollback[name] = _head(
            fleet, "Takes the GPUs back to whole, unshared ones.", naming.node(node)
        ) + _whole(cards)
    return Export(
        files=files,
        steps=[
            "stop what uses the GPUs: MIG mode changes only on idle ones, and may ask for a reset or a reboot",
            *(f"run {name} as root on its node, and compare with nvidia-smi mig -lgi" for name in files),
            "start the servers with CUDA_VISIBLE_DEVICES, or NVIDIA_VISIBLE_DEVICES in a container, as "
            "nvidia-smi -L names them",
        ],
        notes=[
            "time-slicing needs nothing: processes on one GPU take turns",
            "instances do not outlive a reboot on every driver: run the script at start, or use nvidia-mig-parted",
        ],
        rollback=rollback,
        undo=[f"run rollback/{name} as root on its node" for name in rollback],
    )


def _cut(card: Card) -> str:
    at = f"-i {card.index}"
    if not card.cut:
        return f"\n# GPU {card.index} ({card.name}): whole\nnvidia-smi {at} -mig 0\n"
    parts = ",".join(f"{part.instance}:{part.start}" for part in card.parts)
    return (
        f"\n# GPU {card.index} ({card.name}): {', '.join(part.instance for part in card.parts)}\n"
        f"nvidia-smi {at} -mig 1\n"
        f"nvidia-smi mig {at} -dci || true\n"
        f"nvidia-smi mig {at} -dgi || true\n"
        f"nvidia-smi mig {at} -cgi {parts} -C\n"
    )


def _mps(cards: list[Card]) -> str:
    lines = []
    for card in cards:
        for part in card.parts:
            if part.shared and part.sharing == "mps":
                where = part.instance or "whole"
                for seat in part.seats:
                    own = (
                        [f"CUDA_MPS_ACTIVE_THREAD_PERCENTAGE={seat.percentage:g}"]
                        if seat.percentage < 100
                        else []
                    )
                    if seat.memory_limit_bytes is not None:
                        own.append(
                            f"CUDA_MPS_PINNED_DEVICE_MEM_LIMIT=0={int(seat.memory_limit_bytes) // 2**20}M"
                        )
                    lines.append(
                        f"#   {seat.service} on GPU {card.index}, {where}: {' '.join(own) or 'no limits'}\n"
                    )
    if not lines:
        return ""
    return (
        "\n# MPS: clients find the daemon by CUDA_MPS_PIPE_DIRECTORY; start them with\n"
        + "".join(lines)
        + ("export CUDA_MPS_PIPE_DIRECTORY=/tmp/nvidia-mps\nnvidia-cuda-mps-control -d\n")
    )


def _whole(cards: list[Card]) -> str:
    lines = ["\necho quit | nvidia-cuda-mps-control || true\n"]
    for card in cards:
        at = f"-i {card.index}"
        lines.append(
            f"nvidia-smi mig {at} -dci || true\nnvidia-smi mig {at} -dgi || true\nnvidia-smi {at} -mig 0\n"
        )
    return "".join(lines)


def export_compose(fleet: Fleet, naming: Naming) -> Export:
    """Services of docker compose, a file for each node.

    Fields are those of the Compose specification (deploy.resources.reservations.devices).
    """
    files = {}
    for node in fleet.nodes:
        own = [replica for replica in fleet.replicas if replica.node == node]
        name = "compose.yaml" if len(fleet.nodes) == 1 else f"{object_name(naming.node(node))}/compose.yaml"
        files[name] = yaml_file([_compose(fleet, naming, own)], "docker compose up -d", fleet)
    cut = any(card.cut for card in fleet.cards)
    return Export(
        files=files,
        steps=[
            *(["cut the GPUs first: the format nvidia-smi"] if cut else []),
            "put your images in the place of example.invalid/...",
            *(f"docker compose -f {name} up -d" for name in files),
        ],
        notes=[
            *(
                ["a MIG instance is named GPU:NUMBER, in the order in which nvidia-smi -L lists them"]
                if cut
                else []
            ),
            "time-slicing needs nothing: containers on one GPU take turns, and share its memory without protection",
        ],
        undo=[f"docker compose -f {name} down" for name in files],
    )


def _compose(fleet: Fleet, naming: Naming, replicas: list[Replica]) -> dict[str, Any]:
    services: dict[str, Any] = {}
    mps = any(part.shared and part.sharing == "mps" for one in replicas for _, part, _ in one.ranks)
    if mps:
        services["mps"] = {
            "image": "example.invalid/cuda:replace-me",
            "command": ["nvidia-cuda-mps-control", "-f"],
            "ipc": "host",
            "environment": {"CUDA_MPS_PIPE_DIRECTORY": "/tmp/nvidia-mps"},
            "volumes": ["mps:/tmp/nvidia-mps"],
            "deploy": _devices(sorted({str(card.index) for one in replicas for card, _, _ in one.ranks})),
        }
    for replica in replicas:
        service: dict[str, Any] = {"image": naming.image.format(service=fleet.called[replica.service])}
        if arguments := vllm_arguments(fleet, replica):
            service["command"] = arguments
        environment = mps_environment(replica)
        if any(part.shared and part.sharing == "mps" for _, part, _ in replica.ranks):
            environment |= {"CUDA_MPS_PIPE_DIRECTORY": "/tmp/nvidia-mps"}
            service |= {"ipc": "host", "volumes": ["mps:/tmp/nvidia-mps"], "depends_on": ["mps"]}
        if environment:
            service["environment"] = environment
        service["deploy"] = _devices([_device(*rank[:2]) for rank in replica.ranks])
        services[fleet.name_of(replica)] = service
    return {"name": object_name(fleet.name), "services": services} | ({"volumes": {"mps": {}}} if mps else {})


def _device(card: Card, part: Part) -> str:
    return f"{card.index}:{part.number}" if card.cut else str(card.index)


def _devices(names: list[str]) -> dict[str, Any]:
    device = {"driver": "nvidia", "device_ids": names, "capabilities": ["gpu"]}
    return {"resources": {"reservations": {"devices": [device]}}}
