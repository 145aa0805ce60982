"""Which arrival process stands for a trace, and how well."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import TraceError
from .._errors import fail
from ..frames.render import Field, text_table, wrap
from ..traces.transforms import grid_s, jitter
from .traffic import generate

__all__ = ["Fit", "dispersion", "fit"]

Times = npt.NDArray[np.float64]
_WINDOWS_S = (1.0, 10.0, 60.0)
_BLOCKS_S = (10.0, 30.0, 60.0, 120.0, 300.0)
_CELL_S = 10.0
_CLOSE = 0.2
_REGULAR = 0.01  # a dispersion below it is that of a clock, and 0 of an exact one
_REFINEMENTS = 6


def dispersion(arrival_s: Times, window_s: float) -> float:
    """Variance over mean of the counts in whole windows; 1 for Poisson, NaN below two windows."""
    windows = math.floor((arrival_s[-1] - arrival_s[0]) / window_s) if len(arrival_s) else 0
    if windows < 2:
        return math.nan
    index = ((arrival_s - arrival_s[0]) / window_s).astype(np.int64)
    counts = np.bincount(index[index < windows], minlength=windows)
    return float(counts.var() / counts.mean())


@dataclass(frozen=True)
class Fit:
    """An arrival process that stands for a trace.

    Attributes
    ----------
    kind : str
        Which one was chosen: the first of poisson, gamma, weibull, gamma-poisson and piecewise whose median
        dispersion is within 20 % in every window, or whose simulated ones reach from below to above the measured
        (a short trace has few long windows); or else the closest.
    arrivals : dict
        As a scenario document has it.
    measured, simulated : dict of float to float
        Index of dispersion by window in seconds: of the trace, and the median of simulated traces as long.
    bands : dict of float to pair
        10 % and 90 % of the simulated.
    candidates : dict of str to float
        Largest relative error in dispersion of each process tried.
    lengths : dict of str to float
        Kolmogorov distances of generated prompts and replies from the trace's, and their rank correlations.
    source : Trace
        What it was fitted to; jittered when it lay on a grid.
    """

    kind: str
    arrivals: dict[str, Any]
    measured: dict[float, float]
    simulated: dict[float, float]
    bands: dict[float, tuple[float, float]]
    candidates: dict[str, float]
    lengths: dict[str, float]
    source: _core.Trace = field(repr=False)

    @property
    def error(self) -> float:
        """Largest relative error in dispersion."""
        return self.candidates[self.kind]

    def generate(self, duration_s: float, *, seed: int = 1) -> _core.Trace:
        """A new trace like it, its lengths drawn in pairs."""
        return generate(self.arrivals, self.source, duration_s, seed=seed, name=f"{self.source.name}-like")

    def sizes(self, points: int = 200) -> dict[str, Any]:
        """Lengths as empirical distributions for a scenario document, prompt and reply independent there."""
        share = (np.arange(points) + 0.5) / points

        def values(tokens: npt.NDArray[np.int32]) -> dict[str, Any]:
            quantiles = np.quantile(tokens, share, method="inverted_cdf")
            found, counts = np.unique(quantiles, return_counts=True)
            return {"kind": "empirical", "values": found.tolist(), "weights": counts.tolist()}

        return {
            "input_tokens": values(self.source.input_tokens),
            "output_tokens": values(self.source.output_tokens),
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name."""
        return {
            "kind": self.kind,
            "arrivals": self.arrivals,
            "error": self.error,
            "measured": {f"{w:g}": v for w, v in self.measured.items()},
            "simulated": {f"{w:g}": v for w, v in self.simulated.items()},
            "bands": {f"{w:g}": list(v) for w, v in self.bands.items()},
            "candidates": self.candidates,
            "lengths": self.lengths,
        }

    def __str__(self) -> str:
        windows = list(self.measured)
        table = text_table(
            [
                Field("window s", [f"{w:g}" for w in windows]),
                Field("measured", [f"{self.measured[w]:.3g}" for w in windows]),
                Field("simulated", [f"{self.simulated[w]:.3g}" for w in windows]),
                Field("10 %", [f"{self.bands[w][0]:.3g}" for w in windows]),
                Field("90 %", [f"{self.bands[w][1]:.3g}" for w in windows]),
                Field("error %", [_error(self.simulated[w], self.measured[w]) for w in windows]),
            ]
        )
        tried = ", ".join(f"{name} {100 * error:.0f} %" for name, error in self.candidates.items())
        lengths = self.lengths
        return (
            f"{self.kind} for {self.source.name}, index of dispersion:\n{table}\n"
            + wrap(f"largest error of each process tried: {tried}", indent="  ")
            + "\n"
            + wrap(
                f"lengths, drawn in pairs: Kolmogorov distance {lengths['input_distance']:.3f} in and "
                f"{lengths['output_distance']:.3f} out; rank correlation {lengths['correlation']:+.3f}, "
                f"generated {lengths['generated_correlation']:+.3f}",
                indent="  ",
            )
        )


