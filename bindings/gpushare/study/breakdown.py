"""Requests by what they have in common: traffic entry, replica, window of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..frames.tables import Table

__all__ = ["breakdown"]

_STATUSES = ("completed", "rejected", "failed", "skipped")
#: Where clients give up or ask again: how often requests were sent, and how many were given up.
_OF_CLIENTS = ("attempts", "timed_out")
_PERCENTILES = (50, 95)
#: The column that says in which window a request arrived.
FROM = "from_s"


def breakdown(requests: Table, by: Sequence[str] = ("traffic",), window_s: float | None = None) -> Table:
    """Counts and latencies of requests, by columns of their table and windows of time.

    Parameters
    ----------
    requests : Table
        `Result.requests`; those that arrived in the warm-up are left out.
    by : sequence of str
        Columns: ``"traffic"``, ``"llm.replica"`` (-1 where a request got none), ``"user"``, ``"replication"``, ...
    window_s : float, optional
        Also by when they arrived, in windows of so many seconds from the start of the run.

    Returns
    -------
    Table
        A row for each group, in order: the columns of `by`, ``from_s`` where there are windows, ``requests``, how many
        of them have each status, ``attempts`` and ``timed_out`` where clients give up or ask again, and p50 and p95 of
        ``e2e_latency`` and, of each stage, ``first_output`` (from the request's arrival there) and ``latency``;
        seconds, NaN where nobody had it.

    Raises
    ------
    ValueError
        For a column that the requests do not have, with those that they have, and a window that is not positive.
    """
    unknown = [column for column in by if column not in requests]
    if unknown:
        raise ValueError(f"by: no column {unknown[0]!r}; requests have {', '.join(requests.columns)}")
    if window_s is not None and not window_s > 0:
        raise ValueError(f"window_s: found {window_s!r}; seconds > 0 are needed")
    measured = np.asarray(requests["measured"]) == 1
    keys = {column: np.asarray(requests[column])[measured] for column in by}
    if window_s is not None:
        arrived = np.asarray(requests["arrival_s"])[measured]
        keys[FROM] = np.floor(arrived / window_s) * window_s
    groups = _groups(list(keys.values()), int(measured.sum()))
    columns: dict[str, Any] = {name: _values(values, groups) for name, values in keys.items()}
    columns["requests"] = np.array([len(rows) for rows in groups], dtype=np.int64)
    status = np.asarray(requests["status"])[measured]
    for one in _STATUSES:
        columns[one] = np.array([int((status[rows] == one).sum()) for rows in groups], dtype=np.int64)
    for one in _OF_CLIENTS:
        if one in requests:
            counts = np.asarray(requests[one])[measured]
            columns[one] = np.array([int(counts[rows].sum()) for rows in groups], dtype=np.int64)
    for name, seconds in _latencies(requests, measured):
        for percent in _PERCENTILES:
            columns[f"{name}_p{percent}_s"] = np.array(
                [_percentile(seconds[rows], percent) for rows in groups]
            )
    return Table("breakdown", columns)


def _groups(keys: Sequence[npt.NDArray[Any]], count: int) -> list[npt.NDArray[np.intp]]:
    """Rows of each combination of keys, in the keys' order."""
    if not keys:
        return [np.arange(count)]
    codes = np.stack([np.unique(values, return_inverse=True)[1] for values in keys], axis=1)
    _, group = np.unique(codes, axis=0, return_inverse=True)
    group = group.reshape(-1)
    return [np.flatnonzero(group == number) for number in range(group.max() + 1 if count else 0)]


def _values(values: npt.NDArray[Any], groups: Sequence[npt.NDArray[np.intp]]) -> Any:
    first = [values[rows[0]] for rows in groups]
    return [str(value) for value in first] if values.dtype == object else np.asarray(first)


def _latencies(
    requests: Table, measured: npt.NDArray[np.bool_]
) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    def column(name: str) -> npt.NDArray[np.float64]:
        return np.asarray(requests[name], dtype=float)[measured]

    yield "e2e_latency", column("e2e_latency_s")
    for queued in [name for name in requests.columns if name.endswith(".queued_s")]:
        stage = queued.removesuffix(".queued_s")
        yield f"{stage}.first_output", column(f"{stage}.first_output_s") - column(queued)
        yield f"{stage}.latency", column(f"{stage}.finished_s") - column(queued)


def _percentile(seconds: npt.NDArray[np.float64], percent: int) -> float:
    known = seconds[np.isfinite(seconds)]
    return float(np.percentile(known, percent)) if known.size else float("nan")
