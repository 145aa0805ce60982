"""What a plan consists of."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ..frames.notices import Notice
from ..scenario.placement import Placement
from ..scenario.scenario import Scenario
from .failures import Loss
from .objectives import Judged, Objectives

__all__ = ["Break", "PlanFacts", "Rejection"]


#: What a plan does not look at, and what to ask instead.
_LEFT_OUT = {
    "control": "`gpushare compare` holds policies against each other",
    "faults": 'the objective "tolerate" asks that everything holds while a GPU or node is lost',
}


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


@dataclass
class PlanFacts:
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
    worst_loss : Loss or None
        Where a failure is to be tolerated, the worst one, with the figure that it leaves least to spare.
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
    replications : int
        Runs of the whole placement, of which the figures are means.
    runs : int
        Runs that were simulated in all.
    finished : bool
        Whether the search came to its end.
    interrupted : bool
        Whether it was stopped by Ctrl-C.
    most_tenants : int
        Processes on one partition, at most, of all placements that were considered.
    narrowed : bool
        Whether services in more replicas than surely suffice alone were left out, for there are many.
    foretold, checked, confirmed : int
        Of many services, sets of tenants that count as failing for the bound because a prediction puts them far beyond
        it; how many of them were simulated nevertheless, and how many of these fail.
    hopeless : float
        How far, as a share of a bound.
    """

    workload: Scenario
    objectives: Objectives
    scenario: Scenario | None = None
    meets: bool | None = False
    why: str = ""
    judged: list[Judged] = field(default_factory=list)
    worst_loss: Loss | None = None
    gpus_by_kind: dict[str, int] = field(default_factory=dict)
    lower_bound: float = 0.0
    lower_cost: float = 0.0
    resting_cost: float = 0.0
    dedicated_gpus: int = 0
    cost_per_month: float = math.nan
    dedicated_cost: float = 0.0
    priced: bool = False
    rejected: list[Rejection] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    nearest: Rejection | None = None
    runner_up: str = ""
    advice: list[str] = field(default_factory=list)
    replications: int = 0
    runs: int = 0
    finished: bool = True
    interrupted: bool = False
    most_tenants: int = 0
    narrowed: bool = False
    foretold: int = 0
    checked: int = 0
    confirmed: int = 0
    hopeless: float = math.inf

    @property
    def placement(self) -> Placement | None:
        """Where everything runs."""
        return self.scenario.placement if self.scenario is not None else None

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """What may mislead in it: odd input."""
        document = self.workload.document
        left_out = [
            Notice(f"/{key}", f"a plan's fleet stays as it is, so this is left out of it; {instead}")
            for key, instead in _LEFT_OUT.items()
            if key in document
        ]
        return (*(self.scenario or self.workload).warnings, *left_out)

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
        less = ", services in no more replicas than surely suffice alone" if self.narrowed else ""
        told = (
            f"; {self.foretold} sets of processes count as failing, for by prediction they miss a bound by more than "
            f"{100 * self.hopeless:.0f} % ({self.confirmed} of {self.checked} that were simulated do)"
            if self.foretold
            else ""
        )
        return f"{end}{self.runs} runs; at most {self.most_tenants} processes on a partition{less}{told}"
