"""Time slices: endless kernels of N processes by the GPU's global timer -> time_slices.json."""

from __future__ import annotations

import os
from pathlib import Path

from .programs import Client, build, run_together
from .store import read_json, write_json
from .task import Options, Task

SPIN_S = 0.6
NOTE = (
    "[start_ns,end_ns] of every stretch in which a spinning kernel ran, one list a process, GPU global timer"
)


def slice_tasks(options: Options) -> list[Task]:
    """One task for each number of processes; `spin1blk` is two processes of one block."""
    runs = {
        "spin1": (1, 0),
        "spin2": (2, 0),
        "spin3": (3, 0),
        "spin4": (4, 0),
        "spin8": (8, 0),
        "spin1blk": (2, 1),
    }
    if options.quick:
        runs = {name: runs[name] for name in ("spin1", "spin2", "spin4")}
    return [
        Task(f"slices: {name}", 3.0, lambda n=name, r=run: measure(options, n, *r))
        for name, run in runs.items()
    ]


def measure(options: Options, name: str, processes: int, blocks: int) -> None:
    """Runs one set of spinning processes, each on its own core."""
    path: Path = options.out / "time_slices.json"
    data = read_json(path, {"note": NOTE, "runs": {}})
    if name in data["runs"]:
        return
    programs = build(options.out / "bin")
    arguments = {"seconds": SPIN_S} | ({"blocks": blocks} if blocks else {})
    cores = sorted(os.sched_getaffinity(0))
    clients = [
        Client(programs["spin"], arguments, options.gpu, None, None, cores[(i + 1) % len(cores)])
        for i in range(processes)
    ]
    data["runs"][name] = run_together(clients)
    write_json(path, data)
