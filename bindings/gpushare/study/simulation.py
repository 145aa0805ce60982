"""Simulate one scenario."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .. import _core
from .._numbers import check_count, check_number, check_seconds, check_seed
from ..frames.notices import Notice, notices
from ..frames.progress import followed
from ..scenario.load import Load
from ..scenario.scenario import ModeLike, Scenario, ScenarioLike
from .actions import Action, checked
from .results import Result, Run

__all__ = ["CARRIED", "MOST_REQUESTS", "UNCERTAIN_RUNS", "simulate"]

#: Requests of a run, unless told otherwise: beyond them it would take hours, or no memory would hold it.
MOST_REQUESTS = _core.MOST_REQUESTS


def checked_size(most_requests: float) -> float:
    """How many requests a run may be of; ValueError for what is no number of them."""
    return check_number(
        "most_requests", most_requests, "a number of requests, or 0 for no bound,", lambda n: n >= 0
    )


#: Replications of a run with `uncertainty`, at least.
UNCERTAIN_RUNS = 24
# Standard deviations of the logarithms of step times alone (9 of 10 errors of suites on whole GPUs are below 10 %: the
# median over accelmark, llmservingsim, llm-steps, silicon on one and two GPUs, and speech-nim),
# of pressures (h200-pairs: kinds left out of the fit), of switch costs (two sets of measurements on one card) and of
# the host times of language models' engines (vllm-h200: first tokens of prompts of 600 to 1,100 tokens, whose launches
# take longer than the GPU's work, in 13 runs of one version alone: measured over predicted differs by 10 %).
_SPREAD = (0.06, 0.25, 0.10, 0.10)
#: How many times as far they are off where constants of sharing are another card's (assumed: half as much again for
#: pressures, twice for switching; the one cost that was derived on another card differs by 17 %).
CARRIED = (1.0, 1.5, 2.0)


def _spread(scenario: Scenario) -> tuple[float, float, float, float]:
    alone, pressure, switching = CARRIED if scenario._handle.carries_over else (1.0, 1.0, 1.0)
    return alone * _SPREAD[0], pressure * _SPREAD[1], switching * _SPREAD[2], _SPREAD[3]


def as_scenario(scenario: ScenarioLike) -> Scenario:
    """The scenario itself, or the one of that name, path or document."""
    if isinstance(scenario, Scenario):
        return scenario
    if isinstance(scenario, Mapping):
        return Scenario.from_dict(scenario)
    loads = [scenario] if isinstance(scenario, Load) else scenario
    if isinstance(loads, (list, tuple)) and loads and all(isinstance(load, Load) for load in loads):
        return Scenario.of(*loads)
    return Scenario.load(scenario)  # type: ignore[arg-type]  # refuses what is no name in our words


def run_count(replications: int, uncertainty: bool) -> int:
    """How many runs that makes."""
    replications = check_count("replications", replications)
    return max(replications, UNCERTAIN_RUNS) if uncertainty else replications


def simulate(
    scenario: ScenarioLike,
    *,
    mode: ModeLike | None = None,
    seed: int | None = None,
    replications: int = 1,
    first_replication: int = 0,
    uncertainty: bool = False,
    record_requests: bool = True,
    record_steps: bool = False,
    record_log: bool = False,
    series_s: float | None = None,
    watched: Mapping[str, int] | None = None,
    actions: Sequence[Action] = (),
    threads: int | None = None,
    most_requests: float = MOST_REQUESTS,
    progress: Callable[[float], bool | None] | None = None,
) -> Result:
    """Simulates a scenario; the interpreter is free meanwhile, and Ctrl-C stops it within a moment.

    Parameters
    ----------
    scenario : Scenario, str, path or mapping
        A scenario, the name or path of one, or its document as `Scenario.from_dict` takes it.
    mode : str or Layout, optional
        Another mode, as in `Scenario.load`.
    seed : int, optional
        At least 0; by default the scenario's. The same seed gives the same bytes.
    replications : int
        Independent runs; figures then carry the half-width of their 95 % interval.
    first_replication : int
        Where they begin: after 4 replications, 4 more from replication 4 on are the rest of 8.
    uncertainty : bool
        Each replication (at least `UNCERTAIN_RUNS` of them) draws its own calibration errors, the same in every
        mode; half-widths are then half of the 90 % interval that a prediction may be off by. The errors are those
        of the accuracy report: step times 6 %, pressure on MPS neighbours 25 %, costs of time-slicing 10 %, host
        times of a language model's engine 10 % (standard deviations); where the profile carries constants of sharing
        over from another card half as much again for pressures and twice as much for switching, which is assumed.
    record_requests : bool
        Keep a row for each request; without, memory stays constant.
    record_steps : bool
        Keep a row for each step on a GPU.
    record_log : bool
        Keep who held which partition when, at what rate, and every step by phase: `Run.log`.
    series_s : float, optional
        Keep a row for each so many seconds: `Run.series`. By default 288 rows of a fleet under control, none of others;
        0: none.
    watched : mapping of str to int, optional
        Latencies are of the requests that one of the first so many replicas of a service served, so that a good one
        does not hide a bad one.
    actions : sequence of mapping, optional
        What is done to the fleet while it serves, ``at_s`` seconds from the start: ``{"start": service, "gpu": 0,
        "partition": "3g.40gb@4", "sharing": "mps", "active_thread_percentage": 50}`` (a replica more; of several ranks
        with a list of GPUs), ``{"drain": service, "replica": 1}`` (it leaves when it has finished), ``{"stop":
        service, "replica": 1, "moves_requests": True}`` (at once; what it works on begins again elsewhere, or fails),
        ``{"recut": gpu, "layout": "3g.40gb+3g.40gb"}`` (instances that both layouts have stay; the others are empty).
    threads : int, optional
        Replications at a time; by default one on every core.
    most_requests : float
        A run of more is refused before it begins, with its size; 0: none is.
    progress : callable, optional
        Called some times a second with the fraction done; returning False stops the run.

    Returns
    -------
    Result

    Raises
    ------
    OutOfMemoryError
        When the processes of a partition do not fit it, with the sum.
    ScenarioError, LayoutError
        When the mode does not suit the scenario, or an action the fleet that it finds.
    SimulationError
        When the run was stopped by `progress`, would be of more than `most_requests`, ran out of memory or broke one of
        its own invariants.
    ValueError
        For a seed below 0, or a number of replications or threads below 1.

    Examples
    --------
    >>> import gpushare as gs
    >>> run = gs.simulate("voice-light", mode="mps", seed=7)
    >>> run.summary()["completed"], len(run.requests)
    (76, 76)
    """
    scenario = as_scenario(scenario)
    if mode is not None:
        scenario = scenario.with_mode(mode)
    with followed(progress, scenario.name, "fraction") as told:
        runs = _core.simulate(
            scenario._handle,
            seed=None if seed is None else check_seed(seed),
            replications=run_count(replications, uncertainty),
            first_replication=check_count("first_replication", first_replication, least=0),
            spread=_spread(scenario) if uncertainty else (0.0, 0.0, 0.0, 0.0),
            record_requests=record_requests,
            record_steps=record_steps,
            record_log=record_log,
            series_s=series_s if series_s is None else check_seconds("series_s", series_s),
            watched_replicas=[(watched or {}).get(service, 0) for service in scenario.services],
            threads=0 if threads is None else check_count("threads", threads),
            most_requests=checked_size(most_requests),
            actions=checked(actions, scenario),
            progress=told,
        )
    return Result(
        [Run(run, scenario) for run in runs],
        (*scenario.warnings, *_hidden(scenario, runs)),
        scenario.assumptions,
    )


def _hidden(scenario: Scenario, runs: Sequence[_core.Run]) -> tuple[Notice, ...]:
    """What the figures of the runs hide: of each place in the words of the first run that has it."""
    first: dict[str, Notice] = {}
    for run in runs:
        for one in notices(_core.warnings_after(scenario._handle, run)):
            first.setdefault(one.where, one)
    return tuple(first.values())
