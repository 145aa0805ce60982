"""What is said of configs and packings, and who says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from .packing import Packed
from .problem import Config

__all__ = ["Judge", "Opinion", "Verdict"]


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
        Services that do not get what is asked for them; empty where it is not known.
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

    def packing(self, packed: Packed) -> Opinion:
        """Of a whole packing."""
