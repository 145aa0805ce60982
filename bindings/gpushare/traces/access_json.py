"""Access logs in JSON: what their members say, whatever a proxy calls them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

__all__ = [
    "BEGAN",
    "ENDED",
    "LOGGED",
    "Request",
    "is_lines",
    "is_list",
    "line_requests",
    "list_requests",
    "span_s",
]

#: Which moment of a request a time is of; LOGGED where that is not known.
BEGAN, ENDED, LOGGED = range(3)


class Request(NamedTuple):
    """One line: when, which moment that is, what was asked, how it went, and how long it took."""

    at: datetime | float | str
    moment: int
    method: str
    path: str
    status: str
    took_s: float | None = None


# Members of access logs in JSON, without capitals and what stands between words; the first that is there counts.
_METHODS = ("requestmethod", "httpmethod", "httprequestmethod", "method", "verb", "httpverb")
_PATHS = (
    "requestpath",
    "requesturi",
    "requesturl",
    "resourcepath",
    "uri",
    "path",
    "url",
    "urlpath",
    "httptarget",
    "xenvoyoriginalpath",
)
_STATUSES = (
    "responsecode",
    "downstreamstatus",
    "httpstatuscode",
    "statuscode",
    "status",
    "httpresponsestatuscode",
    "edgeresponsestatus",
)
_BEGINS = (
    "starttime",
    "startutc",
    "startlocal",
    "edgestarttimestamp",
    "requesttimestamp",
    "requesttimeepoch",
)
_WHENS = ("msec", "timeiso8601", "timelocal", "@timestamp", "timestamp", "time", "ts", "datetime", "date")
_TOOK = ("requesttime", "timetaken", "latency", "duration", "responsetime", "elapsed", "upstreamresponsetime")
#: nginx's and Azure's, without a unit; others count ms or ns as often.
_IN_SECONDS = ("requesttime", "timetaken")
_LOOKED = 20  # lines
_CADDY = "http.log.access"
_TOKENS = re.compile(rb'okens?"\s*:|"usage"|token_?[cC]ount')
_STATUS = re.compile(rb'[sS]tatus(?:_?[cC]ode)?"\s*:|[rR]esponse_?[cC]ode"\s*:')
_ASKED = re.compile(rb'"(?:GET|POST|PUT|HEAD|OPTIONS|DELETE|PATCH)(?:"| /)')


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(".", "")


def _leaves(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Members, and those of objects in it, outer ones first."""
    inner: list[Mapping[str, Any]] = [row]
    while inner:
        for name, value in inner.pop(0).items():
            if isinstance(value, Mapping):
                inner.append(value)
            else:
                yield name, value


def _names(row: Mapping[str, Any]) -> dict[str, bytes]:
    """The names as they are written, in quotes, by those without capitals and separators."""
    found: dict[str, bytes] = {}
    for name, _ in _leaves(row):
        found.setdefault(_plain(name), json.dumps(name, ensure_ascii=False).encode())
    return found


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Values, by names without capitals and separators; outer ones count."""
    found: dict[str, Any] = {}
    for name, value in _leaves(row):
        found.setdefault(_plain(name), value)
    return found


def span_s(value: Any) -> float | None:
    """Seconds of 1.25, "1.25s" and "250ms"; None of anything else."""
    text = str(value).strip()
    if text[-1:].isdigit():
        try:
            return float(text)
        except ValueError:
            return None
    for unit, size in (("ms", 1e-3), ("µs", 1e-6), ("us", 1e-6), ("s", 1.0)):
        if text.endswith(unit):
            try:
                return float(text.removesuffix(unit)) * size
            except ValueError:
                continue
    return None


def _first(flat: Mapping[str, Any], known: tuple[str, ...]) -> Any:
    return flat.get(_name(flat, known))


def _members(line: bytes) -> Request | None:
    """What an object of an access log says; None where it says of no request."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, Mapping):
        return None
    flat = _flat(row)
    method, path = _first(flat, _METHODS), _first(flat, _PATHS)
    asked = flat.get("request") or flat.get("requestline")
    if isinstance(asked, str) and asked.count(" "):
        method, path = asked.split(" ")[:2]
    status, began, when = _first(flat, _STATUSES), _first(flat, _BEGINS), _first(flat, _WHENS)
    if not isinstance(method, str) or path is None or status is None or (began is None and when is None):
        return None
    if began is not None:
        return Request(began, BEGAN, method, str(path), str(status))
    took_s = _took_s(flat)
    return Request(when, LOGGED if took_s is None else ENDED, method, str(path), str(status), took_s)


def _took_s(flat: Mapping[str, Any]) -> float | None:
    """Seconds that a request took, where a unit is said or known; not of logs whose time may be of its beginning."""
    if "receivetimestamp" in flat:  # Google's, of entries of many kinds
        return None
    if str(flat.get("logger", "")).startswith(_CADDY):
        return span_s(flat.get("duration"))
    name = next((name for name in _TOOK if flat.get(name) not in (None, "")), "")
    plain = not isinstance(flat.get(name), str) or str(flat[name]).replace(".", "", 1).isdigit()
    return span_s(flat[name]) if name and (name in _IN_SECONDS or not plain) else None


