"""Result files: written whole or not at all, and read back to resume."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def write_json(path: Path, data: Any) -> None:
    """Writes `data` beside `path`, then moves it there in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(data, separators=(",", ":")) + "\n")
    os.replace(part, path)


def read_json(path: Path, default: Any) -> Any:
    """The file's content, or `default` when there is no such file."""
    return json.loads(path.read_text()) if path.exists() else default


class Table:
    """A file `{..., "rows": [...]}` whose rows have a key; a row that is there is not measured again."""

    def __init__(self, path: Path, key: Callable[[Row], Hashable], header: Row | None = None) -> None:
        self.path = path
        self.key = key
        self.data: Row = read_json(path, {**(header or {}), "rows": []})
        self.keys = {key(row) for row in self.data["rows"]}

    def __contains__(self, key: Hashable) -> bool:
        return key in self.keys

    def add(self, row: Row) -> None:
        """Adds a row, without writing the file."""
        self.data["rows"].append(row)
        self.keys.add(self.key(row))

    def save(self) -> None:
        """Writes the file."""
        write_json(self.path, self.data)


class Tree:
    """A file of nested objects, `section -> name -> value`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data: dict[str, dict[str, Any]] = read_json(path, {})

    def has(self, section: str, name: str) -> bool:
        """Whether the value is there."""
        return name in self.data.get(section, {})

    def put(self, section: str, name: str, value: Any) -> None:
        """Adds a value and writes the file."""
        self.data.setdefault(section, {})[name] = value
        write_json(self.path, self.data)
