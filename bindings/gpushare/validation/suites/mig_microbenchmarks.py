"""MIG slices of an A100 by themselves: matrix products, molecular dynamics and fine-tuning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...scenario.profiles import Profile, profile
from ..closed_loop import Step, cycle_s, resources
from ..documents import measured
from ..report import Report, Row, Target

__all__ = ["run"]

_GPU = "a100"
_SLICES = ("1g.10gb", "2g.20gb", "3g.40gb", "full")
_SMALLEST = "1g.10gb"


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite; `data` is not used (see `registry.run_suite`)."""
    table = measured("mig-microbenchmarks.json")
    gpu = profile(_GPU)
    rows: list[Row] = []
    for case in table["rows"]:
        step = _calibrate(case, gpu)
        rows += [_row(case, name, step, gpu) for name in _SLICES]
        if progress:
            progress(len(rows) / (len(_SLICES) * len(table["rows"])))
    return Report(
        suite="mig-microbenchmarks",
        title=table["title"],
        calibrated_on="the full GPU (matrix products); the full GPU, held back by the host, and 1g.10gb "
        "(GROMACS, QLoRA)",
        predicted="the other slices",
        rows=rows,
        targets=[Target("", "median", 0.06, 0.04), Target("", "p90", 0.15, 0.10)],
        sources=table["sources"],
        notes=[
            "The targets are those of the ParvaGPU suite: none were set for this table.",
            "Matrix products show what a full GPU loses to its power limit: 4 to 7 % less for each SM than a "
            "slice whose neighbours are idle.",
            "GROMACS and QLoRA gain more from 1g to 3g than work with a fixed time added to it could: the "
            "host's part runs beside the GPU's, and the longer of the two counts.",
        ],
    )


def _calibrate(case: dict[str, Any], gpu: Profile) -> Step:
    """Work that the SMs shorten; applications are held back by the host on the full GPU."""
    whole_s = 1 / case["full"]
    if case["case"].startswith("GEMM"):
        return Step(compute_s=whole_s)
    sms, _ = resources(gpu, _SMALLEST)
    return Step(compute_s=sms / case[_SMALLEST], launch_s=whole_s)


def _row(case: dict[str, Any], name: str, step: Step, gpu: Profile) -> Row:
    instance = "" if name == "full" else name
    seconds = cycle_s(
        _GPU,
        f"mig:{instance}" if instance else "dedicated",
        step.model(gpu),
        1,
        max(step.launch_s, step.gpu_s(*resources(gpu, instance))),
    )
    calibrated = name == "full" or (step.launch_s > 0 and name == _SMALLEST)
    return Row(
        case=case["case"],
        mode="mig",
        client=name,
        metric="rate",
        unit=case["unit"],
        measured=case[name],
        predicted=1 / seconds,
        role="calibration" if calibrated else "prediction",
    )
