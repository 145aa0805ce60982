"""Six more co-runs on one H200, with other loads, shapes, caps and precisions; the constants are the first set's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..folders import PREDICTED
from ..report import Report
from .h200 import TARGETS
from .h200_co_runs import SOURCE, rows_of

__all__ = ["run"]


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Calibrates on the first set's groups, and predicts the second set's co-runs; `data` is not used."""
    rows, notes = rows_of("h200-second", progress)
    return Report(
        "h200-second",
        "Six other co-runs on one H200, taken another day",
        "runs alone and step tables of h200-second; saturated groups of h200; intervals: the other co-runs of h200 and "
        "h200-second",
        PREDICTED,
        rows,
        list(TARGETS),
        [SOURCE + "-second"],
        [*notes, *_NOTES],
        in_view={
            "": "that a first step of a kind of its own has its own time alone",
            "mps": "whom steps in another number format resemble",
        },
    )


_NOTES = [
    "The law was chosen on the first set. Its term for three and more clients was added after the second set's "
    "saturated groups (not its co-runs) had shown that neighbours which fill the machine close each other's gaps, and "
    "where turns of long kernels count less comes from the groups of all three sets.",
]
