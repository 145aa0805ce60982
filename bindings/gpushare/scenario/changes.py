"""Documents in Python: their JSON, and parts of them that are changed by name or path."""

from __future__ import annotations

import copy
import json
import math
import os
from collections.abc import Mapping
from typing import Any

from .. import _core
from .._core import ScenarioError
from .._errors import fail

__all__ = ["change", "to_json", "value_at"]


def to_json(document: Any) -> str:
    """JSON text of a document; paths, layouts and NumPy scalars are written as what they stand for."""
    _refuse_not_finite(document, "")
    return json.dumps(document, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, (os.PathLike, _core.Layout)):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise fail(
        ScenarioError,
        "",
        f"a document holds names, numbers, lists and mappings; found {type(value).__name__}",
    )


def _refuse_not_finite(value: Any, pointer: str) -> None:
    if isinstance(value, Mapping):
        for key, member in value.items():
            _refuse_not_finite(member, f"{pointer}/{key}")
    elif isinstance(value, (list, tuple)):
        for i, member in enumerate(value):
            _refuse_not_finite(member, f"{pointer}/{i}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise fail(ScenarioError, pointer, f"found {value}; a number must be finite")


def change(document: dict[str, Any], key: str, value: Any) -> None:
    """Changes a part of a document in place, as `Scenario.replace` names it."""
    if key == "users":
        _only_traffic(document, "closed", "users")["users"] = value
    elif key == "rate_per_s" and "rate_per_s" not in document:
        _arrivals(_only_traffic(document, "open", "rate_per_s"))["rate_per_s"] = value
    else:
        _set_path(document, key, copy.deepcopy(value))


def value_at(document: dict[str, Any], key: str) -> Any:
    """What `change` would replace.

    Raises
    ------
    ScenarioError
        When there is nothing.
    """
    if key == "users":
        return _child(_only_traffic(document, "closed", "users"), "users", "/traffic")
    if key == "rate_per_s" and "rate_per_s" not in document:
        return _child(_arrivals(_only_traffic(document, "open", "rate_per_s")), "rate_per_s", "/traffic")
    node: Any = document
    steps = _steps(key)
    for i, step in enumerate(steps):
        node = _child(node, step, "/" + "/".join(steps[: i + 1]))
    return node


def _arrivals(entry: dict[str, Any]) -> dict[str, Any]:
    arrivals = entry.get("arrivals")
    return arrivals if isinstance(arrivals, dict) else entry


def _only_traffic(document: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    entries: list[dict[str, Any]] = [t for t in document.get("traffic", []) if t.get("kind") == kind]
    if len(entries) != 1:
        found = f"{len(entries)} entries" if entries else "no entry"
        raise fail(
            ScenarioError,
            "/traffic",
            f"{name} needs exactly one entry of kind {kind!r}, found {found}; use a path instead",
        )
    return entries[0]


def _steps(path: str) -> list[str]:
    if path.startswith("/"):
        return [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]
    return path.split(".")


def _set_path(document: dict[str, Any], path: str, value: Any) -> None:
    node: Any = document
    steps = _steps(path)
    for i, step in enumerate(steps[:-1]):
        node = _child(node, step, "/" + "/".join(steps[: i + 1]))
    if isinstance(node, list):
        _child(node, steps[-1], path)
        node[int(steps[-1])] = value
    elif isinstance(node, dict):
        node[steps[-1]] = value
    else:
        raise fail(ScenarioError, path, "the path leads through a value that has no members")


def _child(node: Any, step: str, pointer: str) -> Any:
    if isinstance(node, list):
        if not step.isdigit() or int(step) >= len(node):
            raise fail(ScenarioError, pointer, f"there is no such element; legal are 0 to {len(node) - 1}")
        return node[int(step)]
    if not isinstance(node, dict) or step not in node:
        members = ", ".join(node) if isinstance(node, dict) else "none"
        raise fail(ScenarioError, pointer, f"there is no such member; legal are {members}")
    return node[step]
