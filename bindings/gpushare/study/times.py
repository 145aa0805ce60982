"""Columns of times as people write them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..frames.render import decimals, number, numbers
from ..frames.units import time_text, time_unit
from .estimates import Estimate, scaled

__all__ = ["time_cells"]


def time_cells(columns: Sequence[Sequence[float]]) -> tuple[str, list[list[str]]]:
    """Columns of times in one unit, and its name; where that would leave nothing of the smallest, each in its own.

    Parameters
    ----------
    columns : sequence of sequence of float
        Seconds; NaN where there is none. Estimates are shown with their half-widths.

    Returns
    -------
    tuple
        The unit, empty where cells have units of their own, and the cells.
    """
    known = [abs(float(one)) for column in columns for one in column if math.isfinite(one) and one != 0]
    unit = time_unit(max(known, default=0.0))
    if known and min(known) / unit.seconds < 10 ** (1 - decimals([max(known) / unit.seconds])):
        return "", [[_in_its_own_unit(one) for one in column] for column in columns]
    return unit.name, [numbers([scaled(one, 1 / unit.seconds) for one in column]) for column in columns]


def _in_its_own_unit(seconds: float) -> str:
    if not math.isfinite(seconds):
        return number(seconds)
    half = seconds.half_width if isinstance(seconds, Estimate) else 0.0
    return time_text(seconds, half, digits=3)
