"""The search for the cheapest packing that a judge accepts, with a bound that no packing beats."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from .assembly import Assembly
from .estimates import Estimates
from .merging import merge
from .opinions import Found, Judge, Opinion, Verdict, sufficient
from .packing import Packed, Packing
from .preferences import Patience, complexity, risk
from .pricing import Tests
from .problem import Config, Problem

__all__ = ["Found", "Judge", "Opinion", "Verdict", "search"]


#: Proposals that are judged to make a plan simpler, at most.
_SIMPLER = 8
#: What services may be altogether, beyond which predictions come first, with so many tenants on a part at most; beyond
#: which more counts as failing by them; and beyond which services stand in no more replicas than surely suffice alone.
_SMALL, _MANY_TENANTS, _MORE, _MANY = 16, 4, 30, 48
#: By how much, as a share of it, a prediction has to miss a bound to fail: up to so many choices, and beyond.
_SURELY, _PROBABLY = 0.5, 0.15
#: Configs that a proposal is made of, at most.
_COLUMNS = 4_000
#: Configs that are judged in vain, at most, while the gap is a GPU; and where there are many services.
_PATIENCE, _LITTLE_PATIENCE = 250, 100
#: How near to the cheapest mixture of a fleet a bound need be while its configs are not yet known.
_ROUGHLY = 0.04
#: Packings of a fleet that are put together by prediction, at most, between two looks at its bound.
_ASSEMBLED = 4
#: Nodes of a packing's search, at most; and of a fleet's.
_NODES, _FEW_NODES = 2_000, 20
#: Packings count as so many configs then.
_EFFORT = 10


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
        self.estimates = Estimates(problem, judge.foresee)
        self.found = Found(most_tenants=problem.most_tenants)
        self.opinions: dict[Config, Opinion] = {}
        self.limit = 0.0  # no packing that is left costs less
        self.unclear: list[Packed] = []
        self.sharpened = False
        self.tired = False  # too much is left to look at for what it may bring
        self.patience = Patience(_PATIENCE)
        self.foretold = 0  # configs that were judged by predictions, where these cost little
        self.few = True
        self.gpu = max(gpu.price for gpu in problem.gpus)
        self.tried: set[tuple[Config, ...]] = set()
        self.assembly: Assembly | None = None

    def run(self, rounds: int, progress: Callable[[Found], object] | None) -> None:
        self.judge_singles()
        self.narrow()
        self.begin()
        for _ in range(rounds):
            self.found.done = self.round()
            if self.found.best is not None:
                effort = len(self.opinions) - self.foretold + _EFFORT * len(self.tried)
                self.tired |= self.patience.ends(self.limit, self.found.best.cost, effort, self.gpu)
            if progress is not None:
                progress(self.found)
            if self.found.done or self.tired:
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

    def begin(self) -> None:
        """A packing of what holds alone, and one of what may be put together of it."""
        self.improve(math.inf)
        alone = self.found.best or self.found.unclear
        if alone is None or self.assembly is not None:
            return  # a fleet is assembled by prediction
        merge(self.problem, alone.configs, self.estimates.excess, self.packing.allowed, self.learn)
        self.improve(math.inf)

    def narrow(self) -> None:
        """Leaves out much of what seldom helps where there are many services; the bound is then of what is left."""
        choices = sum(map(len, self.problem.tenants))
        if choices <= _SMALL:
            return
        self.found.narrowed = choices > _MANY
        most_replicas = sufficient(self.opinions) if self.found.narrowed else {}
        self.problem = self.problem.narrowed(most_replicas, _MANY_TENANTS)
        self.packing = Packing(self.problem)
        self.packing.refute(config for config in self.found.refuted if self.problem.knows(config))
        self.opinions = {c: opinion for c, opinion in self.opinions.items() if self.problem.knows(c)}
        self.packing.admit(self.good())
        self.packing.relaxation.tests = Tests(self.fails, self.judge.prepare)
        self.estimates.problem = self.problem
        self.found.most_tenants = self.problem.most_tenants
        self.few = choices <= _MORE
        self.judge.trust(_SURELY if self.few else _PROBABLY)
        self.patience.most = _LITTLE_PATIENCE
        self.assembly = Assembly(self.problem, self.judge, self.estimates.excess, self.verdict, bold=self.few)

    def learn(self, configs: Sequence[Config]) -> list[Config]:
        """Has configs judged that were not yet; returns those that fail."""
        new = [config for config in dict.fromkeys(configs) if config not in self.opinions]
        return self.take(new, self.judge.configs(new))

    def take(self, configs: Sequence[Config], opinions: Sequence[Opinion]) -> list[Config]:
        """Learns from what is said of configs; returns those that fail."""
        for config, opinion in zip(configs, opinions, strict=True):
            self.opinions[config] = opinion
            self.estimates.learn(config, opinion.verdict is Verdict.fails, opinion.excess)
        failed = [config for config in configs if self.opinions[config].verdict is Verdict.fails]
        self.found.refuted.extend(failed)
        self.packing.refute(failed)
        self.packing.admit(config for config in configs if self.opinions[config].verdict is not Verdict.fails)
        return failed

    # ---- rounds

    def round(self) -> bool:
        """Has judged what the cheapest mixture is made of; true when there is nothing left to find."""
        if self.assembly is not None:
            self.assemble(self.assembly)
        wanted = self.wanted()
        if math.isinf(self.limit) or self.found.is_near(self.limit, self.within):
            return True
        if wanted:
            self.strengthen(self.learn(wanted))
            if self.assembly is None:
                self.improve(self.limit + max(self.within * self.limit, self.gpu))
            return self.found.is_near(self.limit, self.within)
        self.improve(math.inf)
        return self.found.is_near(self.limit, self.within) or self.propose() or math.isinf(self.limit)

    def wanted(self) -> list[Config]:
        """What to judge, to make the cheapest mixture better known, of which too little was possible before."""
        within = _ROUGHLY if self.assembly is not None else 0.0
        while True:
            bound, wanted = self.packing.relax(within)
            self.raise_limit(bound)
            telling = [
                self.estimates.telling(config, self.opinions)
                for config in wanted
                if config not in self.opinions
            ]
            unknown = [config for config in dict.fromkeys(telling) if config not in self.opinions]
            possible = [config for config in unknown if self.packing.is_possible(config)]
            if within > 0 and not possible:
                within = 0.0
            elif math.isinf(bound) or 2 * len(possible) >= len(unknown):
                return possible

    def fails(self, config: Config) -> bool:
        """Whether a config of a fleet is known to fail, impossible, or hopeless by prediction."""
        if config not in self.opinions:
            if not self.packing.is_possible(config):
                return True
            if self.judge.is_hopeless(config):
                self.learn([config])
                self.foretold += self.few
        return self.verdict(config) is Verdict.fails

    def assemble(self, assembly: Assembly) -> None:
        """Has a fleet's packing judged that should hold by prediction, once its configs hold one by one."""
        for _ in range(_ASSEMBLED):
            packed = assembly.propose(self.good(doubtful=False), self.found.least - self.packing.grid + 1e-9)
            if packed is None:
                return
            failed = self.learn(packed.configs)
            self.strengthen(failed)
            if all(self.verdict(config) is Verdict.meets for config in packed.configs):
                self.consider(packed)

    def propose(self) -> bool:
        """Has a packing judged that costs less than the best so far; true when there is none."""
        if self.wanted():  # what was found of packings may have changed it
            return False
        grid = self.packing.grid
        goal = self.found.least - grid if self.found.best is not None else self.limit * 1.1 + grid
        columns, complete = self.packing.relaxation.worth(goal - self.packing.relaxation.cost, _COLUMNS)
        unclear = self.found.unclear
        if unclear is not None and unclear.cost <= self.limit + 1e-9:
            # One more that is too close to say would say nothing new.
            doubtful = [config for config in columns if self.verdict(config) is Verdict.unclear]
            if doubtful and not self.sharpened:
                self.sharpen(doubtful)
                return False
            columns = [config for config in columns if config not in doubtful]
        proposed, bound = self.packing.solve(self.risk, columns)
        impossible = (
            [c for c in proposed.configs if not self.packing.is_possible(c)] if proposed is not None else []
        )
        if impossible:
            return False
        if complete:
            # A packing with any other config costs more than the goal.
            self.raise_limit(min(bound, goal + self.packing.grid))
        if proposed is None or proposed.cost > goal + 1e-9:
            self.tired = not complete and (self.assembly is None or self.assembly.boldest)
            return complete and self.found.best is not None
        unknown = [config for config in proposed.configs if config not in self.opinions]
        if unknown:
            self.strengthen(self.learn(unknown))
        else:
            self.consider(proposed)
        return self.found.is_near(self.limit, self.within)

    def sharpen(self, configs: Sequence[Config]) -> None:
        """Has configs looked at again that everything hangs on, and forgets packings that fail with them."""
        self.sharpened = True
        self.take(configs, self.judge.closer(configs))
        self.unclear = [one for one in self.unclear if not any(map(self.packing.cuts.fails, one.configs))]
        self.found.unclear = min(self.unclear, key=lambda one: one.cost, default=None)
        self.tried.clear()

    def raise_limit(self, bound: float) -> None:
        self.limit = max(self.limit, bound)
        if self.limit > sum(gpu.price * gpu.count for gpu in self.problem.gpus) + 1e-9:
            self.limit = math.inf
        unclear = self.found.unclear
        self.found.bound = self.limit if unclear is None else min(self.limit, unclear.cost)

    def strengthen(self, failed: Sequence[Config]) -> None:
        """Looks for smaller configs that fail too: they cut more."""
        candidates = [smaller for config in failed for smaller in self.estimates.smaller(config)]
        again = self.learn([config for config in candidates if self.packing.allowed(config)])
        if again:
            self.strengthen(again)

    # ---- packings

    def improve(self, most: float) -> None:
        """Has the best packing of configs that are known to be good judged, when it is better than what there is."""
        # While much is open, what is too close to say has to wait: it mostly stays so.
        for doubtful in (False, True) if math.isinf(most) else (False,):
            most = min(most, self.found.least - self.packing.grid)
            if doubtful and self.found.unclear is not None:
                most = min(most, self.found.unclear.cost - self.packing.grid)
            packed, _ = self.pack(self.risk, doubtful=doubtful)
            if packed is not None and packed.cost <= most + 1e-9:
                self.consider(packed)
                return

    def pack(self, risk: Callable[[Config], float], *, doubtful: bool = True) -> tuple[Packed | None, float]:
        """The cheapest packing of configs that are known to be good."""
        nodes = _FEW_NODES if self.assembly is not None else _NODES
        return self.packing.solve(risk, self.good(doubtful=doubtful), max_nodes=nodes)

    def good(self, *, doubtful: bool = True) -> list[Config]:
        """Configs that are not known to fail, those that are too close to say among them or not."""
        return [
            config
            for config, opinion in self.opinions.items()
            if opinion.verdict is Verdict.meets or (doubtful and opinion.verdict is Verdict.unclear)
        ]

    def consider(self, packed: Packed, *, patient: bool = True) -> None:
        """Has a whole packing judged, and learns from it."""
        best, key = self.found.best, tuple(packed.configs)
        if key in self.tried:
            self.forbid(packed, ())
            return
        self.tried.add(key)
        if self.learn(packed.configs):
            return
        opinion = self.judge.packing(packed, patient=patient)
        if opinion.verdict is Verdict.meets:
            if best is None or packed.cost <= best.cost + 1e-9:
                self.found.best = packed
            return
        if opinion.verdict is Verdict.unclear:
            self.unclear.append(packed)
            self.found.unclear = min(self.unclear, key=lambda one: one.cost)
        self.forbid(packed, opinion.failing)

    def forbid(self, packed: Packed, failing: Sequence[int]) -> None:
        """Not so again: a service that fails needs a better place for one of its replicas at least."""
        for packing in self.packings:
            packing.exclude(packed)
        for service in failing:
            hosts = [config for config in packed.configs if any(t.service == service for t in config.tenants)]
            if len(hosts) == 1 and self.verdict(hosts[0]) is Verdict.meets:
                # Other luck: the two judgements together say that it is too close.
                self.opinions[hosts[0]] = replace(self.opinions[hosts[0]], verdict=Verdict.unclear)
            else:
                tenant = next(t for t in hosts[0].tenants if t.service == service)
                for packing in self.packings:
                    packing.refute_jointly(tenant, hosts)

    @property
    def packings(self) -> list[Packing]:
        """Of what may hold, and of what should."""
        return [self.packing, self.assembly.packing] if self.assembly is not None else [self.packing]

    def verdict(self, config: Config) -> Verdict | None:
        """What was said of a config."""
        opinion = self.opinions.get(config)
        return opinion.verdict if opinion is not None else None

    # ---- when the cheapest is known

    def simplify(self) -> None:
        """Looks for fewer replicas on fewer parts at the same cost."""
        for _ in range(_SIMPLER // 4 if self.assembly is not None else _SIMPLER):
            best = self.found.best
            if best is None:
                return
            proposed, _bound = self.pack(complexity)
            if proposed is None or proposed.cost > best.cost + 1e-9 or proposed.configs == best.configs:
                return
            if sum(map(complexity, proposed.configs)) >= sum(map(complexity, best.configs)):
                return
            self.consider(proposed, patient=False)

    def look_beyond(self) -> None:
        """The next best packing of configs that are known to be good."""
        if self.found.best is None:
            return
        self.packing.exclude(self.found.best)
        packed, _ = self.pack(self.risk)
        if (
            packed is not None
            and not self.learn(packed.configs)
            and self.judge.packing(packed, patient=False).verdict is Verdict.meets
        ):
            self.found.runner_up = packed

    def risk(self, config: Config) -> float:
        """Prefers what is known to be good, lightly loaded and simple."""
        return risk(config, self.verdict(config), self.estimates.excess, self.problem.most_tenants)
