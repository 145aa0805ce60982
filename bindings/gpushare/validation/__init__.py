"""Predictions against measurements: built-in suites, and folders that the probe kit wrote."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from .folders import folder_report
from .registry import SUITES, can_run, run_suite
from .report import Report, Row, Target, Timeline

__all__ = ["SUITES", "Report", "Row", "Target", "Timeline", "can_run", "run_suite", "validate"]


def validate(
    target: str | os.PathLike[str],
    *,
    calibrated: str | os.PathLike[str] | None = None,
    data: str | os.PathLike[str] | None = None,
    uncertainty: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Report:
    """Predicts what was measured, and says how far off the predictions are.

    Parameters
    ----------
    target : str or path
        A suite (one of `SUITES`), or a folder in the probe kit's format: calibrated on its runs alone, step tables and
        saturated groups, its shared runs are predicted.
    calibrated : str or path, optional
        For a folder: another one, whose groups give the sharing constants.
    data : str or path, optional
        For a suite: the folder with published data that is not shipped, or a collection of such folders.
    uncertainty : bool
        For a folder: adds 90 % intervals and their coverage; the suites that can do so always.
    progress : callable, optional
        Called with a share of 1.

    Returns
    -------
    Report

    Raises
    ------
    CalibrationError
        A file of the folder is missing or malformed.
    ValueError
        Neither a suite nor a folder, or a suite lacks its data.

    Examples
    --------
    >>> import gpushare as gs
    >>> gs.validate("nos").summary()["mps"]["median_abs_error"] < 0.1
    True
    """
    name = os.fspath(target)
    if name in SUITES:
        return run_suite(name, Path(data) if data is not None else None, progress)
    if not Path(name).is_dir():
        claims = "; claims of documents are answered by gpushare.answer_claims()" if name == "sources" else ""
        raise ValueError(f"no folder and no suite {name!r}; the suites are {', '.join(SUITES)}{claims}")
    return folder_report(
        Path(name),
        calibrated=Path(calibrated) if calibrated is not None else None,
        uncertainty=uncertainty,
        progress=progress,
    )
