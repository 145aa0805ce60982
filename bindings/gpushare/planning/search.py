"""The search for the cheapest packing that a judge accepts, with a bound that no packing beats."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from .packing import Packed, Packing
from .problem import Config, Part, Problem, Tenant

__all__ = ["Found", "Judge", "Opinion", "Verdict", "search"]


#: Proposals that are judged to make a plan simpler, at most; and the load above which none is tried.
_SIMPLER = 8
_FULL = 2.0


class Verdict(Enum):
    """What a judge says."""

    meets = "meets"
    fails = "fails"
    unclear = "unclear"


@dataclass(frozen=True)
class Opinion:
    """What a judge says of a config or a packing.

    Attributes
    ----------
    verdict : Verdict
        Whether it meets all that is asked.
    failing : sequence of int
        Services that do not get what is asked for them; empty where it is not known.
    load : float
        Share of the part that is busy, for estimates.
    """

    verdict: Verdict
    failing: Sequence[int] = ()
    load: float = math.nan


class Judge(Protocol):
    """Says whether what stands together meets what is asked."""

    def configs(self, configs: Sequence[Config]) -> Sequence[Opinion]:
        """Of each config by itself, the rest of its services undisturbed: what fails so fails in every packing."""

    def packing(self, packed: Packed) -> Opinion:
        """Of a whole packing."""


@dataclass
class Found:
    """What a search has found so far.

    Attributes
    ----------
    best : Packed or None
        The cheapest packing that meets everything.
    unclear : Packed or None
        One that costs less and is too close to say.
    runner_up : Packed or None
        The next best that meets everything.
    bound : float
        No packing costs less; infinite when there is none.
    most_tenants : int
        On one part of all packings that were considered.
    done : bool
        Whether the search came to its end: the best packing costs what the bound is, or there is none.
    interrupted : bool
        Whether Ctrl-C ended it.
    refuted : list of Config
        Configs that fail, the smallest that were found.
    """

    best: Packed | None = None
    unclear: Packed | None = None
    runner_up: Packed | None = None
    bound: float = 0.0
    most_tenants: int = 0
    done: bool = False
    interrupted: bool = False
    refuted: list[Config] = field(default_factory=list)


def search(
    problem: Problem,
    judge: Judge,
    *,
    rounds: int = 200,
    within: float = 0.0,
    progress: Callable[[Found], object] | None = None,
) -> Found:
    """Looks for the cheapest packing that meets everything.

    Parameters
    ----------
    problem : Problem
        What there is to choose from.
    judge : Judge
        What says whether configs and packings meet what is asked. It has to be monotonic: what fails still fails
        when more is added.
    rounds : int
        Of proposals that are judged, at most.
    within : float
        The search ends when the best packing costs at most this share more than the bound.
    progress : callable, optional
        Called after each round with what was found so far; an interrupt in it, or in the judge, ends the search
        with that.

    Returns
    -------
    Found
    """
    finder = _Search(problem, judge, within)
    try:
        finder.run(rounds, progress)
    except KeyboardInterrupt:
        finder.found.done = False
        finder.found.interrupted = True
    return finder.found


class _Search:
    def __init__(self, problem: Problem, judge: Judge, within: float) -> None:
        self.problem = problem
        self.judge = judge
        self.within = within
        self.packing = Packing(problem)
        self.found = Found()
        self.opinions: dict[Config, Opinion] = {}
        self.limit = 0.0  # no packing that is left costs less
        self.tried: set[tuple[Config, ...]] = set()

    def run(self, rounds: int, progress: Callable[[Found], object] | None) -> None:
        self.judge_singles()
        for _ in range(rounds):
            self.found.most_tenants = self.packing.most_tenants
            self.found.done = self.round()
            if progress is not None:
                progress(self.found)
            if self.found.done:
                self.simplify()
                self.look_beyond()
                return

    def judge_singles(self) -> None:
        """Every service alone on every whole GPU: what fails there fails everywhere, and cuts most."""
        for part in self.problem.parts:
            if part.name != "whole":
                continue
            waiting = [list(options) for options in self.problem.tenants]
            while any(waiting):
                # Few replicas fail first; once some suffice, more do.
                group = [
                    options.pop(0) for options in waiting if options and self.problem.suits(part, options[0])
                ]
                waiting = [options for options in waiting if options and self.problem.suits(part, options[0])]
                configs = [c for t in group if self.packing.allowed(c := Config(part, (t,)))]
                self.learn(configs)
                met = {c.tenants[0][:2] for c in configs if self.opinions[c].verdict is not Verdict.fails}
                waiting = [[t for t in options if t[:2] not in met] for options in waiting]

    def learn(self, configs: Sequence[Config]) -> list[Config]:
        """Has configs judged that were not yet; returns those that fail."""
        new = [config for config in dict.fromkeys(configs) if config not in self.opinions]
        for config, opinion in zip(new, self.judge.configs(new), strict=True):
            self.opinions[config] = opinion
            if opinion.verdict is Verdict.fails:
                self.packing.refute(config)
                self.found.refuted.append(config)
        return [config for config in new if self.opinions[config].verdict is Verdict.fails]

    def round(self) -> bool:
        """One proposal, judged; true when there is nothing left to find."""
        proposed, bound = self.packing.solve(self.risk)
        self.limit = max(self.limit, bound)
        unclear = self.found.unclear
        self.found.bound = self.limit if unclear is None else min(self.limit, unclear.cost)
        if proposed is None or self.is_near_enough():
            return True
        unknown = [config for config in proposed.configs if config not in self.opinions]
        if unknown:
            self.strengthen(self.learn(unknown))
            self.improve()
        else:
            self.consider(proposed)
        return self.is_near_enough()

    def simplify(self) -> None:
        """Looks for fewer replicas on fewer parts at the same cost."""
        for _ in range(_SIMPLER):
            best = self.found.best
            if best is None:
                return
            proposed, _bound = self.packing.solve(self.complexity)
            if proposed is None or proposed.cost > best.cost + 1e-9 or proposed.configs == best.configs:
                return
            if sum(map(self.complexity, proposed.configs)) >= sum(map(self.complexity, best.configs)):
                return
            unknown = [config for config in proposed.configs if config not in self.opinions]
            if unknown:
                self.learn(unknown)
            else:
                self.consider(proposed)

    def look_beyond(self) -> None:
        """The next best packing of configs that are known to be good."""
        if self.found.best is None:
            return
        self.packing.exclude(self.found.best.configs)
        packed, _ = self.packing.solve(self.risk, self.is_good)
        if packed is not None and self.judge.packing(packed).verdict is Verdict.meets:
            self.found.runner_up = packed

    def complexity(self, config: Config) -> float:
        """Of a config that may replace another at the same cost."""
        if not self.is_good(config) and self.load(config) > _FULL:
            return 1.0
        return 0.05 + 0.1 * len(config.tenants) + 0.02 * (config.part.name != "whole")

    def is_near_enough(self) -> bool:
        best = self.found.best
        return best is not None and best.cost <= self.limit * (1 + self.within) + 1e-9

    def strengthen(self, failed: Sequence[Config]) -> None:
        """Looks for smaller configs that fail too: they cut more."""
        candidates = [smaller for config in failed for smaller in self.smaller(config)]
        again = self.learn([config for config in candidates if self.packing.allowed(config)])
        if again:
            self.strengthen(again)

    def smaller(self, config: Config) -> list[Config]:
        """The config without the lightest tenant, and with lighter loads."""
        tenants = config.tenants
        result = []
        failing = self.opinions[config].failing
        if len(tenants) > 1:
            others = [t for t in tenants if t.service not in failing] or list(tenants)
            lightest = min(others, key=lambda t: (self.load(Config(config.part, (t,))), t))
            rest = list(tenants)
            rest.remove(lightest)
            result.append(Config(config.part, tuple(rest)))
        lighter = tuple(self.most_replicas(t) for t in tenants)
        if lighter != tenants:
            result.append(Config(config.part, lighter))
        return result

    def most_replicas(self, tenant: Tenant) -> Tenant:
        options = self.problem.tenants[tenant.service]
        return max((t for t in options if t[:2] == tenant[:2]), key=lambda t: t.replicas)

    def improve(self) -> None:
        """Has the best packing of configs that are known to be good judged, when it is better than what there is."""
        best = self.found.best
        packed, _ = self.packing.solve(self.risk, self.is_good)
        if packed is not None and (best is None or packed.cost < best.cost - 1e-9):
            self.consider(packed)

    def is_good(self, config: Config) -> bool:
        opinion = self.opinions.get(config)
        return opinion is not None and opinion.verdict is not Verdict.fails

    def consider(self, packed: Packed) -> None:
        """Has a whole packing judged, and learns from it."""
        best, key = self.found.best, tuple(packed.configs)
        if key in self.tried:
            self.packing.exclude(packed.configs)
            return
        self.tried.add(key)
        opinion = self.judge.packing(packed)
        if opinion.verdict is Verdict.meets:
            if best is None or packed.cost <= best.cost + 1e-9:
                self.found.best = packed
            return
        if opinion.verdict is Verdict.unclear and (
            self.found.unclear is None or packed.cost < self.found.unclear.cost - 1e-9
        ):
            self.found.unclear = packed
        self.forbid(packed, opinion)

    def forbid(self, packed: Packed, opinion: Opinion) -> None:
        """Not so again: a service that fails needs a better place for one of its replicas at least."""
        hosts = {
            service: [
                config for config in packed.configs if any(t.service == service for t in config.tenants)
            ]
            for service in opinion.failing
        }
        if not hosts:
            self.packing.exclude(packed.configs)
        for service, configs in hosts.items():
            tenant = next(t for t in configs[0].tenants if t.service == service)
            self.packing.refute_jointly(tenant, configs)

    # ---- estimates, which decide the order alone

    def load(self, config: Config) -> float:
        """Busy share of the part, from what each tenant keeps busy alone."""
        known = self.opinions.get(config)
        if known is not None and not math.isnan(known.load):
            return known.load
        if len(config.tenants) > 1:
            return sum(self.load(Config(config.part, (t,))) for t in config.tenants)
        tenant = config.tenants[0]
        whole = Part(config.part.gpu, "whole", self.problem.ranks[tenant.service])
        loads = [
            opinion.load * other.tenants[0].replicas / tenant.replicas
            for other in (
                Config(whole, (t,)) for t in self.problem.tenants[tenant.service] if t[:2] == tenant[:2]
            )
            if (opinion := self.opinions.get(other)) is not None and not math.isnan(opinion.load)
        ]
        return min(1.0, loads[-1] if loads else 0.5) / self.fraction(config.part)

    def fraction(self, part: Part) -> float:
        """Share of its GPU, by the digit of an instance's name."""
        return 1.0 if part.name == "whole" else int(part.name[0]) / 7

    def risk(self, config: Config) -> float:
        """Prefers what is known to be good, lightly loaded and simple."""
        tenants = len(config.tenants)
        simple = 0.01 + 0.05 * tenants / self.problem.most_tenants + 0.02 * (config.part.name != "whole")
        if self.is_good(config):
            return simple
        return simple + 0.9 * min(1.0, (self.load(config) / 1.5) ** 2)


def by_kind(problem: Problem, packed: Packed) -> Mapping[str, int]:
    """GPUs of a packing by the name of their kind."""
    return {problem.gpus[g].name: count for g, count in packed.gpus.items()}
