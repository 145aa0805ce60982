"""A file that lets a study go on where it stopped."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from .outcomes import Outcome
from .points import Point

__all__ = ["Checkpoint"]


class Checkpoint:
    """Outcomes by what was simulated, one JSON object a line.

    A line is written with one system call and flushed to the disk, so an interrupt leaves whole lines; a line
    cut short by a crash is dropped when the file is read.

    Parameters
    ----------
    path : str or path
        Read when it exists; created otherwise.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._outcomes = self._read()

    def _read(self) -> dict[str, Outcome]:
        try:
            with open(self._path, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return {}
        whole = data[: data.rfind(b"\n") + 1]
        outcomes: dict[str, Outcome] = {}
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                entry = json.loads(line)
                outcomes[entry["key"]] = Outcome.from_plain(entry["outcome"])
            except (ValueError, TypeError, KeyError, AttributeError):
                raise ValueError(
                    f"{self._path}:{number}: not a line of a sweep's checkpoint; give another file"
                ) from None
        if len(whole) < len(data):
            os.truncate(self._path, len(whole))
        return outcomes

    @staticmethod
    def key(point: Point, replications: int, uncertainty: bool, version: str) -> str:
        """What the outcome depends on, as a digest."""
        parts: Any = point.scenario._key() if point.scenario is not None else point.refused
        text = json.dumps(
            [parts, point.seed, replications, version, *(["uncertainty"] if uncertainty else [])]
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def get(self, key: str) -> Outcome | None:
        """The outcome kept for a key, or None."""
        return self._outcomes.get(key)

    def put(self, key: str, outcome: Outcome) -> None:
        """Appends an outcome."""
        line = json.dumps({"key": key, "outcome": outcome.to_plain()}) + "\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._outcomes[key] = outcome
