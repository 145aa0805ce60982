"""What a planner chooses from: kinds of GPU and their parts, and the tenants that may stand on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

__all__ = ["Config", "GpuKind", "Part", "Problem", "Tenant", "harder"]


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
    """

    name: str
    price: float
    count: int
    layouts: Sequence[Mapping[str, int]] = ()


class Part(NamedTuple):
    """A kind of partition: a whole GPU (or several, for the ranks of one replica), or a MIG instance.

    `gpu` is the kind's position, `name` ``"whole"`` or an instance's, `gpus` how many GPUs it takes.
    """

    gpu: int
    name: str
    gpus: int = 1


class Tenant(NamedTuple):
    """One replica of a service in one of its variants, where it has `replicas`: it carries that part of the load."""

    service: int
    variant: int
    replicas: int


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
    most_tenants : int
        On one part.
    copies : int
        Of one service on one part, at most.
    spread : bool
        Replicas of a service stand on different GPUs.
    most_columns : int
        Configs to choose from, at most; `most_tenants` is lowered until they are fewer.
    """

    gpus: Sequence[GpuKind]
    tenants: Sequence[Sequence[Tenant]]
    possible: Callable[[Config], bool] = lambda config: True
    ranks: Sequence[int] = ()
    most_tenants: int = 6
    copies: int = 2
    spread: bool = False
    most_columns: int = 40_000
    parts: Sequence[Part] = field(init=False)

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

    def cost(self, part: Part) -> float:
        """Of a whole GPU, or of the GPUs of a replica's ranks; instances cost nothing beside their GPU."""
        return self.gpus[part.gpu].price * part.gpus if part.name == "whole" else 0.0

    def suits(self, part: Part, tenant: Tenant) -> bool:
        """Whether a replica's ranks are as many as the part has GPUs."""
        return self.ranks[tenant.service] == part.gpus

    def enumerate(self, part: Part, allowed: Callable[[Config], bool], most_tenants: int) -> Iterator[Config]:
        """All configs of a part that are allowed, where what is harder than one that is not is not either."""
        if part.gpus > 1:
            most_tenants = 1
        choices = [t for options in self.tenants for t in options if self.suits(part, t)]
        choices = [t for t in choices if allowed(Config(part, (t,)))]

        def extend(tenants: tuple[Tenant, ...], first: int) -> Iterator[Config]:
            for i in range(first, len(choices)):
                added = choices[i]
                if any(t.service == added.service and t != added for t in tenants):
                    continue
                if tenants.count(added) >= min(self.copies, added.replicas):
                    continue
                config = Config(part, (*tenants, added))
                if allowed(config):
                    yield config
                    if len(config.tenants) < most_tenants:
                        yield from extend(config.tenants, i)

        return extend((), 0)