def _simulated(
    arrivals: Mapping[str, Any], duration_s: float, windows: list[float], replications: int, seed: int
) -> npt.NDArray[np.float64]:
    """Dispersions of simulated traces, shape ``(replications, windows)``."""
    document = json.dumps(arrivals)
    rows = []
    for i in range(replications):
        at = _core.draw_arrivals(document, seed + i, duration_s, name="fit")
        rows.append([dispersion(at, w) for w in windows] if len(at) > 1 else [0.0] * len(windows))
    return np.array(rows)


def _weibull_shape(gaps: Times) -> float:
    """Maximum likelihood, by bisection of its increasing equation."""
    logs = np.log(gaps)

    def slope(k: float) -> float:
        weights = np.exp(k * (logs - logs.max()))
        return float((weights * logs).sum() / weights.sum() - 1 / k - logs.mean())

    low, high = 0.05, 20.0
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return math.sqrt(low * high)


def _gamma_shape(gaps: Times) -> float:
    """Maximum likelihood, by Minka's approximation (2002), within 1.5 %."""
    s = math.log(gaps.mean()) - float(np.log(gaps).mean())
    return (3 - s + math.sqrt((s - 3) ** 2 + 24 * s)) / (12 * s) if s > 1e-9 else 1e4


@dataclass(frozen=True)
class _Target:
    """What a candidate has to reproduce."""

    rate: float
    duration_s: float
    measured: dict[float, float]
    seed: int

    @property
    def windows(self) -> list[float]:
        return list(self.measured)

    def medians(self, arrivals: Mapping[str, Any], replications: int) -> npt.NDArray[np.float64]:
        runs = _simulated(arrivals, self.duration_s, self.windows, replications, self.seed)
        medians: npt.NDArray[np.float64] = np.median(runs, axis=0)
        return medians


def _error(simulated: float, measured: float) -> str:
    return f"{100 * (simulated / measured - 1):+.0f}" if measured > 0 else "-"


def _gamma_poisson(target: _Target) -> dict[str, Any]:
    """In closed form for each block length, ``D(w) = 1/gap_shape + rate x min(w, block) / shape``; then refined."""
    windows = np.array(target.windows)
    measured = np.array(list(target.measured.values()))
    best: tuple[float, float, float, float] | None = None
    for block in _BLOCKS_S:
        slopes = target.rate * np.minimum(windows, block)
        matrix = np.column_stack([np.ones_like(windows), slopes]) / measured[:, None]
        floor, per_shape = np.linalg.lstsq(matrix, np.ones_like(measured), rcond=None)[0]
        floor, per_shape = max(float(floor), 0.2), max(float(per_shape), 1e-6)
        error = float(np.abs((floor + slopes * per_shape) / measured - 1).max())
        if best is None or error < best[0]:
            best = (error, block, floor, per_shape)
    assert best is not None
    _, block, floor, per_shape = best
    return _refined(target, block, floor, per_shape)


def _refined(target: _Target, block: float, floor: float, per_shape: float) -> dict[str, Any]:
    """Moves both parameters until the simulated medians meet the shortest and the longest window."""
    measured = np.array(list(target.measured.values()))
    best: tuple[float, dict[str, Any]] | None = None
    for _ in range(_REFINEMENTS):
        arrivals = {
            "kind": "gamma-poisson",
            "rate_per_s": target.rate,
            "shape": min(max(1 / per_shape, 0.01), 1e6),
            "block_s": block,
            "gap_shape": min(max(1 / floor, 0.01), 100.0),
        }
        ratio = target.medians(arrivals, 20) / measured
        error = float(np.abs(ratio - 1).max())
        if best is None or error < best[0]:
            best = (error, arrivals)
        floor = max(floor / math.sqrt(max(float(ratio[0]), 0.1)), 0.01)
        per_shape /= math.sqrt(max(float(ratio[-1]), 0.1))
    assert best is not None
    return best[1]


def _piecewise(trace: _core.Trace, target: _Target, gap_shape: float) -> dict[str, Any]:
    """The trace's own counts in short cells: no new variance, but every burst is where it was."""
    cells = max(math.ceil(target.duration_s / _CELL_S), 1)
    counts = np.bincount((trace.arrival_s / _CELL_S).astype(np.int64).clip(max=cells - 1), minlength=cells)
    return {
        "kind": "piecewise",
        "rates_per_s": (counts / _CELL_S).tolist(),
        "starts_s": (np.arange(cells) * _CELL_S).tolist(),
        "period_s": cells * _CELL_S,
        "gap_shapes": [gap_shape] * cells,
        "fill_windows": True,
    }


