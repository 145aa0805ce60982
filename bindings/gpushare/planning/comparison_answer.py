"""How the answer of a comparison looks as text: what to do, what becomes of it, why, how sure that is, what next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..frames.colours import MARKS, paint
from ..frames.notices import Notice
from ..frames.render import wrap
from ..frames.sections import Beside, assumed_line, commands, joined, pairs, section, warned
from .verdict import Verdict
from .verdict_text import certainty, verdict_table

__all__ = ["Told", "answer_text"]


@dataclass(frozen=True)
class Told:
    """What a comparison says beside its verdict.

    Attributes
    ----------
    limits : sequence of (str, str)
        Modes, and what limits them or why they did not run.
    warnings, assumptions : sequence of Notice
        What may mislead, and what the figures hang on.
    """

    limits: Sequence[tuple[str, str]]
    warnings: Sequence[Notice] = ()
    assumptions: Sequence[Notice] = ()


def answer_text(verdict: Verdict, told: Told, width: int, beside: Beside) -> str:
    """The answer first; at most `width` columns wide."""
    sure = [*certainty(verdict), assumed_line(told.assumptions, beside), beside.origin]
    return joined(
        [
            paint(wrap(f"{verdict.scenario}: {verdict.line}", width), MARKS[verdict.meets]),
            verdict_table(verdict, width),
            warned(told.warnings, width),
            pairs("Why: what limits each", [pair for pair in told.limits if pair[1]], width),
            section("How sure", sure, width),
            commands("Next", beside.next, width),
        ]
    )
