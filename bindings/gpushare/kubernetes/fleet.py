"""What an export is made from: cards, how each is cut and shared, and the replicas of services on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .._core import Error, usual_llm_preset
from ..scenario.placement import Placement
from ..scenario.placing import fits
from ..scenario.profiles import model, profile
from ..scenario.scenario import Scenario
from .names import object_names

__all__ = ["Card", "Fleet", "Part", "Replica", "Seat", "Service", "fleet_of"]


#: Of a part's memory, what language models take together where they do not say (vLLM's gpu_memory_utilization).
SHARE = 0.9
#: The engine of a service that states none, by the kind of its model.
_ENGINES = {
    "llm": "continuous-batching",
    "streaming-asr": "stream-batching",
    "autoregressive-tts": "autoregressive-slots",
    "batch": "dynamic-batching",
}
#: The server of a language model whose engine names neither kind nor preset.
_PRESET = usual_llm_preset()
#: Characters of a service in the name of its replica: the number has the rest.
_MOST_OF_NAME = 56


@dataclass(frozen=True)
class Seat:
    """One process on a part: a server, or a rank of one.

    `percentage` and `memory_limit_bytes` are those of MPS; `memory_bytes` is what the process takes, its context
    included, None where that cannot be told before a run.
    """

    service: str
    percentage: float = 100.0
    memory_limit_bytes: float | None = None
    memory_bytes: float | None = None
    share: float = 1.0


@dataclass(frozen=True)
class Part:
    """A whole GPU or a MIG instance, numbered through its card.

    `instance` is ``"3g.40gb"`` or ``"1c.3g.40gb"``, empty for a whole GPU; `start` its memory slot.
    """

    number: int
    instance: str
    start: int | None
    sharing: str
    memory_bytes: float
    slice_s: float | None
    policy: str
    seats: tuple[Seat, ...]

    @property
    def resource(self) -> str:
        """What the device plugin calls it under the strategy ``mixed``."""
        return f"nvidia.com/mig-{self.instance.replace('+', '.')}" if self.instance else "nvidia.com/gpu"

    def memory_of(self, seat: Seat) -> float:
        """What a process may take: its limit, what it takes, or an equal share."""
        return seat.memory_limit_bytes or seat.memory_bytes or self.memory_bytes / len(self.seats)

    @property
    def shared(self) -> bool:
        """Whether several processes share it."""
        return len(self.seats) > 1


@dataclass(frozen=True)
class Card:
    """One GPU: its node, its number there and through all nodes, its profile and parts."""

    node: str
    index: int
    number: int
    profile: str
    product: str
    cut: bool
    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        """As people say it."""
        return f"gpu{self.number}"


@dataclass(frozen=True)
class Replica:
    """One server: where its ranks are, one where it is not spread. Numbered through its service."""

    service: str
    number: int
    ranks: tuple[tuple[Card, Part, Seat], ...]

    @property
    def name(self) -> str:
        """Of its service, and its number."""
        return f"{self.service}-{self.number}"

    @property
    def node(self) -> str:
        """Where it runs."""
        return self.ranks[0][0].node


@dataclass(frozen=True)
class Service:
    """What a service is: its model and the kind of it, precision, ranks, and the engine's options that are stated."""

    name: str
    model: str
    kind: str
    precision: str
    tensor_parallel: int
    engine: Mapping[str, Any]


@dataclass(frozen=True)
class Fleet:
    """A placement as exports need it."""

    name: str
    mode: str
    seed: int
    cards: tuple[Card, ...]
    services: Mapping[str, Service]

    @cached_property
    def nodes(self) -> dict[str, list[Card]]:
        """Cards by node, in order."""
        found: dict[str, list[Card]] = {}
        for card in self.cards:
            found.setdefault(card.node, []).append(card)
        return found

    @cached_property
    def replicas(self) -> list[Replica]:
        """Servers, service by service; ranks of one are those that follow each other."""
        seats: dict[str, list[tuple[Card, Part, Seat]]] = {name: [] for name in self.services}
        for card in self.cards:
            for part in card.parts:
                for seat in part.seats:
                    seats[seat.service].append((card, part, seat))
        found = []
        for name, own in seats.items():
            ranks = self.services[name].tensor_parallel
            found += [
                Replica(name, number, tuple(own[first : first + ranks]))
                for number, first in enumerate(range(0, len(own), ranks))
            ]
        return found

    @cached_property
    def called(self) -> dict[str, str]:
        """What each service is called where names are those of Kubernetes, no two alike."""
        return dict(zip(self.services, object_names(self.services), strict=True))

    def name_of(self, replica: Replica) -> str:
        """What a replica is called there, unlike any other and any service."""
        return self._replicas_called[replica.service, replica.number]

    @cached_property
    def _replicas_called(self) -> dict[tuple[str, int], str]:
        names = [f"{self.called[one.service][:_MOST_OF_NAME]}-{one.number}" for one in self.replicas]
        keys = [(one.service, one.number) for one in self.replicas]
        return dict(zip(keys, object_names(names, self.called.values()), strict=True))


