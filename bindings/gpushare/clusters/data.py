"""Nodes and pods as values, from files, frames or lists."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

import numpy as np

from .. import _core
from .._core import TraceError
from .._errors import fail
from ..frames.notices import Notice
from ..frames.render import counted
from ..frames.table_files import write_csv
from ..frames.tables import Table
from ..scenario.placement import Placement
from ..scenario.scenario import Scenario
from ..traces.openb import read_list
from ..traces.openb_cells import (
    NODE_COLUMNS,
    OTHER_NODE_COLUMNS,
    OTHER_POD_COLUMNS,
    POD_COLUMNS,
    TIMES,
    WHOLE,
    check_node,
    check_pod,
)
from .cells import checked, is_missing
from .models import unknown_models
from .nowhere import pods_without_a_node
from .placed import placed_rows

__all__ = ["Cluster", "Rows", "cluster_of"]

#: A file, a table of any library, columns by name, or a list of rows.
Rows = str | os.PathLike[str] | Table | Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]] | Any

_NODE_NAMES = {
    "sn": "name",
    "cpu_milli": "cpu_milli",
    "memory_mib": "memory_mib",
    "gpu": "gpus",
    "model": "model",
    "labels": "labels",
    "taints": "taints",
}
_POD_NAMES = {
    "name": "name",
    "cpu_milli": "cpu_milli",
    "memory_mib": "memory_mib",
    "num_gpu": "gpus",
    "gpu_milli": "gpu_milli",
    "gpu_spec": "models",
    "selector": "selector",
    "tolerations": "tolerations",
    "priority": "priority",
    "group": "group",
    "gang": "gang",
    "node": "node",
    "devices": "devices",
    "starts": "starts",
}
#: Earlier creations of a whole list are no seconds since 1970.
_EPOCH_S, _DAY_S = 1e9, 86400.0
#: What runs in a pod, of which packing knows nothing: windows do.
_SERVICE = "service"
_LISTS = ("models", "taints", "tolerations")
_NUMBERS = ("devices", "starts")
_LABELS = ("labels", "selector")
_KINDS = {
    "nodes": NODE_COLUMNS | OTHER_NODE_COLUMNS,
    "pods": POD_COLUMNS | OTHER_POD_COLUMNS,
}
_CHECKS = {"nodes": check_node, "pods": check_pod}
_NEEDED = {
    "nodes": ("sn", "cpu_milli", "memory_mib", "gpu", "model"),
    "pods": ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli"),
}


def _columns(given: Rows, what: str, notices: list[Notice]) -> dict[str, list[Any]]:
    """Lists of values by column, whatever it was; columns of a file that are not read are noticed."""
    if isinstance(given, (str, os.PathLike)):
        source = os.fspath(given)
        given, unread = read_list(source, what)
        if unread:
            notices.append(Notice(source, f"not read: {', '.join(unread)}"))
    if isinstance(given, Table):
        return given.to_dict()
    if isinstance(given, Mapping):
        return {str(name): list(values) for name, values in given.items()}
    if hasattr(given, "columns"):  # a frame of pandas or Polars
        return {str(name): given[name].to_list() for name in given.columns}
    rows = list(given)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def _split(text: str) -> list[str]:
    return [part for part in text.split("|") if part]


def _own(name: str, value: str | float) -> Any:
    """As the library takes it."""
    if name in _LISTS:
        return _split(str(value))
    if name in _LABELS:
        return dict(part.partition("=")[::2] for part in _split(str(value)))
    if name in _NUMBERS:
        return [int(part) for part in _split(str(value))]
    return value


def _read(columns: Mapping[str, list[Any]], what: str) -> dict[str, list[Any]]:
    """Every cell as files have it, in columns that there are."""
    kinds, needed = _KINDS[what], _NEEDED[what]
    for name in needed:
        if name not in columns:
            raise fail(TraceError, what, f'no column "{name}"; expected {", ".join(needed)}')
    rows = len(columns[needed[0]])
    for name, values in columns.items():
        if name not in kinds:
            raise fail(TraceError, what, f'unknown column "{name}"; expected some of {", ".join(kinds)}')
        if len(values) != rows:
            raise fail(TraceError, what, f'column "{name}" has {len(values)} rows; others have {rows}')
    found = {
        name: [checked(v, kinds[name], name, f"{what}[{row}]") for row, v in enumerate(values)]
        for name, values in columns.items()
    }
    for row in range(rows):
        _CHECKS[what]({name: values[row] for name, values in found.items()}, f"{what}[{row}]")
    return found


def _rows(columns: Mapping[str, list[Any]], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rows by the library's own names; a cell without a value is left out."""
    rows: list[dict[str, Any]] = [{} for _ in next(iter(columns.values()))]
    for column, values in columns.items():
        if column in names:
            own = names[column]
            for row, value in zip(rows, values, strict=True):
                if value != "":
                    row[own] = _own(own, value)
    return rows


