"""One LLM server replaying requests: what the suites of serving measurements simulate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..frames.tables import Table
from ..scenario.scenario import Scenario
from ..study.simulation import simulate
from ..traces.columns import from_columns
from ..traces.traces import Trace

__all__ = ["Requests", "Served", "data_folder", "in_places", "replay", "served_by"]

Vector = npt.NDArray[np.float64]

#: Arrivals end with the last of the trace; so much later the simulation may still count.
_AFTER_S = 1.0
#: Tokens of a block of a prompt, and more blocks than any prompt has.
_BLOCK, _MOST_BLOCKS = 16, 1 << 14


@dataclass(frozen=True)
class Requests:
    """Arrivals in seconds, ascending, and tokens of each request.

    `prompts`, where given, are numbers of the prompts: equal ones are the same to the last token.
    """

    arrival_s: Sequence[float]
    input_tokens: Sequence[int]
    output_tokens: Sequence[int]
    prompts: Sequence[int] | None = None


@dataclass(frozen=True)
class Served:
    """Times of each request in seconds, in order of arrival, and its tokens."""

    arrival: Vector
    started: Vector
    first: Vector
    finished: Vector
    output_tokens: Vector

    @property
    def ttft(self) -> Vector:
        """From arrival to the first token."""
        return self.first - self.arrival

    @property
    def latency(self) -> Vector:
        """From arrival to the last token."""
        return self.finished - self.arrival

    @property
    def tpot(self) -> Vector:
        """Mean time between tokens; 0 for a single one."""
        return (self.finished - self.first) / np.maximum(self.output_tokens - 1, 1)

    @property
    def makespan(self) -> float:
        """From time zero to the last token of all."""
        return float(self.finished.max())

    @property
    def tokens_per_s(self) -> float:
        """Generated over the makespan."""
        return float(self.output_tokens.sum()) / self.makespan

    def part(self, which: slice, start: float) -> Served:
        """Some of the requests, in times from `start`."""
        return Served(
            self.arrival[which] - start,
            self.started[which] - start,
            self.first[which] - start,
            self.finished[which] - start,
            self.output_tokens[which],
        )

    def counts(self, times: Vector) -> tuple[Vector, Vector]:
        """Requests that run and that wait at each of `times`."""
        at = times[:, None]
        running = np.sum((self.started <= at) & (self.finished > at), axis=1)
        waiting = np.sum((self.arrival <= at) & (self.started > at), axis=1)
        return running.astype(np.float64), waiting.astype(np.float64)


def replay(
    requests: Requests,
    *,
    gpu: str,
    model: str | Mapping[str, Any],
    engine: Mapping[str, Any],
    precision: str = "fp16",
    tensor_parallel: int = 1,
) -> Served:
    """Simulates one server on a whole GPU, or over several, that is sent `requests`.

    Parameters
    ----------
    requests : Requests
        The trace.
    gpu : str
        A profile.
    model : str or dict
        Name or document of the model.
    engine : dict
        Options of continuous batching.
    precision : str
        A weight format of the model.
    tensor_parallel : int
        GPUs of the server.
    """
    document = {
        "name": "serving",
        "gpu": gpu,
        "duration_s": max(requests.arrival_s) + _AFTER_S,
        "services": {
            "llm": {
                "model": model,
                "precision": precision,
                "tensor_parallel": tensor_parallel,
                "engine": dict(engine),
            }
        },
        "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
        "traffic": [{"name": "trace", "pipeline": "chat", "kind": "trace"}],
        "placement": {"mode": "dedicated"},
    }
    scenario = Scenario.from_dict(document, traces={"trace": _trace(requests)})
    return served_by("llm", simulate(scenario, threads=1).requests)


def served_by(stage: str, found: Table, traffic: str | None = None) -> Served:
    """What a stage did for the requests of a run, or of one entry of its traffic."""
    order = np.argsort(np.asarray(found["request"]), kind="stable")
    if traffic is not None:
        mine = np.asarray(found.codes("traffic")) == list(found.categories("traffic")).index(traffic)
        order = order[mine[order]]

    def column(name: str) -> Vector:
        return np.asarray(found[name], dtype=np.float64)[order]

    return Served(
        column("arrival_s"),
        column(f"{stage}.started_s"),
        column(f"{stage}.first_output_s"),
        column(f"{stage}.finished_s"),
        column("output_tokens"),
    )


def in_places(served: Served, users: int, overhead_s: float) -> Served:
    """A queue behind a limit of `users` as the closed loop that it stands for.

    A request arrives when a place became free, and its overhead lies before the first token.
    """
    free = np.concatenate([np.zeros(users), np.sort(served.finished)])[: served.arrival.size]
    order = np.argsort(served.started, kind="stable")
    arrival = np.empty_like(served.arrival)
    arrival[order] = free - overhead_s
    return Served(arrival, served.started, served.first, served.finished, served.output_tokens)


def _trace(requests: Requests) -> Trace:
    columns: dict[str, Any] = {
        "arrival_s": [round(arrival, 9) for arrival in requests.arrival_s],
        "input_tokens": requests.input_tokens,
        "output_tokens": requests.output_tokens,
    }
    if requests.prompts is not None:
        firsts = [prompt * _MOST_BLOCKS for prompt in requests.prompts]
        blocks = [-(-tokens // _BLOCK) for tokens in requests.input_tokens]
        columns["hash_ids"] = [range(first, first + n) for first, n in zip(firsts, blocks, strict=True)]
        columns["block_tokens"] = _BLOCK
    return from_columns(columns, "requests")


def data_folder(data: Path | None, suite: str, wanted: str) -> Path:
    """`data` itself, or the folder in it with the suite's files.

    Raises
    ------
    ValueError
        None was given, or it has no file that matches `wanted`.
    """
    if data is None:
        raise ValueError(f"suite {suite} needs the folder with its published data")
    for folder in (data, *(data / name for name in ("llm_serving", "llm_steps", "silicon"))):
        if any(folder.glob(wanted)):
            return folder
    raise ValueError(f"{data}: no {wanted} for suite {suite}")
