"""Numbers that callers give: Python's or NumPy's, and within what there is room for."""

from __future__ import annotations

import math
import operator
from contextlib import suppress
from typing import SupportsFloat, SupportsIndex

__all__ = ["check_count", "check_seconds", "check_seed"]

_MOST = 2**31 - 1


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
    if isinstance(value, SupportsFloat) and not isinstance(value, bool):
        with suppress(TypeError):  # an array has the method too
            if 0 <= float(value) < math.inf:
                return float(value)
    raise ValueError(f"{name}: found {value!r}; a number of at least 0 is needed")
