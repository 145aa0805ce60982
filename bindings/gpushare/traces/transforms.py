"""New traces from old: faster, shorter, longer, thinner, spread out, together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import TraceError
from .._errors import fail

__all__ = ["jitter", "loop", "merge", "rescale", "thin", "window"]

Trace = _core.Trace
Seconds = npt.NDArray[np.float64]
_GRID_SHARE = 0.5
_MOST_SESSIONS = 2**31 - 1


def _positive(value: float, name: str) -> float:
    if not (value > 0 and np.isfinite(value)):
        raise ValueError(f"{name}: found {value}; a number above 0 is needed")
    return float(value)


def _blocks(extra: dict[str, Any], rows: npt.NDArray[np.int64]) -> dict[str, Any]:
    starts = extra["hash_starts"]
    lengths = np.diff(starts)[rows]
    new_starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    places = np.repeat(starts[rows] - new_starts[:-1], lengths) + np.arange(new_starts[-1])
    return {
        "hash_ids": extra["hash_ids"][places],
        "hash_starts": new_starts,
        "block_tokens": extra["block_tokens"],
    }


def take(trace: Trace, rows: npt.NDArray[Any], arrival_s: Seconds, *, order: bool = False) -> Trace:
    """The given rows at new times, counted from the first; what goes with a row goes along.

    Parameters
    ----------
    trace : Trace
        Where they come from.
    rows : ndarray
        Row numbers of shape ``(n,)``; a parent that is not among them is forgotten.
    arrival_s : ndarray
        Their arrivals, of the same shape.
    order : bool
        Put them in order of arrival first; ties keep their order.

    Returns
    -------
    Trace

    Raises
    ------
    TraceError
        When no row is left.
    """
    rows = np.asarray(rows, dtype=np.int64)
    if len(rows) == 0:
        raise fail(TraceError, trace.name, "no request is left")
    if order:
        by_time = np.argsort(arrival_s, kind="stable")
        rows, arrival_s = rows[by_time], arrival_s[by_time]
    extra = trace.extra
    plain = ("session", "delay_s", "images")
    kept: dict[str, Any] = {name: extra[name][rows] for name in plain if name in extra}
    if "parent" in extra:
        place = np.full(len(trace) + 1, -1, dtype=np.int32)  # the last one is of "none"
        place[rows] = np.arange(len(rows))
        parent = place[extra["parent"][rows]]
        kept["parent"] = np.where(parent < np.arange(len(rows)), parent, -1)
    if "hash_ids" in extra:
        kept |= _blocks(extra, rows)
    times = np.asarray(arrival_s, dtype=np.float64)
    return Trace(times - times[0], trace.input_tokens[rows], trace.output_tokens[rows], trace.name, kept)


def rescale(trace: Trace, *, rate_per_s: float | None = None, speed: float | None = None) -> Trace:
    """The same requests faster or slower, with the shape of their bursts kept.

    Parameters
    ----------
    trace : Trace
        A trace.
    rate_per_s : float, optional
        The mean rate to reach, one over the mean gap.
    speed : float, optional
        A factor instead: 2 halves all gaps. Delays inside sessions are left as they are: they are the users'.

    Returns
    -------
    Trace

    Raises
    ------
    ValueError
        When not exactly one of them is given, or it is not above 0.
    """
    if (rate_per_s is None) == (speed is None):
        raise ValueError("give rate_per_s or speed, and not both")
    if speed is None:
        rate = float(trace.inspect()["rate_per_s"])
        if rate == 0:
            raise ValueError(f"{trace.name}: all requests arrive at once; there is no rate to change")
        speed = _positive(rate_per_s or 0.0, "rate_per_s") / rate
    times = trace.arrival_s / _positive(speed, "speed")
    return take(trace, np.arange(len(trace)), times)


def window(trace: Trace, start_s: float = 0.0, end_s: float = np.inf) -> Trace:
    """The requests from `start_s` up to before `end_s`, counted from the first of them.

    Returns
    -------
    Trace

    Raises
    ------
    TraceError
        When there is none.
    """
    first, last = np.searchsorted(trace.arrival_s, [start_s, end_s])
    return take(trace, np.arange(first, last), trace.arrival_s[first:last])


def _shifted(trace: Trace, by: int, *, shared_prefixes: bool) -> Trace:
    """The same trace with sessions, and block ids unless they are shared, of its own."""
    extra = dict(trace.extra)
    if "session" in extra:
        session = extra["session"]
        extra["session"] = np.where(session < 0, -1, session + by)
    if "hash_ids" in extra and not shared_prefixes:
        extra["hash_ids"] = extra["hash_ids"] + by
    return Trace(trace.arrival_s, trace.input_tokens, trace.output_tokens, trace.name, extra)


def _numbered_anew(trace: Trace, columns: tuple[str, ...]) -> Trace:
    """The same trace with the numbers of each column from 0 on, without gaps; what is below 0 stays."""
    extra = dict(trace.extra)
    for column in columns:
        if column not in extra:
            continue
        named = extra[column] >= 0
        numbers = np.full(len(named), -1, dtype=np.int64)
        numbers[named] = np.unique(extra[column][named], return_inverse=True)[1]
        extra[column] = numbers
    return Trace(trace.arrival_s, trace.input_tokens, trace.output_tokens, trace.name, extra)


def _apart(parts: Sequence[Trace], *, shared_prefixes: bool) -> list[Trace]:
    """The same traces with sessions, and block ids unless they are shared, of their own."""
    # Numbers that are too high to be moved past each other:
    anew = sum(_own_numbers(part) for part in parts) > _MOST_SESSIONS
    if anew:
        own = ("session",) if shared_prefixes else ("session", "hash_ids")
        parts = [_numbered_anew(part, own) for part in parts]
    apart, base = [], 0
    for part in parts:
        apart.append(_shifted(part, base, shared_prefixes=shared_prefixes))
        base += _own_numbers(part, blocks=not (anew and shared_prefixes))
    return apart


def _own_numbers(trace: Trace, *, blocks: bool = True) -> int:
    """How far session numbers, and block ids, reach."""
    extra = trace.extra
    names = ("session", "hash_ids") if blocks else ("session",)
    tops = [int(extra[name].max(initial=-1)) for name in names if name in extra]
    return max(tops, default=-1) + 1


def _concatenate(parts: list[Trace], arrival_s: Seconds, name: str) -> Trace:
    """All rows of all parts; a column that one of them lacks is filled with "none"."""
    columns: dict[str, Any] = {}
    fill = {"session": -1, "parent": -1, "delay_s": -1.0, "images": 0}
    starts = np.cumsum([0] + [len(part) for part in parts])
    for column, none in fill.items():
        if any(column in part.extra for part in parts):
            values = [part.extra.get(column, np.full(len(part), none)) for part in parts]
            columns[column] = np.concatenate(values)
    if "parent" in columns:
        base = np.repeat(starts[:-1], np.diff(starts))
        columns["parent"] = np.where(columns["parent"] < 0, -1, columns["parent"] + base)
    sizes = {part.extra["block_tokens"] for part in parts if "hash_ids" in part.extra}
    if len(sizes) > 1:
        raise ValueError(f"blocks of {sorted(sizes)} tokens cannot go into one trace")
    if sizes:
        ids = [part.extra.get("hash_ids", np.empty(0, np.int64)) for part in parts]
        lengths = [np.diff(part.extra.get("hash_starts", np.zeros(len(part) + 1))) for part in parts]
        columns["hash_ids"] = np.concatenate(ids)
        columns["hash_starts"] = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
        columns["block_tokens"] = sizes.pop()
    inputs = np.concatenate([part.input_tokens for part in parts])
    outputs = np.concatenate([part.output_tokens for part in parts])
    order = np.argsort(arrival_s, kind="stable")
    unsorted = Trace(np.zeros(len(arrival_s)), inputs, outputs, name, columns)
    return take(unsorted, order, arrival_s[order])


def loop(trace: Trace, times: int, *, pause_s: float | None = None, shared_prefixes: bool = False) -> Trace:
    """The trace again and again.

    Parameters
    ----------
    trace : Trace
        A trace.
    times : int
        How often it is played, at least once.
    pause_s : float, optional
        From the last request of a round to the first of the next; by default the mean gap.
    shared_prefixes : bool
        Let a round find the prompts of the one before in the cache, which real users would not repeat.

    Returns
    -------
    Trace

    Raises
    ------
    ValueError
        For fewer than one round, or a negative pause.
    """
    if times < 1:
        raise ValueError(f"times: found {times}; a whole number of at least 1 is needed")
    duration = float(trace.arrival_s[-1])
    pause = duration / max(len(trace) - 1, 1) if pause_s is None else float(pause_s)
    if not pause >= 0:
        raise ValueError(f"pause_s: found {pause_s}; seconds of at least 0 are needed")
    rounds = _apart([trace] * times, shared_prefixes=shared_prefixes)
    arrivals = np.concatenate([trace.arrival_s + i * (duration + pause) for i in range(times)])
    return _concatenate(rounds, arrivals, trace.name)


def thin(trace: Trace, share: float, *, seed: int = 1, sessions: bool = True) -> Trace:
    """A random share of the requests, as if so many users were left.

    Parameters
    ----------
    trace : Trace
        A trace.
    share : float
        Between 0 and 1; each request or session is kept with this probability.
    seed : int
        The same seed keeps the same ones, and a smaller share a part of them.
    sessions : bool
        Keep or drop whole sessions where the trace has them.

    Returns
    -------
    Trace

    Raises
    ------
    ValueError
        For a share outside of (0, 1].
    TraceError
        When nothing is left.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share: found {share}; a number above 0 and up to 1 is needed")
    generator = np.random.Generator(np.random.Philox(seed))
    luck = generator.random(len(trace))
    session = trace.extra.get("session")
    if sessions and session is not None:
        if int(session.max(initial=0)) > len(trace):  # numbers from elsewhere, with gaps
            session = _numbered_anew(trace, ("session",)).extra["session"]
        of_session = generator.random(int(session.max(initial=0)) + 1)
        luck = np.where(session < 0, luck, of_session[session])
    rows = np.flatnonzero(luck < share)
    return take(trace, rows, trace.arrival_s[rows])


