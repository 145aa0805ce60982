"""Tables as files, in the format that the file's name ends in."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ..extras import extra
from ..files import plain_json, replace_binary, replace_file

if TYPE_CHECKING:
    from .tables import Table

__all__ = ["TABLE_ENDINGS", "delimiter_of", "write_csv", "write_table"]


def delimiter_of(text: str) -> str:
    """Between fields of delimited text: comma, semicolon or tab, by its first line."""
    return max(",;\t", key=text.partition("\n")[0].count)


def write_csv(table: Table, path: str | os.PathLike[str]) -> None:
    """Writes a table with a header; missing numbers are empty cells."""

    def write(file: BinaryIO) -> None:
        for text in table.csv():
            file.write(text)

    replace_binary(path, write)


def _missing(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _rows(table: Table) -> list[dict[str, Any]]:
    """A mapping for each row; missing numbers are None."""
    columns = table.to_dict()
    return [
        {name: None if _missing(value) else value for name, value in zip(columns, row, strict=True)}
        for row in zip(*columns.values(), strict=True)
    ]


def _write_json(table: Table, path: str | os.PathLike[str]) -> None:
    replace_file(path, lambda file: file.write(f"{plain_json(_rows(table))}\n"))


def _write_yaml(table: Table, path: str | os.PathLike[str]) -> None:
    from ..yaml_text import yaml_text

    rows = json.loads(plain_json(_rows(table)))
    replace_file(path, lambda file: file.write(yaml_text([rows])))


def _write_parquet(table: Table, path: str | os.PathLike[str]) -> None:
    with extra("arrow", f"{path}: Parquet needs"):
        import pyarrow.parquet as parquet
    replace_binary(path, lambda file: parquet.write_table(table.to_arrow(), file))


_WRITERS: Mapping[str, Callable[[Table, str | os.PathLike[str]], None]] = {
    ".csv": write_csv,
    ".json": _write_json,
    ".parquet": _write_parquet,
    ".yaml": _write_yaml,
    ".yml": _write_yaml,
}
#: What the name of a table's file may end in.
TABLE_ENDINGS = tuple(_WRITERS)


def write_table(table: Table, path: str | os.PathLike[str]) -> None:
    """Writes a table in the format that the name ends in; an existing file is replaced.

    Parameters
    ----------
    table : Table
        In JSON and YAML a mapping for each row.
    path : str or path
        Ends in ``.csv``, ``.json``, ``.parquet`` or ``.yaml``.

    Raises
    ------
    ImportError
        For Parquet without pyarrow.
    ValueError
        For another ending.
    """
    ending = Path(path).suffix.lower()
    if ending not in _WRITERS:
        raise ValueError(f"{path}: found the ending {ending!r}; legal are {', '.join(TABLE_ENDINGS)}")
    _WRITERS[ending](table, path)
