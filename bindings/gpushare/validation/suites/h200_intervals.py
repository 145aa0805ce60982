"""The co-runs of both sets on one H200 together: errors and 90 % intervals, each co-run left out in turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..intervals import WIDENING
from ..report import Report, Target
from .h200_co_runs import SOURCE, both_sets

__all__ = ["run"]

_MODES = ("time-slicing", "mps", "mps-capped")


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Pools what the suites h200 and h200-second predict; `data` is not used."""
    rows = both_sets()
    if progress:
        progress(1.0)
    return Report(
        "h200-intervals",
        "Co-runs of both sets on one H200 together: 90 % intervals",
        "saturated groups of h200, runs alone and step tables of each set; a co-run's intervals on the other twelve",
        "shared runs: mean, p50 and p95 of a job's time for each client, and the interval of each",
        rows,
        [
            target
            for mode in _MODES
            for target in (Target(mode, "median", 0.025, 0.015), Target(mode, "p90", 0.08, 0.05))
        ],
        [SOURCE, SOURCE + "-second"],
        [
            "An interval is what the calibration's own errors make of a figure, widened at both ends by what 90 % of "
            "the figures of other co-runs need, each co-run counting the same: "
            + ", ".join(f"{mode} {100 * by:.1f} %" for mode, by in WIDENING.items())
            + " with all thirteen, which is what `gpushare validate DIR --uncertainty` adds.",
        ],
        in_view={"": "as in h200 and h200-second"},
    )
