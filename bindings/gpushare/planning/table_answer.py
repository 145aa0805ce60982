"""The answer of a plan of measured tables: which rows of them run where."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..frames.render import Field, brief, text_table, wrap
from ..scenario.scenario import Scenario

__all__ = ["Measured", "Placed", "TablePlan"]

_HOURS_OF_A_MONTH = 720


@dataclass(frozen=True)
class Measured:
    """A service on one kind of MIG instance.

    Attributes
    ----------
    slices : int
        Compute slices of the instance: 1, 2, 3, 4 or 7 of an A100.
    batch : int
        Requests of a step.
    processes : int
        Processes of the service that share the instance under MPS.
    throughput_per_s : float
        Requests a second of each process.
    latency_s : float
        Of a step.
    """

    slices: int
    batch: int
    processes: int
    throughput_per_s: float
    latency_s: float

    @property
    def total_per_s(self) -> float:
        """Requests a second of all processes."""
        return self.throughput_per_s * self.processes


@dataclass(frozen=True)
class Placed:
    """A service on an instance.

    Attributes
    ----------
    gpu : int
        Which GPU.
    instance : str
        With its start, such as ``2g.20gb@4``.
    service : str
    measured : Measured
        The row of the table: how many processes it runs in which batches.
    """

    gpu: int
    instance: str
    service: str
    measured: Measured


@dataclass
class TablePlan:
    """Instances whose throughputs add up to every service's rate.

    Attributes
    ----------
    layouts : list of str
        Of every GPU, as ``nvidia-smi mig`` makes it.
    placed : list of Placed
        What runs where; instances that nothing needs are left out.
    lower_bound : int
        No legal placement of these measurements does with fewer GPUs; infinite when none does with those there are.
    cost : float
        Of the GPUs.
    why : str
        What stands in the way, when nothing suffices.
    kind : str
        Of all GPUs.
    priced : bool
        Whether `cost` is a price an hour; otherwise each GPU costs 1.
    rates, slos : mapping of str to float
        Requests a second, and seconds that a request may take, by service.
    rule : str
        Which rows count: ``"queues"``, or the share of the objective below which their latency has to be.
    scenario : Scenario or None
        The measured instances under Poisson arrivals, to simulate.
    """

    layouts: list[str] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)
    lower_bound: float = 0
    cost: float = 0.0
    why: str = ""
    kind: str = "a100"
    priced: bool = False
    rates: Mapping[str, float] = field(default_factory=dict)
    slos: Mapping[str, float] = field(default_factory=dict)
    rule: str = ""
    scenario: Scenario | None = None

    @property
    def gpus(self) -> int:
        """GPUs used."""
        return len(self.layouts)

    @property
    def gap(self) -> float:
        """GPUs more than the lower bound; NaN where there is no placement."""
        return math.nan if self.why else self.gpus - self.lower_bound

    def throughput(self, service: str) -> float:
        """Requests a second of all instances of a service."""
        return sum(one.measured.total_per_s for one in self.placed if one.service == service)

    @property
    def meets(self) -> bool:
        """Whether there is a placement by the rule."""
        return not self.why

    @property
    def cost_per_month(self) -> float:
        """Of the GPUs; without a price their number."""
        return self.cost * (_HOURS_OF_A_MONTH if self.priced else 1)

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with the keys of `Plan.to_dict` as far as tables say something."""
        placed = not self.why
        each = self.cost_per_month / self.gpus if self.gpus else math.nan
        least = self.lower_bound * each if placed else math.inf
        return {
            "meets": self.meets,
            "why": self.why,
            "rule": self.rule,
            "gpus": self.gpus if placed else None,
            "gpus_by_kind": {self.kind: self.gpus} if placed else {},
            "lower_bound": {"gpus": self.lower_bound, "cost_per_month": least},
            "gap": {
                "gpus": self.gap if placed else None,
                "cost_per_month": self.cost_per_month - least if placed else None,
                "share": self.gap / self.lower_bound if placed else None,
            },
            "cost_per_month": self.cost_per_month if placed else None,
            "priced": self.priced,
            "services": {
                name: {
                    "rate_per_s": rate,
                    "throughput_per_s": self.throughput(name) if placed else None,
                    "latency_bound_s": self.slos.get(name),
                }
                for name, rate in self.rates.items()
            },
            "layouts": self.layouts,
            "placed": [
                {
                    "gpu": one.gpu,
                    "instance": one.instance,
                    "service": one.service,
                    "batch": one.measured.batch,
                    "processes": one.measured.processes,
                    "throughput_per_s": one.measured.total_per_s,
                    "latency_s": one.measured.latency_s,
                }
                for one in self.placed
            ],
            "scenario": self.scenario.document if self.scenario is not None else None,
            "placement": self.scenario.placement.to_dict() if self.scenario is not None else None,
        }

    def text(self, width: int | None = None) -> str:
        """How many GPUs and why not fewer, then what runs where.

        Parameters
        ----------
        width : int, optional
            Columns at most; by default those of the page.
        """
        return "\n\n".join(
            [wrap(self.headline, width), *([] if self.why else [text_table(self._fields(), width=width)])]
        )

    @property
    def headline(self) -> str:
        """What to do, in a line or two."""
        if self.why:
            return f"No placement: {self.why}."
        noun = "GPU" if self.gpus == 1 else "GPUs"
        money = f", ${self.cost_per_month:,.0f} a month" if self.priced else ""
        return f"{self.gpus} {noun}{money}; at least {self.lower_bound:g} are needed{_by_rule(self.rule)}."

    def _fields(self) -> list[Field]:
        return [
            Field("GPU", [str(one.gpu) for one in self.placed], "right"),
            Field("instance", [one.instance for one in self.placed], "left"),
            Field("service", [one.service for one in self.placed], "left"),
            Field("batch", [str(one.measured.batch) for one in self.placed], "right"),
            Field("processes", [str(one.measured.processes) for one in self.placed], "right"),
            Field("requests/s", [f"{one.measured.total_per_s:,.0f}" for one in self.placed], "right"),
        ]

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return brief(self, self.headline)


def _by_rule(rule: str) -> str:
    """Which rows of the tables count, in words."""
    if not rule:
        return ""
    if rule == "queues":
        return " where 99 % of the requests are done within their bound, waiting included"
    return f" where a step takes less than {float(rule):.0%} of its bound; waiting is not looked at"
