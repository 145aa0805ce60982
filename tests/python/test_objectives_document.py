"""Objectives as a document has them, and what a run says of them."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import gpushare as gs
import jsonschema  # type: ignore[import-untyped, unused-ignore]
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]

OBJECTIVES = {
    "llm.ttft_p95": "500ms",
    "tts.first_audio_p95_s": {"at_most": 0.3},
    "success_rate": {"at_least": 0.999},
    "goodput": "95%",
    "gpu_busy": {"at_least": 0.1, "at_most": 0.9},
    "isolation": [{"between": ["asr", "llm"], "level": "hardware"}],
    "memory_headroom": 0.2,
    "tolerate": "gpu",
}
CANONICAL = {
    "llm.ttft_p95_s": 0.5,
    "tts.first_audio_p95_s": 0.3,
    "success_rate": 0.999,
    "goodput": 0.95,
    "gpu_busy": {"at_most": 0.9, "at_least": 0.1},
    "isolation": [{"between": ["asr", "llm"], "level": "hardware"}],
    "memory_headroom": 0.2,
    "tolerate": "gpu",
}


@pytest.fixture(scope="module")
def voice() -> gs.Scenario:
    return gs.Scenario.load("voice-light")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "scenarios/voice-light.json").read_text(encoding="utf-8"))
    document["objectives"] = OBJECTIVES
    document["modes"]["strict"] = {"placement": {"mode": "mps"}, "objectives": {"llm.ttft_p95": "100ms"}}
    return document


def test_a_document_says_what_it_has_to_keep_to(document: dict[str, Any]) -> None:
    schema = json.loads((ROOT / "scenarios/schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    scenario = gs.Scenario.from_dict(document)
    assert scenario.objectives == CANONICAL
    assert list(scenario.objectives) == list(CANONICAL)
    assert scenario.document["objectives"] == OBJECTIVES
    assert gs.Scenario.from_dict(scenario.document).objectives == CANONICAL
    assert scenario.with_mode("strict").objectives == {**CANONICAL, "llm.ttft_p95_s": 0.1}
    assert scenario.replace(objectives={}).objectives == {}


def test_the_schema_refuses_what_the_reader_refuses(document: dict[str, Any]) -> None:
    schema = json.loads((ROOT / "scenarios/schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    for objectives in (
        [],
        {"success_rate": {}},
        {"success_rate": {"most": 1}},
        {"success_rate": [1]},
        {"memory_headroom": 1},
        {"tolerate": "rack"},
        {"isolation": [{"between": ["asr"], "level": "hardware"}]},
        {"isolation": [{"between": ["asr", "llm"], "level": "none"}]},
        {"isolation": [{"between": ["asr", "llm"]}]},
    ):
        wrong = {**document, "objectives": objectives}
        assert list(validator.iter_errors(wrong)), objectives
        with pytest.raises(gs.ScenarioError, match="/objectives"):
            gs.Scenario.from_dict(wrong)


def test_objectives_are_given_to_a_scenario_in_every_mode(
    voice: gs.Scenario, document: dict[str, Any]
) -> None:
    assert voice.objectives == {}
    given = voice.with_objectives(OBJECTIVES)
    assert given.objectives == CANONICAL
    assert voice.objectives == {}
    assert given != voice
    assert given == voice.with_objectives(OBJECTIVES)
    strict = gs.Scenario.from_dict(document, "strict").with_objectives({"success_rate": 0.5})
    for changed in (
        strict,
        strict.with_mode("mps"),
        strict.with_mode("dedicated"),
        strict.with_mode("strict"),
        strict.replace(seed=4),
    ):
        assert changed.objectives == {"success_rate": 0.5}
    assert strict.mode == "strict"
    assert strict.with_objectives({}).objectives == {}


def test_objectives_travel_with_a_scenario(voice: gs.Scenario) -> None:
    for scenario in (
        voice.with_objectives(OBJECTIVES),
        voice.with_mode("mps").with_objectives(OBJECTIVES),
        voice.with_placement(voice.with_mode("time-slicing").placement).with_objectives(OBJECTIVES),
    ):
        for again in (pickle.loads(pickle.dumps(scenario)), copy.deepcopy(scenario)):
            assert again == scenario
            assert again.objectives == CANONICAL
            assert again.mode == scenario.mode
            assert again.gpus == scenario.gpus
            assert again.document == scenario.document


def test_errors_name_the_place_and_what_is_near(voice: gs.Scenario) -> None:
    with pytest.raises(
        gs.ScenarioError, match=r"objectives#/llm\.tft_p95_s: unknown figure .* nearest: llm\.ttft_p95_s"
    ):
        voice.with_objectives({"llm.tft_p95_s": 0.5})
    with pytest.raises(gs.ScenarioError, match=r"cannot be at least 0\.9 and at most 0\.8"):
        voice.with_objectives({"success_rate": {"at_least": 0.9, "at_most": 0.8}})
    with pytest.raises(gs.ScenarioError, match="unknown service"):
        voice.with_objectives({"isolation": [{"between": ["asr", "tss"], "level": "process"}]})
    with pytest.raises(gs.ScenarioError, match="finite"):
        voice.with_objectives({"success_rate": float("nan")})


@pytest.mark.parametrize("mode", ["dedicated", "mps", "mig:3g.40gb+3g.40gb"])
def test_the_figures_of_a_scenario_are_those_of_its_runs(voice: gs.Scenario, mode: str) -> None:
    scenario = voice.with_mode(mode)
    assert scenario.figure_names == list(gs.simulate(scenario).summary())
    bounded = scenario.with_objectives({"llm.ttft_p95_s": 0.5})
    assert bounded.figure_names == list(gs.simulate(bounded).summary())
    assert set(bounded.figure_names) - set(scenario.figure_names) == {"goodput", "goodput_rate"}


def test_goodput_is_what_the_table_of_requests_says(voice: gs.Scenario) -> None:
    first = gs.simulate(voice).summary()
    bounds = {name: first[name] for name in ("voice_to_voice_p90_s", "llm.ttft_p50_s")}
    run = gs.simulate(voice.with_objectives(bounds))
    requests = run.requests
    heard = requests["asr.queued_s"] + requests["speech_s"] / 12.8
    reply = requests["tts.first_output_s"] - heard
    token = requests["llm.first_output_s"] - requests["llm.queued_s"]
    good = (reply <= bounds["voice_to_voice_p90_s"]) & (token <= bounds["llm.ttft_p50_s"])
    assert 0.1 < np.mean(good) < 0.9
    summary = run.summary()
    assert summary["goodput"] == pytest.approx(np.mean(good), rel=1e-12)
    assert summary["voice_to_voice_mean_s"] == pytest.approx(np.mean(reply), rel=1e-6)
    in_window = good & (requests["finish_s"] <= voice.duration_s)
    assert summary["goodput_rate"] == pytest.approx(np.count_nonzero(in_window) / voice.duration_s, rel=1e-12)
    assert gs.figures.describe("goodput").better == "higher"
