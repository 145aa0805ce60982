"""Packings of a fleet, made of configs that should hold by prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .opinions import Judge, Verdict
from .packing import Packed, Packing
from .preferences import risk
from .pricing import Tests
from .problem import Config, Problem

__all__ = ["Assembly"]

#: How near to the cheapest mixture its bound need be, and nodes of a packing's search.
_NEAR = 0.02
_NODES = 5


class Assembly:
    """Puts packings together from configs that hold, or should.

    What a plan needs are configs with something to spare; what a bound needs are all that may hold. So these have a
    mixture of their own.

    Parameters
    ----------
    problem : Problem
        What there is to choose from.
    judge : Judge
        Predicts.
    excess : callable
        How far beyond its bound a config is guessed to be, as a logarithm.
    verdict : callable
        What was said of a config; None: nothing.
    spare : float
        What a guess has to leave to a bound, as a logarithm, where nothing was simulated.
    """

    def __init__(
        self,
        problem: Problem,
        judge: Judge,
        excess: Callable[[Config], float],
        verdict: Callable[[Config], Verdict | None],
        spare: float,
    ) -> None:
        self.packing = Packing(problem)
        self.packing.relaxation.tests = Tests(self._fails, judge.prepare)
        self._excess, self._verdict, self._spare = excess, verdict, spare
        self._most_tenants = problem.most_tenants

    def _fails(self, config: Config) -> bool:
        if self._is_good(config):
            return False
        if self.packing.is_possible(config):
            self.packing.refute([config])
        return True

    def _is_good(self, config: Config) -> bool:
        verdict = self._verdict(config)
        if verdict is not None:
            return verdict is Verdict.meets
        return self.packing.is_possible(config) and self._excess(config) <= -self._spare

    def propose(self, good: Iterable[Config]) -> Packed | None:
        """The cheapest packing of what should hold, whose configs need not be judged yet.

        Parameters
        ----------
        good : iterable of Config
            What holds.
        """
        relaxation = self.packing.relaxation
        self.packing.refute(c for c in list(relaxation.pool) if not self._is_good(c))
        self.packing.admit(good)
        self.packing.relax(_NEAR)
        columns = [config for config in relaxation.pool if self._is_good(config)]
        packed, _ = self.packing.solve(self._risk, columns, max_nodes=_NODES)
        return packed

    def _risk(self, config: Config) -> float:
        """What has least to spare is the first to fail."""
        return risk(config, self._verdict(config), self._excess, self._most_tenants)
