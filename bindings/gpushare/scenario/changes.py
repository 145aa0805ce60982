"""Documents in Python: their JSON, and parts of them that are changed by name or path."""

from __future__ import annotations

import copy
import datetime
import decimal
import enum
import json
import math
import numbers
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .. import _core
from .._core import ScenarioError
from .._errors import fail, nearest

__all__ = ["Changes", "change", "parse_change", "parse_value", "to_json", "value_at"]

#: What decides where a scenario runs, and what fails there.
_PLACES, _FAULTS = ("mode", "layout", "placement"), "faults"
#: What is written as it is, or as what it stands for.
_PLAIN = (str, int, type(None), os.PathLike, _core.Layout)
_TIMES = (datetime.timedelta, np.timedelta64)
_QUOTED = 40
#: Objects that a document need not have, and that a change of a member makes.
_MADE = ("engine", "placement", "host", "objectives", "autoscaling", "cold_start", "up", "down", "retries")


def to_json(document: Any) -> str:
    """JSON text of a document; paths, layouts and NumPy scalars are written as what they stand for."""
    _refuse_what_is_none(document, "")
    return json.dumps(document, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, (os.PathLike, _core.Layout)):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (decimal.Decimal, numbers.Real)) and not hasattr(value, "tolist"):
        number = float(value)
        return int(number) if number.is_integer() else number
    return value.tolist()  # of NumPy


def _refuse_what_is_none(value: Any, pointer: str) -> None:
    """Numbers that are not finite, and what JSON has no form for."""
    if isinstance(value, Mapping):
        for key, member in value.items():
            _refuse_what_is_none(member, f"{pointer}/{key}")
    elif isinstance(value, (list, tuple)):
        for i, member in enumerate(value):
            _refuse_what_is_none(member, f"{pointer}/{i}")
    elif isinstance(value, enum.Enum):
        _refuse_what_is_none(value.value, pointer)
    elif isinstance(value, (float, decimal.Decimal, numbers.Real)) and not isinstance(value, (int, *_TIMES)):
        if not math.isfinite(value):
            raise fail(ScenarioError, pointer, f"found {value}; a number must be finite")
    elif not isinstance(value, _PLAIN) and not _is_of_numpy(value):
        seconds = f"; write {_seconds(value):g}, in seconds" if isinstance(value, _TIMES) else ""
        kind = type(value).__name__
        shown = " ".join(str(value).split())[:_QUOTED]
        raise fail(
            ScenarioError,
            pointer,
            f"a document holds names, numbers, lists and mappings; found {kind} {shown}{seconds}",
        )


def _seconds(time: datetime.timedelta | np.timedelta64) -> float:
    second = datetime.timedelta(seconds=1) if isinstance(time, datetime.timedelta) else np.timedelta64(1, "s")
    return float(time / second)  # type: ignore[operator]


def _is_of_numpy(value: Any) -> bool:
    return hasattr(value, "tolist") and not isinstance(value, (type, np.timedelta64))


def parse_change(text: str, option: str = "") -> tuple[str, Any]:
    """Reads ``PATH=VALUE``, the value as JSON, or as text where it is none.

    Parameters
    ----------
    text : str
        ``"users=20"``, ``"services.llm.replicas=2"``, ``"/services/tts/engine/slots=8"``.
    option : str
        Where it was found, for messages.

    Raises
    ------
    ValueError
        Where there is no path or no value.
    """
    path, equals, value = text.partition("=")
    if not path.strip() or not equals or not value.strip():
        where = f"{option}: " if option else ""
        raise ValueError(
            f"{where}found {text!r}; write PATH=VALUE such as services.llm.replicas=2 or users=20"
        )
    return path.strip(), parse_value(path.strip(), value.strip())


def parse_value(path: str, text: str) -> Any:
    """A value as JSON, or as text where it is none, and where it is a mode or a layout."""
    if path in ("mode", "layout"):
        return text
    try:
        return json.loads(text)
    except ValueError as problem:
        if text.lstrip().startswith(("[", "{")):
            raise fail(
                ScenarioError,
                f"{path}={text}",
                f"a list or an object has to be JSON, whose names and texts stand in double quotes: {problem}",
            ) from None
        return text


class Changes:
    """Parts of a document that are to be others.

    Parameters
    ----------
    texts : iterable of str
        As `parse_change` reads them.
    members : mapping of str to object
        By name or path.
    """

    def __init__(self, texts: Iterable[str], members: Mapping[str, Any]) -> None:
        self._members = dict(map(parse_change, texts)) | dict(members)

    def _change(self, *names: str) -> bool:
        return any(key.lstrip("/").split("/")[0].split(".")[0] in names for key in self._members)

    @property
    def places(self) -> bool:
        """Whether they say where the scenario runs."""
        return self._change(*_PLACES)

    @property
    def fails(self) -> bool:
        """Whether they say what fails there."""
        return self._change(*_PLACES, _FAULTS)

    def mode(self, otherwise: str) -> Any:
        """The mode that they say, if they do."""
        if "layout" in self._members:
            return f"mig:{self._members['layout']}"
        return self._members.get("mode", otherwise)

    def applied(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document with them."""
        for key, value in self._members.items():
            if key not in ("mode", "layout"):
                change(document, key, value)
        return document

    @property
    def told(self) -> tuple[str, ...]:
        """The same as texts, but for the mode."""
        return tuple(
            f"{key}={_text(value)}" for key, value in self._members.items() if key not in ("mode", "layout")
        )


def _text(value: Any) -> str:
    """As `parse_value` reads it back."""
    return value if isinstance(value, str) and parse_value("", value) == value else to_json(value)


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
        if step in _MADE and isinstance(node, dict) and node.get(step) is None:
            node[step] = {}
        node = _child(node, step, "/" + "/".join(steps[: i + 1]))
    if isinstance(node, list):
        node[_place(node, steps[-1], path)] = value
    elif isinstance(node, dict):
        node[steps[-1]] = value
    else:
        raise fail(ScenarioError, path, "the path leads through a value that has no members")


def _place(elements: list[Any], step: str, pointer: str) -> int:
    """Of an element by its number or, where only one has it, by its name; traffic without one has its pipeline's."""
    if step.isdigit() and int(step) < len(elements):
        return int(step)
    objects = [element if isinstance(element, dict) else {} for element in elements]
    names = [str(one.get("name", one.get("pipeline", ""))) for one in objects]
    if step and names.count(step) == 1:
        return names.index(step)
    if not elements:
        raise fail(ScenarioError, pointer, "there is no such element; the list is empty")
    named = ", ".join(name for name in names if names.count(name) == 1 and name)
    told = f", or by name {named}" if named else ""
    raise fail(ScenarioError, pointer, f"there is no such element; legal are 0 to {len(elements) - 1}{told}")


def _child(node: Any, step: str, pointer: str) -> Any:
    if isinstance(node, list):
        return node[_place(node, step, pointer)]
    if not isinstance(node, dict) or step not in node:
        members = node if isinstance(node, dict) else ()
        raise fail(ScenarioError, pointer, f"there is no such member; {nearest(step, members)}")
    return node[step]
