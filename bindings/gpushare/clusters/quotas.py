"""GPUs that groups of pods hold at most."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .._errors import nearest
from .._numbers import check_seconds
from ..frames.notices import Notice
from ..frames.render import counted
from .data import Cluster

__all__ = ["gpus_of", "notices_of"]

_MOST_GPUS = 1_000_000


def gpus_of(group: str, gpus: object) -> float:
    """What a group may hold, of which a cluster has a million at most.

    Raises
    ------
    ValueError
        For what is no such number.
    """
    found = check_seconds(f"quotas/{group}", gpus)
    if found > _MOST_GPUS:
        raise ValueError(f"quotas/{group}: found {found:g} GPUs; expected at most {_MOST_GPUS:,}")
    return found


def notices_of(cluster: Cluster, quotas: Mapping[str, float]) -> list[Notice]:
    """Of quotas that bound nobody, or keep somebody away for ever."""
    return [*_idle_quotas(cluster, quotas), *_small_quotas(cluster, quotas)]


def _idle_quotas(cluster: Cluster, quotas: Mapping[str, float]) -> list[Notice]:
    """Quotas that bound nobody, which are slips."""
    groups = {str(name) for name in cluster.pods["group"]} - {""} if "group" in cluster.pods else set()
    legal = 'the pods have no column "group"'
    return [
        Notice(
            "quotas", f'no pod is of the group "{one}"; {nearest(one, sorted(groups)) if groups else legal}'
        )
        for one in quotas
        if one not in groups
    ]


def _small_quotas(cluster: Cluster, quotas: Mapping[str, float]) -> list[Notice]:
    """Quotas that some pod of the group alone asks for more than."""
    pods = cluster.pods
    if "group" not in pods:
        return []
    asked: npt.NDArray[np.float64] = pods["num_gpu"] * pods["gpu_milli"] / 1000
    found = []
    for group, allowed in quotas.items():
        many = sum(
            gpus > allowed and of == group for gpus, of in zip(asked.tolist(), pods["group"], strict=True)
        )
        if many:
            ask = "asks" if many == 1 else "ask"
            found.append(
                Notice(
                    "quotas",
                    f"{counted(many, 'pod')} of {group} {ask} for more than the {allowed:g} GPUs of the group, "
                    f"and never {'starts' if many == 1 else 'start'}",
                )
            )
    return found
