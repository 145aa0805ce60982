"""Alibaba's OpenB tables (cluster-trace-gpu-v2023): pods that ask for GPUs, and the nodes that have them."""

from __future__ import annotations

import csv
import difflib
import os
from collections.abc import Callable, Sequence

import numpy as np

from .._core import TraceError
from .._errors import fail
from ..frames.table_files import delimiter_of
from ..frames.tables import Table
from .openb_cells import (
    NODE_COLUMNS,
    OTHER_NODE_COLUMNS,
    OTHER_POD_COLUMNS,
    POD_COLUMNS,
    TIMES,
    WHOLE,
    cell,
    check_node,
    check_pod,
)
from .unpacked import read_bytes

__all__ = ["read_list", "read_nodes", "read_pods"]

#: What others call columns that decide where a pod can go: a list that has them is not read as if it had not.
_CALLED = {
    "cpu_milli": ("cpu", "cpus", "cores", "vcpus"),
    "memory_mib": ("memory", "mem", "memory_gib", "memory_gb", "ram"),
    "gpu_milli": ("gpu_share", "gpu_fraction", "fraction", "share"),
    "creation_time": (
        "created",
        "created_at",
        "arrival",
        "arrival_s",
        "arrival_time",
        "submit_time",
        "submitted_at",
    ),
    "scheduled_time": ("start_time", "started_at", "start_s", "start"),
    "deletion_time": ("end_time", "finish_time", "finished_at", "end_s", "end"),
    "duration": ("runtime", "run_time", "runtime_s", "duration_s"),
    "selector": ("node_selector", "nodeselector", "node_affinity"),
    "tolerations": ("toleration",),
    "taints": ("taint",),
    "labels": ("label", "node_labels"),
    "gang": ("gang_id", "gang_name", "pod_group", "podgroup"),
    "gpu_spec": ("gpu_type", "gpu_model"),
    "priority": ("priority_class", "priority_class_name"),
}
#: What columns that every list has are called as well, where it is the same in the same unit.
_ALSO_CALLED = {
    "sn": ("name", "node", "node_name", "host", "hostname"),
    "gpu": ("gpus", "gpu_count", "num_gpus"),
    "model": ("gpu_model", "gpu_type", "product", "card"),
    "name": ("pod", "pod_name", "job", "job_name"),
    "num_gpu": ("gpus", "gpu_count", "num_gpus"),
    "memory_mib": ("mem_mib",),
    "cpu_milli": ("cpu_millicores", "millicores"),
}


def _header(
    given: Sequence[str], needed: Sequence[str], others: Sequence[str], source: str
) -> dict[str, int]:
    """Where each column that is known stands in the file."""
    found = [name.strip().lower() for name in given]
    legal = [*needed, *others]
    unknown = [name for name in found if name not in legal]
    for name in needed:
        also = [other for other in _ALSO_CALLED.get(name, ()) if other in unknown]
        if name not in found and len(also) == 1 and found.count(also[0]) == 1:
            found[found.index(also[0])] = name
    for name in legal:
        near = [other for other in _CALLED.get(name, ()) if other in unknown]
        near += difflib.get_close_matches(name, unknown, 1, 0.6 if name in needed else 0.8)
        if name not in found and name in needed:
            raise fail(TraceError, f"{source}:1", _lacking(name, near, needed, unknown))
        if name not in found and near:
            raise fail(
                TraceError, f"{source}:1", f'unknown column "{near[0]}"; is "{name}" meant? Else rename it'
            )
        if found.count(name) > 1:
            raise fail(TraceError, f"{source}:1", f'two columns are called "{name}"')
    return {name: found.index(name) for name in legal if name in found}


def _lacking(name: str, near: Sequence[str], needed: Sequence[str], unknown: Sequence[str]) -> str:
    """What to say of a list without a column that it must have."""
    nodes = name in NODE_COLUMNS and tuple(needed) == tuple(NODE_COLUMNS)
    other = POD_COLUMNS if nodes else NODE_COLUMNS
    if sum(column in other for column in unknown) > 1 or (not nodes and "sn" in unknown):
        kinds = ("pods", "nodes") if nodes else ("nodes", "pods")
        return f"these are {kinds[0]}, and {kinds[1]} are expected here: nodes come first, then pods"
    slip = f'; is "{near[0]}" meant?' if near else ";"
    return f'no column "{name}"{slip} Expected {",".join(needed)}'


