#!/usr/bin/env python3
"""Writes the parts of the schemas that tables say: options of engines, figures of models, formats of traces.

usage: tools/update_schemas.py [--check]

Rewrites engines/schema.json, models/schema.json and scenarios/schema.json from the tables that also drive the readers
(libgpushare/src/serving/engine_options.hpp, the kinds in libgpushare/src/models, and for traces.formats() that of
libgpushare/src/traces/trace_formats.cpp and the one of whole files in gpushare.traces). What a table cannot say, the
form of a list, a text or an object, and what must hold of several members, keeps what stands in the file. With --check
nothing is written, and the exit status is 1 if anything would be.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gpushare import _core, traces

ROOT = Path(__file__).resolve().parent.parent

Schema = dict[str, Any]

#: What must hold of several members of a model.
CONDITIONS = ("anyOf", "dependentRequired")


def plain(number: float) -> float | int:
    """As a person writes it: 1 and not 1.0."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def bounds(field: dict[str, Any]) -> Schema:
    """The type of a field's value, and what is legal."""
    schema: Schema = {"type": field["type"]}
    if field["minimum"] is not None:
        schema["exclusiveMinimum" if field["minimum_excluded"] else "minimum"] = plain(field["minimum"])
    if field["maximum"] is not None:
        schema["maximum"] = plain(field["maximum"])
    return schema


def described(field: dict[str, Any], schema: Schema) -> Schema:
    return {"description": field["description"], **schema} if field["description"] else schema


def option(field: dict[str, Any], old: Schema) -> Schema:
    """A member of a scenario's engine; `old` is what the schema has for it."""
    if field["type"] == "other":
        return described(field, {key: value for key, value in old.items() if key != "description"})
    schema = described(field, bounds(field))
    if field["default"] is not None:
        schema["default"] = plain(field["default"])
    return schema


def figure(field: dict[str, Any]) -> Schema:
    """A value with its source; a bare number is assumed."""
    sourced = {
        "type": "object",
        "additionalProperties": False,
        "required": ["value", "source", "grade"],
        "properties": {
            "value": bounds(field),
            "source": {"type": "string", "minLength": 1},
            "grade": {"enum": ["vendor", "measured", "derived", "assumed"]},
        },
    }
    return {"anyOf": [bounds(field), sourced]}


def model_kinds(schema: Schema) -> None:
    """Every kind of model, with the figures of its file."""
    kinds = _core.model_kinds()
    schema["properties"]["kind"]["enum"] = [kind["name"] for kind in kinds]
    schema["allOf"] = [
        {
            "if": {"required": ["kind"], "properties": {"kind": {"const": kind["name"]}}},
            "then": {"$ref": f"#/$defs/{kind['name']}"},
        }
        for kind in kinds
    ]
    names = {kind["name"] for kind in kinds}
    parts = {name: part for name, part in schema["$defs"].items() if name not in names}
    written = {kind["name"]: model_kind(kind, schema["$defs"].get(kind["name"], {}), parts) for kind in kinds}
    schema["$defs"] = written | parts


def model_kind(kind: dict[str, Any], old: Schema, parts: Schema) -> Schema:
    """A kind of model; `old` is what the schema has for it, `parts` what figures refer to."""
    stated = old.get("properties", {})
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [
            *("name", "kind"),
            *(field["name"] for field in kind["fields"] if field["in_file"] == "must"),
        ],
        "properties": {
            "$schema": {"type": "string"},
            "name": {"type": "string", "minLength": 1},
            "title": {"type": "string"},
            "description": {"type": "string"},
            "kind": {"const": kind["name"]},
            **{
                field["name"]: model_figure(field, stated.get(field["name"], {}), parts, kind["sourced"])
                for field in kind["fields"]
            },
        },
        **{key: value for key, value in old.items() if key in CONDITIONS},
    }


def model_figure(field: dict[str, Any], old: Schema, parts: Schema, sourced: bool) -> Schema:
    if field["type"] == "other":
        return described(field, {key: value for key, value in old.items() if key != "description"})
    if not sourced:
        return described(field, bounds(field))
    schema = figure(field)
    known = next((name for name, part in parts.items() if part == schema), None)
    return described(field, schema if known is None else {"$ref": f"#/$defs/{known}"})


