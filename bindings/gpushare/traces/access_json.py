"""Access logs in JSON: what their members say, whatever a proxy calls them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from .. import _core

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


#: One line: when, which moment that is, the method and the path asked for, the status, and seconds that it took.
Request = tuple[datetime | float | str, int, str, str, str, float | None]


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
_BLOCK = 1 << 20  # bytes
_MANY = 1000  # lines of requests
_CADDY = "http.log.access"
_TOKENS = re.compile(rb'okens?"\s*:|"usage"|token_?[cC]ount')
_STATUS = re.compile(rb'[sS]tatus(?:_?[cC]ode)?"\s*:|[rR]esponse_?[cC]ode"\s*:')
_ASKED = re.compile(rb'"(?:GET|POST|PUT|HEAD|OPTIONS|DELETE|PATCH)(?:"| /)')


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(".", "")


_KNOWN = {
    *_METHODS,
    *_PATHS,
    *_STATUSES,
    *_BEGINS,
    *_WHENS,
    *_TOOK,
    "request",
    "requestline",
    "receivetimestamp",
    "logger",
}


def _known(path: tuple[str, ...]) -> str | None:
    """A member's name without capitals and separators, where it may say something of a request."""
    name = _plain(path[-1])
    return name if name in _KNOWN else None


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Known members by their names without capitals and separators; outer ones count, and of those the first."""
    found: dict[str, Any] = {}
    inner: list[Mapping[str, Any]] = [row]
    while inner:
        for name, value in inner.pop(0).items():
            if isinstance(value, Mapping):
                inner.append(value)
            elif (known := _known((name,))) is not None:
                found.setdefault(known, value)
    return found


def span_s(value: Any) -> float | None:
    """Seconds of 1.25, "1.25s", "250ms" and Go's "1m30s"; None of anything else."""
    text = (value if type(value) is str else str(value)).strip()
    size = _UNITS.get(text[-2:])
    try:
        if size is not None:
            return float(text[:-2]) * size
        if text[-1:] == "s":
            return float(text[:-1])
        return float(text) if text[-1:].isdigit() else _of_go(text)
    except ValueError:
        return _of_go(text)


def _of_go(text: str) -> float | None:
    found = _GO.fullmatch(text)
    if found is None or not text:
        return None
    return int(found[1] or 0) * 3600 + int(found[2] or 0) * 60 + float(found[3] or 0)


_UNITS = {"ms": 1e-3, "µs": 1e-6, "us": 1e-6}
_GO = re.compile(r"(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d+(?:\.\d+)?)s)?", re.A)


def _name(flat: Mapping[str, Any], known: Iterable[str]) -> str:
    return next((name for name in known if flat.get(name) not in (None, "")), "")


class _Requests:
    """Requests of rows; which members say what is looked up once for all rows that have the same ones."""

    def __init__(self) -> None:
        self._members: dict[tuple[str, ...], _Members] = {}
        self._asked: dict[str, list[str]] = {}

    def _members_of(self, row: Mapping[str, Any]) -> _Members:
        if None in row.values() or "" in row.values():
            return _says(row)
        names = tuple(row)
        found = self._members.get(names)
        if found is None:
            found = self._members[names] = _says(row)
        return found

    def _method_and_path(self, line: str) -> list[str]:
        """Of the line of a request; a server has a few."""
        found = self._asked.get(line)
        if found is None:
            if len(self._asked) > _MANY:
                self._asked.clear()
            found = self._asked[line] = line.split(" ")[:2]
        return found

    def __call__(self, row: Mapping[str, Any] | None) -> Request | None:
        """What the members of an object of an access log say; None where they are of no request."""
        if row is None:
            return None
        asked_by, method_by, path_by, status_by, began_by, when_by, took_by, took_s_of = self._members_of(row)
        method, path, asked = row.get(method_by), row.get(path_by), row.get(asked_by)
        if isinstance(asked, str) and " " in asked:
            method, path = self._method_and_path(asked)
        at = row.get(began_by or when_by)
        if not isinstance(method, str) or path is None or status_by == "" or at is None:
            return None
        status = str(row[status_by])
        if began_by:
            return at, BEGAN, method, str(path), status, None
        took_s = took_s_of(row, took_by) if took_s_of else None
        return at, LOGGED if took_s is None else ENDED, method, str(path), status, took_s


