"""What the card is: sizes, clocks, power, and what a context costs in memory -> device.json."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from .machine import Mps, client_environment, query_gpu
from .programs import build
from .store import write_json
from .task import Options, Task

FIELDS = ("name", "driver_version", "clocks.max.sm", "clocks.max.mem", "clocks.sm", "clocks.mem", "power.limit",
          "power.max_limit", "power.draw", "memory.total", "memory.used", "mig.mode.current", "compute_mode",
          "pcie.link.gen.max", "temperature.gpu", "ecc.mode.current")  # fmt: skip


def device_tasks(options: Options) -> list[Task]:
    """One task, first of all while the card is idle."""
    return [Task("device facts", 15.0, lambda: measure(options))]


def measure(options: Options) -> None:
    """Writes device.json, once."""
    path = options.out / "device.json"
    if path.exists():
        return
    power = [
        float(query_gpu(options.gpu, "power.draw")["power.draw"]) for _ in range(10) if not time.sleep(0.3)
    ]
    idle = query_gpu(options.gpu, *FIELDS)
    program = build(options.out / "bin")["facts"]
    facts, context_bytes = _context(program, options.gpu, None)
    with Mps(options.gpu) as mps:
        _, mps_bytes = _context(program, options.gpu, mps.pipe)
    cuda = {name: value for name, value in facts.items() if name != "free_bytes"}
    write_json(path, {**cuda, "context_bytes": context_bytes, "mps_context_bytes": mps_bytes,
                      "idle_power_w": sorted(power)[len(power) // 2], "nvidia_smi_idle": idle,
                      "note": "context_bytes: free memory lost to one more process without work"})  # fmt: skip


def _context(program: Path, gpu: int, pipe: Path | None) -> tuple[dict[str, Any], int]:
    """The facts as the first process sees them, and the bytes that each further process takes."""
    env = {**os.environ, **client_environment(gpu, pipe)}
    with contextlib.ExitStack() as stack:
        seen = []
        for _ in range(3):
            process = subprocess.Popen(
                [str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
            )
            stack.callback(process.wait)
            assert process.stdin is not None and process.stdout is not None
            stack.callback(process.stdin.close)
            seen.append(json.loads(process.stdout.readline()))
        return seen[0], (seen[0]["free_bytes"] - seen[2]["free_bytes"]) // 2
