"""The schemas say what the tables of the library say, which also drive its readers."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import gpushare as gs
import pytest
from gpushare import _core

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("update_schemas", ROOT / "tools" / "update_schemas.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("folder", ["engines", "models", "scenarios"])
def test_a_schema_is_what_the_tool_writes_from_the_tables(folder: str, tool: ModuleType) -> None:
    assert (ROOT / folder / "schema.json").read_text(encoding="utf-8") == tool.updated(folder)


def test_every_member_of_every_engine_is_described() -> None:
    for kind in _core.engine_kinds():
        assert kind["description"], kind["name"]
        for field in kind["fields"]:
            assert field["description"], f"{kind['name']}: {field['name']}"


def scenario_with(kind: str, member: str, value: Any) -> dict[str, Any]:
    model = next(
        name
        for name in ("llama-3.1-8b", "parakeet-1.1b", "magpie-tts", "embedding-0.3b")
        if kind in _core.engines_by_model()[gs.model(name).kind]
    )
    return {
        "name": "one",
        "duration_s": 1,
        "services": {"server": {"model": model, "engine": {"kind": kind, member: value}}},
        "pipelines": {"visit": {"stages": [{"name": "server", "service": "server"}]}},
        "traffic": [
            {
                "kind": "open",
                "arrivals": {"kind": "constant", "rate_per_s": 1},
                "sizes": {"output_tokens": 2, "speech_s": 1},
            }
        ],
    }


def beyond(field: dict[str, Any]) -> list[float]:
    """Numbers just outside the range of a field."""
    out = []
    if field["minimum"] is not None:
        out.append(field["minimum"] if field["minimum_excluded"] else field["minimum"] - 1)
    if field["maximum"] is not None:
        out.append(field["maximum"] + 1)
    return out


FIELDS = [(kind["name"], field) for kind in _core.engine_kinds() for field in kind["fields"]]


@pytest.mark.parametrize(("kind", "field"), FIELDS, ids=lambda x: x if isinstance(x, str) else x["name"])
def test_reader_and_schema_refuse_the_same_values_of_an_option(kind: str, field: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "scenarios" / "schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    wrong: list[Any] = [[[]], *beyond(field)]
    if field["type"] != "boolean":
        wrong.append(True)
    if field["type"] == "integer":
        wrong.append(field["minimum"] + 0.5)
    for value in wrong:
        document = scenario_with(kind, field["name"], value)
        assert not validator.is_valid(document), value
        with pytest.raises(gs.ScenarioError, match=f"/services/server/engine/{field['name']}"):
            gs.Scenario.from_dict(document)
    if field["default"] is not None:
        document = scenario_with(kind, field["name"], field["default"])
        assert [error.message for error in validator.iter_errors(document)] == []
        gs.Scenario.from_dict(document)


def spans(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths to the figures of a profile in seconds; what stands beside a value is about it."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key.endswith("_s") and not key.endswith("_per_s"):
                yield (*path, key)
            elif key not in ("columns", "source"):
                yield from spans(value, (*path, key))


def changed(node: Any, path: tuple[str, ...], value: float) -> Any:
    """A copy with another number at a path."""
    if not path:
        return node | {"value": value} if isinstance(node, dict) else value
    return node | {path[0]: changed(node[path[0]], path[1:], value)}


PROFILE = json.loads((ROOT / "profiles" / "h200.json").read_text(encoding="utf-8"))
SPANS = list(spans(PROFILE))


def test_a_profile_has_spans() -> None:
    assert {path[-1] for path in SPANS} >= {
        "slice_s",
        "kernel_s",
        "launch_s",
        "latency_s",
        "one_shot_latency_s",
    }


@pytest.mark.parametrize("path", SPANS, ids="/".join)
def test_reader_and_schema_refuse_the_same_spans_of_a_profile(path: tuple[str, ...], tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "profiles" / "schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    file = tmp_path / "card.json"
    for value in (1e9, 1.1e9, -1):
        document = changed(PROFILE, path, value)
        file.write_text(json.dumps(document), encoding="utf-8")
        assert validator.is_valid(document) == (value == 1e9), value
        if value == 1e9:
            gs.profile(file)
        else:
            with pytest.raises(gs.ProfileError, match=f"/{'/'.join(path)}"):
                gs.profile(file)
