"""What is done to a fleet while it serves: replicas that come and go, GPUs that are cut anew."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from .._core import ScenarioError
from .._errors import fail
from ..scenario.scenario import Scenario

__all__ = ["Action", "checked"]

#: One member of ``actions``.
Action = Mapping[str, Any]

_KINDS: dict[str, tuple[str, ...]] = {
    "start": ("gpu", "partition", "sharing", "active_thread_percentage", "memory_limit_bytes"),
    "drain": ("replica",),
    "stop": ("replica", "moves_requests"),
    "recut": ("layout",),
}
_SHARINGS = ("exclusive", "time-slicing", "mps")


def checked(actions: Sequence[Action], scenario: Scenario) -> list[dict[str, Any]]:
    """As the compiled part takes them: services by number, every member there.

    Raises
    ------
    ScenarioError
        With the place of what there is not.
    """
    return [_checked(one, scenario, f"actions/{i}") for i, one in enumerate(actions)]


def _checked(given: Action, scenario: Scenario, where: str) -> dict[str, Any]:
    kinds = [kind for kind in _KINDS if kind in given]
    if len(kinds) != 1:
        found = " and ".join(kinds) or "none"
        raise fail(ScenarioError, where, f"an action has one of {', '.join(_KINDS)}; found {found}")
    kind = kinds[0]
    legal = ("at_s", kind, *_KINDS[kind])
    for name in given:
        if name not in legal:
            raise fail(ScenarioError, f"{where}/{name}", f"unknown member; expected {', '.join(legal)}")
    read = {
        "kind": kind,
        "at_s": _number(given, "at_s", where, math.nan),
        "replica": 0,
        "moves_requests": bool(given.get("moves_requests", False)),
    }
    if kind == "recut":
        gpu = _gpu(given["recut"], scenario, f"{where}/recut")
        return read | {"gpu": gpu, "layout": str(given.get("layout", "whole"))}
    read["service"] = _service(given[kind], scenario, f"{where}/{kind}")
    if kind == "start":
        return read | _seat(given, scenario, where)
    read["replica"] = int(_number(given, "replica", where, math.nan))
    return read


def _seat(given: Action, scenario: Scenario, where: str) -> dict[str, Any]:
    gpus = given.get("gpu", 0)
    sharing = given.get("sharing", "exclusive")
    if sharing not in _SHARINGS:
        raise fail(
            ScenarioError, f"{where}/sharing", f"found {sharing!r}; expected one of {', '.join(_SHARINGS)}"
        )
    limits = {
        "active_thread_percentage": _number(given, "active_thread_percentage", where, 100.0),
        "memory_limit_bytes": _number(given, "memory_limit_bytes", where, 0.0),
    }
    if sharing != "mps":
        for name in limits:
            if name in given:
                raise fail(ScenarioError, f"{where}/{name}", "only processes that share by mps have it")
    return limits | {
        "gpus": [
            _gpu(gpu, scenario, f"{where}/gpu")
            for gpu in (gpus if isinstance(gpus, (list, tuple)) else [gpus])
        ],
        "partition": str(given.get("partition", "whole")),
        "sharing": sharing,
    }


def _number(given: Action, name: str, where: str, otherwise: float) -> float:
    value = given.get(name, otherwise)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        found = repr(value) if name in given else "nothing"
        raise fail(ScenarioError, f"{where}/{name}", f"found {found}; a number of at least 0 is needed")
    return float(value)


def _gpu(value: Any, scenario: Scenario, where: str) -> int:
    count = len(scenario.placement.gpus)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count:
        raise fail(ScenarioError, where, f"found {value!r}; the placement has {count} GPUs, numbered from 0")
    return value


def _service(name: Any, scenario: Scenario, where: str) -> int:
    if name not in scenario.services:
        near = difflib.get_close_matches(str(name), scenario.services, 1)
        meant = f'; is "{near[0]}" meant?' if near else ""
        raise fail(
            ScenarioError, where, f'unknown service "{name}"; known: {", ".join(scenario.services)}{meant}'
        )
    return scenario.services.index(name)
