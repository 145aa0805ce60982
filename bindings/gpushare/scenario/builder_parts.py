"""What builders of services are made of: who asks, sizes around their means, a service as documents have it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import _core
from .._core import ScenarioError
from .._errors import fail

__all__ = ["Arrivals", "Distribution", "Log", "Served", "Sizes", "objectives_of", "served", "service_of"]

Distribution = float | Mapping[str, Any]
Log = str | os.PathLike[str] | _core.Trace
Served = str | os.PathLike[str] | Mapping[str, Any]


@dataclass(frozen=True)
class Arrivals:
    """Who asks: by rate, by users or from a log."""

    name: str
    rate: float | None
    users: int | None
    think_s: Distribution | None
    log: Log | None = None
    usual_think_s: float = 10.0

    def traffic(self, sizes: Mapping[str, Any]) -> dict[str, Any]:
        """Its entry of a document, with requests of these sizes."""
        given = [
            word
            for word, value in vars(self).items()
            if word in ("rate", "users", "log") and value is not None
        ]
        if len(given) != 1:
            found = "none" if not given else " and ".join(given)
            raise fail(
                ScenarioError,
                self.name,
                f"give one of rate (requests a second), users and log; found {found}",
            )
        if self.users is None and self.think_s is not None:
            raise fail(
                ScenarioError, self.name, f"think_s is of users, who wait for answers; {given[0]} has none"
            )
        entry: dict[str, Any] = {"name": self.name, "pipeline": self.name}
        if self.log is not None:
            path = {} if isinstance(self.log, _core.Trace) else {"path": os.path.abspath(self.log)}
            return entry | {"kind": "trace"} | path
        if self.rate is not None:
            arrivals = {"kind": "poisson", "rate_per_s": self.rate}
            return entry | {"kind": "open", "arrivals": arrivals, "sizes": dict(sizes)}
        think_s = self.usual_think_s if self.think_s is None else self.think_s
        return entry | {"kind": "closed", "users": self.users, "think_s": think_s, "sizes": dict(sizes)}


class Sizes:
    """Sizes around their means."""

    def __init__(self, spread: float) -> None:
        self.spread = spread
        self.assumed = False

    def around(self, size: Distribution, least: float) -> Any:
        """A size that varies around its mean; a distribution is as it is."""
        if isinstance(size, Mapping) or not self.spread:
            return size
        self.assumed = True
        return {"kind": "lognormal", "mean": size, "sigma": self.spread, "min": least, "max": 8 * size}

    def told(self) -> list[str]:
        """What was assumed."""
        return [f"Assumed: sizes are lognormal around their means with sigma {self.spread:g}."] * self.assumed


def service_of(
    model: Any, precision: str | None, replicas: int, engine: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """A service as documents have it, without what nobody said."""
    service: dict[str, Any] = {"model": os.fspath(model) if isinstance(model, os.PathLike) else model}
    if precision is not None:
        service["precision"] = precision
    if replicas != 1:
        service["replicas"] = replicas
    service |= {key: value for key, value in more.items() if value is not None}
    if engine:
        service["engine"] = dict(engine)
    return service


def objectives_of(name: str, slo: Mapping[str, Any] | None) -> dict[str, Any]:
    """Bare latencies of a service are its own: ``ttft_p95`` is ``llm.ttft_p95``."""
    own = (
        "queue",
        "ttft",
        "tpot",
        "itl",
        "first_audio",
        "first_chunk",
        "inter_chunk",
        "after_speech",
        "latency",
    )
    return {
        f"{name}.{figure}" if figure.partition("_p")[0] in own else figure: bound
        for figure, bound in (slo or {}).items()
    }


def served(service: Served, engine: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The same of a model, or of a service that stands as documents have it."""
    if isinstance(service, Mapping) and "model" in service:
        return dict(service)
    return service_of(service, None, 1, engine or {})
