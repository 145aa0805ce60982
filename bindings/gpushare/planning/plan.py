"""The cheapest placement that gives every service what is asked for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .._core import ScenarioError
from .._errors import fail
from ..scenario.placement import Placement
from ..scenario.scenario import Scenario, ScenarioLike
from ..study.runner import Executor, MapCallable
from ..study.simulation import as_scenario, check_count
from .advice import BURSTY, Habits, advise, peak_to_mean
from .implied import KEPT
from .objectives import Judged, Objective, Objectives, shown
from .load import scaled
from .packing import Packed, Packing
from .plan_text import headline, plan_text
from .problem import Config, Part, Problem, Tenant, harder
from .search import Found, Judge, search
from .space import SHARINGS, Space, gpu_kinds
from .trials import Trial, Trials

__all__ = ["Plan", "plan"]

_HOURS_OF_A_MONTH = 720
#: Replicas beyond the least that suffice alone.
_MORE_REPLICAS = 2
#: Loads that a plan is tried under, beside its own.
_LOADS = (1.1, 1.2, 1.5)
_REJECTIONS = 10


@dataclass
class Plan:
    """The answer to what should run where.

    Attributes
    ----------
    scenario : Scenario or None
        The workload on its placement, to simulate, save or change; None when no placement meets the objectives.
    meets : bool or None
        Whether the objectives are met; None when it is too close to say.
    why : str
        What stands in the way, when nothing meets them.
    judged : list of Judged
        Every objective with its value and margin.
    gpus_by_kind : dict of str to int
        GPUs that are used.
    lower_bound, lower_cost : float
        GPUs, and their cost a month, that no placement of the searched kinds can do with less than.
    resting_cost : float
        The part of `lower_cost` that follows from memory and isolation alone, without a simulation.
    dedicated_gpus : int
        GPUs with one server each that meet the objectives.
    cost_per_month : float
        Of the GPUs used, in the currency of the prices; without prices the number of GPUs.
    dedicated_cost : float
        Of the dedicated ones, of the cheapest kinds that suffice.
    priced : bool
        Whether there are prices.
    rejected : list of Rejection
        Why cheaper or other kinds of placement were not taken.
    breaks : list of Break
        What fails first under more load.
    nearest : Rejection or None
        Of what was not taken, the one that misses its bound by least.
    runner_up : str
        The next best placement that meets the objectives, in words; empty when there is none.
    advice : list of str
        What the rules of thumb say, and what the simulation says of them.
    runs : int
        Runs that were simulated.
    finished : bool
        Whether the search came to its end.
    interrupted : bool
        Whether it was stopped by Ctrl-C.
    most_tenants : int
        Processes on one partition, at most, of all placements that were considered.
    """

    workload: Scenario
    objectives: Objectives
    scenario: Scenario | None = None
    meets: bool | None = False
    why: str = ""
    judged: list[Judged] = field(default_factory=list)
    gpus_by_kind: dict[str, int] = field(default_factory=dict)
    lower_bound: float = 0.0
    lower_cost: float = 0.0
    resting_cost: float = 0.0
    dedicated_gpus: int = 0
    cost_per_month: float = math.nan
    dedicated_cost: float = math.nan
    priced: bool = False
    rejected: list[Rejection] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    nearest: Rejection | None = None
    runner_up: str = ""
    advice: list[str] = field(default_factory=list)
    runs: int = 0
    finished: bool = True
    interrupted: bool = False
    most_tenants: int = 0

    @property
    def placement(self) -> Placement | None:
        """Where everything runs."""
        return self.scenario.placement if self.scenario is not None else None

    @property
    def gpus(self) -> int:
        """GPUs used."""
        return sum(self.gpus_by_kind.values())

    @property
    def freed(self) -> int:
        """GPUs fewer than dedicated ones."""
        return self.dedicated_gpus - self.gpus if self.scenario is not None else 0

    @property
    def gap(self) -> float:
        """How much more than the lower bound the plan costs, as a share of it."""
        return self.cost_per_month / self.lower_cost - 1 if self.lower_cost > 0 else math.nan

    @property
    def searched(self) -> str:
        """What the lower bound covers."""
        end = "" if self.finished else "the search was not finished; "
        return f"{end}{self.runs} runs; at most {self.most_tenants} processes on a partition"

    def to_dict(self) -> dict[str, Any]:
        """For JSON, as ``gpushare plan --json`` prints it."""
        placed = self.scenario is not None
        return {
            "meets": self.meets,
            "why": self.why,
            "gpus": self.gpus if placed else None,
            "gpus_by_kind": self.gpus_by_kind,
            "lower_bound": {"gpus": self.lower_bound, "cost_per_month": self.lower_cost},
            "gap": {
                "gpus": self.gpus - self.lower_bound if placed else None,
                "cost_per_month": self.cost_per_month - self.lower_cost if placed else None,
                "share": self.gap if placed else None,
            },
            "cost_per_month": self.cost_per_month if placed else None,
            "cost_per_year": 12 * self.cost_per_month if placed else None,
            "priced": self.priced,
            "freed": self.freed if placed else None,
            "dedicated": {"gpus": self.dedicated_gpus, "cost_per_month": self.dedicated_cost},
            "objectives": {one.objective.figure: one.to_dict() for one in self.judged},
            "headline": headline(self),
            "scenario": self.scenario.document if self.scenario is not None else None,
            "placement": self.placement.to_dict() if self.placement is not None else None,
            "rejected": [asdict(one) for one in self.rejected],
            "nearest": asdict(self.nearest) if self.nearest is not None else None,
            "runner_up": self.runner_up,
            "breaks": [
                {"load": one.load, "objective": one.judged.objective.figure if one.judged else None}
                | ({"value": one.judged.value, "bound": one.judged.objective.bound} if one.judged else {})
                for one in self.breaks
            ],
            "advice": self.advice,
            "runs": self.runs,
            "finished": self.finished,
        }

    def __repr__(self) -> str:
        return plan_text(self)


@dataclass(frozen=True)
class Rejection:
    """Something that was not taken, and why.

    Attributes
    ----------
    what : str
        ``"asr + llm on one a100 under mps"``.
    why : str
        The figure that missed its bound, or what did not fit.
    """

    what: str
    why: str


@dataclass(frozen=True)
class Break:
    """What happens to the plan under more load: the figure that misses its bound first, or none."""

    load: float
    judged: Judged | None


def plan(
    workload: ScenarioLike,
    objectives: Mapping[str, Any] | None = None,
    *,
    slo: Iterable[str] = (),
    gpus: Mapping[str, int | None] | Sequence[str] | str | None = None,
    prices: Mapping[str, float] | None = None,
    modes: Sequence[str] = SHARINGS,
    variants: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    replications: int = 4,
    rounds: int = 200,
    gap: float = 0.0,
    seed: int | None = None,
    executor: Executor | MapCallable | None = None,
    threads: int | None = None,
    progress: Callable[[str], object] | None = None,
) -> Plan:
    """Finds the cheapest placement within the objectives, and a bound that no other placement beats.

    Parameters
    ----------
    workload : Scenario, str, path or mapping
        Its services, pipelines and traffic; where its document places them matters for nothing but what dedicated
        GPUs serve.
    objectives : mapping, optional
        As a document has them; by default the document's. Where there are none, the end-to-end p95 of dedicated GPUs
        and a quarter more.
    slo : iterable of str
        Further bounds, such as ``"llm.ttft_p95=400ms"``.
    gpus : mapping of str to int, sequence or str, optional
        How many there are of each kind; by default 64 of the document's.
    prices : mapping of str to float, optional
        Of an hour of each kind; by default the document's, or 1 for each.
    modes : sequence of str
        Ways of sharing that may be used, of ``dedicated``, ``time-slicing``, ``mps`` and ``mig``.
    variants : mapping of str to sequence of mapping, optional
        What else a service may be: ``{"llm": [{"precision": "int8"}]}`` beside what it is.
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
    Plan
        That no placement meets the objectives is an answer too.

    Raises
    ------
    ScenarioError, FigureError, ProfileError
        For objectives, kinds of GPU, ways of sharing or variants that do not exist.
    """
    scenario = as_scenario(workload)
    check_count("replications", replications)
    planner = _Planner(scenario, modes, gpus, prices, variants or {})
    planner.prepare(objectives, slo, replications, executor, threads, seed, progress)
    return planner.plan(rounds, gap)


class _Planner:
    def __init__(
        self,
        scenario: Scenario,
        modes: Sequence[str],
        gpus: Any,
        prices: Mapping[str, float] | None,
        variants: Mapping[str, Sequence[Mapping[str, Any]]],
    ) -> None:
        modes = check_modes(modes)
        kinds = gpu_kinds(
            gpus if gpus is not None else {scenario.gpus[0]["profile"]: None},
            prices,
            scenario.price_per_gpu_hour,
            "mig" in modes,
        )
        self.priced = prices is not None or bool(scenario.price_per_gpu_hour)
        check_variants(variants, scenario.services)
        choices = [[{}, *variants.get(name, [])] for name in scenario.services]
        self.space = Space(scenario, kinds, modes, choices)
        self.say: Callable[[str], object] = lambda text: None
        #: Fewest replicas on whole GPUs that suffice, by kind of GPU, service and variant; None when none do.
        self.least: dict[tuple[int, int, int], int | None] = {}
        #: Replicas on whole GPUs of the best kind that suffice beyond doubt, by service and variant.
        self.clear: dict[tuple[int, int], int] = {}

    def prepare(
        self,
        objectives: Mapping[str, Any] | None,
        slo: Iterable[str],
        replications: int,
        executor: Executor | MapCallable | None,
        threads: int | None,
        seed: int | None,
        progress: Callable[[str], object] | None,
    ) -> None:
        asked = Objectives.of(self.space.scenario, objectives, slo)
        self.trials = Trials(
            self.space, asked, replications, 4 * replications, executor=executor, threads=threads, seed=seed
        )
        if progress is not None:
            self.say = progress
            self.trials.counted = lambda runs: progress(f"{runs} runs")
        if not asked.bounds:
            self.trials.objectives = asked.beside(self.from_dedicated())

    def from_dedicated(self) -> list[Objective]:
        """What latencies may be where nobody says."""
        values = self.trials.reference(self.trials.key_of_all(), self.trials.most_replications)
        return KEPT.latencies(values, self.space.pipelines)

    def plan(self, rounds: int, gap: float) -> Plan:
        answer = Plan(self.space.scenario, self.trials.objectives)
        least = [self.least_replicas(service) for service in range(len(self.space.services))]
        missing = [service for service, found in enumerate(least) if not found]
        if missing:
            return self.infeasible(answer, missing)
        tenants = [
            [
                Tenant(service, variant, r)
                for variant, first in found.items()
                for r in range(first, self.clear[service, variant] + _MORE_REPLICAS + 1)
            ]
            for service, found in enumerate(least)
        ]
        answer.priced = self.priced
        self.count_dedicated(answer)
        problem = Problem(self.space.gpus, tenants, self.trials.possible, self.trials.ranks)
        found = search(problem, self.trials, rounds=rounds, within=gap, progress=self.tell)
        return self.answer(answer, problem, found)

    def count_dedicated(self, answer: Plan) -> None:
        """GPUs with one server each: of every service the fewest or cheapest that suffice."""
        scale = _HOURS_OF_A_MONTH if self.priced else 1.0
        answer.dedicated_cost = 0.0
        for service, ranks in enumerate(self.trials.ranks):
            cost, gpus = min(
                (self.space.gpus[kind].price * least * ranks, least * ranks)
                for (kind, of, _), least in self.least.items()
                if of == service and least is not None
            )
            answer.dedicated_cost += scale * cost
            answer.dedicated_gpus += gpus

    def tell(self, found: Found) -> None:
        best = f"{sum(found.best.gpus.values())} GPUs" if found.best is not None else "none yet"
        self.say(f"{self.trials.runs} runs; best: {best}; cost at least {found.bound:g} an hour")

    # ---- how many of each service

    def least_replicas(self, service: int) -> dict[int, int]:
        """The fewest replicas on whole GPUs that suffice, by variant; empty when none do."""
        result = {}
        for variant in range(len(self.space.variants[service])):
            for kind, gpu in enumerate(self.space.gpus):
                self.least[kind, service, variant] = self.least_on(kind, gpu.count, service, variant)
            known = [self.least[kind, service, variant] for kind in range(len(self.space.gpus))]
            found = [least for least in known if least is not None]
            if found:
                result[variant] = min(found)
                kind = known.index(min(found))
                self.clear[service, variant] = self.clearly(kind, service, variant, min(found))
        if result:
            self.trials.least_replicas[service] = min(result.values())
        return result

    def clearly(self, kind: int, service: int, variant: int, replicas: int) -> int:
        """The fewest replicas from so many on that meet everything beyond doubt; a half more at most."""
        most = min(
            self.space.gpus[kind].count // self.trials.ranks[service], replicas + max(2, replicas // 2)
        )
        for more in range(replicas, most + 1):
            if self.trial_of(kind, service, variant, more).meets is True:
                return more
        return replicas

    def least_on(self, kind: int, count: int, service: int, variant: int) -> int | None:
        ranks = self.trials.ranks[service]
        most = count // ranks
        low, high = self.trials.spare, 1 + self.trials.spare  # `low` are too few
        while high <= most and not self.suffices(kind, service, variant, high):
            low, high = high, min(2 * high, most) if high < most else most + 1
        if high > most:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            if self.suffices(kind, service, variant, middle):
                high = middle
            else:
                low = middle
        return high

    def suffices(self, kind: int, service: int, variant: int, replicas: int) -> bool:
        return self.trial_of(kind, service, variant, replicas).meets is not False

    def trial_of(self, kind: int, service: int, variant: int, replicas: int) -> Trial:
        """Of so many replicas on whole GPUs of their own."""
        part = Part(kind, "whole", self.trials.ranks[service])
        config = Config(part, (Tenant(service, variant, replicas),))
        self.say(f"{self.space.services[service]} in {replicas} on {self.space.gpus[kind].name}")
        self.trials.configs([config])
        return self.trials.trials[config]

    # ---- answers

    def infeasible(self, answer: Plan, services: Sequence[int]) -> Plan:
        """No number of whole GPUs suffices: which objective, and what would."""
        reasons = []
        for service in services:
            tried = [t for c, t in self.trials.trials.items() if c.tenants[0].service == service]
            best = min(tried, key=lambda trial: trial.excess, default=None)
            name = self.space.services[service]
            if best is None:
                reasons.append(f"{name}: its replicas have more ranks than there are GPUs")
            elif best.refused:
                reasons.append(f"{name}: {best.refused}")
            else:
                worst = max(best.judged, key=lambda one: one.excess)
                reasons.append(
                    f"{name}: {miss(worst)} on whole GPUs of its own; a bound that can be met: {nearest(worst)}"
                )
        answer.why = "; ".join(reasons)
        answer.runs = self.trials.runs
        answer.lower_bound = answer.lower_cost = math.inf
        return answer

    def answer(self, answer: Plan, problem: Problem, found: Found) -> Plan:
        packed = found.best if found.best is not None else found.unclear
        answer.runs = self.trials.runs
        answer.finished, answer.interrupted = found.done, found.interrupted
        answer.most_tenants = found.most_tenants
        scale = _HOURS_OF_A_MONTH if self.priced else 1.0
        answer.lower_cost = found.bound * scale
        answer.resting_cost = self.resting(problem) * scale
        answer.lower_bound = least_gpus(problem, found.bound)
        answer.rejected, answer.nearest = self.rejections()
        if packed is None:
            answer.why = (
                "no placement on these GPUs meets the objectives" if found.done else "none was found so far"
            )
            return answer
        trial = self.trials.try_packing(packed)
        answer.meets = trial.meets
        answer.judged = list(trial.judged)
        answer.scenario = self.trials.placed(packed).with_objectives(self.trials.objectives.to_dict())
        answer.gpus_by_kind = {problem.gpus[g].name: n for g, n in sorted(packed.gpus.items())}
        answer.cost_per_month = packed.cost * scale
        if found.interrupted:
            return answer
        answer.advice = self.advice(packed)
        answer.breaks = [self.under(answer, load) for load in _LOADS]
        if found.runner_up is not None:
            answer.runner_up = self.in_words(problem, found.runner_up, scale)
        return answer

    def advice(self, packed: Packed) -> list[str]:
        """The rules of thumb, with what was simulated."""
        document = self.space.scenario.document
        reference = self.trials.reference(self.trials.key_of_all(), self.trials.replications)
        habits = []
        for service, name in enumerate(self.space.services):
            visits = {p for p, members in self.space.pipelines.items() if service in members}
            only = len(self.space.pipelines) == 1
            traffic = [t for t in document["traffic"] if only or t.get("pipeline") in visits]
            ratio = peak_to_mean(traffic)
            busy = reference.get(f"{name}.busy", math.nan)
            habits.append(Habits(name, busy, min(1.0, busy * ratio), ratio > BURSTY))
        completed = reference["request_throughput"] * reference["duration_s"] / reference["arrived"]
        shared = [c for c in packed.configs if len(c.tenants) > 1 or c.part.name != "whole"]
        ways = ["mig" if c.part.name != "whole" else str(self.trials.trials[c].sharing) for c in shared]
        isolated = any(rule.level == "hardware" for rule in self.trials.objectives.isolation)
        return advise(habits, completed, bool(shared), max(ways, key=ways.count, default=""), isolated)

    def under(self, answer: Plan, load: float) -> Break:
        """What the plan does under more load: the figure that is furthest beyond its bound."""
        assert answer.scenario is not None
        self.say(f"the plan at {load:g} times the load")
        more = answer.scenario.replace(traffic=scaled(answer.scenario.document["traffic"], load))
        outcome = self.trials.run([more], self.trials.replications)[0]
        asked = [o for o in self.trials.objectives.bounds if o.figure in outcome.figures]
        judged = [o.judge(outcome.figures[o.figure]) for o in asked]
        judged.append(
            Objective("success_rate", KEPT.success, False, True).judge(outcome.figures["success_rate"])
        )
        missed = [one for one in judged if not one.excess <= 0]
        return Break(load, max(missed, key=lambda one: one.excess, default=None))

    def in_words(self, problem: Problem, packed: Packed, scale: float) -> str:
        """A packing in a line."""
        gpus = " and ".join(f"{n} {problem.gpus[g].name}" for g, n in sorted(packed.gpus.items()))
        money = f", ${packed.cost * scale:,.0f} a month" if self.priced else ""
        return f"{gpus}{money}: {'; '.join(self.describe(config) for config in packed.configs)}"

    def resting(self, problem: Problem) -> float:
        """What memory and isolation alone ask for: each service once, or as often as a failure needs."""
        least = [
            [Tenant(service, variant, 1 + self.trials.spare) for variant in range(len(choices))]
            for service, choices in enumerate(self.space.variants)
        ]
        packing = Packing(replace(problem, tenants=least))
        return packing.solve(lambda config: 0.0)[1]

    def rejections(self) -> tuple[list[Rejection], Rejection | None]:
        """The smallest configs that fail, in words, whole GPUs first; and the one that misses by least."""
        failed = [config for config, trial in self.trials.trials.items() if trial.meets is False]
        smallest = [c for c in failed if not any(c != other and harder(c, other) for other in failed)]
        smallest.sort(key=lambda c: (c.part.name != "whole", len(c.tenants), c))
        by_excess = sorted(failed, key=lambda config: self.trials.trials[config].excess)
        nearest = self.rejection(by_excess[0]) if by_excess else None
        return [self.rejection(config) for config in smallest[:_REJECTIONS]], nearest

    def rejection(self, config: Config) -> Rejection:
        return Rejection(self.describe(config), self.reason(self.trials.trials[config]))

    def describe(self, config: Config) -> str:
        """A config in words."""
        names = []
        for tenant in config.tenants:
            share = f" (1 of {tenant.replicas})" if tenant.replicas > 1 else ""
            names.append(f"{self.space.services[tenant.service]}{share}")
        gpu = self.space.gpus[config.part.gpu].name
        where = f"a whole {gpu}" if config.part.name == "whole" else f"{config.part.name} of {gpu}"
        trial = self.trials.trials[config]
        how = ""
        if trial.sharing != "exclusive":
            caps = "/".join(f"{cap:g}" for cap in trial.sharing) if isinstance(trial.sharing, tuple) else ""
            way = f"mps:{caps}" if caps else trial.sharing
            how = f" under {way}" if trial.meets is not False else f", even under {way}"
        return f"{' + '.join(names)} on {where}{how}"

    def reason(self, trial: Trial) -> str:
        """Why a trial fails."""
        if trial.refused:
            return trial.refused
        return miss(max(trial.judged, key=lambda one: one.excess))


def miss(judged: Judged) -> str:
    """A bound that is missed, in numbers."""
    name = judged.objective.figure
    half = (judged.high - judged.low) / 2
    interval = f" ± {shown(name, half)}" if half > 0 and math.isfinite(half) else ""
    sign = "more" if judged.objective.at_most else "less"
    return f"{name} {shown(name, judged.value)}{interval}, {sign} than {shown(name, judged.objective.bound)}"


def nearest(judged: Judged) -> str:
    """The bound that this value would meet."""
    name = judged.objective.figure
    edge = judged.high if judged.objective.at_most else judged.low
    return f"{name} {'<=' if judged.objective.at_most else '>='} {shown(name, edge)}"


def least_gpus(problem: Problem, cost: float) -> float:
    """The fewest GPUs whose prices reach a cost."""
    if not math.isfinite(cost):
        return cost
    left, count = cost, 0
    for gpu in sorted(problem.gpus, key=lambda gpu: -gpu.price):
        taken = min(gpu.count, math.ceil(left / gpu.price - 1e-9))
        taken = max(0, taken)
        count += taken
        left -= taken * gpu.price
        if left <= 1e-9:
            break
    return count


def check_modes(modes: Sequence[str]) -> list[str]:
    """Ways of sharing by their words.

    Raises
    ------
    ScenarioError
        For another word.
    """
    given = [modes] if isinstance(modes, str) else list(modes)
    for mode in given:
        if mode not in SHARINGS:
            raise fail(
                ScenarioError, "modes", f'unknown way of sharing "{mode}"; legal are {", ".join(SHARINGS)}'
            )
    return given


def check_variants(variants: Mapping[str, Any], services: Sequence[str]) -> None:
    """Raises ScenarioError for a service that does not exist."""
    for name in variants:
        if name not in services:
            raise fail(
                ScenarioError, f"variants/{name}", f"no such service; known: {', '.join(services[:10])}"
            )


_: type[Judge] = Trials
