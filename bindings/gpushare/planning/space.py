"""What a plan may use, made from a scenario: services and their variants, kinds of GPU, ways of sharing."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .. import _core
from .._core import ScenarioError
from .._errors import fail
from ..scenario import mig
from ..scenario.placement import Placement
from ..scenario.profiles import Profile, profile
from ..scenario.scenario import Scenario
from .kinds import Gpus, Prices, counts_of, price_of, prices_of
from .packing import Packed
from .problem import Config, GpuKind, Part

__all__ = ["SHARINGS", "Space"]

#: Ways of sharing that plans may use, by the word that modes begin with.
SHARINGS = ("dedicated", "time-slicing", "mps", "mig")
_GPUS_OF_A_NODE = 8
#: What a kind of GPU has, beside arithmetic in the number formats that models multiply in.
_ENDOWMENTS = (
    "sms",
    "clock_hz",
    "bandwidth_bytes_per_s",
    "l2_bytes",
    "nominal_memory_bytes",
    "pcie_bytes_per_s",
    "copy_engines",
)
_PRECISIONS = ("fp64", "fp32", "tf32", "fp16", "bf16", "fp8", "int8")


@dataclass(frozen=True)
class Space:
    """A scenario whose placement is left open.

    Attributes
    ----------
    scenario : Scenario
        The workload.
    gpus : sequence of GpuKind
        What there is to place it on.
    modes : sequence of str
        Those of `SHARINGS` that may be used.
    variants : sequence of sequence of mapping
        For each service what may be changed of it in the document; the first is as it stands.
    priced : bool
        Whether the prices are prices; otherwise each GPU costs 1.
    small_nodes : bool
        Whether a node has no more GPUs than a replica may need, and not up to eight.
    """

    scenario: Scenario
    gpus: Sequence[GpuKind]
    modes: Sequence[str]
    variants: Sequence[Sequence[Mapping[str, Any]]]
    priced: bool = True
    small_nodes: bool = False

    @property
    def services(self) -> list[str]:
        """Names of the services."""
        return self.scenario.services

    @cached_property
    def ranks(self) -> list[int]:
        """GPUs of one replica of each service."""
        return self._counts("tensor_parallel")

    @cached_property
    def replicas(self) -> list[int]:
        """Replicas of each service that the document asks for."""
        return self._counts("replicas")

    def _counts(self, key: str) -> list[int]:
        described = self.scenario.document["services"]
        return [int(described[name].get(key, 1)) for name in self.services]

    # ---- parts of the workload

    def companions(self, services: Iterable[int]) -> frozenset[int]:
        """These services and all that requests visit on their way through them."""
        found = set(services)
        grown = True
        while grown:
            grown = False
            for members in self.pipelines.values():
                if members & found and not members <= found:
                    found |= members
                    grown = True
        return frozenset(found)

    @cached_property
    def pipelines(self) -> dict[str, set[int]]:
        """Services that each pipeline visits."""
        position = {name: i for i, name in enumerate(self.services)}
        return {
            name: {position[stage["service"]] for stage in pipeline["stages"] if "service" in stage}
            for name, pipeline in self.scenario.document["pipelines"].items()
        }

    def reduced(self, services: frozenset[int], variants: Mapping[int, int]) -> Scenario:
        """The scenario with these services alone, and the pipelines and traffic that visit them."""
        document = self.scenario.document
        names = self.services
        pipelines = {name for name, members in self.pipelines.items() if members <= services}
        document["services"] = {
            name: _changed(document["services"][name], self.variants[i][variants.get(i, 0)])
            for i, name in enumerate(names)
            if i in services
        }
        document["pipelines"] = {n: p for n, p in document["pipelines"].items() if n in pipelines}
        only = next(iter(self.pipelines)) if len(self.pipelines) == 1 else ""
        document["traffic"] = [t for t in document["traffic"] if t.get("pipeline", only) in pipelines]
        for key in ("modes", "objectives", "faults", "control"):
            document.pop(key, None)
        document["placement"] = {"mode": "dedicated"}
        recipe = self.scenario._recipe
        return Scenario(json.dumps(document), "", recipe.source, recipe.folder, recipe.inputs)

    # ---- placements

    def placement(self, gpus: Sequence[Mapping[str, Any]], services: Sequence[str]) -> Placement:
        """On nodes that are like the document's host."""
        host = self.scenario.document.get("host")
        nodes: list[dict[str, Any]] = []
        for group in _groups(gpus, max(self.ranks) if self.small_nodes else _GPUS_OF_A_NODE):
            node: dict[str, Any] = {"gpus": group}
            if host is not None:
                node["host"] = host
            nodes.append(node)
        return Placement.from_dict({"nodes": nodes}, services)

    def part_gpus(self, config: Config, sharing: Any) -> list[dict[str, Any]]:
        """A GPU with a config on its part and nothing else; for a replica of several ranks, one for each."""
        gpu = {"profile": self.gpus[config.part.gpu].name}
        if config.part.name != "whole":
            gpu["layout"] = config.part.name
        partition = self.partition(config, sharing)
        return [copy.deepcopy(gpu | {"partitions": [partition]}) for _ in range(config.part.gpus)]

    def partition(self, config: Config, sharing: Any) -> dict[str, Any]:
        """Its tenants under a way of sharing: a word, or caps of MPS clients in per cent."""
        names = [self.services[tenant.service] for tenant in config.tenants]
        if isinstance(sharing, str):
            return {"sharing": sharing, "processes": names}
        return {
            "sharing": "mps",
            "processes": [
                {"service": name, "active_thread_percentage": cap}
                for name, cap in zip(names, sharing, strict=True)
            ],
        }

    def dedicated(self, kind: int, service: int, replicas: int) -> list[dict[str, Any]]:
        """Whole GPUs with one process of the service each."""
        gpu = {"profile": self.gpus[kind].name, "partitions": [{"processes": [self.services[service]]}]}
        return [copy.deepcopy(gpu) for _ in range(replicas * self.ranks[service])]

    def packed_gpus(self, packed: Packed, sharing: Mapping[Config, Any]) -> list[dict[str, Any]]:
        """Every GPU of a packing."""
        result: list[dict[str, Any]] = []
        instances: dict[Part, list[Config]] = {}
        for config in packed.configs:
            if config.part.name == "whole":
                result.extend(self.part_gpus(config, sharing[config]))
            else:
                instances.setdefault(config.part, []).append(config)
        for kind, number in packed.layouts:
            layout = maximal_layouts(self.gpus[kind].name)[number]
            partitions: list[dict[str, Any]] = []
            here: set[int] = set()
            for part in layout.partitions:
                waiting = instances.get(Part(kind, part["name"].split("@")[0]), [])
                if not waiting:
                    partitions.append({"processes": []})
                    continue
                # Replicas of a service are spread over GPUs where that can be: one may fail.
                one = min(waiting, key=lambda c: sum(t.service in here for t in c.tenants))
                waiting.remove(one)
                here.update(tenant.service for tenant in one.tenants)
                partitions.append(self.partition(one, sharing[one]))
            if any(part["processes"] for part in partitions):
                result.append(
                    {"profile": self.gpus[kind].name, "layout": str(layout), "partitions": partitions}
                )
        return result

    def sharings(self, config: Config, separate: Iterable[frozenset[int]]) -> Iterator[Any]:
        """Ways in which the tenants may share the part; those in one of `separate` not under one MPS daemon."""
        if len(config.tenants) == 1:
            yield "exclusive"
            return
        services = {tenant.service for tenant in config.tenants}
        if "mps" in self.modes and not any(len(rule & services) > 1 for rule in separate):
            yield "mps"
        if "time-slicing" in self.modes:
            yield "time-slicing"


