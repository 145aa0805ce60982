"""Objectives that bound no figure: the same by a text as in a document, and reasons where memory is lacking."""

from __future__ import annotations

import copy
from typing import Any

import gpushare as gs
import pytest
from gpushare.command.making_room import settings_that_fit
from gpushare.planning.objectives import Objectives

BASE: dict[str, Any] = {
    "name": "chat",
    "duration_s": 60,
    "gpu": "a100",
    "services": {"llm": {"model": "llama-3.1-8b"}, "emb": {"model": "bge-m3"}},
    "pipelines": {name: {"stages": [{"name": name, "service": name}]} for name in ("llm", "emb")},
    "traffic": [
        {
            "kind": "open",
            "pipeline": "llm",
            "arrivals": {"kind": "poisson", "rate_per_s": 2},
            "sizes": {"input_tokens": 200, "output_tokens": 20},
        },
        {"kind": "open", "pipeline": "emb", "arrivals": {"kind": "poisson", "rate_per_s": 5}, "sizes": {}},
    ],
}
TTFT = {"llm.ttft_p95_s": 0.3}


def with_objectives(**more: Any) -> dict[str, Any]:
    return copy.deepcopy(BASE) | {"objectives": TTFT | more}


def with_share(share: float) -> gs.Scenario:
    document = copy.deepcopy(BASE)
    document["services"]["llm"]["engine"] = {"gpu_memory_utilization": share}
    return gs.Scenario.from_dict(document)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tolerate=gpu", {"tolerate": "gpu"}),
        ("memory_headroom=20%", {"memory_headroom": 0.2}),
        ("memory_headroom >= 0.2", {"memory_headroom": 0.2}),
        ("goodput>=90%", {"goodput": {"at_least": 0.9}}),
        ("goodput = 0.9", {"goodput": {"at_least": 0.9}}),
    ],
)
def test_a_text_asks_for_what_a_document_does(text: str, said: dict[str, Any]) -> None:
    scenario = gs.Scenario.from_dict(with_objectives(**said))
    for slo in ([text, "llm.ttft_p95=300ms"], ["llm.ttft_p95=300ms", text]):
        assert Objectives.of(gs.Scenario.from_dict(BASE), None, slo) == Objectives.of(scenario)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("isolation=hardware", 'stands in the document: "objectives": {"isolation"'),
        ("tolerate=gpus", 'found "gpus"; did you mean "gpu"'),
        ("memory_headroom=much", "found 'much'; write a share such as 0.2 or 20%"),
        ("memory_headroom=20", "expected a share of the memory below 1, found 20"),
    ],
)
def test_what_a_text_cannot_ask_for_is_told(text: str, message: str) -> None:
    with pytest.raises(gs.ScenarioError) as caught:
        Objectives.of(gs.Scenario.from_dict(BASE), TTFT, [text])
    assert message in str(caught.value)


def test_a_service_that_leaves_too_little_memory_anywhere_is_named_with_what_would_do() -> None:
    how: dict[str, Any] = {"replications": 2, "rounds": 5, "threads": 1, "gpus": {"a100": 2}}
    asked = TTFT | {"memory_headroom": 0.2}
    found = gs.plan(BASE, asked, **how)
    assert found.meets is not True
    assert (
        "llm alone leaves 10 % of the memory free at most, less than the memory_headroom of 20 %" in found.why
    )
    assert "gpu_memory_utilization of it, which can then be 0.79 at most" in found.why
    assert gs.plan(with_share(0.79), asked, **how).meets


def test_the_share_with_which_language_models_fit_is_a_figure_of_what_does_not() -> None:
    document = copy.deepcopy(BASE)
    document["services"]["ears"] = {"model": "whisper-large-v3", "replicas": 4}
    document["pipelines"]["ears"] = {"stages": [{"name": "ears", "service": "ears"}]}
    scenario = gs.Scenario.from_dict(document)
    (misfit,) = gs.fits(scenario.with_mode("mps")).misfits
    assert misfit.reason == "sum"
    assert misfit.fitting_share is not None
    assert f"at most {misfit.fitting_share:.2f} for each LLM process" in misfit.text
    share = f"services.llm.engine.gpu_memory_utilization={misfit.fitting_share:g}"
    assert settings_that_fit(scenario, ["mps"]) == ["--set", share]
    document["services"]["llm"]["engine"] = {"gpu_memory_utilization": misfit.fitting_share}
    assert gs.fits(gs.Scenario.from_dict(document).with_mode("mps"))
    assert settings_that_fit(scenario, ["no such mode"]) == []


def test_a_service_that_no_traffic_visits_is_named_by_a_plan() -> None:
    document = copy.deepcopy(BASE)
    document["traffic"].pop()
    with pytest.raises(gs.ScenarioError, match="/services/emb: no traffic visits it"):
        gs.plan(document, TTFT)
    del document["services"]["emb"], document["pipelines"]["emb"]
    assert gs.plan(document, TTFT, replications=2, rounds=5, threads=1).meets


def test_a_comparison_that_nobody_came_to_advises_nothing() -> None:
    document = copy.deepcopy(BASE)
    for entry in document["traffic"]:
        entry["arrivals"]["rate_per_s"] = 1e-9
    verdict = gs.compare(document, replications=2, threads=1).verdict
    assert verdict.meets is None
    assert verdict.line == "Nothing says how to share: no request comes within the run."