def _read(
    path: str | os.PathLike[str],
    needed: dict[str, str],
    others: dict[str, str],
    name: str,
    check: Callable[[dict[str, str | float], str], None],
) -> tuple[Table, list[str]]:
    """The list, and the names of the columns that are not read."""
    source = os.fspath(path)
    try:
        lines = read_bytes(source).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as problem:
        raise fail(TraceError, source, f"not UTF-8 text: {problem}") from None
    reader = csv.reader(lines, strict=True, delimiter=delimiter_of(lines[0] if lines else ""))
    kinds = needed | others
    try:
        found = next(reader, [])
        places = _header(found, list(needed), list(others), source)
        values: dict[str, list[str | float]] = {column: [] for column in places}
        for row in reader:
            if not row:
                continue
            where = f"{source}:{reader.line_num}"
            if len(row) != len(found):
                raise fail(
                    TraceError, where, f"expected {len(found)} fields as in the header line, found {len(row)}"
                )
            read = {column: cell(row[at], kinds[column], column, where) for column, at in places.items()}
            check(read, where)
            for column, value in read.items():
                values[column].append(value)
    except csv.Error as problem:
        raise fail(TraceError, f"{source}:{reader.line_num}", str(problem)) from None
    if not next(iter(values.values())):
        raise fail(TraceError, source, "the table is empty; expected at least one row")
    data = {
        column: np.array(given, dtype=np.float64)
        if kinds[column] in TIMES
        else np.array(given, dtype=np.int64)
        if kinds[column] in WHOLE
        else given
        for column, given in values.items()
    }
    unread = [column for at, column in enumerate(found) if at not in places.values()]
    return Table(name, data), unread  # type: ignore[arg-type]


def read_pods(path: str | os.PathLike[str]) -> Table:
    """Reads pods as OpenB has them: packing demands, not load, for they carry neither GPU memory nor utilisation.

    Parameters
    ----------
    path : str or path
        ``openb_pod_list_*.csv`` or a file with at least its first five columns; it may be gzip.

    Returns
    -------
    Table
        ``name``, ``cpu_milli``, ``memory_mib``, ``num_gpu``, ``gpu_milli`` (thousandths of each GPU), and
        those of the following that the file has: ``gpu_spec`` (GPU models, | between), ``qos``, ``pod_phase``;
        ``creation_time``, ``deletion_time``, ``scheduled_time`` and ``duration`` in seconds, NaN where empty
        (a pod that was never scheduled); ``priority``, ``group``, ``gang``, ``selector`` (labels that its node
        must have, ``key=value|key=value``) and ``tolerations`` (taints that it bears, | between); ``service`` (what
        runs in it); ``node`` (the only one that it goes to), ``devices`` (of the node, from 0, | between) and
        ``starts`` (first memory slots of its instances on these).

    Raises
    ------
    TraceError
        With file, line and column.
    """
    return read_list(path, "pods")[0]


def read_nodes(path: str | os.PathLike[str]) -> Table:
    """Reads nodes as OpenB has them: ``sn``, ``cpu_milli``, ``memory_mib``, ``gpu`` (how many) and ``model``.

    If the file has them, also ``labels`` (``key=value|key=value``) and ``taints`` (``key=value`` or ``key``,
    | between).

    Raises
    ------
    TraceError
        With file, line and column.
    """
    return read_list(path, "nodes")[0]


def read_list(path: str | os.PathLike[str], what: str) -> tuple[Table, list[str]]:
    """As `read_nodes` or `read_pods`, with the names of the columns that are not read."""
    if what == "nodes":
        return _read(path, NODE_COLUMNS, OTHER_NODE_COLUMNS, what, check_node)
    return _read(path, POD_COLUMNS, OTHER_POD_COLUMNS, what, check_pod)
