"""One way to run cases: on threads or any executor, resumable, with their progress told."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from functools import partial

from .. import _core
from .._numbers import check_count
from .checkpoint import Checkpoint
from .outcomes import Outcome, samples
from .points import REFUSALS, Point
from .runner import Executor, MapCallable, run_all
from .simulation import MOST_REQUESTS, checked_size, simulate
from .stopping import Stopped

__all__ = ["run_case", "run_cases"]


def interrupted(done: int, total: int, kept: str) -> KeyboardInterrupt:
    """Ctrl-C, with what there is by then: `done` cases of `total`, in the file `kept` if there is one."""
    where = f"kept in {kept}; the same call with resume={kept!r} goes on" if kept else "lost without resume="
    error = KeyboardInterrupt(f"{done} of {total} were done, and are {where}")
    vars(error).update(done=done, total=total, kept=kept)
    return error


def run_case(
    case: Point,
    *,
    replications: int = 1,
    uncertainty: bool = False,
    record_requests: bool = False,
    keep_result: bool = False,
    threads: int | None = None,
    most_requests: float = MOST_REQUESTS,
    cancelled: Callable[[], bool] | None = None,
) -> Outcome:
    """Simulates one case; an impossible one has its reason as outcome, and one that fails its error."""
    if case.scenario is None:
        return Outcome(refused=case.refused, error=case.error, warnings=tuple(case.warnings))
    if cancelled and cancelled():
        raise Stopped
    try:
        result = simulate(
            case.scenario,
            seed=case.seed,
            replications=replications,
            uncertainty=uncertainty,
            record_requests=record_requests,
            threads=threads,
            most_requests=most_requests,
            progress=None if cancelled is None else lambda _: not cancelled(),
        )
    except REFUSALS as error:
        return Outcome(refused=str(error), warnings=case.scenario.warnings)
    except _core.Error as error:
        if cancelled and cancelled():
            raise Stopped from None
        return Outcome(error=str(error), warnings=case.scenario.warnings)
    summary = result.summary()
    kept = result if keep_result else None
    return Outcome(
        dict(summary), summary.bottleneck, result=kept, samples=samples(result), warnings=result.warnings
    )


def run_cases(
    cases: Sequence[Point],
    *,
    replications: int = 1,
    uncertainty: bool = False,
    record_requests: bool = False,
    keep_results: bool = False,
    executor: Executor | MapCallable | None = None,
    threads: int | None = None,
    most_requests: float = MOST_REQUESTS,
    resume: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> list[Outcome]:
    """Simulates every case; the outcomes are in their order, and the same whatever runs them.

    Parameters
    ----------
    cases : sequence of Point
        Scenarios with their places on the axes.
    replications, uncertainty, record_requests, most_requests : optional
        As in `simulate`.
    keep_results : bool
        Keep the runs of each case, not only their figures; a checkpoint never has them.
    executor : optional
        None for threads, anything with ``submit``, or a map callable.
    threads : int, optional
        Cases at a time without an executor; by default one a core.
    resume : str or path, optional
        A file that keeps the outcome of each finished case, unless it is an error; those found in it are not
        simulated again.
    progress : callable, optional
        Called with (cases done, cases in all), first with those found in `resume` if there are any.

    Raises
    ------
    KeyboardInterrupt
        By Ctrl-C, with the numbers `done` and `total` and the name of the file `kept`; what was done by then is in
        that file.
    OSError
        When `resume` cannot be written, before anything is simulated.
    ScenarioError
        With `resume`, when a file changed since a scenario was read from it.
    ValueError
        For replications or threads below 1, or a `resume` that is no checkpoint.
    """
    replications = check_count("replications", replications)
    most_requests = checked_size(most_requests)
    if threads is not None:
        threads = check_count("threads", threads)
    checkpoint = Checkpoint(resume) if resume is not None else None
    with closing(checkpoint) if checkpoint else nullcontext():
        keys = [Checkpoint.key(case, replications, uncertainty) for case in cases] if checkpoint else []
        outcomes: list[Outcome | None] = [None] * len(cases)
        if checkpoint:
            outcomes = [checkpoint.get(key) for key in keys]
        waiting = [i for i, outcome in enumerate(outcomes) if outcome is None]
        finished = len(cases) - len(waiting)
        if progress and finished:
            progress(finished, len(cases))

        def done(position: int, outcome: Outcome) -> None:
            nonlocal finished
            i = waiting[position]
            outcomes[i] = outcome
            finished += 1
            if checkpoint and not outcome.error:
                checkpoint.put(keys[i], outcome)
            if progress:
                progress(finished, len(cases))

        # One run is single-threaded; the cases are what runs side by side.
        task = partial(
            run_case,
            replications=replications,
            uncertainty=uncertainty,
            record_requests=record_requests,
            keep_result=keep_results,
            threads=1,
            most_requests=most_requests,
        )
        try:
            run_all(task, [cases[i] for i in waiting], done, executor=executor, threads=threads)
        except KeyboardInterrupt:
            kept = checkpoint.path if checkpoint else ""
            raise interrupted(finished, len(cases), kept) from None
    return [outcome for outcome in outcomes if outcome is not None]
