"""A trace on one server of a language model: the shortest way from a log to an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _core
from ..frames.render import brief, wrap
from ..frames.sections import Beside
from ..scenario.origin import Origin, origin_of
from ..scenario.scenario import Scenario
from .results import Result
from .simulation import simulate

__all__ = ["Replay", "replay", "replay_document"]

_LEAST_S = 1e-3


@dataclass(frozen=True)
class Replay:
    """A run of a trace, and how it was read.

    Attributes
    ----------
    run : Result
        What it does on the server.
    document : dict
        The scenario, without the trace.
    notes : list of str
        How the trace was read, and what was assumed.
    served_s : float
        From the first request to the end of the last answer.
    origin : Origin
        What it was made from and by: version, seed and hashes.
    """

    run: Result
    document: dict[str, Any]
    notes: list[str]
    served_s: float
    origin: Origin

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name."""
        return {
            "scenario": self.document,
            "origin": self.origin.to_dict(),
            "notes": self.notes,
            "served_s": self.served_s,
            "warnings": list(self.run.warnings),
            "summary": dict(self.run.summary()),
        }

    def __repr__(self) -> str:
        return brief(self, self.run.summary()._title())

    def text(self, width: int | None = None, *, beside: Beside | None = None) -> str:
        """What the run says, and how the trace was read; `beside` as in `Summary.text`."""
        beside = beside if beside is not None else Beside(origin=self.origin.line, replications=False)
        notes = (wrap(f"note: {note}", width, "  ") for note in self.notes)
        return "\n".join([self.run.summary().text(width, beside=beside), *notes])

    def __str__(self) -> str:
        return self.text()


def replay_document(
    model: str | Mapping[str, Any],
    gpu: str,
    *,
    mode: str = "dedicated",
    engine: Mapping[str, Any] | None = None,
    replicas: int = 1,
    max_concurrency: int | None = None,
    duration_s: float | None = None,
) -> dict[str, Any]:
    """A scenario that replays a trace called ``trace`` on a server of its own; without a time until all is served."""
    service: dict[str, Any] = {
        "model": model,
        "engine": {"kind": "continuous-batching", "preset": _core.usual_llm_preset(), **(engine or {})},
    }
    if replicas > 1:
        service["replicas"] = replicas
    traffic: dict[str, Any] = {"name": "trace", "pipeline": "chat", "kind": "trace"}
    if max_concurrency is not None:
        traffic["max_concurrency"] = max_concurrency
    return {
        "name": "replay",
        "gpu": gpu,
        **({} if duration_s is None else {"duration_s": duration_s}),
        "services": {"llm": service},
        "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
        "traffic": [traffic],
        "placement": {"mode": mode},
    }


def replay(
    trace: _core.Trace,
    model: str | Mapping[str, Any],
    gpu: str,
    *,
    mode: str = "dedicated",
    engine: Mapping[str, Any] | None = None,
    replicas: int = 1,
    max_concurrency: int | None = None,
    windows: int = 0,
) -> Replay:
    """Replays a trace on servers of a language model.

    Parameters
    ----------
    trace : Trace
        As `traces.load` reads it. Where all requests come at once, the run lasts until the last of them is served.
    model, gpu : str
        Names, or paths of files; a model may be a document.
    mode : str
        How the card is shared: ``dedicated``, ``mps:x2``, ``mig:3g.40gb+3g.40gb``, ...
    engine : mapping, optional
        Members of the engine, whose preset is else ``vllm-0.24``, as everywhere.
    replicas : int
        Servers.
    max_concurrency : int, optional
        Of the client: no more requests are in flight, and latencies count from when one is sent.
    windows : int
        Rows of the run's `series`; of a burst at one moment none are kept.

    Returns
    -------
    Replay

    Raises
    ------
    ScenarioError, PlacementError
        For names that are not known, and what does not fit.
    """
    origin = trace.origin
    notes = (
        [f"{origin['format']}, time in {origin['time_unit']}: {origin['reason']}"] if origin["format"] else []
    )
    span = float(trace.arrival_s[-1])
    document = replay_document(
        model,
        gpu,
        mode=mode,
        engine=engine,
        replicas=replicas,
        max_concurrency=max_concurrency,
        duration_s=span + _LEAST_S if span > 0 else None,
    )
    scenario = Scenario.from_dict(document, traces={"trace": trace})
    run = simulate(scenario, series_s=(span + _LEAST_S) / windows if windows and span > 0 else None)
    finish = np.asarray(run.requests["finish_s"], dtype=np.float64)
    served_s = float(np.nanmax(finish)) if np.isfinite(finish).any() else span
    if span == 0:
        notes.append(
            f"all {len(trace)} requests come at once; rates are until the last is served, after {served_s:.4g} s"
        )
    return Replay(run, document, notes, served_s, origin_of(scenario))
