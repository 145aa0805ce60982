"""What users of a service must get, and whether figures say that they do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._core import FigureError, ScenarioError
from .._errors import fail
from ..scenario.scenario import Scenario
from ..study import figures
from ..study.estimates import Estimate
from ..study.figures import shown
from .said_objectives import said_of_document

__all__ = ["Isolation", "Judged", "Objective", "Objectives", "listed", "meets", "shown"]

#: Half-widths of the 95 % interval that a mean has to keep from its bound before it is called clear: about 99 %.
CLEARANCE = 1.4
_OTHER_KEYS = ("isolation", "memory_headroom", "tolerate")


def listed(slo: str | Iterable[str] | None) -> list[str]:
    """Bounds as texts; a single one may stand for its list."""
    if isinstance(slo, Mapping):
        raise fail(
            ScenarioError,
            "slo",
            "found a mapping; give it as objectives={...}, or texts such as 'llm.ttft_p95=500ms'",
        )
    return [slo] if isinstance(slo, str) else list(slo or ())


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
    def of(
        cls, scenario: Scenario, given: Mapping[str, Any] | None = None, slo: str | Iterable[str] = ()
    ) -> Objectives:
        """Those of a scenario, or others in their place, and texts such as ``"llm.ttft_p95=500ms"`` on top.

        Parameters
        ----------
        scenario : Scenario
            Whose figures they bound.
        given : mapping, optional
            As a document has them; by default the scenario's own.
        slo : iterable of str
            Bounds as `figures.parse_bound` reads them; they replace those of the same figure and side.

        Raises
        ------
        ScenarioError, FigureError
            Where, what was found and what is legal.
        """
        asked = dict(scenario.with_objectives(given).objectives if given is not None else scenario.objectives)
        rest = {key: asked.pop(key) for key in _OTHER_KEYS if key in asked}
        found = {(o.figure, o.at_most): o for key, value in asked.items() for o in _bounds(key, value)}
        names = _Names(scenario.figure_names)
        names.only_pipeline = _only(scenario.document["pipelines"])
        texts: dict[tuple[str, bool], str] = {}
        more: dict[str, Any] = {}
        for text in listed(slo):
            if (said := said_of_document(text)) is not None:
                more |= said
                continue
            bound = _parsed(names, text)
            key = bound.name, bound.at_most
            if key in texts and found[key].bound != bound.value:
                raise fail(
                    ScenarioError, "slo", f'"{texts[key]}" and "{text}" bound the same figure; leave one out'
                )
            texts[key] = text
            found[key] = Objective(bound.name, bound.value, bound.at_most)
        _check_sides(found)
        isolation = tuple(Isolation(tuple(r["between"]), r["level"]) for r in rest.get("isolation", []))
        result = cls(
            tuple(found.values()),
            isolation,
            float(rest.get("memory_headroom", 0.0)),
            rest.get("tolerate", ""),
        )
        return cls.of(scenario, result.to_dict() | more) if more else result

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


class _Names(list[str]):
    """Names of figures, and the pipeline that they may begin with though it is left out."""

    only_pipeline = ""


def _parsed(names: Iterable[str], text: str) -> figures.Bound:
    try:
        return figures.parse_bound(names, text)
    except FigureError as error:
        raise fail(FigureError, f"slo {text}", str(error)) from None


def _only(pipelines: Mapping[str, Any]) -> str:
    return next(iter(pipelines)) if len(pipelines) == 1 else ""


def _bounds(figure: str, value: Any) -> Iterable[Objective]:
    """Of a document whose names are canonical."""
    if isinstance(value, Mapping):
        yield from (Objective(figure, float(bound), side == "at_most") for side, bound in value.items())
    else:
        yield Objective(figure, float(value), figures.describe(figure).better != "higher")


def _check_sides(found: Mapping[tuple[str, bool], Objective]) -> None:
    for (figure, at_most), objective in found.items():
        other = found.get((figure, False))
        if at_most and other is not None and other.bound > objective.bound:
            raise fail(
                ScenarioError,
                f"objectives/{figure}",
                f"at least {shown(figure, other.bound)} and at most {shown(figure, objective.bound)} cannot both hold",
            )
