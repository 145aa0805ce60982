"""Fewest GPUs for configs of which some are known to fail: a covering problem with cuts."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

from .problem import Config, Part, Problem, Tenant, harder
from .programs import Program, Solved

__all__ = ["Packed", "Packing"]


@dataclass(frozen=True)
class Packed:
    """Configs that cover every service.

    Attributes
    ----------
    configs : sequence of Config
        Every service has exactly its replicas in them.
    layouts : sequence of (int, int)
        Kinds of GPU and which of their layouts, of every GPU that is cut.
    cost : float
        Of the GPUs.
    gpus : mapping of int to int
        How many of each kind.
    """

    configs: Sequence[Config]
    layouts: Sequence[tuple[int, int]]
    cost: float
    gpus: Mapping[int, int]


class Packing:
    """Covers all services at least cost by configs that are not known to fail."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        # By part and the last service of the cut, so that few need a look.
        self._cuts: dict[tuple[Part, int], list[Config]] = defaultdict(list)
        self._joint: list[tuple[Tenant, list[Config]]] = []
        self._excluded: list[Counter[Config]] = []
        self._grid = _common_measure([gpu.price for gpu in problem.gpus])
        self.most_tenants = problem.most_tenants
        self._columns: list[Config] | None = None

    # ---- what is known

    def refute(self, config: Config) -> None:
        """A config that fails, so that all harder ones do; one of a whole GPU fails on its instances too."""
        parts = [config.part]
        if config.part.name == "whole" and config.part.gpus == 1:
            parts = [part for part in self.problem.parts if part.gpu == config.part.gpu and part.gpus == 1]
        cuts = [Config(part, config.tenants) for part in parts]
        for cut in cuts:
            self._cuts[cut.part, max(t.service for t in cut.tenants)].append(cut)
        if self._columns is not None:
            self._columns = [c for c in self._columns if not any(harder(c, cut) for cut in cuts)]

    def refute_jointly(self, tenant: Tenant, hosts: Sequence[Config]) -> None:
        """Not all replicas of a service may stand in configs that are each at least as hard as all of these.

        Where the hosts differ, a packing of the less hard ones alone may hold: it is not cut.
        """
        self._joint.append((tenant, list(hosts)))

    def exclude(self, configs: Sequence[Config]) -> None:
        """Not these configs together once more."""
        self._excluded.append(Counter(configs))

    def allowed(self, config: Config) -> bool:
        """Whether nothing is known against a config."""
        services = {tenant.service for tenant in config.tenants}
        known = (cut for service in services for cut in self._cuts.get((config.part, service), ()))
        return not any(harder(config, cut) for cut in known) and self.problem.possible(config)

    @property
    def columns(self) -> list[Config]:
        """All configs that nothing is known against."""
        while self._columns is None:
            found: list[Config] = []
            for part in self.problem.parts:
                found.extend(self._some(part, self.problem.most_columns + 1 - len(found)))
            if len(found) <= self.problem.most_columns or self.most_tenants == 1:
                self._columns = found
            else:
                self.most_tenants -= 1
        return self._columns

    def _some(self, part: Part, most: int) -> Iterable[Config]:
        for i, config in enumerate(self.problem.enumerate(part, self.allowed, self.most_tenants)):
            if i >= most:
                return
            yield config

    # ---- what follows

    def solve(
        self,
        risk: Callable[[Config], float],
        among: Callable[[Config], bool] = lambda config: True,
        *,
        max_nodes: int = 2_000,
    ) -> tuple[Packed | None, float]:
        """The cheapest packing, of these the least risky, and a bound on the cost of every packing.

        Parameters
        ----------
        risk : callable
            From 0 to 1, of a config; decides among packings of the same cost.
        among : callable
            Which configs to use; the bound is then of these.
        max_nodes : int
            As in `Program.solve`.

        Returns
        -------
        packed : Packed or None
            None when there is none.
        bound : float
            Infinite when there is none.
        """
        columns = [config for config in self.columns if among(config)]
        # All risks together are worth less than the smallest difference between two costs.
        most = sum(max((t.replicas for t in options), default=0) for options in self.problem.tenants)
        weight = 0.4 * self._grid / max(1, most)
        model = _Model(self.problem, columns, [weight * risk(config) for config in columns])
        model.forbid(self._joint, self._excluded)
        solved = model.program.solve(max_nodes=max_nodes)
        bound = self._round_up(solved.bound - 0.4 * self._grid)
        return (model.read(solved) if solved.values is not None else None), bound

    def _round_up(self, cost: float) -> float:
        """The least sum of prices that is not below a cost."""
        if not math.isfinite(cost):
            return cost
        return max(0.0, math.ceil(cost / self._grid - 1e-6) * self._grid)


