"""Which steps, pairs and groups are measured. `core` is a small square; `wide` other kinds of work, `long` long prompts."""

from __future__ import annotations

from .shapes import Step, parse_step


def _steps(*texts: str) -> list[Step]:
    return [parse_step(text) for text in texts]


CORE = _steps("llm decode 64x2048", "llm decode 4x512", "llm prefill 1x1200", "asr chunk 32x2", "asr chunk 64x13",
              "tts ar 4x128", "tts vocode 8x32")  # fmt: skip
NEIGHBOURS = _steps("llm decode 64x2048", "llm prefill 1x1200", "asr chunk 32x2", "tts ar 4x128")
WIDE = _steps("llm prefill 1x8192", "llm prefill 4x512", "llm decode 1x512", "llm decode 128x2048", "asr chunk 8x2",
              "asr chunk 64x4", "tts ar 32x512", "tts vocode 16x32", "llm-fp8 prefill 1x1200",
              "llm-fp8 decode 64x2048", "asr-tf32 chunk 32x2")  # fmt: skip

PROMPTS = _steps(*(f"llm prefill 1x{n}" for n in (1024, 2048, 4096, 8192, 16384)))
SHORT = _steps("llm decode 64x2048", "llm decode 4x512", "asr chunk 8x2", "asr chunk 32x2", "tts ar 4x128", "tts ar 32x128",
               "tts vocode 8x32")  # fmt: skip

PAIR_SHARES = [None, [100, 100], [50, 50], [30, 70]]
"""Modes of the pairs: None is time-slicing, the rest MPS active-thread percentages."""

STEP_SHARES = [100, 57, 43, 29, 14]

GROUPS = [
    _steps(*texts)
    for texts in (
        ("llm decode 64x2048", "llm prefill 1x1200", "tts ar 4x128"),
        ("llm decode 64x2048", "asr chunk 32x2", "tts ar 4x128"),
        ("llm decode 64x2048", "llm prefill 1x1200", "asr chunk 32x2"),
        ("llm decode 64x2048", "llm decode 64x2048", "tts ar 4x128"),
        ("llm decode 64x2048", "llm decode 64x2048", "llm prefill 1x1200"),
        ("llm decode 64x2048", "asr chunk 32x2", "asr chunk 32x2"),
        ("llm prefill 1x1200", "llm prefill 1x1200", "tts ar 4x128"),
        ("llm prefill 1x1200", "asr chunk 32x2", "tts ar 4x128"),
        ("llm prefill 1x1200", "tts ar 4x128", "tts ar 4x128"),
        ("llm prefill 1x1200", "llm prefill 1x1200", "llm prefill 1x1200"),
        ("asr chunk 32x2", "asr chunk 32x2", "asr chunk 32x2"),
        ("asr chunk 32x2", "tts ar 4x128", "tts ar 4x128"),
        ("tts ar 4x128", "tts ar 4x128", "tts ar 4x128"),
        ("llm decode 64x2048", "llm prefill 1x1200", "asr chunk 32x2", "tts ar 4x128"),
        ("llm decode 64x2048", "llm decode 64x2048", "asr chunk 32x2", "tts ar 4x128"),
        ("llm decode 64x2048", "tts ar 4x128", "tts ar 4x128", "tts ar 4x128"),
        ("llm prefill 1x1200", "llm prefill 1x1200", "asr chunk 32x2", "tts ar 4x128"),
        ("llm prefill 1x1200", "tts ar 4x128", "tts ar 4x128", "tts ar 4x128"),
        ("asr chunk 32x2", "asr chunk 32x2", "asr chunk 32x2", "asr chunk 32x2"),
        ("tts ar 4x128", "tts ar 4x128", "tts ar 4x128", "tts ar 4x128"),
    )
]


def pair_plan(sets: tuple[str, ...], quick: bool) -> list[tuple[Step, Step]]:
    """Unordered pairs (a, b): the core square, wide steps against neighbours and themselves, long prompts against all."""
    pairs = []
    core = NEIGHBOURS[1:] if quick else CORE
    if "core" in sets:
        pairs += [(a, b) for i, a in enumerate(core) for b in core[: i + 1]]
    if "near" in sets:
        pairs += [(a, b) for i, a in enumerate(NEIGHBOURS) for b in NEIGHBOURS[: i + 1]]
    if "wide" in sets and not quick:
        pairs += [(a, b) for a in WIDE for b in [*NEIGHBOURS, a]]
    if "long" in sets and not quick:
        pairs += [(a, b) for a in PROMPTS for b in SHORT]
    return list(dict.fromkeys(pairs))


def step_plan(shared: bool, quick: bool) -> list[Step]:
    """The shapes of steps_dedicated.json, or the fewer of steps_by_sm_share.json."""
    if quick:
        return sorted({*NEIGHBOURS, parse_step("tts vocode 8x32")})
    if shared:
        llm = [f"llm decode {b}x{n}" for n in (512, 2048) for b in (1, 4, 16, 64, 128)]
        llm += [f"llm prefill 1x{n}" for n in (128, 512, 1200, 2048, 8192)]
        asr = [f"asr chunk {b}x{n}" for n in (2, 13) for b in (1, 8, 32, 64)]
        tts = [f"tts ar {b}x128" for b in (1, 4, 16, 32)] + ["tts vocode 1x32", "tts vocode 8x32"]
        return _steps(*llm, *asr, *tts)
    batches = (1, 4, 8, 16, 32, 64, 128)
    llm = [f"llm decode {b}x{n}" for n in (512, 1024, 2048, 4096) for b in batches]
    llm += ["llm decode 256x512", "llm decode 256x1024"]
    llm += [f"llm prefill 1x{n}" for n in (64, 128, 256, 512, 1024, 1200, 2048, 4096, 8192)]
    asr = [f"asr chunk {b}x{n}" for n in (1, 2, 7, 13) for b in batches]
    tts = [f"tts ar {b}x128" for b in (1, 2, 4, 8, 16, 32, 64, 128)]
    tts += [f"tts vocode {b}x{n}" for n in (8, 32) for b in (1, 4, 8, 16)]
    return _steps(*llm, *asr, *tts)


def card_plan(quick: bool) -> list[Step]:
    """Every dedicated shape, the wide kinds and the other shapes of the scenarios."""
    others = _steps("llm prefill 2x512", "llm decode 8x2048", "asr chunk 64x4", "tts ar 8x128", "tts ar 32x512",
                    "llm-fp8 prefill 1x2048", "llm-fp8 decode 32x1024")  # fmt: skip
    return list(dict.fromkeys([*step_plan(False, quick), *([] if quick else [*WIDE, *others])]))
