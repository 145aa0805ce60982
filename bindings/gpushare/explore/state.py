"""What is set on the page, and the document that it makes of the scenario's."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from typing import Any

from .._core import ScenarioError
from .._errors import fail
from ..scenario.changes import change
from ..scenario.scenario import Scenario

__all__ = ["BOARD", "Base", "document_of"]

#: What the placement on the board is called, among the modes.
BOARD = "board"
_KEYS = {"set", "gpu", "modes", "objectives", "board"}
#: Members of "objectives" that bound no figure.
_NO_FIGURES = ("isolation", "memory_headroom", "tolerate")
_DEFAULT = ("dedicated", "time-slicing", "mps")


class Base:
    """The scenario that the page begins with.

    Attributes
    ----------
    document : dict
        As it was read.
    folder : str
        Where its relative paths start.
    name : str
        Of the file, or the shipped scenario, as commands name it.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.document: dict[str, Any] = scenario.document
        self.name = scenario._recipe.source or f"{scenario.name}.json"
        self.folder = scenario._recipe.folder or os.path.dirname(scenario._recipe.source)
        self._inputs = scenario._recipe.inputs

    @property
    def modes(self) -> list[str]:
        """That are compared where the page says nothing."""
        return list(self.document.get("modes") or _DEFAULT)

    @property
    def bounds(self) -> dict[str, Any]:
        """Figures that the document bounds."""
        return {k: v for k, v in self.document.get("objectives", {}).items() if k not in _NO_FIGURES}

    def scenario(self, document: Mapping[str, Any]) -> Scenario:
        """Reads a document that was made of it."""
        given = self._inputs
        return Scenario.from_dict(document, folder=self.folder, traces=given.traces, calls=given.calls)


def document_of(base: Base, state: Mapping[str, Any]) -> dict[str, Any]:
    """The scenario's document with what is set.

    Parameters
    ----------
    base : Base
        What it begins with.
    state : mapping
        ``set`` (values by JSON pointer), ``gpu`` (a kind), ``modes`` (names), ``objectives`` (bounds by figure) and
        ``board`` (a placement's GPUs); what is left out is as it was.

    Raises
    ------
    ScenarioError
        For another member, a path that does not exist, and a value of the wrong shape.
    """
    unknown = sorted(set(state) - _KEYS)
    if unknown:
        raise fail(ScenarioError, f"/{unknown[0]}", f"no such setting; there are {', '.join(sorted(_KEYS))}")
    document = copy.deepcopy(base.document)
    for pointer, value in _mapping(state, "set").items():
        change(document, pointer, value)
    if "gpu" in state:
        document["gpu"] = state["gpu"]
    if "objectives" in state:
        kept = {k: v for k, v in document.get("objectives", {}).items() if k in _NO_FIGURES}
        document["objectives"] = {**kept, **_mapping(state, "objectives")}
        if not document["objectives"]:
            del document["objectives"]
    document["modes"] = _modes(base, state)
    return document


def _modes(base: Base, state: Mapping[str, Any]) -> dict[str, Any]:
    names = state.get("modes", base.modes)
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise fail(ScenarioError, "/modes", f"expected a list of at least one mode, found {names!r}")
    own = base.document.get("modes") or {}
    found = {name: own.get(name, {}) for name in names}
    if "board" in state:
        gpus = state["board"]
        if not isinstance(gpus, list):
            raise fail(ScenarioError, f"/modes/{BOARD}", "expected a list of GPUs")
        found[BOARD] = {"placement": {"gpus": gpus, "other_replicas": True}}
    return found


def _mapping(state: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = state.get(key, {})
    if not isinstance(found, Mapping):
        raise fail(ScenarioError, f"/{key}", f"expected an object, found {type(found).__name__}")
    return found
