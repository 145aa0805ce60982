"""Least squares for suites: positive parameters, relative errors, few rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["fit_positive"]

Vector = npt.NDArray[np.float64]

#: Relative errors beyond this weigh less and less (soft l1), so that one odd row does not bend the fit.
_ODD = 0.03
#: A parameter may shrink to this share of its start: what is not there stays finite in logarithms.
_LEAST = 1e-4


def fit_positive(
    predict: Callable[[Vector], Vector],
    measured: Sequence[float],
    start: Sequence[float],
    *,
    rounds: int = 60,
    step: float = 1e-4,
) -> Vector:
    """Parameters > 0 whose predictions come closest to `measured` in ratio (Levenberg and Marquardt).

    Parameters
    ----------
    predict : callable
        From parameters, shape (p,), to positive predictions, shape (n,).
    measured : sequence of float
        Shape (n,), positive.
    start : sequence of float
        Shape (p,), positive; also the scale of each parameter.
    rounds : int
        Improvements at most.
    step : float
        Relative change of a parameter that its slope is taken over; simulations want more.

    Returns
    -------
    numpy.ndarray
        Shape (p,).
    """
    target = np.log(np.asarray(measured, dtype=np.float64))
    origin = np.log(np.asarray(start, dtype=np.float64))
    lowest = origin + np.log(_LEAST)

    def residual(logs: Vector) -> Vector:
        return np.log(predict(np.exp(logs))) - target

    logs, damping = origin, 1e-2
    errors = residual(logs)
    for _ in range(rounds):
        slopes = _jacobian(residual, logs, errors, step)
        weights = 1 / np.sqrt(1 + (errors / _ODD) ** 2)
        normal = slopes.T @ (weights[:, None] * slopes)
        downhill = -slopes.T @ (weights * errors)
        move = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-6), downhill)
        tried = np.maximum(logs + np.clip(move, -1, 1), lowest)
        found = residual(tried)
        gain = _cost(errors) - _cost(found)
        if gain > 0:
            logs, errors, damping = tried, found, max(damping / 5, 1e-9)
            if gain < 1e-9 * _cost(errors):
                break
        else:
            damping *= 5
            if damping > 1e8:
                break
    return np.exp(logs)


def _jacobian(residual: Callable[[Vector], Vector], logs: Vector, errors: Vector, step: float) -> Vector:
    slopes = np.empty((errors.size, logs.size))
    for i in range(logs.size):
        moved = logs.copy()
        moved[i] += step
        slopes[:, i] = (residual(moved) - errors) / step
    return slopes


def _cost(errors: Vector) -> float:
    return float(np.sum(np.sqrt(1 + (errors / _ODD) ** 2) - 1))
