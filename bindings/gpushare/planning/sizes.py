"""How many replicas of each service suffice on whole GPUs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .problem import Config, Part, Tenant
from .space import Space
from .trials import Trial, Trials

__all__ = ["Sizes"]

#: Replicas beyond those that suffice alone.
_MORE_REPLICAS = 2


@dataclass
class Sizes:
    """Finds for each service and variant the fewest replicas that meet what is asked, each on a GPU of its own.

    Attributes
    ----------
    space : Space
        Services, variants and kinds of GPU.
    trials : Trials
        Judges.
    say : callable
        Called with what is being looked at.
    least : dict of (int, int, int) to (int or None)
        By kind of GPU, service and variant; None when none suffice.
    clear : dict of (int, int) to int
        Replicas on the best kind that suffice beyond doubt, by service and variant.
    """

    space: Space
    trials: Trials
    say: Callable[[str], object]
    least: dict[tuple[int, int, int], int | None] = field(default_factory=dict)
    clear: dict[tuple[int, int], int] = field(default_factory=dict)

    def tenants(self, service: int) -> list[Tenant]:
        """From the fewest replicas that may suffice to some more than do; none where none suffice."""
        found = self._fewest(service)
        if found:
            self.trials.staging.least_replicas[service] = min(found.values())
        return [
            Tenant(service, variant, replicas)
            for variant, fewest in found.items()
            for replicas in range(fewest, self.clear[service, variant] + _MORE_REPLICAS + 1)
        ]

    def dedicated(self, service: int) -> tuple[float, int]:
        """Cost and number of the cheapest GPUs with one server each."""
        ranks = self.space.ranks[service]
        return min(
            (self.space.gpus[kind].price * least * ranks, least * ranks)
            for (kind, of, _), least in self.least.items()
            if of == service and least is not None
        )

    def _fewest(self, service: int) -> dict[int, int]:
        result = {}
        kinds = range(len(self.space.gpus))
        for variant in range(len(self.space.variants[service])):
            for kind in kinds:
                self.least[kind, service, variant] = self._fewest_on(kind, service, variant)
            known = {k: least for k in kinds if (least := self.least[k, service, variant]) is not None}
            if known:
                kind = min(known, key=lambda k: known[k])
                result[variant] = known[kind]
                self.clear[service, variant] = self._clearly(kind, service, variant, known[kind])
        return result

    def _fewest_on(self, kind: int, service: int, variant: int) -> int | None:
        """Doubles until there are enough, then halves the interval."""
        most = self.space.gpus[kind].count // self.space.ranks[service]
        low, high = self.trials.staging.asked.spare, 1 + self.trials.staging.asked.spare  # `low` are too few
        while high <= most and not self._suffices(kind, service, variant, high):
            low, high = high, min(2 * high, most) if high < most else most + 1
        if high > most:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            if self._suffices(kind, service, variant, middle):
                high = middle
            else:
                low = middle
        return high

    def _clearly(self, kind: int, service: int, variant: int, replicas: int) -> int:
        """The fewest replicas from so many on that meet everything beyond doubt; a half more at most."""
        most = self.space.gpus[kind].count // self.space.ranks[service]
        for more in range(replicas, min(most, replicas + max(2, replicas // 2)) + 1):
            if self._trial(kind, service, variant, more).meets is True:
                return more
        return replicas

    def _suffices(self, kind: int, service: int, variant: int, replicas: int) -> bool:
        return self._trial(kind, service, variant, replicas).meets is not False

    def _trial(self, kind: int, service: int, variant: int, replicas: int) -> Trial:
        config = Config(Part(kind, "whole", self.space.ranks[service]), (Tenant(service, variant, replicas),))
        self.say(f"{self.space.services[service]} in {replicas} on {self.space.gpus[kind].name}")
        self.trials.configs([config])
        return self.trials.of_config[config]
