"""The cheapest placement that gives every service what is asked for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, overload

from .._core import ScenarioError
from .._errors import fail
from .._numbers import check_callable, check_count, check_number, check_seed
from ..frames.progress import followed
from ..scenario.scenario import ScenarioLike
from ..study.runner import Executor, MapCallable
from ..study.simulation import as_scenario
from .advice import advice_for
from .alike import habits
from .answer import Plan
from .asked import Asked
from .facts import Break
from .implied import KEPT
from .kinds import Gpus, Prices
from .load import scaled
from .objectives import Objective, Objectives
from .packing import Packed, Packing
from .problem import Problem, Tenant
from .reasons import Reasons
from .runs import Runs
from .search import Found, search
from .sizes import Sizes
from .space import SHARINGS, Space, make_space
from .staging import Staging
from .table_answer import TablePlan
from .table_demands import ADMISSION, Tables, is_rates, measured_plan
from .trials import Trials

__all__ = ["plan"]

_HOURS_OF_A_MONTH = 720
#: Loads that a plan is tried under, beside its own.
_LOADS = (1.1, 1.2, 1.5)


@overload
def plan(
    workload: ScenarioLike,
    objectives: Mapping[str, Any] | None = None,
    *,
    slo: str | Iterable[str] = (),
    gpus: Gpus | None = None,
    prices: Prices | None = None,
    modes: Sequence[str] = SHARINGS,
    variants: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    tables: None = None,
    admission: float | str = ADMISSION,
    replications: int = 4,
    rounds: int = 200,
    gap: float = 0.0,
    seed: int | None = None,
    executor: Executor | MapCallable | None = None,
    threads: int | None = None,
    progress: Callable[[str], object] | None = None,
) -> Plan: ...
@overload
def plan(
    workload: ScenarioLike | Mapping[str, float],
    objectives: Mapping[str, Any] | None = None,
    *,
    slo: str | Iterable[str] = (),
    gpus: Gpus | None = None,
    prices: Prices | None = None,
    modes: Sequence[str] = SHARINGS,
    variants: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    tables: Tables,
    admission: float | str = ADMISSION,
    replications: int = 4,
    rounds: int = 200,
    gap: float = 0.0,
    seed: int | None = None,
    executor: Executor | MapCallable | None = None,
    threads: int | None = None,
    progress: Callable[[str], object] | None = None,
) -> TablePlan: ...
def plan(
    workload: ScenarioLike | Mapping[str, float],
    objectives: Mapping[str, Any] | None = None,
    *,
    slo: str | Iterable[str] = (),
    gpus: Gpus | None = None,
    prices: Prices | None = None,
    modes: Sequence[str] = SHARINGS,
    variants: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    tables: Tables | None = None,
    admission: float | str = ADMISSION,
    replications: int = 4,
    rounds: int = 200,
    gap: float = 0.0,
    seed: int | None = None,
    executor: Executor | MapCallable | None = None,
    threads: int | None = None,
    progress: Callable[[str], object] | None = None,
) -> Plan | TablePlan:
    """Finds the cheapest placement within the objectives, and a bound that no other placement beats.

    Parameters
    ----------
    workload : Scenario, str, path or mapping
        Its services, pipelines and traffic; where its document places them matters for nothing but what dedicated
        GPUs serve. With tables also a mapping of service to requests a second.
    objectives : mapping, optional
        As a document has them; by default the document's. Where there are none, the end-to-end p95 of dedicated GPUs
        and a quarter more.
    slo : str or iterable of str
        Further bounds, such as ``"llm.ttft_p95=400ms"``.
    gpus : mapping of str to int, sequence, str or int, optional
        How many there are of each kind (0: none), as ``{"a100": 8, "h100": 2}`` or ``"a100=8,h100=2"``, or how many
        of the document's; by default 64 of these.
    prices : mapping of str to float, float or str, optional
        Of an hour of each kind, or of any; by default the document's, or 1 for each.
    modes : sequence of str
        Ways of sharing that may be used, of ``dedicated``, ``time-slicing``, ``mps`` and ``mig``.
    variants : mapping of str to sequence of mapping, optional
        What else a service may be: ``{"llm": [{"precision": "int8"}]}`` beside what it is.
    tables : mapping of str to table, or table, optional
        A user's own measurements of every service in place of simulation, as `plan_tables` takes them; or one table for
        all, with a column ``service`` more. Every service needs a bound for a latency of its own: of a mapping of rates
        seconds by service. The GPUs are of one kind, and each instance holds one service; `modes` and `variants` say
        nothing of tables.
    admission : float or str
        With tables, which rows count: those whose latency is below this share of the bound, ParvaGPU's rule; or with
        ``"queues"`` at the rate up to which 99 % of the requests are done within the bound, waiting included, which is
        simulated.
    replications : int
        Runs of each trial at first; more where chance leaves it open.
    rounds : int
        Proposals at most; then the best so far is the answer, with its gap.
    gap : float
        Ends the search when the plan costs at most this share more than the bound.
    seed : int, optional
        By default the scenario's. The same seed gives the same plan.
    executor, threads : optional
        As in `sweep`.
    progress : callable, optional
        Called with a line of text now and then.

    Returns
    -------
    Plan, or with tables TablePlan
        That no placement meets the objectives is an answer too.

    Raises
    ------
    ScenarioError, FigureError, ProfileError
        For objectives, kinds of GPU, ways of sharing or variants that do not exist, and for tables that lack something.

    Examples
    --------
    >>> import gpushare as gs
    >>> found = gs.plan("voice-light", {"voice_to_voice_p95": "3s"}, rounds=20)
    >>> found.meets, found.gpus >= found.lower_bound
    (True, True)
    >>> table = {"instance": [1, 3], "batch": [8, 8], "processes": [1, 1],
    ...          "throughput_per_s": [200, 700], "latency_s": [0.04, 0.012]}
    >>> found = gs.plan({"resnet": 1600}, {"resnet": 0.1}, tables={"resnet": table}, gpus={"a100": 8})
    >>> found.gpus, found.lower_bound
    (2, 2)
    """
    if tables is not None:
        _check_of_tables(modes, variants)
        asked_of = workload if is_rates(workload) else as_scenario(workload)
        return measured_plan(asked_of, objectives, slo, tables, gpus, prices, admission)
    scenario = as_scenario(workload)
    check_callable("progress", progress)
    if admission != ADMISSION:
        raise fail(
            ScenarioError,
            "admission",
            "it is of plans by tables of measurements (tables=); without them it changes nothing",
        )
    gap = check_number("gap", gap, "a share from 0 to 1", lambda share: 0 <= share <= 1)
    seed = None if seed is None else check_seed(seed)
    replications = check_count("replications", replications)
    rounds = check_count("rounds", rounds)
    space = make_space(scenario, gpus, prices, modes, variants or {})
    asked = Objectives.of(scenario, objectives, slo)
    _check_prices(asked, space)
    # No placement on one node tolerates its loss.
    space = replace(space, small_nodes=asked.tolerate == "node")
    with followed(progress, f"{scenario.name}, plan", "text") as told:
        say = told if told is not None else lambda text: None
        runs = Runs(executor, threads, seed, lambda count: say(f"{count} runs"))
        return _Planner(space, asked, runs, replications, say).plan(rounds, gap)


def _check_of_tables(
    modes: Sequence[str], variants: Mapping[str, Sequence[Mapping[str, Any]]] | None
) -> None:
    """Raises ScenarioError for what says nothing of measured tables."""
    given = {"modes": tuple(modes) != SHARINGS, "variants": bool(variants)}
    for name in (name for name, is_given in given.items() if is_given):
        raise fail(ScenarioError, name, "tables hold what they were measured for; leave it out")


def _check_prices(asked: Objectives, space: Space) -> None:
    """Raises ScenarioError for bounds on what GPUs cost where none has a price."""
    for bound in asked.bounds:
        if bound.figure.startswith("cost_") and not space.priced:
            raise fail(
                ScenarioError,
                f"objectives/{bound.figure}",
                "no GPU has a price; give prices, or --price a100=2",
            )


class _Planner:
    def __init__(
        self, space: Space, asked: Objectives, runs: Runs, replications: int, say: Callable[[str], object]
    ) -> None:
        self.space = space
        self.runs = runs
        self.say = say
        self.scale = _HOURS_OF_A_MONTH if space.priced else 1.0
        self.trials = self._trials(asked, replications)
        if not asked.bounds:
            # What latencies may be where nobody says: those of dedicated GPUs, and some more.
            dedicated = self.trials.reference(self.trials.staging.key_of_all(), 4 * replications)
            implied = KEPT.latencies(dedicated, space.pipelines)
            self.trials = self._trials(asked.beside(implied), replications)
        self.asked = self.trials.staging.asked

    def _trials(self, objectives: Objectives, replications: int) -> Trials:
        staging = Staging(self.space, Asked(self.space, objectives))
        return Trials(staging, self.runs, replications, 4 * replications)

    def plan(self, rounds: int, gap: float) -> Plan:
        """Sizes the services, then packs them."""
        answer = Plan(self.space.scenario, self.asked.objectives, priced=self.space.priced)
        sizes = Sizes(self.space, self.trials, self.say)
        tenants: list[list[Tenant]] = []
        try:
            for service in range(len(self.space.services)):
                tenants.append(sizes.tenants(service))
        except KeyboardInterrupt:
            return self._stopped(answer, len(tenants))
        missing = [service for service, options in enumerate(tenants) if not options]
        if missing:
            answer.why = Reasons(self.space, self.trials).impossible(missing)
            answer.runs = self.runs.count
            answer.lower_bound = answer.lower_cost = math.inf
            return answer
        for service in range(len(tenants)):
            cost, gpus = sizes.dedicated(service)
            answer.dedicated_cost += self.scale * cost
            answer.dedicated_gpus += gpus
        problem = Problem(
            self.space.gpus,
            tenants,
            self.trials.staging.possible,
            self.space.ranks,
            habits(self.space, self.asked.objectives, self.asked.services_of),
            # Where one may fail, two replicas on one part are no help to each other.
            copies=1 if self.asked.spare else 2,
            spread=self.asked.objectives.tolerate in ("gpu", "node"),
        )
        if crowded := Reasons(self.space, self.trials).without_room(problem):
            answer.why, answer.runs = crowded, self.runs.count
            answer.lower_bound = answer.lower_cost = math.inf
            return answer
        found = search(problem, self.trials, rounds=rounds, within=gap, progress=self._tell)
        return self._answer(answer, problem, found)

    def _stopped(self, answer: Plan, sized: int) -> Plan:
        """Stopped before there was anything to pack."""
        answer.finished, answer.interrupted, answer.runs = False, True, self.runs.count
        answer.why = (
            f"stopped while services were tried on GPUs of their own ({sized} of {len(self.space.services)})"
        )
        return answer

    def _tell(self, found: Found) -> None:
        best = f"{sum(found.best.gpus.values())} GPUs" if found.best is not None else "none yet"
        self.say(f"{self.runs.count} runs; best: {best}; cost at least {found.bound:g} an hour")

    def _answer(self, answer: Plan, problem: Problem, found: Found) -> Plan:
        packed = found.best if found.best is not None else found.unclear
        reasons = Reasons(self.space, self.trials)
        answer.finished, answer.interrupted = found.done, found.interrupted
        answer.most_tenants, answer.narrowed = found.most_tenants, found.narrowed
        answer.foretold, answer.checked = self.trials.foretold, self.trials.checked
        answer.confirmed, answer.hopeless = self.trials.confirmed, self.trials.hopeless
        answer.lower_cost = found.bound * self.scale
        answer.resting_cost = self._resting(problem) * self.scale
        answer.lower_bound = _least_gpus(problem, found.bound)
        answer.rejected, answer.nearest = reasons.rejections()
        if packed is None:
            answer.why = self._lacking(answer) if found.done else "none was found so far"
        else:
            self._place(answer, problem, packed)
            try:
                if not found.interrupted:
                    self._look_around(answer, packed, found.runner_up, reasons)
            except KeyboardInterrupt:  # the plan is known
                answer.interrupted = True
        answer.runs = self.runs.count
        return answer

    def _lacking(self, answer: Plan) -> str:
        """That nothing does, with what would where GPUs are too few."""
        there = sum(kind.count for kind in self.space.gpus)
        if answer.dedicated_gpus <= there:
            return _NONE
        return f"{_NONE}; {answer.dedicated_gpus}, one for each server, would do, and there are {there}"

    def _place(self, answer: Plan, problem: Problem, packed: Packed) -> None:
        trial = self.trials.of_packing(packed)
        answer.meets = trial.meets
        answer.judged = list(trial.judged)
        answer.worst_loss = trial.worst_loss
        answer.replications = trial.replications
        placed = self.trials.staging.packed(packed, self.trials.sharing(packed))
        answer.scenario = placed.with_objectives(self.asked.objectives.to_dict())
        answer.gpus_by_kind = {problem.gpus[g].name: n for g, n in sorted(packed.gpus.items())}
        answer.cost_per_month = packed.cost * self.scale
        if answer.cost_per_month <= answer.lower_cost * (1 + 1e-9):
            answer.lower_bound = answer.gpus

    def _look_around(self, answer: Plan, packed: Packed, runner_up: Packed | None, reasons: Reasons) -> None:
        """What the rules of thumb say, what more load does, and what comes next."""
        key = self.trials.staging.key([tenant for config in packed.configs for tenant in config.tenants])
        dedicated = self.trials.reference(key, self.trials.replications)
        isolated = any(rule.level == "hardware" for rule in self.asked.objectives.isolation)
        answer.advice = advice_for(self.space, dedicated, packed, self.trials.sharing(packed), isolated)
        answer.breaks = [self._under(answer, load) for load in _LOADS]
        if runner_up is not None:
            money = f", ${runner_up.cost * self.scale:,.0f} a month" if self.space.priced else ""
            answer.runner_up = f"{reasons.packed(runner_up)}{money}"

    def _under(self, answer: Plan, load: float) -> Break:
        """What the plan does under more load: the figure that is furthest beyond its bound."""
        assert answer.scenario is not None
        self.say(f"the plan at {load:g} times the load")
        more = answer.scenario.replace(traffic=scaled(answer.scenario.document["traffic"], load))
        figures = self.runs.outcomes([more], self.trials.replications)[0].figures
        kept = Objective("success_rate", KEPT.success, False, implied=True)
        judged = [
            o.judge(figures[o.figure]) for o in (*self.asked.objectives.bounds, kept) if o.figure in figures
        ]
        missed = [one for one in judged if not one.excess <= 0]
        return Break(load, max(missed, key=lambda one: one.excess, default=None))

    def _resting(self, problem: Problem) -> float:
        """What memory and isolation alone ask for: each service once, or as often as a failure needs."""
        least = [
            [Tenant(service, variant, 1 + self.asked.spare) for variant in range(len(choices))]
            for service, choices in enumerate(self.space.variants)
        ]
        return Packing(replace(problem, tenants=least)).relax()[0]


_NONE = "no placement on these GPUs meets the objectives"


def _least_gpus(problem: Problem, cost: float) -> float:
    """The fewest GPUs whose prices reach a cost."""
    if not math.isfinite(cost):
        return cost
    left, count = cost, 0
    for gpu in sorted(problem.gpus, key=lambda gpu: -gpu.price):
        taken = max(0, min(gpu.count, math.ceil(left / gpu.price - 1e-9))) if gpu.price else 0
        count += taken
        left -= taken * gpu.price
        if left <= 1e-9:
            break
    return count
