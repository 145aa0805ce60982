"""Judging configs and packings by simulation, under the same luck for all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..study.estimates import estimates
from ..study.outcomes import Outcome
from .asked import OVERLOADED
from .failures import Loss, worst_loss, worst_of_each
from .foresight import Foresight, worst
from .objectives import Judged, meets
from .opinions import Opinion, Verdict
from .packing import Packed
from .problem import Config
from .runs import Runs, Sample
from .staging import CAPS, Key, Staging

__all__ = ["Trial", "Trials"]

#: A config that misses a bound by less may pass with caps on its clients.
_NEAR = 0.5
#: How many times as many runs where everything hangs on what was too close to say.
_CLOSER = 4
#: Of what counts as failing by prediction one in so many of the first is simulated nevertheless, and of the rest one in
#: many more.
_CHECKED, _FIRST, _CHECKED_LATER = 20, 1_000, 400


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
    outcome : Outcome or None
        The figures.
    replications : int
        Runs.
    lost : str
        What has failed in these figures, where that is worse than all being there: ``"gpu1"``.
    worst_loss : Loss or None
        Of all that might be lost alone, whatever there is to tolerate.
    foreseen : mapping of int to float
        By how much each service was predicted to miss its bound; not empty where nothing was simulated.
    """

    judged: Sequence[Judged] = ()
    sharing: Any = "exclusive"
    refused: str = ""
    outcome: Outcome | None = None
    replications: int = 0
    lost: str = ""
    worst_loss: Loss | None = None
    foreseen: Mapping[int, float] = field(default_factory=dict)

    @property
    def meets(self) -> bool | None:
        """Whether all bounds are met; None when it is too close to say."""
        return False if self.refused or self.foreseen else meets(self.judged)

    @property
    def excess(self) -> float:
        """By how much, as a share of its bound, the worst figure misses it."""
        if self.refused:
            return math.inf
        if self.foreseen:
            return worst(self.foreseen)
        return max((math.inf if math.isnan(j.excess) else j.excess for j in self.judged), default=-1.0)

    @property
    def rank(self) -> tuple[int, float]:
        """Better trials first."""
        return {True: 0, None: 1, False: 2}[self.meets], self.excess

    @property
    def verdict(self) -> Verdict:
        """For the search."""
        return {True: Verdict.meets, False: Verdict.fails, None: Verdict.unclear}[self.meets]


