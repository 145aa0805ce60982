"""A claim's model, GPUs and sizes as a scenario, and what it can do at most."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import _core
from ..scenario.scenario import Scenario

__all__ = ["RANKS", "TOKENS_OF_SPEECH", "Case"]

#: Beyond any server: what is checked does not depend on a batch limit.
_NO_LIMIT = 1_000_000
#: Batches of a batch model that are tried, where its memory grows with them.
_BATCHES = (1024, 256, 64, 16, 4, 1)
#: GPUs that an LLM is split over.
RANKS = (1, 2, 4, 8)
#: Tokens that stand for the speech of a request.
TOKENS_OF_SPEECH = 100


def _with_any_limits(model: str) -> dict[str, Any]:
    """The model's document, whose activations do not grow with limits that no server has."""
    document: dict[str, Any] = json.loads(_core.model_document(model))
    document.pop("$schema", None)
    for limit in ("activation_tokens", "activation_sequences"):
        document[limit] = {
            "value": _NO_LIMIT,
            "source": "a claim is held against any limits",
            "grade": "assumed",
        }
    return document


@dataclass(frozen=True)
class Case:
    """What is asked of which GPUs."""

    model: str
    kind: str
    speaks: bool
    gpu: _core.Profile
    gpu_name: str
    gpus: int
    partition: str
    precision: str | None
    cached: float
    users: int | None
    sizes: Mapping[str, float]
    audio_s: float

    def document(self, ranks: int, batch: int) -> dict[str, Any]:
        """A scenario of one replica over so many GPUs, with batches of so many."""
        model = _with_any_limits(self.model) if self.kind == "llm" else self.model
        service: dict[str, Any] = {"model": model, "engine": self._engine(batch)}
        if self.precision is not None:
            service["precision"] = self.precision
        if ranks > 1:
            service["tensor_parallel"] = ranks
        stage = {"name": "server", "service": "server", "audio_s_per_token": self.audio_s / TOKENS_OF_SPEECH}
        if not self.speaks:
            del stage["audio_s_per_token"]
        return {
            "name": "claim",
            "duration_s": 1,
            "gpu": self.gpu_name,
            "services": {"server": service},
            "pipelines": {"visit": {"stages": [stage]}},
            "traffic": [
                {"kind": "open", "arrivals": {"kind": "constant", "rate_per_s": 1}, "sizes": dict(self.sizes)}
            ],
        }

    def _engine(self, batch: int) -> dict[str, Any]:
        if self.kind == "llm":
            return {
                "kind": "continuous-batching",
                "max_num_seqs": self.users or _NO_LIMIT,
                "max_num_batched_tokens": _NO_LIMIT,
                "prefix_cache_share": self.cached,
            }
        if self.kind == "streaming-asr":
            return {"kind": "stream-batching", "max_batch": _NO_LIMIT}
        if self.kind == "autoregressive-tts":
            return {"kind": "autoregressive-slots"}
        return {"kind": "dynamic-batching", "max_batch": min(batch, self.users or batch)}

    def bounds(self) -> dict[str, Any] | None:
        """What the GPUs can do at most, of each the best over the ways to split a server; None where it fits nowhere.

        ``rate`` and ``peak_rate`` are of all GPUs; the rest is of one replica in the split that serves most.
        """
        splits = self._splits()
        if not splits:
            return None
        for one in splits:
            one["rate"] = one["capacity_per_s"] * one["replicas"]
            one["peak_rate"] = one["peak_capacity_per_s"] * one["replicas"]
        best = dict(max(splits, key=lambda one: float(one["rate"])))
        best["peak_rate"] = max(one["peak_rate"] for one in splits)
        for latency in ("first_s", "token_s") if self.kind == "llm" else ():
            for whose in ("peak", "alone"):
                best[f"{whose}_{latency}"] = min(one[f"{whose}_{latency}"] for one in splits)
        return best

    def _splits(self) -> list[dict[str, Any]]:
        """A replica over each number of GPUs that it fits, and may be split over."""
        found: list[dict[str, Any]] = []
        for rank in RANKS if self.partition == "whole" and self.kind == "llm" else (1,):
            if rank > self.gpus:
                break
            try:
                one = self._over(rank)
            except _core.ScenarioError:
                if not found:
                    raise
                break  # heads that cannot be divided, links that are not known: fewer GPUs do
            if one is not None:
                found.append(one)
        return found

    def _over(self, rank: int) -> dict[str, Any] | None:
        """What one replica over so many GPUs can do at most; None where it does not fit."""
        for batch in _BATCHES if self.kind == "batch" else (1,):
            try:
                scenario = Scenario.from_dict(self.document(rank, batch))
            except _core.OutOfMemoryError:
                continue
            parts = _core.service_bounds(scenario._handle, self.gpu)[0]["partitions"]
            found = next(part for part in parts if part["partition"] == self.partition)
            if found["fits"]:
                return {**found, "ranks": rank, "replicas": self.gpus // rank, "scenario": scenario}
        return None

    def capacity(self) -> float:
        """Requests a second of all GPUs at most."""
        found = self.bounds()
        return 0.0 if found is None else float(found["rate"])
