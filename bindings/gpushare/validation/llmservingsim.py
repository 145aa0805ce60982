"""LLMServingSim's recorded runs: 300 requests one by one, on cards whose kernels were timed."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..profiles import profile, profile_names
from .documents import figure
from .llm_kernels import fitted_model, read_kernel_table
from .report import Report, Row, Target
from .serving_runs import Requests, Served, Vector, data_folder, replay

__all__ = ["run"]

_MODEL = "llama-3.1-8b"
_RECORD = "*_llama31_8b_vllm*_requests.jsonl"
_SOURCE = "LLMServingSim, commit 5daddb21: kernel times of this card and this model (vLLM 0.19)"
#: vLLM's limit of running sequences where a record never reaches one.
_SEQUENCES = 256
#: Seconds at a limit that show it.
_PLATEAU = 5
#: vLLM's default for an engine that is neither its offline class nor its API server.
_TOKENS_PER_ITERATION = 2048
#: Host time before a step that computes prompts, which runs outside the CUDA graphs. The one figure that a record gave:
#: that of _CALIBRATED, by its mean time between tokens.
PROMPT_HOST_S = 0.008
_CALIBRATED, _FITTED = "RTXPRO6000", "tpot mean"

_STATISTICS: dict[str, Callable[[Vector], float]] = {
    "mean": lambda x: float(np.mean(x)),
    "p50": lambda x: float(np.quantile(x, 0.5)),
    "p99": lambda x: float(np.quantile(x, 0.99)),
}


@dataclass(frozen=True)
class Record:
    """One card's run: measured times, and how many requests ran and waited at which second."""

    card: str
    measured: Served
    input_tokens: list[int]
    seconds: Vector
    running: Vector
    waiting: Vector

    @property
    def sequences(self) -> int:
        """The limit of running requests: the most that ran, if others waited then again and again."""
        most = self.running.max()
        full = np.count_nonzero((self.running == most) & (self.waiting > 0))
        return int(most) if full >= _PLATEAU else _SEQUENCES


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite.

    Parameters
    ----------
    data : pathlib.Path
        Folder with the records and kernel tables (``*_requests.jsonl``, ``*_timeseries.csv``, ``*_profile_*.csv``),
        or the folder above it.
    progress : callable, optional
        Called with a share of 1.

    Returns
    -------
    Report
    """
    folder = data_folder(data, "llmservingsim", _RECORD)
    records = sorted(folder.glob(_RECORD))
    rows: list[Row] = []
    notes: list[str] = []
    for done, path in enumerate(records):
        record = _read(path)
        predicted, errors = _predict(folder, record)
        rows += _rows(record, predicted)
        notes.append(
            f"{record.card}: kernels of every other row of its table, predicted from the rows between; median and "
            f"90th percentile of |error|: {'; '.join(errors)}."
        )
        if progress:
            progress((done + 1) / len(records))
    return Report(
        suite="llmservingsim",
        title="Llama 3.1 8B under vLLM 0.19: 300 recorded requests, one by one",
        calibrated_on="kernel times of the card, every other row; arrivals and lengths of the record; one host time, "
        f"{1e3 * PROMPT_HOST_S:.0f} ms before a step with prompts, by the mean time between tokens on {_CALIBRATED}",
        predicted="time to first token, latency and time between tokens of the requests; how many ran and waited",
        rows=rows,
        targets=[
            Target("", "max", 0.08, 0.04, "ttft mean"),
            Target("", "max", 0.08, 0.04, "latency mean"),
            Target("", "max", 0.12, 0.06, "ttft p99"),
            Target("", "max", 0.12, 0.06, "latency p99"),
        ],
        sources=[
            "casys-kaist/LLMServingSim, commit 5daddb21: bench/examples/ (records), profiler/perf/ (kernels)"
        ],
        notes=[*notes, *_NOTES],
    )


_NOTES = [
    "Arrivals are the times at which the engine queued the requests. Running and waiting are compared second by "
    "second: the mean of the differences, as a share of the limit of running requests.",
]


def _read(path: Path) -> Record:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    rows.sort(key=lambda row: row["queued_ts"])
    start = rows[0]["queued_ts"]

    def column(name: str) -> Vector:
        return np.array([row[name] - start for row in rows], dtype=np.float64)

    measured = Served(
        column("queued_ts"),
        column("scheduled_ts"),
        column("first_token_ts"),
        column("last_token_ts"),
        np.array([row["output_toks"] for row in rows], dtype=np.float64),
    )
    series = _series(path.with_name(path.name.replace("_requests.jsonl", "_timeseries.csv")))
    card = path.name.split("_llama31_8b")[0]
    return Record(card, measured, [int(row["input_toks"]) for row in rows], *series)


def _series(path: Path) -> tuple[Vector, Vector, Vector]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    t, running, waiting = (np.array([float(row[k]) for row in rows]) for k in ("t", "running", "waiting"))
    return t, running, waiting


def _profile_of(card: str) -> str:
    """The profile whose name, without hyphens, begins the card's name in the files."""
    fitting = [name for name in profile_names() if card.lower().startswith(name.replace("-", ""))]
    if not fitting:
        raise ValueError(f"{card}: no profile is known for this card; there are {', '.join(profile_names())}")
    return max(fitting, key=len)


def _predict(folder: Path, record: Record) -> tuple[Served, list[str]]:
    gpu = _profile_of(record.card)
    prefix = f"{record.card}_llama31_8b_profile"
    table = read_kernel_table(folder / f"{prefix}_dense.csv", folder / f"{prefix}_attention.csv")
    model, errors = fitted_model(table, profile(gpu), _MODEL, _SOURCE)
    model["prompt_host_s"] = figure(PROMPT_HOST_S, "mean time between tokens of one record")
    requests = Requests(
        list(record.measured.arrival),
        record.input_tokens,
        [int(n) for n in record.measured.output_tokens],
    )
    engine: dict[str, Any] = {
        "kind": "continuous-batching",
        "max_num_seqs": record.sequences,
        "max_num_batched_tokens": _TOKENS_PER_ITERATION,
    }
    return replay(requests, gpu=gpu, model=model, engine=engine), errors


def _rows(record: Record, predicted: Served) -> list[Row]:
    measured, case, mode = record.measured, "300 requests", record.card
    rows = []
    for name, seen, found in (
        ("ttft", measured.ttft, predicted.ttft),
        ("latency", measured.latency, predicted.latency),
        ("tpot", measured.tpot, predicted.tpot),
    ):
        for statistic, of in _STATISTICS.items():
            metric = f"{name} {statistic}"
            fitted = (record.card, metric) == (_CALIBRATED, _FITTED)
            role: Literal["calibration", "prediction"] = "calibration" if fitted else "prediction"
            rows.append(Row(case, mode, _MODEL, metric, "s", of(seen), of(found), role=role))
    rows.append(Row(case, mode, _MODEL, "throughput", "tok/s", measured.tokens_per_s, predicted.tokens_per_s))
    running, waiting = predicted.counts(record.seconds)
    for name, seen, found in (("running", record.running, running), ("waiting", record.waiting, waiting)):
        difference = float(np.mean(np.abs(found - seen))) / record.sequences
        metric = f"{name}, mean difference of {record.sequences}"
        rows.append(Row(case, mode, _MODEL, metric, "", 0.0, difference, role="check", scale="points"))
    return rows
