"""What configs would probably do, by queues instead of simulation."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .. import _core
from .asked import OVERLOADED
from .problem import Config
from .staging import Staging

__all__ = ["Foresight"]


#: What one simulation says of predictions at most, as a logarithm; figures further beyond a bound say nothing; and as
#: how many simulations it counts that they may be right as they are.
_CORRECTED, _TELLING, _PRIOR = 0.5, 1.0, 3


@dataclass
class Foresight:
    """Predicts by how much services miss their bounds, corrected by what was simulated of each.

    Attributes
    ----------
    staging : Staging
        Makes the scenarios that are predicted.
    """

    staging: Staging
    _known: dict[tuple[Config, Any], Mapping[int, float]] = field(default_factory=dict)
    #: By service how often predictions were held against simulations, and the sum of what they missed.
    _missed: dict[int, tuple[int, float]] = field(default_factory=dict)
    _best: dict[Config, Any] = field(default_factory=dict)

    def under(self, config: Config, sharing: Any) -> Mapping[int, float]:
        """By how much, as a share of its bound, each service misses it; below 0: what is to spare.

        Empty when one of the services has no bound for the p95 of its main latency, or is one of several that a request
        visits.
        """
        found = self._raw(config, sharing)
        if len(config.tenants) == 1:
            return found
        return {service: (1 + excess) * self._correction(service) - 1 for service, excess in found.items()}

    def prepare(self, configs: Iterable[Config]) -> None:
        """Predicts what will be asked of some configs, several at once."""
        self._predict((config, way) for config in configs for way in self.staging.ways(config))

    def _raw(self, config: Config, sharing: Any) -> Mapping[int, float]:
        key = (config, sharing)
        if key not in self._known:
            self._predict([key])
        return self._known[key]

    def best(self, config: Config) -> Mapping[int, float]:
        """Under the best way of sharing."""
        way = self.best_way(config)
        return self.under(config, way) if way is not None else {}

    def best_way(self, config: Config) -> Any:
        """The way of sharing where the worst misses by least; None where there is none."""
        if config not in self._best:
            ways = self.staging.ways(config)
            self._best[config] = min(ways, key=lambda way: worst(self._raw(config, way)), default=None)
        return self._best[config]

    def learn(self, config: Config, sharing: Any, excess: Mapping[int, float]) -> None:
        """What a simulation says, of services beside others: predictions of theirs are corrected by the mean."""
        if len(config.tenants) == 1:
            return
        for service, predicted in self._raw(config, sharing).items():
            found = math.log(max(0.05, 1 + excess.get(service, math.inf)))
            expected = math.log(max(0.05, 1 + predicted))
            if found < _TELLING and expected < _TELLING:
                miss = max(-_CORRECTED, min(_CORRECTED, found - expected))
                count, total = self._missed.get(service, (0, 0.0))
                self._missed[service] = count + 1, total + miss

    def _correction(self, service: int) -> float:
        count, total = self._missed.get(service, (0, 0.0))
        return math.exp(total / (count + _PRIOR))

    def _predict(self, asked: Iterable[tuple[Config, Any]]) -> None:
        waiting: dict[_core.Parts, list[tuple[Config, Any]]] = defaultdict(list)
        for config, way in dict.fromkeys(asked):
            if (config, way) in self._known:
                continue
            services = {tenant.service for tenant in config.tenants}
            if not services <= self._bounds.keys() or config.part.gpus > 1:
                self._known[config, way] = {}
            else:
                waiting[self.staging.parts(config.tenants)].append((config, way))
        for parts, keys in waiting.items():
            found = parts.predict([self.staging.part(config, way) for config, way in keys])
            for key, predicted in zip(keys, found, strict=True):
                self._known[key] = self._excess(key[0], predicted)

    def _excess(self, config: Config, predicted: Sequence[tuple[str, float]] | None) -> Mapping[int, float]:
        if predicted is None:  # it does not fit so
            return {tenant.service: OVERLOADED for tenant in config.tenants}
        result: dict[int, float] = {}
        for tenant, (latency, p95_s) in zip(config.tenants, predicted, strict=True):
            wanted, bound = self._bounds[tenant.service]
            if latency != wanted:
                return {}
            result[tenant.service] = min(OVERLOADED, p95_s / bound - 1)
        return result

    @cached_property
    def _bounds(self) -> dict[int, tuple[str, float]]:
        """The strictest bound for a p95 of each service that requests visit alone, and the latency that it is for."""
        result: dict[int, tuple[str, float]] = {}
        for objective in self.staging.asked.objectives.bounds:
            name = objective.figure.rpartition(".")[2]
            of = self.staging.asked.services_of(objective.figure) or frozenset()
            if not name.endswith("_p95_s") or not objective.at_most or len(of) != 1:
                continue
            (service,) = of
            if self.staging.space.companions(of) == of:
                latency = name.removesuffix("_p95_s")
                known = result.get(service)
                if known is None or known[1] > objective.bound:
                    result[service] = latency, objective.bound
        return result


def worst(excess: Mapping[int, float]) -> float:
    """By how much the worst of some services misses its bound; below all where nothing is known."""
    return max(excess.values(), default=-math.inf)
