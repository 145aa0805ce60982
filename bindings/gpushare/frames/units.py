"""Units and digits that a person would choose."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["TimeUnit", "places_of", "time_text", "time_unit", "value_text"]

_DIGITS = 4


class TimeUnit(NamedTuple):
    """A unit of time.

    Attributes
    ----------
    name : str
        ``ms``, ``s``, ``min`` or ``h``.
    seconds : float
        How long it is.
    """

    name: str
    seconds: float


_UNITS = (TimeUnit("h", 3600.0), TimeUnit("min", 60.0), TimeUnit("s", 1.0))
_LEAST = {"h": 7200.0, "min": 600.0, "s": 1.0}


def time_unit(largest_s: float) -> TimeUnit:
    """The unit of times of which this is the largest: ms below a second, min from ten minutes, h from two hours on."""
    for unit in _UNITS:
        if abs(largest_s) >= _LEAST[unit.name]:
            return unit
    return TimeUnit("ms", 1e-3)


def places_of(half_widths: Iterable[float], most: int = _DIGITS) -> int:
    """Decimals that show two digits of the smallest half-width; `most` where there is none.

    Parameters
    ----------
    half_widths : iterable of float
        Those that are zero, infinite or NaN say nothing.
    most : int
        Never more.
    """
    known = [half for half in half_widths if 0 < half < math.inf]
    return max(0, min(most, 1 - math.floor(math.log10(min(known))))) if known else most


def time_text(seconds: float, half_s: float = 0.0, digits: int = _DIGITS) -> str:
    """A time in one unit, ``69.15 min``, with its half-width if it has one: ``46.7 ± 2.2 s``."""
    unit = time_unit(seconds)
    return f"{value_text(seconds / unit.seconds, half_s / unit.seconds, digits)} {unit.name}"


def value_text(value: float, half: float = 0.0, digits: int = _DIGITS) -> str:
    """So many digits, or as many decimals as two digits of the half-width leave."""
    if not 0 < half < math.inf:
        return f"{value:,.{digits}g}" if abs(value) < 10**digits else f"{value:,.0f}"
    places = places_of([half])
    return f"{value:,.{places}f} ± {half:,.{places}f}"
