"""The host times of a language model's server from one result of a load generator, tried on the half left out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._core import CalibrationError
from .._errors import fail
from ..files import write_json
from ..frames.progress import followed
from ..frames.render import Field, brief, text_table, wrap
from ..scenario.engines import engine_preset
from ..scenario.scenario import Scenario
from ..traces.benchmark_result import BenchmarkResult, RequestTimes, measured_of
from ..traces.benchmarks import load_result
from .results import Prediction, predict

__all__ = ["EngineFit", "fit_engine"]

_FIGURES = tuple(
    f"{name}_{statistic}_s"
    for name in ("ttft", "tpot", "e2e_latency")
    for statistic in ("mean", "p50", "p90")
)
_LEAST = 20  # requests of a half
_MOST_S = {"host_per_sequence_s": 2e-3, "host_per_step_s": 0.1}
_MOST_OVERHEAD_S = 2.0
_WORSE = 0.01  # of an error that grew
_NEAR = 0.002  # of the measured time between tokens
_MOST_RUNS = 14
#: From so many sequences a step on, what is missing is taken for time of each of them.
_MANY = 2.0

Kept = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class EngineFit:
    """Host times that a run determines.

    Attributes
    ----------
    preset : str
        From which they depart.
    fitted : dict of str to float
        ``host_per_sequence_s`` or ``host_per_step_s``, and ``request_overhead_s``.
    before, after : dict of str to float
        Errors (shares, positive: too high) on the half of the requests that took no part, with the preset as it was
        and with the fitted times.
    source : str
        The result's file.
    requests : int
        Of each half.
    notes : list of str
        What the run could not tell.
    """

    preset: str
    fitted: dict[str, float]
    before: dict[str, float]
    after: dict[str, float]
    source: str
    requests: int
    notes: list[str]

    def __repr__(self) -> str:
        before, after = self.median_abs_error
        told = f"median error from {100 * before:.1f} to {100 * after:.1f} %"
        return brief(self, f"{self.preset}, host times of {self.source}: {told}")

    @staticmethod
    def _median(errors: Mapping[str, float]) -> float:
        return float(np.median(np.abs(list(errors.values()))))

    @property
    def median_abs_error(self) -> tuple[float, float]:
        """Before and after, on the half that was left out."""
        return self._median(self.before), self._median(self.after)

    @property
    def worse(self) -> list[str]:
        """Figures whose error on that half grew by more than a hundredth."""
        return [
            name
            for name, error in self.after.items()
            if abs(error) > abs(self.before.get(name, error)) + _WORSE
        ]

    def _said_of_worse(self) -> list[str]:
        if not self.worse:
            return []
        moved = ", ".join(
            f"{name.removesuffix('_s')} from {100 * self.before[name]:+.1f} to {100 * self.after[name]:+.1f} %"
            for name in self.worse
        )
        return [
            f"farther off than before: {moved}. Two host times are fitted to two medians; how far requests spread "
            "around them, which queues and prompts make, they do not move"
        ]

    def document(self, name: str) -> dict[str, Any]:
        """An engine preset with the fitted times, which a scenario's engine can name by its file."""
        base = engine_preset(self.preset)
        engine: dict[str, Any] = {}
        file = os.path.basename(self.source)
        known = {entry["pointer"].rsplit("/", 1)[-1]: entry for entry in base.provenance}
        for key, value in base.engine.items():
            if key in known:
                engine[key] = {"value": value, "source": known[key]["source"], "grade": known[key]["grade"]}
        for key, value in self.fitted.items():
            source = f"fitted to half of the requests of {file}, given all else of preset {self.preset}"
            engine[key] = {"value": value, "source": source, "grade": "derived"}
        before, after = self.median_abs_error
        return {
            "name": name,
            "title": f"{base.title}, host times of one run",
            "description": f"{base.description} Host times are fitted to {file}: the median error "
            f"on the half left out goes from {100 * before:.1f} to {100 * after:.1f} %"
            f"{', but ' + '; '.join(self._said_of_worse()) if self.worse else ''}.",
            "engine": engine,
        }

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes the preset; ``"preset": path`` in a scenario's engine takes it."""
        write_json(self.document(os.path.splitext(os.path.basename(os.fspath(path)))[0]), path)

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name."""
        before, after = self.median_abs_error
        return {
            "preset": self.preset,
            "fitted": self.fitted,
            "left_out": {"before": self.before, "after": self.after},
            "median_abs_error": {"before": before, "after": after},
            "worse": self.worse,
            "requests": self.requests,
            "notes": [*self._said_of_worse(), *self.notes],
        }

    def __str__(self) -> str:
        before, after = self.median_abs_error
        base = engine_preset(self.preset).engine
        lines = [f"preset {self.preset}, host times fitted to {self.requests} requests, every other one"]
        lines += [
            f"  {name} = {value:.3g} (it had {float(base[name]):.3g})" for name, value in self.fitted.items()
        ]
        table = [
            Field("on the half left out", [name.removesuffix("_s") for name in self.after], "left"),
            Field("error\nbefore", [f"{100 * self.before[name]:+.1f} %" for name in self.after]),
            Field("error\nafter", [f"{100 * value:+.1f} %" for value in self.after.values()]),
        ]
        lines += [
            text_table(table),
            f"median of the errors' sizes: {100 * before:.1f} % before, {100 * after:.1f} % after",
        ]
        lines += [wrap(f"note: {note}", indent="  ") for note in (*self._said_of_worse(), *self.notes)]
        return "\n".join(lines)


def _errors(measured: RequestTimes, predicted: RequestTimes, kept: Kept) -> dict[str, float]:
    seen, told = measured_of(measured.part(kept)), measured_of(predicted.part(kept))
    return {name: told[name] / seen[name] - 1 for name in _FIGURES if seen.get(name, 0) > 0 and name in told}


def _middle(requests: RequestTimes, kept: Kept, name: str) -> float:
    values = requests.part(kept).tpot_s if name == "tpot" else requests.part(kept).ttft_s
    return float(np.nanmedian(values)) if np.isfinite(values).any() else np.nan


class _Runs:
    """Predictions of a scenario with some host times; each is made once."""

    def __init__(
        self, result: BenchmarkResult, scenario: Scenario, progress: Callable[[float], None] | None
    ) -> None:
        self._result, self._scenario, self._progress = result, scenario, progress
        self._known: dict[tuple[tuple[str, float], ...], Prediction] = {}

    def __call__(self, times: Mapping[str, float]) -> Prediction:
        key = tuple(sorted(times.items()))
        if key not in self._known:
            self._known[key] = predict(self._result, self._scenario, times)
            if self._progress is not None:
                self._progress(min(1.0, len(self._known) / _MOST_RUNS))
        return self._known[key]

    @property
    def left(self) -> bool:
        return len(self._known) < _MOST_RUNS


def _host_time(runs: _Runs, name: str, start: float, measured: float, kept: Kept) -> float:
    """The host time with which the median time between tokens is the measured one, by bisection; it grows with it."""

    def miss(value: float) -> float:
        return _middle(runs({name: value}).requests, kept, "tpot") / measured - 1

    low, high = 0.0, max(2 * start, _MOST_S[name] / 64)
    if miss(low) >= 0:
        return low
    while miss(high) < 0:
        if high >= _MOST_S[name]:
            return _MOST_S[name]
        low, high = high, min(2 * high, _MOST_S[name])
    while runs.left:
        middle = (low + high) / 2
        off = miss(middle)
        if abs(off) < _NEAR:
            return middle
        low, high = (middle, high) if off < 0 else (low, middle)
    return (low + high) / 2


def _preset_of(scenario: Scenario) -> str:
    engines = [service.get("engine", {}) for service in scenario.document["services"].values()]
    presets = [engine["preset"] for engine in engines if isinstance(engine.get("preset"), str)]
    if len(presets) != 1:
        raise fail(
            CalibrationError,
            "/services",
            "one engine must name a preset, from which the fitted one departs, such as "
            '"engine": {"kind": "continuous-batching", "preset": "vllm-0.20"}',
        )
    return str(presets[0])


def fit_engine(
    result: BenchmarkResult | str | os.PathLike[str],
    scenario: Scenario | str | os.PathLike[str],
    *,
    progress: Callable[[float], None] | None = None,
) -> EngineFit:
    """Fits the host times of a server to half of the requests of a result, and says the error on the other half.

    Parameters
    ----------
    result : BenchmarkResult or path
        With its requests one by one, at least 40.
    scenario : Scenario or path
        One server of a language model whose engine names a preset.
    progress : callable, optional
        Told the share that is done.

    Returns
    -------
    EngineFit

    Raises
    ------
    CalibrationError
        For a result without requests or with too few, and a scenario without a preset.

    Notes
    -----
    The median time between tokens gives one host time: of each sequence of a step where steps have two and more,
    otherwise of a step. The median time to the first token then gives the overhead of a request. Requests are halved
    alternately.
    """
    found = result if isinstance(result, BenchmarkResult) else load_result(result)
    given = scenario if isinstance(scenario, Scenario) else Scenario.load(scenario)
    source = found.name if isinstance(result, BenchmarkResult) else os.fspath(result)
    with followed(progress, f"calibrate {found.name}", "fraction") as told:
        return _fit(found, given, source, told)


def _fit(
    found: BenchmarkResult, given: Scenario, source: str, progress: Callable[[float], None] | None
) -> EngineFit:
    preset = _preset_of(given)
    measured = found.requests
    if measured is None or len(measured.start_s) < 2 * _LEAST:
        many = "sums only" if measured is None else f"{len(measured.start_s)} requests"
        raise fail(
            CalibrationError, source, f"the result has {many}; {2 * _LEAST} requests one by one are needed"
        )
    fit_half: Kept = np.arange(len(measured.start_s)) % 2 == 0
    runs = _Runs(found, given, progress)
    before = runs({})
    name = "host_per_sequence_s" if before.mean_batch >= _MANY else "host_per_step_s"
    base = engine_preset(preset).engine
    notes = [*before.notes]
    fitted: dict[str, float] = {}
    between = _middle(measured, fit_half, "tpot")
    if between > 0:
        fitted[name] = _host_time(runs, name, float(base[name]), between, fit_half)
        if fitted[name] == 0:
            notes.append(
                "even without host time the prediction is slower than the server: card, model or precision differ"
            )
    else:
        notes.append("the result says nothing of the time between tokens, so no host time is fitted")
    seen, told = _middle(measured, fit_half, "ttft"), _middle(runs(fitted).requests, fit_half, "ttft")
    if seen > 0:
        overhead = float(base["request_overhead_s"]) + seen - told
        fitted["request_overhead_s"] = float(np.clip(overhead, 0.0, _MOST_OVERHEAD_S))
    if not fitted:
        raise fail(
            CalibrationError, source, "the result has neither times between tokens nor to the first one"
        )
    after = runs(fitted)
    return EngineFit(
        preset,
        fitted,
        _errors(measured, before.requests, ~fit_half),
        _errors(measured, after.requests, ~fit_half),
        source,
        int(fit_half.sum()),
        notes,
    )
