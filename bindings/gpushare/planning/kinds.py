"""Kinds of GPU as callers say them: how many there are, and what an hour costs."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, SupportsFloat

from .._core import ScenarioError
from .._errors import fail
from ..scenario.profiles import profile, profile_names

__all__ = ["Gpus", "Prices", "counts_of", "price_of", "prices_of"]

#: How many of each kind (None: as many as it takes), kinds alone, so many of the document's, or ``"a100=8,h100"``.
Gpus = Mapping[str, int | None] | Sequence[str] | str | int
#: Of an hour by kind, one for all, or ``"a100=2,h100=4.5"``.
Prices = Mapping[str, float] | float | str
_SHAPE = 'write {"a100": 8, "h100": 2}'


def counts_of(gpus: Gpus, own: str) -> dict[str, int | None]:
    """How many of each kind; kinds of which there are none are left out.

    Parameters
    ----------
    gpus : mapping, sequence, str or int
        As a caller says it.
    own : str
        The kind that a number alone is of.

    Raises
    ------
    ScenarioError, ProfileError
        For what is no number of GPUs, a kind that is said twice or not known, and none at all.
    """
    if isinstance(gpus, str):
        said: list[tuple[str, Any]] = [_pair(part) for part in gpus.split(",") if part.strip()]
    elif isinstance(gpus, Mapping):
        said = list(gpus.items())
    elif isinstance(gpus, Iterable):
        said = [(name, None) for name in gpus]
    else:
        said = [(own, gpus)]
    _check_once("gpus", [name for name, _ in said])
    counts = {_own_name(name): None if count is None else _count(name, count) for name, count in said}
    found = {name: count for name, count in counts.items() if count != 0}
    if not found:
        raise fail(ScenarioError, "gpus", f"none are given; {_SHAPE}" if not said else f"all are 0; {_SHAPE}")
    return found


def prices_of(prices: Prices | None) -> Mapping[str, float] | float | None:
    """Of an hour by kind, or one for all.

    Raises
    ------
    ScenarioError, ProfileError
        For what is no price, and a kind that is said twice or not known.
    """
    if prices is None or (not isinstance(prices, (str, Mapping)) and _is_price(prices)):
        return None if prices is None else float(prices)
    if isinstance(prices, str):
        if "=" not in prices:
            return _price("prices", prices)
        said: list[tuple[str, Any]] = [_pair(part) for part in prices.split(",") if part.strip()]
    elif isinstance(prices, Mapping):
        said = list(prices.items())
    else:
        raise fail(
            ScenarioError, "prices", f'found {prices!r}; write {{"a100": 2, "h100": 4.5}}, or a number'
        )
    _check_once("prices", [name for name, _ in said])
    return {name: _price(f"prices/{name}", price) for name, price in said}


def price_of(name: str, prices: Mapping[str, float] | float | None) -> float | None:
    """Of an hour of one kind; None without prices.

    Raises
    ------
    ScenarioError
        Where other kinds have one.
    """
    if prices is None or not isinstance(prices, Mapping):
        return prices
    own = profile(name).name
    for known, price in prices.items():
        if own == profile(known).name:
            return price
    listed = ", ".join(list(prices)[:10]) or "none"
    raise fail(ScenarioError, f"prices/{name}", f"this kind of GPU has no price; those with one: {listed}")


def _pair(part: str) -> tuple[str, str | None]:
    name, equals, value = part.strip().partition("=")
    return name, value if equals else None


def _own_name(name: str) -> str:
    """Of a profile that is known by its name, however it is spelt; files stay paths."""
    found = profile(name).name
    is_spelling = "/" not in name and not name.endswith((".json", ".yaml", ".yml"))
    return found if is_spelling and found in profile_names() else name


def _check_once(where: str, names: Sequence[str]) -> None:
    """Raises ScenarioError for two names of one kind."""
    kinds: dict[str, str] = {}
    for name in names:
        first = kinds.setdefault(profile(name).name, name)
        if first is not name or list(names).count(name) > 1:
            raise fail(ScenarioError, f"{where}/{name}", "this kind of GPU is there twice; say it once")


def _count(name: str, count: Any) -> int:
    try:
        given = int(count) if isinstance(count, str) or _is_whole(count) else operator.index(count)
    except (TypeError, ValueError):
        given = -1
    if isinstance(count, bool) or given < 0:
        raise fail(ScenarioError, f"gpus/{name}", f"found {count!r}; a whole number of GPUs is needed")
    return given


def _is_whole(count: Any) -> bool:
    return isinstance(count, SupportsFloat) and float(count).is_integer()


def _price(where: str, price: Any) -> float:
    try:
        found = float(price)
    except (TypeError, ValueError):
        found = math.nan
    if isinstance(price, bool) or not 0 <= found < math.inf:
        raise fail(ScenarioError, where, f"found {price!r}; a finite number of at least 0 is needed")
    return found


def _is_price(price: object) -> bool:
    return isinstance(price, SupportsFloat) and not isinstance(price, bool) and 0 <= float(price) < math.inf
