"""Scenarios, models and profiles in YAML: JSON for the compiled readers, and their errors with the line in the file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ._core import Error
from ._errors import fail
from .files import no_file
from .yaml_files import YamlDocument, has_yaml_name, parse_yaml, read_yaml, yaml_characters

__all__ = ["document_text", "in_yaml_lines", "json_text", "with_yaml_lines"]

#: As the compiled readers have it.
_MOST_BYTES = 256 << 20
_IN_YAML = re.compile(r"(?P<path>.+\.ya?ml)#(?P<pointer>/.*)?", re.DOTALL)


def json_text(path: str, data: bytes) -> str:
    """The JSON of a YAML file with one document.

    Parameters
    ----------
    path : str
        The file, for messages.
    data : bytes
        What is in it.

    Raises
    ------
    Error
        With ``file:line:column``: broken YAML, more than one document, or a number that JSON has not.
    ImportError
        When ruamel.yaml is not installed.
    """
    documents = parse_yaml(yaml_characters(data, path), path)
    if len(documents) != 1:
        raise fail(Error, path, f"expected one document, found {len(documents)}")
    _refuse_what_json_has_not(documents[0], documents[0].value, "")
    return json.dumps(documents[0].value, ensure_ascii=False)


@contextmanager
def with_yaml_lines(kind: type[Error]) -> Iterator[None]:
    """Errors from within that point into a YAML file also say the line; those of the file itself become `kind`."""
    try:
        yield
    except Error as error:
        raise in_yaml_lines(error, kind) from None


def in_yaml_lines(error: Error, kind: type[Error]) -> Error:
    """The error of `with_yaml_lines` for that one, which is it itself where there is nothing to change."""
    where = _with_line(error.where)
    if where == error.where and type(error) is not Error:
        return error
    what = str(error).removeprefix(f"{error.where}: ")
    return fail(kind if type(error) is Error else type(error), where, what)


def document_text(path: str) -> str | None:
    """The JSON of a file in JSON or YAML; None where it cannot be read, or is no document by its kind or size."""
    if no_file(path):
        return None
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            return None
        return json_text(path, data) if has_yaml_name(path) else data.decode()
    except (Error, OSError, UnicodeDecodeError):
        return None


def _with_line(where: str) -> str:
    found = _IN_YAML.fullmatch(where)
    if not found:
        return where
    try:
        document = read_yaml(found["path"])[0]
    except (Error, OSError):  # it has changed since
        return where
    pointer = found["pointer"] or ""
    if pointer and pointer.split("/")[1] not in (document.value or {}):
        return where  # it has been renamed since
    return f"{document.where(pointer)}#{pointer}"


def _refuse_what_json_has_not(document: YamlDocument, value: Any, pointer: str) -> None:
    if isinstance(value, dict):
        for key, member in value.items():
            escaped = key.replace("~", "~0").replace("/", "~1")
            _refuse_what_json_has_not(document, member, f"{pointer}/{escaped}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            _refuse_what_json_has_not(document, member, f"{pointer}/{index}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise fail(Error, document.where(pointer), f"expected a finite number, found {value}")
