"""Where a workload runs, as a value: nodes, GPUs, partitions and the processes on them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .. import _core
from ..frames.render import Field, brief, html_table, text_table
from .changes import to_json

__all__ = ["Placement", "placed_fields"]


class Placement:
    """Nodes with their GPUs, how these are cut and shared, and the processes on every partition.

    Immutable. ``Placement.from_dict(placement.to_dict())`` is equal to ``placement``; services are known by name, so
    a placement made for one scenario can be given to another that has services of these names.
    """

    __slots__ = ("_handle",)

    def __init__(self, handle: _core.Placement) -> None:
        """Wraps a compiled placement; prefer `from_dict`, `Scenario.placement` and `place`."""
        self._handle = handle

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], services: Sequence[str] | None = None) -> Placement:
        """A placement as a scenario's document has it.

        Parameters
        ----------
        document : mapping
            ``{"nodes": [{"name": ..., "host": {"cores": n}, "gpus": [...]}]}``, or ``{"gpus": [...]}`` for one
            node whose host has no limit. A GPU names its ``profile``, its ``layout`` (whole where left out) and its
            ``partitions`` with ``sharing`` and ``processes``.
        services : sequence of str, optional
            Names that processes may have; by default those that they have.

        Returns
        -------
        Placement

        Raises
        ------
        ScenarioError, ProfileError, LayoutError
            With the JSON pointer, what was found and what is legal.

        Examples
        --------
        >>> import gpushare as gs
        >>> halves = {"profile": "a100", "layout": "3g.40gb+3g.40gb",
        ...           "partitions": [{"processes": ["asr"]}, {"processes": ["tts"]}]}
        >>> gs.Placement.from_dict({"gpus": [halves]}).services
        ['asr', 'tts']
        """
        names = list(services) if services is not None else list(dict.fromkeys(_services(document)))
        return cls(_core.Placement(to_json(document), names))

    def to_dict(self) -> dict[str, Any]:
        """The placement as `from_dict` reads it, in nodes; nothing is lost."""
        document: dict[str, Any] = json.loads(self._handle.json)
        return document

    @property
    def services(self) -> list[str]:
        """Names of the services that it may place."""
        return self._handle.services

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """Every node: its ``name``, ``host_cores`` (0: no limit) and ``interconnect`` (None: the GPUs' own)."""
        return self._handle.nodes

    @property
    def gpus(self) -> list[dict[str, Any]]:
        """Every GPU: its ``node``, ``profile``, ``layout`` and ``partitions``.

        A partition has its ``name``, ``memory_bytes``, ``sharing``, the settings of time-slicing (``slice_s``,
        ``switch_preempted_s``, ``switch_idle_s``; None: the profile's; ``policy``, ``lease_s``, ``plan_s``), its
        ``processes`` (names of services) and, in their order, ``active_thread_percentages``,
        ``memory_limits_bytes`` (None: no limit) and ``shares`` (weights under fair, fractions of a plan under strict).
        """
        return self._handle.gpus

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self._handle.json, self.services)

    def __eq__(self, other: object) -> bool:
        return self._handle.json == other._handle.json if isinstance(other, Placement) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._handle.json)

    def __repr__(self) -> str:
        gpus = len(self.gpus)
        return brief(self, f"{', '.join(self.services)} on {gpus} GPU{'s' if gpus != 1 else ''}")

    def __str__(self) -> str:
        return text_table(placed_fields(self.gpus))

    def _repr_html_(self) -> str:
        return html_table(placed_fields(self.gpus))


def _restore(text: str, services: list[str]) -> Placement:
    return Placement(_core.Placement(text, services))


def _services(document: Any) -> Iterator[str]:
    """Names of the services of every process, in order; malformed parts are left to the reader."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, Mapping):
        for key in ("nodes", "gpus", "partitions", "processes", "service"):
            yield from _services(document.get(key))
    elif isinstance(document, (list, tuple)):
        for part in document:
            yield from _services(part)


def placed_fields(gpus: Sequence[Mapping[str, Any]]) -> list[Field]:
    """A row for every partition, with its node where there are several."""
    rows = [(f"gpu{i}", gpu, part) for i, gpu in enumerate(gpus) for part in gpu["partitions"]]
    fields = [
        Field("GPU", [f"{name} {gpu['profile']}" for name, gpu, _ in rows], "left"),
        Field("partition", [part["name"] for _, _, part in rows], "left"),
        Field("sharing", [part["sharing"] for _, _, part in rows], "left"),
        Field("processes", [", ".join(part["processes"]) or "none" for _, _, part in rows], "left"),
    ]
    if len({gpu["node"] for gpu in gpus}) > 1:
        fields.insert(0, Field("node", [gpu["node"] for _, gpu, _ in rows], "left"))
    return fields
