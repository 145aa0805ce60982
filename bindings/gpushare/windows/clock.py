"""Times of a list of pods as people say them: ``09:00``, ``1h``."""

from __future__ import annotations

import math
import re

from .._numbers import length_of

__all__ = ["length_s", "said", "time_s"]

_CLOCK = re.compile(r"(\d+):([0-5]\d)(?::([0-5]\d))?")


def time_s(name: str, given: float | str) -> float:
    """Seconds of the list's time, whose 0 is midnight of its first day: 32400 for ``"09:00"``, 118800 for ``"33:00"``.

    Raises
    ------
    ValueError
        For what is neither a time nor seconds of at least 0.
    """
    clock = _CLOCK.fullmatch(given.strip()) if isinstance(given, str) else None
    if clock is not None:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return float(3600 * hours + 60 * minutes + seconds)
    found = _seconds(given)
    if math.isnan(found):
        raise ValueError(
            f"{name}: found {given!r}; write a time such as 09:00 (33:00 is 9 in the second morning), or seconds"
        )
    return found


def length_s(name: str, given: float | str) -> float:
    """Seconds of ``3600``, ``"1h"``, ``"90min"`` or ``"45s"``.

    Raises
    ------
    ValueError
        For what is no length above 0.
    """
    found = _seconds(given)
    if not found > 0:
        raise ValueError(f"{name}: found {given!r}; write a length such as 1h, 90min or 45s, or seconds")
    return found


def _seconds(given: float | str) -> float:
    if isinstance(given, str):
        return length_of(given)
    return float(given) if 0 <= given < math.inf else math.nan


def said(seconds: float) -> str:
    """``09:00``, with seconds where there are some."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours:02d}:{minutes:02d}" + (f":{rest:02d}" if rest else "")
