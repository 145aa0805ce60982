"""The clock that follows the mean draw, beside what one H200 measured: one process, prompts and decodes of an 8B."""

import json
from pathlib import Path

import gpushare as gs
import numpy as np
import pytest
from gpushare.validation.llm_loops import language_model

MEASURED = json.loads(
    (Path(__file__).parents[2] / "validation" / "h200-clock.json").read_text(encoding="utf-8")
)
SERIES = MEASURED["series"]
FIRST_MS = {name: one["first_ms"] for name, one in SERIES.items()}


def served(prompt: str, decodes: int = 0, pause_ms: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """One user's requests: ms of each one's prompt, and of each of its decodes."""
    tokens = int(prompt.rpartition("x")[2])
    service = language_model(325, 0.0, max_num_seqs=1, max_num_batched_tokens=16384)
    document = {
        "name": "one process",
        "gpu": "h200",
        "duration_s": 6.0,
        "services": {"llm": service},
        "placement": {"mode": "dedicated"},
        "pipelines": {"llm": {"stages": [{"name": "llm", "service": "llm"}]}},
        "traffic": [
            {
                "name": "llm",
                "pipeline": "llm",
                "kind": "closed",
                "users": 1,
                "ramp_up_s": 0,
                "think_s": pause_ms / 1e3,
                "sizes": {"input_tokens": tokens, "output_tokens": decodes + 1},
            }
        ],
    }
    found = gs.simulate(gs.Scenario.from_dict(document), threads=1).requests
    begun, first, last = (
        np.asarray(found[f"llm.{key}_s"]) for key in ("started", "first_output", "finished")
    )
    return 1e3 * (first - begun), 1e3 * (last - first) / max(decodes, 1)


def slower(times: np.ndarray) -> float:
    """Of the first, in the long run."""
    return float(times[len(times) * 2 // 5 :].mean() / times[0])


@pytest.mark.parametrize("prompt", [name for name in SERIES if "prefill" in name])
def test_prompts_without_pause_settle_as_measured(prompt: str) -> None:
    first, _ = served(prompt)
    assert slower(first) == pytest.approx(SERIES[prompt]["settled_ms"] / FIRST_MS[prompt], rel=0.03)


@pytest.mark.parametrize("one", MEASURED["duty"], ids=lambda one: f"{one['step']} {one['pause_ms']}")
def test_pauses_let_the_clock_recover_as_measured(one: dict) -> None:
    first, _ = served(one["step"], pause_ms=one["pause_ms"])
    assert slower(first) == pytest.approx(one["ms"] / FIRST_MS[one["step"]], rel=0.03)


@pytest.mark.parametrize(
    "one",
    # An engine that plans ahead decodes once more after a reply, which counts where it is of two tokens.
    [one for one in MEASURED["mix"] if one["decode"] == "llm decode 1x512" and one["decodes"] > 1],
    ids=lambda one: f"{one['prompt']} {one['decodes']}",
)
def test_decodes_between_prompts_share_the_clock_as_measured(one: dict) -> None:
    first, gaps = served(one["prompt"], one["decodes"])
    assert slower(first) == pytest.approx(one["prompt_ms"] / FIRST_MS[one["prompt"]], rel=0.03)
    full = served(one["prompt"], 40, pause_ms=500)[1].mean()
    measured = one["decode_ms"] / FIRST_MS["llm decode 1x512"]
    assert gaps[len(gaps) // 2 :].mean() / full == pytest.approx(measured, rel=0.03)
