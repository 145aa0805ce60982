"""Tables of fields: which keys an object may have, which it must, and of what kind their values are.

A table is a mapping of key to kind; ``"name!"`` must be there, ``"*"`` stands for any key. A kind is ``"text"``,
``"bool"``, ``"int"``, ``"number"``, ``"quantity"`` or ``"any"``, a list ``[kind]``, a table, or a tuple of kinds of
which one fits.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .._core import Error
from .._errors import fail
from .quantities import parse_quantity

__all__ = ["Found", "Kind", "check"]

Kind = Any
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "text": ((str,), "text"),
    "bool": ((bool,), "true or false"),
    "int": ((int,), "a whole number"),
    "number": ((int, float), "a number"),
    "quantity": ((str, int, float), "a quantity such as 10Gi"),
    "any": ((object,), "anything"),
}


@dataclass(frozen=True)
class Found:
    """A value that was read, with where its parts stand: `where` takes a JSON pointer."""

    value: Any
    where: Callable[[str], str]

    def at(self, pointer: str) -> Found:
        """The part at a pointer, which is there."""
        value = self.value
        for key in pointer.split("/")[1:]:
            key = key.replace("~1", "/").replace("~0", "~")
            value = value[int(key)] if isinstance(value, list) else value[key]
        return Found(value, lambda inner: self.where(pointer + inner))

    def fault(self, pointer: str, what: str) -> Error:
        """An error about a part."""
        return fail(Error, self.where(pointer), what)


def check(found: Found, kind: Kind) -> None:
    """Raises Error where a value is not of its kind, with the place, what was found, and the keys that there are."""
    _check(found, found.value, kind, "")


def _check(found: Found, value: Any, kind: Kind, pointer: str) -> None:
    if isinstance(kind, tuple):
        _check_one_of(found, value, kind, pointer)
    elif isinstance(kind, list):
        if not isinstance(value, list):
            raise found.fault(pointer, f"found {_said(value)}; a list is needed")
        for number, member in enumerate(value):
            _check(found, member, kind[0], f"{pointer}/{number}")
    elif isinstance(kind, Mapping):
        _check_object(found, value, kind, pointer)
    else:
        types, words = _KINDS[kind]
        if not isinstance(value, types) or (isinstance(value, bool) and kind not in ("bool", "any")):
            raise found.fault(pointer, f"found {_said(value)}; {words} is needed")
        if kind == "quantity":
            parse_quantity(value, found.where(pointer))


def _check_one_of(found: Found, value: Any, kinds: tuple[Kind, ...], pointer: str) -> None:
    faults = []
    for kind in kinds:
        try:
            _check(found, value, kind, pointer)
            return
        except Error as error:
            faults.append(str(error))
    raise fail(Error, "", faults[-1])


def _check_object(found: Found, value: Any, table: Mapping[str, Kind], pointer: str) -> None:
    if not isinstance(value, Mapping):
        raise found.fault(pointer, f"found {_said(value)}; a mapping is needed")
    kinds = {key.rstrip("!"): kind for key, kind in table.items()}
    for key, member in value.items():
        if key not in kinds and "*" not in kinds:
            near = difflib.get_close_matches(key, kinds, 1)
            meant = f'; did you mean "{near[0]}"?' if near else ""
            raise found.fault(
                f"{pointer}/{_escaped(key)}", f'unknown key "{key}"{meant} Known keys: {", ".join(kinds)}'
            )
        _check(found, member, kinds.get(key, kinds.get("*")), f"{pointer}/{_escaped(key)}")
    for key in table:
        if key.endswith("!") and key[:-1] not in value:
            raise found.fault(pointer, f'the key "{key[:-1]}" is missing')


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _said(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value[:40]}"'
    if isinstance(value, (list, Mapping)):
        return "a list" if isinstance(value, list) else "a mapping"
    return {None: "nothing", True: "true", False: "false"}.get(value, str(value))
