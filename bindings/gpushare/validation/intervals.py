"""90 % intervals of co-runs: how much wider than a calibration's own errors make them they must be to hold elsewhere.

A calibration's residuals say how well it fits what it saw. What an interval misses on co-runs that it did not see is
added to both its ends (conformal prediction). Figures of one co-run are off together, so each co-run weighs the same,
and an interval is judged with what the other co-runs need, never its own.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from .report import Row

__all__ = ["WIDENING", "left_out", "needed", "widened"]

#: Of co-runs that the intervals are to hold.
_SHARE = 0.9
#: What the 13 co-runs of h200 and h200-second need, by mode, as a logarithm: `needed` of their rows.
WIDENING: Mapping[str, float] = {"time-slicing": 0.0119, "mps": 0.0256, "mps-capped": 0.0059}


def needed(rows: Iterable[Row]) -> dict[str, float]:
    """What the intervals of these rows must be widened by, by mode: a logarithm, the same at both ends.

    Parameters
    ----------
    rows : iterable of Row
        Those without an interval, and checks, are passed over.
    """
    misses: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.role == "prediction" and row.low is not None and row.high is not None:
            misses[row.mode][row.case].append(_miss(row.measured, row.low, row.high))
    return {mode: _quantile(list(cases.values())) for mode, cases in misses.items()}


def widened(rows: Iterable[Row], by: Mapping[str, float]) -> list[Row]:
    """The rows with wider intervals; of a mode that `by` lacks by the most that it has."""
    most = max(by.values(), default=0.0)
    return [_wider(row, by.get(row.mode, most)) for row in rows]


def left_out(rows: Sequence[Row], among: Sequence[Row]) -> list[Row]:
    """The rows with intervals widened by what the other co-runs `among` need, each co-run left out in turn."""
    found = []
    others: dict[str, dict[str, float]] = {}
    for row in rows:
        if row.case not in others:
            others[row.case] = needed(other for other in among if other.case != row.case)
        found.append(_wider(row, others[row.case][row.mode]))
    return found


def _miss(measured: float, low: float, high: float) -> float:
    """How far a figure lies outside, below zero inside; logarithms."""
    return max(math.log(low / measured), math.log(measured / high))


def _wider(row: Row, by: float) -> Row:
    if row.role != "prediction" or row.low is None or row.high is None:
        return row
    return replace(row, low=row.low * math.exp(-by), high=row.high * math.exp(by))


def _quantile(cases: Sequence[Sequence[float]]) -> float:
    """What `_SHARE` of the figures do not exceed, those of a co-run together weighing as much as those of another."""
    weighed = sorted((miss, 1 / len(case) / len(cases)) for case in cases for miss in case)
    passed = 0.0
    for miss, weight in weighed:
        passed += weight
        if passed >= _SHARE - 1e-12:
            return miss
    return weighed[-1][0]
