"""Guesses of how near to its bound each service comes on a part, from what was judged so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping

from .problem import Config, Part, Problem, Tenant

__all__ = ["Estimates"]

#: What is taken until something is known, as natural logarithms: how far below its bound a service stays alone on a
#: whole GPU, by how much a neighbour slows it, and what a smaller part costs it.
_SLACK, _PRESSURE, _SMALLER = 0.7, 0.35, 0.5
#: What lies further beyond a bound says no more; how far a judgement moves a guess.
_MOST, _STEP = 1.0, 0.6
_LEAST_PRESSURE = 0.02
#: By how much predictions are mostly too low.
_HASTY = 0.05
#: Estimates beyond which a config fails almost surely, and may well fail.
_HOPELESS, _LIKELY = 0.3, 0.0


class Estimates:
    """A service's figure comes nearer to its bound by a factor for each neighbour.

    So logarithms add up: what a service has to spare alone, and the pressure of its neighbours. Where a prediction says
    more, it is taken instead, with what it was off by for this service before. This decides what is judged first, and
    nothing else.
    """

    def __init__(self, problem: Problem, foresee: Callable[[Config], Mapping[int, float]]) -> None:
        self.problem = problem
        self.foresee = foresee
        self._bias: dict[int, float] = {}
        self._slack: dict[tuple[Part, Tenant], float] = {}
        self._pressure: dict[tuple[int, Tenant], float] = {}

    def learn(self, config: Config, fails: bool, excess: Mapping[int, float]) -> None:
        """A config was judged.

        Parameters
        ----------
        config : Config
        fails : bool
            Whether it misses a bound.
        excess : mapping of int to float
            By how much, as a share of the bound, each service misses its bound; below 0: what it has to spare. Where
            nothing is known of a service, it counts as missing a little what fails, and as meeting what does not.
        """
        for i, tenant in enumerate(config.tenants):
            if tenant in config.tenants[:i]:
                continue
            guess = self._excess(config, i)
            if tenant.service in excess:
                found = math.log(max(0.05, 1 + excess[tenant.service]))
            else:
                found = max(guess, 0.1) if fails else min(guess, -0.05)
            if found < _MOST or guess < _MOST:
                self._move(config, i, min(found, _MOST) - guess)

    def _move(self, config: Config, position: int, miss: float) -> None:
        """Brings a guess nearer to what was found."""
        tenant = config.tenants[position]
        if self.foresee(config):
            self._bias[tenant.service] = self._bias.get(tenant.service, _HASTY) + _STEP * miss
            return
        if len(config.tenants) == 1:
            self._slack[config.part, tenant] = self._spare(config.part, tenant) - miss
            return
        others = config.tenants[:position] + config.tenants[position + 1 :]
        total = sum(self.pressure(config.part, other) for other in others)
        factor = max(0.5, 1 + _STEP * miss / total)
        for other in set(others):
            known = self._known_pressure(config.part.gpu, other)
            self._pressure[config.part.gpu, other] = max(_LEAST_PRESSURE, known * factor)

    def excess(self, config: Config) -> float:
        """How far beyond its bound the worst service is: a logarithm, above 0 for what should fail."""
        return max(self._excess(config, i) for i in range(len(config.tenants)))

    def _excess(self, config: Config, position: int) -> float:
        service = config.tenants[position].service
        foreseen = self.foresee(config)
        if foreseen:
            return math.log(max(0.05, 1 + foreseen[service])) + self._bias.get(service, _HASTY)
        others = sum(self.pressure(config.part, t) for i, t in enumerate(config.tenants) if i != position)
        return others - self._spare(config.part, config.tenants[position])

    def pressure(self, part: Part, tenant: Tenant) -> float:
        """How much a tenant slows its neighbours."""
        return self._known_pressure(part.gpu, tenant) / (part.slices / 7)

    def _known_pressure(self, kind: int, tenant: Tenant) -> float:
        known = self._pressure.get((kind, tenant))
        if known is not None:
            return known
        for other in self._alike(tenant):
            known = self._pressure.get((kind, other))
            if known is not None:
                return known * other.replicas / tenant.replicas
        return _PRESSURE / math.sqrt(tenant.replicas)

    def _spare(self, part: Part, tenant: Tenant) -> float:
        known = self._slack.get((part, tenant))
        if known is not None:
            return known
        for other in self._alike(tenant):
            known = self._slack.get((part, other))
            if known is not None:
                return known + 0.3 * math.log(tenant.replicas / other.replicas)
        if part.name == "whole":
            return _SLACK
        whole = Part(part.gpu, "whole", self.problem.ranks[tenant.service])
        return self._spare(whole, tenant) + _SMALLER * math.log(part.slices / 7)

    def _alike(self, tenant: Tenant) -> list[Tenant]:
        options = self.problem.tenants[tenant.service]
        return [other for other in options if other.variant == tenant.variant and other != tenant]

    # ---- which configs to have judged

    def telling(self, config: Config, known: Container[Config]) -> Config:
        """The config, or as little of it as should fail too and is not known: that cuts more."""
        while len(config.tenants) > 1:
            smaller = self._without_one(config)
            if smaller in known or self.excess(smaller) < _HOPELESS:
                break
            config = smaller
        # On the best part where it should fail too, for it then fails on all lesser ones.
        parts = [part for part, lesser in self.problem.weaker.items() if config.part in lesser]
        for part in sorted(parts, key=lambda part: -len(self.problem.weaker[part])):
            better = Config(part, config.tenants)
            if better not in known and self.excess(better) >= _HOPELESS:
                return better
        return config

    def smaller(self, config: Config) -> list[Config]:
        """The config without the lightest tenant, and with lighter loads, where they may fail too."""
        result = [self._without_one(config)] if len(config.tenants) > 1 else []
        lighter = tuple(self.problem.lightest(t) for t in config.tenants)
        if lighter != config.tenants:
            result.append(Config(config.part, lighter))
        return [config for config in result if self.excess(config) > _LIKELY]

    def _without_one(self, config: Config) -> Config:
        """Without the tenant that matters least."""
        part, tenants = config
        rest = [Config(part, tenants[:i] + tenants[i + 1 :]) for i in range(len(tenants))]
        return max(rest, key=self.excess)
