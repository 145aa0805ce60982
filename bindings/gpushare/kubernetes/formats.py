"""Names of the formats of an export, what each is for, and its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ALL", "FORMATS", "Format"]

#: Every format that can say the placement, each in a folder of its own.
ALL = "all"


@dataclass(frozen=True)
class Format:
    """What a format is for, and the files that it has."""

    about: str
    files: str


FORMATS: Mapping[str, Format] = {
    "mig-parted": Format(
        "how nvidia-mig-parted cuts GPUs, and the labels that choose it",
        "mig-parted-config.yaml, mig-parted-configmap.yaml, node-labels-mig.yaml",
    ),
    "device-plugin": Format(
        "time-slicing and MPS of NVIDIA's device plugin",
        "device-plugin-configmap.yaml, node-labels-device-plugin.yaml",
    ),
    "gpu-operator": Format(
        "both of them as Helm values of the GPU Operator", "gpu-operator-values.yaml, node-labels.yaml"
    ),
    "pods": Format("Deployments that ask for what the device plugin hands out", "deployments.yaml"),
    "dra": Format("claims of dynamic resource allocation, and Deployments", "claims.yaml, deployments.yaml"),
    "kueue": Format("quotas of Kueue, and Deployments", "queues.yaml, deployments.yaml"),
    "kai": Format("fractions of the KAI scheduler", "queue.yaml, deployments.yaml"),
    "hami": Format("limits of memory under HAMi", "deployments.yaml"),
    "vllm": Format("flags of vLLM, one file for a service", "vllm-SERVICE.yaml"),
    "triton": Format("batching of Triton, one folder for a service", "SERVICE/config.pbtxt"),
    "nvidia-smi": Format("a script for each node, without a cluster", "NODE.sh"),
    "compose": Format("docker compose, without a cluster", "compose.yaml"),
}
