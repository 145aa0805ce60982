"""Marks of figures in tables: the best of their column, and what misses or meets what a scenario asks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..frames.colours import MARKS
from . import figures

__all__ = ["best_marks", "bound_mark"]


def best_marks(name: str, values: Sequence[float]) -> list[str]:
    """``best`` for the best of a figure, unless all are or neither side is better.

    Parameters
    ----------
    name : str
        Canonical.
    values : sequence of float
        One for each row; NaN for those that are not to be best.
    """
    found = [float(value) for value in values]
    known = {value for value in found if not math.isnan(value)}
    better = figures.describe(name).better
    if better == "neither" or len(known) < 2:
        return ["" for _ in found]
    best = max(known) if better == "higher" else min(known)
    return ["best" if value == best else "" for value in found]


def bound_mark(name: str, value: float, objectives: Mapping[str, Any]) -> str:
    """Whether a figure keeps to its bounds: ``met`` or ``failing``, as the mean says; empty where it has none.

    Parameters
    ----------
    name : str
        Canonical.
    value : float
        NaN keeps to no bound.
    objectives : mapping
        As `Scenario.objectives` has them.
    """
    asked = objectives.get(name)
    if asked is None:
        return ""
    if not isinstance(asked, Mapping):
        asked = {"at_least" if figures.describe(name).better == "higher" else "at_most": asked}
    low, high = float(asked.get("at_least", -math.inf)), float(asked.get("at_most", math.inf))
    return MARKS[low <= value <= high]
