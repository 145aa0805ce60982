"""The planner's search, with a table in place of simulation, against every packing there is."""

import itertools
import random

import pytest
from gpushare.planning.problem import Config, GpuKind, Problem, Tenant
from gpushare.planning.search import Opinion, Verdict, search

LAYOUTS = ({"3g.40gb": 2}, {"4g.40gb": 1, "3g.40gb": 1}, {"2g.20gb": 3, "1g.10gb": 1})


class Table:
    """What each service takes of each part, and who cannot stand beside whom."""

    def __init__(self, random_numbers, problem):
        self.asked = 0
        self.take = {}
        for service in range(len(problem.tenants)):
            base = random_numbers.uniform(0.2, 1.6)
            for part in problem.parts:
                size = (
                    1.0 if part.name == "whole" else int(part.name[0]) / 7 * random_numbers.uniform(0.7, 1.0)
                )
                speed = (1.0, 0.5)[part.gpu]
                self.take[service, part] = base / (size * speed)
        pairs = itertools.combinations(range(len(problem.tenants)), 2)
        self.enemies = {pair for pair in pairs if random_numbers.random() < 0.15}

    def meets(self, config):
        total = sum(self.take[t.service, config.part] / t.replicas for t in config.tenants)
        services = sorted({t.service for t in config.tenants})
        return total <= 1.0 and not self.enemies.intersection(itertools.combinations(services, 2))

    def configs(self, configs):
        self.asked += len(configs)
        return [Opinion(Verdict.meets if self.meets(config) else Verdict.fails) for config in configs]

    def packing(self, packed):
        return Opinion(Verdict.meets if all(self.meets(c) for c in packed.configs) else Verdict.fails)


def instance(seed):
    numbers = random.Random(seed)
    kinds = [
        GpuKind("a100", 2.0, numbers.randint(1, 3), numbers.sample(LAYOUTS, numbers.randint(0, 2))),
        GpuKind("a30", numbers.choice([0.75, 1.0, 1.5]), numbers.randint(0, 2)),
    ]
    tenants = [
        [Tenant(service, 0, r) for r in (1, 2, 3)[: numbers.randint(1, 3)]]
        for service in range(numbers.randint(1, 4))
    ]
    problem = Problem(kinds, tenants)
    return problem, Table(numbers, problem)


def cheapest(problem, table):
    """The least cost of all packings, by combining everything that single GPUs can hold."""
    gpus = [g for g, kind in enumerate(problem.gpus) for _ in range(kind.count)]
    types = [t for options in problem.tenants for t in options]
    best = None
    for choice in itertools.product(*problem.tenants):
        need = {t: t.replicas for t in choice}
        holds = {g: gpu_contents(problem, table, g, list(choice)) for g in set(gpus)}
        state = {tuple(need[t] for t in choice): 0.0}
        for g in gpus:
            following = dict(state)
            for left, cost in state.items():
                for content in holds[g]:
                    after = tuple(max(0, a - b) for a, b in zip(left, content, strict=True))
                    price = cost + problem.gpus[g].price
                    following[after] = min(following.get(after, price), price)
            state = following
        found = state.get((0,) * len(choice))
        if found is not None and (best is None or found < best):
            best = found
    assert types
    return best


def gpu_contents(problem, table, g, choice):
    """Every set of tenants, as counts, that one GPU of a kind can hold."""
    parts = {part.name: part for part in problem.parts if part.gpu == g}
    ways = [
        ["whole"],
        *([n for n, c in layout.items() for _ in range(c)] for layout in problem.gpus[g].layouts),
    ]
    found = set()
    for way in ways:
        of_parts = [[c for c in counts(choice) if fits(table, parts[name], choice, c)] for name in way]
        total = {(0,) * len(choice)}
        for options in of_parts:
            total = {
                tuple(map(sum, zip(a, b, strict=True))) for a in total for b in [(0,) * len(choice), *options]
            }
        found |= total
    return [f for f in found if any(f) and all(n <= t.replicas for n, t in zip(f, choice, strict=True))]


def counts(choice):
    return itertools.product(*(range(min(2, t.replicas) + 1) for t in choice))


def fits(table, part, choice, count):
    tenants = tuple(t for t, n in zip(choice, count, strict=True) for _ in range(n))
    return bool(tenants) and table.meets(Config(part, tenants))


@pytest.mark.parametrize(
    "block", [0, 2, *(pytest.param(i, marks=pytest.mark.long) for i in (1, *range(3, 75)))]
)
def test_the_cheapest_packing_is_found_and_no_bound_lies_above_it(block):
    for seed in range(40 * block, 40 * block + 40):
        problem, table = instance(seed)
        bounds = []
        found = search(problem, table, progress=lambda found, bounds=bounds: bounds.append(found.bound))
        best = cheapest(problem, table)
        if best is None:
            assert found.best is None, seed
            assert found.done, seed
        else:
            assert found.done, seed
            assert found.best is not None, seed
            assert found.best.cost == pytest.approx(best), seed
            assert max(bounds) <= best + 1e-9, seed
            assert table.packing(found.best).verdict is Verdict.meets
            placed = {}
            for config in found.best.configs:
                for tenant in config.tenants:
                    placed[tenant] = placed.get(tenant, 0) + 1
            assert all(count == tenant.replicas for tenant, count in placed.items())
            assert {t.service for t in placed} == set(range(len(problem.tenants)))
