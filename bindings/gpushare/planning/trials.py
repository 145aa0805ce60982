"""Judging configs and packings by simulation, under the same luck for all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ..scenario.placing import fits
from ..scenario.scenario import Scenario
from ..study.outcomes import Outcome
from ..study.points import REFUSALS
from ..study.runner import Executor, MapCallable, run_all
from ..study.simulation import simulate
from .implied import KEPT
from .objectives import Judged, Objective, Objectives, meets
from .packing import Packed
from .problem import Config, Tenant
from .search import Opinion, Verdict
from .space import Space

__all__ = ["Trial", "Trials"]

#: A config that misses a bound by less may pass with caps on its clients.
_NEAR = 0.5
#: Replicas of a service that must not be in the way of another one that is looked at.
_AMPLE = 8
_CAPS = ((30.0, 70.0), (50.0, 50.0), (70.0, 30.0))


@dataclass(frozen=True)
class Trial:
    """How a config or a packing fared.

    Attributes
    ----------
    judged : sequence of Judged
        Every bound that could be looked at.
    sharing : object
        How the tenants of a config shared their part: a word, or caps of MPS clients.
    refused : str
        Why it could not run at all.
    load : float
        Busy share of the part.
    outcome : Outcome or None
        The figures.
    """

    judged: Sequence[Judged] = ()
    sharing: Any = "exclusive"
    refused: str = ""
    load: float = math.nan
    outcome: Outcome | None = None

    @property
    def meets(self) -> bool | None:
        """Whether all bounds are met; None when it is too close to say."""
        return False if self.refused else meets(self.judged)

    @property
    def excess(self) -> float:
        """By how much, as a share of its bound, the worst figure misses it."""
        if self.refused:
            return math.inf
        return max((math.inf if math.isnan(j.excess) else j.excess for j in self.judged), default=-1.0)


@dataclass
class Trials:
    """Simulates what a search proposes.

    Attributes
    ----------
    space : Space
        What the configs are made of.
    objectives : Objectives
        What is asked, by the canonical names of the whole scenario.
    replications, most_replications : int
        Runs of each trial at first, and at most where chance leaves it open.
    executor, threads
        As `run_cases` takes them.
    counted : callable, optional
        Called with (runs, all runs so far) as they end.
    """

    space: Space
    objectives: Objectives
    replications: int = 4
    most_replications: int = 16
    executor: Executor | MapCallable | None = None
    threads: int | None = None
    counted: Callable[[int], object] | None = None
    seed: int | None = None
    runs: int = 0
    trials: dict[Config, Trial] = field(default_factory=dict)
    packings: dict[tuple[Config, ...], Trial] = field(default_factory=dict)
    least_replicas: dict[int, int] = field(default_factory=dict)
    _scenarios: dict[Any, Scenario] = field(default_factory=dict)
    _references: dict[Any, Mapping[str, float]] = field(default_factory=dict)
    _fits: dict[Any, bool] = field(default_factory=dict)
    _stages: dict[str, int] | None = None

    # ---- what the search asks

    def configs(self, configs: Sequence[Config]) -> list[Opinion]:
        """As `Judge.configs`."""
        self._try(configs)
        return [self._opinion(self.trials[config], config) for config in configs]

    def packing(self, packed: Packed) -> Opinion:
        """As `Judge.packing`."""
        trial = self.try_packing(packed)
        verdict = {True: Verdict.meets, False: Verdict.fails, None: Verdict.unclear}[trial.meets]
        return Opinion(verdict, self._failing(trial, {t.service for c in packed.configs for t in c.tenants}))

    def possible(self, config: Config) -> bool:
        """Whether the tenants fit the memory of the part, and may stand together."""
        services = [tenant.service for tenant in config.tenants]
        if any(len(rule & set(services)) > 1 for rule in self._apart("hardware")):
            return False
        key = (config.part, tuple((t.service, t.variant) for t in config.tenants))
        if key not in self._fits:
            self._fits[key] = any(
                self._fit(config, sharing) for sharing in self.space.sharings(config, self._apart("process"))
            )
        return self._fits[key]

    def _apart(self, level: str) -> list[frozenset[int]]:
        position = {name: i for i, name in enumerate(self.space.services)}
        return [
            frozenset(position[name] for name in rule.between)
            for rule in self.objectives.isolation
            if rule.level == level
        ]

    def _fit(self, config: Config, sharing: Any) -> bool:
        scenario = self._scenario(config.tenants)
        placed = self._placed(scenario, config, sharing)
        found = fits(placed)
        free = next(free for place, free in found.free_bytes.items() if place.startswith("gpu0/"))
        wanted = self.objectives.memory_headroom * placed.gpus[0]["partitions"][0]["memory_bytes"]
        return not any(misfit.gpu < config.part.gpus for misfit in found.misfits) and free >= wanted

    # ---- configs

    def _try(self, configs: Sequence[Config]) -> None:
        """Every way of sharing in turn, until one suffices."""
        waiting = {
            config: list(self.space.sharings(config, self._apart("process")))
            for config in configs
            if config not in self.trials
        }
        while waiting:
            asked = {config: ways.pop(0) for config, ways in waiting.items()}
            for config, trial in self._simulate(asked).items():
                best = self.trials.get(config)
                if best is None or _rank(trial) < _rank(best):
                    self.trials[config] = trial
                if not waiting[config] and trial.sharing in ("mps", "time-slicing"):
                    waiting[config] = self._caps(config)
                if self.trials[config].meets is True or not waiting[config]:
                    del waiting[config]

    def _caps(self, config: Config) -> list[Any]:
        """Caps on two MPS clients, where they miss a bound by little."""
        near = self.trials[config].excess < _NEAR and self.trials[config].meets is not True
        if not near or len(config.tenants) != 2 or "mps" not in self.space.modes:
            return []
        if any(len(rule & {t.service for t in config.tenants}) > 1 for rule in self._apart("process")):
            return []
        return list(_CAPS)

    def _simulate(self, asked: Mapping[Config, Any]) -> dict[Config, Trial]:
        """One way of sharing for each config, with more replications where chance leaves it open."""
        result: dict[Config, Trial] = {}
        count = self.replications
        waiting = dict(asked)
        while waiting:
            scenarios = [self._placed(self._scenario(c.tenants), c, way) for c, way in waiting.items()]
            outcomes = self.run(scenarios, count, [self._watched(config) for config in waiting])
            for (config, way), outcome in zip(list(waiting.items()), outcomes, strict=True):
                most = max(t.replicas for t in config.tenants)
                of = frozenset(t.service for t in config.tenants)
                trial = self._trial(self._key(config.tenants), outcome, way, count, of, most)
                result[config] = trial
                if trial.meets is not None or 2 * count > self.most_replications:
                    del waiting[config]
            count *= 2
        return result

    def run(
        self, scenarios: Sequence[Scenario], replications: int, watched: Sequence[Mapping[str, int]] = ()
    ) -> list[Outcome]:
        """Outcomes of scenarios, in order, and the latencies of the replicas that are watched."""
        outcomes: list[Outcome] = [Outcome()] * len(scenarios)

        def done(position: int, outcome: Outcome) -> None:
            outcomes[position] = outcome
            self.runs += replications
            if self.counted is not None:
                self.counted(self.runs)

        items = list(zip(scenarios, watched or [{}] * len(scenarios), strict=True))
        task = partial(_simulate, seed=self.seed, replications=replications)
        run_all(task, items, done, executor=self.executor, threads=self.threads)
        return outcomes

    def _watched(self, config: Config) -> dict[str, int]:
        """The replicas on the part, which are the first of their services: others must not hide them."""
        names = [self.space.services[tenant.service] for tenant in config.tenants]
        return {name: names.count(name) for name in names}

    def _opinion(self, trial: Trial, config: Config) -> Opinion:
        verdict = {True: Verdict.meets, False: Verdict.fails, None: Verdict.unclear}[trial.meets]
        return Opinion(verdict, self._failing(trial, {t.service for t in config.tenants}), trial.load)

    def _trial(
        self,
        key: Any,
        outcome: Outcome,
        sharing: Any,
        replications: int,
        services: frozenset[int],
        replicas: int = 1,
    ) -> Trial:
        if outcome.refused:
            return Trial(refused=outcome.refused, sharing=sharing)
        judged = self._judge(key, outcome.figures, replications, services, replicas)
        first = [
            v for name, v in outcome.figures.items() if name.startswith("gpu0/") and name.endswith(".busy")
        ]
        return Trial(judged, sharing, load=float(first[0]) if first else math.nan, outcome=outcome)

    # ---- scenarios

    def _key(self, tenants: Sequence[Tenant]) -> tuple[frozenset[int], tuple[tuple[int, int], ...]]:
        """Which services run, and which of them are another variant."""
        services = self.space.companions(t.service for t in tenants)
        return services, tuple(sorted({(t.service, t.variant) for t in tenants if t.variant}))

    def key_of_all(self) -> Any:
        """The key of the whole scenario."""
        return self._key([Tenant(service, 0, 1) for service in range(len(self.space.services))])

    def _scenario(self, tenants: Sequence[Tenant]) -> Scenario:
        return self._scenario_of(self._key(tenants))

    def _scenario_of(self, key: Any) -> Scenario:
        if key not in self._scenarios:
            self._scenarios[key] = self.space.reduced(key[0], dict(key[1]))
        return self._scenarios[key]

    def _placed(self, scenario: Scenario, config: Config, sharing: Any) -> Scenario:
        """The config on the first GPU, and all else that its requests need on whole GPUs of its own."""
        gpus = self.space.part_gpus(config, sharing)
        placed = {service: 0 for service in self.space.companions(t.service for t in config.tenants)}
        wanted = {service: self._ample(service) for service in placed}
        for tenant in config.tenants:
            placed[tenant.service] += 1
            wanted[tenant.service] = tenant.replicas - self.spare
        for service, count in placed.items():
            more = max(0, wanted[service] - count)
            gpus += self.space.dedicated(config.part.gpu, service, more, self.ranks[service])
        return scenario.with_placement(self.space.placement(gpus, scenario.services), "trial")

    def _ample(self, service: int) -> int:
        """Replicas on whole GPUs that serve it well; many while the least number is not known."""
        return self.least_replicas.get(service, max(_AMPLE, self.document_replicas[service]))

    def _usual(self, service: int) -> int:
        """Replicas on whole GPUs that serve it well, as far as is known."""
        return max(self.least_replicas.get(service, 1), self.document_replicas[service])

    @property
    def spare(self) -> int:
        """Replicas of each service that may be missing."""
        return 1 if self.objectives.tolerate else 0

    @property
    def ranks(self) -> list[int]:
        """GPUs of one replica of each service."""
        described = self.space.scenario.document["services"]
        return [int(described[name].get("tensor_parallel", 1)) for name in self.space.services]

    @property
    def document_replicas(self) -> list[int]:
        """Replicas that the document asks for."""
        described = self.space.scenario.document["services"]
        return [int(described[name].get("replicas", 1)) for name in self.space.services]

    # ---- bounds

    def _judge(
        self,
        key: Any,
        values: Mapping[str, float],
        replications: int,
        services: frozenset[int],
        replicas: int,
    ) -> list[Judged]:
        """The bounds that these services have anything to do with, and what dedicated GPUs serve.

        Dedicated GPUs had the same luck, so that what is compared with them has no interval.
        """
        everything = key[0] == frozenset(range(len(self.space.services)))
        asked = [o for o in self.objectives.bounds if self._concerns(o, key[0], services, everything)]
        judged = [o.judge(_find(values, o.figure)) for o in asked]
        bounded = {o.figure for o in asked if not o.at_most}
        for objective in KEPT.served(self.reference(key, replications), replicas):
            if objective.figure not in bounded:
                judged.append(objective.judge(float(values[objective.figure])))
        return judged

    def _concerns(
        self, objective: Objective, running: frozenset[int], services: frozenset[int], everything: bool
    ) -> bool:
        """Whether the figure is there, and of one of these services."""
        of = self._services_of(objective.figure)
        return everything if of is None else of <= running and bool(of & services)

    def _services_of(self, figure: str) -> frozenset[int] | None:
        """Services that a figure is of; None for figures of the whole run."""
        if self._stages is None:
            self._stages = {}
            position = {name: i for i, name in enumerate(self.space.services)}
            for pipeline, described in self.space.scenario.document["pipelines"].items():
                for stage in described["stages"]:
                    if "service" in stage:
                        self._stages[stage["name"]] = position[stage["service"]]
                        self._stages[f"{pipeline}.{stage['name']}"] = position[stage["service"]]
        owner = figure.rpartition(".")[0]
        if owner in self._stages:
            return frozenset([self._stages[owner]])
        pipelines = self.space.pipelines
        if owner in pipelines:
            return frozenset(pipelines[owner])
        if owner in self.space.services:
            return frozenset([self.space.services.index(owner)])
        return None

    def reference(self, key: Any, replications: int) -> Mapping[str, float]:
        """Figures of these services on whole GPUs of their own, in the document's replicas."""
        if (key, replications) not in self._references:
            services, variants = key
            gpus: list[dict[str, Any]] = []
            for service in services:
                gpus += self.space.dedicated(0, service, self._usual(service), self.ranks[service])
            scenario = self._scenario_of(key)
            placed = scenario.with_placement(self.space.placement(gpus, scenario.services), "dedicated")
            outcome = self.run([placed], replications)[0]
            self._references[key, replications] = {name: float(v) for name, v in outcome.figures.items()}
        return self._references[key, replications]

    def _failing(self, trial: Trial, services: set[int]) -> list[int]:
        found: set[int] = set()
        for one in trial.judged:
            if one.meets is not True:
                of = self._services_of(one.objective.figure)
                found |= of & services if of is not None else services
        return sorted(found)

    # ---- packings

    def try_packing(self, packed: Packed) -> Trial:
        """All services together, with more replications until it is clear."""
        key = tuple(packed.configs)
        if key not in self.packings:
            self.packings[key] = self._try_whole(packed)
        return self.packings[key]

    def _try_whole(self, packed: Packed) -> Trial:
        scenarios = [self.placed(packed), *self._failures(packed)]
        every = self._key([t for config in packed.configs for t in config.tenants])
        count = 2 * self.replications
        while True:
            outcomes = self.run(scenarios, count)
            trials = [self._trial(every, outcome, "", count, every[0]) for outcome in outcomes]
            worst = max(trials, key=_rank)
            if worst.meets is not None or 2 * count > 4 * self.most_replications:
                return replace(worst, outcome=trials[0].outcome) if worst.meets is not True else trials[0]
            count *= 2

    def placed(self, packed: Packed) -> Scenario:
        """The scenario on a packing."""
        scenario = self._scenario([t for config in packed.configs for t in config.tenants])
        gpus = self.space.packed_gpus(packed, self._sharing(packed))
        return scenario.with_placement(self.space.placement(gpus, scenario.services), "plan")

    def _sharing(self, packed: Packed) -> dict[Config, Any]:
        return {
            config: self.trials[config].sharing
            if config in self.trials
            else next(self.space.sharings(config, self._apart("process")))
            for config in packed.configs
        }

    def _failures(self, packed: Packed) -> list[Scenario]:
        """The scenario without each GPU, or each instance, in turn."""
        if not self.objectives.tolerate:
            return []
        scenario = self._scenario([t for config in packed.configs for t in config.tenants])
        gpus = self.space.packed_gpus(packed, self._sharing(packed))
        result = []
        for i, gpu in enumerate(gpus):
            for j in range(len(gpu["partitions"])):
                whole = self.objectives.tolerate == "gpu"
                if whole and j > 0:
                    continue
                partitions = [
                    {"processes": []} if whole or k == j else p for k, p in enumerate(gpu["partitions"])
                ]
                left = [g if k != i else gpu | {"partitions": partitions} for k, g in enumerate(gpus)]
                result.append(
                    scenario.with_placement(self.space.placement(left, scenario.services), "one failed")
                )
        return result


def _simulate(
    item: tuple[Scenario, Mapping[str, int]],
    *,
    seed: int | None,
    replications: int,
    cancelled: Callable[[], bool] | None = None,
) -> Outcome:
    """Runs a scenario; what does not fit has that as its outcome."""
    scenario, watched = item
    try:
        result = simulate(
            scenario,
            seed=seed,
            replications=replications,
            record_requests=False,
            watched=watched,
            threads=1,
            progress=None if cancelled is None else lambda _: not cancelled(),
        )
    except REFUSALS as error:
        return Outcome(refused=str(error))
    return Outcome(dict(result.summary()))


def _rank(trial: Trial) -> tuple[int, float]:
    """Better trials first."""
    return {True: 0, None: 1, False: 2}[trial.meets], trial.excess


def _find(values: Mapping[str, float], figure: str) -> float:
    """A figure's value; where there is one pipeline alone its name may be left out."""
    if figure in values:
        return values[figure]
    return values.get(figure.partition(".")[2], math.nan)
