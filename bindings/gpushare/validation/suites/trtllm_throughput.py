"""TensorRT-LLM's published maximum throughput: 0.12 on an A100 and an H100, 1.0 in FP8 on an H100."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from ...scenario.profiles import Profile, profile
from ..documents import figure, measured, model_document
from ..report import Report, Row, Target
from ..serving_runs import Requests, replay

__all__ = ["run"]

Role = Literal["prediction", "calibration"]

_LLAMA3 = "llama-3.1-8b"
#: Sequences of the largest engine, share of the free memory for keys and values, and workspace beside the weights.
_SEQUENCES, _KV_SHARE, _WORKSPACE = 2048, 0.9, 2e9
#: Tokens of an iteration; assumed.
_TOKENS_PER_ITERATION = 8192
#: Requests of a run: so many times what runs at once. The benchmark counts from the first to the last token too.
_WAVES = 4
#: What 1.0 is simulated with: its preset, without what it takes to hand each sequence's token to a client. The preset's
#: figure is that of a server which streams; the benchmark hands out whole replies.
_OFFLINE = {"preset": "tensorrt-llm", "prefix_caching": False, "beside_per_sequence_s": 0.0}
#: The row that gives the host time of a sequence of 0.12.
_FITTED = ("a100", "llama-3-8b", 128, 128)


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite; `data` is not used (see `registry.run_suite`)."""
    told = measured("trtllm-throughput.json")
    host_s = _host_per_sequence(told)
    rows: list[Row] = []
    for done, table in enumerate(told["tables"]):
        rows += _rows(table, host_s)
        if progress:
            progress((done + 1) / len(told["tables"]))
    return Report(
        suite="trtllm-throughput",
        title=told["title"],
        calibrated_on=f"0.12: one host time a sequence and step ({1e6 * host_s:.0f} us), on Llama 3 8B's 128/128 on "
        "A100; 1.0: nothing",
        predicted="the other rows on A100, and all on H100, in output tokens a second",
        rows=rows,
        targets=[
            Target("a100 fp16, llama-3-8b", "max", 0.12, 0.06),
            Target("a100 fp16, llama-2-7b", "max", 0.12, 0.06),
            Target("h100 fp16, llama-3-8b", "max", 0.12, 0.06),
            Target(_RECENT, "median", 0.08, 0.04),
            Target(_RECENT, "p90", 0.15, 0.08),
        ],
        sources=told["sources"],
        notes=_NOTES,
        in_view={_RECENT: "that 1.0 hands out whole replies"},
    )


_RECENT = "h100 fp8, llama-3.1-8b, 1.0"
_NOTES = [
    "Every sequence reserves room for its prompt and its reply, as the engine does by default, and all requests are "
    "there from the start. Workspace (2 GB), tokens of an iteration (8,192) and the share of memory for keys and "
    "values (0.9 of what is free) are assumed.",
    "Llama 2 7B is the shipped model with its own widths and 32 KV heads; the other is what is shipped.",
    "The host of 0.12 plans each sequence between two steps of the GPU, that of 1.0 is an iteration ahead. 1.0 has its "
    "preset, but without the 50 us beside the GPU that a sequence takes in a server which streams: the benchmark "
    "streams nothing. That was chosen with these rows in view; with it they are up to 41 % slow.",
]


def _rows(table: Mapping[str, Any], host_s: float) -> list[Row]:
    gpu, precision, name = table["gpu"], table["precision"], table["model"]
    rows = []
    for prompt, reply, seen in table["rows"]:
        found = _tokens_per_s(table, prompt, reply, host_s)
        fitted = (gpu, name, prompt, reply) == _FITTED and precision == "fp16"
        case, mode = f"{prompt}/{reply}", f"{gpu} {precision}, {name}"
        if "version" in table:
            mode += f", {table['version']}"
        role: Role = "calibration" if fitted else "prediction"
        rows.append(Row(case, mode, name, "throughput", "tok/s", seen, found, role=role))
    return rows


def _host_per_sequence(told: Mapping[str, Any]) -> float:
    """By bisection on the calibration row."""
    gpu, name, prompt, reply = _FITTED
    table = next(t for t in told["tables"] if (t["gpu"], t["model"]) == (gpu, name))
    seen = next(row[2] for row in table["rows"] if row[:2] == [prompt, reply])
    low, high = 0.0, 2e-4
    for _ in range(9):
        middle = (low + high) / 2
        if _tokens_per_s(table, prompt, reply, middle) > seen:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _tokens_per_s(table: Mapping[str, Any], prompt: int, reply: int, host_s: float) -> float:
    gpu, precision = profile(table["gpu"]), table["precision"]
    model = _model(table)
    sequences = _sequences(gpu, model, precision, prompt + reply)
    count = _WAVES * sequences
    server = {"kind": "continuous-batching", "host_per_sequence_s": host_s}
    engine = {
        **(_OFFLINE if "version" in table else server),
        "max_num_seqs": sequences,
        "max_num_batched_tokens": _TOKENS_PER_ITERATION,
        "gpu_memory_utilization": 0.98,
        "watermark": 0.0,
    }
    served = replay(
        Requests([0.0] * count, [prompt] * count, [reply] * count),
        gpu=table["gpu"],
        model=model,
        engine=engine,
        precision=precision,
    )
    return served.tokens_per_s


def _sequences(gpu: Profile, model: Mapping[str, Any], precision: str, tokens: int) -> int:
    weights = model["formats"][precision]
    free = gpu.memory_bytes - gpu.context_bytes - weights["weight_bytes"]["value"] - _WORKSPACE
    return int(min(_SEQUENCES, _KV_SHARE * free / (tokens * weights["kv_bytes_per_token"]["value"])))


def _model(table: Mapping[str, Any]) -> dict[str, Any]:
    model = model_document(_LLAMA3)
    if table["model"] == "llama-2-7b":
        model = _llama2(model)
    model["activation_bytes"] = figure(_WORKSPACE, "assumed", "assumed")
    model["activation_tokens"] = figure(8192, "assumed: all told", "assumed")
    model["activation_sequences"] = figure(2048, "assumed: all told", "assumed")
    return model


def _llama2(model: Mapping[str, Any]) -> dict[str, Any]:
    """`model` with the widths of Llama 2 7B: a narrower network, a small vocabulary, keys and values of 32 heads."""
    changed = copy.deepcopy(dict(model))
    source = "Llama 2 7B architecture"
    layer, embedding = 202_375_168, 131_072_000
    parameters = changed["layers"]["value"] * layer
    changed["flop_per_token"] = figure(2.0 * parameters, source)
    changed["head_flop"] = figure(2.0 * embedding, source)
    weights = changed["formats"]["fp16"]
    weights["weight_bytes"] = figure(2.0 * (parameters + 2 * embedding), source)
    weights["read_bytes"] = figure(2.0 * (parameters + embedding), source)
    weights["kv_bytes_per_token"] = figure(524_288, f"{source}: 2 x 32 layers x 4,096 x 2 bytes")
    changed["formats"] = {"fp16": weights}
    return changed
