"""Why something was not taken, in words and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..scenario.builders import kind_of_model
from .facts import Rejection
from .objectives import Judged, shown
from .packing import Packed
from .problem import Config, Problem, Tenant, harder
from .space import Space
from .trials import Trial, Trials

__all__ = ["Reasons", "miss"]

_MOST = 10


@dataclass(frozen=True)
class Reasons:
    """Puts trials into words."""

    space: Space
    trials: Trials

    def rejections(self) -> tuple[list[Rejection], Rejection | None]:
        """The smallest configs that fail, whole GPUs first; and the one that misses by least."""
        failed = [
            config
            for config, trial in self.trials.of_config.items()
            if trial.meets is False and not trial.foreseen
        ]
        smallest = [c for c in failed if not any(c != other and harder(c, other) for other in failed)]
        smallest.sort(key=lambda c: (c.part.name != "whole", len(c.tenants), c))
        nearest = min(failed, key=lambda config: self.trials.of_config[config].excess, default=None)
        return [self._rejection(config) for config in smallest[:_MOST]], (
            self._rejection(nearest) if nearest is not None else None
        )

    def _rejection(self, config: Config) -> Rejection:
        return Rejection(self.config(config), self._why(self.trials.of_config[config]))

    def config(self, config: Config) -> str:
        """A config in words."""
        names = []
        for tenant in config.tenants:
            share = f" (1 of {tenant.replicas})" if tenant.replicas > 1 else ""
            names.append(f"{self.space.services[tenant.service]}{share}")
        gpu = self.space.gpus[config.part.gpu].name
        where = f"a whole {gpu}" if config.part.name == "whole" else f"{config.part.name} of {gpu}"
        return f"{' + '.join(names)} on {where}{self._how(config)}"

    def _how(self, config: Config) -> str:
        trial = self.trials.of_config.get(config)
        if trial is None or trial.sharing == "exclusive":
            return ""
        capped = isinstance(trial.sharing, tuple)
        way = "mps:" + "/".join(f"{cap:g}" for cap in trial.sharing) if capped else trial.sharing
        return f" under {way}" if trial.meets is not False else f", even under {way}"

    def packed(self, packed: Packed) -> str:
        """A packing in words, without its price."""
        gpus = " and ".join(f"{n} {self.space.gpus[g].name}" for g, n in sorted(packed.gpus.items()))
        return f"{gpus}: {'; '.join(self.config(config) for config in packed.configs)}"

    def impossible(self, services: Sequence[int]) -> str:
        """No number of whole GPUs suffices: which objective, and what would do."""
        return "; ".join(self._impossible(service) for service in services)

    def without_room(self, problem: Problem) -> str:
        """Services that leave less memory free than is asked for on every part, even alone."""
        found = [
            self._crowded(service, options, problem)
            for service, options in enumerate(problem.tenants)
            if not any(problem.possible(config) for config in _alone(options, problem))
        ]
        return "; ".join(found)

    def _crowded(self, service: int, options: Sequence[Tenant], problem: Problem) -> str:
        staging = self.trials.staging
        shares = [staging.free_share(config, "exclusive") for config in _alone(options, problem)]
        most = max((share for share in shares if share is not None), default=0.0)
        asked = staging.asked.objectives.memory_headroom
        text = (
            f"{self.space.services[service]} alone leaves {100 * most:.3g} % of the memory free at most, less than the "
            f"memory_headroom of {100 * asked:.3g} %"
        )
        described = self.space.scenario.document["services"][self.space.services[service]]["model"]
        if kind_of_model(described) != "llm":
            return text
        share = f"{1 - asked - 0.01:.2f}"
        return f"{text}: its engine takes gpu_memory_utilization of it, which can then be {share} at most"

    def _impossible(self, service: int) -> str:
        name = self.space.services[service]
        tried = [t for c, t in self.trials.of_config.items() if c.tenants[0].service == service]
        best = min(tried, key=lambda trial: trial.excess, default=None)
        if best is None:
            return f"{name}: its replicas have more ranks than there are GPUs"
        if best.refused:
            return f"{name}: {best.refused}"
        worst = max(best.judged, key=lambda one: one.excess)
        return f"{name}: {miss(worst)} on whole GPUs of its own; a bound that can be met: {_nearest(worst)}"

    def _why(self, trial: Trial) -> str:
        return trial.refused or miss(max(trial.judged, key=lambda one: one.excess))


def _alone(options: Sequence[Tenant], problem: Problem) -> list[Config]:
    """A service by itself, in each form that it may have, on every part that suits it."""
    return [
        Config(part, (tenant,)) for part in problem.parts for tenant in options if problem.suits(part, tenant)
    ]


def miss(judged: Judged) -> str:
    """A bound that is missed, in numbers."""
    name = judged.objective.figure
    found = shown(name, judged.value, (judged.high - judged.low) / 2)
    sign = "more" if judged.objective.at_most else "less"
    return f"{name} {found}, {sign} than {shown(name, judged.objective.bound)}"


def _nearest(judged: Judged) -> str:
    """The bound that this value would meet."""
    name = judged.objective.figure
    edge = judged.high if judged.objective.at_most else judged.low
    return f"{name} {'<=' if judged.objective.at_most else '>='} {shown(name, edge)}"
