"""What a planner chooses from: kinds of GPU and their parts, and the tenants that may stand on them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

__all__ = ["Config", "GpuKind", "Habit", "Part", "Problem", "Tenant", "harder"]


@dataclass(frozen=True)
class GpuKind:
    """A kind of GPU that may be used.

    Attributes
    ----------
    name : str
        Of its profile.
    price : float
        Of one, in any unit.
    count : int
        How many there are.
    layouts : sequence of mapping of str to int
        Instances by name of every maximal MIG layout; empty when it is never cut.
    beats : set of str
        Kinds that have less of everything, so that what fails on this one fails there.
    """

    name: str
    price: float
    count: int
    layouts: Sequence[Mapping[str, int]] = ()
    beats: frozenset[str] = frozenset()


class Part(NamedTuple):
    """A kind of partition: a whole GPU (or several, for the ranks of one replica), or a MIG instance.

    `gpu` is the kind's position, `name` ``"whole"`` or an instance's, `gpus` how many GPUs it takes.
    """

    gpu: int
    name: str
    gpus: int = 1

    @property
    def slices(self) -> int:
        """Compute slices, by the name; of a whole GPU 7."""
        return 7 if self.name == "whole" else int(self.name.partition("g")[0])

    @property
    def gigabytes(self) -> float:
        """Memory, by the name; of a whole GPU without end."""
        found = re.search(r"(\d+)gb", self.name)
        return float(found[1]) if found else math.inf


class Tenant(NamedTuple):
    """One replica of a service in one of its variants, where it has `replicas`: it carries that part of the load."""

    service: int
    variant: int
    replicas: int


class Habit(NamedTuple):
    """What services that are alike differ in: how much comes, in any unit, and the bound for their one figure.

    More to do under a stricter bound is harder for a service itself and for its neighbours.
    """

    kind: Hashable
    demand: float
    bound: float


class Config(NamedTuple):
    """Tenants on a part, in order."""

    part: Part
    tenants: tuple[Tenant, ...]


def harder(config: Config, than: Config) -> bool:
    """Whether a config asks at least as much of the same part: all the tenants, each with its load or more."""
    if config.part != than.part:
        return False
    mine = _by_service(config.tenants)
    for service, (tenant, least) in _by_service(than.tenants).items():
        other, count = mine.get(service, (tenant, 0))
        if count < least or other.variant != tenant.variant or other.replicas > tenant.replicas:
            return False
    return True


@lru_cache(maxsize=200_000)
def _by_service(tenants: tuple[Tenant, ...]) -> dict[int, tuple[Tenant, int]]:
    """What each service is here, and how often."""
    return {tenant.service: (tenant, tenants.count(tenant)) for tenant in tenants}


@dataclass(frozen=True)
class Problem:
    """A covering problem: every service needs all of its replicas, each on some part of some GPU.

    Attributes
    ----------
    gpus : sequence of GpuKind
        What there is.
    tenants : sequence of sequence of Tenant
        What each service may be: its variants and numbers of replicas.
    possible : callable
        Whether tenants could stand on a part at all (memory, isolation), without judging what users would feel. When
        they cannot, no more of them can.
    ranks : sequence of int
        GPUs of one replica of each service; those of several are never shared.
    habits : sequence of Habit or None
        By service, of those that are like others but for their demand and bound.
    most_tenants : int
        On one part.
    copies : int
        Of one service on one part, at most.
    spread : bool
        Replicas of a service stand on different GPUs.
    parts : sequence of Part
        What tenants may stand on.
    weaker : mapping of Part to sequence of Part
        Parts that have no more of anything, itself among them: what fails on the part fails there.
    """

    gpus: Sequence[GpuKind]
    tenants: Sequence[Sequence[Tenant]]
    possible: Callable[[Config], bool] = lambda config: True
    ranks: Sequence[int] = ()
    habits: Sequence[Habit | None] = ()
    most_tenants: int = 6
    copies: int = 2
    spread: bool = False
    parts: Sequence[Part] = field(init=False)
    weaker: Mapping[Part, Sequence[Part]] = field(init=False)

    def __post_init__(self) -> None:
        ranks = self.ranks or [1] * len(self.tenants)
        object.__setattr__(self, "ranks", ranks)
        wholes = [Part(g, "whole", n) for g in range(len(self.gpus)) for n in sorted({1, *ranks})]
        cut = [
            Part(g, name)
            for g, gpu in enumerate(self.gpus)
            for name in dict.fromkeys(name for layout in gpu.layouts for name in layout)
        ]
        object.__setattr__(self, "parts", [*wholes, *cut])
        weaker = {part: [other for other in self.parts if self._beats(part, other)] for part in self.parts}
        object.__setattr__(self, "weaker", weaker)

    def _beats(self, part: Part, other: Part) -> bool:
        """Whether a part has as much of everything as the other one."""
        mine, its = self.gpus[part.gpu], self.gpus[other.gpu]
        return (
            (part.gpu == other.gpu or its.name in mine.beats)
            and part.gpus == other.gpus
            and part.slices >= other.slices
            and part.gigabytes >= other.gigabytes
            and not (other.name == "whole" and part.name != "whole")
        )

    def cost(self, part: Part) -> float:
        """Of a whole GPU, or of the GPUs of a replica's ranks; instances cost nothing beside their GPU."""
        return self.gpus[part.gpu].price * part.gpus if part.name == "whole" else 0.0

    def narrowed(self, most_replicas: Mapping[tuple[int, int], int], most_tenants: int) -> Problem:
        """With fewer replicas of services in a variant, and fewer tenants on a part."""
        tenants = [
            [
                tenant
                for tenant in options
                if tenant.replicas <= most_replicas.get(tenant[:2], tenant.replicas)
            ]
            for options in self.tenants
        ]
        return replace(self, tenants=tenants, most_tenants=min(self.most_tenants, most_tenants))

    def knows(self, config: Config) -> bool:
        """Whether its tenants are among those that services may be."""
        return all(tenant in self.tenants[tenant.service] for tenant in config.tenants)

    def suits(self, part: Part, tenant: Tenant) -> bool:
        """Whether a replica's ranks are as many as the part has GPUs."""
        return self.ranks[tenant.service] == part.gpus

    def like(self, one: Tenant, other: Tenant) -> bool:
        """Whether two tenants are of services that differ in demand and bound alone."""
        if not self.habits:
            return one.service == other.service
        mine, its = self.habits[one.service], self.habits[other.service]
        return one.service == other.service or (
            mine is not None and its is not None and mine.kind == its.kind
        )

    def outdoes(self, one: Tenant, other: Tenant) -> bool:
        """Whether a tenant is at least as hard as another one, for itself and for its neighbours."""
        if one.service == other.service:
            return one.variant == other.variant and one.replicas <= other.replicas
        if one.variant != other.variant or not self.like(one, other):
            return False
        mine, its = self.habits[one.service], self.habits[other.service]
        assert mine is not None
        assert its is not None
        return mine.demand / one.replicas >= its.demand / other.replicas and mine.bound <= its.bound

    def lightest(self, tenant: Tenant) -> Tenant:
        """The tenant in as many replicas as it may have."""
        options = self.tenants[tenant.service]
        return max((t for t in options if t.variant == tenant.variant), key=lambda t: t.replicas)