def maximal_layouts(gpu: str) -> list[_core.Layout]:
    """The MIG layouts of a kind of GPU to which nothing can be added, one for each set of instances."""
    try:
        layouts = mig.multisets(gpu)
    except _core.LayoutError:
        return []
    whole = {instance for layout in layouts if len(layout.partitions) == 1 for instance in [str(layout)]}
    return [layout for layout in layouts if str(layout) not in whole]


def instances(layout: _core.Layout) -> dict[str, int]:
    """How many instances of each name a layout has."""
    result: dict[str, int] = {}
    for part in layout.partitions:
        name = part["name"].split("@")[0]
        result[name] = result.get(name, 0) + 1
    return result


def gpu_kinds(
    counts: Mapping[str, int | None], prices: Mapping[str, float] | float | None, mig_allowed: bool
) -> list[GpuKind]:
    """Kinds of GPU with their prices an hour; without prices each costs 1.

    Raises
    ------
    ScenarioError, ProfileError
        For a kind that is not known, or without a price where others have one.
    """
    result = []
    for name, count in counts.items():
        described = profile(name)
        layouts = [instances(layout) for layout in maximal_layouts(name)] if mig_allowed else []
        beaten = frozenset(other for other in counts if other != name and _beats(described, profile(other)))
        price = price_of(name, prices)
        result.append(GpuKind(name, 1.0 if price is None else price, count or 64, layouts, beaten))
    return result


