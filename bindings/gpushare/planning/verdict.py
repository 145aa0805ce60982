"""Share or not, which way, what comes free and what users lose: the answer that figures of several modes give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from ..frames.render import brief, page_width
from .choosing import Choice, choose
from .implied import KEPT, Kept
from .judging import Fared
from .verdict_line import headline
from .verdict_text import verdict_details, verdict_html, verdict_text

__all__ = ["Verdict", "decide"]


class Verdict(Choice):
    """The answer of a comparison; prints as text, and as HTML in a notebook.

    Attributes
    ----------
    scenario : str
        Name of what was compared.
    fared : sequence of Fared
        How each mode fared, in order.
    alone : Fared or None
        Dedicated GPUs, whether they were compared or not; None when they cannot run it.
    chosen : Fared or None
        How the mode fared that is to be run; see `Choice`.
    """

    @cached_property
    def line(self) -> str:
        """The answer in a line."""
        return headline(self)

    def objectives(self) -> dict[str, dict[str, dict[str, Any]]]:
        """By mode and figure what is asked and what there is, for JSON."""
        return {
            one.name: {name: judged.to_dict() for name, judged in one.named().items()} for one in self.fared
        }

    def to_dict(self) -> dict[str, Any]:
        """For JSON, as ``gpushare compare --json`` has it."""
        chosen = self.chosen or Fared("")
        return {
            "share": self.share,
            "mode": self.mode,
            "line": self.line,
            "meets": self.meets,
            "gpus": chosen.gpus,
            "freed": chosen.freed,
            "cost_per_month": chosen.cost,
            "saved_per_month": self.alone.cost - chosen.cost if self.alone is not None else math.nan,
            "ties": self.ties,
        }

    def details(self, width: int | None = None) -> str:
        """Every objective by mode, and what is said of them, without the answer."""
        width = page_width(width)
        return verdict_details(self, width)

    def text(self, width: int | None = None) -> str:
        """The answer, and below it every objective by mode."""
        width = page_width(width)
        return verdict_text(self, width)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return brief(self, f"{self.scenario}: {self.line}")

    def _repr_html_(self) -> str:
        return verdict_html(self)


def decide(
    scenario: str,
    fared: Sequence[Fared],
    alone: Fared | None = None,
    *,
    keep: Kept = KEPT,
    keeps_up: float = 1.0,
) -> Verdict:
    """Chooses a mode.

    Parameters
    ----------
    scenario : str
        A name to call it by.
    fared : sequence of Fared
        The modes to choose from.
    alone : Fared, optional
        Dedicated GPUs, which may be one of them.
    keep : Kept
        What is asked, relative to dedicated GPUs, where nobody says.
    keeps_up : float
        Share of the requests that dedicated GPUs complete in time.
    """
    ran = [one for one in fared if one.measured is not None]
    chosen, tied = choose(ran)
    return Verdict(scenario, list(fared), alone, chosen, tied, keep, keeps_up)
