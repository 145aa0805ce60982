"""Traces out of columns in memory: arrays, data frames, Arrow tables."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import TraceError
from .._errors import fail
from ..extras import extra
from .files import arrow_text
from .reading import Columns, columns_text

__all__ = ["from_columns"]

_NEEDED = ("arrival_s", "input_tokens", "output_tokens")
_OTHERS = ("session", "parent", "delay_s", "images")
_BLOCKS = ("hash_ids", "block_tokens")
#: Of a unit that a column's name ends with.
_NANOSECONDS = {"_ms": 1e6, "_us": 1e3, "_ns": 1.0}


def from_columns(
    data: Any, name: str = "trace", *, keep_empty: bool = False, columns: Columns = ""
) -> _core.Trace:
    """A trace out of columns in memory.

    Parameters
    ----------
    data : mapping, data frame, Arrow table, list of rows or structured array
        Arrays by name, a pandas (with a named index), Polars or Arrow table, a `Table`, or rows as mappings. They
        are what `save` writes: ``arrival_s`` (seconds, ascending; times, or lengths of time), ``input_tokens``,
        ``output_tokens`` and, where there are any, ``session``, ``parent`` (row numbers, -1: none), ``delay_s``,
        ``images``, ``hash_ids`` (lists) with ``block_tokens``. Columns of another layout that `load` knows by name
        (Azure's, BurstGPT's, ...) are read through Arrow, which needs pyarrow.
    name : str
        Of the trace.
    keep_empty : bool
        Keep requests without output tokens, which are failures in most traces.
    columns : str or mapping
        Which column holds what, where names do not say it; as `load` takes it.

    Returns
    -------
    Trace
        Its arrivals count from the first request.

    Raises
    ------
    TraceError
        For columns that are missing, of unequal length or hold what no request has.
    ImportError
        For another layout without pyarrow.
    """
    held = _columns(data, name)
    if columns or not all(column in held for column in _NEEDED):
        return _from_other_layout(held, name, keep_empty, columns)
    return _from_own_layout(held, name, keep_empty)


def _from_own_layout(columns: Mapping[str, Any], name: str, keep_empty: bool) -> _core.Trace:
    unknown = [column for column in columns if column not in (*_NEEDED, *_OTHERS, *_BLOCKS)]
    if unknown:
        raise fail(
            TraceError,
            name,
            f'unknown column "{unknown[0]}"; known are {", ".join((*_NEEDED, *_OTHERS, *_BLOCKS))}',
        )
    arrays = {column: np.asarray(columns[column]) for column in columns if column not in _BLOCKS}
    rows = len(arrays["arrival_s"])
    for column, values in arrays.items():
        if values.shape != (rows,):
            raise fail(TraceError, name, f"{column} has shape {values.shape}, arrival_s has {rows} rows")
    kept = np.ones(rows, dtype=bool) if keep_empty else arrays["output_tokens"] != 0
    if rows > 0 and not kept.any():
        raise fail(TraceError, name, f"all {rows} requests have zero output tokens; keep_empty keeps them")
    extra = {column: arrays[column][kept] for column in _OTHERS if column in arrays}
    if "session" in extra:
        extra["session"] = _numbered(extra["session"])
    if "parent" in extra:
        extra["parent"] = _renumbered(extra["parent"], kept, name)
    if "hash_ids" in columns:
        extra |= _blocks(columns, kept, name)
    return _core.Trace(
        _seconds(arrays["arrival_s"][kept], name),
        arrays["input_tokens"][kept],
        arrays["output_tokens"][kept],
        name,
        extra,
    )


def _columns(data: Any, name: str) -> dict[str, Any]:
    """Columns by name, as whatever the source has them; lengths of time as numbers in the unit of their name."""
    held = dict(data) if isinstance(data, Mapping) else _columns_of_table(data, name)
    return {column: _numbers_of_spans(column, values) for column, values in held.items()}


def _columns_of_table(data: Any, name: str) -> dict[str, Any]:
    if isinstance(data, np.ndarray) and data.dtype.names:
        return {column: data[column] for column in data.dtype.names}
    if isinstance(data, (list, tuple)) and data and all(isinstance(row, Mapping) for row in data):
        return {
            str(key): [row.get(key) for row in data] for key in dict.fromkeys(k for row in data for k in row)
        }
    if hasattr(data, "collect") and hasattr(data, "collect_schema"):  # Polars, not worked out yet
        data = data.collect()
    if any(level is not None for level in getattr(getattr(data, "index", None), "names", ())):
        data = data.reset_index()  # of pandas, by times for instance
    names = getattr(data, "column_names", None)  # Arrow
    if names is None:
        names = getattr(data, "columns", None)  # pandas, Polars and our own tables
    if names is None or isinstance(names, np.ndarray):
        raise fail(
            TraceError,
            name,
            "expected a trace, columns by name, a data frame or a list of rows by column; found "
            f"{type(data).__name__}",
        )
    for column in names:
        if list(names).count(column) > 1:
            raise fail(TraceError, name, f'two columns are called "{column}"')
    return {str(column): _plain(data[column]) for column in names}


def _plain(column: Any) -> Any:
    if hasattr(column, "to_numpy"):
        return column.to_numpy()
    return column


def _numbers_of_spans(column: str, values: Any) -> Any:
    """Numbers for lengths of time: in the unit that the name says, otherwise seconds."""
    if isinstance(values, (list, tuple)) and any(isinstance(value, datetime.timedelta) for value in values):
        values = np.array(values, dtype="timedelta64[us]")
    if getattr(getattr(values, "dtype", None), "kind", "") != "m":
        return values
    nanoseconds = next((size for unit, size in _NANOSECONDS.items() if column.endswith(unit)), 1e9)
    return np.asarray(values) / np.timedelta64(1, "ns") / nanoseconds


def _seconds(arrival: npt.NDArray[Any], name: str) -> npt.NDArray[np.float64]:
    """Arrivals from the first one on."""
    if arrival.dtype.kind == "O" and all(isinstance(one, datetime.datetime) for one in arrival):
        arrival = np.array([(one - arrival[0]).total_seconds() for one in arrival])
    if arrival.dtype.kind == "M":
        arrival = (arrival - arrival[:1]) / np.timedelta64(1, "s")
    if arrival.dtype.kind not in "iuf":
        raise fail(TraceError, name, f"arrival_s: expected seconds or times, found {arrival.dtype}")
    numbers: npt.NDArray[np.float64] = arrival.astype(np.float64)
    return numbers - numbers[0] if len(numbers) else numbers


def _numbered(sessions: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Numbers of conversations; names are numbered by their first appearance, empty ones are none."""
    if sessions.dtype.kind in "iu":
        return sessions
    numbers: dict[str, int] = {}
    return np.array([_number(session, numbers) for session in sessions.tolist()], dtype=np.int32)


