"""One way to run cases: on threads or any executor, resumable, with their progress told."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial

from .._version import installed_version
from .checkpoint import Checkpoint
from .outcomes import Outcome
from .points import REFUSALS, Point
from .runner import Executor, MapCallable, run_all
from .simulation import check_count, simulate

__all__ = ["run_case", "run_cases"]


def run_case(
    case: Point,
    *,
    replications: int = 1,
    uncertainty: bool = False,
    record_requests: bool = False,
    keep_result: bool = False,
    threads: int | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Outcome:
    """Simulates one case; an impossible one has its reason as outcome."""
    if case.scenario is None:
        return Outcome(refused=case.refused)
    try:
        result = simulate(
            case.scenario,
            seed=case.seed,
            replications=replications,
            uncertainty=uncertainty,
            record_requests=record_requests,
            threads=threads,
            progress=None if cancelled is None else lambda _: not cancelled(),
        )
    except REFUSALS as error:
        return Outcome(refused=str(error))
    summary = result.summary()
    return Outcome(dict(summary), summary.bottleneck, result=result if keep_result else None)


def run_cases(
    cases: Sequence[Point],
    *,
    replications: int = 1,
    uncertainty: bool = False,
    record_requests: bool = False,
    keep_results: bool = False,
    executor: Executor | MapCallable | None = None,
    threads: int | None = None,
    resume: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> list[Outcome]:
    """Simulates every case; the outcomes are in their order, and the same whatever runs them.

    Parameters
    ----------
    cases : sequence of Point
        Scenarios with their places on the axes.
    replications, uncertainty, record_requests : optional
        As in `simulate`.
    keep_results : bool
        Keep the runs of each case, not only their figures; a checkpoint never has them.
    executor : optional
        None for threads, anything with ``submit``, or a map callable.
    threads : int, optional
        Cases at a time without an executor; by default one a core.
    resume : str or path, optional
        A file that keeps the outcome of each finished case; those found in it are not simulated again.
    progress : callable, optional
        Called with (cases done, cases in all).

    Raises
    ------
    ScenarioError, SimulationError
        As `simulate`; cases finished by then are in `resume`.
    ValueError
        For replications or threads below 1, or a `resume` that is no checkpoint.
    """
    check_count("replications", replications)
    if threads is not None:
        check_count("threads", threads)
    outcomes: list[Outcome | None] = [None] * len(cases)
    checkpoint = Checkpoint(resume) if resume is not None else None
    keys: list[str] = []
    if checkpoint:
        keys = [Checkpoint.key(case, replications, uncertainty, installed_version()) for case in cases]
        outcomes = [checkpoint.get(key) for key in keys]
    waiting = [i for i, outcome in enumerate(outcomes) if outcome is None]

    def done(position: int, outcome: Outcome) -> None:
        i = waiting[position]
        outcomes[i] = outcome
        if checkpoint:
            checkpoint.put(keys[i], outcome)
        if progress:
            progress(sum(o is not None for o in outcomes), len(cases))

    # One run is single-threaded; the cases are what runs side by side.
    task = partial(
        run_case,
        replications=replications,
        uncertainty=uncertainty,
        record_requests=record_requests,
        keep_result=keep_results,
        threads=1,
    )
    run_all(task, [cases[i] for i in waiting], done, executor=executor, threads=threads)
    return [outcome for outcome in outcomes if outcome is not None]
