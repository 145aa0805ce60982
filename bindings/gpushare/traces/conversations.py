"""Conversations in JSON: ShareGPT, OpenAI messages, LMSYS-Chat-1M, WildChat."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import _core
from .._core import TraceError
from .._errors import fail
from .dates import seconds
from .unpacked import stem

__all__ = ["conversations", "estimated_tokens", "is_conversations"]

_BYTES_PER_TOKEN = 4
_SAID_BY_MODEL = ("assistant", "gpt", "chatgpt", "bing", "bard", "model")
_MEMBERS = ("conversations", "messages", "conversation")

_TURNS = re.compile(rb'"(conversations|messages|conversation)"\s*:\s*\[')
_WITHOUT_BOM = b"\xef\xbb\xbf"
_START = 65536


def is_conversations(data: bytes) -> bool:
    """Whether these bytes are a JSON array or lines of conversations: the first object has turns."""
    start = data[:_START].removeprefix(_WITHOUT_BOM).lstrip()
    if not start.startswith((b"[", b"{")):
        return False
    first = start.split(b"\n", 1)[0] if start.startswith(b"{") else start
    found = _TURNS.search(first)
    # A log of requests has times and lengths of its own, whatever it keeps of what was said.
    others = (b'"usage"', b'"prompt_tokens"', b'"custom_id"')
    return found is not None and not any(other in first for other in others)


def _entries(text: bytes, source: str) -> Iterator[Any]:
    text = text.removeprefix(_WITHOUT_BOM)
    try:
        if text.lstrip().startswith(b"{"):
            for line in io.BytesIO(text):  # one at a time: a million of them in memory is what takes long
                if not line.isspace():
                    yield json.loads(line)
            return
        document = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise fail(TraceError, source, f"not JSON: {problem}") from None
    if not isinstance(document, list):
        raise fail(TraceError, source, "expected a JSON array of conversations")
    yield from document


def estimated_tokens(text: str) -> int:
    """One for every four bytes of UTF-8, which is what English takes."""
    size = len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
    return -(-size // _BYTES_PER_TOKEN)


class _Turn(NamedTuple):
    by_model: bool
    tokens: int
    at: Any


def _text(content: Any) -> str | None:
    """What was said: a text, or OpenAI's list of parts, of which only texts are counted."""
    if isinstance(content, str):
        return content
    if content is None:  # a call of a tool
        return ""
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return "".join(part["text"] for part in content if isinstance(part.get("text"), str))
    return None


def _turn(turn: Any, count: Callable[[str], int]) -> _Turn | None:
    """None for what is no turn."""
    if not isinstance(turn, dict) or not ("content" in turn or "value" in turn):
        return None
    said = _text(turn["value"] if "value" in turn else turn["content"])
    if said is None:
        return None
    by = turn["from"] if "from" in turn else turn.get("role")
    return _Turn(isinstance(by, str) and by.lower() in _SAID_BY_MODEL, count(said), turn.get("timestamp"))


def _turns(entry: Any, count: Callable[[str], int], where: str) -> list[_Turn]:
    name = next(
        (name for name in _MEMBERS if isinstance(entry, dict) and isinstance(entry.get(name), list)), None
    )
    if name is None:
        raise fail(TraceError, where, 'expected an object with "conversations", an array of turns')
    turns = [_turn(turn, count) for turn in entry[name]]
    if None in turns:
        raise fail(
            TraceError,
            f"{where}/{name}/{turns.index(None)}",
            'expected a turn such as {"from": "human", "value": "..."} or {"role": "user", "content": "..."}',
        )
    return [turn for turn in turns if turn is not None]


class _Request(NamedTuple):
    session: int
    at: float | None
    input_tokens: int
    output_tokens: int


def _seconds(at: Any, where: str) -> float | None:
    """Seconds since 1970 of a date; a date without a zone is UTC."""
    if at is None:
        return None
    if isinstance(at, (int, float)) and not isinstance(at, bool) and 0 <= at < 1e20:
        return float(at) / (
            1 if at < 1e11 else 1e3
        )  # ms of our time begin where seconds are of the year 5138
    try:
        return seconds(str(at))
    except ValueError as problem:
        raise fail(TraceError, where, f"timestamp: {problem}") from None


