"""Arguments of the wrong kind are read where they can only mean one thing, and refused in our words everywhere else."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import math
from collections.abc import Callable
from typing import Any

import gpushare as gs
import numpy as np
import pytest


class Rate(enum.Enum):
    SLOW = 2


def llm(**given: Any) -> gs.Load:
    return gs.llm("llama-3.1-8b", **({"rate": 2} | given))


@pytest.fixture(scope="module")
def chat() -> gs.Scenario:
    return gs.Scenario.of(llm(slo="ttft_p95=500ms"), duration_s=30, warmup_s=3)


@pytest.mark.parametrize(
    "rate", [decimal.Decimal("2"), fractions.Fraction(4, 2), Rate.SLOW, np.float32(2), np.int8(2)]
)
def test_numbers_of_any_kind_are_numbers(rate: Any) -> None:
    assert gs.Scenario.of(llm(rate=rate)).document["traffic"][0]["arrivals"]["rate_per_s"] == 2


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"rate": decimal.Decimal("NaN")}, "a number must be finite"),
        ({"rate": datetime.timedelta(seconds=2)}, "found timedelta 0:00:02; write 2, in seconds"),
        ({"rate": None, "users": 2, "think_s": np.timedelta64(1500, "ms")}, "write 1.5, in seconds"),
        ({"precision": np.float16}, "found type <class 'numpy.float16'>"),
        ({"prompt": (100, 2000)}, "found \\(100, 2000\\) as a size; give its mean, or a distribution"),
        ({"prompt": np.array([100, 200])}, "as a size; give its mean"),
        ({"rate": None, "rps": 2}, "found rps=; write rate="),
        ({"input_tokens": 100}, "found input_tokens=; write prompt="),
        ({"gpu": "h100"}, r"found gpu=; it is of the scenario: gs.Scenario.of\(..., gpu=...\)"),
        ({"slo": 3}, "slo"),
        ({"slo": "ttft"}, "slo: found 'ttft'; write"),
    ],
)
def test_what_a_builder_cannot_take_is_told_with_what_would_be_right(
    given: dict[str, Any], told: str
) -> None:
    with pytest.raises((gs.Error, TypeError), match=told):
        gs.Scenario.of(llm(**given))


@pytest.mark.parametrize("spread", ["50%", -1, math.nan, None])
def test_a_spread_is_a_number(spread: Any) -> None:
    with pytest.raises(ValueError, match=r"^spread: found .*; a sigma of at least 0 such as 0.5 is needed"):
        llm(spread=spread)


@pytest.mark.parametrize(
    ("slo", "objectives"),
    [
        ("ttft_p95=500ms", {"llm.ttft_p95": "500ms"}),
        (
            ["ttft_p95 <= 500ms", "success_rate>=99%"],
            {"llm.ttft_p95": {"at_most": "500ms"}, "success_rate": {"at_least": "99%"}},
        ),
        ({"ttft_p95": "500ms"}, {"llm.ttft_p95": "500ms"}),
    ],
)
def test_objectives_of_a_builder_are_texts_or_a_mapping(slo: Any, objectives: dict[str, Any]) -> None:
    assert gs.Scenario.of(llm(slo=slo)).document["objectives"] == objectives


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: gs.model(None), "model: found NoneType None; a name or a path is needed"),  # type: ignore[arg-type]
        (lambda: gs.profile(3), "gpu: found int 3; a name, a path or a Profile is needed"),  # type: ignore[arg-type]
        (lambda: gs.llm(["llama-3.1-8b"], rate=1), "model: found list"),  # type: ignore[arg-type]
        (lambda: llm(rate=None, log=[{"arrival_s": 0}]), "log: found list .*gs.traces.from_columns"),
        (lambda: gs.Scenario.of(llm(), gpu=["a100"]), "gpu: found list"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_name_is_told_by_its_kind(call: Callable[[], object], told: str) -> None:
    with pytest.raises(TypeError, match=told):
        call()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda s: gs.simulate(s, mode=["mps"]), "mode: found \\['mps'\\]; a mode is a text"),
        (lambda s: gs.simulate(s, mode=""), "mode: found ''; a mode is a text"),
        (lambda s: gs.compare(s, [None]), "mode: found None"),
        (lambda s: gs.compare(s, ["mps"], keep=(1.25, 0.95)), "keep: found .*; give gs.Kept"),
        (
            lambda s: gs.compare(s, ["mps"], slo={"llm.ttft_p95": 0.5}),
            "slo: found a mapping; give it as objectives=",
        ),
        (
            lambda s: gs.compare(s, ["mps"], most_requests=math.nan),
            "most_requests: found nan; a number of requests",
        ),
        (lambda s: gs.compare(s, ["mps"], progress=True), "progress: found True; a function"),
        (lambda s: gs.compare(s, ["dedicated"])[0], "no mode 0"),
        (lambda s: gs.capacity(s, vary=3), "vary: found 3"),
        (lambda s: gs.capacity(s, tolerance="1%"), "tolerance: found '1%'; a share above 0 and below 1"),
        (lambda s: gs.plan(s, gap=-1), "gap: found -1; a share from 0 to 1"),
        (lambda s: gs.plan(s, gap="5%"), "gap: found '5%'"),
        (lambda s: gs.plan(s, seed="1"), "seed: found '1'"),
        (lambda s: gs.plan(s, admission=0.5), "admission: it is of plans by tables"),
        (lambda s: gs.plan(s, progress=1), "progress: found 1"),
        (
            lambda s: gs.plan(s, variants={"llm": {"precision": "fp8"}}),
            "variants/llm: found .*; write a list such as",
        ),
    ],
)
def test_what_a_study_cannot_take_is_refused_in_our_words(
    call: Callable[[gs.Scenario], object], told: str, chat: gs.Scenario
) -> None:
    with pytest.raises((gs.Error, TypeError, ValueError, KeyError), match=told) as refused:
        call(chat)
    assert "incompatible function arguments" not in str(refused.value)


@pytest.mark.parametrize(
    "claim",
    [
        {"rate": -2},
        {"rate": math.nan},
        {"rate": 1, "gpus": 0},
        {"ttft": "200ms"},
        {"rate": 1, "cached": 2},
        {"rate": 1, "output": 0},
    ],
)
def test_claims_are_of_numbers_that_can_be(claim: dict[str, Any]) -> None:
    name = list(claim)[-1]
    with pytest.raises(ValueError, match=f"^{name}: found .* is needed"):
        gs.check("llama-3.1-8b", "a100", **claim)


def test_a_load_and_a_list_of_loads_are_scenarios() -> None:
    alone = gs.simulate(llm(rate=1))
    assert gs.simulate([llm(rate=1)]).summary() == alone.summary()
