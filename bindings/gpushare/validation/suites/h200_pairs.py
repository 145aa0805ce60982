"""Saturated pairs on one H200: each kind of step left out in turn and predicted from its model card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ... import _core
from ...calibration.calibration import Calibration
from ...calibration.fitting import calibrate
from ...calibration.measurements import Measurements
from ...calibration.runs import Group, StepKey
from ...files import data_file
from ..report import Report, Row, Target
from .h200_co_runs import SOURCE

__all__ = ["leave_one_out", "predict_group", "rows_of_group", "run"]

_STEPS_OF_LONGEST = 60


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Fits to the pairs of six kinds, and predicts every pair with the seventh in it."""
    measured = Measurements.load(data or data_file("h200/pairs.json").parent)
    return Report(
        "h200-pairs",
        "Saturated pairs on one H200, each kind of step left out in turn",
        "pairs of the other six kinds",
        "step times in pairs with the seventh kind, from its kernels, bytes, FLOP and times alone",
        leave_one_out(measured, progress),
        [
            target
            for mode in ("time-slicing", "mps", "mps-capped")
            for target in (Target(mode, "median", 0.06, 0.03), Target(mode, "p90", 0.20, 0.10))
        ],
        [SOURCE],
        in_view=dict.fromkeys(("mps", "mps-capped"), "the form of the law"),
    )


def leave_one_out(measured: Measurements, progress: Callable[[float], None] | None = None) -> list[Row]:
    """One row for each client of each group with a kind that was left out of the fit."""
    kinds = list(dict.fromkeys(key for group in measured.groups for key in group.steps))
    rows = []
    for done, kind in enumerate(kinds):
        others = replace(measured, groups=[group for group in measured.groups if kind not in group.steps])
        calibration = calibrate(others)
        for group in measured.groups:
            if kind in group.steps:
                rows += rows_of_group(group, calibration, kind)
        if progress:
            progress((done + 1) / len(kinds))
    return rows


def rows_of_group(
    group: Group, calibration: Calibration, left_out: StepKey | None = None, longest: int = _STEPS_OF_LONGEST
) -> list[Row]:
    """One row for each client of a group; `left_out` by the law alone, over `longest` of its longest steps."""
    predicted = predict_group(group, calibration, left_out, longest)
    mode = "mps-capped" if group.capped else group.mode
    case = " + ".join(f"{key.step} {key.batch}x{key.n}" for key in group.steps)
    caps = "" if not group.capped else " " + "/".join(f"{p:g}" for p in group.percentages or ())
    return [
        Row(
            case + caps,
            mode,
            f"{i} {key.model} {key.step}",
            "step time",
            "ms",
            1e3 * group.shared_s[i],
            1e3 * predicted[i],
        )
        for i, key in enumerate(group.steps)
    ]


def predict_group(
    group: Group, calibration: Calibration, left_out: StepKey | None = None, longest: int = _STEPS_OF_LONGEST
) -> list[float]:
    """Seconds of each client's step when all repeat theirs without pause; `left_out` by the law alone."""
    card = calibration.profile
    steps = []
    for i, key in enumerate(group.steps):
        alone = calibration.unthrottled(group, i) if group.mode == "time-slicing" else group.alone_s[i]
        share = group.sms[i] / card.sms
        steps.append(calibration.step(key, alone, share, capped=group.capped, by_law=key == left_out))
    horizon = longest * max(group.alone_s) * len(steps)
    return _core.simulate_saturated(steps, group.mode, card, horizon)
