"""Trace files that are tables of columns: Parquet and Arrow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from .. import _core
from .._core import TraceError
from .._errors import fail
from ..extras import extra
from ..files import replace_binary

if TYPE_CHECKING:
    import pyarrow

__all__ = [
    "arrow_table",
    "arrow_text",
    "is_arrow",
    "read_arrow",
    "write_arrow",
]

_PARQUET = b"PAR1"
_ARROW_FILE = b"ARROW1"
_ARROW_STREAM = b"\xff\xff\xff\xff"


def is_arrow(data: bytes) -> bool:
    """Whether these bytes are Parquet, an Arrow file or an Arrow stream."""
    return data.startswith((_PARQUET, _ARROW_FILE, _ARROW_STREAM))


def read_arrow(data: bytes, source: str) -> pyarrow.Table:
    """A table from the bytes of a Parquet file, an Arrow file or an Arrow stream.

    Raises
    ------
    TraceError
        When they are damaged.
    ImportError
        When pyarrow is not installed.
    """
    with extra("arrow", "Parquet and Arrow files need"):
        import pyarrow as pa
        import pyarrow.parquet as parquet

    buffer = pa.BufferReader(data)
    try:
        if data.startswith(_PARQUET):
            table = parquet.read_table(buffer)
        elif data.startswith(_ARROW_FILE):
            table = pa.ipc.open_file(buffer).read_all()
        else:
            table = pa.ipc.open_stream(buffer).read_all()
        table.validate(full=True)  # offsets that lead out of the buffers are not looked at before
        return table
    except (pa.ArrowException, OSError, ValueError) as problem:
        raise fail(TraceError, source, f"not a readable Parquet or Arrow file: {problem}") from None


def arrow_text(table: pyarrow.Table, source: str) -> bytes:
    """The rows of a table as CSV, or as JSON lines when a column holds lists.

    Raises
    ------
    TraceError
        For values that neither can hold, and bytes that are not what the column's type says.
    """
    with extra("arrow", "Parquet and Arrow files need"):
        import pyarrow as pa
        from pyarrow import csv

    try:
        if any(pa.types.is_nested(field.type) for field in table.schema):
            lines = (json.dumps(row, default=str) for row in table.to_pylist())
            return "\n".join(lines).encode()
        sink = pa.BufferOutputStream()
        csv.write_csv(table, sink)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as problem:
        raise fail(TraceError, source, f"a column cannot be read as text: {problem}") from None
    text: bytes = sink.getvalue().to_pybytes()
    return text


def arrow_table(trace: _core.Trace) -> pyarrow.Table:
    """A trace as an Arrow table: the columns of the canonical CSV, and ``hash_ids`` as lists.

    Raises
    ------
    ImportError
        When pyarrow is not installed.
    """
    with extra("arrow", "an Arrow table needs"):
        import pyarrow as pa

    columns: dict[str, Any] = {
        "arrival_s": trace.arrival_s,
        "input_tokens": trace.input_tokens,
        "output_tokens": trace.output_tokens,
    }
    beside = trace.extra
    columns |= {name: beside[name] for name in ("session", "parent", "delay_s", "images") if name in beside}
    if "hash_ids" in beside:
        columns["block_tokens"] = np.full(len(trace), beside["block_tokens"], dtype=np.int32)
        columns["hash_ids"] = pa.LargeListArray.from_arrays(beside["hash_starts"], beside["hash_ids"])
    return pa.table(columns)


def write_arrow(trace: _core.Trace, path: str) -> None:
    """Writes Parquet (``.parquet``) or an Arrow file; an existing one is replaced whole."""
    with extra("arrow", "Parquet and Arrow files need"):
        import pyarrow as pa
        import pyarrow.parquet as parquet

    table = arrow_table(trace)

    def write(file: BinaryIO) -> None:
        if path.endswith(".parquet"):
            parquet.write_table(table, file)
        else:
            with pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)

    replace_binary(path, write)
