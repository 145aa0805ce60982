"""What of a scenario can be turned on the page: its horizon, loads, lengths, pauses, replicas and price."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeGuard

from ..report.drawings import nice_end

__all__ = ["HORIZON", "Knob", "knobs"]

HORIZON = "Horizon"
_STEPS = 200
_MOST_REPLICAS = 8


@dataclass(frozen=True)
class Knob:
    """A number of the document that a slider sets.

    Attributes
    ----------
    pointer : str
        Where it is in the document.
    group, label, unit : str
        Under which heading, and what stands beside it.
    value, low, high, step : float
        As the document has it, and the slider's ends.
    of : sequence of float
        Where the document has several numbers there: what they all are multiplied from, and `value` is 1.
    """

    pointer: str
    group: str
    label: str
    unit: str
    value: float
    low: float
    high: float
    step: float
    of: Sequence[float] = ()

    def set_to(self, value: float) -> Any:
        """What the document has at `pointer` when the slider is at a value."""
        if self.of:
            return [one * value for one in self.of]
        return int(value) if self.step == 1 else value

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def knobs(document: Mapping[str, Any]) -> list[Knob]:
    """Of a document, in the order of the page."""
    found = []
    entries = document.get("traffic", [])
    for i, entry in enumerate(entries):
        whose = f"{entry.get('name', f'traffic {i}')}: " if len(entries) > 1 else ""
        found += [*_load(entry, f"/traffic/{i}", whose), *_lengths(entry, f"/traffic/{i}", whose)]
    found += _units(document)
    scaled = document.get("control", {}).get("services", {})
    for name, service in document.get("services", {}).items():
        if name in scaled:  # as many as its policy says
            continue
        count = service.get("replicas", 1)
        most = max(_MOST_REPLICAS, 2 * count)
        found.append(_whole(f"/services/{_escaped(name)}/replicas", "Replicas", name, "", count, most))
    found += _horizon(document)
    price: Any = document.get("price_per_gpu_hour")
    if _is_number(price):
        found.append(_real("/price_per_gpu_hour", "Price", "a GPU", "$/hour", price))
    return sorted(found, key=lambda knob: _GROUPS.index(knob.group))


_GROUPS = ("Load", "Lengths", "Replicas", HORIZON, "Price")


def _horizon(document: Mapping[str, Any]) -> Iterator[Knob]:
    """How long is simulated: as the document says, or while its users stay or the recipe of its trace goes on."""
    if _is_number(document.get("duration_s")):
        warmup = document.get("warmup_s", 0)
        yield _real("/duration_s", HORIZON, "simulated", "s", document["duration_s"], beyond=warmup)
        return
    for i, entry in enumerate(document.get("traffic", [])):
        recipe = entry.get("generate")
        if _is_number(entry.get("hold_s")):
            yield _real(f"/traffic/{i}/hold_s", HORIZON, "all users stay", "s", entry["hold_s"])
        elif isinstance(recipe, Mapping) and _is_number(recipe.get("duration_s")):
            pointer = f"/traffic/{i}/generate/duration_s"
            yield _real(pointer, HORIZON, "requests come for", "s", recipe["duration_s"])


def _load(entry: Mapping[str, Any], at: str, whose: str) -> Iterator[Knob]:
    if _is_number(entry.get("users")):
        yield _whole(
            f"{at}/users", "Load", f"{whose}users", "", entry["users"], int(nice_end(3 * entry["users"]))
        )
    if _is_number(entry.get("think_s")):
        yield _real(
            f"{at}/think_s", "Load", f"{whose}pause between answer and next request", "s", entry["think_s"]
        )
    for inner in ("", "/generate"):
        holder = entry.get("generate", {}) if inner else entry
        arrivals = holder.get("arrivals") if isinstance(holder, Mapping) else None
        if isinstance(arrivals, Mapping) and _is_number(arrivals.get("rate_per_s")):
            pointer = f"{at}{inner}/arrivals/rate_per_s"
            yield _real(pointer, "Load", f"{whose}rate", "a second", arrivals["rate_per_s"])
        rates = arrivals.get("rates_per_s") if isinstance(arrivals, Mapping) else None
        if rates and all(_is_number(rate) for rate in rates):
            pointer = f"{at}{inner}/arrivals/rates_per_s"
            yield Knob(pointer, "Load", f"{whose}all rates", "times", 1.0, 0.05, 3.0, 0.05, list(rates))
        if isinstance(holder, Mapping) and inner and _is_number(holder.get("rate_per_s")):
            yield _real(f"{at}{inner}/rate_per_s", "Load", f"{whose}rate", "a second", holder["rate_per_s"])
    if entry.get("kind") == "trace":
        yield _real(f"{at}/speed", "Load", f"{whose}speed of the trace", "x", entry.get("speed", 1.0))


def _lengths(entry: Mapping[str, Any], at: str, whose: str) -> Iterator[Knob]:
    sizes = entry.get("sizes")
    for key, label, unit in (
        ("input_tokens", "prompt", "tokens"),
        ("output_tokens", "reply", "tokens"),
        ("speech_s", "speech", "s"),
        ("units", "texts or images", ""),
    ):
        given = sizes.get(key) if isinstance(sizes, Mapping) else None
        if _is_number(given):
            whole = isinstance(given, int) and unit == "tokens"
            make = _tokens if whole else _real
            yield make(f"{at}/sizes/{key}", "Lengths", f"{whose}{label}", unit, given)
        elif isinstance(given, Mapping) and _is_number(given.get("mean")):
            yield _real(f"{at}/sizes/{key}/mean", "Lengths", f"{whose}{label}, mean", unit, given["mean"])


def _units(document: Mapping[str, Any]) -> Iterator[Knob]:
    """What stages visit their models with."""
    for name, pipeline in document.get("pipelines", {}).items():
        for i, stage in enumerate(pipeline.get("stages", [])):
            if _is_number(stage.get("units")):
                pointer = f"/pipelines/{_escaped(name)}/stages/{i}/units"
                make = _tokens if isinstance(stage["units"], int) else _real
                yield make(pointer, "Lengths", f"{stage['name']}: texts or images", "", stage["units"])


def _tokens(pointer: str, group: str, label: str, unit: str, value: float) -> Knob:
    return _whole(pointer, group, label, unit, value, int(nice_end(3 * value)))


def _whole(pointer: str, group: str, label: str, unit: str, value: float, high: int) -> Knob:
    return Knob(pointer, group, label, unit, value, 1, max(high, 2), 1)


def _real(pointer: str, group: str, label: str, unit: str, value: float, beyond: float = 0.0) -> Knob:
    high = nice_end(3 * value) if value > 0 else 1.0
    step = high / _STEPS
    return Knob(pointer, group, label, unit, value, step * (1 + math.floor(beyond / step)), high, step)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