def _by_members(lines: list[bytes]) -> Iterator[Request]:
    return filter(None, map(_members, lines))


def line_requests(lines: list[bytes]) -> Iterator[Request]:
    """The requests of an access log with one object a line.

    Lines that are like the first are read at the places that it has its members at, which is several times as fast as
    parsing them.
    """
    shape = _shape_of(lines)
    return _by_members(lines) if shape is None else filter(None, map(shape.read, lines))


#: A value behind a member's name: a text without escapes, or a number.
_VALUE = r'\s*:\s*(?:"([^"\\]*)"|(-?[\d.]+(?:[eE][-+]?\d+)?))'


class _Shape:
    """Where a log's lines have what; `names` are those of its members, in quotes, by what they say.

    One pattern finds all of a line's values, in the order in which the first line has them; other lines are parsed.
    """

    def __init__(self, names: Mapping[str, bytes], moment: int, first: bytes) -> None:
        self._order = sorted(filter(names.get, names), key=lambda name: first.find(names[name]))
        values = (re.escape(names[name].decode()) + _VALUE for name in self._order)
        self._values = re.compile(".*?".join(["", *values]))
        self._moment = moment

    def read(self, line: bytes) -> Request | None:
        """The request of a line; one that is not of this shape is parsed."""
        found = self._values.match(line.decode(errors="replace"))
        if found is None:
            return _members(line)
        groups = found.groups()
        texts = [text or number for text, number in zip(groups[::2], groups[1::2], strict=True)]
        value = dict(zip(self._order, texts, strict=True))
        method, path = value.get("method"), value.get("path")
        if "asked" in value:
            method, _, rest = (value["asked"] or "").partition(" ")
            path = rest.partition(" ")[0]
        at, status = value["at"], value["status"]
        if not (at and status and method and path):
            return _members(line)
        took_s = span_s(value["took"]) if "took" in value else None
        return Request(at, self._moment, method, path, status, took_s)


def _shape_of(lines: list[bytes]) -> _Shape | None:
    """The shape of the first lines; None where reading by it is not the same as parsing."""
    looked = [line for line in lines[:_LOOKED] if line.strip()]
    if not looked:
        return None
    row = json.loads(looked[0])
    flat, names = _flat(row), _names(row)

    def called(known: tuple[str, ...]) -> bytes:
        return names[_name(flat, known)] if _name(flat, known) else b""

    asked = _name(flat, ("request", "requestline"))
    began = _name(flat, _BEGINS)
    took = "duration" if str(flat.get("logger", "")).startswith(_CADDY) else _name(flat, _TOOK)
    timed = began == "" and _took_s(flat) is not None
    asks = asked and " " in str(flat[asked])
    members = {
        "at": called(_BEGINS) if began else called(_WHENS),
        "status": called(_STATUSES),
        "asked": names[asked] if asks else b"",
        "method": b"" if asks else called(_METHODS),
        "path": b"" if asks else called(_PATHS),
        "took": names[took] if timed else b"",
    }
    needed = ("at", "status", *(("asked",) if asks else ("method", "path")))
    if not all(members[name] for name in needed):
        return None
    shape = _Shape(members, BEGAN if began else ENDED if timed else LOGGED, looked[0])
    same = all(_alike(shape.read(line), _members(line)) for line in looked)
    return shape if same else None


def _alike(one: Request | None, other: Request | None) -> bool:
    if one is None or other is None:
        return one is other
    return (str(one.at), *one[1:5]) == (str(other.at), *other[1:5]) and one.took_s == other.took_s


def _name(flat: Mapping[str, Any], known: tuple[str, ...]) -> str:
    return next((name for name in known if flat.get(name) not in (None, "")), "")


def list_requests(lines: list[bytes]) -> Iterator[Request]:
    """The requests of an access log that is one list of objects."""
    try:
        rows = json.loads(b"\n".join(lines))
    except ValueError:
        return iter(())
    return _by_members([json.dumps(row).encode() for row in rows])


def is_lines(lines: list[bytes]) -> bool:
    """Whether the first lines are objects of an access log, which say nothing of tokens."""
    looked = [line for line in lines if line.strip()]
    if not looked or not all(line.startswith(b"{") and _ASKED.search(line) for line in looked):
        return False
    return not any(map(_TOKENS.search, looked)) and _members(looked[0]) is not None


def is_list(lines: list[bytes]) -> bool:
    """Whether a file begins as a list of such objects."""
    start = b"\n".join(lines)
    return (
        re.match(rb"\s*\[\s*\{", start) is not None
        and _ASKED.search(start) is not None
        and _STATUS.search(start) is not None
        and _TOKENS.search(start) is None
    )
