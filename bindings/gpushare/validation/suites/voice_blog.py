"""The voice pipeline on three A100: reply length from the MIG rate, all else predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...scenario.scenario import Scenario
from ...study.comparison import compare
from ...study.results import Summary
from ..documents import measured
from ..report import Report, Row, Target

__all__ = ["calibrated", "run"]

MIG = "mig:3g.40gb+3g.40gb"
SHARED = (MIG, "time-slicing")
_REPLICATIONS = 4
_ROUNDS = 9
_TARGETS = [
    Target("", "max", 0.08, 0.03, "MIG / time-slicing"),
    Target("", "max", 0.15, 0.05, "first audio of a sentence"),
    Target("", "max", 0.0, 0.0, "first audio is earlier under time-slicing"),
    Target("", "max", 0.0, 0.0, "first audio beyond 200 ms over dedicated"),
]


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite; `data` is not used (see `registry.run_suite`)."""
    told = measured("voice-blog.json")
    scenario = calibrated(told["request_rate"]["value"][MIG])
    if progress:
        progress(0.6)
    found = _summaries(scenario, "dedicated", *SHARED)
    if progress:
        progress(1.0)
    return Report(
        "voice-blog",
        "A voice pipeline on three A100: dedicated, time-slicing and MIG under heavy load",
        calibrated_on="the request rate of two 3g.40gb instances, by the mean length of replies alone "
        f"({_reply(scenario.document)['mean']:.0f} tokens)",
        predicted="the rate under time-slicing, mean first audio in both modes, what sharing adds, failures",
        rows=_rates(told, found) + _latencies(told, found) + _counts(told, found),
        targets=_TARGETS,
        sources=[told["request_rate"]["source"], told["first_audio_ms"]["source"]],
        notes=_notes(found),
        in_view={"": "64 dependent steps of a chunk's decoder, among values from 1 to 400"},
    )


def calibrated(rate: float) -> Scenario:
    """The scenario ``voice-heavy`` with replies so long that two 3g.40gb serve `rate` requests a second."""
    document = Scenario.load("voice-heavy").document
    low, high = 20.0, 500.0
    for _ in range(_ROUNDS):
        middle = (low * high) ** 0.5
        _reply(document)["mean"] = middle
        served = _summaries(Scenario.from_dict(document), MIG)[MIG]["request_throughput"]
        low, high = (middle, high) if served > rate else (low, middle)
    _reply(document)["mean"] = (low * high) ** 0.5
    return Scenario.from_dict(document)


def _reply(document: Mapping[str, Any]) -> dict[str, Any]:
    reply: dict[str, Any] = document["traffic"][0]["sizes"]["output_tokens"]
    return reply


def _summaries(scenario: Scenario, *modes: str) -> dict[str, Summary]:
    return compare(scenario, modes, replications=_REPLICATIONS, record_requests=False, threads=1).summaries


def _rates(told: Mapping[str, Any], found: Mapping[str, Summary]) -> list[Row]:
    rates = {mode: float(found[mode]["request_throughput"]) for mode in SHARED}
    return [
        Row(
            "heavy",
            MIG,
            "users",
            "requests served",
            "1/s",
            told["request_rate"]["value"][MIG],
            rates[MIG],
            "calibration",
        ),
        Row(
            "heavy",
            "time-slicing",
            "users",
            "requests served",
            "1/s",
            told["request_rate"]["value"]["time-slicing"],
            rates["time-slicing"],
        ),
        Row(
            "heavy",
            "time-slicing",
            "users",
            "MIG / time-slicing",
            "",
            told["rate_ratio"]["value"],
            rates[MIG] / rates["time-slicing"],
            scale="points",
        ),
    ]


def _latencies(told: Mapping[str, Any], found: Mapping[str, Summary]) -> list[Row]:
    first = {mode: 1e3 * float(found[mode]["tts.first_chunk_mean_s"]) for mode in found}
    allowed = told["consolidation_ms"]["value"]
    rows = [
        Row(
            "heavy",
            mode,
            "tts",
            "first audio of a sentence",
            "ms",
            told["first_audio_ms"]["value"][mode],
            first[mode],
        )
        for mode in SHARED
    ]
    rows.append(
        Row(
            "heavy",
            "time-slicing",
            "tts",
            "first audio is earlier under time-slicing",
            "",
            1.0,
            float(first["time-slicing"] < first[MIG]),
            role="check",
            scale="points",
        )
    )
    rows += [
        Row(
            "heavy",
            mode,
            "tts",
            "first audio beyond 200 ms over dedicated",
            "ms",
            0.0,
            max(0.0, first[mode] - first["dedicated"] - allowed),
            role="check",
            scale="points",
        )
        for mode in SHARED
    ]
    return rows


def _counts(told: Mapping[str, Any], found: Mapping[str, Summary]) -> list[Row]:
    rows = []
    for mode in SHARED:
        rows.append(
            Row(
                "heavy",
                mode,
                "users",
                "requests that succeed",
                "",
                told["success_rate"]["value"],
                float(found[mode]["success_rate"]),
                role="check",
            )
        )
        rows.append(
            Row(
                "heavy",
                mode,
                "",
                "GPUs freed",
                "",
                told["gpus_freed"]["value"],
                float(found[mode]["gpus_freed"]),
                role="check",
            )
        )
    return rows


def _notes(found: Mapping[str, Summary]) -> list[str]:
    causes = [
        f"{mode}: {summary['request_throughput']:.2f} requests/s, first audio "
        f"{1e3 * summary['tts.first_chunk_mean_s']:.0f} ms, {summary['asr.mean_in_system']:.1f} utterances "
        f"and "
        f"{summary['tts.mean_in_system']:.1f} sentences in work; limited by {summary.limiting_resource}"
        for mode, summary in found.items()
    ]
    return [
        "What limits: " + ". ".join(causes) + ".",
        "Utterances and sentences share the 32 threads of the gateway. Under time-slicing each dependent "
        "step of "
        "recognition waits for a slice of synthesis, utterances hold their threads several times longer, and "
        "fewer "
        "sentences are in synthesis at a time: its batches are smaller and its first audio is earlier, while "
        "fewer "
        "requests are served.",
    ]
