"""What measured instances serve when requests come as they like: queues and filling batches included."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..scenario import mig
from ..scenario.scenario import Scenario
from ..study.simulation import simulate
from .table_answer import Measured, Placed, TablePlan

__all__ = ["queued_scenario", "tail_latencies", "with_queues"]

#: Bisections of a rate, requests of each run, and what is kept from the rate found, for luck.
_STEPS = 8
_REQUESTS = 20_000
_KEPT = 0.95


def with_queues(
    table: Sequence[Measured], slo_s: float, *, gpu: str = "a100", seed: int = 1
) -> list[Measured]:
    """A table whose throughput is the Poisson rate up to which 99 % of the requests are done within the objective.

    Every instance is a server of its own with Triton's batching: a process that is idle takes what waits, up to its
    batch. A step takes what the table says of so many requests, or a little more: a straight line through the largest
    batch, above all smaller ones.

    Parameters
    ----------
    table : sequence of Measured
        As from `read_table`.
    slo_s : float
        The objective, for the 99th percentile of the time from arrival to answer.
    gpu : str
        A kind of GPU with MIG.
    seed : int
        Of the runs.

    Returns
    -------
    list of Measured
        For each size and number of processes the batch that serves most; those that serve nothing are left out.
    """
    result = []
    for slices, processes in sorted({(row.slices, row.processes) for row in table}):
        rows = [row for row in table if (row.slices, row.processes) == (slices, processes)]
        # Half of the objective goes to the step before: larger batches serve less.
        caps = [row for row in rows if step_s(row) < 0.6 * slo_s][-2:]
        rates = {row: _sustained(row, rows, slo_s, gpu, seed) for row in caps}
        if rates and max(rates.values()) > 0:
            best = max(rates, key=lambda row: rates[row])
            result.append(replace(best, throughput_per_s=_KEPT * rates[best] / processes))
    return result


def step_s(row: Measured) -> float:
    """Time of a step: the tables' latencies are rounded to a millisecond, their throughputs are not."""
    return row.batch / row.throughput_per_s


def _line(row: Measured, rows: Sequence[Measured]) -> tuple[float, float]:
    """Seconds of a step and of each request in it, nowhere below what was measured up to the row's batch."""
    smaller = [other for other in rows if other.batch < row.batch]
    each = min(((step_s(row) - step_s(o)) / (row.batch - o.batch) for o in smaller), default=0.0)
    each = min(max(0.0, each), step_s(row) / row.batch)
    return step_s(row) - each * row.batch, each


def _sustained(row: Measured, rows: Sequence[Measured], slo_s: float, gpu: str, seed: int) -> float:
    low, high = 0.0, row.total_per_s
    for _ in range(_STEPS):
        rate = (low + high) / 2
        plan = TablePlan([f"{_instance(gpu, row.slices)}@0"], [Placed(0, "", "s", row)])
        scenario = queued_scenario(plan, {"s": rows}, {"s": rate}, gpu=gpu, duration_s=_REQUESTS / rate)
        if _tail(simulate(scenario, seed=seed, record_requests=False).summary(), "s") <= slo_s:
            low = rate
        else:
            high = rate
    return low


def _instance(gpu: str, slices: int) -> str:
    names: set[str] = {
        part["name"].split("@")[0] for layout in mig.multisets(gpu) for part in layout.partitions
    }
    return next(name for name in sorted(names) if name.partition("g")[0] == str(slices))


