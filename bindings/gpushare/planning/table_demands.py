"""What a workload asks of services that were measured: rates and bounds of latency, for plans of tables."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeGuard

from .. import _core
from .._core import ScenarioError
from .._errors import fail, nearest
from ..scenario.scenario import Scenario
from .asked import Asked
from .kinds import Gpus, Prices, counts_of, price_of, prices_of
from .objectives import Objectives, listed
from .space import SHARINGS, make_space
from .table_answer import Measured, TablePlan
from .table_queues import queued_scenario, with_queues
from .tables import COLUMNS, plan_tables, read_rows, read_table

__all__ = ["ADMISSION", "Tables", "demands", "is_rates", "measured_plan", "tables_by_service"]

#: A row counts when its latency is below this share of the objective, as in ParvaGPU.
ADMISSION = 0.45
#: By service, or one table with a column for it.
Tables = Mapping[str, Any] | str | os.PathLike[str] | Iterable[Any]

_SERVICE = "service"
_STATISTICS = ("p99", "p95", "p90", "p50", "mean")


def tables_by_service(tables: Any, services: Sequence[str]) -> dict[str, list[Measured]]:
    """The measurements of each service.

    Parameters
    ----------
    tables : mapping of str to table, or table
        By service, each as `read_table` takes it; or one for all of them, with a column ``service`` more.
    services : sequence of str
        Those that need one; rows and tables of others are left alone.

    Raises
    ------
    ScenarioError
        For a service without measurements, and as `read_table`.
    """
    known = {name for names in COLUMNS.values() for name in names}
    is_by_service = isinstance(tables, Mapping) and not known & set(tables)
    by_service: dict[str, Any] = dict(tables) if is_by_service else _split(tables)
    for name in services:
        if name not in by_service:
            raise fail(
                ScenarioError, f"tables/{name}", f"nothing measured of it; {nearest(name, by_service)}"
            )
    return {name: read_table(by_service[name]) for name in services}


def is_rates(workload: Any) -> TypeGuard[Mapping[str, float]]:
    """Whether a workload is nothing but requests a second by service."""
    return (
        isinstance(workload, Mapping)
        and bool(workload)
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in workload.values())
    )


def _split(table: Any) -> dict[str, list[Any]]:
    """Rows by their service."""
    where, rows = read_rows(table)
    result: dict[str, list[Any]] = {}
    for number, row in enumerate(rows, 1):
        name = row.get(_SERVICE) if isinstance(row, Mapping) else None
        if not name:
            found = ", ".join(list(row)[:10]) if isinstance(row, Mapping) else type(row).__name__
            raise fail(
                ScenarioError,
                f"{where}row {number}",
                f'no column "{_SERVICE}", which says whose the row is; there are {found}',
            )
        result.setdefault(str(name), []).append(row)
    return result


def demands(
    scenario: Scenario, objectives: Mapping[str, Any] | None, slo: str | Iterable[str]
) -> tuple[dict[str, float], dict[str, float]]:
    """Mean requests a second of each service, and the strictest bound in seconds of a latency of each.

    Raises
    ------
    ScenarioError, FigureError
        For a service without a bound for a latency that is its alone, and as `Objectives.of`.
    """
    asked = Objectives.of(scenario, objectives, slo)
    services = scenario.services
    owners = Asked(make_space(scenario, None, None, SHARINGS, {}), asked)
    slos: dict[str, float] = {}
    for bound in asked.bounds:
        of = owners.services_of(bound.figure) or frozenset()
        if bound.at_most and bound.figure.endswith("_s") and len(of) == 1:
            name = services[next(iter(of))]
            slos[name] = min(bound.bound, slos.get(name, math.inf))
    _check_bounded(services, slos)
    rates = {one["service"]: float(one["offered_per_s"]) for one in _core.service_bounds(scenario._handle)}
    return rates, slos


def measured_plan(
    workload: Scenario | Mapping[str, float],
    objectives: Mapping[str, Any] | None,
    slo: str | Iterable[str],
    tables: Any,
    gpus: Gpus | None,
    prices: Prices | None,
    admission: float | str,
) -> TablePlan:
    """As `plan` with tables.

    Raises
    ------
    ScenarioError, FigureError, LayoutError, ProfileError
        As `demands`, `tables_by_service` and `plan_tables`, and for several kinds of GPU.
    """
    rates, slos = (
        demands(workload, objectives, slo)
        if isinstance(workload, Scenario)
        else (dict(workload), _bounds_of(workload, objectives, slo))
    )
    kind, count = _one_kind(gpus, workload)
    price = _price(kind, prices, workload)
    measured = tables_by_service(tables, list(rates))
    solve = partial(plan_tables, gpu=kind, count=count, price=price if price is not None else 1.0)
    if admission == "queues":
        queued = {name: with_queues(rows, slos[name], gpu=kind) for name, rows in measured.items()}
        found = solve(queued, rates, slos, admission=lambda row, slo: True)
    elif isinstance(admission, str) or not 0 < admission <= 1:
        raise fail(
            ScenarioError,
            "admission",
            f'found {admission!r}; a share of the objective such as 0.45, or "queues", is needed',
        )
    else:
        found = solve(measured, rates, slos, admission=admission)
    rule = admission if isinstance(admission, str) else f"{admission:g}"
    found.rates, found.slos, found.kind, found.rule = rates, slos, kind, rule
    found.priced = price is not None
    if found.meets:
        found.scenario = queued_scenario(found, measured, rates, gpu=kind)
    return found


def _bounds_of(
    rates: Mapping[str, float], objectives: Mapping[str, Any] | None, slo: str | Iterable[str]
) -> dict[str, float]:
    """Of services that no document describes: seconds by service or latency, and texts such as in ``slo``."""
    services = {f"{name}.latency_{statistic}_s": name for name in rates for statistic in _STATISTICS}
    result: dict[str, float] = {}
    for name, bound in (objectives or {}).items():
        service = name if name in rates else services.get(name)
        if service is None:
            raise fail(ScenarioError, f"objectives/{name}", f"no such service; {nearest(name, rates)}")
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not bound > 0:
            raise fail(ScenarioError, f"objectives/{name}", f"found {bound!r}; seconds above 0 are needed")
        result[service] = float(bound)
    for text in listed(slo):
        figure, seconds, at_most = _core.parse_bound(list(services), text)
        if not at_most:
            raise fail(ScenarioError, f"slo {text}", "tables need the most that a latency may be")
        result[services[figure]] = seconds
    _check_bounded(rates, result)
    return result


def _check_bounded(services: Iterable[str], slos: Mapping[str, float]) -> None:
    """Raises ScenarioError for a service that may take any time."""
    for name in services:
        if name not in slos:
            raise fail(
                ScenarioError,
                "objectives",
                f"{name} has no bound for a latency of its own, which tables need; "
                f'such as "{name}.latency_p99=200ms"',
            )


def _one_kind(gpus: Gpus | None, workload: Scenario | Mapping[str, float]) -> tuple[str, int | None]:
    """The kind of GPU that was measured, and how many there are."""
    own = workload.gpus[0]["profile"] if isinstance(workload, Scenario) else "a100"
    given = {own: None} if gpus is None else counts_of(gpus, own)
    if len(given) != 1:
        raise fail(ScenarioError, "gpus", f"tables are of one kind of GPU; found {', '.join(given)}")
    return next(iter(given.items()))


def _price(kind: str, prices: Prices | None, workload: Scenario | Mapping[str, float]) -> float | None:
    """Of an hour; None where there is none."""
    if prices is not None:
        return price_of(kind, prices_of(prices))
    if not isinstance(workload, Scenario):
        return None
    known = workload.price_per_gpu_hour
    return known.get(kind) if isinstance(known, Mapping) else known or None
