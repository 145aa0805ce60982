"""The data files of the project obey their schemas."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped, unused-ignore]
import pytest

PROFILES = Path(__file__).resolve().parents[2] / "profiles"
GRADES = {"vendor", "measured", "derived", "assumed"}
PROFILE_FILES = sorted(path for path in PROFILES.glob("*.json") if path.name != "schema.json")


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = load(PROFILES / "schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_every_card_of_the_first_release_has_a_profile() -> None:
    assert {path.stem for path in PROFILE_FILES} >= {"a100", "a100-40gb", "a30", "h100", "h200"}


@pytest.mark.parametrize("path", PROFILE_FILES, ids=lambda path: path.stem)
def test_a_profile_obeys_the_schema_and_is_named_like_its_file(path: Path, validator: Any) -> None:
    document = load(path)
    assert [error.message for error in validator.iter_errors(document)] == []
    assert document["name"] == path.stem


def figures(value: Any, pointer: str = "") -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(value, dict):
        return []
    here = [(pointer, value)] if "grade" in value else []
    return here + [found for key, member in value.items() for found in figures(member, f"{pointer}/{key}")]


@pytest.mark.parametrize("path", PROFILE_FILES, ids=lambda path: path.stem)
def test_an_assumption_says_so_and_no_figure_lacks_a_source(path: Path) -> None:
    found = figures(load(path))
    assert len(found) > 20
    for pointer, figure in found:
        assert figure["grade"] in GRADES, pointer
        assert figure["source"].strip(), pointer
        if figure["source"].startswith("assumed"):
            assert figure["grade"] == "assumed", pointer


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        (("sms", "value"), 107.5),
        (("sms", "grade"), "guessed"),
        (("sms", "unit"), "1"),
        (("clock_hz", "value"), "1410 MHz"),
        (("flop_per_s", "fp12"), {"value": 1, "source": "s", "grade": "vendor"}),
        (("bandwidth_by_sm_share", "value"), [[0.5, 1.5]]),
        (("mig", "profiles", "value", 0, "name"), "7g"),
        (("mig", "profiles", "value", 0, "starts"), []),
        (("mps", "capped", "value", "t"), 1),
        (("colour",), "green"),
    ],
)
def test_the_schema_refuses_a_profile_with_one_wrong_member(
    pointer: tuple[Any, ...], value: Any, validator: Any
) -> None:
    document = copy.deepcopy(load(PROFILES / "a100.json"))
    target = document
    for step in pointer[:-1]:
        target = target[step]
    target[pointer[-1]] = value
    assert not validator.is_valid(document)
