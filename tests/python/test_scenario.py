"""Scenario documents from Python: load, change, send elsewhere, refuse."""

import copy
import datetime
import json
import pickle
from pathlib import Path
from typing import Any

import gpushare as gs
import numpy as np
import pytest


def test_scenarios_are_found_by_name_and_path(tmp_path: Path) -> None:
    assert set(gs.scenario_names()) >= {"voice-light", "voice-heavy", "hollow-gpu", "bursty-llm", "llm-trace"}
    by_name = gs.Scenario.load("voice-light")
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(by_name.document), encoding="utf-8")
    by_path = gs.Scenario.load(path)
    assert by_path.name == by_name.name == "voice-light"
    assert by_path.document["traffic"] == by_name.document["traffic"]


def test_a_scenario_shows_what_it_holds() -> None:
    scenario = gs.Scenario.load("voice-heavy")
    assert scenario.services == ["asr", "llm", "tts"]
    assert scenario.mode == "dedicated"
    assert scenario.modes == ["dedicated", "time-slicing", "mps", "mig:3g.40gb+3g.40gb"]
    assert scenario.baseline_gpus == 3
    assert scenario.price_per_gpu_hour == 2.0
    # Ramp up, hold and ramp down of the load generator: 60 + 300 + 15 s.
    assert scenario.duration_s == 375.0
    assert scenario.seed >= 1
    assert scenario.warmup_s >= 0
    assert scenario.host_cores > 0
    assert scenario.description
    assert [gpu["profile"] for gpu in scenario.gpus] == ["a100"] * 3
    text = str(scenario)
    assert "voice-heavy, dedicated" in text
    assert max(map(len, text.splitlines())) <= 100
    assert "<table>" in scenario._repr_html_()


def test_a_mode_places_the_consolidated_services() -> None:
    scenario = gs.Scenario.load("voice-heavy", mode="mig:3g.40gb+3g.40gb")
    assert scenario.mode == "mig:3g.40gb+3g.40gb"
    shared = next(gpu for gpu in scenario.gpus if gpu["layout"] != "whole")
    assert shared["layout"] == "3g.40gb@0+3g.40gb@4"
    assert sorted(name for part in shared["partitions"] for name in part["processes"]) == ["asr", "tts"]
    layout = gs.mig.parse("4g.40gb+3g.40gb")
    assert scenario.with_mode(layout).mode == "mig:4g.40gb@0+3g.40gb@4"


def test_modes_do_not_pile_up() -> None:
    scenario = gs.Scenario.load("llm-trace")
    there_and_back = scenario.with_mode("7x1g.10gb-int4").with_mode("dedicated")
    assert there_and_back.gpus == scenario.with_mode("dedicated").gpus
    assert there_and_back.document["services"]["llm"]["precision"] == "fp16"
    assert scenario.with_mode("7x1g.10gb-int4").document["services"]["llm"]["precision"] == "int4"


def test_the_document_with_its_mode_reads_back_as_the_same_scenario() -> None:
    for name in gs.scenario_names():
        scenario = gs.Scenario.load(name)
        for mode in scenario.modes:
            shown = scenario.with_mode(mode)
            again = gs.Scenario.from_dict(shown.document)
            assert (again.mode, again.gpus, again.services) == (mode, shown.gpus, shown.services)


def test_scenarios_are_values_that_travel(light: gs.Scenario) -> None:
    moved = pickle.loads(pickle.dumps(light.with_mode("mps")))
    assert moved == light.with_mode("mps")
    assert moved != light
    assert hash(moved) == hash(light.with_mode("mps"))
    assert moved.mode == "mps"
    assert copy.deepcopy(light) is copy.copy(light) is light
    assert light != "voice-light"


def test_changing_the_document_of_a_scenario_leaves_it_alone(light: gs.Scenario) -> None:
    light.document["seed"] = 99
    assert light.seed != 99


def test_replace_changes_a_part_and_keeps_the_mode(light: gs.Scenario) -> None:
    shared = light.with_mode("mps")
    changed = shared.replace(
        users=7, seed=np.int64(5), **{"/services/tts/engine/slots": 8, "services.asr.engine.max_batch": 4}
    )
    document = changed.document
    assert document["traffic"][0]["users"] == 7
    assert document["services"]["tts"]["engine"]["slots"] == 8
    assert document["services"]["asr"]["engine"]["max_batch"] == 4
    assert (changed.seed, changed.mode) == (5, "mps")
    assert light.document["traffic"][0]["users"] != 7
    assert changed.replace(mode="time-slicing").mode == "time-slicing"
    assert changed.replace(layout="3g.40gb+3g.40gb").mode == "mig:3g.40gb+3g.40gb"
    assert light.replace(**{"/traffic/0/users": 2}).document["traffic"][0]["users"] == 2


def test_the_rate_of_an_open_scenario_is_replaced() -> None:
    document = gs.Scenario.load("voice-light").document
    document["traffic"] = [
        {
            "name": "open",
            "kind": "open",
            "arrivals": {"kind": "poisson", "rate_per_s": 1.0},
            "sizes": document["traffic"][0]["sizes"],
        }
    ]
    document["duration_s"] = 30
    scenario = gs.Scenario.from_dict(document)
    assert scenario.replace(rate_per_s=2.5).document["traffic"][0]["arrivals"]["rate_per_s"] == 2.5


