"""Which measurements fit into the card's memory together, so that one pool of workers serves them all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from typing import TypeVar

from .machine import query_gpu
from .shapes import Step, resident_gbyte

USABLE = 0.9
WITHOUT_GPU_MIB = 143771.0
Item = TypeVar("Item")
StepsOf = Callable[[Item], Sequence[set[Step]]]


def card_gbyte(gpu: int) -> float:
    """Memory that workers may fill, in GB; without a GPU (a dry run) that of an H200."""
    found = shutil.which("nvidia-smi") is not None
    total_mib = float(query_gpu(gpu, "memory.total")["memory.total"]) if found else WITHOUT_GPU_MIB
    return USABLE * total_mib * 1.048576e-3


def union(needs: Sequence[Sequence[set[Step]]]) -> list[list[Step]]:
    """For each worker the steps that it needs for any of the items."""
    size = max(len(need) for need in needs)
    return [sorted(set().union(*(need[i] for need in needs if i < len(need)))) for i in range(size)]


def fitting_batches(items: Sequence[Item], steps_of: StepsOf, gbyte: float) -> list[list[Item]]:
    """Items in batches that fit into `gbyte` together; an item too large by itself is named and left out."""
    result: list[list[Item]] = []
    for item in items:
        if _need([steps_of(item)]) > gbyte:
            print(f"(left out, needs {_need([steps_of(item)]):.0f} GB: {item})")
            continue
        for batch in result:
            if _need([steps_of(other) for other in [*batch, item]]) <= gbyte:
                batch.append(item)
                break
        else:
            result.append([item])
    return result


def _need(needs: Sequence[Sequence[set[Step]]]) -> float:
    return sum(resident_gbyte(steps) for steps in union(needs))