def _seconds(columns: Mapping[str, list[Any]], name: str, rows: int) -> Any:
    if name not in columns:
        return np.full(rows, np.nan)
    return np.array([math.nan if v == "" else v for v in columns[name]], dtype=np.float64)


def _times(columns: Mapping[str, list[Any]], rows: int) -> tuple[Any, Any, float]:
    """When pods are created, and for how long they run once they have started: without an end for ever.

    The third is the midnight that times count from: 0, or where they are seconds since 1970 the one before the first.
    """
    created = _seconds(columns, "creation_time", rows)
    started = _seconds(columns, "scheduled_time", rows)
    ended = _seconds(columns, "deletion_time", rows)
    given = _seconds(columns, "duration", rows)
    first = float(np.nanmin(created, initial=math.inf))
    origin = first // _DAY_S * _DAY_S if _EPOCH_S <= first < math.inf else 0.0
    created = np.nan_to_num(created, nan=origin)
    ran = ended - np.where(np.isnan(started), created, started)
    duration = np.where(np.isnan(given), ran, given)
    return created - origin, np.where(np.isnan(duration), np.inf, np.maximum(duration, 0.0)), origin


def _counted_from(origin: float) -> list[Notice]:
    if not origin:
        return []
    day = datetime.fromtimestamp(origin, tz=timezone.utc)
    return [
        Notice("creation_time", f"taken for seconds since 1970; 0 s is the midnight of {day:%Y-%m-%d}, UTC")
    ]


