"""Co-run scenarios: each client alone, then all together, in the same pinned processes -> measured.json."""

from __future__ import annotations

import time
from typing import Any

from . import traffic
from .memory import card_gbyte, fitting_batches, union
from .saturated import Shares, open_pool
from .shapes import Step
from .store import Tree, read_json, write_json
from .task import POOL_START_S, Options, Task
from .workers import Pool

COLUMNS = ["arrival_s", "wait_ms", "first_ms", "done_ms"]
MODES = ("time-slicing", "mps", "mps-capped")
ALONE_S = 2.5
SHARED_S = 8.0
START_S = 0.05
Scenario = dict[str, Any]


def load_scenarios(options: Options) -> dict[str, Scenario]:
    """The scenarios of the given file or the built-in ones, less those not named by `--only`."""
    found = traffic.built_in(options.sets)
    if options.scenario_file:
        found = read_json(options.scenario_file, {})
    names = options.only.split(",") if options.only else (list(found)[:2] if options.quick else list(found))
    return {name: found[name] for name in names}


def shares_of(scenario: Scenario, mode: str) -> Shares:
    """MPS percentages of a mode; None for time-slicing."""
    return None if mode == "time-slicing" else scenario["mps_active_thread_percentage"][mode]


def client_steps(client: dict[str, Any]) -> set[Step]:
    """The steps that a client's jobs need."""
    return {
        Step(client["model"], name, batch, n) for _, parts in client["jobs"] for name, batch, n, _ in parts
    }


def client_needs(scenario: Scenario) -> list[set[Step]]:
    """The steps of each client."""
    return [client_steps(client) for client in scenario["clients"]]


def batches(scenarios: dict[str, Scenario], mode: str, gbyte: float) -> list[list[str]]:
    """Scenarios that can use one pool: equal caps, and all models in the card's memory."""
    by_shares: dict[tuple, list[str]] = {}
    for name, scenario in scenarios.items():
        by_shares.setdefault(
            tuple(shares_of(scenario, mode) or ()) if mode == "mps-capped" else (), []
        ).append(name)
    return [
        batch
        for names in by_shares.values()
        for batch in fitting_batches(names, lambda name: client_needs(scenarios[name]), gbyte)
    ]


def scenario_tasks(options: Options) -> list[Task]:
    """One task for each pool of scenarios in each mode."""
    scenarios = load_scenarios(options)
    gbyte = card_gbyte(options.gpu)
    tasks = []
    for mode in MODES:
        for names in batches(scenarios, mode, gbyte):
            seconds = POOL_START_S + sum(9.0 + ALONE_S * len(scenarios[name]["clients"]) for name in names)
            run = lambda m=mode, n=names: measure(options, {x: scenarios[x] for x in n}, m)  # noqa: E731
            tasks.append(Task(f"scenarios: {mode} {', '.join(names)}", seconds, run))
    return tasks


def measure(options: Options, scenarios: dict[str, Scenario], mode: str) -> None:
    """Measures what is missing of the scenarios in one mode, with one pool."""
    path = options.out / "scenarios.json"
    write_json(path, {**read_json(path, {}), **scenarios})
    table = Tree(options.out / ("measured_repeat.json" if options.repeat else "measured.json"))
    wanted = {name: scenario for name, scenario in scenarios.items() if not table.has(name, mode)}
    if not wanted:
        return
    steps = union([client_needs(scenario) for scenario in wanted.values()])
    shares = shares_of(next(iter(wanted.values())), mode)
    if shares is not None:
        shares = shares + [100] * (len(steps) - len(shares))
    with open_pool(options, steps, shares) as pool:
        for name, scenario in wanted.items():
            record = run_scenario(pool, scenario)
            table.put(
                name, mode, record if mode != "mps-capped" else _capped(record, table.data.get(name, {}))
            )


def run_scenario(pool: Pool, scenario: Scenario) -> dict[str, Any]:
    """Alone and shared rows of all clients."""
    clients = scenario["clients"]
    alone = [_serve(pool, {i: client}, ALONE_S)[i] for i, client in enumerate(clients)]
    shared = _serve(pool, dict(enumerate(clients)), SHARED_S)
    return {
        "same_processes": True,
        "stop_after_s": SHARED_S,
        "alone": alone,
        "shared": [shared[i] for i in range(len(clients))],
    }


def _serve(pool: Pool, clients: dict[int, dict[str, Any]], stop_after_s: float) -> dict[int, dict[str, Any]]:
    start_s = time.monotonic() + START_S
    calls = {
        i: ("serve", (client["model"], client["jobs"], start_s, stop_after_s))
        for i, client in clients.items()
    }
    rows = pool.call_together(calls)
    return {i: {"model": clients[i]["model"], "columns": COLUMNS, "rows": rows[i]} for i in clients}


def _capped(record: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    """As the data format has it: `alone` on the whole card without MPS; alone under the cap as `alone_capped`."""
    whole = others.get("time-slicing")
    if whole is None:
        return {**record, "alone_capped": record["alone"]}
    return {**record, "same_processes": False, "alone": whole["alone"], "alone_capped": record["alone"]}