def _beats(one: Profile, other: Profile) -> bool:
    """Whether a kind of GPU has as much of everything that a service may wait for."""
    return all(getattr(one, name) >= getattr(other, name) for name in _ENDOWMENTS) and all(
        one.flop_per_s[precision] >= other.flop_per_s[precision] for precision in _PRECISIONS
    )


def _changed(service: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    result = copy.deepcopy(dict(service))
    result.pop("replicas", None)
    for key, value in change.items():
        if isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = dict(result[key]) | dict(value)
        else:
            result[key] = value
    return result


def _groups(gpus: Sequence[Mapping[str, Any]], most: int) -> Iterator[list[Mapping[str, Any]]]:
    for start in range(0, len(gpus), most):
        yield list(gpus[start : start + most])


def make_space(
    scenario: Scenario,
    gpus: Gpus | None,
    prices: Prices | None,
    modes: Sequence[str],
    variants: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Space:
    """What a plan of a scenario may use, as `plan` is told it.

    Raises
    ------
    ScenarioError, ProfileError
        For kinds of GPU, ways of sharing or services that do not exist, and what is no count or price.
    """
    words = _check_modes(modes)
    _check_variants(variants, scenario.services)
    own = scenario.gpus[0]["profile"]
    given = prices_of(prices if prices is not None else scenario.price_per_gpu_hour or None)
    kinds = gpu_kinds({own: None} if gpus is None else counts_of(gpus, own), given, "mig" in words)
    if prices is not None:  # so that what runs cost is told of these
        scenario = scenario.replace(price_per_gpu_hour={kind.name: kind.price for kind in kinds})
    choices = [[{}, *variants.get(name, [])] for name in scenario.services]
    _check_visited(scenario)
    return Space(scenario, kinds, words, choices, given is not None)


def _check_modes(modes: Sequence[str]) -> list[str]:
    """Ways of sharing by their words.

    Raises
    ------
    ScenarioError
        For another word.
    """
    given = [word for word in modes.split(",") if word.strip()] if isinstance(modes, str) else list(modes)
    if not given:
        raise fail(ScenarioError, "modes", f"none are given; legal are {', '.join(SHARINGS)}")
    return list(dict.fromkeys(map(_way, given)))


def _way(written: str) -> str:
    """The way of sharing that a word means, whatever its case."""
    word = str(written).strip().lower().replace("_", "-").replace(" ", "-")
    word = {"ts": "time-slicing", "timeslicing": "time-slicing", "whole": "dedicated"}.get(word, word)
    if word in SHARINGS:
        return word
    way = word.partition(":")[0]
    hint = f"; write {way}: a plan chooses copies, caps and layouts itself" if way in SHARINGS else ""
    legal = f"legal are {', '.join(SHARINGS)}"
    raise fail(ScenarioError, "modes", f'unknown way of sharing "{written}"{hint or f"; {legal}"}')


def _check_visited(scenario: Scenario) -> None:
    """Raises ScenarioError for a service that no traffic visits: nothing says how much of it there should be."""
    document = scenario.document
    only = next(iter(document["pipelines"])) if len(document["pipelines"]) == 1 else ""
    busy = {entry.get("pipeline", only) for entry in document["traffic"]}
    visited = {
        stage.get("service")
        for name, pipeline in document["pipelines"].items()
        if name in busy or "" in busy
        for stage in pipeline["stages"]
    }
    for name in scenario.services:
        if name not in visited:
            raise fail(
                ScenarioError,
                f"/services/{name}",
                "no traffic visits it, and nothing says how much of it a plan needs; give it traffic, or leave it out",
            )


def _check_variants(variants: Mapping[str, Any], services: Sequence[str]) -> None:
    """Raises ScenarioError for a service that does not exist, and for what are no variants."""
    for name in variants:
        if name not in services:
            raise fail(
                ScenarioError, f"variants/{name}", f"no such service; known: {', '.join(services[:10])}"
            )
        ways = variants[name]
        if isinstance(ways, (Mapping, str)) or not all(isinstance(way, Mapping) for way in ways):
            raise fail(
                ScenarioError,
                f"variants/{name}",
                f'found {ways!r:.60}; write a list such as [{{"precision": "fp8"}}]',
            )
