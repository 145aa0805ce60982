"""Numbers that callers give: Python's or NumPy's, and within what there is room for."""

from __future__ import annotations

import math
import operator
import os
import re
from collections.abc import Callable
from contextlib import suppress
from typing import SupportsFloat, SupportsIndex

__all__ = [
    "check_callable",
    "check_count",
    "check_name",
    "check_number",
    "check_seconds",
    "check_seed",
    "length_of",
]

_MOST = 2**31 - 1
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")


def check_count(name: str, value: object, least: int = 1, most: int = _MOST) -> int:
    """`value` as an integer when it is one, Python's or NumPy's, between `least` and `most`.

    Raises
    ------
    ValueError
        Otherwise.
    """
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        with suppress(TypeError):  # an array has the method too
            count = operator.index(value)
            if least <= count <= most:
                return count
            if count > most:
                raise ValueError(f"{name}: found {value!r}; an integer of at most {most} is needed")
    raise ValueError(f"{name}: found {value!r}; an integer of at least {least} is needed")


def check_seed(value: object, name: str = "seed") -> int:
    """`value` as an integer when it is one from 0 to 2^64 - 1, all that random streams are keyed by.

    Raises
    ------
    ValueError
        Otherwise.
    """
    return check_count(name, value, least=0, most=2**64 - 1)


def check_seconds(name: str, value: object) -> float:
    """`value` when it is a finite number of at least 0.

    Raises
    ------
    ValueError
        Otherwise.
    """
    return check_number(name, value, "a number of at least 0", lambda number: 0 <= number < math.inf)


def check_number(name: str, value: object, need: str, fits: Callable[[float], bool]) -> float:
    """`value` as a float when it is a number, Python's or NumPy's, and `fits`; `need` says what is.

    Raises
    ------
    ValueError
        Otherwise.
    """
    if isinstance(value, SupportsFloat) and not isinstance(value, bool):
        with suppress(TypeError, ValueError, OverflowError):  # arrays have the method too
            if fits(number := float(value)):
                return number
    raise ValueError(f"{name}: found {value!r:.60}; {need} is needed")


def check_name(name: str, value: object, what: str) -> str:
    """`value` as text when it is a name or a path; `what` says of what.

    Raises
    ------
    TypeError
        Otherwise.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name}: found {type(value).__name__} {value!r:.60}; {what} is needed")
    return os.fspath(value)


def check_callable(name: str, value: object) -> None:
    """Raises TypeError for what is neither None nor can be called."""
    if value is not None and not callable(value):
        raise TypeError(f"{name}: found {value!r:.60}; a function that is called, or None, is needed")


def length_of(text: str) -> float:
    """Seconds of ``"3600"``, ``"45s"``, ``"90min"``, ``"1h"`` or ``"2d"``; NaN for anything else."""
    read = _LENGTH.fullmatch(text.strip())
    return float(read[1]) * _UNITS[read[2]] if read and read[2] in _UNITS else math.nan
