"""Comparisons that come with a verdict."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ..files import try_to_write
from ..report.page import write_page
from ..scenario.scenario import ModeLike, Scenario, ScenarioLike
from ..study import comparison
from ..study.outcomes import Outcome
from ..study.points import Point, combinations, mode_points
from ..study.runner import Executor, MapCallable
from ..study.simulation import MOST_REQUESTS, as_scenario
from .how import How
from .implied import KEPT, Kept
from .judging import Check, Fared, Measured, checks, implied, is_open, judge
from .objectives import Judged, Objective, Objectives
from .reporting import Told, command_of, report_page
from .rounds import MOST, Budget, asked_of, tolerance, until_clear
from .verdict import Verdict, decide

__all__ = ["Comparison", "compare"]

_DEDICATED = "dedicated"


def compare(
    scenario: ScenarioLike,
    modes: Sequence[ModeLike] | None = None,
    objectives: Mapping[str, Any] | None = None,
    *,
    slo: Sequence[str] = (),
    keep: Kept = KEPT,
    seed: int | None = None,
    replications: int = 1,
    most_replications: int = MOST,
    uncertainty: bool = False,
    record_requests: bool = True,
    executor: Executor | MapCallable | None = None,
    threads: int | None = None,
    most_requests: float = MOST_REQUESTS,
    progress: Callable[[int, int], object] | None = None,
    resume: str | os.PathLike[str] | None = None,
) -> Comparison:
    """Simulates a scenario in several modes under the same luck, and says which of them to run.

    Parameters
    ----------
    scenario : Scenario, str, path or mapping
        As in `simulate`.
    modes : sequence of str or Layout, optional
        Modes as in `Scenario.load`, or one text of them with commas between; by default
        the document's own, or dedicated, time-slicing and mps. Where dedicated
        GPUs are not among them, they are simulated beside them: the verdict says what comes free and what users lose.
    objectives : mapping, optional
        As a document has them: ``{"llm.ttft_p95": "400ms", "success_rate": 0.999}``; by default the document's.
    slo : sequence of str
        Further bounds, such as ``"llm.ttft_p95=400ms"``; they replace those of the same figure and side.
    keep : Kept
        What is asked, relative to dedicated GPUs, where there are no objectives; of what is served, also where there
        are.
    seed, uncertainty, record_requests : optional
        As in `simulate`.
    replications : int
        Runs of each mode, at least; with objectives 4. Modes whose objectives chance leaves open are simulated again
        with twice as many.
    most_replications : int
        At most so many.
    executor : optional
        As in `sweep`: None for threads, anything with ``submit``, or a map callable.
    threads : int, optional
        Modes at a time without an executor; by default one a core.
    most_requests : float
        As in `simulate`.
    progress : callable, optional
        Called with (modes done, modes in all), which grows when modes are simulated again.
    resume : str or path, optional
        As in `sweep`, which may use the same file. A mode found in it has figures and no `results`.

    Returns
    -------
    Comparison
        A mode that is refused for memory or layout is a row with its reason, and one that does not exist, does not suit
        the scenario or failed a row with its error.

    Raises
    ------
    ScenarioError
        For objectives that contradict.
    FigureError
        For objectives of figures that its runs do not have.
    OSError, ValueError
        As `sweep`; an empty list of modes is a ValueError.

    Examples
    --------
    >>> import gpushare as gs
    >>> table = gs.compare("voice-light", modes=["dedicated", "mps"])
    >>> table.verdict.share, table.verdict.mode, table.verdict.ties
    (True, 'mps', [])
    """
    scenario = as_scenario(scenario)
    if objectives is not None or slo:
        asked_of(
            scenario, objectives, list(slo)
        )  # what is wrong with them is told of the scenario, not of a mode
    points = mode_points(scenario, modes, seed)
    cases = [_case(point, objectives, slo) for point in points]
    beside = [] if _DEDICATED in [point.axes["mode"] for point in points] else _dedicated(scenario, seed)
    cases += [_case(point, objectives, slo) for point in beside]
    judge_ = _Judge(scenario, cases, keep, uncertainty, len(points))
    budget = Budget(replications, most_replications, uncertainty, any(_asks(case.asked) for case in cases))
    how: dict[str, Any] = {
        "uncertainty": uncertainty,
        "executor": executor,
        "threads": threads,
        "resume": resume,
        "most_requests": most_requests,
    }
    outcomes, counts = until_clear(
        [case.point for case in cases],
        judge_.unclear,
        budget,
        record_requests=record_requests,
        keep_results=True,
        progress=progress,
        **how,
    )
    verdict = judge_.verdict(outcomes, counts, judge_.tolerances(outcomes, counts, budget, seed=seed, **how))
    count = len(points)
    return Comparison(
        scenario,
        points,
        outcomes[:count],
        counts[:count],
        verdict,
        asked=any(case.asked != Objectives() for case in cases[:count]),
        perturbed=uncertainty,
        how=How(modes, objectives, tuple(slo), keep, seed, replications, most_replications, uncertainty),
    )


@dataclass(frozen=True)
class _Case:
    """A mode, and what is asked of it."""

    point: Point
    asked: Objectives

    @property
    def mode(self) -> str:
        return str(self.point.axes["mode"])


def _asks(asked: Objectives) -> bool:
    return bool(asked.bounds or asked.tolerate)


def _case(point: Point, objectives: Mapping[str, Any] | None, slo: Sequence[str]) -> _Case:
    if point.scenario is None:
        return _Case(point, Objectives())
    if objectives is None and not slo:
        return _Case(point, Objectives.of(point.scenario))
    scenario, asked = asked_of(point.scenario, objectives, list(slo))
    return _Case(replace(point, scenario=scenario), asked)


def _dedicated(scenario: Scenario, seed: int | None) -> list[Point]:
    """A GPU for every server, which some scenarios cannot have, and fleets under control are not compared with."""
    if "control" in scenario.document:
        return []
    points, _ = combinations(scenario, {"mode": [_DEDICATED]})
    return [replace(point, seed=seed) for point in points]


class _Judge:
    """Judges outcomes of the modes, of which the first so many were asked for."""

    def __init__(
        self, scenario: Scenario, cases: Sequence[_Case], keep: Kept, uncertainty: bool, compared: int
    ) -> None:
        self._scenario = scenario
        self._cases = cases
        self._keep = keep
        self._uncertainty = uncertainty
        self._compared = compared
        self._alone = next((i for i, case in enumerate(cases) if case.mode == _DEDICATED), None)
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


class Comparison(comparison.Comparison):
    """One row for each mode, and the verdict.

    Attributes
    ----------
    scenario : Scenario
        What was compared.
    modes : list of str
        In the order of the rows.
    results : dict of str to Result
        By mode; a mode that was refused, failed or was found in a file has none.
    summaries : dict of str to Summary
        Figures by mode.
    refused, errors : dict of str to str
        By mode why it is impossible, and what went wrong.
    replications : int
        Runs of each mode; the most where they differ.
    verdict : Verdict
        Share or not, which mode, what it saves and costs.
    asked : bool
        Whether there were objectives; otherwise modes are judged against dedicated GPUs.
    """

    def __init__(
        self,
        scenario: Scenario,
        points: Sequence[Point],
        outcomes: Sequence[Outcome],
        counts: Sequence[int],
        verdict: Verdict,
        *,
        asked: bool = False,
        perturbed: bool = False,
        how: How | None = None,
    ) -> None:
        ran = [count for count, outcome in zip(counts, outcomes, strict=True) if outcome.ran] or list(counts)
        super().__init__(scenario, points, outcomes, max(ran), perturbed=perturbed, fewest=min(ran))
        self.verdict = verdict
        self.asked = asked
        self._how = how if how is not None else How()

    @cached_property
    def objectives(self) -> dict[str, dict[str, Judged | Check]]:
        """By mode what became of every objective, by its figure."""
        return {one.name: one.named() for one in self.verdict.fared if one.measured is not None}

    def text(self, *, width: int = 100, intervals: bool = False) -> str:
        """The verdict, and below it figures of every mode as aligned text, explained.

        Parameters
        ----------
        width : int
            Columns at most.
        intervals : bool
            With several replications, show the half-width beside every figure.

        Returns
        -------
        str
        """
        return f"{self.verdict.text(width)}\n\n{self.tables(width=width, intervals=intervals)}"

    def report(self, path: str | os.PathLike[str], *, sensitivity: bool = True) -> None:
        """Writes the answer and all that stands behind it as one page of HTML that needs nothing beside it.

        Parameters
        ----------
        path : str or path
            An existing file is replaced. The same comparison gives the same bytes.
        sensitivity : bool
            Also change load, lengths and assumed times one at a time, and say whether the answer stays: two runs of up
            to three modes for each.

        Raises
        ------
        OSError
            When it cannot be written.

        Examples
        --------
        >>> import gpushare as gs
        >>> gs.compare("voice-light").report("report.html")  # doctest: +SKIP
        """
        try_to_write(path)
        again = self.ask_again if sensitivity else None
        write_page(report_page(self, self.verdict, self._report_told(sensitivity), again), path)

    def _report_told(self, sensitivity: bool) -> Told:
        """Commands that repeat the report and write what it proposes."""
        name = self.scenario._recipe.source or "SCENARIO.json"
        mode = ["--mode", self.verdict.mode] if self.verdict.mode else []
        less = {} if sensitivity else {"no-sensitivity": True}
        return Told(command_of(name, self._how.options(self.scenario) | less), [name, *mode])

    def ask_again(self, scenario: Scenario) -> Verdict:
        """The answer for a changed scenario: of the mode chosen, dedicated GPUs and the next best, one run of each."""
        others = [
            one for one in self.verdict.fared if one.measured is not None and one is not self.verdict.chosen
        ]
        best = sorted(others, key=lambda one: (one.name == _DEDICATED, one.margin[0]), reverse=True)[:2]
        names = [one.name for one in (self.verdict.chosen, *best) if one is not None]
        how = self._how
        return compare(
            scenario,
            [mode for mode in self.modes if mode in names],
            how.objectives,
            slo=how.slo,
            keep=how.keep,
            seed=how.seed,
            most_replications=1,
            record_requests=False,
        ).verdict

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self.verdict._repr_html_() + self._html_tables("")
