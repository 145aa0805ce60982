"""Seven co-runs of LLM, ASR and TTS steps on one H200, and six more taken another day."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...files import data_file
from ..folders import folder_report
from ..report import Report, Target

__all__ = ["SOURCE", "TARGETS", "run"]

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
