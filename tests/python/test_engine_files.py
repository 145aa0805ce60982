"""The engine presets obey their schema, say where each figure comes from, and a scenario can start from them."""

import copy
import json
from pathlib import Path
from typing import Any

import gpushare as gs
import jsonschema  # type: ignore[import-untyped, unused-ignore]
import pytest

ENGINES = Path(__file__).resolve().parents[2] / "engines"
FILES = sorted(path for path in ENGINES.glob("*.json") if path.name != "schema.json")


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = load(ENGINES / "schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_presets_are_those_of_the_folder() -> None:
    assert gs.engine_preset_names() == sorted(path.stem for path in FILES)
    assert {"vllm-0.7", "vllm-0.20", "vllm-0.20-in-process", "tensorrt-llm", "sglang"} <= set(
        gs.engine_preset_names()
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_preset_obeys_the_schema_and_an_assumption_says_so(path: Path, validator: Any) -> None:
    document = load(path)
    assert [error.message for error in validator.iter_errors(document)] == []
    assert document["name"] == path.stem
    for name, figure in document["engine"].items():
        assert figure["source"].startswith("assumed") == (figure["grade"] == "assumed"), name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_read_is_what_is_written(path: Path) -> None:
    preset = gs.engine_preset(path.stem)
    document = load(path)
    assert isinstance(preset, gs.EnginePreset)
    assert preset.title == document["title"]
    assert preset.description == document["description"]
    for name, figure in document["engine"].items():
        assert preset.engine[name] == figure["value"], name
    assert {entry["pointer"] for entry in preset.provenance} == {
        f"/engine/{name}" for name in document["engine"]
    }


def test_the_schema_refuses_what_has_no_source(validator: Any) -> None:
    document = load(ENGINES / "vllm-0.20.json")
    for change in ({"source": ""}, {"grade": "guessed"}, {"value": "many"}):
        broken = copy.deepcopy(document)
        broken["engine"]["max_num_seqs"].update(change)
        assert list(validator.iter_errors(broken)), change


def scenario(engine: dict[str, Any], **traffic: Any) -> gs.Scenario:
    return gs.Scenario.from_dict(
        {
            "name": "llm",
            "duration_s": 60,
            "services": {"llm": {"model": "llama-3.1-8b", "engine": engine}},
            "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
            "traffic": [
                {
                    "kind": "open",
                    "arrivals": {"kind": "poisson", "rate_per_s": 2},
                    "sizes": {"input_tokens": 400, "output_tokens": 60},
                    **traffic,
                }
            ],
        }
    )


@pytest.mark.parametrize("name", gs.engine_preset_names())
def test_a_scenario_starts_from_a_preset(name: str) -> None:
    run = gs.simulate(scenario({"preset": name}))
    assert run.summary()["completed"] == run.summary()["arrived"] > 50


def test_a_scenario_changes_what_it_names() -> None:
    slow = gs.simulate(scenario({"preset": "vllm-0.20", "request_overhead_s": 0.5}))
    preset = gs.simulate(scenario({"preset": "vllm-0.20"}))
    longer = slow.summary()["llm.latency_mean_s"] - preset.summary()["llm.latency_mean_s"]
    assert longer == pytest.approx(0.5 - 0.0205, rel=0.02)


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(
        gs.ScenarioError, match=r"/services/llm/engine/preset.*of vllm there are vllm-0\.20, "
    ):
        scenario({"preset": "vllm-0.2"})
    with pytest.raises(gs.ScenarioError, match=r"vllm-0\.20"):
        gs.engine_preset("vllm-0.2")


def test_prefix_caching_and_a_given_share_exclude_each_other() -> None:
    with pytest.raises(gs.ScenarioError, match="prefix_caching"):
        scenario({"prefix_caching": True, "prefix_cache_share": 0.5})
    given = gs.simulate(scenario({"preset": "vllm-0.20", "prefix_cache_share": 0.5}))
    assert given.summary()["llm.prefix_prompt_tokens"] == 0


def test_a_system_prompt_is_found_in_the_cache() -> None:
    run = gs.simulate(scenario({"prefix_caching": True}, system_prompt_tokens=320))
    assert run.summary()["llm.prefix_hit_rate"] == pytest.approx(0.8, abs=0.02)
    plain = gs.simulate(scenario({"prefix_caching": True}))
    assert plain.summary()["llm.prefix_hit_rate"] == 0
    assert run.summary()["llm.ttft_mean_s"] < 0.8 * plain.summary()["llm.ttft_mean_s"]
