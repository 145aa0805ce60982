"""How a way of running a scenario fares against what is asked of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..scenario.placing import fits
from ..scenario.scenario import Scenario
from ..study import figures
from ..study.estimates import estimate
from .implied import Kept
from .objectives import CLEARANCE, Judged, Objective, Objectives, meets

__all__ = ["Check", "Fared", "Measured", "checks", "implied", "is_open", "judge", "judge_relative"]

_END = "e2e_latency_p95_s"
#: How many requests are served: a second, and of one of several pipelines in the window.
RATE, COUNT = "request_throughput", "e2e_latency_count"


@dataclass(frozen=True)
class Measured:
    """Figures of some runs, by the names of `Summary`.

    Attributes
    ----------
    summary : mapping of str to float
        Over all runs, estimates where there were several.
    samples : mapping of str to sequence of float
        What each of several runs had of the figures that are compared run by run.
    perturbed : bool
        Whether the runs drew calibration errors.
    """

    summary: Mapping[str, float]
    samples: Mapping[str, Sequence[float]] = field(default_factory=dict)
    perturbed: bool = False

    def __getitem__(self, figure: str) -> float:
        return float(self.summary.get(figure, math.nan))


@dataclass(frozen=True)
class Check:
    """Something asked for that is no figure of a run, and what became of it.

    Attributes
    ----------
    name, asked, found : str
        What, how much of it, and what there is.
    meets : bool or None
        None when chance leaves it open.
    value, bound : float
        The same as numbers, where they are numbers.
    """

    name: str
    asked: str
    found: str
    meets: bool | None
    value: float = math.nan
    bound: float = math.nan

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with the keys of `Judged.to_dict` and what is asked and found in words."""
        numbers = {"value": self.value, "low": self.value, "high": self.value, "bound": self.bound}
        return numbers | {"asked": self.asked, "found": self.found, "implied": False, "meets": self.meets}


@dataclass(frozen=True)
class Fared:
    """One way of running a scenario, and what became of each objective.

    Attributes
    ----------
    name : str
        The mode.
    measured : Measured or None
        None when it did not run.
    judged : sequence of Judged
        Every bound on a figure.
    checks : sequence of Check
        Everything else that was asked for.
    shares : bool
        Whether several processes share a GPU.
    runs : int
        How many there were.
    why_not : str
        Why it did not run; empty otherwise.
    """

    name: str
    measured: Measured | None = None
    judged: Sequence[Judged] = ()
    checks: Sequence[Check] = ()
    shares: bool = False
    runs: int = 1
    why_not: str = ""
    alone: Measured | None = field(default=None, repr=False)

    @property
    def idle(self) -> bool:
        """Whether it ran and nobody came, so that nothing can be said of it."""
        return self.measured is not None and self.measured["arrived"] == 0

    @property
    def meets(self) -> bool | None:
        """Whether everything is met; None when nothing is missed and something is too close to say, or nobody came."""
        if self.measured is None:
            return False
        if self.idle:
            return None
        found = [meets(self.judged), *(check.meets for check in self.checks)]
        return False if False in found else None if None in found else True

    @property
    def gpus(self) -> float:
        """GPUs used."""
        return self._figure("gpus_used")

    @property
    def freed(self) -> float:
        """GPUs fewer than one for each server."""
        return self._figure("gpus_freed")

    @property
    def cost(self) -> float:
        """A month."""
        return self._figure("cost_per_month")

    def _figure(self, name: str) -> float:
        return self.measured[name] if self.measured is not None else math.nan

    @property
    def worst(self) -> Judged | None:
        """The bound with the least margin."""
        return min(self.judged, key=lambda one: self.margin_of(one)[0], default=None)

    @property
    def margin(self) -> tuple[float, float]:
        """Of the worst objective what is left of what it allows (below zero: lacks), and how far chance moves that."""
        if self.measured is None or any(check.meets is False for check in self.checks):
            return -math.inf, 0.0
        return self.margin_of(self.worst) if self.worst is not None else (1.0, 0.0)

    def margin_of(self, one: Judged) -> tuple[float, float]:
        """The same of one bound.

        A latency may use up its bound; what is relative to dedicated GPUs what it may lose against them; and a share
        that has to be high its distance from 1.
        """
        if math.isnan(one.value):
            return -math.inf, 0.0
        objective = one.objective
        allowed = abs(objective.bound)
        if objective.implied and self.alone is not None:
            allowed = abs(objective.bound - self.alone[objective.figure])
        elif (
            not objective.at_most
            and objective.bound < 1
            and figures.describe(objective.figure).kind == "share"
        ):
            allowed = 1 - objective.bound
        spare = (objective.bound - one.value) * (1.0 if objective.at_most else -1.0)
        half = (one.high - one.low) / 2
        return (spare / allowed, CLEARANCE * half / allowed) if allowed > 0 else (spare, CLEARANCE * half)

    @property
    def ends(self) -> list[str]:
        """The end-to-end p95 of every pipeline, by figure."""
        if self.measured is None:
            return []
        return [name for name in self.measured.summary if name.endswith(f".{_END}")] or [_END]

    @property
    def longer(self) -> tuple[float, str]:
        """By how much users of the pipeline that suffers most wait longer than with dedicated GPUs, and its figure."""
        if self.measured is None or self.alone is None:
            return math.nan, ""
        known = [
            (self.measured[name] / self.alone[name] - 1, name) for name in self.ends if self.alone[name] > 0
        ]
        return max((one for one in known if math.isfinite(one[0])), default=(math.nan, ""))

    @property
    def served(self) -> tuple[float, str]:
        """How many of the requests that dedicated GPUs serve, of the pipeline that loses most, and its figure."""
        if self.measured is None or self.alone is None:
            return math.nan, ""
        counts = [
            name for name in self.measured.summary if name.endswith(f".{COUNT}") and name.count(".") == 1
        ]
        names = counts if len(self.ends) > 1 else [RATE]
        known = [(self.measured[name] / self.alone[name], name) for name in names if self.alone[name] > 0]
        return min((one for one in known if math.isfinite(one[0])), default=(math.nan, ""))

    def named(self) -> dict[str, Judged | Check]:
        """By figure everything that was asked; of two sides of a figure the second has its sign in its name."""
        found: dict[str, Judged | Check] = {}
        for one in self.judged:
            name = one.objective.figure
            sign = " <=" if one.objective.at_most else " >="
            found[name if name not in found else name + sign] = one
        return found | {check.name: check for check in self.checks}


