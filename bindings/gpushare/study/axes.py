"""How figures stand on the axes of pictures: milliseconds where they are short, per cent, gigabytes."""

from __future__ import annotations

import math
from collections.abc import Iterable

from .. import _core
from . import figures

__all__ = ["axis_label", "axis_scale"]

#: From here on seconds are read more easily than milliseconds.
_LONG_S = 10.0


def axis_scale(name: str, values: Iterable[float]) -> tuple[float, str]:
    """What an axis multiplies the values of a figure by, and the unit that they then have."""
    try:
        figure = figures.describe(name)
    except _core.FigureError:  # another column of a table
        return 1.0, ""
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    if figure.kind == "time" and figure.unit == "s" and largest < _LONG_S:
        return 1e3, "ms"
    if figure.kind == "share":
        return 100.0, "%"
    return (1e-9, "GB") if figure.kind == "bytes" else (1.0, figure.unit)


def axis_label(name: str, unit: str) -> str:
    """A figure and its unit."""
    stem = name.removesuffix("_s").removesuffix("_bytes")
    return f"{stem}, {unit}" if unit else stem
