"""More or less of the same traffic."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

from .._core import ScenarioError
from .._errors import fail

__all__ = ["mean_rate", "scaled"]

_RATES = ("rate_per_s", "rates_per_s", "low_per_s", "high_per_s", "spike_per_s")


def scaled(
    traffic: Sequence[Mapping[str, Any]], factor: float, *, users: bool = True, rates: bool = True
) -> list[Any]:
    """A document's traffic with its load multiplied.

    Rates and the speed of traces are multiplied; users are too, and rounded to the nearest number, at least 1.

    Parameters
    ----------
    traffic : sequence of mapping
        The document's ``"traffic"``.
    factor : float
        Above 0.
    users, rates : bool
        Which of closed traffic and of all other to scale.

    Raises
    ------
    ScenarioError
        For calls that come from a file: they are what they are.
    """
    result = []
    for i, entry in enumerate(traffic):
        changed = copy.deepcopy(dict(entry))
        kind = entry.get("kind")
        if kind == "closed":
            if users:
                changed["users"] = max(1, math.floor(entry["users"] * factor + 0.5))
        elif rates:
            _scale_open(changed, kind, factor, i)
        result.append(changed)
    return result


def _scale_open(entry: dict[str, Any], kind: Any, factor: float, position: int) -> None:
    if kind == "trace":
        entry["speed"] = entry.get("speed", 1.0) * factor
    elif kind == "calls":
        if "generate" not in entry:
            raise fail(
                ScenarioError,
                f"/traffic/{position}",
                'calls of a file have the load that they have; use "generate"',
            )
        entry["generate"]["arrivals"] = _arrivals(entry["generate"]["arrivals"], factor)
    else:
        entry["arrivals"] = _arrivals(entry["arrivals"], factor)


def _arrivals(arrivals: Mapping[str, Any], factor: float) -> dict[str, Any]:
    result = dict(arrivals)
    for name in _RATES:
        if name in result:
            value = result[name]
            result[name] = [one * factor for one in value] if isinstance(value, list) else value * factor
    if "clients" in result:
        result["clients"] = [_arrivals(client, factor) for client in result["clients"]]
    return result


def mean_rate(arrivals: Mapping[str, Any]) -> float | None:
    """Requests a second of an arrival process in the mean; None where they take a run to know."""
    if arrivals["kind"] == "mixture":
        rates = [mean_rate(client) for client in arrivals["clients"]]
        return None if None in rates else sum(rate for rate in rates if rate is not None)
    if arrivals["kind"] == "on-off":
        rates, hold = arrivals["rates_per_s"], arrivals["hold_s"]
        return float(sum(rate * s for rate, s in zip(rates, hold, strict=True)) / sum(hold))
    return float(arrivals["rate_per_s"]) if "rate_per_s" in arrivals else None
