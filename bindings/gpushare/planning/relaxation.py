"""A bound on the cost of every packing, from fractions of configs that may be used and from what others are worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .cuts import Cuts
from .pricing import Priced, Tests, price
from .problem import Config, Part, Problem, Tenant, harder
from .programs import Growing

__all__ = ["Relaxation", "Relaxed"]

#: Rounds of new configs at most (each round's bound holds), configs of a part in each, and sets that are looked at.
_ROUNDS = 200
_COLUMNS = 16
_NODES = 20_000
_NODES_OF_ALL = 200_000
#: Tests of configs of a part at a time.
_TESTS = 200
_TINY = 1e-7
#: Costs, as a share of a GPU's price, by which a config must be too dear to be left out.
_SURE = 1e-4


@dataclass(frozen=True)
class Relaxed:
    """The cheapest mixture of the configs that may be used.

    Attributes
    ----------
    bound : float
        No packing costs less, whatever of the rest may be used too; infinite when there is none.
    wanted : sequence of Config
        What to look at: of the rest, what would make the mixture cheaper. Without any, no config does.
    """

    bound: float
    wanted: Sequence[Config]


@dataclass(frozen=True)
class _Prices:
    """What the rows of the program are worth: whether or not they are an optimum's, they prove a bound."""

    cost: float
    duals: Sequence[float]

    def mixed(self, other: _Prices) -> _Prices:
        """Halfway to others, of which there may be more by now."""
        mine = [*self.duals, *[0.0] * (len(other.duals) - len(self.duals))]
        return _Prices(
            (self.cost + other.cost) / 2, [(a + b) / 2 for a, b in zip(mine, other.duals, strict=True)]
        )


