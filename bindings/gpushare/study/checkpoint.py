"""A file that lets a study go on where it stopped."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from contextlib import suppress
from functools import cache
from typing import Any

from .. import _core, files
from .._version import installed_version
from .outcomes import Outcome
from .points import Point

__all__ = ["Checkpoint", "StoreWarning"]

#: How every line begins.
_BEGIN = b'{"key"'


class StoreWarning(UserWarning):
    """A line of a file that keeps points is damaged or was not written; its point is simulated again."""


class Checkpoint:
    """Outcomes by what was simulated, one JSON object a line.

    A line is appended with one system call, so that several processes may keep points in one file. What damages a
    line costs that line: a point that is kept twice, or not at all, is only simulated again.

    Parameters
    ----------
    path : str or path
        Read when it exists; created otherwise.

    Raises
    ------
    OSError
        When it cannot be read or written.
    ValueError
        When it holds something else.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            self._outcomes = self._read()
        except BaseException:
            self.close()
            raise

    def _read(self) -> dict[str, Outcome]:
        if not os.path.isfile(self.path):  # a device
            return {}
        with open(self.path, "rb") as file:
            lines = file.read().split(b"\n")
        outcomes: dict[str, Outcome] = {}
        damaged: list[int] = []
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
                outcomes[str(entry["key"])] = Outcome.from_plain(entry["outcome"])
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                damaged.append(number)
        if damaged and not outcomes and not _may_be_ours(lines[damaged[0] - 1]):
            raise ValueError(
                f"{self.path}:{damaged[0]}: not a line of a sweep's checkpoint; give another file"
            )
        for number in damaged:
            _warn(f"{self.path}:{number}: a damaged line; its point is simulated again")
        return outcomes

    @staticmethod
    def key(point: Point, replications: int, uncertainty: bool) -> str:
        """What the outcome depends on, as a digest: the scenario with its files, the runs, and the library.

        Raises
        ------
        ScenarioError
            When a file changed since the scenario was read.
        """
        what = point.scenario.digest() if point.scenario is not None else [point.refused, point.error]
        parts: list[Any] = [what, point.seed, replications, uncertainty, installed_version(), _library()]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def get(self, key: str) -> Outcome | None:
        """The outcome kept for a key, or None."""
        return self._outcomes.get(key)

    def put(self, key: str, outcome: Outcome) -> None:
        """Appends an outcome."""
        line = json.dumps({"key": key, "outcome": outcome.to_plain()}).encode() + b"\n"
        try:
            if self._is_torn():
                line = b"\n" + line
            written = os.write(self._descriptor, line)
            why = "" if written == len(line) else f"{written} of {len(line)} bytes were written"
        except OSError as error:
            why = str(error.strerror)
        if why:
            _warn(f"{self.path}: a point could not be kept: {why}")
        else:
            self._outcomes[key] = outcome

    def close(self) -> None:
        """Puts the file on the disk."""
        with suppress(OSError):  # of a device, say
            os.fsync(self._descriptor)
        os.close(self._descriptor)

    def _is_torn(self) -> bool:
        """Whether the last line lacks its end, which would take the next one with it."""
        size = os.fstat(self._descriptor).st_size
        return size > 0 and os.pread(self._descriptor, 1, size - 1) != b"\n"


def _may_be_ours(line: bytes) -> bool:
    """Whether a line that cannot be read may have been cut short."""
    try:
        json.loads(line)
    except ValueError:
        return line.startswith(_BEGIN) or _BEGIN.startswith(line)
    return False


def _warn(text: str) -> None:
    warnings.warn(text, StoreWarning, stacklevel=2)


@cache
def _library() -> str:
    """Digest of what simulates."""
    return files.sha256(_core.__file__)
