"""Which of several modes to run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .implied import KEPT, Kept
from .judging import Fared

__all__ = ["KEEPS_UP", "Choice", "choose"]

#: Share of the requests completed in time, below which dedicated GPUs do not keep up, and what is compared with them is
#: as bad as they are.
KEEPS_UP = 0.95

#: Margins that differ by less are the same to users.
_SAME = 0.01
_CENT = 0.01


@dataclass(frozen=True)
class Choice:
    """Of several modes the one to run.

    Attributes
    ----------
    scenario : str
        Name of what was compared.
    fared : sequence of Fared
        Every mode that was compared, in order.
    alone : Fared or None
        Dedicated GPUs, whether they were compared or not; None when they cannot run it.
    chosen : Fared or None
        Of the modes that meet everything the cheapest, of those the one with most to spare. Where none does, the
        cheapest of which chance leaves it open, or the one that misses by least. None when nothing ran.
    tied : sequence of Fared
        Modes that cost as much as the one chosen and have as much to spare.
    keep : Kept
        What is asked, relative to dedicated GPUs, where nobody says.
    keeps_up : float
        Share of the requests that dedicated GPUs complete in time, where more may come than they serve; otherwise 1.
    """

    scenario: str
    fared: Sequence[Fared]
    alone: Fared | None = None
    chosen: Fared | None = None
    tied: Sequence[Fared] = ()
    keep: Kept = KEPT
    keeps_up: float = 1.0

    @property
    def meets(self) -> bool | None:
        """Whether a mode meets everything; None when it is too close to say."""
        return self.chosen.meets if self.chosen is not None else False

    @property
    def share(self) -> bool:
        """Whether to share GPUs: the mode chosen does, and meets everything."""
        return self.chosen is not None and self.chosen.shares and self.meets is True

    @property
    def mode(self) -> str | None:
        """The mode chosen."""
        return self.chosen.name if self.chosen is not None else None

    @property
    def ties(self) -> list[str]:
        """Modes that would do as well."""
        return [one.name for one in self.tied]

    @property
    def alone_lags(self) -> bool:
        """Whether even dedicated GPUs do not keep up."""
        return self.keeps_up < KEEPS_UP

    @property
    def nothing_ran(self) -> bool:
        """Whether every mode was refused."""
        return all(one.measured is None for one in self.fared)

    def by_mode(self, name: str) -> Fared:
        """How a mode fared."""
        return next(one for one in self.fared if one.name == name)


def choose(ran: Sequence[Fared]) -> tuple[Fared | None, list[Fared]]:
    """The mode to run, as `Choice` has it, and those that tie with it."""
    for meets in (True, None):
        good = [one for one in ran if one.meets is meets]
        if good:
            least = min((one.cost, one.gpus) for one in good)
            cheapest = [one for one in good if one.cost <= least[0] + _CENT and one.gpus <= least[1]]
            return _with_most_to_spare(cheapest)
    return max(ran, key=lambda one: one.margin[0], default=None), []


def _with_most_to_spare(modes: Sequence[Fared]) -> tuple[Fared, list[Fared]]:
    """Of modes of one price; of those that tie one that shares nothing, or else the one whose users wait least."""
    best = max(modes, key=lambda one: one.margin[0])
    tied = [one for one in modes if _ties(one, best)]
    by_wait = [one for one in tied if not math.isnan(one.longer[0])] or [best]
    chosen = next((one for one in tied if not one.shares), min(by_wait, key=lambda one: one.longer[0]))
    return chosen, [one for one in tied if one is not chosen]


def _ties(one: Fared, best: Fared) -> bool:
    (margin, noise), (most, noise_of_most) = one.margin, best.margin
    return one is best or most - margin <= _SAME + math.hypot(noise, noise_of_most)
