"""What is asked of the services that run, and whether their figures say that they get it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..study.estimates import estimate
from .implied import KEPT, SERVED, Kept
from .judging import judge_relative
from .objectives import Judged, Objective, Objectives
from .space import Space

__all__ = ["OVERLOADED", "Asked"]

#: What misses its bound by more, as a share of it, is beyond doubt after one run.
OVERLOADED = 2.0


@dataclass(frozen=True)
class Asked:
    """Objectives, by the services that they are of.

    Attributes
    ----------
    space : Space
        The services and pipelines.
    objectives : Objectives
        By the canonical names of the whole scenario.
    kept : Kept
        What is asked for beside them.
    """

    space: Space
    objectives: Objectives
    kept: Kept = KEPT

    @property
    def spare(self) -> int:
        """Replicas of each service that may be missing."""
        return 1 if self.objectives.tolerate else 0

    def apart(self, level: str) -> list[frozenset[int]]:
        """Services that must not share a part at all (``"hardware"``), or an MPS daemon (``"process"``)."""
        position = {name: i for i, name in enumerate(self.space.services)}
        return [
            frozenset(position[name] for name in rule.between)
            for rule in self.objectives.isolation
            if rule.level == level
        ]

    def judge(
        self,
        values: Mapping[str, float],
        runs: Sequence[Mapping[str, float]],
        dedicated: Sequence[Mapping[str, float]],
        running: frozenset[int],
        services: Iterable[int],
        replicas: int = 1,
    ) -> list[Judged]:
        """The bounds that services have anything to do with, and what dedicated GPUs serve.

        Parameters
        ----------
        values : mapping of str to float
            Figures over all runs.
        runs : sequence of mapping of str to float
            Those of each run.
        dedicated : sequence of mapping of str to float
            Of these services on whole GPUs of their own, of as many runs under the same luck: what is compared with
            them is compared run by run. Empty where they do not fit.
        running : frozenset of int
            Services that ran.
        services : iterable of int
            Those that are looked at.
        replicas : int
            That any of them has, at most: none of so many may fall behind.
        """
        looked_at = frozenset(services)
        bounds = [o for o in self.objectives.bounds if self._concerns(o, running, looked_at)]
        judged = [objective.judge(_find(values, objective.figure)) for objective in bounds]
        bounded = {o.figure for o in self.objectives.bounds if not o.at_most}
        alone = {name: [run.get(name, math.nan) for run in dedicated] for name in SERVED if dedicated}
        whole = {name: float(estimate(served)) for name, served in alone.items()}
        for objective in self.kept.served(whole, replicas):
            name = objective.figure
            if name not in bounded:
                pairs = [(run[name], one) for run, one in zip(runs, alone.get(name, ()), strict=False)]
                value = float(values[name])
                judged.append(judge_relative(objective, value, pairs, whole.get(name, math.nan)))
        return judged

    def failing(self, judged: Iterable[Judged], services: Iterable[int], meets: bool | None) -> list[int]:
        """Those of the services for which `meets` is what is known of a bound."""
        looked_at = frozenset(services)
        found: set[int] = set()
        for one in judged:
            if one.meets is meets:
                of = self.services_of(one.objective.figure)
                found |= looked_at if of is None else of & looked_at
        return sorted(found)

    def excess(self, judged: Iterable[Judged], services: Iterable[int]) -> dict[int, float]:
        """By how much, as a share of its bound, each service misses what is asked of it; below 0: what is to spare.

        What is served says nothing while it suffices; otherwise it counts as being far beyond.
        """
        looked_at = frozenset(services)
        result: dict[int, float] = {}
        for one in judged:
            if not one.objective.at_most and one.meets is not False:
                continue
            excess = one.excess if one.objective.at_most and not math.isnan(one.excess) else OVERLOADED
            of = self.services_of(one.objective.figure)
            for service in looked_at if of is None else of & looked_at:
                result[service] = max(result.get(service, -1.0), excess)
        return result

    def services_of(self, figure: str) -> frozenset[int] | None:
        """Services that a figure is of; None for figures of the whole run."""
        return self._owners.get(figure.rpartition(".")[0])

    def _concerns(self, objective: Objective, running: frozenset[int], services: frozenset[int]) -> bool:
        """Whether the figure is there, and of one of these services."""
        of = self.services_of(objective.figure)
        if of is None:
            return running == frozenset(range(len(self.space.services)))
        return of <= running and bool(of & services)

    @cached_property
    def _owners(self) -> dict[str, frozenset[int]]:
        """What stands before the last dot of a figure's name."""
        position = {name: i for i, name in enumerate(self.space.services)}
        owners = {name: frozenset([i]) for name, i in position.items()}
        owners |= {name: frozenset(members) for name, members in self.space.pipelines.items()}
        for pipeline, described in self.space.scenario.document["pipelines"].items():
            for stage in described["stages"]:
                if "service" in stage:
                    of = frozenset([position[stage["service"]]])
                    owners |= {stage["name"]: of, f"{pipeline}.{stage['name']}": of}
        return owners


def _find(values: Mapping[str, float], figure: str) -> float:
    """A figure's value; where there is one pipeline alone its name may be left out."""
    if figure in values:
        return values[figure]
    return values.get(figure.partition(".")[2], math.nan)