def scenario_engine(schema: Schema) -> None:
    """Every kind of engine, with its options."""
    engine = schema["$defs"]["engine"]
    old = {
        kind["properties"]["kind"]["const"]: kind["properties"]
        for kind in engine["anyOf"]
        if "kind" in kind["properties"]
    }
    served = "; ".join(f"{model}: {' or '.join(kinds)}" for model, kinds in _core.engines_by_model().items())
    engine["description"] = (
        f"The server's batching policy. It must fit the model: {served}. "
        'Without "kind" it is the (first) one that fits.'
    )
    engine["anyOf"] = [
        {
            "description": kind["description"],
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "kind": {"const": kind["name"]},
                **{
                    field["name"]: option(field, old.get(kind["name"], {}).get(field["name"], {}))
                    for field in kind["fields"]
                },
            },
        }
        for kind in _core.engine_kinds()
    ]


def trace_format(schema: Schema) -> None:
    """Every format of a trace."""
    (trace,) = (
        kind["properties"]
        for kind in schema["$defs"]["traffic"]["oneOf"]
        if kind["properties"].get("kind") == {"const": "trace"}
    )
    names = traces.formats()
    of_python = [name for name in names if name not in _core.trace_formats()]
    trace["format"] = {
        "enum": names,
        "description": "What the file is; auto when absent. "
        f"{' and '.join(of_python)} are read by the Python package only.",
    }


def sharing_mode(schema: Schema) -> None:
    """Every way of sharing a partition, in a word or as an object; one with members of its own is written by hand."""
    words, plain, *others = schema["$defs"]["sharing"]["anyOf"]
    words["enum"] = _core.sharing_modes()
    by_hand = [kind["properties"]["mode"]["const"] for kind in others]
    plain["properties"]["mode"]["enum"] = [name for name in words["enum"] if name not in by_hand]


def placement_mode(schema: Schema) -> None:
    """How modes are written."""
    grammar = ", ".join(written for written, _ in _core.mode_kinds())
    mode = schema["$defs"]["placement"]["properties"]["mode"]
    mode["description"] = f"{grammar}, or one of the document's own modes."


def control_metric(schema: Schema) -> None:
    """What replicas can follow."""
    members = schema["$defs"]["control"]["properties"]
    autoscaling = members["services"]["additionalProperties"]["properties"]["autoscaling"]
    by_load = members["pools"]["additionalProperties"]["properties"]["reshape"]["oneOf"][1]
    for kind in (autoscaling, by_load):
        kind["properties"]["metric"]["enum"] = _core.load_metrics()


def scenario(schema: Schema) -> None:
    """What a scenario has of tables."""
    for part in (scenario_engine, trace_format, sharing_mode, placement_mode, control_metric):
        part(schema)


def preset_engine(schema: Schema) -> None:
    """What a preset states of continuous batching, the one kind that has presets."""
    (fields,) = (kind["fields"] for kind in _core.engine_kinds() if any(map(is_preset, kind["fields"])))
    engine = schema["properties"]["engine"]
    engine["required"] = [field["name"] for field in fields if field["in_file"] == "must"]
    engine["properties"] = {field["name"]: figure(field) for field in fields if field["in_file"] != "never"}


def is_preset(field: dict[str, Any]) -> bool:
    return bool(field["name"] == "preset")


PARTS: dict[str, Callable[[Schema], None]] = {
    "engines": preset_engine,
    "models": model_kinds,
    "scenarios": scenario,
}


def updated(folder: str) -> str:
    """The text of a folder's schema as the tables have it."""
    schema = json.loads((ROOT / folder / "schema.json").read_text(encoding="utf-8"))
    PARTS[folder](schema)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    stale = [
        folder
        for folder in PARTS
        if updated(folder) != (ROOT / folder / "schema.json").read_text(encoding="utf-8")
    ]
    if "--check" not in sys.argv[1:]:
        for folder in stale:
            (ROOT / folder / "schema.json").write_text(updated(folder), encoding="utf-8")
    for folder in stale:
        print(f"{folder}/schema.json differs from the library's tables")
    return int(bool(stale) and "--check" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