#: The line of the request, its method, its path, its status, when it began, another time, and how long it took.
_SAYS = (("request", "requestline"), _METHODS, _PATHS, _STATUSES, _BEGINS, _WHENS, _TOOK)
#: The member that says each, empty where none does, and what makes seconds of the last.
_Took = Callable[[Mapping[str, Any], str], float | None]
_Members = tuple[str, str, str, str, str, str, str, _Took | None]


def _says(row: Mapping[str, Any]) -> _Members:
    asked, method, path, status, began, when, took = (_name(row, known) for known in _SAYS)
    return asked, method, path, status, began, when, took, _took_s(row, took) if took else None


def _members(line: bytes) -> dict[str, Any] | None:
    """Known members of a line; None where it is no object."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return _flat(row) if isinstance(row, Mapping) else None


def _took_s(row: Mapping[str, Any], took_by: str) -> _Took | None:
    """What makes seconds of a member, where a unit is said or known; none of logs whose times may be of beginnings."""
    if "receivetimestamp" in row:  # Google's, of entries of many kinds
        return None
    if "logger" in row:
        return _of_logger
    return _in_seconds if took_by in _IN_SECONDS else _with_unit


def _in_seconds(row: Mapping[str, Any], took_by: str) -> float | None:
    return span_s(row[took_by])


def _with_unit(row: Mapping[str, Any], took_by: str) -> float | None:
    took = row[took_by]
    plain = not isinstance(took, str) or took.replace(".", "", 1).isdigit()
    return None if plain else span_s(took)


def _of_logger(row: Mapping[str, Any], took_by: str) -> float | None:
    if str(row["logger"]).startswith(_CADDY):
        return span_s(row.get("duration"))
    return (_in_seconds if took_by in _IN_SECONDS else _with_unit)(row, took_by)


def line_requests(data: bytes) -> Iterator[Request]:
    """The requests of an access log with one object a line."""
    return filter(None, map(_Requests(), _rows(data)))


def _rows(data: bytes) -> Iterator[dict[str, Any] | None]:
    """The known members of lines, a block at a time: a million of them in memory are half a gigabyte."""
    first = 0
    while first < len(data):
        end = data.find(b"\n", first + _BLOCK) + 1 or len(data)
        block = data[first:end]
        rows = _core.json_rows(block, _known, _members)
        yield from map(_members, block.split(b"\n")) if rows is None else rows  # a line that begins with [
        first = end


def list_requests(data: bytes) -> Iterator[Request]:
    """The requests of an access log that is one list of objects."""
    rows = _core.json_rows(data, _known, _members)
    if rows is None:
        try:
            rows = [_flat(row) if isinstance(row, Mapping) else None for row in json.loads(data)]
        except (ValueError, RecursionError):
            return iter(())
    return filter(None, map(_Requests(), rows))


def is_lines(lines: list[bytes]) -> bool:
    """Whether the first lines are objects of an access log, which say nothing of tokens."""
    looked = [line for line in lines if line.strip()]
    if not looked or not all(line.startswith(b"{") and _ASKED.search(line) for line in looked):
        return False
    return not any(map(_TOKENS.search, looked)) and _Requests()(_members(looked[0])) is not None


def is_list(lines: list[bytes]) -> bool:
    """Whether a file begins as a list of such objects."""
    start = b"\n".join(lines)
    return (
        re.match(rb"\s*\[\s*\{", start) is not None
        and _ASKED.search(start) is not None
        and _STATUS.search(start) is not None
        and _TOKENS.search(start) is None
    )
