"""Clients that repeat one step without pause: two -> pairs.json, three and four -> groups.json."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from . import plan
from .machine import Mps
from .memory import card_gbyte, fitting_batches, union
from .shapes import Step
from .store import Table
from .task import POOL_START_S, Options, Task
from .workers import Pool, preload

SETTLE_S = 0.04
CLOCK_SETTLES_S = 0.6
Shares = list[int] | None


def mode_of(shares: Shares) -> str:
    """The mode's name in the data files."""
    return "time-slicing" if shares is None else "mps"


@contextlib.contextmanager
def open_pool(options: Options, steps: list[list[Step]], shares: Shares) -> Iterator[Pool]:
    """Workers under a private MPS daemon with these percentages, or without MPS when `shares` is None."""
    preload()
    if shares is None:
        with Pool(options.gpu, steps) as pool:
            yield pool
        return
    with Mps(options.gpu) as mps, Pool(options.gpu, steps, mps.pipe, shares) as pool:
        yield pool


def window_s(alone_ms: list[float], quick: bool) -> float:
    """Length of a measurement in seconds: enough for a few of the longest steps even when all take turns."""
    return min(4.0, max(0.25 if quick else 0.5, 3.5e-3 * sum(alone_ms)))


def whole_steps_ms(times: list[float], end_s: float) -> list[float]:
    """Sorted durations of the steps that lie between the settling time and the end; at least one step."""
    settled_s = times[0] + SETTLE_S
    pairs = list(zip(times, times[1:]))
    whole = [b - a for a, b in pairs if a >= settled_s and b <= end_s]
    whole = whole or [b - a for a, b in pairs[1:-1] or pairs]
    return sorted(1e3 * x for x in whole)


def quantile(ordered: list[float], q: float) -> float:
    """The value at share `q` of a sorted list."""
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


class Saturator:
    """Measures groups of clients in one pool; times alone are measured once for each worker and step."""

    def __init__(self, pool: Pool, shares: Shares, quick: bool) -> None:
        self.pool = pool
        self.shares = shares
        self.quick = quick
        self.alone: dict[tuple[int, Step], float] = {}

    def alone_ms(self, worker: int, step: Step) -> float:
        """Mean time of a step in this worker while the others rest."""
        if (worker, step) not in self.alone:
            if not self.quick:  # prompts reach the power limit, and the clock takes half a second to follow
                self.pool.call(worker, "alone", step, CLOCK_SETTLES_S)
            self.alone[worker, step] = self.pool.call(worker, "alone", step, 0.15 if self.quick else 0.3)[1]
        return self.alone[worker, step]

    def measure(self, steps: list[Step], workers: list[int]) -> dict[str, Any]:
        """The times of a group: lists with one entry a client."""
        alone = [self.alone_ms(worker, step) for worker, step in zip(workers, steps)]
        seconds = window_s(alone, self.quick)
        times = self.pool.saturate(dict(zip(workers, steps)), seconds)
        end_s = min(times[worker][0] for worker in workers) + seconds
        ordered = [whole_steps_ms(times[worker], end_s) for worker in workers]
        return {
            "alone_ms": [round(x, 4) for x in alone],
            "shared_ms": [round(sum(x) / len(x), 4) for x in ordered],
            "p50_ms": [round(quantile(x, 0.5), 4) for x in ordered],
            "p95_ms": [round(quantile(x, 0.95), 4) for x in ordered],
            "count": [len(x) for x in ordered],
        }

    def header(self, steps: list[Step], workers: list[int]) -> dict[str, Any]:
        """Mode, percentages, SMs and precisions of a row."""
        row: dict[str, Any] = {"mode": mode_of(self.shares), "active_thread_percentage": None}
        if self.shares is not None:
            row["active_thread_percentage"] = [self.shares[worker] for worker in workers]
        row["sms"] = [self.pool.facts[worker]["sms"] for worker in workers]
        if any(step.precision != "bf16" for step in steps):
            row["precision"] = [step.precision for step in steps]
        return row


