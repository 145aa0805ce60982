"""Pods without a service beside those of services: idle, or always busy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..frames.notices import Notice
from .presence import Pod

__all__ = ["WAYS", "beside", "idle_notice", "keep_busy", "stand_ins"]

#: What is taken of them.
WAYS = ("idle", "busy")
#: One step of a stand-in on a whole GPU, s; and what its process takes of the memory beside its context (assumed).
_STEP_S, _MEMORY_BYTES = 0.05, 1e9
#: Latencies of a whole pipeline, whose names leave it out where there is one.
_OF_PIPELINE = ("e2e_latency", "voice_to_voice")


def beside(pods: Sequence[Pod]) -> dict[Pod, dict[int, set[str]]]:
    """Of pods without a service that shared a GPU with one that has: by device the services that they met."""
    found: dict[Pod, dict[int, set[str]]] = {}
    for pod in pods:
        if pod.service or not pod.shared:
            continue
        for device in pod.devices:
            met = {
                own.service
                for own in pods
                if own.service
                and own.shared
                and own.node == pod.node
                and device in own.devices
                and own.from_s < pod.until_s
                and pod.from_s < own.until_s
            }
            if met:
                found.setdefault(pod, {})[device] = met
    return found


def _said(met: Mapping[Pod, Mapping[int, set[str]]]) -> str:
    gpus = {(pod.node, device) for pod, devices in met.items() for device in devices}
    services = sorted({name for devices in met.values() for names in devices.values() for name in names})
    names = ", ".join([*[pod.name for pod in met][:3], *(["..."] if len(met) > 3 else [])])
    many = (f"{len(met)} pods", "share") if len(met) > 1 else ("1 pod", "shares")
    return (
        f"{many[0]} without a service ({names}) {many[1]} {len(gpus)} GPU{'s' if len(gpus) > 1 else ''} with "
        f"{', '.join(services)}"
    )


def idle_notice(met: Mapping[Pod, Mapping[int, set[str]]], why: str) -> Notice:
    """That they are taken to do nothing."""
    return Notice("others", f"{_said(met)}: taken to be idle ({why})")


def stand_ins(pods: Sequence[Pod], met: Mapping[Pod, Mapping[int, set[str]]], service: str) -> list[Pod]:
    """The pods, those met as replicas of that service, one for each GPU where they meet others."""
    found: list[Pod] = []
    for pod in pods:
        if pod not in met:
            found.append(pod)
            continue
        for number, device in enumerate(met[pod]):
            cpu = pod.cpu_milli if number == 0 else 0
            found.append(replace(pod, service=service, devices=(device,), cpu_milli=cpu, stand_in=True))
    return found


def keep_busy(
    document: dict[str, Any], service: str, pods: Sequence[Pod], met: Mapping[Pod, Mapping[int, set[str]]]
) -> Notice:
    """Adds to the workload what keeps them busy: a step after the other, for ever."""
    own = [pod for pod in pods if pod.service == service]
    most = max(sum(one.from_s <= pod.from_s < one.until_s for one in own) for pod in own)
    pipelines = document["pipelines"]
    if len(pipelines) == 1:
        only = next(iter(pipelines))
        for entry in document["traffic"]:
            entry.setdefault("pipeline", only)
            entry.setdefault("name", only)
        objectives = document.get("objectives", {})
        document["objectives"] = {
            f"{only}.{name}" if name.startswith(_OF_PIPELINE) else name: bound
            for name, bound in objectives.items()
        }
    model = {"kind": "synthetic", "gpu_s": _STEP_S, "memory_bytes": _MEMORY_BYTES}
    document["services"][service] = {"model": model, "routing": "least-outstanding"}
    pipelines[service] = {"stages": [{"name": service, "service": service}]}
    document["traffic"].append({"name": service, "pipeline": service, "kind": "closed", "users": most})
    return Notice(
        "others",
        f"{_said(met)}: always busy with steps of {1000 * _STEP_S:g} ms (assumed); figures of all requests count "
        f"theirs, as {service}",
    )
