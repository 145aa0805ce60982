"""Step times by shape, dedicated and by share of the SMs, and the model cards."""

from __future__ import annotations

from typing import Any

from . import plan
from .cards import COLUMNS, card_row
from .saturated import open_pool
from .shapes import PARAMS, Step, step_gbyte, step_gflop
from .store import Table
from .task import POOL_START_S, Options, Task


def _key(row: dict[str, Any]) -> tuple:
    return (row.get("active_thread_percentage"), row["model"], row["step"], row["batch"], row["n"])


def step_tasks(options: Options) -> list[Task]:
    """The dedicated table, then one task a share."""
    tasks = []
    for share in [None, *(plan.STEP_SHARES[::2] if options.quick else plan.STEP_SHARES)]:
        steps = plan.step_plan(share is not None, options.quick)
        title = "steps: dedicated" if share is None else f"steps: MPS {share} %"
        run = lambda s=steps, p=share: measure_steps(options, s, p)  # noqa: E731
        tasks.append(Task(f"{title}, {len(steps)} shapes", POOL_START_S + 0.6 * len(steps), run))
    return tasks


def measure_steps(options: Options, steps: list[Step], share: int | None) -> None:
    """Measures what is missing of the steps on the whole card, or at a share of the SMs."""
    name = "steps_dedicated.json" if share is None else "steps_by_sm_share.json"
    note = (
        "whole card, no MPS daemon"
        if share is None
        else "under the MPS daemon, one client at that active-thread percentage"
    )
    table = Table(options.out / name, _key, {"note": note})
    wanted = [step for step in steps if (share, step.model, step.step, step.batch, step.n) not in table]
    if not wanted:
        return
    with open_pool(options, [wanted], None if share is None else [share]) as pool:
        for step in wanted:
            gpu_ms, synced_ms = pool.call(0, "alone", step, 0.1 if options.quick else 0.3)
            row = step_row(step, pool.facts[0]["sms"], gpu_ms, synced_ms)
            table.add(row if share is None else {"active_thread_percentage": share, **row})
    table.save()


def step_row(step: Step, sms: int, gpu_ms: float, synced_ms: float) -> dict[str, Any]:
    """A row of the step tables."""
    row: dict[str, Any] = {"model": step.model, "params": PARAMS[step.family], "sms": sms, "step": step.step,
                           "batch": step.batch, "n": step.n, "gpu_ms": round(gpu_ms, 4),
                           "synced_ms": round(synced_ms, 4), "gflop": round(step_gflop(step), 2),
                           "gbyte": round(step_gbyte(step), 4)}  # fmt: skip
    return row if step.precision == "bf16" else {**row, "precision": step.precision}


def card_tasks(options: Options) -> list[Task]:
    """All cards in one worker: times first, then the profiler, which slows what comes after it."""
    steps = plan.card_plan(options.quick)
    title = f"cards: {len(steps)} shapes"
    return [Task(title, POOL_START_S + 1.5 * len(steps), lambda: measure_cards(options, steps))]


def measure_cards(options: Options, steps: list[Step]) -> None:
    """Measures what is missing of the cards."""
    header = {"note": "kernels of one replay; times in us", "group_columns": COLUMNS}
    table = Table(options.out / "cards.json", _key, header)
    wanted = [step for step in steps if (None, step.model, step.step, step.batch, step.n) not in table]
    if not wanted:
        return
    with open_pool(options, [wanted], None) as pool:
        times = {step: pool.call(0, "alone", step, 0.1)[0] for step in wanted}
        for step in wanted:
            table.add(card_row(step, times[step], pool.call(0, "card", step)))
            table.save()
