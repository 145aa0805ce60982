"""What is known to fail, and with it all that is harder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from .problem import Config, Part, Problem, Tenant

__all__ = ["Cuts", "Subsets"]


class Subsets:
    """Sets of bits, kept so that it soon shows whether any lies within another one: a tree by their lowest bits."""

    __slots__ = ("_empty", "_firsts", "_rests", "_singles")

    def __init__(self) -> None:
        self._empty = False
        self._singles = 0
        self._firsts = 0
        self._rests: dict[int, Subsets] = {}

    def add(self, bits: int) -> None:
        """One more set; the empty one lies within all."""
        if self.within(bits):
            return
        lowest = bits & -bits
        if not bits:
            self._empty = True
        elif bits == lowest:
            self._singles |= bits
        else:
            self._firsts |= lowest
            self._rests.setdefault(lowest, Subsets()).add(bits ^ lowest)

    def within(self, mask: int) -> bool:
        """Whether one of the sets has no bit that the mask lacks."""
        if self._empty or self._singles & mask:
            return True
        firsts = self._firsts & mask
        while firsts:
            lowest = firsts & -firsts
            if self._rests[lowest].within(mask):
                return True
            firsts ^= lowest
        return False


class Cuts:
    """Configs that fail, as sets of bits, so that one instruction says whether another one is at least as hard.

    A bit stands for "so many copies of a service in a variant at least, each with so many replicas beside it at most",
    or for "a tenant that is at least as hard as this one, of any service that is like it".
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        tenants = [tenant for options in problem.tenants for tenant in options]
        counts = range(1, problem.copies + 1)
        self._bits = {key: 1 << i for i, key in enumerate((t, n) for t in tenants for n in counts)}
        self._like = {t: 1 << (len(self._bits) + i) for i, t in enumerate(tenants)}
        self._masks = {(t, n): self._implied(t, n, tenants) for t in tenants for n in counts}
        #: What configs that fail have to have, by part; and those that a service has to do with.
        self._failing: dict[Part, Subsets] = defaultdict(Subsets)
        self._of: dict[tuple[Part, int], list[int]] = defaultdict(list)
        self._lacking: dict[tuple[Part, int], dict[tuple[Tenant, int], Subsets]] = defaultdict(dict)
        #: How often something was added.
        self.count = 0

    def _implied(self, tenant: Tenant, copies: int, tenants: Iterable[Tenant]) -> int:
        """All bits that so many copies of a tenant set: fewer copies, lighter ones, and those of services like it."""
        lighter = [
            other
            for other in self.problem.tenants[tenant.service]
            if other.variant == tenant.variant and other.replicas >= tenant.replicas
        ]
        own = sum(self._bits[other, count] for other in lighter for count in range(1, copies + 1))
        return own + sum(self._like[other] for other in tenants if self.problem.outdoes(tenant, other))

    def mask(self, tenant: Tenant, copies: int = 1) -> int:
        """The bits that so many copies of a tenant set."""
        return self._masks[tenant, copies]

    def mask_of(self, tenants: Iterable[Tenant]) -> int:
        """The bits that tenants set."""
        result, counts = 0, dict[Tenant, int]()
        for tenant in tenants:
            counts[tenant] = counts.get(tenant, 0) + 1
        for tenant, copies in counts.items():
            result |= self._masks[tenant, copies]
        return result

    def lacking(self, part: Part, tenant: Tenant, copies: int) -> Subsets:
        """What fails on a part with so many copies of a tenant, by what it lacks then; it grows as more is known."""
        of_service = self._lacking[part, tenant.service]
        if (tenant, copies) not in of_service:
            of_service[tenant, copies] = Subsets()
            for cut in self._of[part, tenant.service]:
                self._lack(of_service[tenant, copies], cut, self._masks[tenant, copies])
        return of_service[tenant, copies]

    @staticmethod
    def _lack(lacking: Subsets, cut: int, mask: int) -> None:
        rest = cut & ~mask
        if rest != cut:  # otherwise it fails without the tenant
            lacking.add(rest)

    def add(self, config: Config) -> None:
        """A config fails, and so do all harder ones, on the part and on weaker ones."""
        self.count += 1
        needed = sum(self._bit(tenant, config) for tenant in set(config.tenants))
        sets = self.mask_of(config.tenants)
        services = {t.service for (t, _), mask in self._masks.items() if mask & needed}
        for part in self.problem.weaker[config.part]:
            if self._failing[part].within(sets):
                continue
            self._failing[part].add(needed)
            for service in services:
                self._of[part, service].append(needed)
                for key, lacking in self._lacking[part, service].items():
                    self._lack(lacking, needed, self._masks[key])

    def _bit(self, tenant: Tenant, config: Config) -> int:
        """What a config needs to be as hard because of one tenant. Of two alike, each has to be matched by itself."""
        copies = config.tenants.count(tenant)
        others = [t for t in config.tenants if t != tenant]
        if copies > 1 or any(self.problem.like(tenant, other) for other in others):
            return self._bits[tenant, copies]
        return self._like[tenant]

    def fails(self, config: Config) -> bool:
        """Whether the config or an easier one is known to fail."""
        return self._failing[config.part].within(self.mask_of(config.tenants))
