"""More runs of what chance leaves open, until it is clear or a budget ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from .._numbers import check_count
from ..scenario.scenario import Scenario
from ..study.cases import run_cases
from ..study.outcomes import Outcome
from ..study.points import Point
from ..study.results import Result
from ..study.simulation import run_count, simulate
from .failures import failures, worst_loss
from .judging import Check, Fared, Measured, checks, judge
from .objectives import Judged, Objective, Objectives, meets

__all__ = ["LEAST", "MOST", "Budget", "asked_of", "judged_run", "tolerance", "until_clear"]

#: Runs at least where there is something to judge, since fewer say little about chance; and at most.
LEAST, MOST = 4, 32
Progress = Callable[[int, int], object]


class Budget:
    """How many runs there may be.

    Parameters
    ----------
    replications : int
        Asked for.
    most : int
        Where chance leaves it open.
    uncertainty : bool
        Runs draw calibration errors: more of them would not make it any clearer.
    asked : bool
        Whether there are objectives to judge.
    """

    def __init__(self, replications: int, most: int, uncertainty: bool, asked: bool) -> None:
        most = check_count("most_replications", most)
        first = run_count(replications, uncertainty)
        if asked and not uncertainty:
            first = max(first, min(LEAST, most))
        self.first = first
        self.most = max(first, most) if asked and not uncertainty else first


def asked_of(
    scenario: Scenario, objectives: Mapping[str, Any] | None, slo: Sequence[str]
) -> tuple[Scenario, Objectives]:
    """What is asked of a scenario, and the scenario with that as its objectives, so that its runs count goodput.

    Raises
    ------
    ScenarioError, FigureError
        As `Objectives.of`.
    """
    if objectives is not None:
        scenario = scenario.with_objectives(objectives)
    # Runs have goodput once a latency has a bound.
    last = [text for text in slo if text.lstrip().startswith("goodput")]
    for texts in ([text for text in slo if text not in last], last):
        if texts:
            scenario = scenario.with_objectives(Objectives.of(scenario, None, texts).to_dict())
    return scenario, Objectives.of(scenario)


def until_clear(
    points: Sequence[Point],
    unclear: Callable[[Sequence[Outcome], Sequence[int]], Iterable[int]],
    budget: Budget,
    *,
    progress: Progress | None = None,
    **how: Any,
) -> tuple[list[Outcome], list[int]]:
    """Simulates points, and those that are unclear again with twice as many runs.

    Parameters
    ----------
    points : sequence of Point
        All are simulated.
    unclear : callable
        Takes the outcomes and the runs of each point, and gives the positions that need more.
    budget : Budget
        Runs of each point, at first and at most.
    progress : callable, optional
        Called with (simulated, to simulate as far as is known).
    **how
        As `run_cases` takes it.

    Returns
    -------
    outcomes : list of Outcome
        Of the last time that each was simulated.
    counts : list of int
        Runs of each.
    """
    outcomes, counts = [Outcome()] * len(points), [0] * len(points)
    waiting, count, before = list(range(len(points))), budget.first, 0
    while waiting:
        told = partial(_further, progress, before) if progress else None
        found = run_cases([points[i] for i in waiting], replications=count, progress=told, **how)
        for i, outcome in zip(waiting, found, strict=True):
            outcomes[i], counts[i] = outcome, count
        before += len(waiting)
        if count >= budget.most:
            break
        count = min(2 * count, budget.most)
        waiting = [i for i in dict.fromkeys(unclear(outcomes, counts)) if outcomes[i].ran]
    return outcomes, counts


def _further(progress: Progress, before: int, done: int, total: int) -> None:
    progress(before + done, before + total)


def tolerance(
    scenario: Scenario, asked: Objectives, bounds: Sequence[Objective], budget: Budget, **how: Any
) -> Check:
    """Whether all bounds hold while each node, GPU or instance is lost in turn."""
    name, wanted = f"tolerate {asked.tolerate}", "one may fail"
    found = failures(scenario, asked.tolerate)
    lacking = next((failure for failure in found if failure.lacking), None)
    if lacking is not None:
        return Check(name, wanted, f"nothing else serves {lacking.lacking} without {lacking.what}", False)
    points = [
        Point(failure.scenario, {"mode": f"without {failure.what}"}, how.get("seed")) for failure in found
    ]
    how = {key: value for key, value in how.items() if key != "seed"}

    def judged(outcomes: Sequence[Outcome]) -> list[list[Judged]]:
        return [judge(Measured(o.figures), bounds, None) if o.ran else [] for o in outcomes]

    def held(outcomes: Sequence[Outcome]) -> list[bool | None]:
        pairs = zip(outcomes, judged(outcomes), strict=True)
        return [meets(found) if outcome.ran else False for outcome, found in pairs]

    def unclear(outcomes: Sequence[Outcome], counts: Sequence[int]) -> list[int]:
        found = held(outcomes)
        return [] if False in found else [i for i, one in enumerate(found) if one is None]

    outcomes, _ = until_clear(points, unclear, budget, **how)
    holds = held(outcomes)
    loss = worst_loss(found, judged(outcomes))
    words = {True: "holds", None: "too close", False: "missed"}
    meeting = False if False in holds else None if None in holds else True
    return Check(name, wanted, f"{words[meeting]}: {loss}" if loss is not None else words[meeting], meeting)


def judged_run(
    scenario: Scenario, asked: Objectives, budget: Budget, *, seed: int | None = None, **how: Any
) -> tuple[Result, Fared]:
    """One scenario, with more runs until its objectives are clear; `how` as `simulate` takes it."""
    found, count = checks(scenario, asked), budget.first
    uncertainty = bool(how.get("uncertainty", False))
    while True:
        result = simulate(scenario, seed=seed, replications=count, **how)
        judged = judge(Measured(dict(result.summary())), asked.bounds, None)
        if meets(judged) is not None or count >= budget.most:
            break
        count = min(2 * count, budget.most)
    if asked.tolerate and meets(judged) is not False:
        threads = how.get("threads")
        found.append(
            tolerance(
                scenario, asked, asked.bounds, budget, seed=seed, uncertainty=uncertainty, threads=threads
            )
        )
    measured = Measured(dict(result.summary()))
    return result, Fared(scenario.mode, measured, judged, found, runs=count)
