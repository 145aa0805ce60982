"""Efficiencies of an LLM's kernels on a card, from a table of their times."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...scenario.profiles import Profile
from ..documents import figure, model_document
from ..fitting import fit_positive

__all__ = ["KernelTable", "fitted_model", "read_kernel_table"]

Vector = npt.NDArray[np.float64]

_PRODUCTS = ("qkv_proj", "o_proj", "gate_up_proj", "down_proj")
#: Times that an operator runs in a layer.
_ELEMENTWISE = {"layernorm": 2, "rotary_emb": 1, "act_fn": 1}
#: Points of the efficiency curve of the products, tokens: those that a calibration row is near, within this factor.
_KNOTS, _NEAR = (96, 160, 256, 400, 640, 1024, 2048), 1.3
#: Contexts from which keys and values cannot stay in L2 while a kernel is timed again and again.
_LEAST_CONTEXT = 512
#: Prompt pieces that decide what serving costs.
_LEAST_PIECE = 200
_MOST_TOKENS = 2048
#: Decodes from which what they cost beside prompts decides.
_MANY_DECODES = 64


@dataclass(frozen=True)
class KernelTable:
    """Times of one layer's kernels, seconds.

    Attributes
    ----------
    dense : dict of str to dict of int to float
        By operator and tokens.
    attention : dict of tuple to float
        By (prompt tokens, their context, decodes, context of each).
    """

    dense: Mapping[str, Mapping[int, float]]
    attention: Mapping[tuple[int, int, int, int], float]


def read_kernel_table(dense: Path, attention: Path) -> KernelTable:
    """Reads the two CSV files that LLMServingSim's profiler writes for a card."""
    by_operator: dict[str, dict[int, float]] = defaultdict(dict)
    with dense.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            by_operator[row["layer"]][int(row["tokens"])] = float(row["time_us"]) * 1e-6
    pieces: dict[tuple[int, int, int, int], float] = {}
    with attention.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = (
                int(row["prefill_chunk"]),
                int(row["kv_prefill"]),
                int(row["n_decode"]),
                int(row["kv_decode"]),
            )
            pieces[key] = float(row["time_us"]) * 1e-6
    return KernelTable(by_operator, pieces)


def fitted_model(
    table: KernelTable, gpu: Profile, name: str, source: str
) -> tuple[dict[str, Any], list[str]]:
    """The document of a model with the efficiencies of `gpu`, and how well they fit.

    Every other row of the table calibrates; the rows between are predicted.

    Parameters
    ----------
    table : KernelTable
        Measured on the card, with the model's shapes in fp16.
    gpu : Profile
        The card.
    name : str
        The model whose arithmetic is kept.
    source : str
        Where the table comes from.

    Returns
    -------
    document : dict
        Of the model.
    errors : list of str
        For each kind of kernel, median and 90th percentile of |error| over the rows left out.
    """
    document = model_document(name)
    errors = [
        _fit_products(table, gpu, document, source),
        _fit_elementwise(table, gpu, document, source),
        _fit_decode(table, gpu, document, source),
        _fit_prompts(table, gpu, document, source),
    ]
    if any(prompt and decodes for prompt, _, decodes, _ in table.attention):
        errors.append(_fit_mixed(table, gpu, document, source))
    return document, errors


def _layers(document: Mapping[str, Any]) -> int:
    return int(document["layers"]["value"])


def _bandwidth(gpu: Profile) -> float:
    return float(gpu.bandwidth_bytes_per_s)