class _Model:
    """The integer program: how many of each config and of each layout, and what each service is."""

    def __init__(self, problem: Problem, columns: Sequence[Config], risks: Sequence[float]) -> None:
        self.problem = problem
        self.columns = columns
        self.program = Program()
        self.of_config = [
            self.program.variable(problem.cost(config.part) + risk)
            for config, risk in zip(columns, risks, strict=True)
        ]
        self.of_layout = {
            (g, i): self.program.variable(gpu.price)
            for g, gpu in enumerate(problem.gpus)
            for i in range(len(gpu.layouts))
        }
        self.of_choice = {t: self.program.variable(0.0, 1.0) for options in problem.tenants for t in options}
        self._cover()
        self._fit_layouts()
        self._count_gpus()
        if problem.spread:
            self._spread()

    def _cover(self) -> None:
        placed: dict[Tenant, dict[int, float]] = defaultdict(dict)
        for variable, config in zip(self.of_config, self.columns, strict=True):
            for tenant, count in Counter(config.tenants).items():
                placed[tenant][variable] = count
        for options in self.problem.tenants:
            for tenant in options:
                self.program.constrain(
                    0.0, placed[tenant] | {self.of_choice[tenant]: -float(tenant.replicas)}
                )
            self.program.constrain(1.0, {self.of_choice[t]: 1.0 for t in options}, 1.0)

    def _fit_layouts(self) -> None:
        for part in self.problem.parts:
            if part.name == "whole":
                continue
            weights = {v: -1.0 for v, c in zip(self.of_config, self.columns, strict=True) if c.part == part}
            for i, layout in enumerate(self.problem.gpus[part.gpu].layouts):
                if part.name in layout:
                    weights[self.of_layout[part.gpu, i]] = float(layout[part.name])
            self.program.constrain(0.0, weights)

    def _spread(self) -> None:
        """Of a service no more replicas on instances than there are GPUs that are cut."""
        cut = dict.fromkeys(self.of_layout.values(), 1.0)
        for tenant in self.of_choice:
            weights = {
                v: -float(c.tenants.count(tenant))
                for v, c in zip(self.of_config, self.columns, strict=True)
                if c.part.name != "whole" and tenant in c.tenants
            }
            if weights:
                self.program.constrain(0.0, weights | cut)

    def _count_gpus(self) -> None:
        for g, gpu in enumerate(self.problem.gpus):
            weights = {
                v: float(c.part.gpus)
                for v, c in zip(self.of_config, self.columns, strict=True)
                if c.part.gpu == g and c.part.name == "whole"
            }
            weights |= {v: 1.0 for (kind, _), v in self.of_layout.items() if kind == g}
            self.program.constrain(0.0, weights, float(gpu.count))

    def forbid(
        self, joint: Iterable[tuple[Tenant, list[Config]]], excluded: Iterable[Mapping[Config, int]]
    ) -> None:
        """Takes out what is known to fail together."""
        for tenant, hosts in joint:
            weights = {
                v: float(c.tenants.count(tenant))
                for v, c in zip(self.of_config, self.columns, strict=True)
                if tenant in c.tenants and all(harder(c, host) for host in hosts)
            }
            # Where the service is something else, its configs are too, and the row says nothing.
            self.program.constrain(-math.inf, weights, float(tenant.replicas - 1))
        positions = {config: v for v, config in zip(self.of_config, self.columns, strict=True)}
        for configs in excluded:
            self._exclude(configs, positions)

    def _exclude(self, configs: Mapping[Config, int], positions: Mapping[Config, int]) -> None:
        """At least one of these configs is used less often than here."""
        if any(config not in positions for config in configs):
            return
        shortfalls = []
        for config, count in configs.items():
            less = self.program.variable(0.0, 1.0)  # 1: used less often than `count` times
            most = float(max(t.replicas for t in config.tenants))
            weights = {positions[config]: 1.0, less: most - count + 1.0}
            self.program.constrain(-math.inf, weights, most)
            shortfalls.append(less)
        self.program.constrain(1.0, dict.fromkeys(shortfalls, 1.0))

    def read(self, solved: Solved) -> Packed:
        """The packing without what is more than enough."""
        values = [round(value) for value in solved.values or ()]
        chosen = {t for t, v in self.of_choice.items() if values[v] == 1}
        configs = [
            config
            for variable, config in zip(self.of_config, self.columns, strict=True)
            for _ in range(values[variable])
        ]
        configs = _trimmed(configs, chosen)
        layouts = [key for key, variable in self.of_layout.items() for _ in range(values[variable])]
        gpus: Counter[int] = Counter(g for g, _ in layouts)
        for config in configs:
            if config.part.name == "whole":
                gpus[config.part.gpu] += config.part.gpus
        cost = sum(self.problem.gpus[g].price * count for g, count in gpus.items())
        return Packed(configs, layouts, cost, dict(gpus))


def _trimmed(configs: Sequence[Config], chosen: set[Tenant]) -> list[Config]:
    """Without tenants beyond a service's replicas, taken from the fullest configs first."""
    surplus: Counter[Tenant] = Counter(t for config in configs for t in config.tenants)
    for tenant in surplus:
        surplus[tenant] -= tenant.replicas if tenant in chosen else 0
    result = []
    for config in sorted(configs, key=lambda c: -len(c.tenants)):
        kept = []
        for tenant in config.tenants:
            if surplus[tenant] > 0:
                surplus[tenant] -= 1
            else:
                kept.append(tenant)
        if kept:
            result.append(Config(config.part, tuple(kept)))
    return sorted(result)


def _common_measure(prices: Sequence[float]) -> float:
    """The largest number of which all prices are multiples, to a thousandth of the least price."""
    known = [Fraction(price).limit_denominator(10_000) for price in prices if price > 0]
    if not known:
        return 1.0
    common = reduce(
        lambda a, b: Fraction(
            math.gcd(a.numerator * b.denominator, b.numerator * a.denominator), a.denominator * b.denominator
        ),
        known,
    )
    return float(common)