def is_open(scenario: Scenario, pipeline: str = "") -> bool:
    """Whether some requests (of a pipeline) come whether or not others are answered, so that they may be too many."""
    traffic = [
        entry
        for entry in scenario.document["traffic"]
        if entry.get("pipeline", pipeline) == pipeline or not pipeline
    ]
    return any(entry.get("kind") != "closed" for entry in traffic)


def implied(asked: Objectives, keep: Kept, alone: Measured | None, scenario: Scenario) -> list[Objective]:
    """What is asked beside the objectives: as much as dedicated GPUs serve, and without bounds their latencies.

    Users who wait for answers make fewer requests where these take longer. That is told by latencies, so where there
    are bounds, the rate counts only of requests that come by themselves. Of several pipelines each has its own.
    """
    if alone is None:
        return []
    values = {name: float(value) for name, value in alone.summary.items()}
    pipelines = list(scenario.workload.pipelines)
    latencies = [] if asked.bounds else keep.latencies(values, pipelines)
    counted = {} if len(pipelines) == 1 else {f"{name}.{COUNT}": name for name in pipelines}
    served = [one for one in keep.served(values) if not counted or one.figure != RATE]
    served += [
        Objective(figure, keep.throughput * values[figure], False, implied=True)
        for figure in counted
        if not math.isnan(values.get(figure, math.nan))
    ]
    bounded = {one.figure for one in asked.bounds if not one.at_most}
    if asked.bounds:
        rates = counted or {RATE: ""}
        bounded |= {figure for figure, name in rates.items() if not is_open(scenario, name)}
    return [*latencies, *(one for one in served if one.figure not in bounded)]


def judge(measured: Measured, bounds: Sequence[Objective], alone: Measured | None) -> list[Judged]:
    """Every bound against figures; those relative to dedicated GPUs run by run, since both had the same luck."""
    return [
        _relative(one, measured, alone)
        if one.implied and alone is not None
        else one.judge(measured.summary.get(one.figure, math.nan))
        for one in bounds
    ]


def _relative(objective: Objective, measured: Measured, alone: Measured) -> Judged:
    name = objective.figure
    pairs = list(zip(measured.samples.get(name, ()), alone.samples.get(name, ()), strict=False))
    value = measured.summary.get(name, math.nan)
    return judge_relative(objective, value, pairs, alone[name], perturbed=measured.perturbed)


def judge_relative(
    objective: Objective,
    value: float,
    pairs: Sequence[tuple[float, float]],
    whole: float,
    *,
    perturbed: bool = False,
) -> Judged:
    """A bound that is a share of what dedicated GPUs have, of which each run has its own.

    Parameters
    ----------
    objective : Objective
        With the bound that follows from `whole`.
    value : float
        Over all runs; judged by itself where there are no two runs to compare, or `whole` is nothing.
    pairs : sequence of (float, float)
        What each run had, and dedicated GPUs under the same luck.
    whole : float
        What dedicated GPUs had over all runs.
    perturbed : bool
        Whether the runs drew calibration errors.
    """
    if len(pairs) < 2 or not whole > 0:
        return objective.judge(value)
    share = objective.bound / whole
    beyond = [one - share * other for one, other in pairs]
    found = Objective(objective.figure, 0.0, objective.at_most).judge(estimate(beyond, perturbed=perturbed))
    half = (found.high - found.low) / 2
    mean = float(value)
    return Judged(objective, mean, mean - half, mean + half, found.meets)


def checks(scenario: Scenario, asked: Objectives) -> list[Check]:
    """Isolation and memory, which follow from the placement alone."""
    parts = [part for gpu in scenario.placement.gpus for part in gpu["partitions"]]
    found = []
    for rule in asked.isolation:
        together = [
            part
            for part in parts
            if len(set(rule.between) & set(part["processes"])) > 1
            and (rule.level == "hardware" or part["sharing"] == "mps")
        ]
        where = f"together under {together[0]['sharing']}" if together else "apart"
        found.append(Check(f"isolation of {', '.join(rule.between)}", rule.level, where, not together))
    if asked.memory_headroom:
        found.append(_headroom(scenario, asked.memory_headroom))
    return found


def _headroom(scenario: Scenario, wanted: float) -> Check:
    sizes = {
        f"gpu{i}/{part['name']}": part["memory_bytes"]
        for i, gpu in enumerate(scenario.placement.gpus)
        for part in gpu["partitions"]
        if part["processes"]
    }
    free = fits(scenario).free_bytes
    least = min(free[place] / size for place, size in sizes.items())
    return Check(
        "memory_headroom", f">= {100 * wanted:.4g} %", f"{100 * least:.3g} %", least >= wanted, least, wanted
    )
