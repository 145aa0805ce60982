"""What trace files may be wrapped in, or be instead of lines of text: gzip, Parquet, Arrow, ShareGPT's JSON."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from .. import _core
from .._core import TraceError
from .._errors import fail

if TYPE_CHECKING:
    import pyarrow

__all__ = [
    "Unpacked",
    "arrow_table",
    "is_arrow",
    "is_sharegpt",
    "read_arrow",
    "read_bytes",
    "sharegpt",
    "write_arrow",
]

_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_ARROW_FILE = b"ARROW1"
_ARROW_STREAM = b"\xff\xff\xff\xff"
_BYTES_PER_TOKEN = 4


class Unpacked:
    """The bytes of a file, read piece by piece, and unpacked when they are gzip.

    Parameters
    ----------
    path : str
        Of the file.

    Raises
    ------
    TraceError
        When it is missing or a folder; from `read` when it cannot be read, or is gzip that is broken or cut short.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._file = open(path, "rb")  # noqa: SIM115
        except IsADirectoryError:
            raise fail(TraceError, path, "expected a trace file, found a folder") from None
        except OSError as problem:
            raise fail(TraceError, path, f"cannot open the trace: {problem.strerror}") from None
        self.packed = self._file.peek(len(_GZIP)).startswith(_GZIP)
        self._bytes: BinaryIO = gzip.GzipFile(fileobj=self._file) if self.packed else self._file  # type: ignore[assignment]

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, all that are left by default; empty at the end."""
        try:
            return self._bytes.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
            raise fail(TraceError, self.path, f"cannot unpack the trace: {problem}") from None
        except OSError as problem:
            raise fail(TraceError, self.path, f"cannot read the trace: {problem}") from None

    def __enter__(self) -> Unpacked:
        return self

    def __exit__(self, *problem: object) -> None:
        self._file.close()


def read_bytes(path: str) -> bytes:
    """All bytes of a file, as `Unpacked` reads them."""
    with Unpacked(path) as file:
        return file.read()


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
    import pyarrow as pa

    columns: dict[str, Any] = {
        "arrival_s": trace.arrival_s,
        "input_tokens": trace.input_tokens,
        "output_tokens": trace.output_tokens,
    }
    extra = trace.extra
    columns |= {name: extra[name] for name in ("session", "parent", "delay_s", "images") if name in extra}
    if "hash_ids" in extra:
        columns["block_tokens"] = np.full(len(trace), extra["block_tokens"], dtype=np.int32)
        columns["hash_ids"] = pa.LargeListArray.from_arrays(extra["hash_starts"], extra["hash_ids"])
    return pa.table(columns)


def write_arrow(trace: _core.Trace, path: str) -> None:
    """Writes Parquet (``.parquet``) or an Arrow file, beside `path` first and then in its place."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    table = arrow_table(trace)
    temporary = f"{path}.tmp"
    try:
        if path.endswith(".parquet"):
            parquet.write_table(table, temporary)
        else:
            with pa.ipc.new_file(temporary, table.schema) as writer:
                writer.write_table(table)
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def is_sharegpt(data: bytes) -> bool:
    """Whether these bytes are a JSON array, or lines that hold conversations."""
    start = _without_bom(data[:65536]).lstrip()
    return start.startswith(b"[") or (
        start.startswith(b"{") and b'"conversations"' in start.split(b"\n", 1)[0]
    )


def _without_bom(text: bytes) -> bytes:
    return text.removeprefix(b"\xef\xbb\xbf")


def _conversations(text: bytes, source: str) -> list[Any]:
    text = _without_bom(text)
    try:
        if text.lstrip().startswith(b"{"):
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        document = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise fail(TraceError, source, f"not JSON: {problem}") from None
    if not isinstance(document, list):
        raise fail(TraceError, source, "expected a JSON array of conversations")
    return document


def _estimated_tokens(text: str) -> int:
    return -(-len(text.encode(errors="surrogatepass")) // _BYTES_PER_TOKEN)


def _said(turn: Any, where: str) -> str:
    if not isinstance(turn, dict) or not isinstance(turn.get("value"), str):
        raise fail(TraceError, where, 'expected a turn such as {"from": "human", "value": "..."}')
    value: str = turn["value"]
    return value


def sharegpt(
    text: bytes,
    source: str,
    *,
    tokens: Callable[[str], int] | None = None,
    drop_outliers: bool = True,
) -> _core.Trace:
    """Lengths of the first question and answer of each conversation; all requests arrive at once.

    Parameters
    ----------
    text : bytes
        One JSON array of ``{"id", "conversations": [{"from", "value"}, ...]}``, or such objects line by line.
    source : str
        Names it in messages.
    tokens : callable, optional
        Counts the tokens of a text; by default one for every four bytes of UTF-8.
    drop_outliers : bool
        Drop what vLLM's benchmark drops: prompts below 4 or above 1,024 tokens, answers below 4, and pairs
        above 2,048.

    Returns
    -------
    Trace

    Raises
    ------
    TraceError
        With the JSON pointer of what is wrong.
    """
    count = tokens or _estimated_tokens
    lengths: list[tuple[int, int]] = []
    for i, entry in enumerate(_conversations(text, source)):
        where = f"{source}#/{i}"
        turns = entry.get("conversations") if isinstance(entry, dict) else None
        if not isinstance(turns, list):
            raise fail(TraceError, where, 'expected an object with "conversations", an array of turns')
        if len(turns) < 2:
            continue
        said = [_said(turn, f"{where}/conversations/{k}") for k, turn in enumerate(turns[:2])]
        prompt, answer = count(said[0]), count(said[1])
        fits = prompt >= 4 and answer >= 4 and prompt <= 1024 and prompt + answer <= 2048
        if fits or (not drop_outliers and answer > 0):
            lengths.append((prompt, answer))
    if not lengths:
        raise fail(
            TraceError, source, "no conversation has a question and an answer of the lengths that are kept"
        )
    pairs = np.array(lengths)
    name = os.path.splitext(os.path.basename(source.removesuffix(".gz")))[0]
    return _core.Trace(np.zeros(len(pairs)), pairs[:, 0], pairs[:, 1], name)