def _requests(entry: Any, session: int, turns: list[_Turn], where: str) -> Iterator[_Request]:
    """A request for each answer: its prompt is all that was said before."""
    whole = _seconds(entry.get("timestamp", entry.get("tstamp")), where)
    prompt = 0
    for turn in turns:
        if turn.by_model and turn.tokens > 0 and prompt > 0:
            at = _seconds(turn.at, where)
            yield _Request(session, whole if at is None else at, prompt, turn.tokens)
        prompt += turn.tokens


def _first_exchange(turns: list[_Turn]) -> tuple[int, int] | None:
    """Tokens before the first answer, and of it; without roles the first two turns."""
    before = 0
    for turn in turns:
        if turn.by_model:
            return (before, turn.tokens) if turn is not turns[0] else None
        before += turn.tokens
    return (turns[0].tokens, turns[1].tokens) if len(turns) > 1 else None


def conversations(
    text: bytes,
    source: str,
    *,
    tokens: Callable[[str], int] | None = None,
    drop_outliers: bool | None = None,
) -> _core.Trace:
    """Requests of conversations; those without times are the first exchange of each, all at once.

    Parameters
    ----------
    text : bytes
        One JSON array of objects with turns, or such objects line by line: ``conversations`` of ``{"from", "value"}``
        (ShareGPT), ``messages`` (OpenAI) or ``conversation`` (LMSYS, WildChat) of ``{"role", "content"}``. Where every
        conversation has a ``timestamp``, or its answers have, each answer is a request with all that was said before
        as its prompt; these are times of answers, which is what such files keep.
    source : str
        Names it in messages.
    tokens : callable, optional
        Counts the tokens of a text; by default one for every four bytes of UTF-8.
    drop_outliers : bool, optional
        Drop what vLLM's benchmark drops: prompts below 4 or above 1,024 tokens, answers below 4, and pairs
        above 2,048. By default so for ShareGPT.

    Returns
    -------
    Trace

    Raises
    ------
    TraceError
        With the JSON pointer of what is wrong.
    """
    count = tokens or estimated_tokens
    drop = drop_outliers
    first: Any = {}
    timed: list[_Request] = []
    lengths: list[tuple[int, int]] = []
    for i, entry in enumerate(_entries(text, source)):
        where = f"{source}#/{i}"
        turns = _turns(entry, count, where)
        first = first or entry
        if drop is None:
            drop = "conversations" in entry
        timed += _requests(entry, i, turns, where)
        exchange = _first_exchange(turns)
        if exchange is None:
            continue
        prompt, answer = exchange
        fits = prompt >= 4 and answer >= 4 and prompt <= 1024 and prompt + answer <= 2048
        if fits or (not drop and prompt > 0 and answer > 0):
            lengths.append(exchange)
    if timed and all(request.at is not None for request in timed):
        return _with_times(timed, first, source)
    if not lengths:
        raise fail(
            TraceError, source, "no conversation has a question and an answer of the lengths that are kept"
        )
    pairs = np.array(lengths)
    origin = _origin(first, len(lengths), "no times, so all requests arrive at once", "s")
    return _core.Trace(np.zeros(len(pairs)), pairs[:, 0], pairs[:, 1], stem(source), {}, origin)


def _format(entry: Mapping[str, Any]) -> str:
    return next(
        (
            known
            for known, member in (("sharegpt", "conversations"), ("openai-messages", "messages"))
            if member in entry
        ),
        "wildchat" if "timestamp" in entry else "lmsys",
    )


def _origin(entry: Mapping[str, Any], rows: int, why: str, unit: str) -> dict[str, Any]:
    return {
        "format": _format(entry),
        "time_unit": unit,
        "reason": f"conversations, each text counted at four bytes a token; {why}",
        "rows": rows,
        "estimated": rows,
    }


def _with_times(requests: list[_Request], entry: Mapping[str, Any], source: str) -> _core.Trace:
    times = np.array([request.at for request in requests], dtype=np.float64)
    order = np.argsort(times, kind="stable")
    sorted_times = times[order]
    _, session = np.unique([requests[k].session for k in order], return_inverse=True)
    origin = _origin(entry, len(requests), "arrivals are the dates of answers", "date") | {
        "columns": "arrival=timestamp",
        "is_log": True,
        "inversions": int((np.diff(times) < 0).sum()),
    }
    return _core.Trace(
        sorted_times - sorted_times[0],
        np.array([requests[k].input_tokens for k in order], dtype=np.int64),
        np.array([requests[k].output_tokens for k in order], dtype=np.int64),
        stem(source),
        {"session": session.astype(np.int32)},
        origin,
    )
