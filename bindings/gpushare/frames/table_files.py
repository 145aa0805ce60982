"""Tables as files."""

from __future__ import annotations

import csv
import math
import os
from typing import Any, TextIO

from ..files import replace_file
from .tables import Table

__all__ = ["write_csv"]


def write_csv(table: Table, path: str | os.PathLike[str]) -> None:
    """Writes a table with a header; missing numbers are empty cells."""

    def write(file: TextIO) -> None:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.columns)
        columns = [table[column].tolist() for column in table.columns]
        writer.writerows(["" if _missing(v) else v for v in row] for row in zip(*columns, strict=True))

    replace_file(path, write)


def _missing(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