def _number(session: Any, numbers: dict[str, int]) -> int:
    return -1 if session is None or session == "" else numbers.setdefault(str(session), len(numbers))


def _renumbered(parent: npt.NDArray[Any], kept: npt.NDArray[np.bool_], name: str) -> npt.NDArray[np.int32]:
    """Parents by their rows among those that are kept; -1 for one that is not."""
    if parent.size and (parent.min() < -1 or parent.max() >= len(kept)):
        raise fail(TraceError, name, "parent: expected the number of an earlier row, or -1")
    place = np.where(kept, np.cumsum(kept) - 1, -1)
    found: npt.NDArray[np.int32] = np.where(parent >= 0, place[parent], -1).astype(np.int32)
    return found


def _blocks(columns: Mapping[str, Any], kept: npt.NDArray[np.bool_], name: str) -> dict[str, Any]:
    rows = [
        np.asarray(row, dtype=np.int64) for row, keep in zip(columns["hash_ids"], kept, strict=True) if keep
    ]
    if not any(len(row) for row in rows):
        return {}
    sizes = np.unique(np.asarray(columns.get("block_tokens", 0)))
    if len(sizes) != 1 or sizes[0] < 1:
        raise fail(TraceError, name, "hash_ids need block_tokens, one number for all requests")
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return {"hash_ids": np.concatenate(rows), "hash_starts": starts, "block_tokens": int(sizes[0])}


def _from_other_layout(held: Mapping[str, Any], name: str, keep_empty: bool, columns: Columns) -> _core.Trace:
    """Named as a published trace or a log names them: read as its file would be."""
    with extra("arrow", "columns named as another format names them need"):
        import pyarrow as pa

    text = arrow_text(pa.table(dict(held)), name)
    return _core.parse_trace(text, name, keep_empty=keep_empty, columns=columns_text(columns))
