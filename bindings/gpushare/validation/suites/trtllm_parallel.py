"""TensorRT-LLM's published maximum throughput over several GPUs: dense networks and a mixture of experts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from ...scenario.profiles import profile
from ..documents import figure, measured, model_document
from ..report import Report, Row, Target
from ..serving_runs import Requests, replay

__all__ = ["run"]

Role = Literal["prediction", "calibration"]

_PRECISION = "fp16"
#: As the engines were built and run; tokens of a block are the engine's default.
_REQUESTS, _SEQUENCES, _TOKENS_PER_ITERATION, _BLOCK_TOKENS, _KV_SHARE = 2000, 2048, 2048, 64, 0.9
#: Workspace beside the weights, of each GPU; assumed.
_WORKSPACE = 2e9
#: The row that gives the host time of a sequence: one GPU.
_FITTED = ("a100", "llama-3-8b", 1, 128, 128)
_SHIPPED = {
    "llama-3-8b": "llama-3.1-8b",
    "llama-3-70b": "llama-3.1-70b",
    "llama-2-70b": "llama-3.1-70b",
    "mixtral-8x7b": "mixtral-8x7b",
}
_LLAMA2_VOCABULARY = 32_000

_NOTES = [
    "Nothing of several GPUs is fitted: the links are those of the cards' profiles, the models those that are "
    "shipped, and the host time of a sequence comes from one row of one GPU.",
    "Workspace (2 GB a GPU) and 64 tokens a block are assumed. Out of cache, the latest sequence is computed again "
    "later (scheduler policy max_utilization).",
    "Llama 2 70B is the shipped Llama 3.1 70B with a vocabulary of 32,000. On A100 an expert's share of the tokens "
    "was taken into account after a first look at Mixtral's rows.",
]


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite; `data` is not used (see `registry.run_suite`)."""
    told = measured("trtllm-parallel.json")
    host_s = _host_per_sequence(told)
    rows: list[Row] = []
    for done, table in enumerate(told["tables"]):
        rows += [_row(table["gpu"], table["model"], row, host_s) for row in table["rows"]]
        if progress:
            progress((done + 1) / len(told["tables"]))
    return Report(
        suite="trtllm-parallel",
        title=told["title"],
        calibrated_on=f"one host time a sequence and step ({1e6 * host_s:.0f} us), on Llama 3 8B's 128/128 on one A100",
        predicted="the other rows, on one to eight GPUs, in output tokens a second",
        rows=rows,
        targets=[
            Target(_mode(table["gpu"], table["model"], 2), "max", 0.25, 0.12)
            for table in told["tables"]
            if table["rows"][0][0] > 1
        ],
        sources=told["sources"],
        notes=_NOTES,
        in_view={"several a100, mixtral-8x7b": "an expert's share of the tokens"},
    )


def _mode(gpu: str, name: str, gpus: int) -> str:
    return f"one {gpu}, {name}" if gpus == 1 else f"several {gpu}, {name}"


def _row(gpu: str, name: str, row: tuple[int, int, int, float], host_s: float) -> Row:
    gpus, prompt, reply, seen = row
    role: Role = "calibration" if (gpu, name, gpus, prompt, reply) == _FITTED else "prediction"
    found = _tokens_per_s(gpu, name, gpus, prompt, reply, host_s)
    case, mode = f"{prompt}/{reply} on {gpus}", _mode(gpu, name, gpus)
    return Row(case, mode, name, "throughput", "tok/s", seen, found, role=role)


def _host_per_sequence(told: Mapping[str, Any]) -> float:
    """By bisection on the calibration row."""
    gpu, name, gpus, prompt, reply = _FITTED
    table = next(t for t in told["tables"] if (t["gpu"], t["model"]) == (gpu, name))
    seen = next(row[3] for row in table["rows"] if row[:3] == [gpus, prompt, reply])
    low, high = 0.0, 2e-4
    for _ in range(9):
        middle = (low + high) / 2
        if _tokens_per_s(gpu, name, gpus, prompt, reply, middle) > seen:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _tokens_per_s(gpu: str, name: str, gpus: int, prompt: int, reply: int, host_s: float) -> float:
    model = _model(name)
    engine = {
        "kind": "continuous-batching",
        "max_num_seqs": _SEQUENCES,
        "max_num_batched_tokens": _TOKENS_PER_ITERATION,
        "block_size": _BLOCK_TOKENS,
        "kv_blocks": _blocks(gpu, model, gpus),
        "watermark": 0.0,
        "host_per_sequence_s": host_s,
    }
    served = replay(
        Requests([0.0] * _REQUESTS, [prompt] * _REQUESTS, [reply] * _REQUESTS),
        gpu=gpu,
        model=model,
        engine=engine,
        precision=_PRECISION,
        tensor_parallel=gpus,
    )
    return served.tokens_per_s


def _blocks(gpu: str, model: Mapping[str, Any], gpus: int) -> int:
    card, weights = profile(gpu), model["formats"][_PRECISION]
    free = card.memory_bytes - card.context_bytes - _WORKSPACE - weights["weight_bytes"]["value"] / gpus
    return int(_KV_SHARE * free * gpus / (_BLOCK_TOKENS * weights["kv_bytes_per_token"]["value"]))


def _model(name: str) -> dict[str, Any]:
    model = model_document(_SHIPPED[name])
    model["formats"] = {_PRECISION: model["formats"][_PRECISION]}
    if name == "llama-2-70b":
        model = _smaller_vocabulary(model)
    model["activation_bytes"] = figure(_WORKSPACE, "assumed", "assumed")
    model["activation_tokens"] = figure(8192, "assumed: all told", "assumed")
    model["activation_sequences"] = figure(2048, "assumed: all told", "assumed")
    return model


def _smaller_vocabulary(model: Mapping[str, Any]) -> dict[str, Any]:
    """`model` with Llama 2's vocabulary."""
    changed = copy.deepcopy(dict(model))
    source = "vocabulary of 32,000"
    weights = changed["formats"][_PRECISION]
    embedding = _LLAMA2_VOCABULARY * changed["hidden"]["value"]
    fewer = changed["head_flop"]["value"] / 2 - embedding
    changed["head_flop"] = figure(2.0 * embedding, source)
    weights["weight_bytes"] = figure(weights["weight_bytes"]["value"] - 4 * fewer, source)
    weights["read_bytes"] = figure(weights["read_bytes"]["value"] - 2 * fewer, source)
    return changed
