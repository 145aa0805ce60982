"""Predicts measured co-runs from runs alone, step tables and saturated groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import _core
from ..calibration.calibration import Calibration
from ..calibration.fits import Spread
from ..calibration.measurements import Measurements
from ..calibration.runs import CoRun, ServedJob, StepKey
from ..study.simulation import CARRIED
from .report import Row

__all__ = ["co_run_rows", "predict"]

_METRICS = ("mean", "p50", "p95", "served")
_SAMPLES = 40
_INTERVAL = (5, 95)  # per cent


@dataclass(frozen=True)
class _Perturbation:
    """Factors on what was calibrated, for the interval of a prediction."""

    alone: Mapping[int, float]
    pressure: Mapping[tuple[int, StepKey], float]
    switching: float = 1.0


_NONE = _Perturbation({}, {})


def predict(
    run: CoRun, calibration: Calibration, perturbation: _Perturbation = _NONE
) -> list[np.ndarray[Any, Any]]:
    """The jobs that each client serves when all run together.

    Parameters
    ----------
    run : CoRun
        Its `shared` rows are not looked at.
    calibration : Calibration

    Returns
    -------
    list of ndarray, shape (jobs, 4)
        For each client: arrival, wait, end of first step and end of the job after arrival, seconds.
    """
    clients = [_client(run, index, calibration, perturbation) for index in range(len(run.clients))]
    mode = "time-slicing" if run.mode == "time-slicing" else "mps"
    return _core.simulate_co_run(
        clients,
        mode,
        calibration.profile,
        run.stop_after_s,
        switching_factor=perturbation.switching,
        pair_factors=calibration.pair_factors(capped=run.capped) if mode == "mps" else [],
    )


def _client(run: CoRun, index: int, calibration: Calibration, perturbation: _Perturbation) -> tuple[Any, Any]:
    times = alone_times(run, index, calibration)
    whole = calibration.profile.sms
    share = calibration.profile.mps_sms(whole, run.percentages[index]) / whole if run.capped else 1.0
    steps = []
    for key, seconds in times.items():
        step = calibration.step(key, seconds * perturbation.alone.get(index, 1.0), share, capped=run.capped)
        steps.append(step._replace(pressure=step.pressure * perturbation.pressure.get((index, key), 1.0)))
    number = {key: i for i, key in enumerate(times)}
    jobs = [
        (arrival, [(number[key], repeats) for key, repeats in parts])
        for arrival, parts in run.clients[index].jobs
    ]
    return steps, jobs


def alone_times(run: CoRun, index: int, calibration: Calibration) -> dict[StepKey, float]:
    """Seconds of a client's steps alone, under the sharing of the run.

    The tables' times, scaled to what the client's own runs alone took. With caps, runs alone on the whole card do not
    scale: the tables for its number of SMs stand as they are.
    """
    times = calibration.times
    client = run.clients[index]
    keys = list(dict.fromkeys(key for _, parts in client.jobs for key, _ in parts))
    if run.capped:
        sms = calibration.profile.mps_sms(calibration.profile.sms, run.percentages[index])
        table = {key: times.capped(key, sms) for key in keys}
        if not run.alone_capped:
            return table
    elif run.mode == "time-slicing":
        table = {key: times.whole(key) for key in keys}
    else:
        table = {key: times.under_mps(key) for key in keys}
    jobs = [parts for _, parts in client.jobs[: len(run.alone[index])]]
    return _scaled(table, jobs, run.alone[index])


def _scaled(
    table: Mapping[StepKey, float], jobs: Sequence[Sequence[tuple[StepKey, int]]], alone: Sequence[ServedJob]
) -> dict[StepKey, float]:
    """The table times factors: one of the first step where it is of another kind than the rest, one of the rest."""
    if not alone:
        return dict(table)
    first_ratios, rest_ratios, all_ratios = [], [], []
    for parts, job in zip(jobs, alone, strict=True):
        first = table[parts[0][0]]
        total = sum(table[key] * repeats for key, repeats in parts)
        all_ratios.append((job.done_ms - job.wait_ms) / 1e3 / total)
        if parts[0][1] == 1 and all(key[:2] != parts[0][0][:2] for key, _ in parts[1:]) and first < total:
            first_ratios.append((job.first_ms - job.wait_ms) / 1e3 / first)
            rest_ratios.append((job.done_ms - job.first_ms) / 1e3 / (total - first))
    if not first_ratios:
        factor = float(np.median(all_ratios))
        return {key: seconds * factor for key, seconds in table.items()}
    firsts = {parts[0][0][:2] for parts in jobs}
    first_factor, rest_factor = float(np.median(first_ratios)), float(np.median(rest_ratios))
    return {
        key: seconds * (first_factor if key[:2] in firsts else rest_factor) for key, seconds in table.items()
    }


def co_run_rows(
    measured: Measurements,
    calibration: Calibration,
    *,
    uncertainty: bool = False,
    carried_over: bool = False,
    progress: Callable[[float], None] | None = None,
) -> list[Row]:
    """One row for each co-run, mode, client and metric: mean, p50 and p95 of a job's time, and jobs served.

    Parameters
    ----------
    measured : Measurements
    calibration : Calibration
        Of the same or of other measurements.
    uncertainty : bool
        Adds 90 % intervals from the calibration's errors.
    carried_over : bool
        The saturated groups are another card's: pressures may be off by half as much again, switch costs by twice.
    progress : callable, optional
        Called with a share of 1.
    """
    rows: list[Row] = []
    repeats = {(run.case, run.mode): run for run in measured.repeats}
    for done, run in enumerate(measured.co_runs):
        predicted = [_figures(one[:, 3] * 1e3) for one in predict(run, calibration)]
        bounds = _bounds(run, calibration, carried_over) if uncertainty else None
        repeat = repeats.get((run.case, run.mode))
        for index, client in enumerate(run.clients):
            found = _figures(np.array([job.done_ms for job in run.shared[index]]))
            again = _figures(np.array([job.done_ms for job in repeat.shared[index]])) if repeat else None
            for metric in _METRICS:
                row = Row(
                    run.case,
                    run.mode,
                    f"{index} {client.model}",
                    metric,
                    "" if metric == "served" else "ms",
                    found[metric],
                    predicted[index][metric],
                    # As many jobs as came, whatever the model: right without one.
                    role="check" if metric == "served" else "prediction",
                    noise=abs(again[metric] / found[metric] - 1) if again else None,
                )
                if bounds is not None:
                    low, high = bounds[index][metric]
                    row = replace(row, low=low, high=high)
                rows.append(row)
        if progress:
            progress((done + 1) / len(measured.co_runs))
    return rows


def _figures(done_ms: np.ndarray[Any, Any]) -> dict[str, float]:
    if not len(done_ms):
        return {"mean": math.nan, "p50": math.nan, "p95": math.nan, "served": 0.0}
    return {
        "mean": float(done_ms.mean()),
        "p50": float(np.quantile(done_ms, 0.5)),
        "p95": float(np.quantile(done_ms, 0.95)),
        "served": float(len(done_ms)),
    }


def _bounds(run: CoRun, calibration: Calibration, carried_over: bool) -> list[dict[str, tuple[float, float]]]:
    """5 % and 95 % points of the prediction when what was calibrated is off as far as its own errors say."""
    samples: list[list[dict[str, float]]] = [[] for _ in run.clients]
    for perturbation in _perturbations(run, calibration, carried_over):
        for index, served in enumerate(predict(run, calibration, perturbation)):
            samples[index].append(_figures(served[:, 3] * 1e3))
    return [
        {
            metric: tuple(np.percentile([one[metric] for one in client], _INTERVAL).tolist())
            for metric in _METRICS
        }
        for client in samples
    ]


def _perturbations(run: CoRun, calibration: Calibration, carried_over: bool) -> Iterator[_Perturbation]:
    spread = calibration.spread(run.mode, capped=run.capped)
    if carried_over:
        alone, pressure, switching = CARRIED
        spread = Spread(alone * spread.alone, pressure * spread.pressure, switching * spread.switching)
    generator = np.random.default_rng(20240229)
    for _ in range(_SAMPLES):
        yield _Perturbation(
            {i: math.exp(spread.alone * generator.standard_normal()) for i in range(len(run.clients))},
            {
                (i, key): math.exp(spread.pressure * generator.standard_normal())
                for i, client in enumerate(run.clients)
                for key in dict.fromkeys(key for _, parts in client.jobs for key, _ in parts)
            },
            math.exp(spread.switching * generator.standard_normal()),
        )
