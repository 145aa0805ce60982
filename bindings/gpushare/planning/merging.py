"""A good packing to begin with: what stands alone is put together, two and two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

from .problem import Config, Problem

__all__ = ["merge"]


def merge(
    problem: Problem,
    configs: Sequence[Config],
    excess: Callable[[Config], float],
    allowed: Callable[[Config], bool],
    learn: Callable[[Sequence[Config]], Sequence[Config]],
) -> None:
    """Puts configs together while what comes of it holds.

    Parameters
    ----------
    problem : Problem
        How many tenants, and copies of one, a part may have.
    configs : sequence of Config
        Of a packing, each of which holds.
    excess : callable
        How far beyond its bound a config is guessed to be; the least are tried first, and none above 0.
    allowed : callable
        Whether nothing is known against a config.
    learn : callable
        Has configs judged; returns those that fail.
    """
    standing = list(configs)
    failed: set[Config] = set()
    while True:
        chosen: dict[Config, tuple[Config, Config]] = {}
        taken: set[int] = set()
        pairs = [
            (excess(both), i, k, both)
            for i, k in combinations(range(len(standing)), 2)
            for both in _together(problem, standing[i], standing[k])
            if both not in failed and allowed(both)
        ]
        for guess, i, k, both in sorted(pairs):
            if guess < 0 and both not in chosen and not {i, k} & taken:
                taken |= {i, k}
                chosen[both] = standing[i], standing[k]
        if not chosen:
            return
        failed.update(learn(list(chosen)))
        for both, parts in chosen.items():
            if both not in failed:
                for part in parts:
                    standing.remove(part)
                standing.append(both)


def _together(problem: Problem, one: Config, other: Config) -> list[Config]:
    """All tenants of two configs on the part of either, where so many may stand on one."""
    tenants = tuple(sorted((*one.tenants, *other.tenants)))
    copies = max(tenants.count(tenant) for tenant in tenants)
    parts = {one.part, other.part}
    if len(tenants) > problem.most_tenants or copies > problem.copies or any(part.gpus > 1 for part in parts):
        return []
    return [Config(part, tenants) for part in sorted(parts)]
