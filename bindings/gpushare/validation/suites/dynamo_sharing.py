"""Dynamo: an LLM on an A100 by itself, and two of them by time-slicing and as MPS fractions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._core import SimulationError
from ..._errors import fail
from ...scenario.profiles import Profile, profile
from ...scenario.scenario import Scenario
from ...study.cases import run_cases
from ...study.points import Point
from ..documents import measured, model_document
from ..fitting import fit_positive
from ..report import Report, Row, Target

__all__ = ["run"]

_GPU = "a100-40gb"
_MODEL = "qwen3-4b"
#: Mode of the report: key of the table, models on the GPU, and mode of the scenario.
_SHARED = {"time-slicing": ("hami", 2, "time-slicing"), "mps-capped": ("fractions", 2, "mps:50/50")}
#: Request times that warm up, and that count.
_WARMUP, _COUNTED = 4, 16
#: vLLM's default budget of tokens in an iteration on this card; assumed, like the next two.
_TOKENS_PER_ITERATION = 2048
#: Host time between iterations that the engine does not hide, and of a request outside the engine.
_HOST_S, _OVERHEAD_S = 0.0002, 0.015


@dataclass(frozen=True)
class Server:
    """What is calibrated: shares of the peak rates in matrix products."""

    bandwidth_efficiency: float
    flop_efficiency: float


@dataclass(frozen=True)
class Load:
    """One column of the table."""

    requests: int
    cached: bool
    request_s: float


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite; `data` is not used (see `registry.run_suite`)."""
    table = measured("dynamo-sharing.json")
    loads = _loads(table, profile(_GPU))
    server = _calibrate(table, loads)
    if progress:
        progress(0.5)
    alone = _alone(table, server, loads)
    rows = [row for i, load in enumerate(loads) for row in _baseline_rows(table, load, i, alone[i])]
    for done, (mode, (_, models, placement)) in enumerate(_SHARED.items()):
        shared = _simulated([_document(table, server, load, models, placement, False) for load in loads])
        rows += [_shared_row(table, load, i, mode, shared[i]) for i, load in enumerate(loads)]
        if progress:
            progress(0.5 + 0.5 * (done + 1) / len(_SHARED))
    cached = [str(load.requests) for load in loads if load.cached]
    return Report(
        suite="dynamo-sharing",
        title=table["title"],
        calibrated_on="the five baseline rows (tokens a second and time between tokens): two efficiencies",
        predicted="tokens a second of two models that share the GPU, as shares of the measured baseline",
        rows=rows,
        targets=[Target("", "max", 0.05, 0.03, "share of baseline")],
        sources=table["sources"],
        notes=[
            f"Calibrated: {server.bandwidth_efficiency:.3f} of the peak bandwidth and "
            f"{server.flop_efficiency:.3f} of the peak FLOP rate in matrix products. The other figures of "
            "the model are those of a larger one on this card, scaled by layers and widths.",
            "All requests of a load start at once, as those of a load generator with a fixed concurrency do.",
            f"With {' and '.join(cached)} requests the baseline's first token comes sooner than a prompt can "
            "be computed at the card's peak rate, although the source says that no prefix was cached: these "
            "baseline rows are simulated with cached prompts. The shared rows are not.",
            "Errors are in points of the measured baseline, which is an input. Against the predicted "
            f"baseline the largest would be {100 * _largest_by_prediction(rows):.1f} points.",
        ],
    )


def _loads(table: dict[str, Any], gpu: Profile) -> list[Load]:
    network, tokens = model_document(_MODEL), table["input_tokens"]
    pairs = tokens**2 / 2
    flop = tokens * network["flop_per_token"]["value"] + pairs * network["attention_flop_per_pair"]["value"]
    least_s = flop / gpu.flop_per_s["fp16"]
    base = table["baseline"]
    return [
        Load(requests, ttft_s < least_s, requests * table["output_tokens"] / rate)
        for requests, rate, ttft_s in zip(
            table["resident_requests_per_gpu"], base["tokens_per_s"], base["ttft_p50_s"], strict=True
        )
    ]


