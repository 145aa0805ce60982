"""Small kernels alone and against each other, time-sliced and under MPS -> microbenchmarks.json."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from .machine import Mps
from .programs import Client, build, run_together
from .store import Tree
from .task import Options, Task

Arguments = dict[str, float]
Case = tuple[str, list[Arguments], list[int] | None]

FMA: Arguments = {"kind": 0}
STREAM: Arguments = {"kind": 1, "bytes": 4e9}
L2: Arguments = {"kind": 1, "bytes": 20e6, "passes": 50}
PERIODIC: Arguments = {"kind": 0, "period-ms": 10}
LONG: Arguments = {"kind": 0, "scale": 100, "wait": 1}
FMA_QUEUE: Arguments = {"kind": 0, "scale": 0.1}
STREAM_QUEUE: Arguments = {"kind": 1, "bytes": 0.4e9}
SHORT: Arguments = {"kind": 0, "scale": 0.1, "wait": 1}
FOOTPRINTS = (5, 10, 20, 30, 40, 50, 60, 80, 120, 240)


def time_sliced_cases() -> list[Case]:
    """Without MPS: each work alone, waiting behind queues, saturating pairs, contexts that go idle."""
    return [
        ("fma alone", [FMA], None), ("stream alone", [STREAM], None), ("L2 20MB alone", [L2], None),
        ("periodic alone", [PERIODIC], None), ("periodic vs long fma", [PERIODIC, LONG], None),
        ("periodic vs short fma queue", [PERIODIC, FMA_QUEUE], None),
        ("periodic vs stream queue", [PERIODIC, STREAM_QUEUE], None),
        ("fma x2", [FMA] * 2, None), ("fma x4", [FMA] * 4, None), ("fma+stream", [FMA, STREAM], None),
        ("stream x2", [STREAM] * 2, None), ("L2+stream", [L2, STREAM], None), ("L2 x2", [L2] * 2, None),
        ("short alone", [SHORT], None), ("short x2", [SHORT] * 2, None), ("short x4", [SHORT] * 4, None),
        *((f"read {m}MB alone", [{"kind": 1, "bytes": m * 1e6, "passes": 1000 // m}], None) for m in FOOTPRINTS),
    ]  # fmt: skip


def mps_cases() -> list[Case]:
    """Under MPS: bandwidth, fp32 and L2 by share, and two clients at several shares."""
    cases: list[Case] = [(f"stream alone {p}%", [STREAM], [p]) for p in (5, 10, 20, 30, 40, 50, 60, 80, 100)]
    cases += [
        (f"fma alone {p}%", [FMA], [p])
        for p in (1, 10, 14, 20, 25, 29, 30, 33, 40, 43, 50, 57, 60, 70, 75, 80, 90, 100)
    ]
    cases += [(f"L2 alone {p}%", [L2], [p]) for p in (25, 50, 100)]
    works = {"fma+fma": [FMA, FMA], "stream+stream": [STREAM, STREAM], "fma+stream": [FMA, STREAM],
             "L2+stream": [L2, STREAM], "L2+L2": [L2, L2]}  # fmt: skip
    for shares in ([100, 100], [50, 50], [25, 75], [75, 25]):
        cases += [(f"{name} {shares[0]}/{shares[1]}", work, shares) for name, work in works.items()]
    cases += [("periodic alone", [PERIODIC], [100])]
    for shares in ([100, 100], [50, 50]):
        cases += [(f"periodic vs fma queue {shares[0]}/{shares[1]}", [PERIODIC, FMA_QUEUE], shares)]
    cases += [("periodic vs stream queue 100/100", [PERIODIC, STREAM_QUEUE], [100, 100]),
              ("periodic vs long fma 100/100", [PERIODIC, LONG], [100, 100])]  # fmt: skip
    return cases


def micro_tasks(options: Options) -> list[Task]:
    """One task a mode."""
    seconds = 0.3 if options.quick else 1.0
    tasks = []
    for mode, cases in (("time-slicing", time_sliced_cases()), ("mps", mps_cases())):
        chosen = cases[::3] if options.quick else cases
        run = lambda m=mode, c=chosen: measure(options, m, c, seconds)  # noqa: E731
        tasks.append(Task(f"micro: {mode}, {len(chosen)} cases", (seconds + 0.9) * len(chosen), run))
    return tasks


def measure(options: Options, mode: str, cases: list[Case], seconds: float) -> None:
    """Measures what is missing of the cases of one mode."""
    table = Tree(options.out / "microbenchmarks.json")
    wanted = [case for case in cases if not table.has(mode, case[0])]
    if not wanted:
        return
    programs = build(options.out / "bin")
    cores = sorted(os.sched_getaffinity(0))
    with _daemon(options.gpu, mode) as pipe:
        for name, works, shares in wanted:
            clients = [
                Client(programs["load"], {"seconds": seconds, **work}, options.gpu, pipe,
                       shares[i] if shares else None, cores[(i + 1) % len(cores)])
                for i, work in enumerate(works)
            ]  # fmt: skip
            table.put(mode, name, run_together(clients))


@contextlib.contextmanager
def _daemon(gpu: int, mode: str) -> Iterator[Path | None]:
    if mode == "time-slicing":
        yield None
        return
    with Mps(gpu) as mps:
        yield mps.pipe
