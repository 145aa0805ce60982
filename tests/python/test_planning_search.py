"""The planner's search, with a table in place of simulation, against every packing there is."""

import itertools
import math
import random
from collections import Counter

import pytest
from gpushare.planning import relaxation
from gpushare.planning import search as planning_search
from gpushare.planning.assembly import Assembly
from gpushare.planning.packing import Packing
from gpushare.planning.problem import Config, GpuKind, Habit, Problem, Tenant
from gpushare.planning.search import Opinion, Verdict, search

LAYOUTS = ({"3g.40gb": 2}, {"4g.40gb": 1, "3g.40gb": 1}, {"2g.20gb": 3, "1g.10gb": 1})


class Table:
    """What each service takes of each part, and who cannot stand beside whom."""

    def __init__(self, random_numbers, problem):
        self.asked = 0
        self.take = {}
        self.most = [1.0 if habit is None else habit.bound for habit in problem.habits]
        kinds = [service if habit is None else habit.kind for service, habit in enumerate(problem.habits)]
        of_kind = {
            k: (random_numbers.uniform(0.2, 1.6), random_numbers.uniform(0.7, 1.0))
            for k in dict.fromkeys(kinds)
        }
        for service, (kind, habit) in enumerate(zip(kinds, problem.habits, strict=True)):
            base, share = of_kind[kind]
            base *= 1.0 if habit is None else habit.demand
            for part in problem.parts:
                size = 1.0 if part.name == "whole" else int(part.name[0]) / 7 * share
                speed = (1.0, 0.5)[part.gpu]
                self.take[service, part] = base / (size * speed)
        pairs = itertools.combinations_with_replacement(of_kind, 2)
        enemies = {pair for pair in pairs if random_numbers.random() < 0.15}
        pairs = itertools.combinations(range(len(kinds)), 2)
        self.enemies = {(i, j) for i, j in pairs if {(kinds[i], kinds[j]), (kinds[j], kinds[i])} & enemies}

    def meets(self, config):
        total = sum(self.take[t.service, config.part] / t.replicas for t in config.tenants)
        services = sorted({t.service for t in config.tenants})
        most = min(self.most[service] for service in services)
        return total <= most and not self.enemies.intersection(itertools.combinations(services, 2))

    def configs(self, configs):
        self.asked += len(configs)
        return [Opinion(Verdict.meets if self.meets(config) else Verdict.fails) for config in configs]

    def closer(self, configs):
        return self.configs(configs)

    def foresee(self, config):
        return {}

    def prepare(self, configs):
        raise AssertionError("these problems are small")

    def is_hopeless(self, config):
        return False

    def trust(self, beyond):
        raise AssertionError("these problems are small")

    def packing(self, packed, *, patient=True):
        return Opinion(Verdict.meets if all(self.meets(c) for c in packed.configs) else Verdict.fails)


def instance(seed):
    numbers = random.Random(seed)
    layouts = numbers.sample(LAYOUTS, numbers.randint(0, 2))
    kinds = [
        GpuKind(
            "a100",
            2.0,
            numbers.randint(1, 3),
            layouts,
            frozenset(numbers.sample(["a30"], numbers.randint(0, 1))),
        ),
        GpuKind("a30", numbers.choice([0.75, 1.0, 1.5]), numbers.randint(0, 2)),
    ]
    tenants = [
        [Tenant(service, 0, r) for r in (1, 2, 3)[: numbers.randint(1, 3)]]
        for service in range(numbers.randint(1, 4))
    ]
    problem = Problem(kinds, tenants, habits=[habit(numbers) for _ in tenants])
    return problem, Table(numbers, problem)


def habit(numbers):
    """Of half of the services that they are like others, more or less."""
    if numbers.random() < 0.5:
        return None
    return Habit(numbers.choice("xy"), numbers.uniform(0.5, 1.2), numbers.choice([0.8, 1.0]))


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


def check(seed):
    """The search against every packing there is; whether there is one."""
    problem, table = instance(seed)
    bounds = []
    found = search(problem, table, progress=lambda found: bounds.append(found.bound))
    best = cheapest(problem, table)
    if best is None:
        assert found.best is None, seed
        assert found.done, seed
        return False
    assert found.best is not None, seed
    assert found.done, seed
    assert found.best.cost == pytest.approx(best), seed
    assert max(bounds) <= best + 1e-9, seed
    assert table.packing(found.best).verdict is Verdict.meets
    placed = Counter(tenant for config in found.best.configs for tenant in config.tenants)
    assert all(count == tenant.replicas for tenant, count in placed.items())
    assert {t.service for t in placed} == set(range(len(problem.tenants)))
    return True


