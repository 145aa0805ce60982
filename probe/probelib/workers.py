"""Worker processes that keep their models: forked once, pinned to a core each, told by a pipe what to run."""

from __future__ import annotations

import multiprocessing
import os
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from .machine import ProbeError, client_environment
from .shapes import Step

START_DELAY_S = 0.03


def preload() -> None:
    """Imports PyTorch once, so that forked workers start at once; creates no CUDA context."""
    try:
        import torch  # noqa: F401

        from . import stepper  # noqa: F401
    except ImportError as error:
        raise ProbeError(f"PyTorch with CUDA is needed for this part: {error}") from error


def _work(pipe: Connection, environment: dict[str, str], core: int, steps: list[Step]) -> None:
    os.environ.update(environment)
    os.sched_setaffinity(0, {core})
    try:
        from .cards import profile_step
        from .stepper import Stepper

        stepper = Stepper(steps)
        commands = {"card": lambda step: profile_step(stepper, step)}
        pipe.send(("ok", stepper.facts()))
        while (command := pipe.recv()) is not None:
            name, arguments = command
            run = commands.get(name) or getattr(stepper, name)
            pipe.send(("ok", run(*arguments)))
    except EOFError:
        pass
    except Exception:
        pipe.send(("error", traceback.format_exc()))


class Pool:
    """Workers with captured steps, one a client.

    Parameters
    ----------
    gpu : index of the GPU.
    steps : for each worker the steps it must be able to run.
    pipe : the MPS daemon's directory, or None for time-slicing.
    percentages : active-thread percentage of each worker; None sets none.
    """

    def __init__(self, gpu: int, steps: list[list[Step]], pipe: Path | None = None,
                 percentages: list[int] | None = None) -> None:  # fmt: skip
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) <= len(steps):
            raise ProbeError(f"{len(steps)} clients need {len(steps) + 1} CPU cores; there are {len(cores)}")
        context = multiprocessing.get_context("fork")
        self.pipes: list[Connection] = []
        self.processes = []
        for i, mine in enumerate(steps):
            environment = client_environment(gpu, pipe, percentages[i] if percentages else None)
            here, there = context.Pipe()
            process = context.Process(
                target=_work, args=(there, environment, cores[i + 1], mine), daemon=True
            )
            process.start()
            there.close()
            self.pipes.append(here)
            self.processes.append(process)
        self.facts: list[dict[str, int]] = []

    def __enter__(self) -> Pool:
        try:
            self.facts = [self._receive(i) for i in range(len(self.pipes))]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self.pipes:
            try:
                pipe.send(None)
            except OSError:
                pass
        for process in self.processes:
            process.join(timeout=10)
            if process.is_alive():
                process.kill()

    def _receive(self, worker: int) -> Any:
        try:
            status, value = self.pipes[worker].recv()
        except EOFError:
            raise ProbeError(f"worker {worker} died") from None
        if status != "ok":
            raise ProbeError(f"worker {worker} failed:\n{value}")
        return value

    def call(self, worker: int, name: str, *arguments: Any) -> Any:
        """Runs a method of one worker's `Stepper` and returns its result."""
        self.pipes[worker].send((name, arguments))
        return self._receive(worker)

    def call_together(self, calls: dict[int, tuple[str, tuple]]) -> dict[int, Any]:
        """Runs one method in each of several workers at the same time."""
        for worker, call in calls.items():
            self.pipes[worker].send(call)
        return {worker: self._receive(worker) for worker in calls}

    def saturate(self, steps: dict[int, Step], seconds: float) -> dict[int, list[float]]:
        """Repeats a step in each worker without pause for `seconds`; the start and ends of the steps (s)."""
        start_s = time.monotonic() + START_DELAY_S
        return self.call_together(
            {worker: ("repeat", (step, start_s, start_s + seconds)) for worker, step in steps.items()}
        )
