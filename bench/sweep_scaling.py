"""Print how long 19 layouts x 6 loads x 8 replications of voice-heavy take on one core, and on all by each executor.

Usage: bench/sweep_scaling.py [PROCESSES]    (by default one a core)

CPU seconds beside wall seconds say how quiet the machine was: their ratio is the cores that the sweep had.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import gpushare as gs
from gpushare.study.runner import cores

REPLICATIONS = 8


def cpu_seconds() -> float:
    """Of this process and those that it has ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def timed(name: str, run: Callable[[], Any]) -> tuple[float, Any]:
    """Print and return the wall seconds of a call, with what it gives."""
    cpu, start = cpu_seconds(), time.perf_counter()
    found = run()
    wall = time.perf_counter() - start
    print(
        f"{name:<24} {wall:6.2f} s wall, {cpu_seconds() - cpu:6.2f} s CPU, ratio {(cpu_seconds() - cpu) / wall:.2f}"
    )
    return wall, found


def on_processes(count: int) -> Any:
    """The table by a pool that is started and ended here."""
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        return gs.sweep(points(), replications=REPLICATIONS, executor=pool)


def points() -> list[gs.Point]:
    """The grid; 8 of the layouts cannot hold the services."""
    return gs.grid("voice-heavy", users=[5, 10, 20, 30, 40, 50], layout=gs.mig.layouts("a100"))


def main() -> None:
    """Print a line for each executor."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else cores()
    alone, expected = timed("1 process", lambda: on_processes(1))
    many, found = timed(f"{count} processes", lambda: on_processes(count))
    shared, other = timed(
        f"{count} threads", lambda: gs.sweep(points(), replications=REPLICATIONS, threads=count)
    )
    assert expected.table == found.table == other.table
    print(
        f"{count} processes are {alone / many:.2f} times, threads {alone / shared:.2f} times as fast as one"
    )


if __name__ == "__main__":
    main()
