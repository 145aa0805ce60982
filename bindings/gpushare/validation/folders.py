"""The report on a folder in the probe kit's format: its shared runs, predicted from its runs alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..calibration.fitting import calibrate
from ..calibration.measurements import Measurements
from .co_runs import co_run_rows
from .report import Report

__all__ = ["folder_report"]


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
        "shared runs: mean, p50 and p95 of a job's time for each client; jobs served are checked and do not count",
        rows,
        notes=[f"warning: {warning}" for warning in calibration.warnings],
    )
