"""Data beside a document: traces and calls that are handed over, and the files that it names."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from .. import _core
from .._core import ScenarioError
from .._errors import fail
from ..traces import reading, turns
from ..traces.columns import from_columns
from ..traces.unpacked import read_bytes
from .files_read import stamp

__all__ = ["Inputs"]


class Inputs:
    """Traces and calls by the name of the traffic that takes them; immutable.

    Parameters
    ----------
    traces : mapping of str to Trace, mapping or data frame
        As `Scenario.from_dict` takes them.
    calls : mapping of str to Table, mapping or bytes
        Turns, as columns or as JSON lines.
    """

    __slots__ = ("_calls", "_digest", "_traces")

    def __init__(
        self, traces: Mapping[str, Any] | None = None, calls: Mapping[str, Any] | None = None
    ) -> None:
        self._traces = {name: _as_trace(trace, name) for name, trace in (traces or {}).items()}
        self._calls = {name: _as_text(given) for name, given in (calls or {}).items()}
        self._digest = ""

    @property
    def traces(self) -> dict[str, _core.Trace]:
        """By the name of the traffic."""
        return dict(self._traces)

    @property
    def calls(self) -> dict[str, bytes]:
        """As JSON lines, by the name of the traffic."""
        return dict(self._calls)

    def __bool__(self) -> bool:
        return bool(self._traces or self._calls)

    def __reduce__(self) -> tuple[Any, ...]:
        return Inputs, (self._traces, self._calls)

    def read(self, document: _core.ScenarioDocument, like: _core.Scenario | None = None) -> _core.Scenario:
        """The scenario of a document with these inputs; files that `like` was read with are not read again."""
        known = like.files if like is not None else []
        wanted = [file for file in document.files if file not in known]
        return document.read(
            traces=self._traces,
            calls={name: _core.Calls(text, name) for name, text in self._calls.items()},
            trace_files={
                file: trace
                for file in wanted
                if file[0] == "trace" and (trace := _trace_of(*file[1:])) is not None
            },
            call_files={
                path: _core.Calls(read_bytes(path), path)
                for kind, path, *_ in wanted
                if kind == "calls" and os.path.exists(path)
            },
            formats=reading.formats(),
            like=like,
        )

    def check_used(self, document: Mapping[str, Any]) -> None:
        """Refuses what is handed over under a name that no traffic of the document has, in any mode.

        Raises
        ------
        ScenarioError
            With the names that traffic has.
        """
        names = _traffic_names(document)
        for kind, given in (("traces", self._traces), ("calls", self._calls)):
            for name in given:
                if name not in names:
                    known = ", ".join(sorted(names)) or "none"
                    raise fail(ScenarioError, kind, f'no traffic is called "{name}"; known: {known}')

    def digest(self) -> str:
        """What these inputs hold, in 64 digits; empty when there are none."""
        if self and not self._digest:
            digest = hashlib.sha256()
            for name, trace in sorted(self._traces.items()):
                digest.update(f"trace {name} {trace.name} {len(trace)}\n".encode())
                columns = {"arrival_s": trace.arrival_s, "input_tokens": trace.input_tokens}
                columns |= {"output_tokens": trace.output_tokens} | trace.extra
                for column, values in columns.items():
                    digest.update(f"{column}\n".encode() + np.asarray(values).tobytes())
            for name, text in sorted(self._calls.items()):
                digest.update(f"calls {name} {len(text)}\n".encode() + text)
            self._digest = digest.hexdigest()
        return self._digest


def _as_trace(given: Any, name: str) -> _core.Trace:
    return given if isinstance(given, _core.Trace) else from_columns(given, name)


def _as_text(given: Any) -> bytes:
    return given if isinstance(given, bytes) else turns.text(given)


def _traffic_names(document: Mapping[str, Any]) -> set[str]:
    """Of every traffic in the document and its modes; without a name of its own it has its pipeline's."""
    names: set[str] = set(_members(document, "pipelines"))
    for part in (document, *_members(document, "modes").values()):
        traffic = part.get("traffic") if isinstance(part, Mapping) else None
        for entry in traffic if isinstance(traffic, (list, tuple)) else ():
            if isinstance(entry, Mapping) and isinstance(entry.get("name"), str):
                names.add(entry["name"])
    return names


def _members(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, Mapping) else {}


def _trace_of(path: str, format: str, *how: Any) -> _core.Trace | None:
    """The trace of a file; None where the compiled reader says better what is wrong: it knows the place."""
    if format not in reading.formats() or not os.path.exists(path):
        return None
    return _remembered_trace(path, format, *how, stamp(path))


@lru_cache(maxsize=2)  # every point of a sweep is a document that is read anew, its trace is not
def _remembered_trace(
    path: str,
    format: str,
    time_unit: str,
    block_tokens: int,
    output_tokens: int,
    columns: str,
    stamp: tuple[int, ...],
) -> _core.Trace:
    return reading.load(
        path,
        format,
        time_unit=time_unit,
        block_tokens=block_tokens,
        output_tokens=output_tokens,
        columns=columns,
    )
