"""What a verdict hangs on: one thing at a time is changed, both ways, and it is asked again."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from .._core import Error
from ..scenario.scenario import Scenario
from .judging import Fared
from .load import scaled
from .verdict import Verdict
from .verdict_line import obstacle

__all__ = ["Knob", "Tried", "knobs", "try_knobs"]

#: Numbers go down and up by this share.
SHARE = 0.2
_MOST = 6
_SIZES = {
    "output_tokens": "length of replies",
    "input_tokens": "length of prompts",
    "speech_s": "length of speech",
}
#: Times of servers that documents assume, as their options are called.
_HOST = ("request_overhead_s", "host_per_step_s")


@dataclass(frozen=True)
class Knob:
    """Something to change: its name, its values in words, and the members of the document with each."""

    name: str
    low: str
    high: str
    at_low: Mapping[str, Any]
    at_high: Mapping[str, Any]


@dataclass(frozen=True)
class Tried:
    """What a change did.

    Attributes
    ----------
    name, low, high : str
        What was changed, and its values.
    at_low, at_high : float
        The figure that decides, with each; NaN where nothing runs.
    stays : bool or None
        Whether the answer is the same with both; None when it could not be asked.
    told : str
        How the answer changes, or why it could not be asked; empty where it stays.
    """

    name: str
    low: str
    high: str
    at_low: float
    at_high: float
    stays: bool | None
    told: str


def knobs(scenario: Scenario) -> list[Knob]:
    """The few things that most answers hang on: load, lengths, pauses, and times of servers that are assumed."""
    document = scenario.document
    return [*_of_traffic(document["traffic"]), *_of_engines(document["services"])][:_MOST]


def _of_traffic(traffic: Sequence[Mapping[str, Any]]) -> Iterator[Knob]:
    try:
        down, up = scaled(traffic, 1 - SHARE), scaled(traffic, 1 + SHARE)
        low, high = f"{100 * (1 - SHARE):.0f} %", f"{100 * (1 + SHARE):.0f} %"
        if len(traffic) == 1 and "users" in traffic[0]:
            low, high = (f"{side[0]['users']} users" for side in (down, up))
        yield Knob("load", low, high, {"traffic": down}, {"traffic": up})
    except Error:  # calls of a file are what they are
        pass
    for key, name in _SIZES.items():
        yield from _changed(traffic, name, partial(_sized, key))
    yield from _changed(traffic, "time to think", _thinking)


def _changed(
    traffic: Sequence[Mapping[str, Any]], name: str, change: Callable[[dict[str, Any], float], str]
) -> Iterator[Knob]:
    """A knob that changes every entry that has it; `change` says the value, empty where there is none."""
    sides = []
    for factor in (1 - SHARE, 1 + SHARE):
        entries = copy.deepcopy([dict(entry) for entry in traffic])
        said = [text for entry in entries if (text := change(entry, factor))]
        sides.append((entries, said[0] if len(set(said)) == 1 else f"{100 * factor:.0f} %", bool(said)))
    (down, low, found), (up, high, _) = sides
    if found:
        yield Knob(name, low, high, {"traffic": down}, {"traffic": up})


def _thinking(entry: dict[str, Any], factor: float) -> str:
    return _scaled_member(entry, "think_s", factor)


def _sized(key: str, entry: dict[str, Any], factor: float) -> str:
    sizes = entry.get("sizes")
    if not isinstance(sizes, dict) or key not in sizes:
        return ""
    size = sizes[key]
    unit = "s" if key.endswith("_s") else "tokens"
    if isinstance(size, dict):
        return f"mean {said}" if (said := _scaled_member(size, "mean", factor, unit)) else ""
    return _scaled_member(sizes, key, factor, unit)


def _scaled_member(owner: dict[str, Any], key: str, factor: float, unit: str = "s") -> str:
    value = owner.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        return ""
    owner[key] = max(1, round(value * factor)) if isinstance(value, int) else value * factor
    if unit == "s" and owner[key] < 1:
        return f"{1000 * owner[key]:.3g} ms"
    return f"{owner[key]:.4g} {unit}"


def _of_engines(services: Mapping[str, Any]) -> Iterator[Knob]:
    for service in services:
        for key in _HOST:
            sides = []
            for factor in (1 - SHARE, 1 + SHARE):
                changed = copy.deepcopy(dict(services))
                engine = changed[service].get("engine")
                said = _scaled_member(engine, key, factor) if isinstance(engine, dict) else ""
                sides.append(({"services": changed}, said))
            if sides[0][1]:
                name = f"{service}: host time a {'request' if key == _HOST[0] else 'step'}"
                yield Knob(name, sides[0][1], sides[1][1], sides[0][0], sides[1][0])


def try_knobs(
    scenario: Scenario, verdict: Verdict, figure: str, again: Callable[[Scenario], Verdict]
) -> list[Tried]:
    """Every knob turned both ways; the largest changes first.

    Parameters
    ----------
    scenario : Scenario
        What was asked about.
    verdict : Verdict
        The answer.
    figure : str
        Of the mode chosen, what is shown.
    again : callable
        Asks the same about a changed scenario.
    """
    mode = verdict.mode or ""
    base = _value(verdict, mode, figure)
    found = []
    for knob in knobs(scenario):
        sides = [_asked(scenario, change, verdict, figure, again) for change in (knob.at_low, knob.at_high)]
        (at_low, same_low, told_low), (at_high, same_high, told_high) = sides
        ways = ((knob.low, told_low), (knob.high, told_high))
        stays = None if None in (same_low, same_high) else bool(same_low and same_high)
        told = "; ".join(f"{value}: {text}" for value, text in ways if text)
        found.append(Tried(knob.name, knob.low, knob.high, at_low, at_high, stays, told))
    return sorted(found, key=lambda one: (one.stays is not False, -_swing(one, base)))


def _swing(one: Tried, base: float) -> float:
    known = [value for value in (one.at_low, base, one.at_high) if not math.isnan(value)]
    return max(known) - min(known) if known else 0.0


def _asked(
    scenario: Scenario,
    change: Mapping[str, Any],
    before: Verdict,
    figure: str,
    again: Callable[[Scenario], Verdict],
) -> tuple[float, bool | None, str]:
    try:
        now = again(scenario.replace(**change))
    except (Error, ValueError) as error:
        return math.nan, None, str(error).splitlines()[0]
    value = _value(now, before.mode or "", figure)
    if now.mode == before.mode and now.meets == before.meets:
        return value, True, ""
    return value, False, _told(now, before)


def _told(now: Verdict, before: Verdict) -> str:
    """How the answer changes."""
    mode = next((one for one in now.fared if one.name == before.mode), Fared(""))
    if now.mode == before.mode:
        return obstacle(mode) if now.meets is not True else f"{now.mode} does"
    why = (
        f", since {before.mode} {obstacle(mode)}"
        if mode.measured is not None and mode.meets is not True
        else ""
    )
    return f"{now.mode or 'nothing'} instead{why}"


def _value(verdict: Verdict, mode: str, figure: str) -> float:
    found = next((one for one in verdict.fared if one.name == mode), None)
    return found.measured[figure] if found is not None and found.measured is not None else math.nan
