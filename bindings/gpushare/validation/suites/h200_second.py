"""Six more co-runs on one H200, with other loads, shapes, caps and precisions; the constants are the first set's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...files import data_file
from ..folders import folder_report
from ..report import Report
from .h200 import SOURCE, TARGETS

__all__ = ["run"]


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Calibrates on the first set's groups, and predicts the second set's co-runs from its runs alone."""
    report = folder_report(
        data or data_file("h200-second/measured.json").parent,
        calibrated=data_file("h200/pairs.json").parent,
        uncertainty=True,
        progress=progress,
    )
    report.suite = "h200-second"
    report.title = "Six other co-runs on one H200, taken another day"
    report.targets = list(TARGETS)
    report.sources = [SOURCE + "-second"]
    report.notes.append(
        "The law was chosen on the first set. Its term for three and more clients was added after the second set's "
        "saturated groups (not its co-runs) had shown that neighbours which fill the machine close each other's gaps."
    )
    return report
