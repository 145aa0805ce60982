"""Fewest GPUs for services whose throughput on MIG instances was measured, without a simulation."""

from __future__ import annotations

import csv
import io
import math
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .._core import Layout, ScenarioError
from .._errors import fail
from ..frames.table_files import delimiter_of
from ..scenario import mig
from .programs import Program, Solved
from .table_answer import Measured, Placed, TablePlan

__all__ = ["COLUMNS", "Admission", "plan_tables", "read_rows", "read_table"]

#: Columns by what they may be called: first as here, then as in ParvaGPU's files.
COLUMNS = {
    "instance": ("instance", "Mig instance"),
    "batch": ("batch", "Batch size"),
    "processes": ("processes", "Workload Number"),
    "throughput_per_s": ("throughput_per_s", "Throughput"),
    "latency_s": ("latency_s", "Latency"),
}
_SLICES = (1, 2, 3, 4, 7)
_Legal = tuple[Callable[[float], bool], str]
_COUNT: _Legal = (lambda value: value >= 1 and value.is_integer(), "a whole number of at least 1")
_AMOUNT: _Legal = (lambda value: math.isfinite(value) and value >= 0, "a number of at least 0")
#: Whether a value is legal, and what is, by column.
_LEGAL: dict[str, _Legal] = {
    "instance": (lambda value: value in _SLICES, f"one of {', '.join(map(str, _SLICES))} compute slices"),
    "batch": _COUNT,
    "processes": _COUNT,
    "throughput_per_s": _AMOUNT,
    "latency_s": _AMOUNT,
}
_MAX_NODES, _MAX_NODES_OF_SLICES = 200_000, 500


#: Whether a row of a table is good enough for an objective in seconds.
Admission = Callable[[Measured, float], bool]


def read_table(table: Any) -> list[Measured]:
    """Reads measurements of one service.

    The columns are ``instance`` (compute slices, or a name such as ``2g.20gb`` or ``whole``, which is 7), ``batch``,
    ``processes``, ``throughput_per_s`` (of each process) and ``latency_s`` (of a step); or those of ParvaGPU's files,
    ``Mig instance, Batch size, Workload Number, Throughput, Latency``. Rows without throughput were not measured and
    are left out.

    Parameters
    ----------
    table : path, data frame, mapping of columns, or iterable of Measured or mapping
        A path is that of a CSV file.

    Raises
    ------
    ScenarioError
        For a column that is missing, or a value that is no number.
    FileNotFoundError
        Where there is no such file.
    """
    where, rows = read_rows(table)
    result = []
    for number, row in enumerate(rows, 1):
        if isinstance(row, Measured):
            result.append(row)
            continue
        one = _measured(row, f"{where}row {number}")
        if one.throughput_per_s > 0:
            result.append(one)
    if not result:
        raise fail(ScenarioError, where.rstrip("/") or "table", "no row has a throughput above 0")
    return result


def read_rows(table: Any) -> tuple[str, Iterable[Any]]:
    """Where a table is from, for messages, and its rows as they are."""
    if isinstance(table, str | os.PathLike):
        with Path(table).open(newline="", encoding="utf-8-sig") as file:
            text = file.read()
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter_of(text))
        return f"{os.fspath(table)}/", list(rows)
    if hasattr(table, "columns") and not isinstance(table, Mapping):
        table = {str(name): list(table[name]) for name in table.columns}
    if isinstance(table, Mapping):
        names = list(table)
        return "", [dict(zip(names, row, strict=True)) for row in zip(*table.values(), strict=True)]
    return "", table


def _measured(row: Mapping[str, Any], where: str) -> Measured:
    values = {}
    for name, known in COLUMNS.items():
        found = next((row[one] for one in known if one in row), None)
        if found is None:
            raise fail(
                ScenarioError,
                where,
                f'no column "{name}" (or "{known[1]}"); there are {", ".join(list(row)[:10])}',
            )
        text = _slices_text(str(found)) if name == "instance" else str(found)
        try:
            values[name] = float(text)
        except ValueError:
            raise fail(ScenarioError, f"{where}/{name}", f"found {found!r}; a number is needed") from None
        is_legal, legal = _LEGAL[name]
        if not is_legal(values[name]):
            raise fail(ScenarioError, f"{where}/{name}", f"found {found!r}; {legal} is needed")
    return Measured(
        int(values["instance"]),
        int(values["batch"]),
        int(values["processes"]),
        values["throughput_per_s"],
        values["latency_s"],
    )


