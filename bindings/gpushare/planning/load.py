"""More or less of the same traffic."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

from .._core import ScenarioError
from .._errors import fail

__all__ = ["offered", "scaled"]

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


def offered(figures: Mapping[str, float]) -> float:
    """Requests a second that came, from the figures of a run."""
    return float(figures["arrived"] / figures["duration_s"])