@pytest.mark.parametrize(
    ("changes", "where", "text"),
    [
        (
            {"/services/ttt/engine/slots": 8},
            "/services/ttt",
            'there is no such member; did you mean "tts"? Legal are asr, llm, tts',
        ),
        ({"/traffic/3/users": 8}, "/traffic/3", "there is no such element; legal are 0 to 0"),
        ({"/traffic/1": {}}, "/traffic/1", "there is no such element; legal are 0 to 0"),
        ({"name.first.second": 1}, "/name/first", "there is no such member; legal are none"),
        ({"name.first": 1}, "name.first", "the path leads through a value that has no members"),
        ({"rate_per_s": 1}, "/traffic", "rate_per_s needs exactly one entry of kind 'open', found no entry"),
        ({"seed": float("nan")}, "/seed", "found nan; a number must be finite"),
        (
            {"duration_s": datetime.timedelta(minutes=1)},
            "/duration_s",
            "found timedelta 0:01:00; write 60, in seconds",
        ),
        ({"seed": {1, 2}}, "/seed", "a document holds names, numbers, lists and mappings; found set"),
    ],
)
def test_impossible_changes_say_where(
    light: gs.Scenario, changes: dict[str, Any], where: str, text: str
) -> None:
    with pytest.raises(gs.ScenarioError) as caught:
        light.replace(**changes)
    assert caught.value.where == where
    assert text in str(caught.value)


def broken(light: gs.Scenario, path: str, value: Any) -> gs.Scenario:
    return light.replace(**{path: value})


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("/traffic/0/users", 0, ["/traffic/0/users", "0"]),
        ("/traffic/0/users", -3, ["/traffic/0/users", "-3"]),
        ("/traffic/0/users", "many", ["/traffic/0/users", "many"]),
        ("/traffic/0/userz", 5, ["/traffic/0", "userz", "users"]),
        ("/traffic/0/hold_s", -1.0, ["/traffic/0/hold_s", "-1"]),
        ("/services/asr/model", "parakeet", ["/services/asr/model", "parakeet"]),
        (
            "/services/tts/engine/kind",
            "autoregresive-slots",
            ["/services/tts/engine/kind", "autoregressive-slots"],
        ),
        ("/services", {}, ["/services"]),
        ("/gpu", "a101", ["a101", "a100"]),
        ("/seed", 1.5, ["/seed", "1.5"]),
    ],
)
def test_a_bad_document_gives_one_error_with_place_and_remedy(
    light: gs.Scenario, path: str, value: Any, words: list[str]
) -> None:
    with pytest.raises((gs.ScenarioError, gs.ModelError, gs.ProfileError)) as caught:
        broken(light, path, value)
    for word in words:
        assert word in str(caught.value)


def test_unknown_modes_and_names_suggest_the_nearest(light: gs.Scenario) -> None:
    with pytest.raises(gs.ScenarioError, match='unknown mode "time-slcing"; did you mean "time-slicing"'):
        light.with_mode("time-slcing")
    with pytest.raises(gs.ScenarioError, match="voice-heavy"):
        gs.Scenario.load("voice-heavi")
    with pytest.raises(gs.ScenarioError, match=r"missing\.json"):
        gs.Scenario.load("missing.json")
    with pytest.raises(gs.LayoutError):
        light.with_mode("mig:4g.40gb+4g.40gb")


def test_broken_json_says_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{\n  "name": "x",\n  "seed": }\n', encoding="utf-8")
    with pytest.raises(gs.ScenarioError, match=r"broken\.json:3") as caught:
        gs.Scenario.load(path)
    assert "broken.json:3" in caught.value.where


def test_errors_travel_and_share_a_base(light: gs.Scenario) -> None:
    with pytest.raises(gs.Error) as caught:
        light.replace(users=0)
    moved = pickle.loads(pickle.dumps(caught.value))
    assert type(moved) is gs.ScenarioError
    assert (str(moved), moved.where) == (str(caught.value), caught.value.where)
    assert type(caught.value).__module__ == "gpushare"
    for name in (
        "ProfileError",
        "LayoutError",
        "ModelError",
        "OutOfMemoryError",
        "TraceError",
        "SimulationError",
    ):
        assert issubclass(getattr(gs, name), gs.Error)
        assert getattr(gs, name).where == ""


def test_what_does_not_fit_is_refused_with_the_sum() -> None:
    scenario = gs.Scenario.load("llm-trace")
    with pytest.raises(gs.OutOfMemoryError, match="GB") as caught:
        # 16 GB of fp16 weights do not fit an instance of 10 GB.
        scenario.with_mode("mig:1g.10gb+1g.10gb").check_memory()
    assert "1g.10gb" in str(caught.value)


def test_what_is_no_scenario_is_told_what_would_be(light: gs.Scenario) -> None:
    for given in (None, 3, [light.document]):
        with pytest.raises(
            TypeError, match=r"scenario: found \w+; give a name, a path, a Scenario, a document"
        ):
            gs.simulate(given)
    with pytest.raises(gs.ScenarioError, match=r"found JSON text .* give json.loads\(TEXT\)"):
        gs.simulate(json.dumps(light.document))
    with pytest.raises(
        TypeError, match=r"document: found dict, not JSON text; Scenario.from_dict takes a mapping"
    ):
        gs.Scenario(light.document)  # type: ignore[arg-type]


def test_a_change_of_a_member_makes_the_object_that_has_it(light: gs.Scenario) -> None:
    plain = light.replace(**{"services.asr": {"model": light.document["services"]["asr"]["model"]}})
    assert "engine" not in plain.document["services"]["asr"]
    changed = plain.replace(**{"services.asr.engine.max_batch": 3, "objectives.success_rate": 0.9})
    assert changed.document["services"]["asr"]["engine"] == {"max_batch": 3}
    assert changed.document["objectives"] == {"success_rate": 0.9}
    with pytest.raises(gs.ScenarioError, match=r'/services/as: there is no such member; did you mean "asr"'):
        plain.replace(**{"services.as.engine.max_batch": 3})
