"""Model cards: the kernels of a step, as CUPTI saw them in a replay of its graph -> cards.json."""

from __future__ import annotations

import json
import math
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .shapes import Step, step_gbyte, step_gflop

if TYPE_CHECKING:
    from .stepper import Stepper

REPLAYS = 3
NAME_LENGTH = 60


def profile_step(stepper: Stepper, step: Step) -> dict[str, Any]:
    """One replay's kernels, from a trace of `REPLAYS` replays: durations in microseconds, grids in blocks."""
    import torch

    graph = stepper.graphs[step]
    graph.replay()
    torch.cuda.synchronize()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
        for _ in range(REPLAYS):
            graph.replay()
            torch.cuda.synchronize()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events = json.loads(path.read_text())["traceEvents"]
    limits = torch.cuda.get_device_properties(0)
    return _card([e for e in events if e.get("cat") in ("kernel", "gpu_memcpy", "gpu_memset")], limits)


def _card(events: list[dict[str, Any]], limits: Any) -> dict[str, Any]:
    kernels = sorted((e for e in events if e["cat"] == "kernel"), key=lambda e: e["ts"])
    if not kernels or len(kernels) % REPLAYS:
        raise RuntimeError(f"{len(kernels)} kernels seen in {REPLAYS} replays of one graph")
    count = len(kernels) // REPLAYS
    durations = [e["dur"] for e in kernels]
    busy_us = sum(durations) / REPLAYS
    spans = [kernels[(r + 1) * count - 1]["ts"] + kernels[(r + 1) * count - 1]["dur"] - kernels[r * count]["ts"]
             for r in range(REPLAYS)]  # fmt: skip
    blocks = [math.prod(e["args"]["grid"]) for e in kernels]
    waves = [block_waves(e["args"], limits) for e in kernels]
    block_us = [dur / math.ceil(w) for dur, w in zip(durations, waves)]
    return {
        "kernels": count,
        "copies": (len(events) - len(kernels)) // REPLAYS,
        "busy_us": round(busy_us, 2),
        "span_us": round(sorted(spans)[REPLAYS // 2], 2),
        "mean_kernel_us": round(busy_us / count, 3),
        "time_weighted_kernel_us": round(_weighted(durations, durations), 3),
        "longest_kernel_us": round(max(durations), 2),
        "mean_blocks": round(sum(blocks) / len(blocks), 1),
        "time_weighted_blocks": round(_weighted(blocks, durations), 1),
        "time_weighted_waves": round(_weighted(waves, durations), 3),
        "time_weighted_wave_us": round(_weighted(block_us, durations), 3),
        "full_share": round(sum(d for d, w in zip(durations, waves) if w >= 1) / sum(durations), 4),
        "groups": _groups(kernels, waves),
    }


def block_waves(args: dict[str, Any], limits: Any) -> float:
    """Blocks of a kernel over the blocks that the whole GPU holds at once (threads, registers, shared memory)."""
    threads = math.prod(args["block"])
    warps = math.ceil(threads / 32)
    by_threads = limits.max_threads_per_multi_processor // (32 * warps)
    registers = math.ceil(args.get("registers per thread", 32) * 32 / 256) * 256 * warps
    by_registers = limits.regs_per_multiprocessor // max(registers, 1)
    shared = args.get("shared memory", 0) + 1024
    by_shared = limits.shared_memory_per_multiprocessor // shared
    per_sm = max(1, min(by_threads, by_registers, by_shared, 32))
    return math.prod(args["grid"]) / (per_sm * limits.multi_processor_count)


def _weighted(values: list[float], weights: list[float]) -> float:
    return sum(v * w for v, w in zip(values, weights)) / sum(weights)


def _groups(kernels: list[dict[str, Any]], waves: list[float]) -> list[list[Any]]:
    """Kernels of one name and launch together, by total time: see `COLUMNS`."""
    groups: dict[tuple, list[float]] = defaultdict(list)
    facts = {}
    for event, wave in zip(kernels, waves):
        args = event["args"]
        key = (event["name"], tuple(args["grid"]), tuple(args["block"]))
        groups[key].append(event["dur"])
        facts[key] = (args.get("registers per thread", 0), args.get("shared memory", 0), round(wave, 3))
    rows = [
        [_short(key[0]), len(durations) // REPLAYS, round(sum(durations) / len(durations), 3),
         math.prod(key[1]), math.prod(key[2]), *facts[key]]
        for key, durations in groups.items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: -row[1] * row[2])


COLUMNS = ["kernel", "count", "mean_us", "blocks", "threads", "registers", "shared_bytes", "waves"]


def _short(name: str) -> str:
    """The kernel's name without return type, namespaces and most template arguments."""
    name = name.removeprefix("void ").replace("at::native::", "").replace("(anonymous namespace)::", "")
    return name[:NAME_LENGTH]


def card_row(step: Step, gpu_ms: float, card: dict[str, Any]) -> dict[str, Any]:
    """A row of cards.json: the step, its time without the profiler, its work and its kernels."""
    return {
        "model": step.model, "step": step.step, "batch": step.batch, "n": step.n, "precision": step.precision,
        "gpu_ms": round(gpu_ms, 4), "gflop": round(step_gflop(step), 2), "gbyte": round(step_gbyte(step), 4), **card,
    }  # fmt: skip
