"""Numbers of options with the units that people write: ``200ms``, ``100/min``, ``90%``, ``1k``."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Mapping

__all__ = ["above_zero", "dollars", "moment", "port", "rate", "seconds", "share", "tokens", "whole_tokens"]

_NUMBER = re.compile(r"\$?([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*)", re.S)
_SECONDS = {
    "": 1.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ns": 1e-9,
    "min": 60.0,
    "h": 3600.0,
}
_RATES = {"": 1.0, "/s": 1.0, "/min": 1 / 60, "/h": 1 / 3600}
_COUNTS = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6}


def _amount(text: str, units: Mapping[str, float]) -> float:
    """The number in the first of the units; NaN for anything else."""
    found = _NUMBER.fullmatch(text.strip())
    factor = units.get(found[2].strip()) if found else None
    if found is None or factor is None:
        return math.nan
    number = float(found[1])
    return number / round(1 / factor) if factor < 1 else number * factor


def _read(units: Mapping[str, float], what: str, fits: Callable[[float], bool]) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = _amount(text, units)
        if not (math.isfinite(value) and fits(value)):
            raise argparse.ArgumentTypeError(f"found {text!r}; {what} is needed")
        return value

    return read


def _positive(value: float) -> bool:
    return value > 0


#: A number above 0.
above_zero = _read({"": 1.0}, "a number above 0 such as 1200 or 2.5", _positive)
#: Seconds, or with a unit.
seconds = _read(_SECONDS, "a time above 0 such as 0.2 (seconds) or 200ms", _positive)
#: Seconds from a beginning, or with a unit.
moment = _read(_SECONDS, "a time of the run such as 30 (seconds) or 2min", lambda value: value >= 0)
#: By the second, or with a unit.
rate = _read(_RATES, "a rate above 0 such as 3 (a second) or 100/min", _positive)
#: Tokens on average.
tokens = _read(_COUNTS, "a number of tokens above 0 such as 1200 or 1.2k", _positive)
#: Dollars.
dollars = _read({"": 1.0}, "a price such as 2.5", lambda value: value >= 0)
#: From 0 to 1, or in per cent.
share = _read({"": 1.0, "%": 0.01}, "a share from 0 to 1, or 90%,", lambda value: 0 <= value <= 1)


def port(text: str) -> int:
    """A port of this machine."""
    if not re.fullmatch(r"\d{1,5}", text.strip()) or int(text) > 65535:
        raise argparse.ArgumentTypeError(
            f"found {text!r}; a port is between 1 and 65535, 0 is any that is free"
        )
    return int(text)


def whole_tokens(text: str) -> int:
    """A whole number of tokens of one request."""
    value = _amount(text, _COUNTS)
    if not 1 <= value <= 1e7 or value != int(value):
        raise argparse.ArgumentTypeError(
            f"found {text!r}; a whole number of tokens from 1 to 10000000 such as 1200 or 1.2k is needed"
        )
    return int(value)
