"""The data files of the project obey their schemas."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped, unused-ignore]
import pytest
from gpushare import _core

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
    document = load(path)
    found = figures(document)
    assert len(found) > (10 if "carried_from" in document else 20)
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
        (("sms",), 0),
        (("mig",), {"value": "no", "source": "s", "grade": "vendor"}),
        (("carried_from",), 1),
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


def test_the_schema_takes_bare_numbers_and_wants_what_is_not_carried_over(validator: Any) -> None:
    document = load(PROFILES / "a100.json")
    document["sms"] = 108
    document["power"]["idle_w"] = 50.5
    assert validator.is_valid(document)
    del document["mps"]
    assert not validator.is_valid(document)
    document["carried_from"] = "h200"
    assert validator.is_valid(document)
    del document["l2_bytes"]
    assert not validator.is_valid(document)


def test_the_documentation_has_a_row_for_every_card_with_its_figures() -> None:
    text = (PROFILES.parent / "docs" / "cards.md").read_text(encoding="utf-8")
    rows = {row.split("`")[1]: row for row in text.splitlines() if row.startswith("| `")}
    assert sorted(rows) == sorted(path.stem for path in PROFILE_FILES)
    for path in PROFILE_FILES:
        document, row = load(path), rows[path.stem]
        assert f"| {document['title']} | {document['sms']['value']} {document['sms']['grade'][0]} |" in row
        assert f"| {document['power']['limit_w']['value']:g} |" in row
        assert row.endswith(f"| {document.get('carried_from', '-')} |")
        assert ("| none |" in row) == ("value" in document.get("mig", {}))


def test_the_card_in_the_documentation_is_one() -> None:
    text = (PROFILES.parent / "docs" / "cards.md").read_text(encoding="utf-8")
    card = _core.parse_profile(text.split("```json")[1].split("```")[0])
    assert card.carried_from == "l40s"
    assert card.mps == _core.load_profile("l40s").mps
