"""What has to be served, wherever it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..frames.render import Field, brief, html_table, number, text_table

__all__ = ["Workload"]


@dataclass(frozen=True)
class Workload:
    """Services, pipelines, traffic, horizon and prices of a scenario.

    `services` are dicts of ``name``, ``model``, ``precision``, ``replicas`` (that are asked for: a placement may hold
    another number), ``tensor_parallel`` and ``memory_bytes`` (None: what model and engine need). `pipelines` has the
    stages of each by name, `traffic` the kind of each by name. `price_per_gpu_hour` is one price, or one for each
    kind of GPU by the profile's name; `carbon_g_per_kwh` is None where the document does not say.
    """

    services: list[dict[str, Any]]
    pipelines: dict[str, list[str]]
    traffic: dict[str, str]
    warmup_s: float
    duration_s: float
    price_per_gpu_hour: float | dict[str, float]
    carbon_g_per_kwh: float | None

    def _fields(self) -> list[Field]:
        memory = [service["memory_bytes"] for service in self.services]
        return [
            Field("service", [service["name"] for service in self.services], "left"),
            Field("model", [service["model"] for service in self.services], "left"),
            Field("precision", [service["precision"] for service in self.services], "left"),
            Field("replicas", [str(service["replicas"]) for service in self.services]),
            Field("GPUs each", [str(service["tensor_parallel"]) for service in self.services]),
            Field("GB", ["" if size is None else number(size / 1e9, 1) for size in memory]),
        ]

    def _notes(self) -> list[str]:
        ways = [f"pipeline {name}: {', '.join(stages)}" for name, stages in self.pipelines.items()]
        return ways + [f"traffic {name}: {kind}" for name, kind in self.traffic.items()]

    def __repr__(self) -> str:
        services = ", ".join(f"{one['name']} ({one['model']})" for one in self.services)
        return brief(self, f"{services}; pipelines {', '.join(self.pipelines)}")

    def __str__(self) -> str:
        return "\n".join([text_table(self._fields()), *self._notes()])

    def _repr_html_(self) -> str:
        return html_table(self._fields(), notes=self._notes())
