"""The largest load within objectives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core import Error, ScenarioError
from .._errors import fail
from .._numbers import check_count, check_number
from ..frames.progress import followed
from ..frames.render import number
from ..scenario.scenario import ModeLike, Scenario, ScenarioLike, mode_text
from ..study.outcomes import Outcome
from ..study.points import mode_list
from ..study.runner import Executor, MapCallable
from ..study.simulation import as_scenario
from .capacity_text import Capacity, CapacityOfMode, Tried, grows
from .failures import Failure, failures
from .implied import KEPT
from .judging import checks
from .loads import Varied, varied
from .objectives import Judged, Objective, Objectives, meets, shown
from .runs import Runs

__all__ = ["capacity"]

#: Loads that are tried at once: the search is the same whatever runs it.
_AT_ONCE = 4
#: Times that the load is multiplied or divided by 4 at most.
_STEPS = 8
#: Requests of a run below which its figures say nothing of a load.
_FEWEST = 10
_EMPTY = f"fewer than {_FEWEST} requests come within a run"


def capacity(
    scenario: ScenarioLike,
    objectives: Mapping[str, Any] | None = None,
    *,
    vary: str = "",
    slo: str | Iterable[str] = (),
    modes: Sequence[ModeLike] | None = None,
    tolerance: float = 0.01,
    replications: int = 8,
    seed: int | None = None,
    executor: Executor | MapCallable | None = None,
    threads: int | None = None,
    progress: Callable[[str], object] | None = None,
) -> Capacity:
    """Finds the largest load within the objectives, under the same luck for all loads and modes.

    Parameters
    ----------
    scenario : Scenario, str, path or mapping
        As in `simulate`.
    objectives, slo : optional
        As in `plan`. Without any, what dedicated GPUs give at the document's load, and some more. In any case
        99 % of the requests must succeed, unless another ``success_rate`` is asked for.
    vary : str
        ``"users"`` of closed traffic, ``"rate"`` of all other traffic (requests a second), or the path of a number in
        the document. By default whichever traffic there is.
    modes : sequence of str or Layout, optional
        By default the scenario's own placement.
    tolerance : float
        Loads are found to this share of themselves; users to one.
    replications : int
        Runs at each load.
    seed, executor, threads : optional
        As in `sweep`.
    progress : callable, optional
        Called with a line of text now and then.

    Returns
    -------
    Capacity
        A mode that does not exist, is refused, or misses the objectives at every load, has a capacity of 0 and the
        reason.

    Raises
    ------
    ScenarioError, FigureError
        For objectives that do not exist, or a load that cannot be varied.

    Examples
    --------
    >>> import gpushare as gs
    >>> found = gs.capacity("voice-light", {"voice_to_voice_p95": "1.5s"}, replications=2, tolerance=0.1)
    >>> found.unit, found.low <= found.load <= found.high
    ('users', True)
    """
    base = as_scenario(scenario)
    replications = check_count("replications", replications, 2)
    tolerance = check_number(
        "tolerance", tolerance, "a share above 0 and below 1", lambda share: 0 < share < 1
    )
    load = varied(base, vary)
    runs = Runs(executor, threads, seed)
    asked = Objectives.of(base, objectives, slo)
    if not asked.bounds:
        asked = asked.beside(_from_dedicated(base, runs, replications))
    asked = asked.beside([Objective("success_rate", KEPT.success, False, implied=True)])
    start = load.start(runs)
    found: dict[str, CapacityOfMode] = {}
    refused: Error | None = None
    placeable = False
    with followed(progress, f"{base.name}, capacity", "text") as told:
        say = told if told is not None else lambda text: None
        for mode in mode_list(modes, base.modes) if modes is not None else [""]:
            name = mode_text(mode) if mode else base.mode
            runs.told = lambda count, name=name: say(f"{name}: {count} runs")
            try:
                placed = base.with_mode(mode) if mode else base
            except Error as error:
                refused = error
                found[name] = CapacityOfMode(0.0, 0.0, 0.0, (), str(error))
                continue
            placeable = True
            found[name] = _Search(placed, load, asked, runs, replications, tolerance).find(start)
    if not placeable and refused is not None:
        raise refused
    return Capacity(
        base.name, vary or load.kind, load.unit, found, asked, runs.count, base.warnings, load.told
    )


def _from_dedicated(scenario: Scenario, runs: Runs, replications: int) -> list[Objective]:
    """What latencies may be where nobody says."""
    outcome = runs.outcomes([scenario.with_mode("dedicated")], replications)[0]
    if outcome.refused:
        raise fail(
            ScenarioError, "objectives", f"none are given, and dedicated GPUs are refused: {outcome.refused}"
        )
    return KEPT.latencies(outcome.figures, scenario.document["pipelines"])


@dataclass
class _Search:
    """Of one mode."""

    scenario: Scenario
    load: Varied
    asked: Objectives
    runs: Runs
    replications: int
    tolerance: float
    tried: dict[float, Tried] = field(default_factory=dict)

    def find(self, start: float) -> CapacityOfMode:
        if obstacle := self.obstacle():
            return CapacityOfMode(0.0, 0.0, 0.0, (), obstacle)
        self.bracket(start)
        good = [load for load, tried in self.tried.items() if tried.excess <= 0]
        if not good:
            return CapacityOfMode(0.0, 0.0, min(self.tried), self.curve(), self.why())
        load = self.narrow(lambda tried: tried.excess <= 0)
        if load == 0:  # smaller loads are missed, for whatever reason
            return CapacityOfMode(0.0, 0.0, min(self.tried), self.curve(), self.why())
        low = self.narrow(lambda tried: tried.fits is True)
        high = self.narrow(lambda tried: tried.fits is not False, upper=True)
        wanted = [one for one in self.tried[load].judged if grows(one.objective)]
        if meets(wanted) is False:  # no smaller load comes nearer to it
            why = _missed(wanted, f"{number(load)} {self.load.unit}, the most that the others allow")
            return CapacityOfMode(0.0, 0.0, min(self.tried), self.curve(), why)
        sure = low > 0 and meets([one for one in self.tried[low].judged if grows(one.objective)]) is True
        return CapacityOfMode(load, low if sure else 0.0, high, self.curve())

    def obstacle(self) -> str:
        """What is missed whatever the load: isolation, memory, services that a loss would leave without a server."""
        missed = [
            f"{one.name} is {one.found}, {one.asked} is asked"
            for one in checks(self.scenario, self.asked)
            if not one.meets
        ]
        lost = [
            f"nothing else serves {one.lacking} without {one.what}"
            for one in self.losses(self.scenario)
            if one.lacking
        ]
        return "; ".join([*missed, *lost[:1]])

    def losses(self, scenario: Scenario) -> list[Failure]:
        """Each loss that is to be tolerated."""
        return failures(scenario, self.asked.tolerate) if self.asked.tolerate else []

    def why(self) -> str:
        """What is missed at the least load that every figure is known of, or what stands in the way of any."""
        known = [one for one in self.curve() if one.judged and not any(map(_is_unknown, one.judged))]
        least = known[0] if known else self.curve()[0]
        if least.refused:
            return least.refused
        return _missed(least.limits, f"{number(least.load)} {self.load.unit}")

    def curve(self) -> list[Tried]:
        return [self.tried[load] for load in sorted(self.tried)]

    def bracket(self, start: float) -> None:
        """Tries loads until one is within the objectives and a larger one clearly is not."""
        factor = 4.0
        self.try_all([start, start * factor])
        for _ in range(_STEPS):
            lowest, highest = min(self.tried), max(self.tried)
            more = []
            if self.tried[highest].fits is not False:
                more.append(highest * factor)
            is_empty = self.tried[lowest].refused == _EMPTY
            if (
                self.tried[lowest].fits is not True
                and not is_empty
                and self.load.rounded(lowest / factor) < lowest
            ):
                more.append(lowest / factor)
            if not more:
                return
            self.try_all(more)

    def narrow(self, within: Callable[[Tried], bool], *, upper: bool = False) -> float:
        """The largest load tried that is within, or the smallest beyond it, to the tolerance."""
        while True:
            loads = sorted(self.tried)
            beyond = [load for load in loads if not within(self.tried[load])]
            above = min(beyond, default=math.inf)
            below = max((load for load in loads if load < above), default=0.0)
            if math.isinf(above) or below == 0.0:
                return below if not upper else above
            more = self.between(below, above)
            if not more:
                return above if upper else below
            self.try_all(more)

    def between(self, below: float, above: float) -> list[float]:
        """Loads between two, evenly on a logarithmic scale; none where these are near enough."""
        if not self.load.whole and above / below - 1 <= self.tolerance:
            return []
        step = (above / below) ** (1 / (_AT_ONCE + 1))
        loads = {self.load.rounded(below * step ** (i + 1)) for i in range(_AT_ONCE)}
        return sorted(load for load in loads if below < load < above and load not in self.tried)

    def try_all(self, loads: Sequence[float]) -> None:
        new = [load for load in dict.fromkeys(map(self.load.rounded, loads)) if load not in self.tried]
        cases = [
            (load, scenario)
            for load in new
            for whole in [self.load.at(self.scenario, load)]
            for scenario in (whole, *(loss.scenario for loss in self.losses(whole)))
            if scenario is not None
        ]
        outcomes = self.runs.outcomes([scenario for _, scenario in cases], self.replications)
        for (load, _), outcome in zip(cases, outcomes, strict=True):
            tried = self.judge(load, outcome)
            self.tried[load] = tried.worse(self.tried[load]) if load in self.tried else tried

    def judge(self, load: float, outcome: Outcome) -> Tried:
        if outcome.refused:
            return Tried(load, (), outcome.refused)
        if self.load.kind != "users" and outcome.figures["arrived"] < _FEWEST:
            return Tried(load, (), _EMPTY)
        return Tried(load, tuple(self.asked.judge(outcome.figures)))


def _is_unknown(judged: Judged) -> bool:
    return math.isnan(judged.value)


def _missed(judged: Sequence[Judged], load: str) -> str:
    worst = max(judged, key=lambda one: math.inf if math.isnan(one.excess) else one.excess)
    if _is_unknown(worst):
        return f"nothing got as far as {worst.objective.figure} at {load}"
    value = shown(worst.objective.figure, worst.value)
    return f"{worst.objective.figure} is {value} at {load}, against {worst.objective}"
