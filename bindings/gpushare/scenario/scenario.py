"""Scenario documents: load, change, put into another mode."""

from __future__ import annotations

import copy
import json
import math
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from .. import _core
from .._core import ScenarioError
from .._errors import fail
from ..frames.render import Field, html_table, text_table, wrap
from ..traces import traces
from ..traces.files import read_bytes

__all__ = ["Scenario", "scenario_names"]

ModeLike = str | _core.Layout


def mode_text(mode: ModeLike) -> str:
    """The mode's name; a layout means MIG cut that way."""
    return f"mig:{mode}" if isinstance(mode, _core.Layout) else mode


def scenario_names() -> list[str]:
    """Names of the scenarios that come with the package, ascending."""
    return _core.scenario_names()


class Scenario:
    """GPUs, services, pipelines, traffic, horizon and seed: one document, read and checked.

    Immutable; `with_mode` and `replace` give changed copies. It travels between processes as its document.
    """

    __slots__ = ("_document", "_folder", "_handle", "_mode", "_source")

    def __init__(self, document: str, mode: str = "", source: str = "", folder: str = "") -> None:
        """Reads JSON text; prefer `load` and `from_dict`.

        Parameters
        ----------
        document : str
            JSON text.
        mode : str
            A mode as in `load`; empty keeps the document's own placement.
        source, folder : str
            File name for messages, and where relative paths in the document start.

        Raises
        ------
        ScenarioError, ModelError, ProfileError, LayoutError, TraceError
            With the JSON pointer, what was found and what is legal.
        """
        self._document = document
        self._mode = mode
        self._source = source
        self._folder = folder
        self._handle = _core.parse_scenario(document, mode, source, folder, **_file_readers())

    @classmethod
    def load(cls, path_or_name: str | os.PathLike[str], mode: ModeLike | None = None) -> Scenario:
        """Reads a scenario by file path, or by name such as ``"voice-heavy"``.

        Parameters
        ----------
        path_or_name : str or path
            File, or one of `scenario_names`.
        mode : str or Layout, optional
            A mode of the document, or ``"dedicated"``, ``"time-slicing[:REPLICAS]"``,
            ``"mps[:PERCENT/PERCENT...]"``, ``"mig:LAYOUT[/time-slicing|/mps]"``; by default the document's
            own placement.

        Returns
        -------
        Scenario

        Raises
        ------
        ScenarioError, ModelError, ProfileError, LayoutError, TraceError
            With file and JSON pointer, what was found and what is legal.
        """
        name = os.fspath(path_or_name)
        document = _core.load_scenario(name, **_file_readers()).document
        return cls(document, mode_text(mode) if mode else "", name)

    @classmethod
    def from_dict(
        cls, document: Mapping[str, Any], mode: ModeLike | None = None, folder: str | os.PathLike[str] = ""
    ) -> Scenario:
        """Reads a scenario from a dictionary of the same shape as the JSON document.

        Parameters
        ----------
        document : mapping
            Names, numbers, lists and mappings.
        mode : str or Layout, optional
            As in `load`.
        folder : str or path
            Where relative paths in the document start.

        Returns
        -------
        Scenario

        Raises
        ------
        ScenarioError, ModelError, ProfileError, LayoutError, TraceError
            With the JSON pointer, what was found and what is legal.
        """
        return cls(to_json(document), mode_text(mode) if mode else "", "", os.fspath(folder))

    @property
    def name(self) -> str:
        """Name of the scenario."""
        return self._handle.name

    @property
    def description(self) -> str:
        """What it stands for."""
        return self._handle.description

    @property
    def mode(self) -> str:
        """Mode as shown in tables: ``"dedicated"``, ``"mig:3g.40gb+3g.40gb"``, ..."""
        return self._handle.mode

    @property
    def modes(self) -> list[str]:
        """The document's own named modes, in its order."""
        return self._handle.modes

    @property
    def services(self) -> list[str]:
        """Names of the services."""
        return self._handle.services

    @property
    def gpus(self) -> list[dict[str, Any]]:
        """Every GPU: its ``profile``, ``layout`` and ``partitions`` with their sharing and processes."""
        return self._handle.gpus

    @property
    def seed(self) -> int:
        """Seed of its random streams."""
        return self._handle.seed

    @property
    def duration_s(self) -> float:
        """Simulated seconds; arrivals end here and the rest drains."""
        return self._handle.duration_s

    @property
    def warmup_s(self) -> float:
        """Seconds left out of the figures."""
        return self._handle.warmup_s

    @property
    def price_per_gpu_hour(self) -> float | dict[str, float]:
        """Price of one GPU for an hour, or the prices by kind of GPU."""
        return self._handle.price_per_gpu_hour

    @property
    def baseline_gpus(self) -> int:
        """GPUs of the dedicated placement: what "freed" is counted against."""
        return self._handle.baseline_gpus

    @property
    def host_cores(self) -> int:
        """CPU cores of the host; 0: no limit."""
        return self._handle.host_cores

    @property
    def document(self) -> dict[str, Any]:
        """The document with the mode applied; a copy."""
        result: dict[str, Any] = json.loads(self._handle.document)
        return result

    def with_mode(self, mode: ModeLike) -> Scenario:
        """The same scenario in another mode, as in `load`.

        Raises
        ------
        ScenarioError, LayoutError
            For a mode that does not exist or does not suit the scenario.
        """
        return Scenario(self._document, mode_text(mode), self._source, self._folder)

    def replace(self, **changes: Any) -> Scenario:
        """A copy with parts of the document changed; the mode is applied to the changed document.

        Parameters
        ----------
        **changes
            ``users`` and ``rate_per_s`` change the only traffic entry of that kind, ``mode`` and ``layout``
            the mode; any other name is a member of the document: ``duration_s=60``, or a path such as
            ``**{"/services/tts/engine/slots": 32}`` or ``**{"services.tts.engine.slots": 32}``.

        Returns
        -------
        Scenario

        Raises
        ------
        ScenarioError
            When a path does not exist, or the changed document is not valid.
        """
        document = json.loads(self._document)
        mode = self._mode
        for key, value in changes.items():
            if key == "mode":
                mode = mode_text(value)
            elif key == "layout":
                mode = f"mig:{value}"
            else:
                _change(document, key, value)
        return Scenario(to_json(document), mode, self._source, self._folder)

    def check_memory(self) -> None:
        """Raises OutOfMemoryError with the sum when the processes of a partition do not fit it."""
        self._handle.check_memory()

    def __reduce__(self) -> tuple[Any, ...]:
        return Scenario, (self._document, self._mode, self._source, self._folder)

    def __copy__(self) -> Scenario:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Scenario:
        return self

    def _key(self) -> tuple[str, str, str]:
        return (self._document, self._mode, self._folder)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Scenario) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def _fields(self) -> list[Field]:
        rows = [(f"gpu{i}", gpu, part) for i, gpu in enumerate(self.gpus) for part in gpu["partitions"]]
        return [
            Field("GPU", [f"{name} {gpu['profile']}" for name, gpu, _ in rows], "left"),
            Field("partition", [part["name"] for _, _, part in rows], "left"),
            Field("sharing", [part["sharing"] for _, _, part in rows], "left"),
            Field("processes", [", ".join(part["processes"]) or "none" for _, _, part in rows], "left"),
        ]

    def _title(self) -> str:
        modes = f"; its modes: {', '.join(self.modes)}" if self.modes else ""
        return f"{self.name}, {self.mode}: {self.duration_s:g} s, seed {self.seed}{modes}"

    def __repr__(self) -> str:
        parts = [wrap(self._title()), wrap(self.description), text_table(self._fields())]
        return "\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        return html_table(
            self._fields(), caption=self._title(), notes=[self.description] if self.description else []
        )


