"""The voice pipeline on three A100: two lengths of replies from two figures, all else predicted."""

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
#: Tokens between which the lengths lie.
_REPLIES = (20.0, 500.0)
_PIECES = (10.0, 400.0)
_TARGETS = [
    Target("", "max", 0.08, 0.03, "MIG / time-slicing"),
    Target("", "max", 0.15, 0.05, "first audio of a sentence"),
    Target("", "max", 0.0, 0.0, "first audio is earlier under time-slicing"),
    Target("", "max", 0.0, 0.0, "first audio beyond 200 ms over dedicated"),
]


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite; `data` is not used (see `registry.run_suite`)."""
    told = measured("voice-blog.json")
    scenario = calibrated(told["request_rate"]["value"][MIG], told["llm_s"]["value"])
    if progress:
        progress(0.6)
    found = _summaries(scenario, "dedicated", *SHARED)
    if progress:
        progress(1.0)
    return Report(
        "voice-blog",
        "A voice pipeline on three A100: dedicated, time-slicing and MIG under heavy load",
        calibrated_on="the request rate of two 3g.40gb instances, by the mean length of replies "
        f"({_reply(scenario.document)['mean']:.0f} tokens), and the LLM's 9 s on dedicated GPUs, by the length of the "
        f"pieces in which they are spoken ({_speaker(scenario.document)['sentence_tokens']} tokens)",
        predicted="the rate under time-slicing, mean first audio in both modes, what sharing adds, failures",
        rows=_rates(told, found) + _latencies(told, found) + _counts(told, found),
        targets=_TARGETS,
        sources=[told["request_rate"]["source"], told["first_audio_ms"]["source"]],
        notes=_notes(found),
        in_view={"": "64 dependent steps of a chunk's decoder, among values from 1 to 400"},
    )


def calibrated(rate: float, open_s: float) -> Scenario:
    """The scenario ``voice-heavy`` with other lengths of replies and of the pieces in which they are spoken.

    Parameters
    ----------
    rate : float
        Requests a second that two 3g.40gb serve.
    open_s : float
        How long the LLM's stream is open on dedicated GPUs: longer pieces leave less to be spoken while it is.
    """
    document = Scenario.load("voice-heavy").document

    def stream_open(tokens: float) -> float:
        _speaker(document)["sentence_tokens"] = round(tokens)
        return _figure(document, "dedicated", "llm.stream_open_mean_s")

    def served(tokens: float) -> float:
        _reply(document)["mean"] = tokens
        return _figure(document, MIG, "request_throughput")

    # The rate hardly depends on pieces, so once around is enough.
    stream_open(_solved(stream_open, open_s, *_PIECES))
    served(_solved(served, rate, *_REPLIES))
    stream_open(_solved(stream_open, open_s, *_PIECES))
    return Scenario.from_dict(document)


def _solved(falling: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    """Where a falling function has a value, by halving the ratio of the bounds."""
    for _ in range(_ROUNDS):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if falling(middle) > wanted else (low, middle)
    return float((low * high) ** 0.5)


def _figure(document: Mapping[str, Any], mode: str, name: str) -> float:
    return float(_summaries(Scenario.from_dict(document), mode)[mode][name])


def _reply(document: Mapping[str, Any]) -> dict[str, Any]:
    reply: dict[str, Any] = document["traffic"][0]["sizes"]["output_tokens"]
    return reply


def _speaker(document: Mapping[str, Any]) -> dict[str, Any]:
    stage: dict[str, Any] = next(s for s in document["pipelines"]["turn"]["stages"] if s["name"] == "tts")
    return stage


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
            "dedicated",
            "llm",
            "stream open",
            "s",
            told["llm_s"]["value"],
            float(found["dedicated"]["llm.stream_open_mean_s"]),
            "calibration",
        )
    ]
    rows += [
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
    heard = {mode: 1e3 * float(summary["voice_to_voice_mean_s"]) for mode, summary in found.items()}
    added = {mode: heard[mode] - heard["dedicated"] for mode in SHARED}
    return [
        "What limits: " + ". ".join(causes) + ".",
        "Utterances and sentences share the 32 threads of the gateway. Under time-slicing each dependent "
        "step of "
        "recognition waits for a slice of synthesis, utterances hold their threads several times longer, and "
        "fewer "
        "sentences are in synthesis at a time: its batches are smaller and its first audio is earlier, while "
        "fewer "
        "requests are served.",
        "From the end of the user's speech to the first audio of the reply sharing adds "
        f"{added[MIG]:.0f} ms on MIG and {added['time-slicing']:.0f} ms time-sliced: that it adds 200 ms at "
        "most holds for a sentence's first chunk, which does not contain the recogniser's steps.",
    ]