def _key(row: dict[str, Any], clients: list[Any]) -> tuple:
    shares = row["active_thread_percentage"]
    return (row["mode"], tuple(shares or ()), tuple(tuple(client) for client in clients))


def pairs_table(out: Path) -> Table:
    """pairs.json; its rows are told apart by mode, percentages and both steps."""
    return Table(out / "pairs.json", lambda row: _key(row, [row["a"], row["b"]]))


def groups_table(out: Path) -> Table:
    """groups.json; its rows are told apart by mode, percentages and the clients' steps."""
    return Table(out / "groups.json", lambda row: _key(row, row["clients"]))


def pair_tasks(options: Options) -> list[Task]:
    """One task a mode. With unequal shares each pair is taken both ways round."""
    pairs = plan.pair_plan(options.sets, options.quick)
    tasks = []
    for shares in plan.PAIR_SHARES[: 3 if options.quick else 4]:
        both = shares is not None and shares[0] != shares[1]
        count = len({(a, b) for a, b in pairs} | ({(b, a) for a, b in pairs} if both else set()))
        title = f"pairs: {mode_of(shares)} {shares or ''}, {count} pairs"
        tasks.append(
            Task(title, POOL_START_S + 0.75 * count, lambda s=shares: measure_pairs(options, pairs, s))
        )
    return tasks


def measure_pairs(options: Options, pairs: list[tuple[Step, Step]], shares: Shares) -> None:
    """Measures what is missing of the pairs in one mode."""
    table = pairs_table(options.out)
    if shares is not None and shares[0] != shares[1]:
        pairs = list(dict.fromkeys([*pairs, *((b, a) for a, b in pairs)]))
    wanted = [
        p
        for p in pairs
        if (mode_of(shares), tuple(shares or ()), tuple(tuple(s.to_list()) for s in p)) not in table
    ]
    for batch in fitting_batches(wanted, _needs, card_gbyte(options.gpu)):
        with open_pool(options, union([_needs(pair) for pair in batch]), shares) as pool:
            saturator = Saturator(pool, shares, options.quick)
            for pair in batch:
                row = saturator.header(list(pair), [0, 1])
                row |= {"a": pair[0].to_list(), "b": pair[1].to_list()} | saturator.measure(
                    list(pair), [0, 1]
                )
                table.add(row)
                table.save()


def _needs(clients: Sequence[Step]) -> list[set[Step]]:
    return [{step} for step in clients]


def group_tasks(options: Options) -> list[Task]:
    """One task a mode and size: time-slicing, no caps, equal caps."""
    tasks = []
    for size in (3, 4):
        groups = [group for group in plan.GROUPS if len(group) == size][: 2 if options.quick else None]
        for shares in (None, [100] * size, [100 // size] * size):
            title = f"groups: {mode_of(shares)} {shares or ''}, {len(groups)} groups of {size}"
            run = lambda g=groups, s=shares: measure_groups(options, g, s)  # noqa: E731
            tasks.append(Task(title, POOL_START_S + 1.0 * len(groups), run))
    return tasks


def measure_groups(options: Options, groups: list[list[Step]], shares: Shares) -> None:
    """Measures what is missing of the groups in one mode."""
    table = groups_table(options.out)
    clients = [[step.to_list() for step in group] for group in groups]
    wanted = [
        group for group, names in zip(groups, clients)
        if (mode_of(shares), tuple(shares or ()), tuple(map(tuple, names))) not in table
    ]  # fmt: skip
    for batch in fitting_batches(wanted, _needs, card_gbyte(options.gpu)):
        workers = list(range(len(batch[0])))
        with open_pool(options, union([_needs(group) for group in batch]), shares) as pool:
            saturator = Saturator(pool, shares, options.quick)
            for group in batch:
                row = saturator.header(group, workers) | {"clients": [step.to_list() for step in group]}
                table.add(row | saturator.measure(group, workers))
                table.save()
