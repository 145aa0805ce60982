"""A service with its load, as a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import _core

__all__ = ["Load"]


@dataclass(frozen=True, repr=False)
class Load:
    """One or more services that serve a request, and the requests that come.

    Attributes
    ----------
    name : str
        Of its pipeline and its traffic.
    services : mapping of str to mapping
        As a document's ``services``.
    stages : sequence of mapping
        What a request visits, as in a pipeline's ``stages``.
    traffic : mapping
        As an entry of a document's ``traffic``.
    objectives : mapping
        As a document's ``objectives``.
    assumed, log : sequence of str, Trace
        What nobody said, and what the traffic replays.
    """

    name: str
    services: Mapping[str, Any]
    stages: Sequence[Mapping[str, Any]]
    traffic: Mapping[str, Any]
    objectives: Mapping[str, Any] = field(default_factory=dict)
    assumed: Sequence[str] = ()
    log: _core.Trace | None = None

    def __repr__(self) -> str:
        models = dict.fromkeys(str(one.get("model", name)) for name, one in self.services.items())
        return f"<Load {self.name}: {', '.join(models)}>"
