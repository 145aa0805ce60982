"""Documents with several errors, and documents in YAML."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import gpushare as gs
import pytest
from gpushare.yaml_files import write_yaml
from hypothesis import given
from hypothesis import strategies as st


def given_document(name: str = "voice-light") -> dict:
    return json.loads(gs.Scenario.load(name)._handle.original.given)


DOCUMENT = given_document()


def refusal(document: dict) -> gs.Error:
    with pytest.raises(gs.Error) as caught:
        gs.Scenario.from_dict(document)
    return caught.value


@pytest.mark.parametrize("name", gs.scenario_names())
def test_a_shipped_scenario_is_the_same_in_yaml(name, tmp_path):
    path = tmp_path / "s.yaml"
    write_yaml([given_document(name)], path)
    assert gs.Scenario.load(path).document == gs.Scenario.load(name).document


@pytest.mark.parametrize("ending", ["json", "yaml", "yml"])
def test_models_and_profiles_are_read_in_either_notation_and_from_a_scenario(ending, tmp_path):
    folder = Path(__file__).parents[2]
    for kind, name in (("models", "qwen3-4b"), ("profiles", "a100")):
        value = json.loads((folder / kind / f"{name}.json").read_text())
        path = tmp_path / f"{name}.{ending}"
        path.write_text(json.dumps(value)) if ending == "json" else write_yaml([value], path)
    assert gs.model(tmp_path / f"qwen3-4b.{ending}").title == gs.model("qwen3-4b").title
    assert gs.profile(tmp_path / f"a100.{ending}").mig == gs.profile("a100").mig
    document = given_document("llm-trace") | {"gpu": f"a100.{ending}"}
    document["services"]["llm"]["model"] = f"qwen3-4b.{ending}"
    scenario = gs.Scenario.from_dict(document, folder=tmp_path)
    assert scenario.document["services"]["llm"]["model"] == str(tmp_path / f"qwen3-4b.{ending}")
    before = scenario.digest()
    (tmp_path / f"qwen3-4b.{ending}").write_text((tmp_path / f"qwen3-4b.{ending}").read_text() + " \n")
    with pytest.raises(gs.ScenarioError, match="changed since the scenario was read"):
        scenario.digest()
    assert before != gs.Scenario.from_dict(document, folder=tmp_path).digest()


def test_errors_of_yaml_say_the_line(tmp_path):
    path = tmp_path / "s.yaml"
    write_yaml([DOCUMENT | {"seed": -1}], path)
    line = path.read_text().splitlines().index("seed: -1") + 1
    with pytest.raises(gs.ScenarioError) as caught:
        gs.Scenario.load(path)
    assert str(caught.value) == f"{path}:{line}:7#/seed: expected a whole number >= 0, found -1"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\n  b: 2\n", 's.yaml:2:4: found a second ": " in one line'),
        ("a: 1\n---\nb: 2\n", "s.yaml: expected one document, found 2"),
        ("name: .inf\n", "s.yaml:1:7: expected a finite number, found inf"),
        ("name: [1, {x: .nan}]\n", "s.yaml:1:15: expected a finite number, found nan"),
        ("a: !!python/object:os.system x\n", "nothing in a file is executed"),
    ],
)
def test_yaml_that_is_no_document_is_refused_with_its_place(text, told, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(gs.ScenarioError) as caught:
        gs.Scenario.load(path)
    assert told in str(caught.value)


def test_every_error_of_a_document_is_told_at_once_in_its_order():
    document = copy.deepcopy(DOCUMENT)
    document["seed"] = -1
    document["servces"] = document.pop("services")
    document["servces"]["llm"]["modell"] = document["servces"]["llm"].pop("model")
    document["bar"] = 1
    document["traffic"][0]["baz"] = 2
    error = refusal(document)
    head, *lines = str(error).split("\n")
    assert head == "5 errors:"
    assert [line.split(": ")[0].strip() for line in lines] == [
        "/seed",
        'the required key "services" is missing; is "servces" meant to be it?',
        "/services/llm",
        "/traffic/0",
        'unknown key "bar". Known keys',
    ]
    assert error.where == "/seed"


def test_one_error_reads_as_it_did():
    error = refusal(DOCUMENT | {"seed": -1})
    assert str(error) == "/seed: expected a whole number >= 0, found -1"


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("services", {"llm": {"model": 3}}),  # left out, "model" would be missing
        (
            "traffic",
            [{"kind": "trace", "path": "missing.csv"}],
        ),  # left out, a trace would have to be handed over
    ],
)
def test_what_follows_from_another_error_is_not_told(part, wrong):
    document = given_document("llm-trace") | {part: wrong}
    assert "errors" not in str(refusal(document))


@pytest.mark.parametrize(
    ("members", "told"),
    [
        (
            {"kind": "open", "qps": 5},
            'instead of "qps" write "arrivals": {"kind": "poisson", "rate_per_s": 5}',
        ),
        ({"kind": "open", "arrivals": 2.5}, 'an object: "arrivals": {"kind": "poisson", "rate_per_s": 2.5}'),
        (
            {"kind": "gamma"},
            '"gamma" is a kind of arrivals; write "kind": "open", "arrivals": {"kind": "gamma", ...}',
        ),
        ({"kind": "open", "arrivals": {"rate": 5}}, '"kind" is missing, one of "constant", "poisson", '),
        ({}, '"kind" is missing, one of "open", "closed", "trace", "calls"'),
    ],
)
def test_a_rate_in_a_place_of_its_own_teaches_how_traffic_is_written(members, told):
    (traffic,) = DOCUMENT["traffic"]
    sizes = {key: value for key, value in traffic.items() if key not in ("kind", "arrivals")}
    error = refusal(DOCUMENT | {"traffic": [sizes | members]})
    assert told in str(error)
    assert "errors" not in str(error)


def test_a_missing_kind_is_told_with_the_kinds_there_are():
    services = {"llm": {**DOCUMENT["services"]["llm"], "model": {"knd": "llm"}}}
    assert 'the required key "kind" is missing, one of "llm"' in str(
        refusal(DOCUMENT | {"services": services})
    )


SHIPPED = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "document", "told"),
    [
        ("c.yaml", {"version": "v1", "mig-configs": {}}, "of mig-parted; gpushare import"),
        (
            "cmp.json",
            {"scenario": "two", "origin": {}, "modes": {}, "verdict": {}},
            "is an answer of gpushare",
        ),
        ("p.yaml", {"version": "v1", "sharing": {}}, "of NVIDIA's device plugin; gpushare import"),
        ("k.yaml", {"apiVersion": "v1", "kind": "Pod"}, "is an object of Kubernetes; gpushare import"),
        (
            "hpa.yaml",
            {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"},
            'a scenario has in "control"',
        ),
        ("config.json", {"model_type": "qwen3"}, "gpushare init --llm"),
        ("r.json", {"input_lens": [1], "ttfts": [0.1]}, "gpushare check result"),
        ("rows.json", [{"timestamp": 1}], "gpushare replay"),
        (
            "m.json",
            json.loads((SHIPPED / "models/qwen3-4b.json").read_text()),
            "is a model; a scenario names it",
        ),
        ("a.json", json.loads((SHIPPED / "profiles/l4.json").read_text()), "is a GPU's profile"),
        ("e.json", json.loads((SHIPPED / "engines/vllm-0.24.json").read_text()), "is an engine's preset"),
    ],
)
def test_a_file_that_is_no_scenario_is_told_what_it_is_and_where_it_goes(name, document, told, tmp_path):
    path = tmp_path / name
    if name.endswith(".yaml"):
        write_yaml([document], path)
    else:
        path.write_text(json.dumps(document))
    with pytest.raises(gs.ScenarioError) as caught:
        gs.Scenario.load(path)
    assert told in str(caught.value)
    assert str(caught.value).startswith(f"{path}: is ")


FAULTS = {
    "/seed": ("seed", -1),
    "/duration_s": ("duration_s", "long"),
    "/warmup_s": ("warmup_s", -5),
    "/host": ("host", 3),
}


@given(st.sets(st.sampled_from(sorted(FAULTS)), min_size=1))
def test_whatever_optional_parts_are_wrong_each_is_told_once(wrong):
    document = copy.deepcopy(DOCUMENT)
    for pointer in wrong:
        key, value = FAULTS[pointer]
        document[key] = value
    told = str(refusal(document))
    for pointer in FAULTS:
        assert told.count(f"{pointer}: ") == (pointer in wrong)


def test_what_only_follows_from_a_guess_at_a_misspelt_key_or_word_is_left_out():
    fault = DOCUMENT | {"faults": [{"gpu": 0, "at_s": 10, "xid": 79}]}
    told = str(refusal(fault))
    assert told.startswith('/faults/0: unknown key "xid"; did you mean "kind"?')
    assert "\n" not in told
    fleet = {
        key: value for key, value in given_document("bursty-day").items() if key not in ("modes", "placement")
    }
    service = fleet["control"]["services"]["llm"]["autoscaling"]
    service |= {"metric": "cpu", "target": 80}
    told = str(refusal(fleet))
    assert 'found "cpu"; did you mean "busy"?' in told
    assert "nothing is ever added" not in told


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        (
            {"probability": 0.5},
            'unknown key "probability"; a request goes through every stage of its pipeline',
        ),
        ({"repeat": 2}, 'unknown key "repeat"; write the stage once more'),
        ({"after": ["asr", "llm"]}, "a stage follows one other: name the one that ends last"),
    ],
)
def test_what_a_pipeline_has_no_word_for_is_told_what_to_write(stage, told):
    document = given_document()
    document["pipelines"]["turn"]["stages"][-1] |= stage
    assert told in str(refusal(document))


def test_an_empty_document_is_not_told_what_nobody_wrote():
    told = str(refusal({}))
    assert 'the required key "name" is missing' in told
    assert "placement" not in told
