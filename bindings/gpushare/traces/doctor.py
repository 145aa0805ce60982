"""What a trace file is, what it holds, and which of the known traps it walks into."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _core
from ..frames.render import brief, wrap
from .reading import Columns, load
from .traces import TraceSummary, inspect
from .transforms import grid_s

__all__ = ["Diagnosis", "diagnose"]

_TIES = 0.2
_SILENCE_S = 60.0
_FEW = 100
_BLOCK_SIZES = (16, 32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` found.

    Attributes
    ----------
    trace : Trace
        Without the requests that have no output.
    summary : TraceSummary
        Its figures.
    origin : dict
        ``format``, ``time_unit`` and the ``reason`` for both, ``columns`` and ``delimiter``; ``rows``,
        ``empty_outputs``, ``inversions``, ``estimated``, ``assumed`` and ``failed`` of the file.
    warnings : list of str
        One for each trap, with its remedy.
    """

    trace: _core.Trace
    summary: TraceSummary
    origin: dict[str, Any]
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name."""
        figures = self.summary.to_dict()
        return {"name": self.summary.name, **self.origin, **figures, "warnings": self.warnings}

    def __repr__(self) -> str:
        return brief(self, f"{self.summary.name}: {len(self.trace)} requests, {len(self.warnings)} warnings")

    def __str__(self) -> str:
        origin = self.origin
        lines = []
        if origin["format"]:
            told = f"format {origin['format']}, time in {origin['time_unit']}: {origin['reason']}"
            lines.append(wrap(told, indent="  "))
            if origin["columns"]:
                mark = f", separated by a {origin['delimiter']}" if origin["delimiter"] else ""
                used = f"columns used: {origin['columns'].replace(',', ', ')}{mark}"
                lines.append(wrap(used, indent="  "))
            lines.append(
                f"{origin['rows']} rows, {origin['empty_outputs']} without output, "
                f"{origin['inversions']} out of order"
            )
        lines.append(str(self.summary))
        lines += [wrap(f"warning: {text}", indent="  ") for text in self.warnings]
        return "\n".join(lines)


def diagnose(
    path: str | os.PathLike[str],
    format: str = "auto",
    *,
    keep_empty: bool = False,
    time_unit: str = "auto",
    block_tokens: int = 0,
    output_tokens: int = 0,
    columns: Columns = "",
) -> Diagnosis:
    """Reads a trace, in any order, and says what it is and what to beware of.

    Parameters
    ----------
    path : str or path
        A file that `traces.load` reads.
    format, keep_empty, time_unit, block_tokens, output_tokens, columns
        As `traces.load` has them.

    Returns
    -------
    Diagnosis

    Raises
    ------
    TraceError
        When it cannot be read.
    """
    trace = load(
        path,
        format,
        keep_empty=keep_empty,
        sort=True,
        time_unit=time_unit,
        block_tokens=block_tokens,
        output_tokens=output_tokens,
        columns=columns,
    )
    summary = inspect(trace)
    origin = trace.origin
    facts = _Facts(trace, summary, origin)
    return Diagnosis(trace, summary, origin, [text for check in _CHECKS for text in check(facts)])


@dataclass(frozen=True)
class _Facts:
    trace: _core.Trace
    summary: TraceSummary
    origin: dict[str, Any]


def _order(facts: _Facts) -> Iterator[str]:
    if facts.origin["is_log"]:
        return
    if facts.origin["inversions"] > 0:
        yield (
            f"{facts.origin['inversions']} rows lie before the row above them; load refuses such a file unless "
            "sort=True"
        )


def _empty(facts: _Facts) -> Iterator[str]:
    empty, rows = facts.origin["empty_outputs"], facts.origin["rows"]
    if facts.origin["failed"] > 0:
        yield f"{facts.origin['failed']} requests failed, or have no lengths: they are not replayed"
        empty -= facts.origin["failed"]
    if empty > 0:
        yield (
            f"{empty} rows ({100 * empty / rows:.1f} %) have no output tokens, which is how most traces write "
            "failures; they are dropped unless keep_empty is set"
        )


def _ties(facts: _Facts) -> Iterator[str]:
    share = facts.summary["ties"] / max(len(facts.trace), 1)
    if share < _TIES:
        return
    if facts.summary["duration_s"] == 0:
        yield "all requests arrive at once: lengths without times; draw arrivals with traffic.generate"
        return
    grid = grid_s(facts.trace)
    remedy = (
        f"jitter(trace, {grid:.3g}) spreads them" if grid > 0 else "say how far with jitter(trace, seconds)"
    )
    yield (
        f"{100 * share:.0f} % of the requests share their arrival with the one before"
        f"{f', on a grid of {grid:.3g} s' if grid > 0 else ''}: replayed as they are, the ties alone make a queue; "
        f"{remedy}"
    )


def _unit(facts: _Facts) -> Iterator[str]:
    if facts.origin["guessed_unit"]:
        yield (
            f"no name says the unit of the arrivals; they are taken for {facts.origin['time_unit']} since 1970: as "
            "seconds they would be no date of our time; time_unit, --time-unit, or a name such as arrival_ms says it"
        )
    rate, unit = facts.summary["rate_per_s"], facts.origin["time_unit"]
    tokens = rate * facts.summary["output_mean"]
    if len(facts.trace) < _FEW:
        return
    if unit in ("s", "ms", "us", "ns") and rate > 0 and (rate < 0.02 or tokens > 5e6):
        other = "ms" if unit == "s" and rate < 0.02 else "another unit; spreadsheets count days"
        yield (
            f"{rate:.3g} requests a second if arrivals count {unit}; if that cannot be, they may count {other} "
            "(time_unit, --time-unit)"
        )


def _blocks(facts: _Facts) -> Iterator[str]:
    extra = facts.trace.extra
    if "hash_ids" not in extra or len(facts.trace) < _FEW:
        return
    counts = np.diff(extra["hash_starts"])
    given = extra["block_tokens"]

    def fit(size: int) -> float:
        return float(np.mean(counts == -(-facts.trace.input_tokens // size)))

    if fit(given) > 0.9:
        return
    best = max(_BLOCK_SIZES, key=fit)
    if fit(best) > 0.9:
        yield (
            f"the ids stand for blocks of {best} tokens, not {given}: read as {given}, prompts would be "
            f"{max(best, given) / min(best, given):.0f} times too {'short' if best > given else 'long'}; set "
            f"block_tokens={best}"
        )
    else:
        yield (
            f"only {100 * fit(given):.0f} % of the prompts have as many block ids as their length needs at "
            f"{given} tokens a block; prefix reuse is uncertain"
        )


def _bursts(facts: _Facts) -> Iterator[str]:
    one, minute = facts.summary["dispersion_1s"], facts.summary["dispersion_60s"]
    windows = facts.summary["duration_s"] / 60
    if minute > 3 * max(one, 1) and windows >= 10:
        yield (
            f"bursts last: the index of dispersion grows from {one:.3g} at 1 s to {minute:.3g} at 60 s, which no "
            "process of independent gaps (gamma, Weibull) gives; traffic.fit finds one that does"
        )
    if 2 <= windows < 10:
        yield f"only {windows:.0f} whole minutes: the index of dispersion at 60 s is a guess"


def _silences(facts: _Facts) -> Iterator[str]:
    gaps = np.diff(facts.trace.arrival_s)
    mean = float(gaps.mean()) if len(gaps) else 0.0
    long = gaps[(gaps > _SILENCE_S) & (gaps > 50 * mean)]
    if len(long) > 0:
        yield (
            f"{len(long)} silences of up to {long.max():.0f} s: the mean rate is not the rate while it works"
        )


def _sessions(facts: _Facts) -> Iterator[str]:
    delay = facts.trace.extra.get("delay_s")
    if delay is not None and (delay >= 0).any():
        yield (
            f"{int((delay >= 0).sum())} requests follow another after a delay, which counts from its end; the "
            "figures here place them after its arrival. Replay waits for its end (follow_parents)"
        )


def _texts(facts: _Facts) -> Iterator[str]:
    if facts.origin["estimated"] > 0:
        yield f"{facts.origin['estimated']} prompts are texts, counted at four bytes a token"
    if facts.origin["assumed"] > 0:
        yield f"{facts.origin['assumed']} requests have no output length: they got the one that was given"


def _azure(facts: _Facts) -> Iterator[str]:
    if facts.summary["duration_s"] > 86_400:
        yield "the week's code and conversation files do not cover the same dates: do not align them by date"


def _burstgpt(facts: _Facts) -> Iterator[str]:
    yield "elapsed time, where present, is of the whole request and not to its first token"
    if facts.trace.arrival_s[-1] < 300 and facts.origin["rows"] >= 200:
        yield "timestamps reach only a few minutes; a file of that name with times 0 to 249 is not BurstGPT"


def _timed_trace(facts: _Facts) -> Iterator[str]:
    yield "vLLM takes such times as seconds and blocks as 16 tokens unless told otherwise"


_TRAPS: dict[str, Callable[[_Facts], Iterator[str]]] = {  # of a format, where it has some
    "azure": _azure,
    "burstgpt": _burstgpt,
    "timed-trace": _timed_trace,
}


def _format(facts: _Facts) -> Iterator[str]:
    traps = _TRAPS.get(facts.origin["format"])
    if traps is not None:
        yield from traps(facts)


_CHECKS: tuple[Callable[[_Facts], Iterator[str]], ...] = (
    _order,
    _empty,
    _ties,
    _unit,
    _blocks,
    _bursts,
    _silences,
    _sessions,
    _texts,
    _format,
)
