"""A bound on the cost of every packing, from fractions of configs, of which only those it needs are made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .cuts import Cuts
from .pricing import Priced, price
from .problem import Config, Part, Problem, Tenant, harder
from .programs import Growing

__all__ = ["Relaxation", "Relaxed"]

#: Rounds of new configs at most (each round's bound holds), new configs of a part in each, and sets that are looked at.
_ROUNDS = 200
_COLUMNS = 10
_NODES = 20_000
_NODES_OF_ALL = 200_000
_TINY = 1e-7
#: Costs, as a share of a GPU's price, by which a config must be too dear to be left out.
_SURE = 1e-4


@dataclass(frozen=True)
class Relaxed:
    """The cheapest mixture of configs that are not known to fail.

    Attributes
    ----------
    bound : float
        No packing costs less; infinite when there is none.
    support : sequence of Config
        What the mixture uses, most used first.
    """

    bound: float
    support: Sequence[Config]


class Relaxation:
    """Fractions of configs that cover every service at least cost.

    Configs come from `price` when they are worth more than their part costs. So the bound covers all there are, though
    few are looked at.
    """

    def __init__(self, problem: Problem, cuts: Cuts) -> None:
        self.problem, self.cuts = problem, cuts
        self.pool: dict[Config, int] = {}
        self._program = Growing()
        most = sum(max((t.replicas for t in options), default=1) for options in problem.tenants)
        self._penalty = (
            1_000.0 * max(gpu.price for gpu in problem.gpus) * max([1, *problem.ranks]) * (1 + most)
        )
        self._joint: list[tuple[int, Tenant, Sequence[Config]]] = []
        self._duals: Sequence[float] = ()
        #: Of the last optimum.
        self.cost = 0.0
        self._make_rows()
        self._make_variables()

    def _make_rows(self) -> None:
        tenants = [t for options in self.problem.tenants for t in options]
        cut = [part for part in self.problem.parts if part.name != "whole"]
        row = self._program.row
        self._of_tenant = {t: row(0.0, math.inf, {}) for t in tenants}
        self._of_service = [row(1.0, math.inf, {}) for _ in self.problem.tenants]
        self._of_part = {part: row(0.0, math.inf, {}) for part in cut}
        self._of_kind = [row(-math.inf, gpu.count, {}) for gpu in self.problem.gpus]

    def _make_variables(self) -> None:
        variable = self._program.variable
        self._missing = []
        for service, options in enumerate(self.problem.tenants):
            here = self._of_service[service]
            self._missing.append(variable(self._penalty, {here: 1.0}))
            for tenant in options:
                variable(0.0, {self._of_tenant[tenant]: -float(tenant.replicas), here: 1.0})
        for g, gpu in enumerate(self.problem.gpus):
            for layout in gpu.layouts:
                weights = {self._of_part[Part(g, name)]: float(count) for name, count in layout.items()}
                variable(gpu.price, weights | {self._of_kind[g]: 1.0})

    def refute_jointly(self, tenant: Tenant, hosts: Sequence[Config]) -> None:
        """As in `Packing`."""
        weights = {
            v: float(c.tenants.count(tenant)) for c, v in self.pool.items() if _concerned(c, tenant, hosts)
        }
        row = self._program.row(-math.inf, float(tenant.replicas - 1), weights)
        self._joint.append((row, tenant, hosts))

    def drop(self) -> None:
        """Takes out what is known to fail by now."""
        failing = [config for config in self.pool if self.cuts.fails(config)]
        for config in failing:
            self._program.drop(self.pool.pop(config))

    def add(self, config: Config) -> None:
        """Lets a config be used."""
        if config in self.pool:
            return
        part, weights = config.part, dict[int, float]()
        for tenant in config.tenants:
            row = self._of_tenant[tenant]
            weights[row] = weights.get(row, 0.0) + 1.0
        if part.name == "whole":
            weights[self._of_kind[part.gpu]] = float(part.gpus)
        else:
            weights[self._of_part[part]] = -1.0
        for row, tenant, hosts in self._joint:
            if _concerned(config, tenant, hosts):
                weights[row] = float(config.tenants.count(tenant))
        self.pool[config] = self._program.variable(self.problem.cost(part), weights)

    def solve(self) -> Relaxed:
        """The relaxation's optimum, or a bound below it when there was too much to look at."""
        best = 0.0
        for _ in range(_ROUNDS):
            self.cost, values, self._duals = self._program.solve()
            found, factor = self._grow()
            best = max(best, self._bound(factor))
            if factor == 1.0 and any(values[v] > _TINY for v in self._missing):
                best = math.inf
            if not found:
                break
        used = [c for c, v in self.pool.items() if values[v] > _TINY]
        return Relaxed(best, sorted(used, key=lambda c: (-values[self.pool[c]], c)))

    def worth(self, slack: float, most: int) -> tuple[list[Config], bool]:
        """All configs that a packing may use that costs no more than `slack` above the last optimum.

        Some of them may be impossible.

        Parameters
        ----------
        slack : float
            In units of cost.
        most : int
            How many at most; those that cost least beside what they are worth.

        Returns
        -------
        configs : list of Config
        complete : bool
            Whether these are all.
        """
        found: list[Config] = []
        complete = True
        for part in self.problem.parts:
            least = self._charge(part) - slack - _SURE * max(gpu.price for gpu in self.problem.gpus)
            priced = self._price(part, least, most - len(found) + 1, _NODES_OF_ALL, every=True)
            found += priced.configs
            complete = complete and priced.complete and len(found) <= most
            if len(found) > most:
                break
        return found[:most], complete

    def _grow(self) -> tuple[int, float]:
        """Adds configs worth more than they cost; by which factor, at most, they are worth more."""
        found, factor = 0, 1.0
        for part in self.problem.parts:
            least = self._charge(part)
            priced = self._price(part, least, _COLUMNS, _NODES)
            for config in priced.configs:
                found += config not in self.pool
                self.add(config)
            if priced.most > least + _TINY:
                factor = max(factor, priced.most / least if least > _TINY else math.inf)
        return found, factor

    def is_possible(self, config: Config) -> bool:
        """Whether a config is; of one that is not, the least that is impossible is cut."""
        if self.problem.possible(config):
            return True
        tenants = list(config.tenants)
        for tenant in config.tenants:
            rest = list(tenants)
            rest.remove(tenant)
            if rest and not self.problem.possible(Config(config.part, tuple(rest))):
                tenants = rest
        lightest = tuple(self.problem.lightest(tenant) for tenant in tenants)
        if not self.problem.possible(Config(config.part, lightest)):
            tenants = list(lightest)
        for part in self.problem.weaker[config.part]:
            smaller = Config(part, tuple(tenants))
            if not self.problem.possible(smaller):
                self.cuts.add(smaller)
        return False

    def _price(self, part: Part, least: float, count: int, max_nodes: int, *, every: bool = False) -> Priced:
        """Configs of a part that are worth more than `least` at what the last optimum pays for tenants."""
        duals = self._duals
        values = {tenant: max(0.0, duals[row]) for tenant, row in self._of_tenant.items()}
        joint = [(-duals[row], tenant, hosts) for row, tenant, hosts in self._joint if duals[row] < -_TINY]

        def charge(config: Config) -> float:
            return sum(
                weight * config.tenants.count(tenant)
                for weight, tenant, hosts in joint
                if _concerned(config, tenant, hosts)
            )

        return price(
            self.problem,
            self.cuts,
            part,
            values,
            least,
            charge,
            count=count,
            max_nodes=max_nodes,
            every=every,
        )

    def _charge(self, part: Part) -> float:
        """What a config on this part has to be worth to pay for it."""
        if part.name != "whole":
            return max(0.0, self._duals[self._of_part[part]])
        return self.problem.cost(part) + part.gpus * max(0.0, -self._duals[self._of_kind[part.gpu]])

    def _bound(self, factor: float) -> float:
        """What the duals prove once no config is worth more than its part."""
        if factor == 1.0:
            return self.cost
        if not math.isfinite(factor):
            return 0.0
        covered = sum(self._duals[row] for row in self._of_service)
        return self.cost - covered * (1 - 1 / factor)


def _concerned(config: Config, tenant: Tenant, hosts: Sequence[Config]) -> bool:
    return tenant in config.tenants and all(harder(config, host) for host in hosts)
