"""Arrival processes as scenario documents have them, the traces they make, and the one that fits a trace."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import TraceError
from .._errors import fail
from .._numbers import check_seed
from ..traces.servegen import Client, read_client

__all__ = [
    "constant",
    "diurnal",
    "gamma",
    "gamma_poisson",
    "generate",
    "inference_perf",
    "mean_rate",
    "mixture",
    "mmpp",
    "on_off",
    "piecewise",
    "poisson",
    "servegen",
    "servegen_clients",
    "spikes",
    "times",
    "vllm_bench",
    "weibull",
]

Arrivals = dict[str, Any]
Lengths = _core.Trace | tuple[int, int]


def constant(rate_per_s: float) -> Arrivals:
    """Requests at even distances."""
    return {"kind": "constant", "rate_per_s": rate_per_s}


def poisson(rate_per_s: float) -> Arrivals:
    """Poisson arrivals: exponential gaps."""
    return {"kind": "poisson", "rate_per_s": rate_per_s}


def gamma(rate_per_s: float, *, shape: float | None = None, cv: float | None = None) -> Arrivals:
    """Independent gamma gaps.

    Parameters
    ----------
    rate_per_s : float
        Mean rate.
    shape : float, optional
        Of the gaps, what vLLM calls burstiness; 1 is Poisson, below it burstier.
    cv : float, optional
        Coefficient of variation of the gaps instead, ``1 / sqrt(shape)``.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        When not exactly one of them is given.
    """
    if (shape is None) == (cv is None):
        raise ValueError("give shape or cv, and not both")
    return {"kind": "gamma", "rate_per_s": rate_per_s, "shape": shape if cv is None else 1 / cv**2}


def weibull(rate_per_s: float, *, shape: float) -> Arrivals:
    """Independent Weibull gaps of the given shape; 1 is Poisson, below it burstier."""
    return {"kind": "weibull", "rate_per_s": rate_per_s, "shape": shape}


def gamma_poisson(
    rate_per_s: float, *, shape: float, block_s: float = 60.0, gap_shape: float = 1.0
) -> Arrivals:
    """Poisson arrivals whose rate is drawn anew for every block.

    Parameters
    ----------
    rate_per_s : float
        Mean rate.
    shape : float
        Of the block rates (gamma): the index of dispersion in windows of a block is ``1 + rate x block / shape``.
    block_s : float
        Length of a block.
    gap_shape : float
        Of the gaps inside a block; 1 is Poisson, below it burstier.
    """
    return {
        "kind": "gamma-poisson",
        "rate_per_s": rate_per_s,
        "shape": shape,
        "block_s": block_s,
        "gap_shape": gap_shape,
    }


def on_off(rates_per_s: Sequence[float], hold_s: Sequence[float]) -> Arrivals:
    """Poisson arrivals in states that follow each other, each held for an exponential time of the given mean."""
    return {"kind": "on-off", "rates_per_s": list(rates_per_s), "hold_s": list(hold_s)}


def mmpp(rates_per_s: Sequence[float], transitions_per_s: Sequence[Sequence[float]]) -> Arrivals:
    """A Markov-modulated Poisson process.

    Parameters
    ----------
    rates_per_s : sequence of float
        Requests a second in each state.
    transitions_per_s : sequence of sequences of float
        Changes a second from each state (row) to each other; the diagonal is ignored. Every state must be
        reachable from every other.
    """
    rows = [list(row) for row in transitions_per_s]
    return {"kind": "mmpp", "rates_per_s": list(rates_per_s), "transitions_per_s": rows}


def piecewise(
    rates_per_s: Sequence[float], starts_s: Sequence[float], *, period_s: float | None = None
) -> Arrivals:
    """Poisson arrivals at a rate that changes at given times, repeated every `period_s` if given."""
    document = {"kind": "piecewise", "rates_per_s": list(rates_per_s), "starts_s": list(starts_s)}
    return document | ({} if period_s is None else {"period_s": period_s})


def diurnal(rate_per_s: float, hourly: Sequence[float], *, daily: Sequence[float] | None = None) -> Arrivals:
    """Poisson arrivals that follow the hours of a day and, if given, the days of a week.

    Parameters
    ----------
    rate_per_s : float
        Mean over the whole day or week.
    hourly : sequence of float
        Factors of 24 hours, or of as many equal parts of a day as divide it; only their proportions count.
    daily : sequence of float, optional
        Factors of seven days.
    """
    document = {"kind": "diurnal", "rate_per_s": rate_per_s, "hourly": list(hourly)}
    return document | ({} if daily is None else {"daily": list(daily)})


def spikes(
    low_per_s: float = 5.0,
    high_per_s: float = 10.0,
    spike_per_s: float = 60.0,
    *,
    spike_share: float = 0.3,
    spike_s: float = 600.0,
    period_s: float = 86_400.0,
) -> Arrivals:
    """Quiet most of the time with spikes at even distances.

    The rate between spikes goes from `low_per_s` at the ends of the period to `high_per_s` in its middle. By default
    70 % of the day lies at 5 to 10 requests a second and the rest at 60.
    """
    return {
        "kind": "spikes",
        "low_per_s": low_per_s,
        "high_per_s": high_per_s,
        "spike_per_s": spike_per_s,
        "spike_share": spike_share,
        "spike_s": spike_s,
        "period_s": period_s,
    }


def mixture(*clients: Mapping[str, Any]) -> Arrivals:
    """Several clients at once, each with luck of its own."""
    return {"kind": "mixture", "clients": [dict(client) for client in clients]}


def vllm_bench(rate_per_s: float, count: int, *, burstiness: float = 1.0) -> Arrivals:
    """What ``vllm bench serve --request-rate R --num-prompts N --burstiness B`` sends.

    Gamma gaps, rescaled so that the last of `count` requests leaves at ``count / rate_per_s``: counts vary less
    than those of users would.
    """
    document = {"kind": "gamma", "rate_per_s": rate_per_s, "shape": burstiness}
    return document | {"convention": "vllm-bench", "count": count}


def inference_perf(rate_per_s: float, duration_s: float, *, kind: str = "constant") -> Arrivals:
    """What a stage of inference-perf sends.

    Parameters
    ----------
    rate_per_s : float
        Rate of the stage.
    duration_s : float
        Its length.
    kind : {"constant", "poisson"}
        ``"constant"`` has exponential gaps that are rescaled so that exactly ``rate x duration`` requests fill the
        stage; ``"poisson"`` draws a count for each second and places it uniformly, which is a Poisson process.

    Raises
    ------
    ValueError
        For another kind.
    """
    if kind == "poisson":
        return poisson(rate_per_s)
    if kind != "constant":
        raise ValueError(f"kind: found {kind!r}; legal are 'constant' and 'poisson'")
    document = {"kind": "poisson", "rate_per_s": rate_per_s}
    return document | {"convention": "inference-perf", "stage_s": duration_s}


def servegen_clients(folder: str | os.PathLike[str]) -> list[Client]:
    """The clients of a folder with ServeGen's ``chunk-*-trace.csv``; those without any request are left out.

    Raises
    ------
    TraceError
        When there is none, or one is broken.
    """
    clients = []
    for path in sorted(Path(folder).glob("*chunk-*-trace.csv*")):
        try:
            clients.append(read_client(path))
        except TraceError as problem:
            if "no window has requests" not in str(problem):
                raise
    if not clients:
        raise fail(TraceError, os.fspath(folder), "no chunk-*-trace.csv with requests")
    return clients


def servegen(
    clients: Sequence[Client] | str | os.PathLike[str],
    *,
    rate_per_s: float | None = None,
    fill_windows: bool = False,
) -> Arrivals:
    """ServeGen's clients together.

    Parameters
    ----------
    clients : sequence of Client, or folder
        See `servegen_clients`.
    rate_per_s : float, optional
        Mean rate of all together; by default their own.
    fill_windows : bool
        ServeGen's own habit, see `Client.arrivals`.
    """
    if isinstance(clients, (str, os.PathLike)):
        clients = servegen_clients(clients)
    total = sum(client.mean_rate_per_s for client in clients)
    scale = 1.0 if rate_per_s is None else rate_per_s / total
    return mixture(*(client.arrivals(scale=scale, fill_windows=fill_windows) for client in clients))


def mean_rate(arrivals: Mapping[str, Any]) -> float:
    """Requests a second in the long run.

    Raises
    ------
    ScenarioError
        For a process that contradicts itself, with the JSON pointer.
    """
    return _core.mean_rate(json.dumps(arrivals))


def times(arrivals: Mapping[str, Any], duration_s: float, *, seed: int = 1) -> npt.NDArray[np.float64]:
    """Arrivals from zero up to before `duration_s`, in seconds.

    Parameters
    ----------
    arrivals : mapping
        A process as a scenario document has it.
    duration_s : float
        How long.
    seed : int
        Of the random stream.

    Returns
    -------
    ndarray
        Shape ``(requests,)``, ascending.

    Raises
    ------
    ScenarioError
        For a process that contradicts itself, with the JSON pointer.
    TraceError
        For more than 20 million requests.
    """
    return _core.draw_arrivals(json.dumps(arrivals), check_seed(seed), duration_s)


def generate(
    arrivals: Mapping[str, Any],
    lengths: Lengths,
    duration_s: float,
    *,
    seed: int = 1,
    name: str = "generated",
) -> _core.Trace:
    """A trace: arrivals of a process, with lengths drawn in pairs from another trace.

    Parameters
    ----------
    arrivals : mapping
        A process as a scenario document has it.
    lengths : Trace, or pair of int
        Pairs of prompt and reply are drawn from it, so that the two stay as they belong together; or one pair for
        all.
    duration_s : float
        How long.
    seed : int
        Of arrivals and lengths.
    name : str
        Of the trace.

    Returns
    -------
    Trace

    Raises
    ------
    TraceError
        When no request arrives in that time.
    """
    at = times(arrivals, duration_s, seed=seed)
    if len(at) == 0:
        raise fail(TraceError, name, f"no request arrives in {duration_s:g} s")
    if isinstance(lengths, tuple):
        prompt, reply = (np.full(len(at), value, dtype=np.int32) for value in lengths)
    else:
        rows = np.random.Generator(np.random.Philox(seed)).integers(len(lengths), size=len(at))
        prompt, reply = lengths.input_tokens[rows], lengths.output_tokens[rows]
    return _core.Trace(at - at[0], prompt, reply, name)
