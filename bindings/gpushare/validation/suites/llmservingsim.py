"""LLMServingSim's recorded runs: 300 requests one by one, on cards whose kernels were timed."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...scenario.profiles import profile, profile_names
from ..documents import figure
from ..report import Report, Row, Target, Timeline
from ..serving_runs import Requests, Served, Vector, data_folder, replay
from .llm_kernels import fitted_model, read_kernel_table

__all__ = ["run"]

_MODEL = "llama-3.1-8b"
_RECORD = "*_llama31_8b_vllm*_requests.jsonl"
_SOURCE = "LLMServingSim, commit 5daddb21: kernel times of this card and this model (vLLM 0.19)"
#: Its vLLM, built directly, with asynchronous scheduling (the default since 0.14).
_ENGINE = "vllm-0.20-in-process"
#: Running sequences at most: as the benchmark is run on a card (its bench.sh), or else.
_SEQUENCES = {"RTXPRO6000": 128}
_SEQUENCES_ELSE = 256
#: vLLM's default up to 0.21.
_MEMORY_SHARE = 0.9
#: Activations and what the framework holds, whatever the card: on an RTX PRO 6000 vLLM 0.28 takes 0.92 of 101.98 GB and
#: keeps 75.32 GB for keys and values. Less weights, context, and 0.4 GB of CUDA graphs, which 0.19 did not count.
_ACTIVATION_BYTES = 1.6e9
#: Host time of a sequence and step on the machine of the records: the one figure that a record gave, that of
#: _CALIBRATED, by its mean time between tokens. Its clients do nothing else; the preset's figure has others beside it.
HOST_PER_SEQUENCE_S = 10e-6
_CALIBRATED, _FITTED = "RTXPRO6000", "tpot mean"
#: Cards whose names in the files say more or less than a profile's name does, without hyphens.
_ALIASES = {
    "a100sxm480gb": "a100",
    "a10080gb": "a100",
    "a10040gb": "a100-40gb",
    "rtx6000pro": "rtx-pro-6000",
    "rtxpro6000blackwell": "rtx-pro-6000",
}

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
        """The limit of running requests that the benchmark set."""
        return _SEQUENCES.get(self.card, _SEQUENCES_ELSE)


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
    timelines: list[Timeline] = []
    for done, path in enumerate(records):
        record = _read(path)
        predicted, errors = _predict(folder, record)
        timeline = _timeline(record, predicted)
        rows += _rows(record, predicted, timeline)
        timelines.append(timeline)
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
        f"{1e6 * HOST_PER_SEQUENCE_S:.0f} us a sequence and step, by the mean time between tokens on {_CALIBRATED}",
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
        timelines=timelines,
    )


_NOTES = [
    "The engine is the preset vllm-0.20-in-process: it plans an iteration while the one before runs, so that a prompt "
    "waits for one more than it would otherwise. The first requests of the record, when few run, show it.",
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


def profile_of(card: str) -> str:
    """The profile of a card as the files name it.

    Raises
    ------
    ValueError
        None is known for it.
    """
    plain = re.sub("[^a-z0-9]", "", card.lower()).removeprefix("nvidia").removeprefix("geforce")
    if plain in _ALIASES:
        return _ALIASES[plain]
    fitting = [name for name in profile_names() if plain.startswith(name.replace("-", ""))]
    if not fitting:
        raise ValueError(
            f"{card}: no profile is known for the card of these files; there are {', '.join(profile_names())}"
        )
    return max(fitting, key=len)


def _predict(folder: Path, record: Record) -> tuple[Served, list[str]]:
    gpu = profile_of(record.card)
    prefix = f"{record.card}_llama31_8b_profile"
    table = read_kernel_table(folder / f"{prefix}_dense.csv", folder / f"{prefix}_attention.csv")
    model, errors = fitted_model(table, profile(gpu), _MODEL, _SOURCE)
    requests = Requests(
        list(record.measured.arrival),
        record.input_tokens,
        [int(n) for n in record.measured.output_tokens],
    )
    model["activation_bytes"] = figure(_ACTIVATION_BYTES, "engine of one record")
    engine: dict[str, Any] = {
        "preset": _ENGINE,
        "max_num_seqs": record.sequences,
        "gpu_memory_utilization": _MEMORY_SHARE,
        "host_per_sequence_s": HOST_PER_SEQUENCE_S,
        "request_overhead_s": 0.0,  # the record begins where the engine queues a request
    }
    return replay(requests, gpu=gpu, model=model, engine=engine), errors


def _timeline(record: Record, predicted: Served) -> Timeline:
    running, waiting = predicted.counts(record.seconds)
    return Timeline(
        record.card,
        record.seconds,
        {"running": record.running, "waiting": record.waiting},
        {"running": running, "waiting": waiting},
    )


def _rows(record: Record, predicted: Served, timeline: Timeline) -> list[Row]:
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
    for name, seen in timeline.measured.items():
        difference = float(np.mean(np.abs(timeline.predicted[name] - seen))) / record.sequences
        metric = f"{name}, mean difference of {record.sequences}"
        rows.append(Row(case, mode, _MODEL, metric, "", 0.0, difference, role="check", scale="points"))
    return rows
