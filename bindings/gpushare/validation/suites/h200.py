"""Seven co-runs of LLM, ASR and TTS steps on one H200, and six more taken another day."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..folders import PREDICTED
from ..report import Report, Target
from .h200_co_runs import SOURCE, rows_of

__all__ = ["TARGETS", "run"]

TARGETS = [
    Target("time-slicing", "median", 0.025, 0.015),
    Target("time-slicing", "p90", 0.08, 0.05),
    Target("mps", "median", 0.02, 0.012),
    Target("mps", "p90", 0.06, 0.04),
    Target("mps-capped", "median", 0.025, 0.02),
    Target("mps-capped", "p90", 0.08, 0.06),
]


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Calibrates on the first set's runs alone, step tables and pairs, and predicts its co-runs; `data` is not used."""
    rows, notes = rows_of("h200", progress)
    return Report(
        "h200",
        "Co-runs of LLM, ASR and TTS on one H200",
        "runs alone, step tables and saturated groups of h200; intervals: the other co-runs of h200 and h200-second",
        PREDICTED,
        rows,
        list(TARGETS),
        [SOURCE],
        notes,
        in_view={"": "the forms of the laws"},
    )
