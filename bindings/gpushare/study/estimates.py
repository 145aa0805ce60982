"""Means over replications, and what is known about chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import _core

__all__ = ["Estimate", "estimate", "estimates", "precision", "scaled"]


class Estimate(float):
    """A mean over replications that knows its confidence interval.

    Attributes
    ----------
    half_width : float
        Of the 95 % interval by Student's t; infinite for fewer than two values.
    count : int
        Replications that had the figure.
    """

    half_width: float
    count: int

    def __new__(cls, mean: float, half_width: float = math.inf, count: int = 1) -> Estimate:  # noqa: D102
        self = super().__new__(cls, mean)
        self.half_width = half_width
        self.count = count
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Estimate, (float(self), self.half_width, self.count)

    def __repr__(self) -> str:
        return f"{float(self):.6g} ± {self.half_width:.2g}"


def scaled(value: float, factor: float) -> float:
    """In another unit; an estimate keeps its interval. A small factor is taken for the inverse of a whole number."""
    if isinstance(value, Estimate):
        return Estimate(scaled(float(value), factor), scaled(value.half_width, factor), value.count)
    return value * factor if factor >= 1 else value / round(1 / factor)


# Half of the width that holds 90 % of a normal distribution, in standard deviations.
_HALF_OF_90 = 1.645


def estimate(values: Sequence[float], *, perturbed: bool = False) -> float:
    """The value itself, or for two and more the mean with its 95 % half-width; NaN values are left out.

    With `perturbed` the half-width is that of the values, 90 %: what one prediction may be off by.
    """
    known = [float(v) for v in values if not math.isnan(v)]
    if len(values) == 1 or not known:
        return values[0] if len(values) == 1 else math.nan
    if perturbed:
        half_width = _HALF_OF_90 * float(np.std(known, ddof=1)) if len(known) > 1 else math.inf
        return Estimate(float(np.mean(known)), half_width, len(known))
    return Estimate(*_core.mean_estimate(known, 0.95))


def estimates(runs: Sequence[Mapping[str, float]], *, perturbed: bool = False) -> dict[str, float]:
    """Every figure that one of several runs has, as `estimate` says."""
    names = dict.fromkeys(name for run in runs for name in run)
    return {name: estimate([run.get(name, math.nan) for run in runs], perturbed=perturbed) for name in names}


def precision(
    most: int,
    intervals: bool,
    figures: Mapping[str, Sequence[float]],
    *,
    perturbed: bool = False,
    fewest: int | None = None,
) -> str:
    """What is known about chance: what ± means, or how wide the intervals of some figures are at most.

    The rows are of `most` runs, or of `fewest` to `most`.
    """
    if most < 2:
        return ""
    runs = f"{fewest} to {most}" if fewest is not None and fewest < most else str(most)
    if perturbed and intervals:
        return f"± is half of the 90 % interval of the prediction: calibration error and chance, {runs} runs."
    if intervals:
        return f"± is the half-width of the 95 % interval over {runs} replications."
    widest = [
        f"{100 * max(relative):.1f} % of {title}"
        for title, values in figures.items()
        if (relative := [v.half_width / v for v in values if isinstance(v, Estimate) and v > 0])
    ]
    if perturbed:
        return f"Means of {runs} runs; by calibration error and chance 90 % lie within {', '.join(widest)}."
    return f"Means of {runs} replications; 95 % half-widths are at most {', '.join(widest)}."
