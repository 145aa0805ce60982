"""Where commands write, checked before the first run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from .. import files
from ..frames.table_files import TABLE_ENDINGS

__all__ = ["TABLES", "can_write", "is_folder", "say_written"]

#: How a table's file is named in a help.
TABLES = "FILE.csv|.json|.parquet|.yaml"


def is_folder(path: str) -> bool:
    """Whether a path means a folder: it is one, or its name has no ending."""
    return os.path.isdir(path) or path.endswith(("/", os.sep)) or not Path(path).suffix


def can_write(path: str | None, endings: Sequence[str] = TABLE_ENDINGS, option: str = "--out") -> None:
    """Refuses a file that could not be written, or whose name ends in what nothing is written as.

    Raises
    ------
    OSError
        When it cannot be written.
    ValueError
        For another ending, with those that are legal.
    """
    if path is None:
        return
    ending = Path(path).suffix.lower()
    if ending not in endings and not os.path.isdir(path):
        found = f"the ending {ending!r}" if ending else "no ending"
        raise ValueError(f"{option} {path}: found {found}; legal {_are(endings)}")
    files.try_to_write(path)


def say_written(path: str | None) -> None:
    """Says, below an answer, that it was written to a file; nothing where it was not."""
    if path is not None:
        print(f"\nwrote {path}")


def _are(endings: Sequence[str]) -> str:
    return f"is {endings[0]}" if len(endings) == 1 else f"are {', '.join(endings)}"
