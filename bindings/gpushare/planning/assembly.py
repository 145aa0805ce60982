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
#: What a guess has to leave to a bound, as a logarithm, for a packing to be tried with it; how much less once nothing
#: cheaper can be made so; and at least: as much as predictions err may be lacking.
_TO_SPARE, _BOLDER, _BOLDEST = 0.03, 0.05, -0.12


class Assembly:
    """Puts packings together from configs that hold, or should.

    What a plan needs are configs with something to spare; what a bound needs are all that may hold. So these have a
    mixture of their own. When nothing cheaper can be made of them, less is asked to be spared: more of what is then
    proposed fails when it is judged, config by config, and what holds is there to be used.

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
    bold : bool
        Whether guesses need spare nothing from the beginning, since there are few choices.
    """

    def __init__(
        self,
        problem: Problem,
        judge: Judge,
        excess: Callable[[Config], float],
        verdict: Callable[[Config], Verdict | None],
        *,
        bold: bool,
    ) -> None:
        self._problem, self._judge = problem, judge
        self._excess, self._verdict = excess, verdict
        self._spare = _BOLDEST if bold else _TO_SPARE
        self.packing = self._new_packing()

    def _new_packing(self) -> Packing:
        packing = Packing(self._problem)
        packing.relaxation.tests = Tests(self._fails, self._judge.prepare)
        return packing

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

    @property
    def boldest(self) -> bool:
        """Whether guesses need not spare less than they do."""
        return self._spare <= _BOLDEST

    def propose(self, good: Iterable[Config], most: float) -> Packed | None:
        """A packing of what should hold, whose configs need not be judged yet; None where none costs so little.

        The next one is then made of guesses with less to spare.

        Parameters
        ----------
        good : iterable of Config
            What holds.
        most : float
            What it may cost.
        """
        packed = self._cheapest(good)
        if packed is not None and packed.cost <= most:
            return packed
        if not self.boldest:
            self._spare -= _BOLDER
            before, self.packing = self.packing, self._new_packing()
            self.packing.heed(before)
        return None

    def _cheapest(self, good: Iterable[Config]) -> Packed | None:
        relaxation = self.packing.relaxation
        self.packing.refute(c for c in list(relaxation.pool) if not self._is_good(c))
        self.packing.admit(good)
        self.packing.relax(_NEAR)
        columns = [config for config in relaxation.pool if self._is_good(config)]
        packed, _ = self.packing.solve(self._risk, columns, max_nodes=_NODES)
        return packed

    def _risk(self, config: Config) -> float:
        """What has least to spare is the first to fail."""
        return risk(config, self._verdict(config), self._excess, self._problem.most_tenants)
