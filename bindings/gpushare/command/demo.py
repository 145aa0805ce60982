"""The main questions, answered in tables and in words."""

from __future__ import annotations

import json
import math
import os
from typing import Any

from ..frames.render import wrap
from ..scenario import mig
from ..scenario.scenario import Scenario
from ..study.comparison import Comparison, compare
from ..study.points import grid
from ..study.results import Summary
from ..study.sweeps import SweepTable, sweep
from .progress import Progress

__all__ = ["layout_answer", "replay_answer", "replay_scenario", "run_demo", "sharing_answer"]

VOICE_MODES = ("dedicated", "time-slicing", "mps", "mig:3g.40gb+3g.40gb")
_REPLICATIONS = 5
_QUICK_TRACE_S = 600.0

#: What sharing may cost before the answer is no: requests served, and end-to-end p95, against dedicated GPUs.
_LEAST_THROUGHPUT = 0.95
_MOST_LATENCY = 1.25
_LEAST_SUCCESS = 0.99
#: Share of the requests completed by the end of the trace, below which a mode is overloaded.
_KEEPS_UP = 0.95
_FALLS_BEHIND = " (it cannot keep up, so waiting times grow with the trace)"


def run_demo(trace: str | None = None, quick: bool = False, quiet: bool = False) -> dict[str, Any]:
    """Compares the voice pipelines, replays a request trace, and sweeps the MIG layouts.

    Parameters
    ----------
    trace : str, optional
        A request trace to replay; by default a generated hour with the statistics of the Azure conversation
        trace.
    quick : bool
        One run of each instead of several, and ten minutes of the trace.
    quiet : bool
        Print nothing.

    Returns
    -------
    dict
        The answers and the figures they come from.

    Raises
    ------
    TraceError
        When the trace cannot be read.
    """
    say = (lambda *_: None) if quiet else print
    answers: dict[str, Any] = {}
    # Read before the rest is simulated, so that a bad file is told at once.
    replay = replay_scenario(trace, quick)
    for number_, name in enumerate(("voice-heavy", "voice-light"), 1):
        table = _compare(Scenario.load(name), VOICE_MODES, 1 if quick else _REPLICATIONS)
        answers[name] = {"modes": table.to_dict(), "answer": sharing_answer(table)}
        question = "one GPU for each of LLM, ASR and TTS, or share?"
        say(
            _section(
                f"{number_}. {name}: {question}",
                table.scenario.description,
                table.text(),
                sharing_answer(table),
            )
        )
    table = _compare(replay, replay.modes, 1)
    answers["llm-trace"] = {"modes": table.to_dict(), "answer": replay_answer(table)}
    what = (
        f"the requests of {os.path.basename(trace)}"
        if trace
        else "a generated hour like the Azure conversation trace"
    )
    say(_section(f"3. {what} on one A100", replay.description, table.text(), replay_answer(table)))
    layouts = _sweep_layouts(Scenario.load("voice-heavy"), 1 if quick else _REPLICATIONS)
    answers["layouts"] = {"table": layouts.to_dict(), "answer": layout_answer(layouts)}
    text = layouts.text(_best_first(layouts))
    title = f"4. voice-heavy under each of the {len(layouts)} maximal layouts of an A100, best first"
    say(_section(title, "", text, layout_answer(layouts)).rstrip())
    return answers


def _section(title: str, description: str, table: str, answer: str) -> str:
    parts = [f"{title}\n{'=' * min(100, len(title))}", wrap(description), table, wrap(f"Answer: {answer}")]
    return "\n\n".join(part for part in parts if part) + "\n\n"


def _compare(scenario: Scenario, modes: Any, replications: int) -> Comparison:
    with Progress(scenario.name) as progress:
        return compare(
            scenario, modes, replications=replications, record_requests=False, progress=progress.count
        )


def _sweep_layouts(scenario: Scenario, replications: int) -> SweepTable:
    points = grid(scenario, layout=mig.layouts(scenario.gpus[0]["profile"]))
    with Progress(f"{scenario.name}, layouts") as progress:
        return sweep(points, replications=replications, progress=progress.count)


def replay_scenario(trace: str | None, quick: bool) -> Scenario:
    """The scenario ``llm-trace``, with another trace if one is given.

    Parameters
    ----------
    trace : str or None
        File to replay.
    quick : bool
        Only the first ten minutes.

    Returns
    -------
    Scenario
    """
    document = json.loads(Scenario.load("llm-trace")._document)
    entry = next(entry for entry in document["traffic"] if entry["kind"] == "trace")
    if trace is not None:
        entry.pop("generate", None)
        entry["path"] = os.path.abspath(trace)
        entry["format"] = "auto"
        document.pop("duration_s", None)
    if quick:
        document["duration_s"] = _QUICK_TRACE_S
    return Scenario.from_dict(document)