class Joint(Table):
    """As a table, but a service of several replicas also minds how busy all of their GPUs are together."""

    def __init__(self, random_numbers, problem):
        super().__init__(random_numbers, problem)
        self.mean = [random_numbers.uniform(0.2, 0.9) for _ in problem.tenants]

    def load(self, config):
        return sum(self.take[t.service, config.part] / t.replicas for t in config.tenants)

    def failing(self, configs):
        """Services of several replicas whose GPUs are too busy in the mean."""
        loads = {}
        for config in configs:
            for tenant in config.tenants:
                loads.setdefault(tenant, []).append(self.load(config))
        return [
            t.service
            for t, of in loads.items()
            if t.replicas > 1 and sum(of) / len(of) > self.mean[t.service]
        ]

    def packing(self, packed, *, patient=True):
        failing = self.failing(packed.configs)
        return Opinion(Verdict.fails if failing else Verdict.meets, sorted(set(failing)))


def joint_instance(seed):
    numbers = random.Random(seed)
    kinds = [GpuKind("a100", 2.0, numbers.randint(1, 3)), GpuKind("a30", 1.0, numbers.randint(0, 2))]
    tenants = [
        [Tenant(s, 0, r) for r in (1, 2, 3)[numbers.randint(0, 1) :]] for s in range(numbers.randint(1, 2))
    ]
    problem = Problem(kinds, tenants, habits=[None] * len(tenants))
    return problem, Joint(numbers, problem)


def cheapest_together(problem, table):
    """The least cost of all packings on whole GPUs, each looked at as a whole."""
    gpus = [g for g, kind in enumerate(problem.gpus) for _ in range(kind.count)]
    wholes = {part.gpu: part for part in problem.parts}
    best = None
    for choice in itertools.product(*problem.tenants):
        holds = {
            g: [c for c in counts(choice) if not any(c) or fits(table, wholes[g], choice, c)]
            for g in set(gpus)
        }
        for contents in itertools.product(*(holds[g] for g in gpus)):
            if tuple(map(sum, zip(*contents, strict=True))) != tuple(t.replicas for t in choice):
                continue
            configs = [
                Config(wholes[g], tuple(t for t, n in zip(choice, c, strict=True) for _ in range(n)))
                for g, c in zip(gpus, contents, strict=True)
                if any(c)
            ]
            cost = sum(problem.cost(config.part) for config in configs)
            if (best is None or cost < best) and not table.failing(configs):
                best = cost
    return best


@pytest.mark.parametrize("instances", [12, pytest.param(30, marks=pytest.mark.long)])
def test_what_fails_only_together_is_not_proposed_again_and_nothing_else_is_lost(instances):
    gained = done = 0
    for seed in range(instances):
        problem, table = joint_instance(seed)
        found = search(problem, table, rounds=25)
        best, apart = cheapest_together(problem, table), cheapest(problem, table)
        cost = found.best.cost if found.best is not None else math.inf
        least = best if best is not None else math.inf
        assert found.bound <= least + 1e-9 <= cost + 2e-9, seed
        assert cost == least or not found.done, seed
        done += found.done
        gained += least > (apart if apart is not None else math.inf)
    assert gained >= instances / 3
    assert done >= instances * 2 / 3


class Prophet(Table):
    """Foresees what the table says, but for an error, and calls hopeless what it foresees to miss by far."""

    def __init__(self, numbers, problem):
        super().__init__(numbers, problem)
        self.beyond, self.told = math.inf, 0
        self.error = {service: numbers.uniform(0.9, 1.1) for service in range(len(problem.tenants))}

    def trust(self, beyond):
        self.beyond = beyond

    def foresee(self, config):
        if math.isinf(self.beyond):
            return {}
        total = sum(self.take[t.service, config.part] / t.replicas for t in config.tenants)
        return {
            t.service: self.error[t.service] * total / self.most[t.service] - 1 + 9 * self.hates(config)
            for t in config.tenants
        }

    def prepare(self, configs):
        self.told += len(configs)

    def is_hopeless(self, config):
        return max(self.foresee(config).values(), default=0) > self.beyond

    def hates(self, config):
        services = sorted({t.service for t in config.tenants})
        return bool(self.enemies.intersection(itertools.combinations(services, 2)))

    def configs(self, configs):
        self.asked += sum(not self.is_hopeless(config) for config in configs)
        return [Opinion(Verdict.meets if self.meets(config) else Verdict.fails) for config in configs]


def fleet(seed, services):
    """So many services that predictions are trusted, on two kinds of GPU, one of which is cut."""
    numbers = random.Random(seed)
    kinds = [
        GpuKind("a100", 2.0, 40, LAYOUTS, frozenset(["a30"])),
        GpuKind("a30", 1.2, 40),
    ]
    tenants = [[Tenant(service, 0, r) for r in (1, 2, 3)] for service in range(services)]
    problem = Problem(kinds, tenants, habits=[habit(numbers) for _ in tenants])
    return problem, Prophet(numbers, problem)