def plan_tables(
    tables: Mapping[str, Any],
    rates: Mapping[str, float],
    slos: Mapping[str, float],
    *,
    gpu: str = "a100",
    admission: float | Admission = 0.45,
    most_processes: int | None = None,
    count: int | None = None,
    price: float = 1.0,
) -> TablePlan:
    """Finds the fewest GPUs on which instances cover every service's rate by their measured throughput.

    This is the rule of ParvaGPU's planner: a row counts when its latency is below a share of the objective, and the
    throughputs of a service's instances have to add up to its rate. Queues are not looked at. Every GPU is cut as MIG
    allows, and the number of GPUs is the least possible, by an integer program over all sets of instances.

    Parameters
    ----------
    tables : mapping of str to table
        By service, as `read_table` takes them.
    rates, slos : mapping of str to float
        Requests a second and the objective in seconds, of every service that is wanted.
    gpu : str
        A kind of GPU with MIG.
    admission : float or callable
        The share of the objective that a row's latency stays below, or what says whether a row counts.
    most_processes : int, optional
        On one instance, at most.
    count : int, optional
        How many GPUs there are; by default as many as it takes.
    price : float
        Of a GPU.

    Returns
    -------
    TablePlan
        That no placement suffices is an answer too.

    Raises
    ------
    ScenarioError, LayoutError, ProfileError
        For a service without a table or objective, a rate that is not positive, or a GPU without MIG.

    Examples
    --------
    >>> from gpushare.planning.tables import plan_tables
    >>> table = {"instance": [1, 3], "batch": [8, 8], "processes": [1, 1],
    ...          "throughput_per_s": [200, 700], "latency_s": [0.04, 0.012]}
    >>> found = plan_tables({"resnet": table}, {"resnet": 1600}, {"resnet": 0.1})
    >>> sorted(one.instance.partition("@")[0] for one in found.placed)
    ['1g.10gb', '3g.40gb', '3g.40gb']
    """
    layouts = mig.multisets(gpu)
    best: dict[tuple[str, int], Measured] = {}
    for name, rate in rates.items():
        if name not in tables or name not in slos:
            what = "table" if name not in tables else "objective"
            raise fail(ScenarioError, f"rates/{name}", f"this service has no {what}")
        if not rate > 0 or not math.isfinite(rate):
            raise fail(ScenarioError, f"rates/{name}", f"found {rate!r}; a number above 0 is needed")
        best |= _best(name, read_table(tables[name]), slos[name], admission, most_processes)
    hopeless = [name for name in rates if not any(service == name for service, _ in best)]
    if hopeless:
        why = f"nothing measured of {', '.join(hopeless)} is fast enough for its objective"
        return TablePlan(lower_bound=math.inf, why=why)
    return _solve(layouts, rates, best, count, price)


def _best(
    service: str, table: Sequence[Measured], slo: float, admission: float | Admission, most: int | None
) -> dict[tuple[str, int], Measured]:
    """The row of most throughput that counts, by size; of equal ones that of the least latency."""
    counts = admission if callable(admission) else lambda row, slo: row.latency_s < admission * slo
    result: dict[tuple[str, int], Measured] = {}
    for row in table:
        if (most is not None and row.processes > most) or not counts(row, slo):
            continue
        known = result.get((service, row.slices))
        if known is None or (row.total_per_s, -row.latency_s) > (known.total_per_s, -known.latency_s):
            result[service, row.slices] = row
    return result


def _slices_text(instance: str) -> str:
    """Of ``3g.40gb`` the 3; a whole GPU counts as 7, whether it could be cut or not."""
    return "7" if instance.strip().lower() == "whole" else instance.partition("g")[0]


def _slices(instance: str) -> int:
    return int(_slices_text(instance))


def _solve(
    layouts: Sequence[Layout],
    rates: Mapping[str, float],
    best: Mapping[tuple[str, int], Measured],
    count: int | None,
    price: float,
) -> TablePlan:
    # First the fewest GPUs, then on so many the fewest slices, as far as little work goes.
    fewest = _Covering(layouts, rates, best, count).solve(_MAX_NODES)
    bound = math.ceil(fewest.bound - 1e-6) if math.isfinite(fewest.bound) else math.inf
    if fewest.values is None:
        return TablePlan(lower_bound=bound, why=f"{count} GPUs do not suffice")
    smallest = _Covering(layouts, rates, best, round(fewest.cost), slices=True)
    solved = smallest.solve(_MAX_NODES_OF_SLICES)
    values = solved.values if solved.values is not None else fewest.values
    return _placed(*smallest.read(values), bound, price)


class _Covering:
    """The integer program: how many GPUs of each layout, and how many instances of each service and size."""

    def __init__(
        self,
        layouts: Sequence[Layout],
        rates: Mapping[str, float],
        best: Mapping[tuple[str, int], Measured],
        count: int | None,
        *,
        slices: bool = False,
    ) -> None:
        self.layouts, self.best = layouts, best
        self.program = Program()
        self.of_layout = [self.program.variable(0.0 if slices else 1.0) for _ in layouts]
        self.of_best = {key: self.program.variable(float(key[1]) if slices else 0.0) for key in best}
        for service, rate in rates.items():
            weights = {
                v: best[key].total_per_s / rate for key, v in self.of_best.items() if key[0] == service
            }
            self.program.constrain(1.0, weights)
        for size in sorted({size for _, size in best}):
            weights = {v: -1.0 for key, v in self.of_best.items() if key[1] == size}
            for variable, layout in zip(self.of_layout, layouts, strict=True):
                weights[variable] = float(sum(_slices(part["name"]) == size for part in layout.partitions))
            self.program.constrain(0.0, weights)
        if count is not None:
            self.program.constrain(0.0, dict.fromkeys(self.of_layout, 1.0), float(count))

    def solve(self, max_nodes: int) -> Solved:
        """The least cost."""
        return self.program.solve(max_nodes=max_nodes)

    def read(self, values: Sequence[float]) -> tuple[list[Layout], dict[int, list[tuple[str, Measured]]]]:
        """The layouts of all GPUs, and what is to stand on instances of each size."""
        waiting: dict[int, list[tuple[str, Measured]]] = defaultdict(list)
        for (service, size), variable in self.of_best.items():
            waiting[size] += [(service, self.best[service, size])] * round(values[variable])
        pairs = zip(self.of_layout, self.layouts, strict=True)
        return [layout for variable, layout in pairs for _ in range(round(values[variable]))], waiting


def _placed(
    chosen: Sequence[Layout], waiting: Mapping[int, list[tuple[str, Measured]]], bound: float, price: float
) -> TablePlan:
    plan = TablePlan([str(layout) for layout in chosen], lower_bound=bound, cost=price * len(chosen))
    for gpu, layout in enumerate(chosen):
        for part in layout.partitions:
            left = waiting.get(_slices(part["name"]))
            if left:
                service, row = left.pop(0)
                plan.placed.append(Placed(gpu, part["name"], service, row))
    return plan
