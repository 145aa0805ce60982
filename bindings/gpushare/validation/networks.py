"""Networks that were measured on one H200, as models of their batches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..scenario.profiles import profile
from .documents import figure, measured
from .fitting import Vector, fit_positive

__all__ = [
    "GPU",
    "HELD",
    "SOURCE",
    "Batch",
    "beside_language_models",
    "calibrated",
    "share_of_sms",
    "side_by_side",
]

#: Where all of them were measured.
GPU = "h200"
SOURCE = "calibrated by a validation suite"
#: A form that was chosen beside networks; no figure was fitted.
HELD = "that arithmetic finds no SMs beside a language model's kernels, which hold them while they wait for memory"


@dataclass(frozen=True)
class Batch:
    """What one measured batch of a network asks for.

    Attributes
    ----------
    floor_s, work_s : float
        On the whole card: latencies, and arithmetic; a step takes the length of the vector.
    kernels, flop : float
        Of a step.
    launch_s : float
        Of the host, before each step.
    """

    floor_s: float
    work_s: float
    kernels: float
    flop: float
    launch_s: float

    @property
    def gpu_s(self) -> float:
        """Of a step on the whole card."""
        return math.hypot(self.floor_s, self.work_s)

    def service(self, host_s: float = 0.0) -> dict[str, Any]:
        """A server of it, whose host takes so much beside its launch; a unit is the whole batch."""
        sustained, clocks = _card()
        figures = {
            "floor_s": self.floor_s * clocks,
            "flop_per_unit": self.flop,
            "flop_efficiency": self.flop / (self.work_s * sustained),
            "host_before_s": self.launch_s + host_s,
            "memory_bytes": 1e9,
            "kernels": self.kernels,
        }
        found: dict[str, Any] = {"kind": "batch", "unit": "batch", "norm": 2, "precision": "fp16"}
        found |= {key: figure(value, SOURCE) for key, value in figures.items()}
        return {"model": found, "engine": {"kind": "fifo"}}


@cache
def _card() -> tuple[float, float]:
    """FLOP/s that the card sustains, and its clock over that of an A100, for which models state their floors."""
    gpu = profile(GPU)
    return gpu.flop_per_s["fp16"] * gpu.sustained_flop_share, gpu.clock_hz / profile("a100").clock_hz


def calibrated(network: Mapping[str, Any], cycles_s: Mapping[int, float]) -> dict[int, Batch]:
    """The batches of a network, from times alone in company.

    There kernels follow each other sooner than on a card of one's own.

    Parameters
    ----------
    network : mapping
        As a measurement's file has it: `gflop` of an item, and of each of its `batches` the `gpu_ms` and `kernels`.
    cycles_s : mapping of int to float
        By batch, seconds from one step's launch to the next while nothing else runs.
    """
    saving_s = profile(GPU).time_slicing["kernel_saving_s"]
    given = {int(batch): one for batch, one in network["batches"].items()}
    alone_s = {batch: one["gpu_ms"] * 1e-3 + saving_s * one["kernels"] for batch, one in given.items()}
    items = np.array(list(alone_s), dtype=np.float64)

    def times(parameters: Vector) -> Vector:
        floor_s, item_s = parameters
        return np.asarray(np.hypot(floor_s, item_s * items))

    first, last = min(alone_s), max(alone_s)
    floor_s, item_s = fit_positive(times, list(alone_s.values()), [alone_s[first], alone_s[last] / last])
    found = {}
    for batch, one in given.items():
        stretch = alone_s[batch] / math.hypot(floor_s, item_s * batch)
        found[batch] = Batch(
            floor_s=floor_s * stretch,
            work_s=item_s * batch * stretch,
            kernels=one["kernels"],
            flop=network["gflop"] * 1e9 * batch,
            launch_s=max(0.0, cycles_s[batch] - one["gpu_ms"] * 1e-3),
        )
    return found


def beside_language_models() -> dict[str, Batch]:
    """The batches that were measured beside a language model, by network and items: ``roberta 8``."""
    found: dict[str, Batch] = {}
    for name, network in measured("h200-mixed.json")["networks"].items():
        cycles = {int(b): 1 / one["alone_per_s"]["time-slicing"] for b, one in network["batches"].items()}
        found |= {f"{name} {batch}": one for batch, one in calibrated(network, cycles).items()}
    return found


def share_of_sms(way: str) -> float:
    """What a process has of the SMs in ``mps:50/50`` and the like; all of them without caps."""
    return int(way.rpartition("/")[2]) / 100 if "/" in way else 1.0


def side_by_side(name: str, services: Mapping[str, Any], way: str) -> dict[str, Any]:
    """The document of services on one GPU, each with a pipeline of its name; without traffic."""
    return {
        "name": name,
        "gpu": GPU,
        "services": services,
        "pipelines": {one: {"stages": [{"name": one, "service": one}]} for one in services},
        "placement": {"mode": way},
    }