def grid_s(trace: Trace) -> float:
    """The distance of the grid that most arrivals share, in seconds; 0 when they share none."""
    stamps = np.unique(trace.arrival_s)
    if len(stamps) < 3 or len(stamps) > _GRID_SHARE * len(trace):
        return 0.0
    return float(np.median(np.diff(stamps)))


def jitter(trace: Trace, within_s: float | None = None, *, seed: int = 1) -> Trace:
    """Spreads requests over the time that their stamp stands for.

    Mooncake's conversation trace stamps whole cells of three seconds, BurstGPT whole seconds: replayed as they are,
    their ties make a queue that no user saw.

    Parameters
    ----------
    trace : Trace
        A trace.
    within_s : float, optional
        Each arrival moves later by less than this, uniformly; by default the trace's own grid.
    seed : int
        Of the random numbers.

    Returns
    -------
    Trace

    Raises
    ------
    ValueError
        When the trace has no grid and none is given.
    """
    width = grid_s(trace) if within_s is None else _positive(within_s, "within_s")
    if width == 0:
        raise ValueError(f"{trace.name}: its arrivals lie on no grid; say within_s")
    generator = np.random.Generator(np.random.Philox(seed))
    times = trace.arrival_s + width * generator.random(len(trace))
    return take(trace, np.arange(len(trace)), times, order=True)


def merge(*parts: Trace, shared_prefixes: bool = False, name: str | None = None) -> Trace:
    """All requests of several traces in one; each keeps its own clock from zero.

    Parameters
    ----------
    parts : Trace
        At least one.
    shared_prefixes : bool
        Equal block ids in different traces mean equal prompts.
    name : str, optional
        By default their names, joined by ``+``.

    Returns
    -------
    Trace

    Raises
    ------
    ValueError
        When there is no trace, or they count different blocks.
    """
    if not parts:
        raise ValueError("merge needs at least one trace")
    own = _apart(parts, shared_prefixes=shared_prefixes)
    arrivals = np.concatenate([part.arrival_s for part in parts])
    return _concatenate(own, arrivals, "+".join(part.name for part in parts) if name is None else name)