def _candidates(trace: _core.Trace, target: _Target) -> Iterator[tuple[str, dict[str, Any]]]:
    gaps = np.diff(trace.arrival_s)
    gaps = gaps[gaps > 0]
    renewal = {"rate_per_s": target.rate}
    shape = min(max(_gamma_shape(gaps), 0.001), 1e6)
    yield "poisson", {"kind": "poisson", **renewal}
    yield "gamma", {"kind": "gamma", **renewal, "shape": shape}
    yield "weibull", {"kind": "weibull", **renewal, "shape": _weibull_shape(gaps)}
    yield "gamma-poisson", _gamma_poisson(target)
    yield "piecewise", _piecewise(trace, target, min(shape, 1.0))


def _ranks(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    upper = np.cumsum(counts)
    ranks: npt.NDArray[np.float64] = (upper - (counts - 1) / 2)[inverse]
    return ranks


def _correlation(trace: _core.Trace) -> float:
    prompt, reply = _ranks(trace.input_tokens), _ranks(trace.output_tokens)
    if prompt.std() == 0 or reply.std() == 0:
        return 0.0
    return float(np.corrcoef(prompt, reply)[0, 1])


def _distance(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    """Of Kolmogorov and Smirnov: the largest difference of the distribution functions."""
    at = np.union1d(a, b)
    below = [np.searchsorted(np.sort(x), at, side="right") / len(x) for x in (a, b)]
    return float(np.abs(below[0] - below[1]).max())


def fit(trace: _core.Trace, *, replications: int = 40, seed: int = 1) -> Fit:
    """Finds an arrival process that stands for a trace.

    The measure is the index of dispersion of counts in windows of 1, 10 and 60 s, which decides how queues fill, and
    not the variation of gaps, which says nothing about bursts that last. Of processes that keep each of them within
    20 %, or that the measured one could come from, the simplest is taken.

    Parameters
    ----------
    trace : Trace
        At least 100 requests over at least 20 s. One on a grid of equal stamps is jittered first.
    replications : int
        Simulated traces, each as long as the trace.
    seed : int
        Of everything random here.

    Returns
    -------
    Fit

    Raises
    ------
    TraceError
        When the trace is too short.
    """
    if len(trace) < 100 or trace.arrival_s[-1] < 20:
        raise fail(TraceError, trace.name, "at least 100 requests over 20 s are needed to fit arrivals")
    source = jitter(trace, seed=seed) if grid_s(trace) > 0 else trace
    duration = float(source.arrival_s[-1])
    measured = {w: d for w in _WINDOWS_S if not math.isnan(d := dispersion(source.arrival_s, w))}
    fitted = {window: max(found, _REGULAR) for window, found in measured.items()}
    target = _Target((len(source) - 1) / duration, duration, fitted, seed)
    tried: dict[str, tuple[float, dict[str, Any]]] = {}
    close = []
    for kind, arrivals in _candidates(source, target):
        runs = _simulated(arrivals, duration, target.windows, replications, seed)
        error, fits = _closeness(runs, np.array(list(fitted.values())))
        tried[kind] = (error, arrivals)
        close += [kind] if fits else []
    kind = close[0] if close else min(tried, key=lambda name: tried[name][0])
    return _report(source, target, measured, kind, tried, replications)


def _closeness(runs: npt.NDArray[np.float64], measured: npt.NDArray[np.float64]) -> tuple[float, bool]:
    """Largest relative error of the medians, and whether each window is within 20 % or among the runs."""
    errors = np.abs(np.median(runs, axis=0) / measured - 1)
    inside = (runs.min(axis=0) <= measured) & (measured <= runs.max(axis=0))
    return float(errors.max()), bool(np.all((errors <= _CLOSE) | inside))


def _report(
    source: _core.Trace,
    target: _Target,
    measured: Mapping[float, float],
    kind: str,
    tried: Mapping[str, tuple[float, dict[str, Any]]],
    replications: int,
) -> Fit:
    arrivals = tried[kind][1]
    runs = _simulated(arrivals, target.duration_s, target.windows, replications, target.seed)
    low, middle, high = np.quantile(runs, [0.1, 0.5, 0.9], axis=0)
    drawn = generate(arrivals, source, target.duration_s, seed=target.seed)
    lengths = {
        "input_distance": _distance(source.input_tokens, drawn.input_tokens),
        "output_distance": _distance(source.output_tokens, drawn.output_tokens),
        "correlation": _correlation(source),
        "generated_correlation": _correlation(drawn),
    }
    windows = target.windows
    return Fit(
        kind,
        arrivals,
        dict(measured),
        {w: float(m) for w, m in zip(windows, middle, strict=True)},
        {w: (float(a), float(b)) for w, a, b in zip(windows, low, high, strict=True)},
        {name: error for name, (error, _) in tried.items()},
        lengths,
        source,
    )