def _calibrate(table: dict[str, Any], loads: Sequence[Load]) -> Server:
    base = table["baseline"]
    seen = [*base["tokens_per_s"], *base["itl_p50_s"]]

    def predict(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        server = Server(min(1.0, numbers[0]), min(1.0, numbers[1]))
        runs = _alone(table, server, loads)
        rates = [_tokens_per_s(table, run, load) for run, load in zip(runs, loads, strict=True)]
        return np.array([*rates, *(_token_gap_s(run) for run in runs)])

    return Server(*(float(x) for x in fit_positive(predict, seen, [0.8, 0.75], rounds=20, step=0.02)))


def _document(
    table: dict[str, Any], server: Server, load: Load, models: int, mode: str, cached: bool
) -> dict[str, Any]:
    request_s = load.request_s * models
    service = {
        "model": _network(server),
        "precision": "fp16",
        "engine": {
            "kind": "continuous-batching",
            "max_num_batched_tokens": _TOKENS_PER_ITERATION,
            "gpu_memory_utilization": 0.9 / models,
            "host_per_step_s": _HOST_S,
            "request_overhead_s": _OVERHEAD_S,
            "prefix_cache_share": 1.0 if cached else 0.0,
        },
    }
    names = [f"model-{i + 1}" for i in range(models)]
    sizes = {"input_tokens": table["input_tokens"], "output_tokens": table["output_tokens"]}
    loop = {"kind": "closed", "users": load.requests // models, "ramp_up_s": 0, "think_s": 0}
    return {
        "name": "dynamo-sharing",
        "gpu": _GPU,
        "duration_s": (_WARMUP + _COUNTED) * request_s,
        "warmup_s": _WARMUP * request_s,
        "services": dict.fromkeys(names, service),
        "pipelines": {name: {"stages": [{"name": "llm", "service": name}]} for name in names},
        "traffic": [
            {
                **loop,
                "name": name,
                "pipeline": name,
                "hold_s": (_WARMUP + _COUNTED) * request_s,
                "sizes": sizes,
            }
            for name in names
        ],
        "placement": {"mode": mode},
    }


def _network(server: Server) -> dict[str, Any]:
    """The shipped model with the calibrated efficiencies."""
    network = model_document(_MODEL)
    weights = network["formats"]["fp16"]
    weights["gemm_bandwidth_efficiency"]["value"] = server.bandwidth_efficiency
    weights["gemm_flop_efficiency"]["value"] = server.flop_efficiency
    return network


def _alone(table: dict[str, Any], server: Server, loads: Sequence[Load]) -> list[Mapping[str, float]]:
    return _simulated([_document(table, server, load, 1, "dedicated", load.cached) for load in loads])


def _simulated(documents: Sequence[dict[str, Any]]) -> list[Mapping[str, float]]:
    """The figures of each."""
    cases = [Point(Scenario.from_dict(document), {"load": i}) for i, document in enumerate(documents)]
    outcomes = run_cases(cases, threads=1)
    for i, outcome in enumerate(outcomes):
        if not outcome.ran:
            raise fail(SimulationError, f"load {i}", outcome.error or outcome.refused)
    return [outcome.figures for outcome in outcomes]


def _tokens_per_s(table: dict[str, Any], run: Mapping[str, float], load: Load) -> float:
    """By Little's law: users ask again at once."""
    tokens = float(load.requests * table["output_tokens"])
    return tokens / _latency_s(run)


def _latency_s(run: Mapping[str, float]) -> float:
    """Mean over the requests of all models, which are alike."""
    ends = [name.removesuffix("_count") for name in run if name.endswith("e2e_latency_count")]
    total = sum(run[f"{end}_count"] * run[f"{end}_mean_s"] for end in ends)
    return float(total / sum(run[f"{end}_count"] for end in ends))


def _token_gap_s(run: Mapping[str, float]) -> float:
    """Median over requests of the mean time between tokens, of the first model."""
    return float(next(run[key] for key in run if key.endswith("tpot_p50_s")))


def _largest_by_prediction(rows: Sequence[Row]) -> float:
    """The largest |error| of a share when predicted rates are divided by predicted rates."""
    fitted = {row.case: row.predicted / row.measured for row in rows if row.metric == "throughput"}
    shares = [row for row in rows if row.role == "prediction"]
    return max(abs(row.predicted / fitted[row.case] - row.measured) for row in shares)


def _baseline_rows(table: dict[str, Any], load: Load, i: int, run: Mapping[str, float]) -> list[Row]:
    base = table["baseline"]
    found = [
        ("throughput", "tok/s", base["tokens_per_s"][i], _tokens_per_s(table, run, load)),
        ("itl p50", "s", base["itl_p50_s"][i], _token_gap_s(run)),
    ]
    return [
        Row(_case(load), "baseline", _MODEL, metric, unit, seen, predicted, role="calibration")
        for metric, unit, seen, predicted in found
    ]


def _shared_row(table: dict[str, Any], load: Load, i: int, mode: str, run: Mapping[str, float]) -> Row:
    key, _, _ = _SHARED[mode]
    return Row(
        case=_case(load),
        mode=mode,
        client=_MODEL,
        metric="share of baseline",
        unit="",
        measured=table[key]["share_of_baseline"][i],
        predicted=_tokens_per_s(table, run, load) / table["baseline"]["tokens_per_s"][i],
        scale="points",
    )


def _case(load: Load) -> str:
    return f"{load.requests} requests"
