"""Simulates many scenarios, each a few times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ..scenario.scenario import Scenario
from ..study.outcomes import Outcome
from ..study.points import REFUSALS
from ..study.runner import Executor, MapCallable, cores, run_all
from ..study.simulation import simulate

__all__ = ["Runs"]

#: Added to seeds for luck that has not been seen.
_AFRESH = 1_000_003


@dataclass
class Runs:
    """Runs scenarios under the same luck, and counts.

    Attributes
    ----------
    executor, threads
        As `study.runner.run_all` takes them.
    seed : int or None
        Of all runs; None takes each scenario's.
    told : callable, optional
        Called with the runs so far as they end.
    count : int
        Runs so far.
    """

    executor: Executor | MapCallable | None = None
    threads: int | None = None
    seed: int | None = None
    told: Callable[[int], object] | None = None
    count: int = 0

    def outcomes(
        self,
        scenarios: Sequence[Scenario],
        replications: int,
        watched: Sequence[Mapping[str, int]] = (),
        *,
        afresh: bool = False,
    ) -> list[Outcome]:
        """What becomes of scenarios, in order.

        Parameters
        ----------
        scenarios : sequence of Scenario
            What to run.
        replications : int
            Runs of each.
        watched : sequence of mapping, optional
            For each scenario, as `simulate` takes it.
        afresh : bool
            Under other luck than what was chosen by, so that choosing among many does not flatter the choice.
        """
        found: list[Outcome] = [Outcome()] * len(scenarios)

        def done(position: int, outcome: Outcome) -> None:
            found[position] = outcome
            self.count += replications
            if self.told is not None:
                self.told(self.count)

        items = list(zip(scenarios, watched or [{}] * len(scenarios), strict=True))
        # Few scenarios leave cores for the runs of each.
        threads = max(1, (self.threads or cores()) // max(1, len(items))) if self.executor is None else 1
        shift = _AFRESH if afresh else 0
        task = partial(_simulate, seed=self.seed, replications=replications, shift=shift, threads=threads)
        run_all(task, items, done, executor=self.executor, threads=self.threads)
        return found


def _simulate(
    item: tuple[Scenario, Mapping[str, int]],
    *,
    seed: int | None,
    replications: int,
    shift: int,
    threads: int,
    cancelled: Callable[[], bool] | None = None,
) -> Outcome:
    """Runs a scenario; what does not fit has that as its outcome."""
    scenario, watched = item
    try:
        result = simulate(
            scenario,
            seed=(scenario.seed if seed is None else seed) + shift,
            replications=replications,
            record_requests=False,
            watched=watched,
            threads=threads,
            progress=None if cancelled is None else lambda _: not cancelled(),
        )
    except REFUSALS as error:
        return Outcome(refused=str(error))
    return Outcome(dict(result.summary()))
