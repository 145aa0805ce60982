"""The co-runs of two sets on one H200: predicted once for all suites that show them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from ...files import data_file
from ..folders import folder_rows
from ..intervals import left_out
from ..report import Row

__all__ = ["SETS", "SOURCE", "both_sets", "raw_rows", "rows_of"]

SOURCE = "measured on one NVIDIA H200, driver 580.159.04, CUDA 13.0, MIG off: validation/h200"
#: The sets, and the one whose saturated groups give the constants: no co-run is an input of any of them.
SETS = {"h200": "h200", "h200-second": "h200"}


def rows_of(name: str, progress: Callable[[float], None] | None = None) -> tuple[list[Row], list[str]]:
    """The rows of a set, with intervals from the other co-runs of both, and what the fit does not determine."""
    rows, notes = _predicted(name)
    if progress:
        progress(0.5)
    among = [row for other in SETS for row in raw_rows(other)]
    if progress:
        progress(1.0)
    return left_out(rows, among), list(notes)


def raw_rows(name: str) -> tuple[Row, ...]:
    """The rows of a set, with intervals from the calibration's own errors alone."""
    return _predicted(name)[0]


def both_sets() -> list[Row]:
    """The rows of both, each with intervals that the other co-runs calibrate."""
    return [row for name in SETS for row in rows_of(name)[0]]


@cache
def _predicted(name: str) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    rows, notes = folder_rows(
        data_file(f"{name}/measured.json").parent,
        groups_of=data_file(f"{SETS[name]}/pairs.json").parent,
        uncertainty=True,
    )
    return tuple(rows), tuple(notes)