def fleet_of(scenario: Scenario) -> Fleet:
    """The placement of a scenario, and what its services are."""
    documents = scenario.document["services"]
    services = {
        one["name"]: Service(
            one["name"],
            one["model"],
            _kind(documents[one["name"]]["model"]),
            one["precision"],
            int(one["tensor_parallel"]),
            _engine(_kind(documents[one["name"]]["model"]), documents[one["name"]].get("engine", {})),
        )
        for one in scenario.workload.services
    }
    taken = _taken(scenario)
    numbers: dict[str, int] = {}
    cards = []
    for number, gpu in enumerate(scenario.gpus):
        index = numbers[gpu["node"]] = numbers.get(gpu["node"], -1) + 1
        cut = gpu["layout"] != "whole"
        card = Card(
            gpu["node"],
            index,
            number,
            gpu["profile"].rpartition("/")[2].removesuffix(".json"),
            # What a title adds in brackets is no part of the product's name.
            profile(gpu["profile"]).title.partition(" (")[0].replace("'", ""),
            cut,
            tuple(_part(i, part, cut, services, taken) for i, part in enumerate(gpu["partitions"])),
        )
        cards.append(card)
    return Fleet(scenario.name, scenario.mode, scenario.seed, tuple(cards), services)


def _engine(kind: str, engine: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options, with what goes without saying (docs/engines.md, "Defaults by kind of model")."""
    usual = kind == "llm" and not {"kind", "preset"} & set(engine)
    return {"kind": _ENGINES.get(kind, "fifo"), **({"preset": _PRESET} if usual else {}), **engine}


def _kind(described: Any) -> str:
    """Of a model that stands in the document, or is named there."""
    if isinstance(described, Mapping):
        return str(described.get("kind", ""))
    try:
        return str(model(described).kind)
    except Error:
        return ""  # a file beside the document: its kind of engine is then stated or of no interest here


def _taken(scenario: Scenario) -> dict[str, float]:
    """By service what a process of it takes alone on a whole GPU, bytes."""
    kind = scenario.gpus[0]["profile"]
    names = [one["name"] for one in scenario.workload.services for _ in range(int(one["tensor_parallel"]))]
    gpus = [{"profile": kind, "partitions": [{"processes": [name]}]} for name in names]
    try:
        alone = Placement.from_dict({"gpus": gpus}, scenario.services)
        free = fits(scenario, alone).free_bytes
    except Error:
        return {}  # what it takes is then not checked here
    memory = profile(kind).memory_bytes
    return {name: memory - left for name, left in zip(names, free.values(), strict=True)}


def _part(
    number: int,
    part: Mapping[str, Any],
    cut: bool,
    services: Mapping[str, Service],
    taken: Mapping[str, float],
) -> Part:
    whole, _, compute = part["name"].partition("/")
    instance, at, start = whole.partition("@")
    if compute:
        instance = f"{compute.partition('.')[0]}.{instance}"
    limits: Sequence[float | None] = part["memory_limits_bytes"]
    capped = part["sharing"] == "mps"
    language = sum(services[name].engine.get("kind") == "continuous-batching" for name in part["processes"])

    def takes(name: str) -> float | None:
        engine = services[name].engine
        if engine.get("kind") != "continuous-batching":
            return taken.get(name)
        return float(engine.get("gpu_memory_utilization") or SHARE / language) * float(part["memory_bytes"])

    seats = tuple(
        Seat(service, percentage if capped else 100.0, limit, takes(service), share)
        for service, percentage, limit, share in zip(
            part["processes"], part["active_thread_percentages"], limits, part["shares"], strict=True
        )
    )
    return Part(
        number,
        instance if cut else "",
        int(start) if cut and at else None,
        part["sharing"],
        part["memory_bytes"],
        part["slice_s"],
        part["policy"],
        seats,
    )
