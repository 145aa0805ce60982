"""Access logs of proxies and load balancers beside nginx's and Envoy's own formats, as lines of Envoy's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from operator import itemgetter
from typing import Any

from .. import _core
from .._core import TraceError
from .._errors import fail
from .access_json import (
    BEGAN,
    ENDED,
    LOGGED,
    Request,
    is_lines,
    is_list,
    line_requests,
    list_requests,
)

__all__ = ["access_log"]

#: Of times of beginnings, and of ends: the formats whose lines the compiled reader makes requests of.
_FORMATS = ("envoy", "nginx")
_TITLES = {"envoy": "an Envoy access log", "nginx": "an access log (combined format)"}
_DIGITS = 10  # of seconds since 1970 in our time
_LINES = 20  # that are looked at


_TIMES = {
    BEGAN: "times are of when requests began",
    ENDED: "times are when each request ended",
    LOGGED: "times are those of the lines",
}
_Reader = Callable[[bytes], Iterator[Request]]

# Each finds one request in a line, and none goes past its end: all lines are gone through at once.
_HAPROXY = re.compile(
    r"\[(?P<at>\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d(?:\.\d+)?)\] \S+ \S+ [-+\d/]+ (?P<status>-?\d+) \d+ "
    r".*\"(?P<method>\w+) (?P<path>\S+)[^\"\n]*\"\r?$",
    re.A | re.M,
)
_ALB = re.compile(
    r"^(?:https?|h2|grpcs|wss?) (?P<ended>\d{4}-\d\d-\d\dT[\d:.]+)Z \S+ \S+ \S+ \S+ \S+ \S+ (?P<status>\d+|-) "
    r"\S+ \d+ \d+ "
    r'"(?P<method>\w+) (?P<path>\S+) [^"\n]*"(?:.*? (?P<at>\d{4}-\d\d-\d\dT[\d:.]+)Z ")?',
    re.A | re.M,
)
_TRAEFIK = re.compile(
    r"\[(?P<at>[^][\n]+)\] \"(?P<method>\w+) (?P<path>\S+) [^\"\n]*\" (?P<status>\d+) .*\" \d+ms\r?$",
    re.A | re.M,
)
_GIN = re.compile(r"\[GIN\] \d{4}/\d\d/\d\d - \d\d:\d\d:\d\d \| +\d+ \| ", re.A)
_IS_W3C = re.compile(rb"#(?:Software|Version|Date|Fields): ")


def _found(pattern: re.Pattern[str], data: bytes, *names: str) -> Iterator[tuple[str, ...]]:
    """The named groups of every match."""
    groups = itemgetter(*(pattern.groupindex[name] - 1 for name in names))
    return map(groups, pattern.findall(data.decode(errors="replace")))


def _by_names(pattern: re.Pattern[str]) -> _Reader:
    """Lines whose times are of beginnings, by a pattern that names the members of a request."""

    def requests(data: bytes) -> Iterator[Request]:
        for at, method, path, status in _found(pattern, data, "at", "method", "path", "status"):
            yield at, BEGAN, method, path, status, None

    return requests


def _load_balancer(data: bytes) -> Iterator[Request]:
    for ended, status, method, path, at in _found(_ALB, data, "ended", "status", "method", "path", "at"):
        yield f"{at or ended}Z", BEGAN if at else ENDED, method, path, status, None


def _begins(pattern: re.Pattern[str]) -> Callable[[list[bytes]], bool]:
    return lambda lines: pattern.search(b"\n".join(lines).decode(errors="replace")) is not None


# What reads each, or the name of the compiled reader's format.
_DIALECTS: tuple[tuple[str, Callable[[list[bytes]], bool], _Reader | str], ...] = (
    ("an access log of HAProxy", _begins(_HAPROXY), _by_names(_HAPROXY)),
    ("an access log of a load balancer of AWS", _begins(_ALB), _load_balancer),
    ("a log of Ollama's server", _begins(_GIN), "ollama"),
    ("a W3C access log, as of IIS", lambda lines: bool(lines) and _IS_W3C.match(lines[0]) is not None, "w3c"),
    ("an access log of Traefik", _begins(_TRAEFIK), _by_names(_TRAEFIK)),
    ("an access log in JSON", is_lines, line_requests),
    ("an access log as a list in JSON", is_list, list_requests),
)


class _Moments:
    """Times as the compiled reader takes them: dates as they are written, numbers since 1970 as dates."""

    def __init__(self) -> None:
        self._seconds: dict[str, str] = {}

    def __call__(self, at: datetime | float | str) -> str:
        if isinstance(at, datetime):
            return at.isoformat()
        text = at if isinstance(at, str) else f"{at:.6f}"
        whole, _, rest = text.partition(".")
        if not whole.isdigit():
            return text
        if len(whole) > _DIGITS:  # of our time in ms, us or ns
            whole, rest = whole[:_DIGITS], whole[_DIGITS:] + rest
        date = self._seconds.get(whole)
        if date is None:
            moment = datetime.fromtimestamp(int(whole), timezone.utc)
            date = self._seconds[whole] = moment.isoformat().removesuffix("+00:00")
        return f"{date}.{rest[:9]}Z" if rest else f"{date}Z"


def _written(requests: Iterable[Request], title: str, source: str) -> tuple[list[str], set[int], int]:
    """Requests as the compiled reader takes them, which moments their times are of, and how many say what they took.

    Of a line that ends with seconds, as nginx's, the reader subtracts them.
    """
    lines: list[str] = []
    moments: set[int] = set()
    timed = 0
    moment_of = _Moments()
    for at, moment, method, path, status, took_s in requests:
        try:
            dated = type(at) is str and (at[4:5] in ("-", "/") or at[2:3] == "/")  # most are
            when = at if dated else moment_of(at)
        except (ValueError, OverflowError, OSError):
            raise fail(TraceError, source, f"{title}, but {at!r} in it is no time") from None
        moments.add(moment)
        if moment != ENDED:
            lines.append(f'[{when}] "{method} {path}" {status}')
        elif took_s is None:
            lines.append(f'- [{when}] "{method} {path}" {status} -')
        else:
            lines.append(f'- [{when}] "{method} {path}" {status} {took_s:.3f}')
            timed += 1
    return lines, moments, timed


def _lines(data: bytes) -> list[bytes]:
    return data.removeprefix(b"\xef\xbb\xbf").split(b"\n")


def access_log(start: bytes) -> Callable[[bytes, str, str, Mapping[str, Any]], _core.Trace] | None:
    """What reads an access log that begins so; None for anything else, and for what the compiled reader knows."""
    lines = _lines(start)[:_LINES]
    for title, fits, requests in _DIALECTS:
        if fits(lines):
            return lambda data, source, format, options: _read(title, requests, data, source, options)
    return None


def _read(
    title: str, requests: _Reader | str, data: bytes, source: str, options: Mapping[str, Any]
) -> _core.Trace:
    columns = str(options.get("columns", ""))
    if re.search(r"(?:^|,)\s*arrival=", columns):
        raise fail(TraceError, source, f"{title}, whose times have one place; leave arrival out of columns")
    for role, what in (("input", "prompts"), ("output", "replies")):
        if re.search(rf"(?:^|,)\s*{role}=\d+(?:,|$)", columns) is None:
            raise fail(
                TraceError,
                source,
                f"{title}: it does not say how long {what} are; give one length for all with columns (--columns), "
                "as in input=1000,output=200",
            )
    if isinstance(requests, str):
        return _core.parse_trace(data, source, format=requests, **options)
    found = requests(data.removeprefix(b"\xef\xbb\xbf"))
    lines, moments, timed = _written(found, title, source)
    format = _FORMATS[ENDED in moments]
    try:
        trace = _core.parse_trace("\n".join(lines).encode(), source, format=format, **options)
    except TraceError as error:
        told = str(error).partition(f"{_TITLES[format]}: ")[2]
        raise fail(TraceError, source, f"{title}: {told}" if told else f"{title}, but {error}") from None
    times = "; ".join(
        "times are their ends less what they took" if m == ENDED and timed == len(lines) else _TIMES[m]
        for m in sorted(moments)
    )
    share = trace.origin["reason"].removeprefix(f"{_TITLES[format]}; ").rpartition("times are ")[0]
    origin = {**trace.origin, "format": "access-log", "reason": f"{title}; {share}{times}"}
    return _core.Trace(
        trace.arrival_s, trace.input_tokens, trace.output_tokens, trace.name, trace.extra, origin
    )