def queued_scenario(
    plan: TablePlan,
    tables: Mapping[str, Sequence[Measured]],
    rates: Mapping[str, float],
    *,
    gpu: str = "a100",
    duration_s: float = 60.0,
) -> Scenario:
    """A plan of tables as a scenario: Poisson arrivals, spread over a service's instances by their throughput.

    Parameters
    ----------
    plan : TablePlan
        What runs where.
    tables : mapping of str to sequence of Measured
        The measurements, for the times of steps with smaller batches.
    rates : mapping of str to float
        Requests a second of each service.
    gpu : str
        The kind of GPU.
    duration_s : float
        Of the run; a twentieth of it is not looked at.

    Returns
    -------
    Scenario
        Instances of a service that are alike are one service of the scenario, such as ``resnet50/3g/b64/p2``.
    """
    document: dict[str, Any] = {
        "name": "measured instances",
        "duration_s": duration_s,
        "warmup_s": duration_s / 20,
        "services": {},
        "pipelines": {},
        "traffic": [],
    }
    alike = Counter((one.service, one.measured) for one in plan.placed)
    for (service, row), count in alike.items():
        name = _name(service, row)
        rows = [o for o in tables[service] if (o.slices, o.processes) == (row.slices, row.processes)]
        share = count * row.total_per_s / plan.throughput(service)
        document["services"][name] = _service(name, row, rows)
        document["pipelines"][name] = {"stages": [{"name": name, "service": name}]}
        document["traffic"].append(
            {
                "pipeline": name,
                "kind": "open",
                "arrivals": {"kind": "poisson", "rate_per_s": share * rates[service]},
                "sizes": {"units": 1},
            }
        )
    document["placement"] = {"nodes": [{"gpus": _gpus(plan, gpu)}]}
    return Scenario.from_dict(document)


def _name(service: str, row: Measured) -> str:
    return f"{service}-{row.slices}g-b{row.batch}-p{row.processes}"


def _service(name: str, row: Measured, rows: Sequence[Measured]) -> dict[str, Any]:
    alone = next((other for other in rows if other.batch == row.batch), row)
    step, each = _line(alone, rows)
    measured = {"floor_s": step, "floor_per_item_s": each, "memory_bytes": 1e8, "kernels": 1}
    figures = {
        key: {"value": value, "source": "the table", "grade": "measured"} for key, value in measured.items()
    }
    return {
        "model": {"name": name, "kind": "batch", "unit": "request", **figures},
        "engine": {"kind": "dynamic-batching", "max_batch": row.batch},
        "routing": "least-outstanding",
    }


def _gpus(plan: TablePlan, gpu: str) -> list[dict[str, Any]]:
    result = []
    for number, layout in enumerate(plan.layouts):
        parts: list[dict[str, Any]] = []
        for instance in layout.split("+"):
            one = next((o for o in plan.placed if o.gpu == number and o.instance in (instance, "")), None)
            names = [_name(one.service, one.measured)] * one.measured.processes if one is not None else []
            parts.append({"sharing": "mps", "processes": names} if len(names) > 1 else {"processes": names})
        result.append({"profile": gpu, "layout": layout, "partitions": parts})
    return result


def tail_latencies(
    plan: TablePlan,
    tables: Mapping[str, Sequence[Measured]],
    rates: Mapping[str, float],
    *,
    gpu: str = "a100",
    duration_s: float = 60.0,
    replications: int = 4,
    seed: int = 2,
) -> dict[str, float]:
    """The 99th percentile of each service's latency under Poisson arrivals: that of its worst instances.

    Parameters
    ----------
    plan, tables, rates, gpu, duration_s
        As in `queued_scenario`.
    replications, seed : int
        As in `simulate`.

    Returns
    -------
    dict of str to float
        Seconds.
    """
    scenario = queued_scenario(plan, tables, rates, gpu=gpu, duration_s=duration_s)
    summary = simulate(scenario, seed=seed, replications=replications, record_requests=False).summary()
    worst: dict[str, float] = {}
    for one in plan.placed:
        name = _name(one.service, one.measured)
        worst[one.service] = max(worst.get(one.service, 0.0), _tail(summary, name))
    return worst


def _tail(summary: Mapping[str, Any], name: str) -> float:
    for figure in (f"{name}.e2e_latency_p99_s", "e2e_latency_p99_s"):
        if figure in summary and not math.isnan(summary[figure]):
            return float(summary[figure])
    return math.inf
