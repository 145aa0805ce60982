"""The configs of a part that are worth most, for a relaxation that grows the configs it needs."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .cuts import Cuts, Subsets
from .problem import Config, Part, Problem, Tenant

__all__ = ["Priced", "Tests", "price"]

_TINY = 1e-6
#: Configs that a test is told of at a time.
_AHEAD = 8


@dataclass
class Priced:
    """Configs of a part.

    Attributes
    ----------
    configs : list of Config
        Those worth most, of those worth more than asked.
    most : float
        None that is allowed is worth more.
    complete : bool
        Whether all were looked at.
    """

    configs: list[Config] = field(default_factory=list)
    most: float = 0.0
    complete: bool = True


@dataclass
class Tests:
    """Looks at configs that nothing is known against.

    Attributes
    ----------
    test : callable
        Whether one fails, which is cut then.
    prepare : callable
        Told of some that will probably be looked at next.
    left : int
        How many more may be looked at.
    """

    test: Callable[[Config], bool]
    prepare: Callable[[Sequence[Config]], object]
    left: int = 0
    _passed: set[Config] = field(default_factory=set)
    _prepared: set[Config] = field(default_factory=set)

    def are_prepared(self, config: Config) -> bool:
        """Whether the test was told of it, or knows it."""
        return config in self._passed or config in self._prepared

    def tell(self, configs: Sequence[Config]) -> None:
        """Of some that will probably be looked at next."""
        self._prepared.update(configs)
        self.prepare(configs)

    def fails(self, config: Config) -> bool:
        """What the test says; what has passed before is not asked again."""
        if config in self._passed:
            return False
        self.left -= 1
        if self.test(config):
            return True
        self._passed.add(config)
        return False


class _Choice(NamedTuple):
    """So many copies of a tenant."""

    value: float
    copies: int
    tenant: Tenant
    mask: int
    lacking: Subsets


def price(
    problem: Problem,
    cuts: Cuts,
    part: Part,
    values: Mapping[Tenant, float],
    least: float,
    charge: Callable[[Config], float],
    *,
    count: int = 10,
    max_nodes: int = 20_000,
    every: bool = False,
    tests: Tests | None = None,
) -> Priced:
    """The configs worth most of those that are not known to fail.

    Parameters
    ----------
    problem : Problem
        What configs are made of.
    cuts : Cuts
        What is known to fail.
    part : Part
        Where they stand.
    values : mapping of Tenant to float
        What each tenant is worth.
    least : float
        Configs worth no more than this do not count.
    charge : callable
        What is taken off a config's worth, at least 0.
    count : int
        How many are returned, at most.
    max_nodes : int
        Sets that are looked at, at most; beyond, `Priced.most` is an estimate from above.
    every : bool
        Whether tenants that are worth nothing are added too.
    tests : Tests, optional
        What is asked of each that is not known to fail; beyond its number, as beyond `max_nodes`.
    """
    pricing = _Pricing(problem, cuts, part, charge, least, count, max_nodes, tests)
    return pricing.run(values, every)


class _Options(NamedTuple):
    """What a service may be, and what a copy is worth at most."""

    each: float
    copies: int
    choices: list[_Choice]


class _Pricing:
    def __init__(
        self,
        problem: Problem,
        cuts: Cuts,
        part: Part,
        charge: Callable[[Config], float],
        least: float,
        count: int,
        max_nodes: int,
        tests: Tests | None,
    ) -> None:
        self.problem, self.cuts, self.part = problem, cuts, part
        self.charge, self.least, self.count, self.left = charge, least, count, max_nodes
        self.tests = tests
        self.slots = problem.most_tenants if part.gpus == 1 else 1
        self.services: list[_Options] = []
        self.bounds: list[list[float]] = []
        self.best: list[tuple[float, tuple[Tenant, ...]]] = []
        self.most = least

    def run(self, values: Mapping[Tenant, float], every: bool) -> Priced:
        """Looks at all sets, those of the dearest tenants first."""
        self.services = self._services(values, every)
        self.bounds = self._bounds()
        self._extend(0, (), 0, 0.0, self.slots)
        found = [Config(self.part, tenants) for _, tenants in sorted(self.best, reverse=True)]
        return Priced(found, self.most, self.left > 0 and (self.tests is None or self.tests.left > 0))

    def _services(self, values: Mapping[Tenant, float], every: bool) -> list[_Options]:
        """Services with what they may be here, those worth most first."""
        result = []
        for options in self.problem.tenants:
            choices = [
                _Choice(
                    copies * values.get(tenant, 0.0),
                    copies,
                    tenant,
                    self.cuts.mask(tenant, copies),
                    self.cuts.lacking(self.part, tenant, copies),
                )
                for tenant in options
                if (every or values.get(tenant, 0.0) > _TINY) and self._stands(tenant)
                for copies in range(1, min(self.problem.copies, tenant.replicas, self.slots) + 1)
            ]
            if choices:
                choices.sort(key=lambda c: (-c.value, c.copies, c.tenant))
                each = max(c.value / c.copies for c in choices)
                most = max(c.copies for c in choices)
                result.append(_Options(each, most, choices))
        return sorted(result, key=lambda one: -one.each)

    def _stands(self, tenant: Tenant) -> bool:
        alone = Config(self.part, (tenant,))
        return (
            self.problem.suits(self.part, tenant)
            and not self.cuts.fails(alone)
            and self.problem.possible(alone)
        )

    def _bounds(self) -> list[list[float]]:
        """What the services from each position on may be worth in so many slots, at most."""
        result = []
        each: list[float] = []
        for options in reversed(self.services):
            each = [*[options.each] * options.copies, *each][: self.slots]
            sums = [0.0]
            for value in each:
                sums.append(sums[-1] + value)
            sums += [sums[-1]] * (self.slots + 1 - len(sums))
            result.append(sums)
        return [*reversed(result), [0.0] * (self.slots + 1)]

    @property
    def _bar(self) -> float:
        """What a config has to be worth to be taken."""
        return self.best[0][0] if len(self.best) == self.count else self.least

    def _extend(self, first: int, tenants: tuple[Tenant, ...], mask: int, value: float, slots: int) -> None:
        for i in range(first, len(self.services)):
            ceiling = value + self.bounds[i][slots]
            if ceiling <= self._bar + _TINY:
                return
            if self.left <= 0:
                self.most = max(self.most, ceiling)
                return
            options = self.services[i]
            for choice in options.choices:
                if choice.copies > slots:
                    continue
                self.left -= 1
                if choice.lacking.within(mask):
                    continue
                both = mask | choice.mask
                more = (*tenants, *[choice.tenant] * choice.copies)
                worth = value + choice.value
                if self.tests is not None:
                    ceiling = worth + self.bounds[i + 1][slots - choice.copies]
                    if ceiling <= self._bar + _TINY:
                        continue
                    if self.tests.left <= 0:
                        self.most = max(self.most, ceiling)
                        return
                    config = Config(self.part, tuple(sorted(more)))
                    if not self.tests.are_prepared(config):
                        self.tests.tell(self._next(i, tenants, mask, value, slots))
                    if self.tests.fails(config):
                        continue
                if worth > self._bar + _TINY:
                    self._take(Config(self.part, tuple(sorted(more))), worth)
                if choice.copies < slots:
                    self._extend(i + 1, more, both, worth, slots - choice.copies)

    def _next(
        self, first: int, tenants: tuple[Tenant, ...], mask: int, value: float, slots: int
    ) -> list[Config]:
        """What would be tested next beside these tenants."""
        assert self.tests is not None
        result: list[Config] = []
        for i in range(first, len(self.services)):
            if value + self.bounds[i][slots] <= self._bar + _TINY:
                break
            for choice in self.services[i].choices:
                if choice.copies > slots or choice.lacking.within(mask):
                    continue
                config = Config(self.part, tuple(sorted((*tenants, *[choice.tenant] * choice.copies))))
                if not self.tests.are_prepared(config):
                    result.append(config)
                if len(result) == _AHEAD:
                    return result
        return result

    def _take(self, config: Config, worth: float) -> None:
        """Keeps a config that is worth enough."""
        net = worth - self.charge(config)
        self.most = max(self.most, net)
        if net > self._bar + _TINY:
            heapq.heappush(self.best, (net, config.tenants))
            if len(self.best) > self.count:
                heapq.heappop(self.best)
