"""The co-run scenarios: who asks for what and when. Arrivals come from fixed seeds, so every run has the same jobs."""

from __future__ import annotations

import random
from typing import Any

Job = list[Any]
Client = dict[str, Any]
LENGTH_S = 6.0


def utterance(batch: int = 4, context: int = 128, segments: int = 6, vocode: int = 1) -> list[list[Any]]:
    """Steps of a sentence of speech: segments of 16 frames, each followed by the vocoder."""
    return [["ar", batch, context, 16], ["vocode", vocode, 32, 1]] * segments


def answer(prompt: int, batch: int, context: int, tokens: int) -> list[list[Any]]:
    """Steps of an LLM reply: one prompt, then decoding steps of the whole batch."""
    return [["prefill", 1, prompt, 1], ["decode", batch, context, tokens]]


def periodic(model: str, parts: list[list[Any]], period_s: float, offset_s: float = 0.0) -> Client:
    """A job every period."""
    count = int((LENGTH_S - offset_s) / period_s)
    return {"model": model, "jobs": [[round(offset_s + i * period_s, 6), parts] for i in range(count)]}


def poisson(model: str, parts: list[list[Any]], rate: float, seed: int) -> Client:
    """Jobs at independent exponential gaps, `rate` a second."""
    generator = random.Random(seed)
    jobs: list[Job] = []
    time_s = generator.expovariate(rate)
    while time_s < LENGTH_S:
        jobs.append([round(time_s, 6), parts])
        time_s += generator.expovariate(rate)
    return {"model": model, "jobs": jobs}


def bursts(model: str, parts: list[list[Any]], size: int, period_s: float, seed: int) -> Client:
    """Every period a burst of `size` jobs within 50 ms."""
    generator = random.Random(seed)
    starts = [0.1 + i * period_s for i in range(int((LENGTH_S - 0.2) / period_s) + 1)]
    times = sorted(start + generator.uniform(0, 0.05) for start in starts for _ in range(size))
    return {"model": model, "jobs": [[round(time_s, 6), parts] for time_s in times]}


def backlog(model: str, parts: list[list[Any]], count: int = 400) -> Client:
    """Always more work: `count` jobs at the start."""
    return {"model": model, "jobs": [[round(1e-4 * i, 6), parts] for i in range(count)]}


def _scenario(clients: list[Client], capped: list[int]) -> dict[str, Any]:
    shares = {"mps": [100] * len(clients), "mps-capped": capped}
    return {"clients": clients, "mps_active_thread_percentage": shares, "stop_after_s": 10.0}


def core_scenarios() -> dict[str, dict[str, Any]]:
    """Seven mixes of recognition, speech and language model."""
    asr32 = ["chunk", 32, 2, 1]
    talk = utterance()
    return {
        "asr32_tts": _scenario([periodic("asr", [asr32], 0.16), poisson("tts", talk, 6, 1)], [50, 50]),
        "asr64x4_tts": _scenario([periodic("asr", [["chunk", 64, 13, 1]], 0.04), poisson("tts", talk, 6, 2)], [50, 50]),
        "asr_llmdecode": _scenario(
            [periodic("asr", [asr32], 0.08), backlog("llm", [["decode", 64, 2048, 8]])], [50, 50]),
        "tts_llmprefill": _scenario(
            [poisson("tts", talk, 5, 3), poisson("llm", answer(2048, 16, 2048, 4), 6, 4)], [50, 50]),
        "asr_tts_llm": _scenario(
            [periodic("asr", [asr32], 0.08), poisson("tts", talk, 5, 5), poisson("llm", answer(1200, 16, 2048, 8), 5, 6)],
            [20, 20, 60]),
        "tts_x4": _scenario([poisson("tts", talk, 4, seed) for seed in (7, 8, 9, 10)], [25] * 4),
        "llm_x2": _scenario([poisson("llm", answer(1200, 16, 512, 6), 8, seed) for seed in (11, 12)], [50, 50]),
    }  # fmt: skip


def wide_scenarios() -> dict[str, dict[str, Any]]:
    """Six mixes with other shapes, loads, arrivals, precisions, numbers of clients and caps."""
    long_talk = utterance(32, 512, 4, 16)
    return {
        "asr8_ttsbatch": _scenario(
            [periodic("asr", [["chunk", 8, 2, 1]], 0.02), poisson("tts", long_talk, 6, 21)], [30, 70]),
        "tts_longprefill": _scenario(
            [poisson("tts", utterance(), 4, 66),
             poisson("llm", [["prefill", 1, 8192, 1], ["decode", 1, 4096, 20]], 1.2, 41)], [30, 70]),
        "asr64_llmbursts": _scenario(
            [periodic("asr", [["chunk", 64, 4, 1]], 0.05), bursts("llm", answer(512, 16, 512, 8), 6, 1.0, 24)], [40, 60]),
        "decode128_prefill_tts": _scenario(
            [backlog("llm", [["decode", 128, 2048, 8]]), poisson("llm", [["prefill", 4, 512, 1]], 4, 25),
             poisson("tts", utterance(8, 128, 6, 4), 4, 26)], [40, 40, 20]),
        "four_kinds": _scenario(
            [periodic("asr", [["chunk", 32, 2, 1]], 0.16), periodic("asr", [["chunk", 8, 7, 1]], 0.14, 0.03),
             poisson("tts", utterance(), 3, 27), poisson("llm", answer(512, 8, 1024, 12), 2.5, 28)], [25] * 4),
        "fp8llm_asr": _scenario(
            [poisson("llm-fp8", answer(2048, 32, 1024, 10), 5, 29), periodic("asr", [["chunk", 32, 7, 1]], 0.056)],
            [75, 25]),
    }  # fmt: skip


def built_in(sets: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The scenarios of the chosen sets."""
    chosen = core_scenarios() if "core" in sets else {}
    return chosen | (wide_scenarios() if "wide" in sets else {})
