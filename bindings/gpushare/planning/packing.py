"""Fewest GPUs for configs of which some are known to fail: a covering problem with cuts."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

from .cuts import Cuts
from .problem import Config, Problem, Tenant, harder
from .programs import Program, Solved
from .relaxation import Relaxation

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
    columns : sequence of Config
        What was chosen, of which the configs are what is needed.
    """

    configs: Sequence[Config]
    layouts: Sequence[tuple[int, int]]
    cost: float
    gpus: Mapping[int, int]
    columns: Sequence[Config] = ()


class Packing:
    """Covers all services at least cost by configs that are not known to fail."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.cuts = Cuts(problem)
        self.relaxation = Relaxation(problem, self.cuts)
        #: The least difference between two costs.
        self.grid = _common_measure([gpu.price for gpu in problem.gpus])
        self._joint: list[tuple[Tenant, list[Config]]] = []
        self._excluded: list[Counter[Config]] = []

    # ---- what is known

    def refute(self, configs: Iterable[Config]) -> None:
        """Configs that fail, so that all harder ones do, on lesser parts too."""
        for config in configs:
            self.cuts.add(config)

    def refute_jointly(self, tenant: Tenant, hosts: Sequence[Config]) -> None:
        """Not all replicas of a service may stand in configs that are each as hard as one of these, set against it."""
        self._joint.append((tenant, list(hosts)))
        self.relaxation.refute_jointly(tenant, hosts)

    def exclude(self, packed: Packed) -> None:
        """Not this packing once more."""
        for configs in (Counter(packed.configs), Counter(packed.columns)):
            if configs not in self._excluded:
                self._excluded.append(configs)

    def heed(self, other: Packing) -> None:
        """What another one was told of whole packings."""
        self._excluded.extend(other._excluded)
        for tenant, hosts in other._joint:
            self.refute_jointly(tenant, hosts)

    def is_possible(self, config: Config) -> bool:
        """Whether the problem allows a config; what is impossible is not used again."""
        return self.relaxation.is_possible(config)

    def allowed(self, config: Config) -> bool:
        """Whether nothing is known against a config."""
        return not self.cuts.fails(config) and self.problem.possible(config)

    # ---- what follows

    def admit(self, configs: Iterable[Config]) -> None:
        """Configs that may be used: they are not known to fail."""
        for config in configs:
            self.relaxation.add(config)

    def relax(self, within: float = 0.0) -> tuple[float, Sequence[Config]]:
        """What every packing costs at least, and what the cheapest mixture is made of that nothing is known against.

        Parameters
        ----------
        within
            As `Relaxation.settle` takes it.
        """
        relaxed = self.relaxation.settle(within)
        return self._round_up(relaxed.bound - 1e-6 * self.grid), relaxed.wanted

    def solve(
        self, risk: Callable[[Config], float], columns: Sequence[Config], *, max_nodes: int = 2_000
    ) -> tuple[Packed | None, float]:
        """The cheapest packing of some configs, of these the least risky, and a bound on the cost of all of them.

        Parameters
        ----------
        risk : callable
            From 0 to 1, of a config; decides among packings of the same cost.
        columns : sequence of Config
            What to choose from.
        max_nodes : int
            As in `Program.solve`.

        Returns
        -------
        packed : Packed or None
            None when there is none.
        bound : float
            Infinite when there is none.
        """
        # All risks together are worth less than the smallest difference between two costs.
        most = sum(max((t.replicas for t in options), default=0) for options in self.problem.tenants)
        weight = 0.4 * self.grid / max(1, most)
        model = _Model(self.problem, columns, [weight * risk(config) for config in columns])
        model.forbid(self._joint, self._excluded)
        solved = model.program.solve(max_nodes=max_nodes)
        bound = self._round_up(solved.bound - 0.4 * self.grid)
        return (model.read(solved) if solved.values is not None else None), bound

    def _round_up(self, cost: float) -> float:
        """The least sum of prices that is not below a cost."""
        if not math.isfinite(cost):
            return cost
        return max(0.0, math.ceil(cost / self.grid - 1e-6) * self.grid)


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
            self._forbid_jointly(tenant, Counter(hosts))
        positions = {config: v for v, config in zip(self.of_config, self.columns, strict=True)}
        for configs in excluded:
            self._exclude(configs, positions)

    def _forbid_jointly(self, tenant: Tenant, hosts: Mapping[Config, int]) -> None:
        """A replica at least stands better than in one of these hosts, each replica set against one of them."""
        as_hard: dict[Config, dict[int, float]] = {host: {} for host in hosts}
        for variable, config in zip(self.of_config, self.columns, strict=True):
            if tenant in config.tenants:
                worse = [host for host in hosts if harder(config, host)]
                if worse:
                    hardest = max(worse, key=lambda host: (len(host.tenants), host))
                    as_hard[hardest][variable] = float(config.tenants.count(tenant))
        counts = {host: float(host.tenants.count(tenant) * count) for host, count in hosts.items()}
        # Where the service is something else, its configs are too, and the rows say nothing.
        self._fewer([(weights, counts[host], 2.0 * tenant.replicas) for host, weights in as_hard.items()])

    def _fewer(self, sums: Iterable[tuple[Mapping[int, float], float, float]]) -> None:
        """At least one of these weighted sums is less than its count; each is at most its most otherwise."""
        shortfalls = []
        for weights, count, most in sums:
            less = self.program.variable(0.0, 1.0)
            self.program.constrain(-math.inf, {**weights, less: most - count + 1.0}, most)
            shortfalls.append(less)
        self.program.constrain(1.0, dict.fromkeys(shortfalls, 1.0))

    def _exclude(self, configs: Mapping[Config, int], positions: Mapping[Config, int]) -> None:
        """At least one of these configs is used less often than here."""
        if any(config not in positions for config in configs):
            return
        self._fewer(
            ({positions[config]: 1.0}, float(count), 2.0 * max(t.replicas for t in config.tenants))
            for config, count in configs.items()
        )

    def read(self, solved: Solved) -> Packed:
        """The packing without what is more than enough."""
        values = [round(value) for value in solved.values or ()]
        chosen = {t for t, v in self.of_choice.items() if values[v] == 1}
        configs = [
            config
            for variable, config in zip(self.of_config, self.columns, strict=True)
            for _ in range(values[variable])
        ]
        columns, configs = configs, _trimmed(configs, chosen)
        layouts = [key for key, variable in self.of_layout.items() for _ in range(values[variable])]
        gpus: Counter[int] = Counter(g for g, _ in layouts)
        for config in configs:
            if config.part.name == "whole":
                gpus[config.part.gpu] += config.part.gpus
        cost = sum(self.problem.gpus[g].price * count for g, count in gpus.items())
        return Packed(configs, layouts, cost, dict(gpus), columns)


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
