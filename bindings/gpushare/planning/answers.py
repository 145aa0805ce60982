"""Answers of the demonstration in words: which mode serves a trace best, and which layout serves most."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..frames.render import Field, numbers, shorten
from ..frames.units import time_text
from ..study.results import Summary
from ..study.times import time_cells

__all__ = ["layout_answer", "replay_answer", "replay_fields"]

#: Share of the most that any mode completes, from which on a mode serves as many requests as any.
_AS_MANY = 0.99
#: Share of the requests completed by the end of the trace, below which a mode is overloaded.
_KEEPS_UP = 0.95


def replay_answer(summaries: Mapping[str, Summary], refused: Mapping[str, str]) -> str:
    """Which way to serve a trace, in words.

    Parameters
    ----------
    summaries : mapping of str to Summary
        By mode, of one service with a first-token latency.
    refused : mapping of str to str
        Why other modes are impossible.

    Returns
    -------
    str
    """
    if not summaries:
        return "no mode can serve it: " + "; ".join(refused.values())
    first = _first_token(summaries)
    most = max(summary["success_rate"] for summary in summaries.values())
    good = {mode: s for mode, s in summaries.items() if s["success_rate"] >= _AS_MANY * most}
    mode = min(good, key=lambda m: _or_infinite(good[m].get(f"{first}_p95_s")))
    best = summaries[mode]
    behind = (
        "" if _in_time(best) >= _KEEPS_UP else ", but it cannot keep up, so waiting times grow with the trace"
    )
    first_token = f"first token after {time_text(best[f'{first}_p95_s'])} at p95"
    if len(good) == 1:
        return f"{mode} serves most requests, with the {first_token}{behind}."
    return f"{mode} has the earliest {first_token}, of the modes that serve as many requests as any{behind}."


def replay_fields(summaries: Mapping[str, Summary], refused: Mapping[str, str]) -> list[Field]:
    """A row for each mode: what it completes before the trace ends, and its first token."""
    first = _first_token(summaries)
    rows = list(summaries.values())
    empty = [math.nan] * len(refused)
    times = [[float(row.get(f"{first}_{p}_s", math.nan)) for row in rows] + empty for p in ("p50", "p95")]
    unit, cells = time_cells(times)
    return [
        Field("mode", [shorten(mode, 34) for mode in (*summaries, *refused)], "left"),
        Field("done in\ntime %", numbers([100 * _in_time(row) for row in rows] + empty, 1)),
        Field("tok/s", numbers([float(row["output_token_throughput"]) for row in rows] + empty, 0)),
        *(
            Field(f"TTFT {p}\n{unit}".rstrip(), column)
            for p, column in zip(("p50", "p95"), cells, strict=True)
        ),
        Field(
            "",
            ["" if _in_time(row) >= _KEEPS_UP else "falls behind" for row in rows]
            + ["refused"] * len(refused),
            "left",
        ),
    ]


def _first_token(summaries: Mapping[str, Summary]) -> str:
    """The name of the latency."""
    end = "_p95_s"
    names = (name for summary in summaries.values() for name in summary)
    return next(name for name in names if name.endswith(f".ttft{end}")).removesuffix(end)


def _in_time(summary: Summary) -> float:
    """Share of the requests that were completed before the measured window ended."""
    return min(1.0, float(summary["request_throughput"] / summary["offered_rate"]))


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None or math.isnan(value) else value


def layout_answer(figures: Mapping[str, Mapping[str, float]], refused: Mapping[str, str]) -> str:
    """The best layout, in words.

    Parameters
    ----------
    figures : mapping
        By layout, by the names of `Summary`.
    refused : mapping of str to str
        Why other layouts are impossible.

    Returns
    -------
    str
    """
    if not figures:
        return f"none of the {len(refused)} layouts can hold the services."
    best_first = sorted(figures, key=lambda layout: -figures[layout]["request_throughput_per_gpu"])
    best, worst = (
        (
            layout,
            figures[layout]["request_throughput_per_gpu"],
            time_text(figures[layout]["e2e_latency_p95_s"]),
        )
        for layout in (best_first[0], best_first[-1])
    )
    return (
        f"{best[0]} serves most, {best[1]:.2f} requests a second per GPU "
        f"at an end-to-end p95 of {best[2]}; {worst[0]} least, {worst[1]:.2f} at {worst[2]}. "
        f"{len(refused)} of the {len(figures) + len(refused)} layouts "
        f"{'is' if len(refused) == 1 else 'are'} refused."
    )
