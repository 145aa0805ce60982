"""Whether one mode is better than another, as far as runs under the same luck can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import _core
from .._errors import fail
from . import figures
from .estimates import Estimate, estimate
from .outcomes import Outcome
from .ranking import is_larger_better

__all__ = ["Payoff", "best_of", "payoff", "stays_as_it_is"]

_PAYS, _DOES_NOT, _UNTOLD = "pays", "does not pay", "cannot be told"


@dataclass(frozen=True)
class Payoff:
    """What a mode has of a figure, less what another has, replication by replication.

    Attributes
    ----------
    mode, baseline, figure : str
        Whose, compared with whose, and what: its canonical name.
    difference : Estimate
        Mean of the differences, with the half-width of its 95 % interval (with `uncertainty` that of 90 % of them):
        infinite for fewer than two replications.
    verdict : str
        ``pays`` where the whole interval is on the better side of zero, ``does not pay`` where none of it is, otherwise
        ``cannot be told``.
    """

    mode: str
    baseline: str
    figure: str
    difference: Estimate
    verdict: str

    @property
    def pays(self) -> bool | None:
        """The verdict; None where it cannot be told."""
        return None if self.verdict == _UNTOLD else self.verdict == _PAYS

    def __repr__(self) -> str:
        about = figures.describe(self.figure)
        unit = f" {about.unit}" if about.unit else ""
        return (
            f"{self.mode} against {self.baseline}: {self.verdict}: {self.figure} differs by {self.difference!r}{unit} "
            f"({self.difference.count} replication{'s' if self.difference.count != 1 else ''})"
        )


def _is_larger_better(figure: str, what: str) -> bool:
    larger = is_larger_better(figure)
    if larger is None:
        raise fail(_core.FigureError, figure, f"neither side is better; nothing {what} by it")
    return larger


def best_of(modes: Sequence[str], summaries: Mapping[str, Mapping[str, float]], figure: str) -> str:
    """The mode whose mean of a figure is best.

    Raises
    ------
    FigureError
        For a figure of which neither side is better.
    ValueError
        Where no mode has it.
    """
    larger = _is_larger_better(figure, "is best")
    values = {mode: float(summaries[mode].get(figure, math.nan)) for mode in modes}
    known = [mode for mode, value in values.items() if not math.isnan(value)]
    if not known:
        raise ValueError(f"{figure}: no other mode has it to compare with")
    return (max if larger else min)(known, key=values.__getitem__)


def stays_as_it_is(document: Mapping[str, Any]) -> bool:
    """Whether nothing of a document's fleet comes, goes or is cut anew by control."""
    control = document.get("control") or {}
    pools = list((control.get("pools") or {}).values())
    services = list((control.get("services") or {}).values())
    moves = [pool.get("reshape") or pool.get("spot") or _moves(pool.get("nodes")) for pool in pools]
    moves += [
        service.get("autoscaling") or service.get("schedule") or _moves(service.get("replicas"))
        for service in services
    ]
    return not any(moves)


def _moves(bounds: Any) -> bool:
    """A pair of bounds between which a number may go, unless they are one."""
    return isinstance(bounds, Mapping) and bounds.get("min") != bounds.get("max")


def payoff(
    modes: tuple[str, str], outcomes: tuple[Outcome, Outcome], figure: str, *, perturbed: bool = False
) -> Payoff:
    """Compares a mode with a baseline, which met the same luck.

    Raises
    ------
    FigureError
        For a figure of which neither side is better.
    ValueError
        Without the figure of every run: the mode did not run, or was found in a file that does not keep it.
    """
    larger = _is_larger_better(figure, "pays")
    first, second = (_values(mode, outcome, figure) for mode, outcome in zip(modes, outcomes, strict=True))
    differences = [a - b for a, b in zip(first, second, strict=False) if not math.isnan(a - b)]
    if not differences:
        raise ValueError(f"{figure}: no replication has it in both of {modes[0]} and {modes[1]}")
    found = estimate(differences, perturbed=perturbed)
    difference = found if isinstance(found, Estimate) else Estimate(found)
    gain = float(difference) if larger else -float(difference)
    verdict = _UNTOLD
    if gain - difference.half_width > 0:
        verdict = _PAYS
    elif gain + difference.half_width <= 0:
        verdict = _DOES_NOT
    return Payoff(*modes, figure, difference, verdict)


def _values(mode: str, outcome: Outcome, figure: str) -> Sequence[float]:
    """By replication."""
    if outcome.result is not None:
        return [run.figures.get(figure, math.nan) for run in outcome.result.runs]
    if figure in outcome.samples:
        return outcome.samples[figure]
    if not outcome.ran:
        raise ValueError(f"{mode} has no figures: {outcome.error or outcome.refused}")
    if figure in outcome.figures and not isinstance(outcome.figures[figure], Estimate):
        return [outcome.figures[figure]]
    kept = ", ".join(outcome.samples)
    raise ValueError(f"{mode} was found in a file, which keeps by replication only {kept}; compare it anew")
