"""NVIDIA NIM's table of Llama 3.1 8B against the number of concurrent requests: its shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..scenario import Scenario
from ..simulation import simulate
from .documents import figure, model_document
from .report import Report, Row, Target
from .suites import measured
from .trtllm_throughput import hopper

__all__ = ["run"]

_GPU, _MODEL, _PRECISION = "h100", "llama-3.1-8b", "fp8"
#: Tokens of a prompt and of a reply: inferred from the table's own identity.
_PROMPT, _REPLY = 200, 190
_TOKENS_PER_ITERATION, _SEQUENCES = 8192, 256
#: Replies of each user that warm up, and that count.
_WARMUP, _COUNTED = 3, 6


@dataclass(frozen=True)
class Host:
    """What is calibrated for a version: CPU time of a sequence beside each step, and of a request outside them."""

    per_sequence_s: float
    overhead_s: float


@dataclass(frozen=True)
class Point:
    """Seconds to the first token and between tokens, and tokens a second."""

    ttft_s: float
    itl_s: float
    tokens_per_s: float


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite; `data` is not used (see `suites.run_suite`)."""
    told = measured("nim-llm.json")
    products = measured("trtllm-throughput.json")["h100_products"]
    model = hopper(model_document(_MODEL), products)
    rows: list[Row] = []
    fitted = []
    for done, version in enumerate(told["versions"]):
        host = _calibrated(model, version["rows"])
        points = [_simulate(model, host, int(row[0])) for row in version["rows"]]
        rows += _rows(version, points)
        per_sequence_us, overhead_ms = 1e6 * host.per_sequence_s, 1e3 * host.overhead_s
        fitted.append(
            f"NIM {version['version']}: {per_sequence_us:.0f} us a sequence, {overhead_ms:.1f} ms a request"
        )
        if progress:
            progress((done + 1) / len(told["versions"]))
    return Report(
        suite="nim-llm",
        title=told["title"],
        calibrated_on="for each version the first row's time to first token (one time outside the steps) and the last "
        "row's time between tokens (one host time a sequence)",
        predicted="times and rates of all rows as shares of their column's geometric mean (its shape)",
        rows=rows,
        targets=[Target("", "max", 0.15, 0.08, "itl, shape"), Target("", "max", 0.15, 0.08, "ttft, shape")],
        sources=told["sources"],
        notes=[f"Calibrated: {'; '.join(fitted)}.", *_NOTES],
    )


_NOTES = [
    "The GPU, the precision and the lengths of this table are inferred, so its shape counts, not its level.",
    "The host's time of a sequence runs beside the GPU's step: a step lasts as long as the longer of the two. From 150 "
    "requests on the table's rate no longer grows, as a server does that needs so long for each token it sends.",
    "All users start at once and all replies are equally long, so prompts come in waves. That holds in the table from "
    "150 requests on, where its first tokens come even later (as if a wave were one step), and not at 25 and 50, where "
    "they come sooner: real clients drift apart there. A simulation with replies of 180 to 200 tokens has no waves.",
]


def _calibrated(model: Mapping[str, Any], rows: Sequence[Sequence[float]]) -> Host:
    most, gap_ms = int(rows[-1][0]), rows[-1][2]
    low, high = 0.0, 3e-4
    for _ in range(10):
        middle = (low + high) / 2
        if 1e3 * _simulate(model, Host(middle, 0.0), most).itl_s < gap_ms:
            low = middle
        else:
            high = middle
    bare = _simulate(model, Host((low + high) / 2, 0.0), int(rows[0][0]))
    return Host((low + high) / 2, max(0.0, rows[0][1] / 1e3 - bare.ttft_s))


def _simulate(model: Mapping[str, Any], host: Host, users: int) -> Point:
    served_model = {
        **model,
        "launch_per_sequence_s": figure(host.per_sequence_s, "calibrated"),
        "activation_bytes": figure(2e9, "assumed", "assumed"),
    }
    # What a request roughly takes: long enough for the replies that count.
    request_s = _REPLY * (0.006 + users * max(host.per_sequence_s, 3e-5)) + users * 0.003
    document = {
        "name": "nim-llm",
        "gpu": _GPU,
        "duration_s": (_WARMUP + _COUNTED) * request_s,
        "warmup_s": _WARMUP * request_s,
        "services": {
            "llm": {
                "model": served_model,
                "precision": _PRECISION,
                "engine": {
                    "kind": "continuous-batching",
                    "max_num_seqs": _SEQUENCES,
                    "max_num_batched_tokens": _TOKENS_PER_ITERATION,
                    "request_overhead_s": host.overhead_s,
                },
            }
        },
        "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
        "traffic": [
            {
                "name": "clients",
                "pipeline": "chat",
                "kind": "closed",
                "users": users,
                "hold_s": (_WARMUP + _COUNTED) * request_s,
                "sizes": {"input_tokens": _PROMPT, "output_tokens": _REPLY},
            }
        ],
        "placement": {"mode": "dedicated"},
    }
    found = simulate(Scenario.from_dict(document), threads=1).requests
    counted = np.asarray(found["measured"]) == 1
    arrival, first, end = (
        np.asarray(found[name], dtype=np.float64)[counted]
        for name in ("arrival_s", "llm.first_output_s", "llm.finished_s")
    )
    return Point(
        float(np.mean(first - arrival)),
        float(np.mean(end - first)) / (_REPLY - 1),
        users * _REPLY / float(np.mean(end - arrival)),
    )


def _rows(version: Mapping[str, Any], points: Sequence[Point]) -> list[Row]:
    table = version["rows"]
    columns = {
        "ttft": ("ms", [row[1] for row in table], [1e3 * point.ttft_s for point in points], 0),
        "itl": ("ms", [row[2] for row in table], [1e3 * point.itl_s for point in points], len(table) - 1),
        "throughput": ("tok/s", [row[3] for row in table], [point.tokens_per_s for point in points], -1),
    }
    rows = []
    for name, (unit, seen, found, fitted) in columns.items():
        seen_mean, found_mean = _geometric_mean(seen), _geometric_mean(found)
        for i, row in enumerate(table):
            case, mode = f"{row[0]:.0f} requests", f"NIM {version['version']}"
            if i == fitted:
                rows.append(Row(case, mode, _MODEL, name, unit, seen[i], found[i], role="calibration"))
            shares = seen[i] / seen_mean, found[i] / found_mean
            rows.append(Row(case, mode, _MODEL, f"{name}, shape", "", *shares))
    return rows


def _geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))
