"""Simulates many scenarios, each a few times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from ..scenario.scenario import Scenario
from ..study.estimates import estimates
from ..study.outcomes import Outcome
from ..study.points import REFUSALS
from ..study.runner import Executor, MapCallable, cores, run_all
from ..study.simulation import simulate

__all__ = ["Runs", "Sample"]

#: Added to seeds for luck that has not been seen.
_AFRESH = 1_000_003


@dataclass
class Sample:
    """The runs of a scenario so far.

    Attributes
    ----------
    scenario : Scenario
        What is run.
    watched : mapping of str to int
        As `simulate` takes it.
    afresh : bool
        Under other luck than what was chosen by, so that choosing among many does not flatter the choice.
    refused : str
        Why it cannot run; empty otherwise.
    """

    scenario: Scenario
    watched: Mapping[str, int] = field(default_factory=dict)
    afresh: bool = False
    refused: str = ""
    _figures: list[Mapping[str, float]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._figures)

    def add(self, outcome: _Ran) -> None:
        """What came of more runs."""
        self._figures += outcome.figures
        self.refused = outcome.refused

    def runs(self, replications: int) -> Sequence[Mapping[str, float]]:
        """Figures of each of the first so many runs; empty when it cannot run."""
        return self._figures[:replications]

    def outcome(self, replications: int) -> Outcome:
        """Of the first so many runs."""
        return Outcome(estimates(self.runs(replications)), refused=self.refused)


@dataclass(frozen=True)
class _Ran:
    """Figures of some runs, or why there are none."""

    figures: Sequence[Mapping[str, float]] = ()
    refused: str = ""


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

    def outcomes(self, scenarios: Sequence[Scenario], replications: int) -> list[Outcome]:
        """What becomes of scenarios, in order, in so many runs of each."""
        samples = [Sample(scenario) for scenario in scenarios]
        self.extend(samples, replications)
        return [sample.outcome(replications) for sample in samples]

    def extend(self, samples: Sequence[Sample], replications: int) -> None:
        """Makes the runs that are lacking to so many of each."""
        lacking = [s for s in samples if len(s) < replications and not s.refused]

        def done(position: int, ran: _Ran) -> None:
            self.count += replications - len(lacking[position])
            lacking[position].add(ran)
            if self.told is not None:
                self.told(self.count)

        # Few scenarios leave cores for the runs of each.
        threads = max(1, (self.threads or cores()) // max(1, len(lacking))) if self.executor is None else 1
        task = partial(_simulate, seed=self.seed, threads=threads)
        items = [(s.scenario, s.watched, s.afresh, len(s), replications) for s in lacking]
        run_all(task, items, done, executor=self.executor, threads=self.threads)


def _simulate(
    item: tuple[Scenario, Mapping[str, int], bool, int, int],
    *,
    seed: int | None,
    threads: int,
    cancelled: Callable[[], bool] | None = None,
) -> _Ran:
    """Runs a scenario from one replication up to another; what does not fit has that as its outcome."""
    scenario, watched, afresh, first, end = item
    try:
        result = simulate(
            scenario,
            seed=(scenario.seed if seed is None else seed) + (_AFRESH if afresh else 0),
            replications=end - first,
            first_replication=first,
            record_requests=False,
            watched=watched,
            threads=threads,
            progress=None if cancelled is None else lambda _: not cancelled(),
        )
    except REFUSALS as error:
        return _Ran(refused=str(error))
    return _Ran([run.figures for run in result.runs])
