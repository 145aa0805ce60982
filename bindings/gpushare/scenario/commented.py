"""Scenario documents as YAML with what each key means above it, from the schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .. import files
from ..yaml_text import yaml_text

__all__ = ["commented_yaml"]

_KEY = re.compile(r'(?P<indent> *)(?P<dashes>(?:- )*)(?P<key>[\w$.-]+|"(?:[^"\\]|\\.)*"):(?: |$)')
_Schema = Mapping[str, Any]


def commented_yaml(document: Mapping[str, Any], comment: str) -> str:
    """A document as YAML.

    Parameters
    ----------
    document : mapping
        A scenario's.
    comment : str
        Lines above it.

    Returns
    -------
    str
        With the schema's description above the first key that has it.
    """
    schema = json.loads(files.data_file("schema.json", "scenarios").read_text(encoding="utf-8"))
    keys = _keys(schema, [schema], document)
    key, about = next(keys, ("", ""))
    told: set[str] = set()
    lines: list[str] = []
    for line in yaml_text([document], comment).splitlines():
        found = _KEY.match(line)
        if found and found["key"].strip('"') == key:
            if about and about not in told:
                told.add(about)
                lines.append(f"{found['indent']}# {about}")
            key, about = next(keys, ("", ""))
        lines.append(line)
    return "\n".join(lines) + "\n"


def _keys(schema: _Schema, nodes: list[_Schema], value: Any) -> Iterator[tuple[str, str]]:
    """Every key in the order in which it is written, and the first sentence of what the schema says of it."""
    if isinstance(value, list):
        inner = [node["items"] for one in nodes for node in _branches(schema, one, value) if "items" in node]
        for entry in value:
            yield from _keys(schema, inner, entry)
    elif isinstance(value, Mapping):
        branches = [node for one in nodes for node in _branches(schema, one, value)]
        for key, member in value.items():
            inner = [found for node in branches if (found := _member(node, key)) is not None]
            texts = (node["description"] for node in inner if "description" in node)
            yield key, next((text.split(". ")[0].split("; ")[0].rstrip(".") for text in texts), "")
            yield from _keys(schema, inner, member)


def _branches(schema: _Schema, node: _Schema, value: Any) -> Iterator[_Schema]:
    """What a value may be, without what is of another kind."""
    kind = node.get("properties", {}).get("kind", {}).get("const")
    if kind is not None and (not isinstance(value, Mapping) or value.get("kind") != kind):
        return
    yield node
    if "$ref" in node:
        yield from _branches(schema, schema["$defs"][node["$ref"].rpartition("/")[2]], value)
    for word in ("oneOf", "anyOf", "allOf"):
        for branch in node.get(word, ()):
            yield from _branches(schema, branch, value)


def _member(node: _Schema, key: str) -> _Schema | None:
    if key in node.get("properties", {}):
        found: _Schema = node["properties"][key]
        return found
    others = node.get("additionalProperties")
    return (
        {name: part for name, part in others.items() if name != "description"}
        if isinstance(others, dict)
        else None
    )