class Relaxation:
    """Fractions of configs that cover every service at least cost.

    Configs that nothing is known of are found by what they are worth to the cheapest mixture of those that may be used.
    So the bound covers all there are, though few are looked at.
    """

    def __init__(self, problem: Problem, cuts: Cuts) -> None:
        self.problem, self.cuts = problem, cuts
        self.pool: dict[Config, int] = {}
        #: What is asked of configs that nothing is known against, before they are wanted.
        self.tests: Tests | None = None
        self._program = Growing()
        most = sum(max((t.replicas for t in options), default=1) for options in problem.tenants)
        self._penalty = (
            1_000.0 * max(gpu.price for gpu in problem.gpus) * max([1, *problem.ranks]) * (1 + most)
        )
        self._joint: list[tuple[int, Tenant, Sequence[Config]]] = []
        self._cut = 0  # cuts that the pool was held against
        #: What rows are worth that is being looked at, and of what proved most so far.
        self._prices = _Prices(0.0, ())
        self._best, self._proved = self._prices, 0.0
        self._charges: dict[Part, float] = {}
        #: Of the last optimum.
        self.cost = 0.0
        self._values: Sequence[float] = ()
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

    def _drop(self) -> None:
        """Takes out what is known to fail by now."""
        if self._cut == self.cuts.count:
            return
        self._cut = self.cuts.count
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
        """The cheapest mixture of what was added, and what else is wanted."""
        self._drop()
        self.cost, self._values, duals = self._program.solve()
        optimum = _Prices(self.cost, duals)
        # Prices between those of the optimum and those that proved most swing less from one time to the next.
        for prices in (self._best.mixed(optimum), optimum) if self._best.duals else (optimum,):
            wanted, factor, bound = self._at(prices)
            if wanted:
                return Relaxed(bound, wanted)
        if factor == 1.0 and any(self._values[v] > _TINY for v in self._missing):
            bound = math.inf
        return Relaxed(bound, wanted)

    def _at(self, prices: _Prices) -> tuple[list[Config], float, float]:
        """What is wanted at some prices, how many times its part's price it is worth at most, and what that proves."""
        self._prices = prices
        self._charges = self._make_charges()
        wanted, factor = self._look_around()
        bound = self._bound(factor)
        if bound >= self._proved:
            self._best, self._proved = prices, bound
        return wanted, factor, bound

    def settle(self, within: float = 0.0) -> Relaxed:
        """As `solve`, if all may be used that is not known to fail: what is wanted then is what the mixture is made of.

        Many rounds of new configs end with a bound below the optimum.

        Parameters
        ----------
        within : float
            How near to the cost of the mixture its bound has to be, as a share of it.
        """
        best = 0.0
        for _ in range(_ROUNDS):
            relaxed = self.solve()
            best = max(best, relaxed.bound)
            if not relaxed.wanted or (within > 0 and best >= (1 - within) * self.cost):
                break
            for config in relaxed.wanted:
                self.add(config)
        # What the last round added has no value yet.
        shares = {c: self._values[v] for c, v in self.pool.items() if v < len(self._values)}
        used = [c for c, share in shares.items() if share > _TINY]
        return Relaxed(best, sorted(used, key=lambda c: (-shares[c], c)))

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

    def _look_around(self) -> tuple[list[Config], float]:
        """Configs worth more than they cost; by which factor, at most, they are worth more."""
        found, factor = list[Config](), 1.0
        # What fails on a part fails on all that have less.
        for part in sorted(self.problem.parts, key=lambda part: -len(self.problem.weaker[part])):
            least = self._charge(part)
            priced = self._price(part, least, _COLUMNS, _NODES)
            found += [config for config in priced.configs if config not in self.pool]
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
        duals = self._prices.duals
        values = {tenant: max(0.0, duals[row]) for tenant, row in self._of_tenant.items()}
        joint = [(-duals[row], tenant, hosts) for row, tenant, hosts in self._joint if duals[row] < -_TINY]

        def charge(config: Config) -> float:
            return sum(
                weight * config.tenants.count(tenant)
                for weight, tenant, hosts in joint
                if _concerned(config, tenant, hosts)
            )

        while True:
            if self.tests is not None:
                self.tests.left = _TESTS
            priced = price(
                self.problem,
                self.cuts,
                part,
                values,
                least,
                charge,
                count=count,
                max_nodes=max_nodes,
                every=every,
                tests=self.tests,
            )
            if priced.configs or self.tests is None or self.tests.left > 0:
                return priced

    def _charge(self, part: Part) -> float:
        """What a config on this part has to be worth to pay for it."""
        return self._charges[part]

    def _make_charges(self) -> dict[Part, float]:
        """Of whole GPUs their prices, and of instances as much of these as any layout that has them leaves.

        The optimum says of instances only what pays for those that it uses.
        """
        charges: dict[Part, float] = {}
        for g, gpu in enumerate(self.problem.gpus):
            scarce = max(0.0, -self._prices.duals[self._of_kind[g]])
            for part in (part for part in self.problem.parts if part.gpu == g):
                charges[part] = (
                    self.problem.cost(part) + part.gpus * scarce
                    if part.name == "whole"
                    else max(0.0, self._prices.duals[self._of_part[part]])
                )
            self._share_out(gpu.price + scarce, g, charges)
        return charges

    def _share_out(self, price: float, g: int, charges: dict[Part, float]) -> None:
        """Raises all charges of instances by their slices until each is in a layout that costs a whole GPU."""
        layouts = [
            {Part(g, name): count for name, count in layout.items()}
            for layout in self.problem.gpus[g].layouts
        ]
        free = {part for layout in layouts for part in layout}
        while free:
            room = [
                (price - sum(count * charges[part] for part, count in layout.items()), slices)
                for layout in layouts
                if (slices := sum(count * part.slices for part, count in layout.items() if part in free))
            ]
            raised = max(0.0, min(left / slices for left, slices in room))
            for part in free:
                charges[part] += raised * part.slices
            for layout in layouts:
                if sum(count * charges[part] for part, count in layout.items()) >= price - _TINY:
                    free -= layout.keys()

    def _bound(self, factor: float) -> float:
        """What the duals prove once no config is worth more than its part."""
        if factor == 1.0:
            return self._prices.cost
        if not math.isfinite(factor):
            return 0.0
        covered = sum(self._prices.duals[row] for row in self._of_service)
        return self._prices.cost - covered * (1 - 1 / factor)


def _concerned(config: Config, tenant: Tenant, hosts: Sequence[Config]) -> bool:
    return tenant in config.tenants and all(harder(config, host) for host in hosts)
