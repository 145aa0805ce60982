"""Modes with what is asked of each, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..scenario.scenario import Scenario
from ..study.outcomes import Outcome
from ..study.points import Point, combinations
from .implied import Kept
from .judging import Check, Fared, Measured, checks, implied, is_open, judge
from .objectives import Judged, Objective, Objectives
from .rounds import Budget, asked_of, tolerance
from .verdict import Verdict, decide

__all__ = ["DEDICATED", "Case", "Jury", "asks", "case_of", "dedicated_points"]

DEDICATED = "dedicated"


@dataclass(frozen=True)
class Case:
    """A mode, and what is asked of it."""

    point: Point
    asked: Objectives

    @property
    def mode(self) -> str:
        """As it is called."""
        return str(self.point.axes["mode"])


def asks(asked: Objectives) -> bool:
    """Whether there is anything that a mode may miss."""
    return bool(asked.bounds or asked.tolerate)


def case_of(point: Point, objectives: Mapping[str, Any] | None, slo: Sequence[str]) -> Case:
    """A mode with its own objectives, or those given."""
    if point.scenario is None:
        return Case(point, Objectives())
    if objectives is None and not slo:
        return Case(point, Objectives.of(point.scenario))
    scenario, asked = asked_of(point.scenario, objectives, slo)
    return Case(replace(point, scenario=scenario), asked)


def dedicated_points(scenario: Scenario, seed: int | None) -> list[Point]:
    """A GPU for every server, which some scenarios cannot have, and fleets under control are not compared with."""
    if "control" in scenario.document:
        return []
    points, _ = combinations(scenario, {"mode": [DEDICATED]})
    return [replace(point, seed=seed) for point in points]


class Jury:
    """Judges outcomes of the modes, of which the first so many were asked for."""

    def __init__(
        self, scenario: Scenario, cases: Sequence[Case], keep: Kept, uncertainty: bool, compared: int
    ) -> None:
        self._scenario = scenario
        self._cases = cases
        self._keep = keep
        self._uncertainty = uncertainty
        self._compared = compared
        self._alone = next((i for i, case in enumerate(cases) if case.mode == DEDICATED), None)
        self._checks = [
            checks(c.point.scenario, c.asked) if c.point.scenario is not None else [] for c in cases
        ]

    def _measured(self, outcome: Outcome) -> Measured:
        return Measured(outcome.figures, outcome.samples, self._uncertainty)

    def _reference(self, outcomes: Sequence[Outcome]) -> Measured | None:
        """Dedicated GPUs, where they ran."""
        if self._alone is None or not outcomes[self._alone].ran:
            return None
        return self._measured(outcomes[self._alone])

    def _bounds(self, i: int, alone: Measured | None) -> list[Objective]:
        asked = self._cases[i].asked
        return [*asked.bounds, *implied(asked, self._keep, alone, self._scenario)]

    def _fared(
        self, i: int, outcome: Outcome, runs: int, alone: Measured | None, more: Sequence[Check]
    ) -> Fared:
        case = self._cases[i]
        if not outcome.ran or case.point.scenario is None:
            return Fared(case.mode, why_not=outcome.refused or outcome.error)
        measured = self._measured(outcome)
        judged: list[Judged] = judge(measured, self._bounds(i, alone), alone)
        found = [*self._checks[i], *more]
        shares = any(
            sum(len(part["processes"]) for part in gpu["partitions"]) > 1
            for gpu in case.point.scenario.placement.gpus
        )
        return Fared(case.mode, measured, judged, found, shares, runs, alone=alone)

    def unclear(self, outcomes: Sequence[Outcome], counts: Sequence[int]) -> list[int]:
        """Modes that chance leaves open; with dedicated GPUs where these are what they are compared with."""
        alone = self._reference(outcomes)
        found = []
        for i, (outcome, runs) in enumerate(zip(outcomes, counts, strict=True)):
            fared = self._fared(i, outcome, runs, alone, [])
            if fared.meets is None:
                found.append(i)
                if self._alone is not None and any(
                    one.meets is None and one.objective.implied for one in fared.judged
                ):
                    found.append(self._alone)
        return found

    def tolerances(
        self, outcomes: Sequence[Outcome], counts: Sequence[int], budget: Budget, **how: Any
    ) -> dict[int, Check]:
        """Whether one GPU may fail, of modes that meet everything else."""
        alone = self._reference(outcomes)
        found = {}
        for i, case in enumerate(self._cases):
            fared = self._fared(i, outcomes[i], counts[i], alone, [])
            if case.asked.tolerate and case.point.scenario is not None and fared.meets is not False:
                found[i] = tolerance(case.point.scenario, case.asked, self._bounds(i, alone), budget, **how)
        return found

    def verdict(
        self, outcomes: Sequence[Outcome], counts: Sequence[int], tolerances: Mapping[int, Check]
    ) -> Verdict:
        """The answer."""
        alone = self._reference(outcomes)
        fared = [
            self._fared(i, outcome, runs, alone, [tolerances[i]] if i in tolerances else [])
            for i, (outcome, runs) in enumerate(zip(outcomes, counts, strict=True))
        ]
        return decide(
            self._scenario.name,
            fared[: self._compared],
            fared[self._alone] if self._alone is not None else None,
            keep=self._keep,
            keeps_up=self._kept_up(alone),
        )

    def _kept_up(self, alone: Measured | None) -> float:
        """Share of the requests that dedicated GPUs complete in time."""
        if alone is None or not is_open(self._scenario) or not alone["offered_rate"] > 0:
            return 1.0
        return min(1.0, alone["request_throughput"] / alone["offered_rate"])
