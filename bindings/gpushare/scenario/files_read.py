"""The files that a scenario was read from, and a digest of what was in them."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from .. import _core, files
from .._core import ScenarioError
from .._errors import fail

__all__ = ["FilesRead", "stamp"]

#: Younger files are read again: two changes within one tick of the file system's clock look alike.
_SETTLED_NS = 2_000_000_000

_Stamp = tuple[int, ...]


class FilesRead:
    """GPU profiles, models, traces and calls that a document names by path, as they were when it was read; immutable.

    Parameters
    ----------
    stamps : mapping of str to tuple, optional
        By path.
    """

    __slots__ = ("_stamps",)

    def __init__(self, stamps: Mapping[str, _Stamp] | None = None) -> None:
        self._stamps = dict(stamps or {})

    def __bool__(self) -> bool:
        return bool(self._stamps)

    def __reduce__(self) -> tuple[Any, ...]:
        return FilesRead, (self._stamps,)

    def with_document(self, document: _core.ScenarioDocument) -> FilesRead:
        """These, and those that a document names beside them; to be asked before it is read."""
        known = {path for _, path, *_ in document.files}
        return self._with(known | set(_paths(json.loads(document.text))))

    def digest(self, handle: _core.Scenario) -> str:
        """What is in the files, in 64 digits; empty when there are none.

        Parameters
        ----------
        handle : Scenario
            Read from them; its placement may name more.

        Raises
        ------
        ScenarioError
            When a file changed since it was read: what the scenario holds is then no longer what the file says.
        """
        digest = hashlib.sha256()
        found = self.digests(handle)
        for path, content in found.items():
            digest.update(f"{path}\n{content}\n".encode())
        return digest.hexdigest() if found else ""

    def digests(self, handle: _core.Scenario) -> dict[str, str]:
        """What is in each file, in 64 digits by its path; as `digest`."""
        read = self._with(_paths(json.loads(handle.document)))
        found = {}
        for path, as_read in sorted(read._stamps.items()):
            found[path] = _content(path)
            if stamp(path) != as_read:
                raise fail(
                    ScenarioError, path, "changed since the scenario was read; read the scenario again"
                )
        return found

    def _with(self, paths: Iterator[str] | set[str]) -> FilesRead:
        more = {path: now for path in paths if path not in self._stamps and (now := stamp(path))}
        return FilesRead(self._stamps | more) if more else self


def _paths(value: Any, key: str = "") -> Iterator[str]:
    """Every text in a document that may be a path; other modes than the one applied are not read."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name not in ("modes", "undo", "description"):
                yield from _paths(member, name)
    elif isinstance(value, list):
        for member in value:
            yield from _paths(member, key)
    elif isinstance(value, str) and ("/" in value or value.endswith((".json", ".yaml", ".yml"))):
        yield value


def stamp(path: str) -> _Stamp:
    """What changes when somebody writes to a file; empty where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return ()
    if not os.path.isfile(path):
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _content(path: str) -> str:
    now = stamp(path)
    if now and time.time_ns() - max(now[-2:]) > _SETTLED_NS:
        return _kept_content(path, now)
    return _hashed(path)


@lru_cache(maxsize=1024)
def _kept_content(path: str, now: _Stamp) -> str:
    return _hashed(path)


def _hashed(path: str) -> str:
    try:
        return files.sha256(path)
    except OSError as error:
        raise fail(ScenarioError, path, f"cannot be read again: {error.strerror}") from None
