"""Alibaba's OpenB tables (cluster-trace-gpu-v2023): pods that ask for GPUs, and the nodes that have them."""

from __future__ import annotations

import csv
import difflib
import math
import os
from collections.abc import Callable, Sequence

import numpy as np

from .._core import TraceError
from .._errors import fail
from ..frames.table_files import delimiter_of
from ..frames.tables import Table
from .unpacked import read_bytes

__all__ = ["read_list", "read_nodes", "read_pods"]

_NODE_COLUMNS = {"sn": "text", "cpu_milli": "whole", "memory_mib": "whole", "gpu": "count", "model": "text"}
_POD_COLUMNS = {
    "name": "text",
    "cpu_milli": "whole",
    "memory_mib": "whole",
    "num_gpu": "count",
    "gpu_milli": "share",
}
# What only some files have: OpenB's own, and what schedulers know beside it.
_OTHER_NODE_COLUMNS = {"labels": "labels", "taints": "text"}
_OTHER_POD_COLUMNS = {
    "gpu_spec": "text",
    "qos": "text",
    "pod_phase": "text",
    "creation_time": "time",
    "deletion_time": "time",
    "scheduled_time": "time",
    "duration": "time",
    "priority": "integer",
    "group": "text",
    "gang": "text",
    "selector": "labels",
    "tolerations": "text",
    "service": "text",
    "node": "text",
    "devices": "numbers",
    "starts": "numbers",
}
#: What others call columns that decide where a pod can go: a list that has them is not read as if it had not.
_CALLED = {
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
#: GPUs of one node, at most.
_MOST_GPUS = 16


def _whole(text: str) -> float:
    value = int(text)
    if value < 0 or value > 10**15:
        raise ValueError
    return value


def _share(text: str) -> float:
    value = _whole(text)
    if value > 1000:
        raise ValueError
    return value


def _count(text: str) -> float:
    value = _whole(text)
    if value > _MOST_GPUS:
        raise ValueError
    return value


def _time(text: str) -> float:
    return _whole(text) if text else float("nan")


def _integer(text: str) -> float:
    value = int(text) if text else 0
    if abs(value) > 10**9:
        raise ValueError
    return value


def _numbers(text: str) -> str:
    if text and not all(part.isdecimal() and len(part) < 4 for part in text.split("|")):
        raise ValueError
    return text


def _labels(text: str) -> str:
    if text and not all("=" in part.strip("=") for part in text.split("|")):
        raise ValueError
    return text


_LEGAL: dict[str, tuple[Callable[[str], str | float], str]] = {
    "whole": (_whole, "a whole number of at least 0"),
    "count": (_count, f"a whole number from 0 to {_MOST_GPUS}"),
    "share": (_share, "thousandths of a GPU, a whole number from 0 to 1000"),
    "time": (_time, "whole seconds of at least 0, or nothing"),
    "integer": (_integer, "a whole number, or nothing"),
    "numbers": (_numbers, "whole numbers of at least 0, several with | between them, or nothing"),
    "labels": (_labels, "key=value, several with | between them, or nothing"),
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
    nodes = name in _NODE_COLUMNS and tuple(needed) == tuple(_NODE_COLUMNS)
    other = _POD_COLUMNS if nodes else _NODE_COLUMNS
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
            read = {column: _value(row[at], kinds[column], column, where) for column, at in places.items()}
            check(read, where)
            for column, value in read.items():
                values[column].append(value)
    except csv.Error as problem:
        raise fail(TraceError, f"{source}:{reader.line_num}", str(problem)) from None
    if not next(iter(values.values())):
        raise fail(TraceError, source, "the table is empty; expected at least one row")
    words = ("text", "labels", "numbers")
    data = {
        column: given
        if kinds[column] in words
        else np.array(given, dtype=np.float64 if kinds[column] == "time" else np.int64)
        for column, given in values.items()
    }
    unread = [column for at, column in enumerate(found) if at not in places.values()]
    return Table(name, data), unread  # type: ignore[arg-type]


def _value(text: str, kind: str, column: str, where: str) -> str | float:
    if kind == "text":
        return text
    parse, legal = _LEGAL[kind]
    try:
        return parse(text)
    except ValueError:
        raise fail(TraceError, where, f'column "{column}": expected {legal}, found "{text[:40]}"') from None


def _check_pod(row: dict[str, str | float], where: str) -> None:
    if row["num_gpu"] and not row["gpu_milli"]:
        raise fail(
            TraceError, where, 'column "gpu_milli": found 0 of a pod with GPUs; expected 1 to 1000 of each'
        )
    if not row["num_gpu"] and row["gpu_milli"]:
        raise fail(
            TraceError,
            where,
            f'column "num_gpu": found 0 of a pod with gpu_milli {row["gpu_milli"]}; expected at least 1',
        )
    began, ended = row.get("creation_time", math.nan), row.get("deletion_time", math.nan)
    if isinstance(began, float | int) and isinstance(ended, float | int) and ended < began:
        raise fail(
            TraceError,
            where,
            f'column "deletion_time": found {ended:.0f}; expected no less than the creation_time {began:.0f}',
        )


def _check_node(row: dict[str, str | float], where: str) -> None:
    if not row["sn"]:
        raise fail(TraceError, where, 'column "sn": found nothing; expected the name of the node')


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
        return _read(path, _NODE_COLUMNS, _OTHER_NODE_COLUMNS, what, _check_node)
    return _read(path, _POD_COLUMNS, _OTHER_POD_COLUMNS, what, _check_pod)