@dataclass(frozen=True)
class Cluster:
    """Nodes, and pods that ask for places on them.

    Attributes
    ----------
    nodes : Table
        ``sn``, ``cpu_milli``, ``memory_mib``, ``gpu``, ``model``, and perhaps ``labels`` and ``taints``.
    pods : Table
        ``name``, ``cpu_milli``, ``memory_mib``, ``num_gpu``, ``gpu_milli``, and what `gs.traces.read_pods` tells.

    Parameters
    ----------
    nodes, pods : path, table, frame, mapping of columns or list of rows
        A path of a CSV file; a table or frame of gpushare, pandas or Polars; columns by name; rows as mappings.

    Raises
    ------
    TraceError
        That says where, what was found and what would be right.
    """

    nodes: Table = field()
    pods: Table = field()

    def __init__(self, nodes: Rows, pods: Rows) -> None:
        notices: list[Notice] = []
        by_name = _columns(nodes, "nodes", notices), _columns(pods, "pods", notices)
        read = _read(by_name[0], "nodes"), _read(by_name[1], "pods")
        rows = _rows(read[0], _NODE_NAMES), _rows(read[1], _POD_NAMES)
        created, duration, origin = _times(read[1], len(rows[1]))
        for row, at, lasts in zip(rows[1], created.tolist(), duration.tolist(), strict=True):
            row["created_s"], row["duration_s"] = at, lasts
        data = _core.ClusterData(*rows)
        object.__setattr__(self, "nodes", _table("nodes", read[0]))
        object.__setattr__(self, "pods", _table("pods", read[1]))
        object.__setattr__(self, "_data", data)
        object.__setattr__(self, "_times", (created, duration))
        object.__setattr__(self, "_rows", rows)
        object.__setattr__(self, "_unread", (*notices, *_counted_from(origin)))

    @property
    def data(self) -> _core.ClusterData:
        """What the compiled part reads."""
        found: _core.ClusterData = vars(self)["_data"]
        return found

    @property
    def created_s(self) -> Any:
        """Seconds at which each pod is created, shape ``(pods,)``."""
        return vars(self)["_times"][0]

    @property
    def duration_s(self) -> Any:
        """Seconds for which each pod runs once it has started, shape ``(pods,)``; infinite where nothing ends it."""
        return vars(self)["_times"][1]

    @property
    def services(self) -> list[str]:
        """The service that each pod runs a replica of; empty where the list does not say."""
        if _SERVICE not in self.pods:
            return [""] * len(self.pods)
        return [str(name) for name in self.pods[_SERVICE]]

    @property
    def has_ends(self) -> bool:
        """Whether any pod ends."""
        return bool(np.isfinite(vars(self)["_times"][1]).any())

    @property
    def gpus(self) -> int:
        """Of all nodes."""
        return int(np.sum(self.nodes["gpu"]))

    @property
    def models(self) -> list[str]:
        """GPU models of the nodes that have GPUs, in order of appearance."""
        pairs = zip(self.nodes["model"].tolist(), self.nodes["gpu"].tolist(), strict=True)
        return list(dict.fromkeys(model for model, gpus in pairs if gpus))

    @cached_property
    def notices(self) -> tuple[Notice, ...]:
        """Columns that were not read, where times count from, and pods that no node could ever take."""
        nodes, pods = vars(self)["_rows"]
        unplaced = pods_without_a_node(pods, nodes)
        return (*vars(self)["_unread"], *unknown_models(self.pods, self.models), *unplaced)

    @classmethod
    def from_placement(
        cls,
        placed: Placement | Scenario,
        pods: Rows | None = None,
        *,
        cpu_milli: int = 1000,
        memory_mib: int = 0,
    ) -> Cluster:
        """The nodes of a placement, with a pod for every replica that stays where it is.

        Parameters
        ----------
        placed : Scenario or Placement
            Such as the scenario of a plan. Replicas of several ranks are told from a scenario alone.
        pods : optional
            More pods, as a Cluster takes them, to be packed beside those.
        cpu_milli, memory_mib : int
            What each process asks of its host (assumed: a core, or an equal part of the cores where there are fewer).

        Returns
        -------
        Cluster
            A process asks for its part of the GPU: its instance's; under MPS its cap; an equal part where processes
            are time-sliced or without caps. GPU models are profiles. Hosts without limit have a million cores.

        Raises
        ------
        ValueError
            For what no cluster has: processes that share an instance, media extensions, a node with GPUs of several
            kinds.

        Examples
        --------
        >>> import gpushare as gs
        >>> halves = gs.Scenario.load("voice-light", "mig:3g.40gb+3g.40gb")
        >>> cluster = gs.Cluster.from_placement(halves)
        >>> cluster.pods["name"].tolist(), cluster.pods["gpu_milli"].tolist()
        (['llm-0', 'asr-0', 'tts-0'], [1000, 428, 428])
        """
        nodes, own = placed_rows(placed, cpu_milli, memory_mib)
        more = [] if pods is None else _as_rows(_columns(pods, "pods", []))
        return cls(nodes, [*own, *more])

    def save(self, nodes: str | os.PathLike[str], pods: str | os.PathLike[str]) -> None:
        """Writes both lists as CSV, as ``gpushare cluster`` reads them."""
        written = _written(self.nodes), _written(self.pods)
        write_csv(written[0], nodes)
        write_csv(written[1], pods)

    @cached_property
    def classes(self) -> Table:
        """Kinds of demand with their weights, most frequent first, until they hold 95 % of the pods."""
        found = self.data.classes()
        columns: dict[str, Any] = {
            name: np.array([row[name] for row in found])
            for name in ("cpu_milli", "gpus", "gpu_milli", "pods", "weight")
        }
        return Table("classes", columns | {"models": ["|".join(row["models"]) for row in found]})

    def __reduce__(self) -> tuple[Any, ...]:
        return Cluster, (self.nodes, self.pods)

    def __repr__(self) -> str:
        sizes = ((len(self.nodes), "node"), (self.gpus, "GPU"), (len(self.pods), "pod"))
        return f"<Cluster {', '.join(counted(*size) for size in sizes)}>"


def _table(name: str, columns: Mapping[str, list[Any]]) -> Table:
    data: dict[str, Any] = {}
    for column, values in columns.items():
        kind = _KINDS[name][column]
        if kind in TIMES:
            data[column] = np.array([math.nan if v == "" else v for v in values], dtype=np.float64)
        elif kind in WHOLE:
            data[column] = np.array([v or 0 for v in values], dtype=np.int64)
        else:
            data[column] = [str(v) for v in values]
    return Table(name, data)


def _as_rows(columns: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _written(table: Table) -> Table:
    """As files have it: nothing where there is no time."""
    data: dict[str, Any] = {
        name: [
            "" if is_missing(v) else v if isinstance(v, str) else f"{v:.12g}" for v in table[name].tolist()
        ]
        for name in table.columns
    }
    return Table(table.name, data)


def cluster_of(nodes: Rows | Cluster, pods: Rows | None) -> Cluster:
    """A cluster that was given as one, or as its nodes and pods."""
    if isinstance(nodes, Cluster):
        if pods is not None:
            raise TypeError("pods: the cluster has its own; give nodes and pods, or the cluster alone")
        return nodes
    if pods is None:
        raise TypeError("pods: found none; give nodes and pods, or a Cluster")
    return Cluster(nodes, pods)
