"""Which figures of a study's points are good: directions, orders, and the points that no other beats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress

import numpy as np

from .. import _core
from .._errors import fail
from . import figures
from .points import Point

__all__ = ["FigureNames", "best_first", "directions", "is_larger_better", "undominated"]


#: What the name of a figure may lack.
_UNITS = ("", "_s", "_bytes")


class FigureNames(list[str]):
    """Names of the figures that points have, as `figures.resolve` takes them."""

    def __init__(self, names: Iterable[str], points: Sequence[Point]) -> None:
        super().__init__(dict.fromkeys(names))
        scenario = next((point.scenario for point in points if point.scenario is not None), None)
        pipelines = list(scenario.workload.pipelines) if scenario is not None else []
        self.only_pipeline = pipelines[0] if len(pipelines) == 1 else ""

    def resolve(self, text: str) -> str:
        """The canonical name that a text means, as in `figures.resolve`; it may lack its unit: ``llm.ttft_p95``.

        Raises
        ------
        FigureError
            For a name that is unknown, with the nearest, or ambiguous, with the choices.
        """
        for unit in _UNITS:
            with suppress(_core.FigureError):
                return figures.resolve(self, text + unit)
        return figures.resolve(self, text)


def is_larger_better(name: str) -> bool | None:
    """By what figures there are; None where neither side is better.

    Parameters
    ----------
    name : str
        Canonical.
    """
    better = figures.describe(name).better
    return None if better == "neither" else better == "higher"


def best_first(values: Sequence[float], *, largest: bool) -> list[int]:
    """Positions by value; those without one last, equal ones in their order."""
    sign = -1.0 if largest else 1.0
    return sorted(
        range(len(values)),
        key=lambda i: (math.isnan(values[i]), 0.0 if math.isnan(values[i]) else sign * values[i]),
    )


def undominated(columns: Sequence[Sequence[float]], largest: Sequence[bool]) -> list[int]:
    """Positions where no other is at least as good in all columns and better in one; best of the first column first.

    Positions that lack a value are left out; equal ones are all kept.
    """
    costs = np.array(
        [[-v if high else v for v in values] for values, high in zip(columns, largest, strict=True)]
    )
    known = [i for i in range(costs.shape[1]) if not np.isnan(costs[:, i]).any()]
    order = sorted(known, key=lambda i: tuple(costs[:, i]))
    front: list[int] = []
    for i in order:  # whatever beats it comes before it
        beaten = any((costs[:, j] <= costs[:, i]).all() and (costs[:, j] < costs[:, i]).any() for j in front)
        if not beaten:
            front.append(i)
    return front


def directions(
    names: FigureNames, asked: Sequence[str], minimize: Iterable[str], maximize: Iterable[str]
) -> dict[str, bool]:
    """By canonical name whether more is better, in the order asked for.

    Raises
    ------
    FigureError
        For a name that is unknown or ambiguous, or a figure of which neither side is better, unless it is told.
    """
    told = {names.resolve(name): False for name in minimize}
    told |= {names.resolve(name): True for name in maximize}
    found: dict[str, bool] = {}
    for name in dict.fromkeys([*(names.resolve(name) for name in asked), *told]):
        larger = told.get(name, is_larger_better(name))
        if larger is None:
            raise fail(
                _core.FigureError, name, "neither side is better; say whether to minimize or maximize it"
            )
        found[name] = larger
    return found
