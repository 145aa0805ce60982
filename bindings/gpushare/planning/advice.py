"""Rules of thumb for sharing a GPU, beside what the simulation says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import _core
from .choosing import KEEPS_UP
from .packing import Packed
from .problem import Config
from .space import Space

__all__ = ["Habits", "advice_for", "advise"]

#: Above this share of a GPU at peak a service is better off alone; above this ratio traffic is bursty. The first is the
#: rule of the article on bursty LLM inference (time-slicing against MIG on one A100), the second an assumption.
BUSY = 0.6
BURSTY = 2.0
#: Up to it traffic is steady.
EVEN = 1.05


@dataclass(frozen=True)
class Habits:
    """What a service does to a GPU of its own.

    Attributes
    ----------
    service : str
        Its name.
    busy : float
        Share of the time that its GPU is busy, in the mean.
    peak : float
        The same at the peak of its traffic, 1 at most.
    peak_to_mean : float
        The highest rate of its traffic against the mean.
    """

    service: str
    busy: float
    peak: float
    peak_to_mean: float

    @property
    def bursty(self) -> bool:
        """Whether its traffic at peak is several times the mean."""
        return self.peak_to_mean > BURSTY


def advice_for(
    space: Space,
    dedicated: Mapping[str, float],
    packed: Packed,
    sharing: Mapping[Config, Any],
    isolated: bool,
) -> list[str]:
    """What the rules of thumb say of a plan.

    Parameters
    ----------
    space : Space
        The services and their traffic.
    dedicated : mapping of str to float
        Figures on GPUs of their own.
    packed : Packed
        The plan.
    sharing : mapping of Config to object
        How its parts are shared: a word, or the caps of MPS clients in per cent.
    isolated : bool
        Whether isolation in hardware is asked for.
    """
    habits = []
    peaks = _core.peaks_to_mean(space.scenario._handle)
    for name, ratio in zip(space.services, peaks, strict=True):
        busy = dedicated.get(f"{name}.busy", math.nan)
        habits.append(Habits(name, busy, min(1.0, busy * ratio), ratio))
    completed = 1.0  # where they do not even fit, nothing is compared with them
    if dedicated.get("offered_rate", 0) > 0:
        completed = min(1.0, dedicated["request_throughput"] / dedicated["offered_rate"])
    shared = [c for c in packed.configs if len(c.tenants) > 1 or c.part.name != "whole"]
    ways = ["mig" if c.part.name != "whole" else _way(sharing[c]) for c in shared]
    return advise(habits, completed, bool(shared), max(ways, key=ways.count, default=""), isolated)


def _way(sharing: Any) -> str:
    """A word for a way of sharing, which is one, or the caps of MPS clients."""
    return sharing if isinstance(sharing, str) else "mps"


def advise(habits: Sequence[Habits], completed: float, shares: bool, how: str, isolated: bool) -> list[str]:
    """What the rules of thumb say of these services, and whether the plan says the same.

    Parameters
    ----------
    habits : sequence of Habits
        Of every service on GPUs of its own.
    completed : float
        Share of the requests that dedicated GPUs complete in time.
    shares : bool
        Whether the plan shares GPUs.
    how : str
        How it shares them: ``"mps"``, ``"mig"``, ...
    isolated : bool
        Whether isolation in hardware is asked for.
    """
    lines = []
    if completed < KEEPS_UP:
        lines.append(
            f"advice: dedicated GPUs do not keep up: they complete {100 * completed:.0f} % of the requests in time. "
            "Give objectives, or lower the load; what is compared with them is as bad as they are."
        )
    full = [h for h in habits if h.peak > BUSY]
    if full and len(full) == len(habits):
        named = ", ".join(f"{h.service} {100 * h.peak:.0f} %" for h in full)
        rule = (
            f"rule of thumb: a service above {100 * BUSY:.0f} % of a GPU at peak ({named}) gets single pods, "
            "a GPU each, and autoscaling (docs/control.md simulates it)"
        )
        verdict = (
            "the simulation shares all the same" if shares else "the simulation agrees: nothing is freed"
        )
    elif isolated or not any(h.bursty for h in habits):
        why = "isolation is asked for" if isolated else _evenness(habits)
        rule = f"rule of thumb: {why}, so MIG"
        verdict = _told(shares, how, ("mig",))
    else:
        bursty = ", ".join(h.service for h in habits if h.bursty)
        rule = f"rule of thumb: bursty traffic ({bursty}) of services that trust each other, so time-slicing"
        verdict = _told(shares, how, ("time-slicing", "mps"))
    some = "" if not full or len(full) == len(habits) else _kept_apart(full)
    return [*lines, f"{rule}; {verdict}.{some}"]


def _evenness(habits: Sequence[Habits]) -> str:
    """Of traffic that is not bursty: what its rate does."""
    most = max((h.peak_to_mean for h in habits), default=1.0)
    if most <= EVEN:
        return "the traffic is steady"
    return (
        f"the traffic peaks at {most:.1f} times its mean, less than the {BURSTY:.0f} times of bursty traffic"
    )


def _told(shares: bool, how: str, wanted: Sequence[str]) -> str:
    if not shares:
        return "the simulation says otherwise: sharing frees nothing within the objectives"
    if how in wanted:
        return f"the simulation agrees, by {how}"
    return f"the simulation says otherwise: {how} costs as little or less, with the figures above"


def _kept_apart(full: Sequence[Habits]) -> str:
    named = ", ".join(f"{h.service} {100 * min(1.0, h.peak):.0f} %" for h in full if not math.isnan(h.peak))
    return f" By the same rule {named} of a GPU at peak would keep it to itself."