def _span(seconds: float) -> str:
    return f"{1e3 * float(seconds):,.0f} ms" if abs(seconds) < 1 else f"{float(seconds):,.2f} s"


def _change(after: float, before: float) -> str:
    return f"{'+' if after >= before else '-'}{_span(abs(float(after) - float(before)))}"


def _acceptable(summary: Summary, alone: Summary) -> bool:
    return (
        summary["gpus_freed"] > 0
        and summary["success_rate"] >= _LEAST_SUCCESS * alone["success_rate"]
        and summary["request_throughput"] >= _LEAST_THROUGHPUT * alone["request_throughput"]
        and summary["e2e_latency_p95_s"] <= _MOST_LATENCY * alone["e2e_latency_p95_s"]
    )


def sharing_answer(table: Comparison) -> str:
    """Whether to share, in words, from the figures of a comparison with dedicated GPUs.

    Parameters
    ----------
    table : Comparison
        Holds the mode ``"dedicated"`` and at least one shared one.

    Returns
    -------
    str
    """
    shared = {mode: table[mode] for mode in table.modes if mode in table.results and mode != "dedicated"}
    if "dedicated" not in table.results or not shared:
        return "nothing to compare: " + "; ".join(f"{mode}: {why}" for mode, why in table.refused.items())
    alone = table["dedicated"]
    good = {mode: summary for mode, summary in shared.items() if _acceptable(summary, alone)}
    others = "; ".join(_cost(mode, summary, alone) for mode, summary in shared.items())
    if good:
        mode = min(good, key=lambda m: good[m]["e2e_latency_p95_s"])
        answer = f"share, by {mode}. It {_gain(good[mode], alone)}."
    else:
        mode = max(shared, key=lambda m: shared[m]["request_throughput_per_gpu"])
        answer = (
            "keep dedicated GPUs. No shared mode frees a GPU, "
            f"serves {100 * _LEAST_THROUGHPUT:.0f} % of their requests a second "
            f"and keeps the end-to-end p95 within {_MOST_LATENCY:g} times theirs. The nearest, {mode}, "
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


def replay_answer(table: Comparison) -> str:
    """Which way to serve the trace, in words.

    Parameters
    ----------
    table : Comparison
        Modes of one service with a first-token latency.

    Returns
    -------
    str
    """
    served = {mode: table[mode] for mode in table.modes if mode in table.results}
    if not served:
        return "no mode can serve it: " + "; ".join(table.refused.values())
    first = next(name for name in table.latencies if name.endswith("ttft"))
    most = max(summary["success_rate"] for summary in served.values())
    good = {mode: s for mode, s in served.items() if s["success_rate"] >= _LEAST_SUCCESS * most}
    mode = min(good, key=lambda m: _or_infinite(good[m].get(f"{first}_p95_s")))
    each = "; ".join(
        f"{name} completes {100 * _in_time(s):.1f} % of {s['arrived']:,.0f} requests "
        f"before the trace ends{'' if _in_time(s) >= _KEEPS_UP else _FALLS_BEHIND}, "
        f"{s['output_token_throughput']:,.0f} tokens/s, "
        f"first token {_span(s[f'{first}_p50_s'])} at p50 and {_span(s[f'{first}_p95_s'])} at p95"
        for name, s in served.items()
        if f"{first}_p50_s" in s
    )
    refused = "".join(f" {name} is refused: {why}." for name, why in table.refused.items())
    return (
        f"{mode} gives the earliest first token (p95) among the modes that serve as many requests as any. "
        f"{each}.{refused} "
        f"What {mode} waits for: {served[mode].limiting_resource}."
    )


def _in_time(summary: Summary) -> float:
    """Share of the requests that were completed before the measured window ended."""
    return float(summary["request_throughput"] * summary["duration_s"] / summary["arrived"])


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None or math.isnan(value) else value


def _best_first(table: SweepTable) -> list[int]:
    return table.order("request_throughput_per_gpu")


def layout_answer(table: SweepTable) -> str:
    """The best layout, in words.

    Parameters
    ----------
    table : SweepTable
        A sweep over ``layout``.

    Returns
    -------
    str
    """
    feasible = [i for i in _best_first(table) if table["feasible"][i]]
    refused = len(table) - len(feasible)
    if not feasible:
        return f"none of the {refused} layouts can hold the services."
    best, worst = feasible[0], feasible[-1]
    rate, latency = table["request_throughput_per_gpu"], table["e2e_latency_p95_s"]
    return (
        f"{table.points[best].axes['layout']} serves most, {rate[best]:.2f} requests a second per GPU "
        f"at an end-to-end p95 of {_span(latency[best])}; {table.points[worst].axes['layout']} least, "
        f"{rate[worst]:.2f} at {_span(latency[worst])}. "
        f"{refused} of the {len(table)} layouts {'is' if refused == 1 else 'are'} refused."
    )
