"""Parts of a workload by themselves: what is looked at on the first GPU, the rest undisturbed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import _core
from ..scenario.placement import Placement
from ..scenario.placing import fits
from ..scenario.scenario import Scenario
from .asked import Asked
from .failures import Failure, failures
from .packing import Packed
from .problem import Config, Tenant
from .space import Space

__all__ = ["CAPS", "Key", "Staging"]

#: Which services run, and which of them in which other variant.
Key = tuple[frozenset[int], tuple[tuple[int, int], ...]]
#: Replicas of a service that must not be in the way of another one that is looked at.
_AMPLE = 8
#: On two MPS clients, in per cent.
CAPS = ((30.0, 70.0), (50.0, 50.0), (70.0, 30.0))


@dataclass
class Staging:
    """Makes the scenarios that trials run.

    Attributes
    ----------
    space : Space
        What configs are made of.
    asked : Asked
        What is asked: isolation, headroom, tolerance.
    least_replicas : dict of int to int
        Replicas of a service that suffice on whole GPUs, as far as is known.
    """

    space: Space
    asked: Asked
    least_replicas: dict[int, int] = field(default_factory=dict)
    _scenarios: dict[Key, Scenario] = field(default_factory=dict)
    _fits: dict[Any, bool] = field(default_factory=dict)
    _parts: dict[tuple[tuple[int, int], ...], _core.Parts] = field(default_factory=dict)

    # ---- which scenario

    def key(self, tenants: Sequence[Tenant]) -> Key:
        """What runs so that these tenants can be looked at."""
        services = self.space.companions(t.service for t in tenants)
        return services, tuple(sorted({(t.service, t.variant) for t in tenants if t.variant}))

    def key_of_all(self) -> Key:
        """Of the whole scenario."""
        return frozenset(range(len(self.space.services))), ()

    def scenario(self, key: Key) -> Scenario:
        """The scenario with these services alone."""
        if key not in self._scenarios:
            made = self.space.reduced(key[0], dict(key[1]))
            if key[0] == self.key_of_all()[0]:
                made = made.with_objectives(self.asked.objectives.to_dict())
            self._scenarios[key] = made
        return self._scenarios[key]

    # ---- where it runs

    def alone(self, config: Config, sharing: Any) -> Scenario:
        """The config on the first GPU, and all else that its requests need on whole GPUs of its own."""
        scenario, placement = self.set_up(config, sharing)
        return scenario.with_placement(placement, "trial")

    def set_up(self, config: Config, sharing: Any) -> tuple[Scenario, Placement]:
        """The services of a config, and where they stand as `alone` has them."""
        scenario = self.scenario(self.key(config.tenants))
        gpus = self.space.part_gpus(config, sharing)
        placed = dict.fromkeys(self.space.companions(t.service for t in config.tenants), 0)
        wanted = {service: self._ample(service) for service in placed}
        for tenant in config.tenants:
            placed[tenant.service] += 1
            wanted[tenant.service] = tenant.replicas - self.asked.spare
        for service, count in placed.items():
            gpus += self.space.dedicated(config.part.gpu, service, max(0, wanted[service] - count))
        return scenario, self.space.placement(gpus, scenario.services)

    def dedicated(self, key: Key) -> Scenario:
        """These services on whole GPUs of their own, in the document's replicas at least."""
        gpus: list[dict[str, Any]] = []
        for service in sorted(key[0]):
            replicas = max(self.least_replicas.get(service, 1), self.space.replicas[service])
            gpus += self.space.dedicated(0, service, replicas)
        return self._on(self.scenario(key), gpus, "dedicated")

    def packed(self, packed: Packed, sharing: Mapping[Config, Any]) -> Scenario:
        """The scenario on a packing."""
        scenario = self.scenario(self.key([t for config in packed.configs for t in config.tenants]))
        return self._on(scenario, self.space.packed_gpus(packed, sharing), "plan")

    def failures(self, packed: Packed, sharing: Mapping[Config, Any]) -> list[Failure]:
        """The packing under the loss of each node, GPU or instance in turn; none where no loss is to be tolerated."""
        tolerated = self.asked.objectives.tolerate
        return failures(self.packed(packed, sharing), tolerated) if tolerated else []

    def _on(self, scenario: Scenario, gpus: Sequence[Mapping[str, Any]], label: str) -> Scenario:
        return scenario.with_placement(self.space.placement(gpus, scenario.services), label)

    def _ample(self, service: int) -> int:
        """Replicas on whole GPUs that serve it well; many while the least number is not known."""
        return self.least_replicas.get(service, max(_AMPLE, self.space.replicas[service]))

    # ---- parts by themselves

    def parts(self, tenants: Sequence[Tenant]) -> _core.Parts:
        """What knows of parts of GPUs with these tenants."""
        variants = tuple(sorted({(t.service, t.variant) for t in tenants if t.variant}))
        if variants not in self._parts:
            self._parts[variants] = _core.Parts(self.scenario((self.key_of_all()[0], variants))._handle)
        return self._parts[variants]

    def part(self, config: Config, sharing: Any) -> tuple[str, str, str, list[tuple[int, int, float]]]:
        """A part and its tenants, as `parts` is asked of them."""
        name = config.part.name
        in_words = isinstance(sharing, str)
        caps = [100.0] * len(config.tenants) if in_words else sharing
        tenants = [
            (tenant.service, tenant.replicas - self.asked.spare, cap)
            for tenant, cap in zip(config.tenants, caps, strict=True)
        ]
        gpu = self.space.gpus[config.part.gpu].name
        return gpu, "" if name == "whole" else name, sharing if in_words else "mps", tenants

    # ---- whether it can

    def possible(self, config: Config) -> bool:
        """Whether the tenants fit the memory of the part, and may stand together."""
        services = {tenant.service for tenant in config.tenants}
        if any(len(rule & services) > 1 for rule in self.asked.apart("hardware")):
            return False
        key = (config.part, tuple((t.service, t.variant) for t in config.tenants))
        if key not in self._fits:
            self._fits[key] = any(self._fit(config, sharing) for sharing in self.sharings(config))
        return self._fits[key]

    def sharings(self, config: Config) -> list[Any]:
        """Ways in which the tenants may share the part."""
        return list(self.space.sharings(config, self.asked.apart("process")))

    def ways(self, config: Config) -> list[Any]:
        """As `sharings`, and with caps on two MPS clients."""
        found = self.sharings(config)
        return [*found, *CAPS] if len(config.tenants) == 2 and "mps" in found else found

    def _fit(self, config: Config, sharing: Any) -> bool:
        share = self.free_share(config, sharing)
        return share is not None and share >= self.asked.objectives.memory_headroom

    def free_share(self, config: Config, sharing: Any) -> float | None:
        """Of the part's memory, what its tenants leave; None where they do not fit."""
        if config.part.gpus == 1:
            return self.parts(config.tenants).free_share(*self.part(config, sharing))
        placed = self.alone(config, sharing)
        found = fits(placed)
        if any(misfit.gpu < config.part.gpus for misfit in found.misfits):
            return None
        free = next(free for place, free in found.free_bytes.items() if place.startswith("gpu0/"))
        return float(free / placed.gpus[0]["partitions"][0]["memory_bytes"])
