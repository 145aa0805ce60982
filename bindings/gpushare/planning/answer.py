"""The answer of a plan: its facts, as text, JSON and a file."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from .._core import ScenarioError
from .._errors import fail
from ..files import try_to_write
from ..frames.notices import plain
from ..frames.render import brief
from ..frames.sections import Beside
from ..kubernetes.exporting import export
from ..kubernetes.parts import Naming
from .facts import PlanFacts
from .plan_reporting import plan_comparison, write_plan_report
from .plan_text import headline, plan_html, plan_text

__all__ = ["Plan"]


class Plan(PlanFacts):
    """What should run where, why, and how far from the cheapest it can be; `PlanFacts` has its attributes."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON, as ``gpushare plan --json`` prints it."""
        placed = self.scenario is not None
        return {
            "meets": self.meets,
            "why": self.why,
            "gpus": self.gpus if placed else None,
            "gpus_by_kind": self.gpus_by_kind,
            "lower_bound": {"gpus": self.lower_bound, "cost_per_month": self.lower_cost},
            "gap": {
                "gpus": self.gpus - self.lower_bound if placed else None,
                "cost_per_month": self.cost_per_month - self.lower_cost if placed else None,
                "share": self.gap if placed else None,
            },
            "cost_per_month": self.cost_per_month if placed else None,
            "cost_per_year": 12 * self.cost_per_month if placed else None,
            "priced": self.priced,
            "freed": self.freed if placed else None,
            "dedicated": {"gpus": self.dedicated_gpus, "cost_per_month": self.dedicated_cost},
            "objectives": {one.objective.figure: one.to_dict() for one in self.judged},
            "worst_loss": self.worst_loss.to_dict() if self.worst_loss is not None else None,
            "headline": headline(self),
            "scenario": self.scenario.document if self.scenario is not None else None,
            "placement": self.placement.to_dict() if self.placement is not None else None,
            "rejected": [asdict(one) for one in self.rejected],
            "nearest": asdict(self.nearest) if self.nearest is not None else None,
            "runner_up": self.runner_up,
            "breaks": [
                {"load": one.load, "objective": one.judged.objective.figure if one.judged else None}
                | ({"value": one.judged.value, "bound": one.judged.objective.bound} if one.judged else {})
                for one in self.breaks
            ],
            "advice": self.advice,
            "replications": self.replications,
            "runs": self.runs,
            "finished": self.finished,
            "warnings": plain(self.warnings),
        }

    def export(self, format: str, path: str | os.PathLike[str], naming: Naming | None = None) -> list[str]:
        """Writes the files that bring the placement to a cluster, or to a machine: see `gpushare.export`.

        Raises
        ------
        ScenarioError
            When there is no placement.
        """
        if self.scenario is None:
            raise fail(ScenarioError, "plan", f"there is no placement to export: {self.why}")
        return export(format, self.scenario, path, naming)

    def report(self, path: str | os.PathLike[str], *, sensitivity: bool = True) -> None:
        """Writes the plan and all that stands behind it as one page of HTML that needs nothing beside it.

        The placement is simulated again beside dedicated GPUs, in as many runs.

        Parameters
        ----------
        path : str or path
            An existing file is replaced. The same plan gives the same bytes.
        sensitivity : bool
            As in `Comparison.report`.

        Raises
        ------
        OSError
            When it cannot be written.
        """
        try_to_write(path)
        told = self.to_dict()
        write_plan_report(told, plan_comparison(told), path, "PLAN.json", sensitivity=sensitivity)

    def text(self, width: int | None = None, *, details: bool = False, beside: Beside | None = None) -> str:
        """What to do, then why, and how sure that is.

        Parameters
        ----------
        width : int, optional
            Columns at most; by default those of the page.
        details : bool
            Also what was not taken, and every assumption.
        beside : Beside, optional
            What a command says beside it.
        """
        return plan_text(self, width, beside if beside is not None else Beside(details=details))

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return brief(self, headline(self))

    def _repr_html_(self) -> str:
        return plan_html(self)
