"""Whole steps of Llama 3.1 8B on an A100 beside the sum of its kernels, which were timed one by one."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...scenario.profiles import profile
from ..documents import model_document
from ..report import Report, Row, Target
from ..serving_runs import Requests, data_folder, replay
from .llm_kernels import KernelTable, fitted_model

__all__ = ["run"]

_GPU, _MODEL = "a100", "llama-3.1-8b"
_SUMS = "derived_a100_sxm_llama31_8b_vllm0.14_kernel_sum.csv"
_GEMM = "a100_sxm__gemm__vllm__0.14.0__gemm_perf.csv"
_DECODE = "a100_sxm__attention__vllm__0.14.0__generation_attention_perf.csv"
_PROMPT = "a100_sxm__attention__vllm__0.14.0__context_attention_perf.csv"
_ELEMENTWISE = "a100_Meta-Llama-3-8B_mlp.csv"
#: Sizes in the table between which those of a layer's weights lie, and where between them.
_SHAPES = {
    "qkv_proj": ((6144, 4096), (6144, 4096), 0.0),
    "o_proj": ((4096, 4096), (4096, 4096), 0.0),
    "gate_up_proj": ((16384, 4096), (65536, 4096), (28672 - 16384) / (65536 - 16384)),
    "down_proj": ((4096, 12288), (4096, 16384), 0.5),
}
_HEADS, _KV_HEADS, _HEAD = 32, 8, 128
_MOST_TOKENS = 2048


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite.

    Parameters
    ----------
    data : pathlib.Path
        Folder with the kernel tables, or the folder above it.
    progress : callable, optional
        Called with a share of 1.

    Returns
    -------
    Report
    """
    folder = data_folder(data, "llm-steps", _SUMS)
    refitted, errors = fitted_model(
        _table(folder), profile(_GPU), _MODEL, "every other row of the kernel tables"
    )
    models = {"half of the tables": refitted, "shipped model": model_document(_MODEL)}
    steps = list(_rows_of(folder / _SUMS))
    rows: list[Row] = []
    for done, (mode, model) in enumerate(models.items()):
        rows += [_row(mode, model, step) for step in steps]
        if progress:
            progress((done + 1) / len(models))
    return Report(
        suite="llm-steps",
        title="Steps of Llama 3.1 8B on an A100-80GB, fp16",
        calibrated_on="every other row of each kernel table; the shipped model on these steps",
        predicted="whole steps: decodes at four contexts, prompts of one sequence",
        rows=rows,
        targets=[Target("half of the tables", "median", 0.04, 0.02)],
        sources=[
            "ai-dynamo/aiconfigurator, commit 095f58a5: vLLM 0.14 kernels on A100-SXM4-80GB",
            "microsoft/vidur, commit 7d475133: elementwise operators on A100, Llama 3 8B",
        ],
        notes=[f"Kernels of the rows left out, median and 90th percentile of |error|: {'; '.join(errors)}."],
    )


def _dicts(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _table(folder: Path) -> KernelTable:
    dense = {**_products(folder / _GEMM), **_operators(folder / _ELEMENTWISE)}
    return KernelTable(dense, {**_decodes(folder / _DECODE), **_prompts(folder / _PROMPT)})


def _products(path: Path) -> dict[str, dict[int, float]]:
    found = {(int(r["m"]), int(r["n"]), int(r["k"])): float(r["latency"]) / 1e3 for r in _dicts(path)}
    tokens = sorted({m for m, _, _ in found})
    dense: dict[str, dict[int, float]] = {}
    for name, (low, high, share) in _SHAPES.items():
        dense[name] = {
            m: found[(m, *low)] * (1 - share) + found[(m, *high)] * share for m in tokens if m <= _MOST_TOKENS
        }
    return dense


def _operators(path: Path) -> dict[str, dict[int, float]]:
    """Elementwise operators of a layer; what vidur adds separately counts with the norms."""
    times: dict[int, list[float]] = defaultdict(list)
    names = ("input_layernorm", "post_attention_layernorm", "attn_rope", "mlp_act", "add")
    for row in _dicts(path):
        if row["num_tensor_parallel_workers"] == "1" and int(row["num_tokens"]) <= _MOST_TOKENS:
            times[int(row["num_tokens"])].append(sum(float(row[f"time_stats.{n}.mean"]) for n in names) / 1e3)
    sums = {tokens: float(np.mean(of)) for tokens, of in times.items()}
    # Two norms, a rotation and an activation a layer share the sum equally.
    return {name: {n: s / 4 for n, s in sums.items()} for name in ("layernorm", "rotary_emb", "act_fn")}


def _of_model(path: Path) -> Iterator[dict[str, str]]:
    wanted = {"num_heads": _HEADS, "num_key_value_heads": _KV_HEADS, "head_dim": _HEAD}
    for row in _dicts(path):
        if (
            all(int(row[key]) == value for key, value in wanted.items())
            and row["kv_cache_dtype"] == "bfloat16"
        ):
            yield row


def _decodes(path: Path) -> dict[tuple[int, int, int, int], float]:
    return {
        (0, 0, int(row["batch_size"]), int(row["step"])): float(row["latency"]) / 1e3
        for row in _of_model(path)
    }


def _prompts(path: Path) -> dict[tuple[int, int, int, int], float]:
    return {
        (int(row["isl"]), 0, 0, 0): float(row["latency"]) / 1e3
        for row in _of_model(path)
        if row["batch_size"] == "1"
    }


def _rows_of(path: Path) -> Iterator[tuple[str, int, int, float]]:
    """Kind, sequences, context and milliseconds of each step."""
    for row in _dicts(path):
        decode = row["phase"] == "decode"
        yield (
            row["phase"],
            int(row["batch_or_tokens"]) if decode else 1,
            int(row["context"]),
            float(row["kernel_sum_ms"]),
        )


def _row(mode: str, model: Mapping[str, Any], step: tuple[str, int, int, float]) -> Row:
    phase, sequences, context, measured_ms = step
    decode = phase == "decode"
    # The first of several starts alone, and is there still when the others generate their second token.
    replies = [3 if sequences > 1 else 2] + [2] * (sequences - 1)
    served = replay(
        Requests([0.0] * sequences, [context] * sequences, replies),
        gpu=_GPU,
        model=model,
        engine={
            "kind": "continuous-batching",
            "max_num_seqs": sequences,
            "max_num_batched_tokens": sequences * context,
        },
    )
    seconds = served.tpot[-1] if decode else served.ttft[0]
    case = f"{sequences} decodes at {context}" if decode else f"prompt of {context}"
    return Row(
        case,
        mode,
        _MODEL,
        "step",
        "ms",
        measured_ms,
        1e3 * float(seconds),
        role="calibration" if mode == "shipped model" else "prediction",
    )