def _halves(n: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    return np.arange(0, n, 2), np.arange(1, n, 2)


def _told(kind: str, errors: Vector) -> str:
    size = np.abs(errors)
    middle, high = 100 * np.median(size), 100 * np.quantile(size, 0.9)
    return f"{kind} {middle:.1f} and {high:.1f} % ({size.size} rows)"


def _fit_products(table: KernelTable, gpu: Profile, document: dict[str, Any], source: str) -> str:
    tokens = np.array([n for n in sorted(table.dense["qkv_proj"]) if n <= _MOST_TOKENS], dtype=np.float64)
    seconds = np.array([sum(table.dense[name][int(n)] for name in _PRODUCTS) for n in tokens])
    seconds *= _layers(document)
    flop = document["flop_per_token"]["value"] / gpu.flop_per_s["fp16"]
    read = document["flop_per_token"]["value"] / _bandwidth(gpu)  # two FLOP, two bytes a parameter

    seen, left = _halves(tokens.size)
    knots = [knot for knot in _KNOTS if any(knot / _NEAR <= n <= knot * _NEAR for n in tokens[seen])]

    def predict(numbers: Vector, n: Vector) -> Vector:
        efficiency = np.interp(np.log(n), np.log(knots), numbers[1:])
        return np.asarray(np.hypot(read / numbers[0], n * flop / efficiency))

    start = [0.75] * (1 + len(knots))
    found = fit_positive(lambda x: predict(np.minimum(x, 1), tokens[seen]), list(seconds[seen]), start)
    found = np.minimum(found, 1)
    weights = document["formats"]["fp16"]
    weights["gemm_bandwidth_efficiency"] = figure(float(found[0]), source)
    document["gemm_floor_s"] = figure(0.0, "within the efficiencies")
    curve = [[n, float(e)] for n, e in zip(knots, found[1:], strict=True)]
    weights["gemm_flop_efficiency"] = {"value": curve, "source": source, "grade": "derived"}
    return _told("matrix products", predict(found, tokens[left]) / seconds[left] - 1)


def _fit_elementwise(table: KernelTable, gpu: Profile, document: dict[str, Any], source: str) -> str:
    tokens = np.array([n for n in sorted(table.dense["layernorm"]) if n <= _MOST_TOKENS], dtype=np.float64)
    seconds = np.array([sum(c * table.dense[k][int(n)] for k, c in _ELEMENTWISE.items()) for n in tokens])
    seconds *= _layers(document)

    def predict(numbers: Vector, n: Vector) -> Vector:
        return np.asarray(np.hypot(numbers[0], n * numbers[1] / _bandwidth(gpu)))

    seen, left = _halves(tokens.size)
    found = fit_positive(lambda x: predict(x, tokens[seen]), list(seconds[seen]), [3e-4, 3e6])
    document["elementwise_floor_s"] = figure(float(found[0]) / gpu.llm_latency_share, source)
    document["elementwise_bytes_per_token"] = figure(float(found[1]), source)
    return _told("elementwise", predict(found, tokens[left]) / seconds[left] - 1)


def _columns(table: KernelTable, wanted: Callable[[int, int, int, int], bool]) -> tuple[Vector, Vector]:
    """Shapes (rows, 4) and seconds of the attention rows that are wanted."""
    rows = [(key, seconds) for key, seconds in sorted(table.attention.items()) if wanted(*key)]
    return np.array([key for key, _ in rows], dtype=np.float64), np.array([seconds for _, seconds in rows])


def _kv_seconds(document: Mapping[str, Any], gpu: Profile, tokens: Vector) -> Vector:
    """What reading the keys and values of one layer takes at the full bandwidth."""
    per_token = document["formats"]["fp16"]["kv_bytes_per_token"]["value"] / _layers(document)
    return np.asarray(tokens * per_token / _bandwidth(gpu))


def _fit_decode(table: KernelTable, gpu: Profile, document: dict[str, Any], source: str) -> str:
    shapes, seconds = _columns(table, lambda p, c, n, k: p == 0 and n > 0 and k >= _LEAST_CONTEXT)
    sequences, reading = shapes[:, 2], _kv_seconds(document, gpu, shapes[:, 2] * shapes[:, 3])

    def predict(numbers: Vector, rows: npt.NDArray[np.intp]) -> Vector:
        rising = numbers[1] + numbers[2] * np.log2(sequences[rows])
        return np.asarray(numbers[0] + reading[rows] / np.minimum(np.minimum(rising, numbers[3]), 1))

    seen, left = _halves(seconds.size)
    found = fit_positive(lambda x: predict(x, seen), list(seconds[seen]), [1e-5, 0.5, 0.05, 0.8])
    floor = float(found[0]) * _layers(document) / gpu.llm_latency_share
    document["attention_floor_s"] = figure(floor, source)
    document["kv_efficiency_base"] = figure(min(1.0, float(found[1])), source)
    document["kv_efficiency_slope"] = figure(float(found[2]), source)
    document["kv_efficiency_max"] = figure(min(1.0, float(found[3])), source)
    return _told("decode attention", predict(found, left) / seconds[left] - 1)


def _floor(gpu: Profile, document: Mapping[str, Any]) -> float:
    return float(document["attention_floor_s"]["value"] / _layers(document) * gpu.llm_latency_share)


def _prompt_seconds(gpu: Profile, document: Mapping[str, Any], shapes: Vector, efficiency: float) -> Vector:
    new, context = shapes[:, 0], shapes[:, 1]
    pairs = new * context + new * (new + 1) / 2
    flop = pairs * document["attention_flop_per_pair"]["value"] / _layers(document)
    reading = _kv_seconds(document, gpu, context) / document["kv_efficiency_base"]["value"]
    return np.asarray(_floor(gpu, document) + flop / (gpu.flop_per_s["fp16"] * efficiency) + reading)


def _fit_prompts(table: KernelTable, gpu: Profile, document: dict[str, Any], source: str) -> str:
    shapes, seconds = _columns(table, lambda p, c, n, k: p >= _LEAST_PIECE and c <= _MOST_TOKENS and n == 0)
    seen, left = _halves(seconds.size)
    found = fit_positive(
        lambda x: _prompt_seconds(gpu, document, shapes[seen], x[0]), list(seconds[seen]), [0.5]
    )
    efficiency = min(1.0, float(found[0]))
    document["attention_flop_efficiency"] = figure(efficiency, source)
    predicted = _prompt_seconds(gpu, document, shapes[left], efficiency)
    return _told("prompt attention", predicted / seconds[left] - 1)


def _fit_mixed(table: KernelTable, gpu: Profile, document: dict[str, Any], source: str) -> str:
    shapes, seconds = _columns(
        table,
        lambda p, c, n, k: (
            p >= _LEAST_PIECE
            and c <= _MOST_TOKENS
            and n >= _MANY_DECODES
            and _LEAST_CONTEXT <= k <= _MOST_TOKENS
        ),
    )
    prompts = _prompt_seconds(gpu, document, shapes, document["attention_flop_efficiency"]["value"])
    reading = _kv_seconds(document, gpu, shapes[:, 2] * shapes[:, 3])
    seen, left = _halves(seconds.size)
    found = fit_positive(lambda x: prompts[seen] + reading[seen] / x[0], list(seconds[seen]), [0.5])
    efficiency = min(1.0, float(found[0]))
    document["kv_efficiency_mixed"] = figure(efficiency, source)
    return _told("decodes beside prompts", (prompts + reading / efficiency)[left] / seconds[left] - 1)
