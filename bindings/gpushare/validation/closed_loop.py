"""Servers that are asked again as soon as they have answered, as most published tables have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..scenario.profiles import Profile
from ..scenario.scenario import Scenario
from ..study.simulation import simulate
from .documents import figure

__all__ = ["Step", "cycle_s", "resources"]

_SOURCE = "calibrated by a validation suite"
#: Cycles of a server that warm up, and that count.
_WARMUP, _COUNTED = 12, 48
#: Share of the peak bandwidth that memory-bound work draws alone: copies on A100 reach 0.79 to 0.89.
_BANDWIDTH_EFFICIENCY = 0.85


def resources(profile: Profile, instance: str = "") -> tuple[float, float]:
    """Shares of the SMs and of the peak bandwidth that a MIG instance has; of the whole GPU without a name.

    Raises
    ------
    KeyError
        The profile has no such instance.
    """
    if not instance:
        return 1.0, 1.0
    found = {one["name"]: one for one in profile.mig}[instance]
    sms = found["sms"] / profile.sms
    return sms, min(found["bandwidth_fraction"], profile.reachable_bandwidth_share(sms))


@dataclass(frozen=True)
class Step:
    """Time of a step by what shortens it.

    Attributes
    ----------
    launch_s : float
        The host's time to launch it, beside the GPU's work: it takes at least so long.
    floor_s : float
        On the GPU, the same on any partition: latencies and gaps that leave room for others under MPS.
    compute_s, memory_s : float
        On all SMs, and at the whole GPU's bandwidth.
    kernels : int
        Launches.
    """

    launch_s: float = 0.0
    floor_s: float = 0.0
    compute_s: float = 0.0
    memory_s: float = 0.0
    kernels: int = 100

    def gpu_s(self, sms: float, bandwidth: float) -> float:
        """Seconds of the GPU on such shares of its SMs and bandwidth, as the library adds them up."""
        return self.floor_s + self.compute_s / sms + self.memory_s / bandwidth

    def model(self, profile: Profile) -> dict[str, Any]:
        """The model document."""
        return {
            "kind": "batch",
            "unit": "request",
            "precision": "fp16",
            "floor_s": figure(self.floor_s, _SOURCE),
            "flop_per_unit": figure(self.compute_s * profile.flop_per_s["fp16"], _SOURCE),
            "flop_efficiency": figure(1.0, _SOURCE),
            "bytes_per_unit": figure(
                self.memory_s * profile.bandwidth_bytes_per_s * _BANDWIDTH_EFFICIENCY, _SOURCE
            ),
            "bandwidth_efficiency": figure(_BANDWIDTH_EFFICIENCY, _SOURCE),
            "launch_s": figure(self.launch_s, _SOURCE),
            "memory_bytes": figure(1e8, _SOURCE),
            "kernels": figure(self.kernels, _SOURCE),
        }


def cycle_s(gpu: str, mode: str, model: dict[str, Any], servers: int, expected_s: float) -> float:
    """Mean seconds from request to answer of `servers` processes, each asked again at once.

    Parameters
    ----------
    gpu, mode : str
        Profile name, and mode as in `Scenario.load`.
    model : dict
        Document of a batch model; a request is one unit.
    servers : int
        Processes.
    expected_s : float
        About how long a cycle is, for the length of the run.
    """
    window = servers * expected_s
    document = {
        "name": "closed-loop",
        "gpu": gpu,
        "duration_s": (_WARMUP + _COUNTED) * window,
        "warmup_s": _WARMUP * window,
        "services": {"server": {"model": model, "replicas": servers, "routing": "least-outstanding"}},
        "pipelines": {"request": {"stages": [{"name": "server", "service": "server"}]}},
        "traffic": [
            {
                "name": "clients",
                "pipeline": "request",
                "kind": "closed",
                "users": servers,
                "ramp_up_s": expected_s,  # processes are not in step
                "hold_s": (_WARMUP + _COUNTED) * window,
                "ramp_down_s": 0,
                "think_s": 0,
            }
        ],
        "placement": {"mode": mode},
    }
    run = simulate(Scenario.from_dict(document), record_requests=False, threads=1)
    return float(run.summary()["e2e_latency_mean_s"])
