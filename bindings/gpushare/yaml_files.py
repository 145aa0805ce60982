"""Reads YAML 1.2 with its lines; `write_yaml` and `yaml_text` write it.

Plain words mean what the core schema of YAML 1.2 says: `on`, `yes` and dates are text, `5e-06` is a number. Nothing in
a file is executed: tags other than the core schema's are refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from ._core import Error
from ._errors import fail
from .extras import extra
from .files import no_file
from .yaml_text import plain_value, write_yaml, yaml_text

__all__ = [
    "YamlDocument",
    "has_yaml_name",
    "parse_yaml",
    "read_yaml",
    "write_yaml",
    "yaml_characters",
    "yaml_text",
]

#: Values that the aliases of a file repeat: a few lines of aliases to aliases stand for billions.
_MOST_REPEATED = 200_000
_DEEPEST = 100
_DEPTH = {"SequenceStartEvent": 1, "MappingStartEvent": 1, "SequenceEndEvent": -1, "MappingEndEvent": -1}
_HALF = re.compile("[\ud800-\udfff]")
_CORE = "tag:yaml.org,2002:"

#: What the parser finds, and what would be right.
_RIGHT = (
    ("'\\t' that cannot start", "a tab; indent with blanks"),
    (
        "mapping values are not allowed",
        'a second ": " in one line; put the text in quotes, or begin a new line',
    ),
    ("that cannot start any token", "a sign with a meaning of its own in YAML; put the text in quotes"),
    ("expected ',' or", "a list or mapping in brackets does not end, or a comma is missing"),
    (
        "expected <block end>",
        "a line whose indentation fits none above; indent members of one list or mapping alike",
    ),
    ("could not find expected ':'", 'a line without a ":" among members; write KEY: VALUE'),
    ("while scanning a quoted scalar", "a quote does not end"),
    ("expected '<document start>'", "text after the end of the document; a new document begins with ---"),
)


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a value begins (a list or mapping with its key), counted from 1, and the marks of its members."""

    line: int
    column: int
    members: Mapping[str, _Mark] | None = None


@dataclass(frozen=True)
class YamlDocument:
    """One document of a file.

    Attributes
    ----------
    value : None, bool, int, float, str, list or dict
        Mappings have text as keys; a document without anything is None.
    source : str
        The file, for messages.
    """

    value: Any
    source: str
    _mark: _Mark

    def line(self, pointer: str = "") -> int:
        """Line of what a JSON pointer names, or of the nearest that holds it; the first is 1."""
        return self._at(pointer).line

    def where(self, pointer: str = "") -> str:
        """``file:line:column`` of what a JSON pointer such as ``"/services/llm"`` names, or of what would hold it."""
        mark = self._at(pointer)
        return f"{self.source}:{mark.line}:{mark.column}"

    def _at(self, pointer: str) -> _Mark:
        mark = self._mark
        for part in pointer.split("/")[1:]:
            inner = (mark.members or {}).get(part.replace("~1", "/").replace("~0", "~"))
            if inner is None:
                break
            mark = inner
        return mark