def packed_fleet(seed, services):
    """What a search makes of a fleet, and what it was told; a packing that holds."""
    problem, table = fleet(seed, services)
    found = search(problem, table, rounds=60)
    assert table.beyond < 1
    assert table.told > 0
    assert found.best is not None
    assert all(table.meets(config) for config in found.best.configs)
    assert found.bound <= found.best.cost + 1e-9
    chosen = Counter(t for config in found.best.configs for t in config.tenants)
    assert all(count == tenant.replicas for tenant, count in chosen.items())
    return found, problem, table


@pytest.mark.parametrize("fleets", [1, pytest.param(4, marks=pytest.mark.long)])
def test_fleets_are_packed_near_to_their_bound_with_the_help_of_predictions(monkeypatch, fleets):
    costs, narrowed = [], []
    for seed in range(fleets):
        found, _, _ = packed_fleet(seed, services=6)
        assert not found.narrowed
        assert found.best.cost - found.bound <= 2.0  # a GPU
        costs.append(found.best.cost)
    monkeypatch.setattr(planning_search, "_MANY", 16)
    for seed in range(fleets):
        found, _, _ = packed_fleet(seed, services=6)
        narrowed.append(found.best.cost)
    # Smaller shares fill GPUs better.
    assert all(cost <= of_fewer + 1e-9 for cost, of_fewer in zip(costs, narrowed, strict=True))
    assert sum(costs) < 0.95 * sum(narrowed)


def test_what_makes_nothing_cheaper_is_followed_by_guesses_with_less_to_spare():
    problem, table = fleet(5, services=6)
    table.error = dict.fromkeys(table.error, 1.08)  # too gloomy
    table.trust(0.5)
    assembly = Assembly(
        problem,
        table,
        lambda config: math.log1p(max(table.foresee(config).values())),
        lambda config: None,
        bold=False,
    )
    timid = assembly.propose([], math.inf)
    assembly.packing.exclude(timid)
    for _ in range(3):
        assert not assembly.boldest
        assert assembly.propose([], 0.0) is None
    assert assembly.boldest
    bold = assembly.propose([], math.inf)
    assert bold.cost < timid.cost
    # What was said of whole packings is not forgotten.
    assert Counter(timid.configs) in assembly.packing._excluded


def test_of_very_many_services_no_more_replicas_are_tried_than_surely_suffice_alone():
    for seed in range(3):
        found, problem, table = packed_fleet(seed, services=17)
        assert found.narrowed
        assert found.best.cost - found.bound <= 2.0
        whole = problem.parts[0]
        for tenant in (tenant for config in found.best.configs for tenant in config.tenants):
            fewer = [Tenant(tenant.service, 0, r) for r in range(1, tenant.replicas)]
            assert not any(table.meets(Config(whole, (one,))) for one in fewer)


def test_a_bound_whose_rounds_end_early_lies_below_the_one_of_all_rounds(monkeypatch):
    problem, _ = fleet(3, services=6)
    full, _ = Packing(problem).relax()
    for rounds in (1, 2, 5):
        monkeypatch.setattr(relaxation, "_ROUNDS", rounds)
        bound, wanted = Packing(problem).relax()
        assert bound <= full
        assert all(problem.possible(config) for config in wanted)


def test_lesser_parts():
    kinds = [
        GpuKind("h100", 3.0, 1, [{"3g.40gb": 2}], frozenset(["a100"])),
        GpuKind("a100", 2.0, 1, [{"4g.40gb": 1, "3g.40gb": 1}, {"2g.20gb": 3, "1g.10gb": 1}]),
    ]
    problem = Problem(kinds, [[Tenant(0, 0, 1)]])
    lesser = {(p.gpu, p.name): {(q.gpu, q.name) for q in parts} for p, parts in problem.weaker.items()}
    small = {(1, "2g.20gb"), (1, "1g.10gb")}
    assert lesser[0, "whole"] == set(lesser)
    assert lesser[0, "3g.40gb"] == {(0, "3g.40gb"), (1, "3g.40gb"), *small}
    assert lesser[1, "4g.40gb"] == {(1, "4g.40gb"), (1, "3g.40gb"), *small}
    assert lesser[1, "3g.40gb"] == {(1, "3g.40gb"), *small}
    assert lesser[1, "2g.20gb"] == small


@pytest.mark.parametrize("block", range(4))
def test_the_cheapest_packing_is_found_and_no_bound_lies_above_it(block):
    found = [check(seed) for seed in range(40 * block, 40 * block + 40)]
    assert 5 < sum(found) < 40


@pytest.mark.long
@pytest.mark.parametrize("block", range(40))
def test_the_cheapest_packing_is_found_for_thousands_of_problems(block):
    for seed in range(1_000 + 100 * block, 1_100 + 100 * block):
        check(seed)
