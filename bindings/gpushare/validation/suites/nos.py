"""nos: one detector in one to seven pods on an A100, by time-slicing, MPS and MIG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...scenario.profiles import Profile, profile
from ..closed_loop import Step, cycle_s, resources
from ..documents import measured
from ..report import Report, Row, Target

__all__ = ["run"]

_GPU = "a100-pcie"
_SLICE = "1g.10gb"
_MODES = ("time-slicing", "mps", "mig")
#: Estimate: 12 transformer layers with pre- and post-processing in eager mode.
_KERNELS = 400


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite; `data` is not used (see `registry.run_suite`)."""
    table = measured("nos.json")
    gpu = profile(_GPU)
    step = _calibrate(table["rows"][0], gpu)
    rows: list[Row] = []
    for row in table["rows"]:
        rows += [_row(row, mode, step, gpu) for mode in _MODES]
        if progress:
            progress(len(rows) / (len(_MODES) * len(table["rows"])))
    switch_s = gpu.time_slicing["switch_preempted_s"]
    return Report(
        suite="nos",
        title=table["title"],
        calibrated_on="the means of one pod, on the whole GPU (time-slicing and MPS averaged) and on "
        f"1g.10gb; and the {1e3 * switch_s:.2f} ms of a switch in the profile, from three time-sliced pods",
        predicted="the means of 5 and 7 pods in each mode, and of 3 under MPS and MIG",
        rows=rows,
        targets=[Target("", "max", 0.10, 0.05)],
        sources=table["sources"],
        notes=[
            f"Calibrated: {1e3 * step.floor_s:.1f} ms that no SMs shorten, {1e3 * step.compute_s:.1f} ms "
            "that they do. One slice has 1/7.7 of the SMs and 1/8 of the bandwidth, so the two rows cannot "
            "tell arithmetic from bandwidth (taken to be arithmetic), nor latency on the GPU from launches "
            "that run beside its work (taken to be latency, which leaves room for others under MPS).",
            "Measured on the PCIe card (1,935 GB/s, 300 W) and predicted with its profile, whose power is the "
            "SXM card's by the limits.",
        ],
    )


def _calibrate(alone: dict[str, Any], gpu: Profile) -> Step:
    """From T = floor + work / share of the SMs, at two shares."""
    whole_s = (alone["time-slicing"] + alone["mps"]) / 2
    sms, _ = resources(gpu, _SLICE)
    compute_s = (alone["mig"] - whole_s) / (1 / sms - 1)
    return Step(floor_s=whole_s - compute_s, compute_s=compute_s, kernels=_KERNELS)


def _row(row: dict[str, Any], mode: str, step: Step, gpu: Profile) -> Row:
    pods = row["pods"]
    name = "mig:" + "+".join([_SLICE] * pods) if mode == "mig" else mode
    instance = _SLICE if mode == "mig" else ""
    model = step.model(gpu)
    return Row(
        case=f"{pods} pod{'s' if pods > 1 else ''}",
        mode=mode,
        client="yolos-small",
        metric="latency mean",
        unit="s",
        measured=row[mode],
        predicted=cycle_s(_GPU, name, model, pods, step.gpu_s(*resources(gpu, instance))),
        role="calibration" if pods == 1 or (pods == 3 and mode == "time-slicing") else "prediction",
    )
