"""Writes YAML that every reader takes alike, and says what its plain words mean."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from . import files

__all__ = ["plain_value", "write_yaml", "yaml_text"]

_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: value
    for text, value in (("true", True), ("false", False))
    for word in (text, text.capitalize(), text.upper())
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

#: Text that stays text without quotes, whether YAML 1.2 reads it or 1.1 (where `on`, `1:30` and dates are values).
_BARE = re.compile(r"[A-Za-z/][A-Za-z0-9_./+@%-]*( [A-Za-z0-9_./+@%(-][A-Za-z0-9_./+@%()=-]*)*")
_WORDS_OF_1_1 = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
#: Characters of a key, quotes and escapes included; readers need not look farther for its colon.
_LONGEST_KEY = 1000


def plain_value(text: str) -> Any:
    """What text without quotes means by the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 4000 else float(text)
    if _BASED.fullmatch(text):
        return int(text[2:], 8 if text[1] == "o" else 16)
    if _NUMBER.fullmatch(text):
        return float(text)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def write_yaml(documents: Sequence[Any], path: str | os.PathLike[str], comment: str = "") -> None:
    """Writes documents to a file, as `yaml_text` has them.

    Raises
    ------
    OSError
        When it cannot be written; a file that was there is then as it was.
    """
    text = yaml_text(documents, comment)
    files.replace_file(path, lambda file: file.write(text))


def yaml_text(documents: Sequence[Any], comment: str = "") -> str:
    """Documents as YAML that readers of 1.2 and of 1.1 take alike, members in the order in which they are.

    Parameters
    ----------
    documents : sequence
        Of None, bool, int, float, str, lists and mappings with text as keys.
    comment : str
        Lines above them.

    Raises
    ------
    TypeError
        For other values.
    ValueError
        For keys of more than 1,000 characters.

    Examples
    --------
    >>> print(yaml_text([{"on": "yes", "shares": [0.5, 1e-6], "none": {}}]), end="")
    "on": "yes"
    shares:
      - 0.5
      - 1.0e-06
    none: {}
    """
    head = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    return head + "---\n".join("\n".join(_lines(document)) + "\n" for document in documents)


def _lines(value: Any) -> list[str]:
    """Lines of a value that stands by itself."""
    if isinstance(value, Mapping) and value:
        return [line for key, member in value.items() for line in _member(f"{_key(str(key))}:", member)]
    if isinstance(value, (list, tuple)) and value:
        return [line for member in value for line in _entry(_lines(member), member)]
    if isinstance(value, str) and "\n" in value:
        return [_quoted(value)]
    return [_scalar(value)]


def _key(key: str) -> str:
    text = _text(key)
    if len(text) > _LONGEST_KEY:
        raise ValueError(f'the key "{key[:20]}..." has more characters than YAML\'s {_LONGEST_KEY:,}')
    return text


def _member(key: str, value: Any) -> list[str]:
    if isinstance(value, (Mapping, list, tuple)) and value:
        return [key, *(f"  {line}" for line in _lines(value))]
    if isinstance(value, str) and _is_block(value):
        mark = "|" if value.endswith("\n") else "|-"
        return [f"{key} {mark}", *(f"  {line}".rstrip() for line in value.removesuffix("\n").split("\n"))]
    return [f"{key} {_lines(value)[0]}"]


def _entry(lines: list[str], value: Any) -> list[str]:
    return [f"- {lines[0]}", *(f"  {line}" if line else line for line in lines[1:])]


def _is_block(text: str) -> bool:
    """Whether lines of their own say the same."""
    lines = text.removesuffix("\n").split("\n")
    return (
        "\n" in text
        and bool(lines[0])
        and not lines[0].startswith(" ")
        and bool(lines[-1])
        and all(line == line.rstrip() and line.isprintable() for line in lines)
    )


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, (list, tuple)):
        return "[]"
    raise TypeError(f"found {type(value).__name__}; YAML is written from text, numbers, lists and mappings")


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    digits, e, power = repr(value).partition("e")
    point = "" if "." in digits else ".0"
    sign = "+" if power[:1].isdigit() else ""
    return f"{digits}{point}{e}{sign}{power}"


def _text(text: str) -> str:
    bare = _BARE.fullmatch(text) and text.lower() not in _WORDS_OF_1_1 and plain_value(text) == text
    return text if bare else _quoted(text)


def _quoted(text: str) -> str:
    escaped = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in escaped)
