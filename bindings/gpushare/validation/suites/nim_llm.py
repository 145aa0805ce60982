"""NVIDIA NIM's table of Llama 3.1 8B against the number of concurrent requests: its shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...scenario.scenario import Scenario
from ...study.simulation import simulate
from ..documents import figure, measured, model_document
from ..report import Report, Row, Target

__all__ = ["run"]

_GPU, _MODEL, _PRECISION = "h100", "llama-3.1-8b", "fp8"
#: Tokens of a prompt and of a reply: inferred from the table's own identity.
_PROMPT, _REPLY = 200, 190
_ENGINE = "nim-1.8"
#: Of the table's versions the one whose first row gave the preset its other times.
_PRESET_VERSION = "1.8.0"
#: Replies of each user that warm up, and that count.
_WARMUP, _COUNTED = 3, 6
#: Seconds of the front end for a request and for a token, between which they are sought.
_MOST_REQUEST_S, _MOST_TOKEN_S = 8e-3, 3e-4


@dataclass(frozen=True)
class Frontend:
    """What is calibrated for a version: the time of the one thread in front of the engine."""

    request_s: float
    token_s: float


@dataclass(frozen=True)
class Point:
    """Seconds to the first token and between tokens, and tokens a second."""

    ttft_s: float
    itl_s: float
    tokens_per_s: float


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite; `data` is not used (see `registry.run_suite`)."""
    told = measured("nim-llm.json")
    model = model_document(_MODEL)
    rows: list[Row] = []
    fitted = []
    for done, version in enumerate(told["versions"]):
        frontend = _calibrated(model, version["rows"][-1])
        points = [_simulate(model, frontend, int(row[0])) for row in version["rows"]]
        rows += _rows(version, points)
        fitted.append(
            f"NIM {version['version']}: {1e3 * frontend.request_s:.2f} ms a request, "
            f"{1e6 * frontend.token_s:.0f} us a token"
        )
        if progress:
            progress((done + 1) / len(told["versions"]))
    return Report(
        suite="nim-llm",
        title=told["title"],
        calibrated_on="for each version the last row: what the front end needs for a request (time to first token) and "
        "for a token (time between tokens); the preset's other times on the first row of 1.8.0",
        predicted="times and rates of the other rows as shares of their column's geometric mean (its shape)",
        rows=rows,
        targets=[Target("", "max", 0.15, 0.08, "itl, shape"), Target("", "max", 0.15, 0.08, "ttft, shape")],
        sources=told["sources"],
        notes=[f"Calibrated: {'; '.join(fitted)}.", *_NOTES],
        in_view={"": "that one thread takes requests in and sends tokens out, and in which order"},
    )


_NOTES = [
    "The GPU, the precision and the lengths of this table are inferred, so its shape counts, not its level.",
    "One thread takes requests in and sends tokens out, first come first served, while the engine goes on. Where the "
    "tokens alone keep it busy (150 requests and more; 100 in 1.3.0) the rate no longer grows, and a first token waits "
    "behind the tokens and requests before it.",
    "All users start at once and all replies are equally long, so requests come in waves, and wait for each other in "
    "front of the engine: 2.1 ms each in both versions, found for each by itself. Near 100 requests the thread is just "
    "short of busy, and the time to first token depends on little: the largest errors lie there and at 25 to 50.",
    "Counted are six replies of each user after three. With the first waves counted too (ten replies of each from "
    "the start), the largest error of a time to first token is 20 % in 1.8.0 and 35 % in 1.3.0. Intake in turns with "
    "other requests, as an event loop may do it, was tried and did not help both versions.",
]


def _calibrated(model: Mapping[str, Any], row: Sequence[float]) -> Frontend:
    """By bisection, in turns: each of the two times on its column of the row."""
    users, ttft_s, itl_s = int(row[0]), row[1] / 1e3, row[2] / 1e3

    def point(request_s: float, token_s: float) -> Point:
        return _simulate(model, Frontend(request_s, token_s), users)

    request_s = _MOST_REQUEST_S / 4
    for _ in range(3):
        token_s = _bisected(lambda x, r=request_s: point(r, x).itl_s - itl_s, _MOST_TOKEN_S)  # type: ignore[misc]
        request_s = _bisected(lambda x, t=token_s: point(x, t).ttft_s - ttft_s, _MOST_REQUEST_S)  # type: ignore[misc]
    return Frontend(request_s, token_s)


def _bisected(excess: Callable[[float], float], high: float) -> float:
    """Where a growing function passes zero, between 0 and `high`."""
    low = 0.0
    for _ in range(10):
        middle = (low + high) / 2
        if excess(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _simulate(model: Mapping[str, Any], frontend: Frontend, users: int) -> Point:
    # What a request roughly takes: long enough for the replies that count.
    request_s = _REPLY * (0.006 + users * max(frontend.token_s, 3e-5)) + users * 0.004
    document = {
        "name": "nim-llm",
        "gpu": _GPU,
        "duration_s": (_WARMUP + _COUNTED) * request_s,
        "warmup_s": _WARMUP * request_s,
        "services": {
            "llm": {
                "model": {
                    **model,
                    "activation_bytes": figure(2e9, "assumed", "assumed"),
                    "activation_tokens": figure(8192, "assumed: all told", "assumed"),
                },
                "precision": _PRECISION,
                "engine": {
                    "preset": _ENGINE,
                    "prefix_caching": False,  # every prompt is another one
                    "frontend_request_s": frontend.request_s,
                    "frontend_token_s": frontend.token_s,
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
        "ttft": ("ms", [row[1] for row in table], [1e3 * point.ttft_s for point in points]),
        "itl": ("ms", [row[2] for row in table], [1e3 * point.itl_s for point in points]),
        "throughput": ("tok/s", [row[3] for row in table], [point.tokens_per_s for point in points]),
    }
    # Of a fitted row both times are inputs, and the rate follows from them.
    fitted = {len(table) - 1, *((0,) if version["version"] == _PRESET_VERSION else ())}
    rows = []
    for name, (unit, seen, found) in columns.items():
        seen_mean, found_mean = _geometric_mean(seen), _geometric_mean(found)
        for i, row in enumerate(table):
            case, mode = f"{row[0]:.0f} requests", f"NIM {version['version']}"
            if i in fitted:
                rows.append(Row(case, mode, _MODEL, name, unit, seen[i], found[i], role="calibration"))
                continue
            shares = seen[i] / seen_mean, found[i] / found_mean
            rows.append(Row(case, mode, _MODEL, f"{name}, shape", "", *shares))
    return rows


def _geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))