@dataclass
class Trials:
    """Simulates what a search proposes.

    Attributes
    ----------
    staging : Staging
        Makes the scenarios.
    runs : Runs
        Runs them.
    replications, most_replications : int
        Runs of each config at first, and at most where chance leaves it open; packings have twice and four times as
        many.
    of_config : dict of Config to Trial
        What is known so far.
    foresight : Foresight
        Predicts.
    hopeless : float
        What is predicted to miss a bound by more, as a share of it, counts as failing and is not simulated; infinite
        while predictions are not trusted.
    """

    staging: Staging
    runs: Runs
    replications: int = 4
    most_replications: int = 16
    of_config: dict[Config, Trial] = field(default_factory=dict)
    foresight: Foresight = field(init=False)
    hopeless: float = math.inf
    #: Configs that were predicted to fail: how many, how many of them were simulated nevertheless, and how many of
    #: these failed.
    foretold: int = 0
    checked: int = 0
    confirmed: int = 0
    _of_packing: dict[tuple[Config, ...], Trial] = field(default_factory=dict)
    _dedicated: dict[tuple[Key, bool], Sample] = field(default_factory=dict)
    _references: dict[tuple[Key, int, bool], Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.foresight = Foresight(self.staging)

    @property
    def trusting(self) -> bool:
        """Whether predictions are trusted."""
        return math.isfinite(self.hopeless)

    # ---- what the search asks

    def configs(self, configs: Sequence[Config]) -> list[Opinion]:
        """As `Judge.configs`."""
        self._try(configs)
        return [self._opinion(self.of_config[config], config) for config in configs]

    def closer(self, configs: Sequence[Config]) -> list[Opinion]:
        """As `Judge.closer`."""
        self.most_replications *= _CLOSER
        self._of_packing = {key: trial for key, trial in self._of_packing.items() if trial.meets is not None}
        self.of_config |= self._simulate({config: self.of_config[config].sharing for config in configs})
        return [self._opinion(self.of_config[config], config) for config in configs]

    def foresee(self, config: Config) -> Mapping[int, float]:
        """As `Judge.foresee`."""
        return self.foresight.best(config) if self.trusting else {}

    def prepare(self, configs: Sequence[Config]) -> None:
        """As `Judge.prepare`."""
        if self.trusting:
            self.foresight.prepare(configs)

    def is_hopeless(self, config: Config) -> bool:
        """As `Judge.is_hopeless`."""
        return worst(self.foresee(config)) > self.hopeless

    def trust(self, beyond: float) -> None:
        """As `Judge.trust`."""
        self.hopeless = beyond
        self.most_replications = 2 * self.replications

    def packing(self, packed: Packed, *, patient: bool = True) -> Opinion:
        """As `Judge.packing`."""
        trial = self.of_packing(packed, patient=patient)
        services = [tenant.service for config in packed.configs for tenant in config.tenants]
        # What a failure leaves says nothing of the services by themselves.
        failing = [] if trial.lost else self.staging.asked.failing(trial.judged, services, trial.meets)
        return Opinion(trial.verdict, failing)

    def _opinion(self, trial: Trial, config: Config) -> Opinion:
        return Opinion(trial.verdict, excess=trial.foreseen or self._excess(trial, config))

    def _excess(self, trial: Trial, config: Config) -> Mapping[int, float]:
        """By how much each service misses its bound."""
        return self.staging.asked.excess(trial.judged, [tenant.service for tenant in config.tenants])

    # ---- configs

    def _try(self, configs: Sequence[Config]) -> None:
        """Every way of sharing in turn, until one suffices."""
        asked = [config for config in configs if config not in self.of_config]
        hopeless = [config for config in asked if self.is_hopeless(config)]
        checked = [c for i, c in enumerate(hopeless, self.foretold + 1) if _is_checked(i)]
        self.foretold += len(hopeless)
        self.checked += len(checked)
        for config in set(hopeless).difference(checked):
            self.of_config[config] = Trial(foreseen=self.foresee(config))
        self._try_simulated([config for config in asked if config not in self.of_config])
        self.confirmed += sum(self.of_config[config].meets is False for config in checked)

    def _try_simulated(self, configs: Sequence[Config]) -> None:
        waiting = {config: self._ways(config) for config in configs}
        while waiting:
            asked = {config: ways.pop(0) for config, ways in waiting.items()}
            for config, trial in self._simulate(asked).items():
                if self.trusting and not trial.refused:
                    self.foresight.learn(config, trial.sharing, self._excess(trial, config))
                best = self.of_config.get(config)
                if best is None or trial.rank < best.rank:
                    self.of_config[config] = trial
                if not waiting[config] and isinstance(trial.sharing, str) and not self.trusting:
                    waiting[config] = self._caps(config)
                if self.of_config[config].meets is True or not waiting[config]:
                    del waiting[config]

    def _ways(self, config: Config) -> list[Any]:
        """Ways of sharing to try: once predictions are trusted, the one that they say is best."""
        return [self.foresight.best_way(config)] if self.foresee(config) else self.staging.sharings(config)

    def _caps(self, config: Config) -> list[Any]:
        """Caps on two MPS clients, where they miss a bound by little."""
        near = self.of_config[config].excess < _NEAR and self.of_config[config].meets is not True
        return [way for way in self.staging.ways(config) if way in CAPS] if near else []

    def _simulate(self, asked: Mapping[Config, Any]) -> dict[Config, Trial]:
        """One way of sharing for each config, with more replications where chance leaves it open."""
        result: dict[Config, Trial] = {}
        count = 1
        waiting = {
            config: Sample(self.staging.alone(config, way), self._watched(config))
            for config, way in asked.items()
        }
        while waiting:
            self.runs.extend(list(waiting.values()), count)
            for config, sample in list(waiting.items()):
                result[config] = trial = self._of_config(config, asked[config], sample, count)
                # Much hangs on what a service does alone.
                most = self.most_replications * (_CLOSER if len(config.tenants) == 1 else 1)
                if self._is_clear(trial, count) or 2 * count > most:
                    del waiting[config]
            count = max(2 * count, self.replications)
        return result

    def _is_clear(self, trial: Trial, replications: int) -> bool:
        """Whether more runs would change nothing; what passes is in every plan, and is looked at twice."""
        if replications < self.replications:
            return trial.excess > OVERLOADED
        if self.trusting and trial.meets is not None:
            return True
        return trial.meets is False or (trial.meets is True and replications > self.replications)

    def _of_config(self, config: Config, sharing: Any, sample: Sample, replications: int) -> Trial:
        most = max(tenant.replicas for tenant in config.tenants)
        trial = self._trial(self.staging.key(config.tenants), sample, replications, config, most)
        return replace(trial, sharing=sharing)

    def _watched(self, config: Config) -> dict[str, int]:
        """The replicas on the part, which are the first of their services: others must not hide them."""
        names = [self.staging.space.services[tenant.service] for tenant in config.tenants]
        return {name: names.count(name) for name in names}

    def _trial(
        self, key: Key, sample: Sample, replications: int, config: Config | None = None, most: int = 1
    ) -> Trial:
        """Of one config, or without one of all services that ran."""
        outcome = sample.outcome(replications)
        if outcome.refused:
            return Trial(refused=outcome.refused)
        services = key[0] if config is None else {tenant.service for tenant in config.tenants}
        dedicated = self._served(key, replications, afresh=config is None)
        asked, runs = self.staging.asked, sample.runs(replications)
        judged = asked.judge(outcome.figures, runs, dedicated, key[0], services, most)
        return Trial(judged, outcome=outcome, replications=replications)

    def reference(self, key: Key, replications: int, *, afresh: bool = False) -> Mapping[str, float]:
        """Figures of services on whole GPUs of their own, means."""
        known = (key, replications, afresh)
        if known not in self._references:
            found = estimates(self._runs_of_dedicated(key, replications, afresh))
            self._references[known] = {name: float(value) for name, value in found.items()}
        return self._references[known]

    def _runs_of_dedicated(self, key: Key, replications: int, afresh: bool) -> Sequence[Mapping[str, float]]:
        if (key, afresh) not in self._dedicated:
            self._dedicated[key, afresh] = Sample(self.staging.dedicated(key), afresh=afresh)
        sample = self._dedicated[key, afresh]
        self.runs.extend([sample], replications)
        return sample.runs(replications)

    def _served(self, key: Key, replications: int, *, afresh: bool) -> Sequence[Mapping[str, float]]:
        """What is served of services on whole GPUs, run by run; those that no request visits together run apart."""
        services, variants = key
        apart = sorted({self.staging.space.companions([service]) for service in services}, key=sorted)
        if len(apart) == 1 or services == self.staging.key_of_all()[0]:
            return self._runs_of_dedicated(key, replications, afresh)
        keys = [(part, tuple(one for one in variants if one[0] in part)) for part in apart]
        each = [self._runs_of_dedicated(part, replications, afresh) for part in keys]
        return [_served_together(runs) for runs in zip(*each, strict=False)]

    # ---- packings

    def of_packing(self, packed: Packed, *, patient: bool = True) -> Trial:
        """All services together, with more replications until it is clear; without patience no more than it needs."""
        key = tuple(packed.configs)
        if key not in self._of_packing:
            trial = self._try_packing(packed, patient)
            if trial.meets is None and not patient:
                return trial
            self._of_packing[key] = trial
        return self._of_packing[key]

    def _try_packing(self, packed: Packed, patient: bool) -> Trial:
        ways = self.sharing(packed)
        failures = self.staging.failures(packed, ways)
        for failure in failures:
            if failure.lacking:
                return Trial(
                    refused=f"{failure.lacking} is nowhere when {failure.what} fails", lost=failure.what
                )
        scenarios = [self.staging.packed(packed, ways), *(f.scenario for f in failures if f.scenario)]
        samples = [Sample(scenario, afresh=True) for scenario in scenarios]
        key = self.staging.key([tenant for config in packed.configs for tenant in config.tenants])
        # As many runs as the most uncertain of its configs needed, at least.
        known = [self.of_config[config].replications for config in packed.configs if config in self.of_config]
        most = 4 * self.most_replications
        least = min(max([2 * self.replications, *known]), most)
        most = most if patient else least
        count = 2 if self.trusting else least  # much of a fleet shows at once
        while True:
            self.runs.extend(samples, count)
            trials = [self._trial(key, sample, count) for sample in samples]
            worst = max(range(len(trials)), key=lambda i: trials[i].rank)
            if trials[worst].meets is False or (trials[worst].meets and count >= least) or count >= most:
                return replace(
                    trials[worst],
                    judged=worst_of_each([trial.judged for trial in trials]),
                    outcome=trials[0].outcome,
                    lost=failures[worst - 1].what if worst > 0 else "",
                    worst_loss=worst_loss(failures, [trial.judged for trial in trials[1:]]),
                )
            count = max(least, min(4 * count, most))

    def sharing(self, packed: Packed) -> dict[Config, Any]:
        """How the tenants of each config share their part."""
        return {
            config: self.of_config[config].sharing
            if config in self.of_config
            else self.staging.sharings(config)[0]
            for config in packed.configs
        }


def _served_together(apart: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of services that ran apart under the same luck."""
    arrived = sum(one["arrived"] for one in apart)
    succeeded = sum(one["success_rate"] * one["arrived"] for one in apart if one["arrived"])
    return {
        "request_throughput": sum(one["request_throughput"] for one in apart),
        "success_rate": succeeded / arrived if arrived else math.nan,
    }


def _is_checked(number: int) -> bool:
    """Whether the so-manieth of those that are hopeless is simulated nevertheless."""
    return (number - 1) % (_CHECKED if number <= _FIRST else _CHECKED_LATER) == 0
