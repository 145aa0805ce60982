"""Alibaba's OpenB tables (cluster-trace-gpu-v2023): pods that ask for GPUs, and the nodes that have them."""

from __future__ import annotations

import csv
import difflib
import os
from collections.abc import Callable, Sequence

import numpy as np

from .._core import TraceError
from .._errors import fail
from ..frames.tables import Table
from .files import read_bytes

__all__ = ["read_nodes", "read_pods"]

_NODE_COLUMNS = {"sn": "text", "cpu_milli": "whole", "memory_mib": "whole", "gpu": "whole", "model": "text"}
_POD_COLUMNS = {
    "name": "text",
    "cpu_milli": "whole",
    "memory_mib": "whole",
    "num_gpu": "whole",
    "gpu_milli": "share",
    "gpu_spec": "text",
    "qos": "text",
    "pod_phase": "text",
    "creation_time": "time",
    "deletion_time": "time",
    "scheduled_time": "time",
}


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


def _time(text: str) -> float:
    return _whole(text) if text else float("nan")


_LEGAL: dict[str, tuple[Callable[[str], float], str]] = {
    "whole": (_whole, "a whole number of at least 0"),
    "share": (_share, "thousandths of a GPU, a whole number from 0 to 1000"),
    "time": (_time, "whole seconds of at least 0, or nothing"),
}


def _header(found: Sequence[str], legal: Sequence[str], source: str) -> list[int]:
    """Where each legal column stands in the file."""
    for name in legal:
        if name not in found:
            unknown = [other for other in found if other not in legal]
            near = difflib.get_close_matches(name, unknown, 1)
            slip = f'; is "{near[0]}" meant?' if near else ";"
            raise fail(TraceError, f"{source}:1", f'no column "{name}"{slip} Expected {",".join(legal)}')
        if list(found).count(name) > 1:
            raise fail(TraceError, f"{source}:1", f'two columns are called "{name}"')
    return [list(found).index(name) for name in legal]


def _read(path: str | os.PathLike[str], columns: dict[str, str], name: str) -> Table:
    source = os.fspath(path)
    try:
        text = read_bytes(source).decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise fail(TraceError, source, f"not UTF-8 text: {problem}") from None
    reader = csv.reader(text.splitlines(), strict=True)
    values: dict[str, list[str | float]] = {column: [] for column in columns}
    try:
        found = next(reader, [])
        places = _header(found, list(columns), source)
        for row in reader:
            if not row:
                continue
            where = f"{source}:{reader.line_num}"
            if len(row) != len(found):
                raise fail(
                    TraceError, where, f"expected {len(found)} fields as in the header line, found {len(row)}"
                )
            for (column, kind), place in zip(columns.items(), places, strict=True):
                values[column].append(_value(row[place], kind, column, where))
    except csv.Error as problem:
        raise fail(TraceError, f"{source}:{reader.line_num}", str(problem)) from None
    if not next(iter(values.values())):
        raise fail(TraceError, source, "the table is empty; expected at least one row")
    dtypes = {"whole": np.int64, "share": np.int64, "time": np.float64}
    data = {
        c: v if columns[c] == "text" else np.array(v, dtype=dtypes[columns[c]]) for c, v in values.items()
    }
    return Table(name, data)  # type: ignore[arg-type]


def _value(text: str, kind: str, column: str, where: str) -> str | float:
    if kind == "text":
        return text
    parse, legal = _LEGAL[kind]
    try:
        return parse(text)
    except ValueError:
        raise fail(TraceError, where, f'column "{column}": expected {legal}, found "{text[:40]}"') from None


def read_pods(path: str | os.PathLike[str]) -> Table:
    """Reads OpenB pods: packing demands, not load, for they carry neither GPU memory nor utilisation.

    Parameters
    ----------
    path : str or path
        ``openb_pod_list_*.csv``, which may be gzip.

    Returns
    -------
    Table
        ``name``, ``cpu_milli``, ``memory_mib``, ``num_gpu``, ``gpu_milli`` (thousandths of each GPU),
        ``gpu_spec``, ``qos``, ``pod_phase``; ``creation_time``, ``deletion_time`` and ``scheduled_time`` in
        seconds, NaN where empty (a pod that was never scheduled).

    Raises
    ------
    TraceError
        With file and line.
    """
    return _read(path, _POD_COLUMNS, "pods")


def read_nodes(path: str | os.PathLike[str]) -> Table:
    """Reads OpenB nodes: ``sn``, ``cpu_milli``, ``memory_mib``, ``gpu`` (how many) and ``model``.

    Raises
    ------
    TraceError
        With file and line.
    """
    return _read(path, _NODE_COLUMNS, "nodes")