def _file_readers() -> dict[str, Any]:
    """How traces and calls that a document names are read: gzip, Parquet, Arrow and ShareGPT too."""
    return {"formats": traces.formats(), "load_trace": _load_trace, "read_bytes": read_bytes}


def _load_trace(path: str, format: str) -> _core.Trace:
    return _remembered_trace(path, format, os.stat(path).st_mtime_ns)


@lru_cache(maxsize=2)  # a document is read anew for every mode and every point of a sweep, its trace is not
def _remembered_trace(path: str, format: str, changed_ns: int) -> _core.Trace:
    return traces.load(path, format)


def to_json(document: Any) -> str:
    """JSON text of a document; paths, layouts and NumPy scalars are written as what they stand for."""
    _refuse_not_finite(document, "")
    return json.dumps(document, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, (os.PathLike, _core.Layout)):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise fail(
        ScenarioError,
        "",
        f"a document holds names, numbers, lists and mappings; found {type(value).__name__}",
    )


def _refuse_not_finite(value: Any, pointer: str) -> None:
    if isinstance(value, Mapping):
        for key, member in value.items():
            _refuse_not_finite(member, f"{pointer}/{key}")
    elif isinstance(value, (list, tuple)):
        for i, member in enumerate(value):
            _refuse_not_finite(member, f"{pointer}/{i}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise fail(ScenarioError, pointer, f"found {value}; a number must be finite")


def _change(document: dict[str, Any], key: str, value: Any) -> None:
    if key == "users":
        _only_traffic(document, "closed", "users")["users"] = value
    elif key == "rate_per_s" and "rate_per_s" not in document:
        _arrivals(_only_traffic(document, "open", "rate_per_s"))["rate_per_s"] = value
    else:
        _set_path(document, key, copy.deepcopy(value))


def _arrivals(entry: dict[str, Any]) -> dict[str, Any]:
    arrivals = entry.get("arrivals")
    return arrivals if isinstance(arrivals, dict) else entry


def _only_traffic(document: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    entries: list[dict[str, Any]] = [t for t in document.get("traffic", []) if t.get("kind") == kind]
    if len(entries) != 1:
        found = f"{len(entries)} entries" if entries else "no entry"
        raise fail(
            ScenarioError,
            "/traffic",
            f"{name} needs exactly one entry of kind {kind!r}, found {found}; use a path instead",
        )
    return entries[0]


def _steps(path: str) -> list[str]:
    if path.startswith("/"):
        return [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]
    return path.split(".")


def _set_path(document: dict[str, Any], path: str, value: Any) -> None:
    node: Any = document
    steps = _steps(path)
    for i, step in enumerate(steps[:-1]):
        node = _child(node, step, "/" + "/".join(steps[: i + 1]))
    if isinstance(node, list):
        _child(node, steps[-1], path)
        node[int(steps[-1])] = value
    elif isinstance(node, dict):
        node[steps[-1]] = value
    else:
        raise fail(ScenarioError, path, "the path leads through a value that has no members")


def _child(node: Any, step: str, pointer: str) -> Any:
    if isinstance(node, list):
        if not step.isdigit() or int(step) >= len(node):
            raise fail(ScenarioError, pointer, f"there is no such element; legal are 0 to {len(node) - 1}")
        return node[int(step)]
    if not isinstance(node, dict) or step not in node:
        members = ", ".join(node) if isinstance(node, dict) else "none"
        raise fail(ScenarioError, pointer, f"there is no such member; legal are {members}")
    return node[step]


#: What functions take that need a scenario: one, its name or path, or its document.
ScenarioLike = Scenario | str | os.PathLike[str] | Mapping[str, Any]
