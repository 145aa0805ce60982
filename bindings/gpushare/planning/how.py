"""How a comparison was asked for, to ask again and to say as a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..scenario.scenario import ModeLike, Scenario, mode_text
from ..study.points import mode_list
from .implied import KEPT, Kept
from .objectives import Objectives
from .rounds import MOST

__all__ = ["How"]


@dataclass(frozen=True)
class How:
    """How a comparison was asked for, as `compare` takes it."""

    modes: Sequence[ModeLike] | None = None
    objectives: Mapping[str, Any] | None = None
    slo: tuple[str, ...] = ()
    keep: Kept = KEPT
    seed: int | None = None
    replications: int = 1
    most_replications: int = MOST
    uncertainty: bool = False

    def options(self, scenario: Scenario) -> dict[str, Any]:
        """The same as options of the command."""
        bounds = Objectives.of(scenario, self.objectives).bounds if self.objectives is not None else ()
        slo = [f"{one.figure}{'<=' if one.at_most else '>='}{one.bound!r}" for one in bounds] + list(self.slo)
        modes = [mode_text(mode) for mode in mode_list(self.modes, scenario.modes)] if self.modes else []
        return {
            **({"set": list(scenario._recipe.changed)} if scenario._recipe.changed else {}),
            **({"modes": ",".join(modes)} if modes else {}),
            **({"slo": slo} if slo else {}),
            **({"keep": str(self.keep)} if self.keep != KEPT else {}),
            **({"seed": self.seed} if self.seed is not None else {}),
            **({"replications": self.replications} if self.replications > 1 else {}),
            **({"most-replications": self.most_replications} if self.most_replications != MOST else {}),
            **({"uncertainty": True} if self.uncertainty else {}),
        }
