"""The model files of the project obey their schema, and the schema refuses what the library refuses."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped, unused-ignore]
import pytest
from gpushare import _core

MODELS = Path(__file__).resolve().parents[2] / "models"
MODEL_FILES = sorted(path for path in MODELS.glob("*.json") if path.name != "schema.json")


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def figures(value: Any, pointer: str = "") -> list[tuple[str, dict[str, Any]]]:
    members: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list):
        members = [(str(index), member) for index, member in enumerate(value)]
    here = [(pointer, value)] if isinstance(value, dict) and "grade" in value else []
    return here + [found for key, member in members for found in figures(member, f"{pointer}/{key}")]


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = load(MODELS / "schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_every_network_of_the_first_release_has_a_model() -> None:
    assert {path.stem for path in MODEL_FILES} >= {
        "embedding-0.3b",
        "fastpitch-hifigan",
        "llama-3.1-8b",
        "magpie-tts",
        "nemotron-nano-vl-8b",
        "parakeet-1.1b",
        "yolos-small",
    }


@pytest.mark.parametrize("path", MODEL_FILES, ids=lambda path: path.stem)
def test_a_model_obeys_the_schema_and_is_named_like_its_file(path: Path, validator: Any) -> None:
    document = load(path)
    assert [error.message for error in validator.iter_errors(document)] == []
    assert document["name"] == path.stem


@pytest.mark.parametrize("path", MODEL_FILES, ids=lambda path: path.stem)
def test_what_is_made_of_a_model_obeys_the_schema_too(path: Path, validator: Any) -> None:
    made = json.loads(_core.model_document(str(path)))
    assert [error.message for error in validator.iter_errors(made)] == []
    assert _core.parse_model(json.dumps(made)).figures == _core.load_model(path.stem).figures


@pytest.mark.parametrize("path", MODEL_FILES, ids=lambda path: path.stem)
def test_what_is_assumed_or_estimated_is_not_graded_higher(path: Path) -> None:
    made = json.loads(_core.model_document(str(path)))
    found = figures(made)
    assert len(found) > 5
    for pointer, figure in found:
        assert figure["source"].strip(), pointer
        if figure["source"].startswith(("assumed", "estimate", "taken to be")):
            assert figure["grade"] == "assumed", pointer


def test_a_synthetic_service_has_plain_numbers(validator: Any) -> None:
    document = {"name": "station", "kind": "synthetic", "gpu_s": {"kind": "exponential", "mean": 0.1}}
    assert validator.is_valid(document)
    assert validator.is_valid(document | {"gpu_s": 0.1, "host_before_s": 0, "memory_bytes": 1e9})
    assert not validator.is_valid(document | {"gpu_s": -0.1})
    assert not validator.is_valid(document | {"gpu_s": {"kind": "normal", "mean": 1}})


@pytest.mark.parametrize(
    ("name", "pointer", "value"),
    [
        ("llama-3.1-8b", ("layers", "value"), 32.5),
        ("llama-3.1-8b", ("layers", "grade"), "guessed"),
        ("llama-3.1-8b", ("head_flop",), "1.05e9"),
        ("llama-3.1-8b", ("formats",), {}),
        ("llama-3.1-8b", ("formats", "fp12"), {}),
        ("llama-3.1-8b", ("formats", "fp16", "compute"), "fp12"),
        ("llama-3.1-8b", ("attention_flop_efficiency", "value"), 1.1),
        ("mixtral-8x7b", ("experts", "value"), 0),
        ("mixtral-8x7b", ("formats", "fp16", "expert_bytes", "value"), 0),
        ("llama-3.1-8b", ("experts",), {"value": 8, "source": "here", "grade": "assumed"}),
        ("parakeet-1.1b", ("kind",), "asr"),
        ("parakeet-1.1b", ("segments", "value"), 0),
        ("parakeet-1.1b", ("floor_s", "value"), -0.001),
        ("magpie-tts", ("batch_profiles",), []),
        ("magpie-tts", ("frame_floor",), {"value": 1, "source": "here", "grade": "assumed"}),
        ("yolos-small", ("norm",), 3),
        ("yolos-small", ("unit",), ""),
    ],
)
def test_the_schema_refuses_a_wrong_value(
    name: str, pointer: tuple[str, ...], value: Any, validator: Any
) -> None:
    document = copy.deepcopy(load(MODELS / f"{name}.json"))
    parent = document
    for key in pointer[:-1]:
        parent = parent[key]
    parent[pointer[-1]] = value
    assert not validator.is_valid(document)


def test_a_mixture_of_experts_weighs_what_its_parts_do() -> None:
    document = load(MODELS / "mixtral-8x7b.json")
    shape = {key: document[key]["value"] for key in ("layers", "hidden", "experts", "experts_per_token")}
    attention, expert = 2 * 4096 * 4096 + 2 * 4096 * 1024, 3 * 4096 * 14336
    outside = attention + 4096 * shape["experts"]  # of a layer, with the router
    embeddings = 2 * 32000 * shape["hidden"]
    fp16 = {key: value["value"] for key, value in document["formats"]["fp16"].items() if key != "compute"}
    assert fp16["expert_bytes"] == 2 * shape["layers"] * shape["experts"] * expert
    assert fp16["weight_bytes"] - fp16["expert_bytes"] == 2 * (shape["layers"] * outside + embeddings)
    active = shape["layers"] * (outside + shape["experts_per_token"] * expert)
    assert document["flop_per_token"]["value"] == 2 * active


@pytest.mark.parametrize("key", ["kind", "flop_efficiency", "memory_bytes", "unit"])
def test_the_schema_refuses_a_model_without_a_key_it_needs(key: str, validator: Any) -> None:
    document = load(MODELS / "yolos-small.json")
    del document[key]
    assert not validator.is_valid(document)
