"""Answers of the demonstration in words: which mode serves a trace best, and which layout serves most."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..study.results import Summary

__all__ = ["layout_answer", "replay_answer"]

#: Share of the most that any mode completes, from which on a mode serves as many requests as any.
_AS_MANY = 0.99
#: Share of the requests completed by the end of the trace, below which a mode is overloaded.
_KEEPS_UP = 0.95
_FALLS_BEHIND = " (it cannot keep up, so waiting times grow with the trace)"


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
    each = "; ".join(
        f"{name} completes {100 * _in_time(s):.1f} % of {s['arrived']:,.0f} requests "
        f"before the trace ends{'' if _in_time(s) >= _KEEPS_UP else _FALLS_BEHIND}, "
        f"{s['output_token_throughput']:,.0f} tokens/s, "
        f"first token {_span(s[f'{first}_p50_s'])} at p50 and {_span(s[f'{first}_p95_s'])} at p95"
        for name, s in summaries.items()
        if f"{first}_p50_s" in s
    )
    left_out = "".join(f" {name} is refused: {why}." for name, why in refused.items())
    return (
        f"{mode} gives the earliest first token (p95) among the modes that serve as many requests as any. "
        f"{each}.{left_out} "
        f"What {mode} waits for: {summaries[mode].limiting_resource}."
    )


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
        (layout, figures[layout]["request_throughput_per_gpu"], _span(figures[layout]["e2e_latency_p95_s"]))
        for layout in (best_first[0], best_first[-1])
    )
    return (
        f"{best[0]} serves most, {best[1]:.2f} requests a second per GPU "
        f"at an end-to-end p95 of {best[2]}; {worst[0]} least, {worst[1]:.2f} at {worst[2]}. "
        f"{len(refused)} of the {len(figures) + len(refused)} layouts "
        f"{'is' if len(refused) == 1 else 'are'} refused."
    )


def _span(seconds: float) -> str:
    return f"{1e3 * float(seconds):,.0f} ms" if abs(seconds) < 1 else f"{float(seconds):,.2f} s"
