"""What sharing may cost, whether figures say that it is worth it, and the same in words."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..study.results import Summary

__all__ = ["acceptable", "layout_answer", "replay_answer", "sharing_answer"]

#: What sharing may cost before the answer is no: requests served, and end-to-end p95, against dedicated GPUs.
LEAST_THROUGHPUT = 0.95
MOST_LATENCY = 1.25
LEAST_SUCCESS = 0.99
#: Share of the requests completed by the end of the trace, below which a mode is overloaded.
_KEEPS_UP = 0.95
_FALLS_BEHIND = " (it cannot keep up, so waiting times grow with the trace)"


def acceptable(summary: Summary, alone: Summary) -> bool:
    """Whether sharing frees a GPU and costs no more than it may, against dedicated GPUs.

    Parameters
    ----------
    summary, alone : Summary
        Of a shared mode and of dedicated GPUs.
    """
    return (
        summary["gpus_freed"] > 0
        and summary["success_rate"] >= LEAST_SUCCESS * alone["success_rate"]
        and summary["request_throughput"] >= LEAST_THROUGHPUT * alone["request_throughput"]
        and summary["e2e_latency_p95_s"] <= MOST_LATENCY * alone["e2e_latency_p95_s"]
    )


def sharing_answer(summaries: Mapping[str, Summary], refused: Mapping[str, str]) -> str:
    """Whether to share, in words, from the figures of a comparison with dedicated GPUs.

    Parameters
    ----------
    summaries : mapping of str to Summary
        By mode: ``"dedicated"`` and at least one shared one.
    refused : mapping of str to str
        Why other modes are impossible.

    Returns
    -------
    str
    """
    shared = {mode: summary for mode, summary in summaries.items() if mode != "dedicated"}
    if "dedicated" not in summaries or not shared:
        return "nothing to compare: " + "; ".join(f"{mode}: {why}" for mode, why in refused.items())
    alone = summaries["dedicated"]
    good = {mode: summary for mode, summary in shared.items() if acceptable(summary, alone)}
    others = "; ".join(_cost(mode, summary, alone) for mode, summary in shared.items())
    if good:
        mode = min(good, key=lambda m: good[m]["e2e_latency_p95_s"])
        answer = f"share, by {mode}. It {_gain(good[mode], alone)}."
    else:
        mode = max(shared, key=lambda m: shared[m]["request_throughput_per_gpu"])
        answer = (
            "keep dedicated GPUs. No shared mode frees a GPU, "
            f"serves {100 * LEAST_THROUGHPUT:.0f} % of their requests a second "
            f"and keeps the end-to-end p95 within {MOST_LATENCY:g} times theirs. The nearest, {mode}, "
            f"{_gain(shared[mode], alone)}."
        )
    return f"{answer} What it waits for: {shared[mode].limiting_resource}. Against dedicated GPUs: {others}."


def _gain(summary: Summary, alone: Summary) -> str:
    rate = summary["request_throughput"] / alone["request_throughput"]
    ratio = summary["request_throughput_per_gpu"] / alone["request_throughput_per_gpu"]
    saved = alone["cost_per_month"] - summary["cost_per_month"]
    took, before = (
        f"{_span(s['e2e_latency_mean_s'])} in the mean and {_span(s['e2e_latency_p95_s'])} at p95"
        for s in (summary, alone)
    )
    return (
        f"frees {summary['gpus_freed']:.0f} of {alone['gpus_used']:.0f} GPUs (${saved:,.0f} a month) "
        f"and serves {100 * rate:.1f} % of the requests a second of dedicated GPUs, "
        f"{ratio:.2f} times as many per GPU. A turn takes {took} against {before}"
    )


def _cost(mode: str, summary: Summary, alone: Summary) -> str:
    """What a mode gains and costs against dedicated GPUs."""
    parts = [
        f"{summary['request_throughput_per_gpu']:.2f} req/s per GPU",
        f"end to end {_change(summary['e2e_latency_mean_s'], alone['e2e_latency_mean_s'])} mean, "
        f"{_change(summary['e2e_latency_p95_s'], alone['e2e_latency_p95_s'])} p95",
    ]
    if "tts.latency_mean_s" in summary and "tts.latency_mean_s" in alone:
        parts.append(f"speech {_change(summary['tts.latency_mean_s'], alone['tts.latency_mean_s'])} mean")
    return f"{mode} {', '.join(parts)}"


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
    good = {mode: s for mode, s in summaries.items() if s["success_rate"] >= LEAST_SUCCESS * most}
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
    return float(summary["request_throughput"] * summary["duration_s"] / summary["arrived"])


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


def _change(after: float, before: float) -> str:
    return f"{'+' if after >= before else '-'}{_span(abs(float(after) - float(before)))}"
