"""Voice calls, turn by turn: synthetic, for no production trace of recognition or synthesis is public."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._numbers import check_seed
from ..files import replace_file
from ..frames.tables import Table
from ..traces.turns import MEMBERS, lines
from ..traces.unpacked import read_bytes

__all__ = ["read_calls", "save_calls", "speech_trace", "voice_calls"]


def voice_calls(
    arrivals: Mapping[str, Any],
    duration_s: float,
    *,
    turns: tuple[int, int] = (10, 15),
    speech_s: float = 3.0,
    speech_sigma: float = 0.7,
    silence_s: tuple[float, float] = (0.5, 1.0),
    first_sentence_tokens: tuple[int, int] = (20, 40),
    reply_tokens: tuple[int, int] = (60, 120),
    audio_s_per_token: float = 0.3,
    barge_in: float = 0.075,
    response_s: float = 0.8,
    user_tokens_per_s: float = 4.0,
    system_tokens: int = 300,
    seed: int = 1,
) -> Table:
    """Calls of people with a voice agent, on a nominal schedule.

    A turn is: silence, the user's speech, the agent's answer after `response_s`, its playback. The next one begins
    when playback has ended, or was cut short because the user barged in, and not when the reply was generated.
    Defaults are assumptions in the range that vendors and studies of conversation report. Traffic of kind
    ``"calls"`` plays them in the loop of what a simulation answers, or draws its own by the same recipe.

    Parameters
    ----------
    arrivals : mapping
        Of calls, as a scenario document has it.
    duration_s : float
        Calls begin in this time; the last ones end after it.
    turns : pair of int
        Turns of a call, uniform from the first to the second and rounded.
    speech_s, speech_sigma : float
        Mean of the user's utterance and sigma of its logarithm (lognormal).
    silence_s : pair of float
        Before the user speaks, uniform.
    first_sentence_tokens, reply_tokens : pair of int
        Of the agent's answer, uniform and rounded; the first sentence is part of it.
    audio_s_per_token : float
        Speech of one token; 0.3 s are 150 words a minute at 1.33 tokens a word.
    barge_in : float
        Probability that the user breaks in, at a uniform point of the playback.
    response_s : float
        From the end of speech to the first audio, on the nominal schedule.
    user_tokens_per_s : float
        Of what is recognised.
    system_tokens : int
        Before the first turn; a prompt carries these and all that was said and heard.
    seed : int
        Of everything random.

    Returns
    -------
    Table
        One row for each turn, in order of `start_s`: ``call``, ``turn``, ``start_s`` (speech begins), ``silence_s``
        (before it), ``speech_s``, ``user_tokens``, ``prompt_tokens``, ``first_sentence_tokens``, ``reply_tokens``,
        ``audio_s`` (of the whole reply) and ``heard_s`` (until a barge-in).

    Raises
    ------
    TraceError
        When no call arrives in that time.
    ValueError
        For a probability outside of 0 to 1, or a range that descends.
    """
    if not 0 <= barge_in <= 1:
        raise ValueError(f"barge_in: found {barge_in}; a probability from 0 to 1 is needed")
    ranges = {
        "turns": turns,
        "silence_s": silence_s,
        "first_sentence_tokens": first_sentence_tokens,
        "reply_tokens": reply_tokens,
    }
    for name, (low, high) in ranges.items():
        if not 0 <= low <= high or (name != "silence_s" and low < 1):
            raise ValueError(f"{name}: found {low} to {high}; a range that ascends is needed")
    recipe = {
        "arrivals": dict(arrivals),
        **{name: {"kind": "uniform", "low": low, "high": high} for name, (low, high) in ranges.items()},
        "speech_s": {"kind": "lognormal", "mean": speech_s, "sigma": speech_sigma},
        "audio_s_per_token": audio_s_per_token,
        "barge_in": barge_in,
        "response_s": response_s,
        "user_tokens_per_s": user_tokens_per_s,
        "system_tokens": system_tokens,
    }
    return _table(_core.draw_calls(json.dumps(recipe), check_seed(seed), duration_s))


def _table(columns: Mapping[str, npt.NDArray[Any]]) -> Table:
    order = np.argsort(columns["start_s"], kind="stable")
    return Table("turns", {name: columns[name][order] for name in MEMBERS})


def save_calls(calls: Table, path: str | os.PathLike[str]) -> None:
    """Writes one JSON object for each turn, with the columns of `voice_calls` as members; atomically."""
    replace_file(path, lambda file: file.writelines(lines(calls)))


def read_calls(path: str | os.PathLike[str]) -> Table:
    """Reads what `save_calls` writes; gzip too.

    Raises
    ------
    TraceError
        With file and line: members that are missing, unknown or out of range, and turns that do not follow each
        other.
    """
    source = os.fspath(path)
    return _table(_core.parse_calls(read_bytes(source), source))


def speech_trace(calls: Table, name: str = "calls") -> _core.Trace:
    """The language model's requests: each arrives when speech has ended, on the nominal schedule.

    Parameters
    ----------
    calls : Table
        Of `voice_calls` or `read_calls`.
    name : str
        Of the trace.

    Returns
    -------
    Trace
        With ``session`` (the call) and ``parent`` (the turn before); prompts grow with the conversation.
    """
    arrival = calls["start_s"] + calls["speech_s"]
    order = np.argsort(arrival, kind="stable")
    session = calls["call"][order]
    parent = np.full(len(order), -1, dtype=np.int32)
    last: dict[int, int] = {}
    for i, call in enumerate(session.tolist()):
        parent[i] = last.get(call, -1)
        last[call] = i
    times = arrival[order] - arrival[order[0]]
    extra = {"session": session.astype(np.int32), "parent": parent}
    return _core.Trace(times, calls["prompt_tokens"][order], calls["reply_tokens"][order], name, extra)
