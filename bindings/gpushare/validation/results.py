"""A result of a load generator beside the prediction of a scenario: the same requests, and each figure's error."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._core import ScenarioError
from .._errors import fail
from ..frames.render import Field, brief, text_table, wrap
from ..scenario.origin import Origin, origin_of
from ..scenario.scenario import Scenario
from ..study.simulation import simulate
from ..traces.benchmark_result import FIGURES, STATISTICS, BenchmarkResult, RequestTimes, measured_of, number
from ..traces.benchmarks import load_result
from ..traces.columns import from_columns
from .serving_runs import served_by

__all__ = ["Prediction", "ResultCheck", "check_result", "median_abs_error", "predict", "shown"]

_RATES = ("request_throughput", "output_token_throughput")
_AFTER_S = 1.0


@dataclass(frozen=True)
class Prediction:
    """What a simulation does for the requests of a result.

    Attributes
    ----------
    requests : RequestTimes
        As the client would see them.
    figures : dict of str to float
        As the tool would tell them.
    mean_batch : float
        Sequences of a step.
    notes : list of str
        How the scenario was run.
    """

    requests: RequestTimes
    figures: dict[str, float]
    mean_batch: float
    notes: list[str]


@dataclass(frozen=True)
class ResultCheck:
    """Measured figures beside predicted ones.

    Attributes
    ----------
    result : BenchmarkResult
        What was measured.
    predicted : dict of str to float
        The same figures of the prediction.
    notes : list of str
        How the two were made comparable.
    origin : Origin
        What it was made from and by: version, seed and hashes.
    """

    result: BenchmarkResult
    predicted: dict[str, float]
    notes: list[str]
    origin: Origin

    @property
    def rows(self) -> list[dict[str, Any]]:
        """``figure``, ``measured``, ``predicted`` and ``error`` (a share, positive: too high), figure by figure."""
        names = [f"{figure}_{statistic}_s" for figure in FIGURES for statistic in STATISTICS] + list(_RATES)
        known = self.result.measured
        return [
            {
                "figure": name,
                "measured": known[name],
                "predicted": self.predicted[name],
                "error": self.predicted[name] / known[name] - 1,
            }
            for name in names
            if known.get(name, 0) > 0 and name in self.predicted
        ]

    @property
    def median_abs_error(self) -> float:
        """Median of the errors' sizes; NaN without rows."""
        return median_abs_error(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name."""
        return {
            "tool": self.result.tool,
            "name": self.result.name,
            "origin": self.origin.to_dict(),
            "rows": self.rows,
            "median_abs_error": self.median_abs_error,
            "notes": self.notes,
        }

    def __repr__(self) -> str:
        off = f", half off by less than {100 * self.median_abs_error:.1f} %" if self.rows else ""
        return brief(self, f"{self.result.name} by {self.result.tool}: {len(self.rows)} figures{off}")

    def __str__(self) -> str:
        rows = self.rows
        lines = [f"{self.result.name}: measured by {self.result.tool}, and predicted"]
        if rows:
            lines.append(
                text_table(
                    [
                        Field("figure", [row["figure"].removesuffix("_s") for row in rows], "left"),
                        Field("measured", [shown(row["figure"], row["measured"]) for row in rows]),
                        Field("predicted", [shown(row["figure"], row["predicted"]) for row in rows]),
                        Field("error", [f"{100 * row['error']:+.1f} %" for row in rows]),
                    ]
                )
            )
            lines.append(f"median of the errors' sizes: {100 * self.median_abs_error:.1f} %")
        else:
            lines.append("the result has no figure that the prediction has too")
        lines += [wrap(f"note: {note}", indent="  ") for note in self.notes]
        lines.append(wrap(self.origin.line, indent="  "))
        return "\n".join(lines)


def median_abs_error(rows: Iterable[Mapping[str, Any]]) -> float:
    """Median of the sizes of their ``error``; NaN without rows."""
    errors = [abs(row["error"]) for row in rows]
    return float(np.median(errors)) if errors else math.nan


def shown(figure: str, value: float) -> str:
    """A figure as tables have it: latencies in ms, rates by the second."""
    return f"{value * 1e3:,.1f} ms" if figure.endswith("_s") else f"{value:,.4g} /s"


def _service(document: Mapping[str, Any], pipeline: str, where: str) -> str:
    """The only service of the pipeline, which must be a language model's server."""
    stages = document["pipelines"][pipeline]["stages"]
    if len(stages) != 1 or "service" not in stages[0]:
        raise fail(
            ScenarioError,
            where,
            f"pipeline {pipeline} has {len(stages)} stages; a result is of one server, so keep a pipeline with one",
        )
    found: str = stages[0]["service"]
    return found


def _replaying(result: BenchmarkResult, scenario: Scenario) -> tuple[dict[str, Any], str, str, list[str]]:
    """A document in which the scenario's server is sent the requests of the result; its service, stage and notes."""
    document = copy.deepcopy(scenario.document)
    traffic = document["traffic"]
    if len(traffic) != 1:
        names = ", ".join(str(entry.get("name", entry.get("pipeline"))) for entry in traffic)
        raise fail(
            ScenarioError,
            "/traffic",
            f"found {len(traffic)} entries ({names}); a result is of one, so keep one",
        )
    pipeline = traffic[0].get("pipeline") or next(iter(document["pipelines"]))
    service = _service(document, pipeline, "/pipelines")
    stage = document["pipelines"][pipeline]["stages"][0].get("name", service)
    notes = []
    requests = result.requests
    if requests is not None:
        told = result.measured.get("requests", 0)
        if told > len(requests.start_s):
            notes.append(
                f"the file keeps {len(requests.start_s)} of the {told:.0f} requests that its figures are of"
            )
        document["traffic"] = [{"name": "result", "pipeline": pipeline, "kind": "trace"}]
        document["duration_s"] = float(requests.start_s.max()) + _AFTER_S
        document.pop("warmup_s", None)  # the tool measured all of its requests
    if requests is None:
        load = _as_asked(document["traffic"][0], result)
        notes.append(
            f"the result has sums only, so the scenario's own traffic{load} stands for what was sent"
        )
    if requests is not None and _is_closed(result):
        document["traffic"][0]["max_concurrency"] = result.max_concurrency
        del document["duration_s"]
        many = "1 request" if result.max_concurrency == 1 else f"{result.max_concurrency} requests"
        notes.append(f"the tool kept {many} in flight, and so does the prediction")
    return document, service, stage, notes


def _as_asked(entry: dict[str, Any], result: BenchmarkResult) -> str:
    """Gives an entry of traffic the load that the tool was asked for, where it says; how that is told."""
    if entry.get("kind") not in ("open", "closed"):
        return ""
    sent = {key: value for key, value in entry.items() if key in ("name", "pipeline", "sizes")}
    rate = number(result.asked.get("request_rate"))
    if _is_closed(result):
        entry.clear()
        entry.update(sent, kind="closed", users=result.max_concurrency, think_s=0.0)
        return f", {result.max_concurrency} in flight as in the run,"
    if not 0 < rate < math.inf:
        return ""
    shape = number(result.asked.get("burstiness"))  # of vLLM's gaps
    even = not 0 < shape < math.inf or shape == 1
    kind: dict[str, Any] = {"kind": "poisson"} if even else {"kind": "gamma", "shape": shape}
    entry.clear()
    entry.update(sent, kind="open", arrivals={**kind, "rate_per_s": rate})
    return f", at the run's {rate:g} requests/s{'' if even else f' and burstiness {shape:g}'},"


def _is_closed(result: BenchmarkResult) -> bool:
    """The next request is sent when one ends, so that starts are the measured server's."""
    rate = result.asked.get("request_rate")
    return result.max_concurrency is not None and (rate is None or rate == math.inf)


def predict(
    result: BenchmarkResult, scenario: Scenario, engine: Mapping[str, Any] | None = None
) -> Prediction:
    """Simulates the server of a scenario with the requests of a result.

    Parameters
    ----------
    result : BenchmarkResult
        With its requests one by one; otherwise the scenario's own traffic stands for them.
    scenario : Scenario
        One service of a language model; its traffic gives way to the result's.
    engine : mapping, optional
        Members of its engine to change.

    Raises
    ------
    ScenarioError
        When it has several entries of traffic or stages.
    """
    document, service, stage, notes = _replaying(result, scenario)
    document["services"][service]["engine"] = {
        **document["services"][service].get("engine", {}),
        **(engine or {}),
    }
    sent = result.requests
    traces = None
    if sent is not None:
        arrivals = np.zeros_like(sent.start_s) if _is_closed(result) else np.round(sent.start_s, 9)
        columns = {
            "arrival_s": arrivals,
            "input_tokens": sent.input_tokens,
            "output_tokens": sent.output_tokens,
        }
        traces = {"result": from_columns(columns, result.name)}
    run = simulate(Scenario.from_dict(document, traces=traces), threads=1)
    served = served_by(stage, run.requests)
    start = float(served.arrival.min())
    inputs = (
        sent.input_tokens if sent is not None else np.asarray(run.requests["input_tokens"], dtype=np.int64)
    )
    times = RequestTimes(
        served.arrival - start,
        inputs,
        served.output_tokens.astype(np.int64),
        served.ttft,
        served.latency,
    )
    summary = run.summary()
    gaps = {
        f"itl_{statistic}_s": float(summary[f"{stage}.itl_{statistic}_s"])
        for statistic in STATISTICS
        if f"{stage}.itl_{statistic}_s" in summary
    }
    return Prediction(
        times, {**gaps, **measured_of(times)}, float(summary.get(f"{service}.mean_batch", 1.0)), notes
    )


def check_result(
    result: BenchmarkResult | str | os.PathLike[str], scenario: Scenario | str | os.PathLike[str]
) -> ResultCheck:
    """Sets what a load generator measured beside what a scenario predicts for the same requests.

    Parameters
    ----------
    result : BenchmarkResult or path
        As `load_result` reads it.
    scenario : Scenario or path
        One server of a language model; its card, model and engine count. Its traffic gives way to the result's
        requests, or stands for them where the result has sums only.

    Returns
    -------
    ResultCheck

    Raises
    ------
    TraceError
        When the result cannot be read.
    ScenarioError
        When the scenario has several entries of traffic or stages.
    """
    found = result if isinstance(result, BenchmarkResult) else load_result(result)
    given = scenario if isinstance(scenario, Scenario) else Scenario.load(scenario)
    prediction = predict(found, given)
    measured = dict(found.measured)
    if found.requests is not None:
        measured = {**measured_of(found.requests), **measured}
    whole = BenchmarkResult(found.tool, found.name, measured, found.requests, found.asked)
    read = [] if isinstance(result, BenchmarkResult) else [result]
    return ResultCheck(whole, prediction.figures, prediction.notes, origin_of(given).beside(read))
