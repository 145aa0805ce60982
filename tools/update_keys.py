#!/usr/bin/env python3
"""Writes docs/keys.md, every key of a scenario with its unit and default, from scenarios/schema.json.

usage: tools/update_keys.py
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "keys.md"
BEGIN, END = "<!-- keys: begin -->", "<!-- keys: end -->"

Schema = dict[str, Any]

#: A section for each of these: what it is called, and where the schema has it.
SECTIONS = {
    "The document": (),
    "A service": ("$defs", "service"),
    "An engine": ("$defs", "engine"),
    "The host": ("$defs", "host"),
    "Placement": ("$defs", "placement"),
    "A GPU": ("$defs", "gpu"),
    "Sharing": ("$defs", "sharing"),
    "A pipeline": ("properties", "pipelines", "additionalProperties"),
    "A stage": ("$defs", "stage"),
    "Traffic": ("$defs", "traffic"),
    "Arrivals": ("$defs", "arrivals"),
    "Sizes": ("$defs", "sizes"),
    "Clients": ("$defs", "client"),
    "Objectives": ("properties", "objectives"),
    "Faults": ("properties", "faults", "items"),
    "Control": ("$defs", "control"),
    "Distributions": ("$defs", "distribution"),
}
UNITS = (
    (r"_bytes_per_s$", "bytes/s"),
    (r"_g_per_kwh$", "g/kWh"),
    (r"per_gpu_hour$", "currency/GPU-hour"),
    (r"_bytes$", "bytes"),
    (r"_per_s$|^rate$|_rate$", "1/s"),
    (r"_s$", "s"),
    (r"percentage$|^percent$", "%"),
    (r"_tokens$|_token_threshold$", "tokens"),
)


def at(schema: Schema, path: tuple[str, ...]) -> Schema:
    """The part of a schema that a path leads to."""
    for step in path:
        schema = schema[step]
    return schema


def markdown(schema: Schema) -> str:
    """All sections."""
    return "\n\n".join(section(schema, title, path) for title, path in SECTIONS.items())


def section(schema: Schema, title: str, path: tuple[str, ...]) -> str:
    """Of one thing: a table, or one for each kind that it comes in."""
    part = at(schema, path)
    lines = [f"## {title}", ""]
    if "description" in part:
        lines += [escaped(part["description"]), ""]
    if "properties" in part:
        lines += [*table(part), ""]
    for kind in kinds(part):
        lines += [f"### {called(kind)}", ""]
        if "description" in kind:
            lines += [escaped(kind["description"]), ""]
        lines += [*table(kind), ""]
    return "\n".join(lines).strip()


def kinds(part: Schema) -> list[Schema]:
    """The objects that a thing may be, where there are several."""
    return [one for form in ("oneOf", "anyOf") for one in part.get(form, []) if "properties" in one]


def called(kind: Schema) -> str:
    """A heading that says which kind it is."""
    for name in ("kind", "mode"):
        which = kind["properties"].get(name, {})
        words = [which["const"]] if "const" in which else which.get("enum")
        if words:
            also = [one for one in kind.get("required", []) if one != name]
            same = (
                f" ({', '.join(f'`{one}`' for one in also)})"
                if name == "kind" and which["const"] in TWICE
                else ""
            )
            return " or ".join(f"`{word}`" for word in words) + same
    required = ", ".join(f"`{one}`" for one in kind.get("required", []))
    return f"With {required}" if required else "As an object"


#: Kinds that come in two forms, told apart by their members.
TWICE = ("lognormal",)


def table(part: Schema) -> list[str]:
    """A row for each member, and for the members of those that are objects here."""
    rows = [row for name in part["properties"] for row in member(part, name, "")]
    return ["| key | value | by default | what it is |", "|---|---|---|---|", *rows]


def member(part: Schema, name: str, above: str) -> Iterator[str]:
    """The row of a member, and those of what is inside it."""
    one = part["properties"][name]
    if name == "$schema" or not isinstance(one, dict) or "const" in one:
        return
    path = f"{above}{name}"
    default = "**required**" if name in part.get("required", []) else absent(one)
    said = escaped(one.get("description", ""))
    yield f"| `{path}` | {value(one, name)} | {default} | {said} |"
    for inner, step in inside(one):
        if inner is not part:
            for key in inner["properties"]:
                yield from member(inner, key, f"{path}{step}.")


def inside(one: Schema) -> Iterator[tuple[Schema, str]]:
    """Objects that a member holds, unless they have a section of their own."""
    if any(one is at(SCHEMA, path) for path in SECTIONS.values()):
        return
    entries, items = one.get("additionalProperties"), one.get("items")
    if "properties" in one:
        yield one, ""
    elif isinstance(entries, dict):
        yield from ((inner, f".NAME{step}") for inner, step in inside(entries))
    elif isinstance(items, dict):
        yield from ((inner, f"[]{step}") for inner, step in inside(items))
    else:
        seen: set[str] = set()
        for kind in kinds(one):
            fresh = {key: kind["properties"][key] for key in kind["properties"] if key not in seen}
            seen |= set(fresh)
            yield {**kind, "properties": fresh}, ""


def value(one: Schema, name: str) -> str:
    """What may stand there, with its unit."""
    if "$ref" in one:
        return linked(one["$ref"])
    if "enum" in one:
        return ", ".join(f"`{word}`" for word in one["enum"])
    forms = one.get("anyOf", one.get("oneOf"))
    if forms:
        return " or ".join(dict.fromkeys(value(form, name) for form in forms))
    if "const" in one:
        return f"`{json.dumps(one['const'])}`"
    kind = one.get("type", "object" if "properties" in one or "additionalProperties" in one else "any")
    if isinstance(kind, list):
        return f"number or text{unit(name)}"
    if kind in ("number", "integer"):
        return f"{'whole number' if kind == 'integer' else 'number'}{bounds(one)}{unit(name)}"
    if kind == "array":
        items = one.get("items", {})
        return f"list of {value(items, name)}" if items and "properties" not in items else "list"
    if kind == "object" and isinstance(one.get("additionalProperties"), dict) and "properties" not in one:
        return f"by name: {value(one['additionalProperties'], name)}"
    return {"string": "text", "boolean": "true or false", "object": "object"}.get(kind, kind)


def linked(reference: str) -> str:
    """A link to the section of a definition."""
    path = tuple(reference.removeprefix("#/").split("/"))
    title = next(title for title, where in SECTIONS.items() if where == path)
    words = {"Distributions": "number or distribution"}.get(
        title, title.removeprefix("A ").removeprefix("An ")
    )
    return f"[{words.lower()}](#{title.lower().replace(' ', '-')})"


def bounds(one: Schema) -> str:
    """The range of a number, in words that need no table."""
    low = (
        f"> {one['exclusiveMinimum']:g}"
        if "exclusiveMinimum" in one
        else f">= {one['minimum']:g}"
        if "minimum" in one
        else ""
    )
    high = (
        f"< {one['exclusiveMaximum']:g}"
        if "exclusiveMaximum" in one
        else f"<= {one['maximum']:g}"
        if "maximum" in one
        else ""
    )
    both = ", ".join(filter(None, (low, high)))
    return f" {both}" if both else ""


def unit(name: str) -> str:
    """In which a number is, by the ending of its name."""
    found = next((unit for ending, unit in UNITS if re.search(ending, name)), None)
    return f", in {found}" if found else ""


def absent(one: Schema) -> str:
    """What holds where the key is not there."""
    if "default" in one:
        return f"`{json.dumps(one['default'])}`"
    said = one.get("description", "")
    plain = r"((?:[^;.:,(]|(?<=\d)[.,](?=\d)){1,120}?)"  # no end of a clause, but a decimal point
    end = r"(?=[;:,)]|\.(?!\d)|$)"
    for pattern in (
        rf"(?:^|[;.:,(] ?){plain} when absent",
        rf"(?:^|[ ;(])[Aa]bsent: {plain}{end}",
        rf"[Ll]eft out, {plain}{end}",
        rf"by default {plain}{end}",
    ):
        if found := re.search(pattern, said):
            words = found[1].strip()
            return escaped(words[0].lower() + words[1:])
    return "-"


def escaped(text: str) -> str:
    """Text for a cell."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("\n", " ")


SCHEMA: Schema = json.loads((ROOT / "scenarios" / "schema.json").read_text(encoding="utf-8"))


def updated(document: str) -> str:
    """The page with the tables of today's schema."""
    before, after = document[: document.index(BEGIN)], document[document.index(END) :]
    return f"{before}{BEGIN}\n{markdown(SCHEMA)}\n{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(updated(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
