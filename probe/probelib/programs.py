"""The CUDA programs: built once with nvcc, then started together at one moment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from .machine import ProbeError, client_environment

SOURCES = Path(__file__).resolve().parent.parent / "cuda"
START_DELAY_S = 0.05


def build(folder: Path) -> dict[str, Path]:
    """Compiles `cuda/*.cu` for the GPU of this machine into `folder`; what is newer than its source stays."""
    nvcc = shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    if not Path(nvcc).exists():
        raise ProbeError("no nvcc on the PATH: install the CUDA toolkit")
    folder.mkdir(parents=True, exist_ok=True)
    programs = {}
    for source in sorted(SOURCES.glob("*.cu")):
        program = programs[source.stem] = folder / source.stem
        newest = max(source.stat().st_mtime, (SOURCES / "common.cuh").stat().st_mtime)
        if program.exists() and program.stat().st_mtime > newest:
            continue
        done = subprocess.run([nvcc, "-O3", "-std=c++17", "-arch=native", str(source), "-o", str(program)],
                              capture_output=True, text=True)  # fmt: skip
        if done.returncode != 0:
            raise ProbeError(f"nvcc failed on {source.name}: {done.stderr.strip()}")
    return programs


class Client:
    """One running program, ready to begin."""

    def __init__(self, program: Path, arguments: dict[str, float], gpu: int, pipe: Path | None,
                 percentage: int | None, core: int) -> None:  # fmt: skip
        words = [str(program)]
        for name, value in arguments.items():
            words += [f"--{name}", f"{value:.15g}"]
        env = {**os.environ, **client_environment(gpu, pipe, percentage)}
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )
        os.sched_setaffinity(self.process.pid, {core})

    def await_ready(self) -> None:
        """Waits until the program has its memory and code on the GPU."""
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() != "ready":
            raise ProbeError(f"{self.process.args} did not start")

    def begin(self, time_s: float) -> None:
        """Lets the program start at `time_s` of the monotonic clock."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{time_s:.9f}\n")
        self.process.stdin.flush()

    def result(self) -> Any:
        """What the program printed."""
        output, _ = self.process.communicate(timeout=120)
        if self.process.returncode != 0:
            raise ProbeError(f"{self.process.args} failed")
        return json.loads(output)


def run_together(clients: list[Client]) -> list[Any]:
    """Starts all clients at the same moment and returns what each printed."""
    try:
        for client in clients:
            client.await_ready()
        start_s = time.monotonic() + START_DELAY_S
        for client in clients:
            client.begin(start_s)
        return [client.result() for client in clients]
    finally:
        for client in clients:
            if client.process.poll() is None:
                client.process.kill()
