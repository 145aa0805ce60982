"""Which of several packings of the same cost is better, and when to look for no better one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from .opinions import Verdict
from .problem import Config

__all__ = ["Patience", "complexity", "risk"]


def complexity(config: Config) -> float:
    """From 0 to 1, of a config that may replace another at the same cost."""
    return 0.05 + 0.1 * len(config.tenants) + 0.02 * (config.part.name != "whole")


def risk(
    config: Config, verdict: Verdict | None, excess: Callable[[Config], float], most_tenants: int
) -> float:
    """From 0 to 1; prefers what is known to be good, lightly loaded and simple.

    Parameters
    ----------
    config : Config
    verdict : Verdict or None
        What was said of it.
    excess : callable
        How far beyond its bound a config is guessed to be, where nothing was said.
    most_tenants : int
        On one part.
    """
    simple = 0.01 + 0.05 * len(config.tenants) / most_tenants + 0.02 * (config.part.name != "whole")
    if verdict is not None:
        return simple if verdict is Verdict.meets else simple + 0.4
    return simple + 0.9 / (1 + math.exp(-6 * excess(config)))


@dataclass
class Patience:
    """Ends a search that brought nothing for long, when a GPU more or less is all that is open.

    Attributes
    ----------
    most : int
        Effort that may bring nothing.
    """

    most: int
    _bound: float = 0.0
    _cost: float = math.inf
    _effort: int = 0

    def ends(self, bound: float, cost: float, effort: int, gpu: float) -> bool:
        """Whether to end it, by its bound, its best cost, all effort so far, and what a GPU costs."""
        if bound > self._bound or cost < self._cost - 1e-9:
            self._bound, self._cost, self._effort = bound, cost, effort
            return False
        return cost - bound <= gpu + 1e-9 and effort - self._effort > self.most
