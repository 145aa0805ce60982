"""Cells of frames and rows of Python, held to what files may say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any

import numpy as np

from ..traces.openb_cells import TIMES, cell

__all__ = ["checked", "is_missing", "words"]


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing, as Python, NumPy or pandas says it."""
    return (
        value is None
        or (isinstance(value, (float, np.floating)) and math.isnan(value))
        or type(value).__name__ in ("NAType", "NaTType")
    )


def checked(value: Any, kind: str, column: str, where: str) -> str | float:
    """What a cell says, by the rules of files; nothing is the text without characters.

    Raises
    ------
    TraceError
        That says what would be right.
    """
    if is_missing(value):
        return ""
    try:
        text = _seconds(value) if kind in TIMES else words(value)
    except (TypeError, ValueError):
        text = str(value)
    return cell(text, kind, column, where)


def _seconds(value: Any) -> str:
    """Of numbers, texts, dates and lengths of time of Python, NumPy and pandas."""
    if isinstance(value, np.timedelta64):
        return str(value / np.timedelta64(1, "s"))
    if isinstance(value, np.datetime64):
        return str((value - np.datetime64(0, "s")) / np.timedelta64(1, "s"))
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    if isinstance(value, datetime):
        return str((value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp())
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00"
    return value if isinstance(value, str) else f"{float(value):.17g}"


def words(value: Any) -> str:
    """A cell as a file has it: whole numbers without a point, parts of lists and mappings with | between them.

    Raises
    ------
    ValueError
        For numbers that are not whole.
    """
    if isinstance(value, (bool, np.bool_)):
        raise ValueError
    if isinstance(value, (int, float, np.integer, np.floating)):
        if value != int(value):
            raise ValueError
        return str(int(value))
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "|".join(f"{key}={text}" for key, text in value.items())
    return "|".join(str(part) for part in value)