def has_yaml_name(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name says that it is YAML."""
    return os.fspath(path).lower().endswith((".yaml", ".yml"))


def read_yaml(path: str | os.PathLike[str], kind: type[Error] = Error) -> list[YamlDocument]:
    """Reads the documents of a file; JSON is YAML too, but for keys of more than 1,000 characters.

    Parameters
    ----------
    path : str or path
        Text in UTF-8.
    kind : type of Error
        What to raise.

    Returns
    -------
    list of YamlDocument

    Raises
    ------
    Error
        Of that kind, with ``file:line:column``, what was found and what would be right.
    OSError
        When the file cannot be read.
    ImportError
        When ruamel.yaml is not installed.
    """
    source = os.fspath(path)
    if found := no_file(path):
        raise fail(kind, source, f"expected a YAML file, found a {found}")
    with open(path, "rb") as file:
        data = file.read()
    return parse_yaml(yaml_characters(data, source, kind), source, kind)


def yaml_characters(data: bytes, source: str, kind: type[Error] = Error) -> str:
    """The text of a file's bytes, which are UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise fail(
            kind, f"{source}:{line}", f"byte {data[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        ) from None


def parse_yaml(text: str, source: str = "<text>", kind: type[Error] = Error) -> list[YamlDocument]:
    """Reads the documents of a text, as `read_yaml` does those of a file."""
    builder = _Builder(source, kind)
    return [builder.document(events) for events in _documents(text, source, kind)]


def _documents(text: str, source: str, kind: type[Error]) -> Iterator[list[Any]]:
    """The parser's events between the beginning and the end of every document."""
    with extra("yaml", f"{source}: YAML (JSON does not) needs"):
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError
    events: list[Any] = []
    depth = 0
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            name = type(event).__name__
            if name == "DocumentStartEvent":
                events = []
            elif name == "DocumentEndEvent":
                yield events
            else:
                events.append(event)
                depth += _DEPTH.get(name, 0)
                if depth > _DEEPEST:  # refused by who takes these; reading on costs the square of the depth
                    yield events
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark is not None else source
        raise fail(kind, where, _told(error)) from None
    except YAMLError as error:
        position = getattr(error, "position", 0)
        line = text.count("\n", 0, position) + 1
        raise fail(kind, f"{source}:{line}", "a control character; YAML is text without them") from None
    except ValueError as error:
        raise fail(kind, source, f"is not YAML: {error}") from None


def _told(error: Any) -> str:
    found = " ".join(str(part) for part in (error.context, error.problem) if part)
    return next((f"found {right}" for sign, right in _RIGHT if sign in found), f"is not YAML: {found}")


@dataclass(slots=True)
class _Frame:
    """A list or mapping that has begun."""

    value: list[Any] | dict[str, Any]
    event: Any
    members: dict[str, _Mark] = field(default_factory=dict)
    key: str | None = None
    key_mark: _Mark = field(default_factory=lambda: _Mark(1, 1))
    merges: bool = False
    merged: list[tuple[Any, _Mark]] = field(default_factory=list)
    count: int = 1


@dataclass(frozen=True, slots=True)
class _Built:
    value: Any
    mark: _Mark
    count: int = 1
    anchor: str | None = None


class _Builder:
    """Values and marks of a parser's events, without recursion."""

    def __init__(self, source: str, kind: type[Error]) -> None:
        self.source = source
        self.kind = kind
        self.repeated = 0

    def document(self, events: list[Any]) -> YamlDocument:
        """Reads the events of one document."""
        self.stack: list[_Frame] = []
        self.anchors: dict[str, _Built] = {}
        root = _Built(None, _Mark(1, 1))
        for event in events:
            built = self._built(event)
            if built is None:
                continue
            if built.anchor:
                self.anchors[built.anchor] = built
            if self.stack:
                self._add(built, event)
            else:
                root = built
        return YamlDocument(root.value, self.source, root.mark)

    def _built(self, event: Any) -> _Built | None:
        """The value that an event ends; None where it begins one."""
        match type(event).__name__:
            case "ScalarEvent":
                return _Built(self._scalar(event), _mark(event), anchor=event.anchor)
            case "AliasEvent":
                return self._alias(event)
            case "MappingStartEvent":
                self._begin(event, {}, "map")
            case "SequenceStartEvent":
                self._begin(event, [], "seq")
            case "MappingEndEvent" | "SequenceEndEvent":
                return self._end()
        return None

    def _fail(self, mark: _Mark, what: str) -> Error:
        return fail(self.kind, f"{self.source}:{mark.line}:{mark.column}", what)

    def _begin(self, event: Any, value: list[Any] | dict[str, Any], tag: str) -> None:
        self._check_tag(event, tag)
        if len(self.stack) >= _DEEPEST:
            raise self._fail(_mark(event), f"more than {_DEEPEST} lists and mappings within each other")
        self.stack.append(_Frame(value, event))

    def _end(self) -> _Built:
        frame = self.stack.pop()
        for value, mark in frame.merged:
            for key, one in value.items():
                if key not in frame.value:
                    frame.value[key] = one
                    frame.members[key] = (mark.members or {}).get(key, mark)
        mark = _mark(frame.event, frame.members)
        return _Built(frame.value, mark, frame.count, frame.event.anchor)

    def _alias(self, event: Any) -> _Built:
        found = self.anchors.get(event.anchor)
        if found is None:
            known = ", ".join(f"&{name}" for name in self.anchors) or "none"
            raise self._fail(
                _mark(event),
                f"*{event.anchor} stands for nothing that ended before it; anchors so far: {known}",
            )
        self.repeated += found.count
        if self.repeated > _MOST_REPEATED:
            raise self._fail(
                _mark(event), f"aliases repeat more than {_MOST_REPEATED:,} values; write out what is meant"
            )
        return _Built(deepcopy(found.value), found.mark, found.count)

    def _add(self, built: _Built, event: Any) -> None:
        frame = self.stack[-1]
        frame.count += built.count
        if isinstance(frame.value, list):
            frame.members[str(len(frame.value))] = built.mark
            frame.value.append(built.value)
        elif frame.key is None:
            frame.key, frame.key_mark = self._key(built, event, frame), built.mark
            frame.merges = frame.key == "<<" and event.style is None
        elif frame.merges:
            self._merge(built, frame)
            frame.key = None
        else:
            frame.value[frame.key] = built.value
            frame.members[frame.key] = (
                replace(frame.key_mark, members=built.mark.members)
                if built.mark.members is not None
                else built.mark
            )
            frame.key = None

    def _key(self, built: _Built, event: Any, frame: _Frame) -> str:
        if isinstance(built.value, (dict, list)) or type(event).__name__ == "AliasEvent":
            raise self._fail(built.mark, "a key is a word; put text such as {a} or [a] in quotes")
        key = self._characters(event)
        if key in frame.value:
            raise self._fail(
                built.mark,
                f'"{key}" stands twice in one mapping, first in line {frame.members[key].line}; keep one',
            )
        return key

    def _merge(self, built: _Built, frame: _Frame) -> None:
        parts = built.value if isinstance(built.value, list) else [built.value]
        if not all(isinstance(part, dict) for part in parts):
            raise self._fail(built.mark, '"<<" takes a mapping, or a list of them')
        frame.merged += [(part, built.mark) for part in parts]

    def _check_tag(self, event: Any, tag: str) -> None:
        if event.tag not in (None, "!", _CORE + tag):
            raise self._fail(
                _mark(event),
                f"the tag {event.tag.replace(_CORE, '!!')} is not read: nothing in a file is executed; leave it out",
            )

    def _characters(self, event: Any) -> str:
        """The text of a scalar; JSON writes some characters as two halves."""
        text: str = event.value
        if not _HALF.search(text):
            return text
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise self._fail(
                _mark(event), "half of a character (\\ud800 to \\udfff) without the other half"
            ) from None

    def _scalar(self, event: Any) -> Any:
        text = self._characters(event)
        if event.tag is None:
            return plain_value(text) if event.style is None else text
        if event.tag in ("!", _CORE + "str"):
            return text
        value = plain_value(text)
        kinds = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}
        kind = kinds.get(event.tag.removeprefix(_CORE), str)
        if kind is str:
            self._check_tag(event, "str")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):  # type: ignore[arg-type]
            raise self._fail(_mark(event), f'found "{text}", which is no {event.tag.removeprefix(_CORE)}')
        return float(value) if event.tag == _CORE + "float" else value


def _mark(event: Any, members: Mapping[str, _Mark] | None = None) -> _Mark:
    return _Mark(event.start_mark.line + 1, event.start_mark.column + 1, members)
