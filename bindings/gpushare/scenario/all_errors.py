"""Every error of a document in one report: what is wrong is mended as its error says or left out, and the rest read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from .. import _core
from .._core import Error
from .._errors import fail
from .inputs import Inputs

__all__ = ["all_errors", "document_reader", "together"]

_MOST = 10
_UNKNOWN = re.compile(r'unknown key "(?P<key>[^"]*)"')
_MISSING = re.compile(r'the required key "(?P<name>[^"]*)" is missing[^;]*; is "(?P<key>[^"]*)" meant')
_SUGGESTED = re.compile(r'did you mean "(?P<name>[^"]*)"\?')


def all_errors(first: Error, document: str, source: str, read: Callable[[str], object]) -> list[Error]:
    """The first error of a document and those that would follow it, ten at most.

    Parameters
    ----------
    first : Error
        What `read` raised for the document.
    document, source : str
        JSON text, and the file that errors name.
    read : callable
        Reads JSON text, and raises what is wrong with it.
    """
    found, error = [first], first
    mending = _Mending(document, source)
    while len(found) < _MOST and mending.mend(error):
        try:
            read(json.dumps(mending.document, ensure_ascii=False))
            break
        except Error as next_error:
            error = next_error
        if mending.caused(error):
            break
        found.append(error)
    return found


def together(errors: Sequence[Error]) -> Error:
    """One error that tells all of them, of the class of the first and at its place."""
    if len(errors) == 1:
        return errors[0]
    lines = "".join(f"\n  {error}" for error in errors)
    raised = fail(type(errors[0]), "", f"{len(errors)} errors:{lines}")
    raised.where = errors[0].where
    return raised


class _Mending:
    """A document from which errors go, one by one."""

    def __init__(self, document: str, source: str) -> None:
        self._source = source
        try:
            self.document: Any = json.loads(document)
        except ValueError:
            self.document = None
        self._left_out: list[str] = []
        self._guessed: list[tuple[str, str]] = []

    def mend(self, error: Error) -> bool:
        """Changes what an error is about as it says, or leaves it out; whether that could be done."""
        what = str(error).removeprefix(f"{error.where}: ")
        misnamed = _UNKNOWN.match(what) or _MISSING.match(what)
        suggested = _MISSING.match(what) or _SUGGESTED.search(what)
        pointer = self._pointer(error)
        parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        parts += [misnamed["key"]] if misnamed else []
        parent = _member(self.document, parts[:-1])
        if not parts or not isinstance(parent, dict) or parts[-1] not in parent:
            return False
        value = parent.pop(parts[-1])
        if misnamed and suggested:
            parent.setdefault(suggested["name"], value)
            self._guessed.append((f"{pointer}/{suggested['name']}", suggested["name"]))
        elif suggested:
            parent[parts[-1]] = suggested["name"]
            self._guessed.append((pointer, suggested["name"]))
        elif not misnamed:
            self._left_out.append(pointer)
        return True

    def caused(self, error: Error) -> bool:
        """Whether an error may be there only because of what was left out, or taken for what it may not have meant."""
        what = str(error).removeprefix(f"{error.where}: ")
        if _UNKNOWN.match(what) or _MISSING.match(what):
            return False
        pointer = self._pointer(error)
        for one, word in self._guessed:
            beside = pointer.startswith(f"{one.rpartition('/')[0]}/") and f'"{word}"' in what
            if beside or (pointer == one and not what.startswith("expected ")):
                return True
        for one in self._left_out:
            parent, _, key = one.rpartition("/")
            beside = pointer.startswith(f"{parent}/") and f'"{key}"' in what
            if beside or f"{one}/".startswith(f"{pointer}/"):
                return True
        return False

    def _pointer(self, error: Error) -> str:
        """Of the whole document where the error has none."""
        pointer = error.where.removeprefix(self._source).removeprefix("#")
        return pointer if pointer.startswith("/") else ""


def _member(value: Any, parts: Sequence[str]) -> Any:
    for part in parts:
        try:
            value = value[int(part) if isinstance(value, list) else part]
        except (KeyError, IndexError, ValueError, TypeError):
            return None
    return value


def document_reader(
    mode: str, source: str, folder: str, inputs: Inputs | None = None
) -> Callable[[str], object]:
    """Reads JSON text as a scenario's document, for its errors."""
    return lambda text: (inputs or Inputs()).read(_core.ScenarioDocument.parse(text, mode, source, folder))
