"""What is said of configs and packings, who says it, and what a search makes of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from .packing import Packed
from .problem import Config

__all__ = ["Found", "Judge", "Opinion", "Verdict", "sufficient"]


class Verdict(Enum):
    """What a judge says."""

    meets = "meets"
    fails = "fails"
    unclear = "unclear"


@dataclass(frozen=True)
class Opinion:
    """What a judge says of a config or a packing.

    Attributes
    ----------
    verdict : Verdict
        Whether it meets all that is asked.
    failing : sequence of int
        Of a packing, services that do not get what is asked for them; empty where it is not known.
    excess : mapping of int to float
        By how much, as a share of its bound, a service's worst figure misses it (below 0: what is to spare), for
        estimates of what may fail.
    """

    verdict: Verdict
    failing: Sequence[int] = ()
    excess: Mapping[int, float] = field(default_factory=dict)


class Judge(Protocol):
    """Says whether what stands together meets what is asked."""

    def configs(self, configs: Sequence[Config]) -> Sequence[Opinion]:
        """Of each config by itself, the rest of its services undisturbed: what fails so fails in every packing."""

    def closer(self, configs: Sequence[Config]) -> Sequence[Opinion]:
        """As `configs`, of those that were too close to say: looked at for longer, as is all that comes after."""

    def foresee(self, config: Config) -> Mapping[int, float]:
        """By how much each service would probably miss its bound, as a share of it; empty where that is not trusted."""

    def prepare(self, configs: Sequence[Config]) -> object:
        """Told of configs of which it will probably be asked what is foreseen."""

    def is_hopeless(self, config: Config) -> bool:
        """Whether predictions are trusted to say that it fails."""

    def trust(self, beyond: float) -> None:
        """From now on predictions are made, and what they put beyond a bound by this share of it counts as failing."""

    def packing(self, packed: Packed, *, patient: bool = True) -> Opinion:
        """Of a whole packing; without patience it is soon too close to say."""


@dataclass
class Found:
    """What a search has found so far.

    Attributes
    ----------
    best : Packed or None
        The cheapest packing that meets everything.
    unclear : Packed or None
        One that costs less and is too close to say.
    runner_up : Packed or None
        The next best that meets everything.
    bound : float
        No packing costs less; infinite when there is none.
    most_tenants : int
        On one part of all packings that were considered.
    narrowed : bool
        Whether services in more replicas than surely suffice alone were left out, for there are many.
    done : bool
        Whether the search came to its end: the best packing costs what the bound is, or there is none.
    interrupted : bool
        Whether Ctrl-C ended it.
    refuted : list of Config
        Configs that fail, the smallest that were found.
    """

    best: Packed | None = None
    unclear: Packed | None = None
    runner_up: Packed | None = None
    bound: float = 0.0
    most_tenants: int = 0
    narrowed: bool = False
    done: bool = False
    interrupted: bool = False
    refuted: list[Config] = field(default_factory=list)

    @property
    def least(self) -> float:
        """What the best costs; infinite while there is none."""
        return self.best.cost if self.best is not None else math.inf

    def is_near(self, limit: float, within: float) -> bool:
        """Whether the best costs at most such a share more than a limit."""
        return self.best is not None and self.best.cost <= limit * (1 + within) + 1e-9


def sufficient(opinions: dict[Config, Opinion]) -> dict[tuple[int, int], int]:
    """The replicas that meet everything alone, by service and variant; of several numbers the one asked of first."""
    return {
        config.tenants[0][:2]: config.tenants[0].replicas
        for config, opinion in reversed(opinions.items())
        if opinion.verdict is Verdict.meets and len(config.tenants) == 1
    }
