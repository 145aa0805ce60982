"""Seven co-runs of LLM, ASR and TTS steps on one H200, and six more taken another day."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..files import data_file
from ..fitting import calibrate
from ..measurements import Measurements
from .co_runs import co_run_rows
from .report import Report, Target

__all__ = ["SOURCE", "TARGETS", "folder_report", "run"]

SOURCE = "measured on one NVIDIA H200, driver 580.159.04, CUDA 13.0, MIG off: validation/h200"
TARGETS = [
    Target("time-slicing", "median", 0.03, 0.015),
    Target("time-slicing", "p90", 0.08, 0.05),
    Target("mps", "median", 0.02, 0.012),
    Target("mps", "p90", 0.06, 0.04),
    Target("mps-capped", "median", 0.04, 0.02),
    Target("mps-capped", "p90", 0.12, 0.06),
]


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Calibrates on the first set's runs alone, step tables and pairs, and predicts its co-runs."""
    report = folder_report(
        data or data_file("h200/measured.json").parent, uncertainty=True, progress=progress
    )
    report.suite = "h200"
    report.title = "Co-runs of LLM, ASR and TTS on one H200"
    report.targets = list(TARGETS)
    report.sources = [SOURCE]
    return report


def folder_report(
    folder: Path,
    *,
    calibrated: Path | None = None,
    uncertainty: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Report:
    """The report on a folder in the probe kit's format.

    Parameters
    ----------
    folder : path
        Its co-runs are predicted.
    calibrated : path, optional
        Another folder, whose saturated groups give the sharing constants; by default `folder` itself.
    uncertainty : bool
        Adds 90 % intervals.
    progress : callable, optional
        Called with a share of 1.

    Raises
    ------
    CalibrationError
        A file is missing or malformed.
    """
    measured = Measurements.load(folder)
    constants = Measurements.load(calibrated) if calibrated else measured
    calibration = calibrate(constants)
    rows = co_run_rows(measured, calibration, uncertainty=uncertainty, progress=progress)
    return Report(
        measured.name,
        f"Co-runs of {measured.name}",
        f"runs alone and step tables of {measured.name}; saturated groups of {constants.name}",
        "shared runs: mean, p50 and p95 of a job's time, and jobs served, for each client",
        rows,
        notes=[f"warning: {warning}" for warning in calibration.warnings],
    )
