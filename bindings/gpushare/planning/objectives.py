"""What users of a service must get, and whether figures say that they do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._core import ScenarioError
from .._errors import fail
from ..study import figures
from ..study.estimates import Estimate

__all__ = ["Isolation", "Judged", "Objective", "Objectives"]

#: Half-widths of the 95 % interval that a mean has to keep from its bound before it is called clear: about 99 %.
CLEARANCE = 1.4
_LEVELS = ("hardware", "process")
_TOLERATED = ("gpu", "instance")
_OTHER_KEYS = ("isolation", "memory_headroom", "tolerate")


@dataclass(frozen=True)
class Objective:
    """A figure and what it may be at most, or at least.

    Attributes
    ----------
    figure : str
        Canonical name.
    bound : float
        In the unit of the figure.
    at_most : bool
        Otherwise the bound is the smallest that is good.
    implied : bool
        Whether it was not asked for, but taken from dedicated GPUs.
    """

    figure: str
    bound: float
    at_most: bool = True
    implied: bool = False

    def judge(self, value: float) -> Judged:
        """Whether a value, or an estimate with its interval, keeps within the bound."""
        half = value.half_width if isinstance(value, Estimate) else 0.0
        excess = (float(value) - self.bound) * (1.0 if self.at_most else -1.0)
        if math.isnan(excess):
            return Judged(self, float(value), math.nan, math.nan, False)
        low, high = float(value) - half, float(value) + half
        meets = None if abs(excess) <= CLEARANCE * half and half > 0 else excess <= 0
        return Judged(self, float(value), low, high, meets)

    def __str__(self) -> str:
        return f"{self.figure} {'<=' if self.at_most else '>='} {shown(self.figure, self.bound)}"


@dataclass(frozen=True)
class Judged:
    """An objective and what became of it.

    Attributes
    ----------
    objective : Objective
        What was asked.
    value, low, high : float
        What the figure is, and its 95 % interval; NaN where nothing has it.
    meets : bool or None
        None when chance leaves it open.
    """

    objective: Objective
    value: float
    low: float
    high: float
    meets: bool | None

    @property
    def excess(self) -> float:
        """How far beyond its bound the value is, as a share of the bound; below zero: how much is to spare."""
        bound = self.objective.bound
        distance = (self.value - bound) * (1.0 if self.objective.at_most else -1.0)
        return distance / abs(bound) if bound else distance

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "bound": self.objective.bound,
            "at_most": self.objective.at_most,
            "implied": self.objective.implied,
            "meets": self.meets,
        }


@dataclass(frozen=True)
class Isolation:
    """Services that must not disturb each other.

    Attributes
    ----------
    between : tuple of str
        Two services or more.
    level : str
        ``"hardware"``: not on the same partition. ``"process"``: a fault of one leaves the other alone, so not under
        the same MPS daemon.
    """

    between: tuple[str, ...]
    level: str


@dataclass(frozen=True)
class Objectives:
    """All that is asked of a placement.

    Attributes
    ----------
    bounds : tuple of Objective
        Of figures.
    isolation : tuple of Isolation
        Between services.
    memory_headroom : float
        Share of every partition's memory that stays free.
    tolerate : str
        ``"gpu"`` or ``"instance"``: what may fail, one at a time, and everything still holds; empty for nothing.
    """

    bounds: tuple[Objective, ...] = ()
    isolation: tuple[Isolation, ...] = ()
    memory_headroom: float = 0.0
    tolerate: str = ""

    @classmethod
    def read(
        cls, given: Mapping[str, Any] | None, slo: Iterable[str], names: Iterable[str], services: Sequence[str] = ()
    ) -> Objectives:
        """From a document's ``"objectives"`` and texts such as ``"llm.ttft_p95=500ms"``.

        Parameters
        ----------
        given : mapping, optional
            Figures with a bound (a number, text with a unit, ``{"at_most": bound}`` or ``{"at_least": bound}``),
            ``isolation``, ``memory_headroom`` and ``tolerate``.
        slo : iterable of str
            Bounds as `figures.parse_bound` reads them; they replace those of the same figure and side.
        names : iterable of str
            Canonical names of the figures that there are.
        services : sequence of str
            Names that isolation may have; empty: any.

        Raises
        ------
        ScenarioError, FigureError
            Where, what was found and what is legal.
        """
        names = names if hasattr(names, "only_pipeline") else list(names)
        found: dict[tuple[str, bool], Objective] = {}
        for key, value in (given or {}).items():
            if key not in _OTHER_KEYS:
                for objective in _read_bound(key, value, names):
                    found[objective.figure, objective.at_most] = objective
        for text in slo:
            bound = figures.parse_bound(names, text)
            found[bound.name, bound.at_most] = Objective(bound.name, bound.value, bound.at_most)
        _check_sides(found)
        rest = {key: (given or {})[key] for key in _OTHER_KEYS if key in (given or {})}
        return cls(
            tuple(found.values()),
            tuple(_read_isolation(rest.get("isolation", []), services)),
            _read_headroom(rest.get("memory_headroom", 0.0)),
            _read_tolerated(rest.get("tolerate", "")),
        )

    def judge(self, values: Mapping[str, float]) -> list[Judged]:
        """Every bound against the figures of a run; one that the run does not have fails."""
        return [objective.judge(values.get(objective.figure, math.nan)) for objective in self.bounds]

    def to_dict(self) -> dict[str, Any]:
        """As a document has it; what is implied is left out."""
        result: dict[str, Any] = {}
        for objective in self.bounds:
            if not objective.implied:
                side = "at_most" if objective.at_most else "at_least"
                result.setdefault(objective.figure, {})[side] = objective.bound
        if self.isolation:
            result["isolation"] = [{"between": list(i.between), "level": i.level} for i in self.isolation]
        if self.memory_headroom:
            result["memory_headroom"] = self.memory_headroom
        if self.tolerate:
            result["tolerate"] = self.tolerate
        return result

    def beside(self, implied: Iterable[Objective]) -> Objectives:
        """With further bounds, for figures that have none."""
        bounded = {(o.figure, o.at_most) for o in self.bounds}
        more = [o for o in implied if (o.figure, o.at_most) not in bounded]
        return replace(self, bounds=(*self.bounds, *more))


def meets(judged: Iterable[Judged]) -> bool | None:
    """Whether all are met; None when none fails and some are too close to say."""
    found = [one.meets for one in judged]
    return False if False in found else None if None in found else True


def shown(figure: str, value: float) -> str:
    """A value of a figure as people write it: ``400 ms``, ``99.9 %``."""
    described = figures.describe(figure)
    if math.isnan(value):
        return "none"
    if described.kind == "share":
        return f"{100 * value:.4g} %"
    if described.unit == "s":
        return f"{1e3 * value:,.4g} ms" if abs(value) < 1 else f"{value:,.4g} s"
    if described.kind == "money":
        return f"${value:,.0f}"
    return f"{value:,.4g} {described.unit}".rstrip()


def _read_bound(key: str, value: Any, names: Iterable[str]) -> Iterable[Objective]:
    place = f"objectives/{key}"
    if isinstance(value, Mapping):
        unknown = [side for side in value if side not in ("at_most", "at_least")]
        if unknown or not value:
            found = f'found "{unknown[0]}"' if unknown else "found none"
            raise fail(ScenarioError, place, f'{found}; a bound is {{"at_most": x}} or {{"at_least": x}}')
        for side, bound in value.items():
            yield _one_bound(f"{place}/{side}", key, "<=" if side == "at_most" else ">=", bound, names)
    else:
        yield _one_bound(place, key, "=", value, names)


def _one_bound(place: str, key: str, sign: str, bound: Any, names: Iterable[str]) -> Objective:
    if isinstance(bound, bool) or not isinstance(bound, (int, float, str)):
        raise fail(ScenarioError, place, f"found {bound!r}; a bound is a number, or text with a unit")
    read = figures.parse_bound(names, f"{key}{sign}{bound if isinstance(bound, str) else repr(float(bound))}")
    return Objective(read.name, read.value, read.at_most)


def _check_sides(found: Mapping[tuple[str, bool], Objective]) -> None:
    for (figure, at_most), objective in found.items():
        other = found.get((figure, False))
        if at_most and other is not None and other.bound > objective.bound:
            raise fail(
                ScenarioError,
                f"objectives/{figure}",
                f"at least {shown(figure, other.bound)} and at most {shown(figure, objective.bound)} cannot both hold",
            )


def _read_isolation(given: Any, services: Sequence[str]) -> Iterable[Isolation]:
    if not isinstance(given, (list, tuple)):
        raise fail(ScenarioError, "objectives/isolation", f"found {given!r}; it is a list")
    for i, rule in enumerate(given):
        place = f"objectives/isolation/{i}"
        between = rule.get("between") if isinstance(rule, Mapping) else None
        if not isinstance(between, (list, tuple)) or len(set(between)) < 2:
            raise fail(ScenarioError, place, f'found {rule!r}; needs "between": two services or more')
        for name in between:
            if services and name not in services:
                known = ", ".join(services[:10])
                raise fail(ScenarioError, f"{place}/between", f'unknown service "{name}"; known: {known}')
        level = rule.get("level", "hardware")
        if level not in _LEVELS:
            raise fail(ScenarioError, f"{place}/level", f"found {level!r}; legal are {', '.join(_LEVELS)}")
        yield Isolation(tuple(between), level)


def _read_headroom(given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given < 1:
        raise fail(ScenarioError, "objectives/memory_headroom", f"found {given!r}; it is a share from 0 to below 1")
    return float(given)


def _read_tolerated(given: Any) -> str:
    if given not in ("", None, *_TOLERATED):
        raise fail(ScenarioError, "objectives/tolerate", f"found {given!r}; legal are {', '.join(_TOLERATED)}")
    return given or ""
