"""The scenario documents obey their schema and say where their figures come from."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped, unused-ignore]
import pytest

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "scenarios"
FILES = sorted(path for path in SCENARIOS.glob("*.json") if path.name != "schema.json")


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def merge(target: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = load(SCENARIOS / "schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_published_systems_have_a_scenario() -> None:
    names = {path.stem for path in FILES}
    assert names >= {"voice-light", "voice-heavy", "hollow-gpu", "bursty-llm", "llm-trace"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_scenario_obeys_the_schema_and_is_named_like_its_file(path: Path, validator: Any) -> None:
    document = load(path)
    assert [error.message for error in validator.iter_errors(document)] == []
    assert document["name"] == path.stem


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_mode_makes_a_document_that_obeys_the_schema(path: Path, validator: Any) -> None:
    document = load(path)
    assert ("dedicated" in document["modes"]) != ("control" in document)
    for name, patch in document["modes"].items():
        errors = [error.message for error in validator.iter_errors(merge(document, patch))]
        assert errors == [], name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_scenario_names_its_sources_and_its_assumptions(path: Path) -> None:
    document = load(path)
    assert document["description"].strip()
    assert len(document["sources"]) >= 3
    assert any(source.startswith("Assumed: ") for source in document["sources"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_scenario_uses_models_and_profiles_that_exist(path: Path) -> None:
    document = load(path)
    assert (ROOT / "profiles" / f"{document['gpu']}.json").is_file()
    for service in document["services"].values():
        assert (ROOT / "models" / f"{service['model']}.json").is_file()


WRONG = [
    (("seed",), 1.5),
    (("duration_s",), 0),
    (("duration",), 60),
    (("host",), {"cores": 0}),
    (("services",), {}),
    (("services", "llm", "model"), 8),
    (("services", "llm", "precision"), "fp12"),
    (("services", "llm", "routing"), "nearest"),
    (("services", "llm", "engine", "kind"), "batching"),
    (("services", "llm", "engine", "slots"), 8),
    (("services", "llm", "tensor_parallel"), 16),
    (("services", "llm", "engine", "speculation"), {"draft": "ngram", "tokens": 4}),
    (("services", "llm", "engine", "speculation"), {"draft": "ngram", "tokens": 0, "acceptance": 0.5}),
    (("services", "asr", "engine", "chunk_s"), "160 ms"),
    (("placement", "gpus"), [{"partitions": [{}]}]),
    (("placement", "consolidate"), []),
    (("modes", "mine"), "mps"),
    (("modes", "mine"), {"modes": {}}),
    (("pipelines", "turn", "stages"), []),
    (("pipelines", "turn", "stages", 0, "delay_s"), 0.4),
    (("pipelines", "turn", "stages", 2, "on"), "word"),
    (("traffic",), []),
    (("traffic", 0, "users"), 0),
    (("traffic", 0, "arrivals"), {"kind": "poisson", "rate_per_s": 1}),
    (("traffic", 0, "sizes", "output_tokens"), {"kind": "lognormal", "mean": 1}),
    (("faults",), [{"service": "asr"}]),
]


def test_the_schema_knows_replicas_over_several_gpus_and_drafts(validator: Any) -> None:
    document = copy.deepcopy(load(SCENARIOS / "voice-heavy.json"))
    llm = document["services"]["llm"]
    llm["tensor_parallel"] = 2
    for draft in ("ngram", "llama-3.2-1b", load(ROOT / "models" / "llama-3.2-1b.json")):
        llm["engine"]["speculation"] = {"draft": draft, "tokens": 4, "acceptance": 0.7}
        assert [error.message for error in validator.iter_errors(document)] == []


@pytest.mark.parametrize(
    ("pointer", "value"), WRONG, ids=lambda x: "/".join(map(str, x)) if type(x) is tuple else ""
)
def test_the_schema_refuses_a_scenario_with_one_wrong_member(
    pointer: tuple[Any, ...], value: Any, validator: Any
) -> None:
    document = copy.deepcopy(load(SCENARIOS / "voice-heavy.json"))
    assert validator.is_valid(document)
    target = document
    for step in pointer[:-1]:
        target = target[step]
    target[pointer[-1]] = value
    assert not validator.is_valid(document)
