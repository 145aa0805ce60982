"""Runs inside a worker process: captured steps, and the ways of running them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import torch

from .models.asr import Asr
from .models.llm import Llm, make_cache
from .models.tts import Tts
from .shapes import Step


def spin_until(time_s: float) -> None:
    """Waits for a moment of the monotonic clock, the last millisecond without sleeping."""
    rest_s = time_s - time.monotonic() - 1e-3
    if rest_s > 0:
        time.sleep(rest_s)
    while time.monotonic() < time_s:
        pass


class Stepper:
    """The models of a set of steps, and each step as a captured CUDA graph."""

    def __init__(self, steps: list[Step]) -> None:
        torch.set_num_threads(1)
        self.graphs: dict[Step, torch.cuda.CUDAGraph] = {}
        self.buffers: list[Callable] = []  # the graphs' inputs live as long as their functions
        self.models: dict[str, Llm | Asr | Tts] = {}
        pool = torch.cuda.graph_pool_handle()
        self._build_models(steps)
        with torch.inference_mode():
            for step in steps:
                self.graphs[step] = self._capture(step, pool)
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        self.stream = torch.cuda.current_stream()
        gc.collect()
        gc.freeze()
        gc.disable()

    def _build_models(self, steps: list[Step]) -> None:
        large = [step for step in steps if step.family == "llm"]
        cache = make_cache(large) if large else None
        for name in sorted({step.model for step in steps}):
            mine = [step for step in steps if step.model == name]
            family, precision = mine[0].family, mine[0].precision
            if family == "llm":
                self.models[name] = Llm(mine, precision, cache)
            else:
                self.models[name] = {"asr": Asr, "tts": Tts}[family](mine, precision)

    def _capture(self, step: Step, pool: tuple[int, int]) -> torch.cuda.CUDAGraph:
        run = self.models[step.model].prepare(step)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())  # the inputs are written there
        with torch.cuda.stream(side):
            for _ in range(2):
                run()
        side.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            run()
        graph.replay()
        self.buffers.append(run)
        return graph

    def facts(self) -> dict[str, int]:
        """SMs that this process sees, and the card's free and total memory in bytes."""
        free, total = torch.cuda.mem_get_info()
        sms = torch.cuda.get_device_properties(0).multi_processor_count
        return {"sms": sms, "free_bytes": free, "total_bytes": total}

    def alone(self, step: Step, seconds: float) -> tuple[float, float]:
        """Milliseconds a step: back to back by events, and with one wait a step by the clock."""
        graph = self.graphs[step]
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        graph.replay()
        self.stream.synchronize()
        synced, count = self._synced(step, seconds)
        count = (count + 1) // 2
        begin.record()
        for _ in range(count):
            graph.replay()
        end.record()
        self.stream.synchronize()
        return begin.elapsed_time(end) / count, synced

    def _synced(self, step: Step, seconds: float) -> tuple[float, int]:
        times = self.repeat(step, time.monotonic(), time.monotonic() + seconds)
        while len(times) < 4:
            times += self.repeat(step, times[-1], times[-1])[1:]
        return (times[-1] - times[0]) / (len(times) - 1) * 1e3, len(times) - 1

    def repeat(self, step: Step, start_s: float, end_s: float) -> list[float]:
        """Repeats a step from `start_s` until one ends after `end_s`; the start, then each end, in seconds."""
        graph, stream, clock = self.graphs[step], self.stream, time.monotonic
        spin_until(start_s)
        times = [clock()]
        while True:
            graph.replay()
            stream.synchronize()
            times.append(clock())
            if times[-1] >= end_s:
                return times

    def serve(self, model: str, jobs: list, start_s: float, stop_after_s: float) -> list[list[float]]:
        """Serves jobs in order, one at a time: rows of arrival (s), wait, first and done (ms from arrival)."""
        rows = []
        for arrival_s, parts in jobs:
            due_s = start_s + arrival_s
            if max(due_s, time.monotonic()) - start_s > stop_after_s:
                break
            spin_until(due_s)
            wait_s = time.monotonic() - due_s
            first_s = self._run_job(model, parts)
            done_s = time.monotonic()
            rows.append(
                [arrival_s] + [round((t - due_s) * 1e3, 4) for t in (due_s + wait_s, first_s, done_s)]
            )
        return rows

    def _run_job(self, model: str, parts: list) -> float:
        """Runs the job's steps; the time at which the first ended."""
        first_s = 0.0
        for name, batch, n, repeats in parts:
            graph = self.graphs[Step(model, name, batch, n)]
            for _ in range(repeats):
                graph.replay()
                self.stream.synchronize()
                first_s = first_s or time.monotonic()
        return first_s
