"""The report on a folder in the probe kit's format: its shared runs, predicted from its runs alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..calibration.fitting import calibrate
from ..calibration.measurements import Measurements
from ..frames.progress import followed
from .co_runs import co_run_rows
from .intervals import WIDENING, widened
from .report import Report, Row

__all__ = ["folder_report", "folder_rows"]


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
    with followed(progress, f"validate {folder.name}", "fraction") as told:
        rows, notes = folder_rows(folder, groups_of=calibrated, uncertainty=uncertainty, progress=told)
    name, source = folder.resolve().name, (calibrated or folder).resolve().name
    return Report(
        name,
        f"Co-runs of {name}",
        f"runs alone and step tables of {name}; saturated groups of {source}",
        PREDICTED,
        widened(rows, WIDENING),
        notes=notes,
    )


PREDICTED = (
    "shared runs: mean, p50 and p95 of a job's time for each client; jobs served are checked and do not count"
)


def folder_rows(
    folder: Path,
    *,
    groups_of: Path | None = None,
    uncertainty: bool = False,
    progress: Callable[[float], None] | None = None,
) -> tuple[list[Row], list[str]]:
    """Rows of a folder's co-runs, with intervals from the calibration's own errors, and what the data do not determine.

    Parameters
    ----------
    folder : path
        Runs alone, step tables and co-runs.
    groups_of : path, optional
        Another folder, whose saturated groups give the sharing constants; by default `folder` itself.
    uncertainty, progress
        As for `folder_report`.
    """
    measured = Measurements.load(folder)
    others = measured if groups_of is None else Measurements.load(groups_of)
    calibration = calibrate(measured.with_groups_of(others))
    elsewhere = _another_card(others, measured)
    rows = co_run_rows(
        measured, calibration, uncertainty=uncertainty, carried_over=elsewhere, progress=progress
    )
    notes = [f"warning: {warning}" for warning in calibration.warnings]
    if elsewhere:
        notes.append(
            f"The saturated groups are those of another card ({others.name}), and the intervals wider for it."
        )
    return rows, notes


def _another_card(one: Measurements, other: Measurements) -> bool:
    names = {measured.device["name"] for measured in (one, other) if "name" in measured.device}
    return one.sms != other.sms or len(names) > 1
