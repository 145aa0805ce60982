"""Access logs of proxies and load balancers beside nginx's and Envoy's own formats, as lines of Envoy's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
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
    span_s,
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
_Reader = Callable[[list[bytes]], Iterator[Request]]

_HAPROXY = re.compile(
    rb"\[(?P<at>\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d(?:\.\d+)?)\] \S+ \S+ [-+\d/]+ (?P<status>-?\d+) \d+ "
    rb".*\"(?P<method>\w+) (?P<path>\S+)[^\"]*\"\r?$"
)
_ALB = re.compile(
    rb"(?:https?|h2|grpcs|wss?) (\d{4}-\d\d-\d\dT[\d:.]+)Z \S+ \S+ \S+ \S+ \S+ \S+ (\d+|-) \S+ \d+ \d+ "
    rb'"(\w+) (\S+) [^"]*"(?:.*? (\d{4}-\d\d-\d\dT[\d:.]+)Z ")?'
)
_TRAEFIK = re.compile(
    rb"\[(?P<at>[^][]+)\] \"(?P<method>\w+) (?P<path>\S+) [^\"]*\" (?P<status>\d+) .*\" \d+ms\r?$"
)
_GIN = re.compile(
    rb"\[GIN\] (\d{4}/\d\d/\d\d) - (\d\d:\d\d:\d\d) \| +(\d+) \| +(\S+) \| +\S+ \| (\w+) +\"([^\"]+)\"\r?$"
)
_W3C_FIELDS = b"#Fields:"
_IS_W3C = re.compile(rb"#(?:Software|Version|Date|Fields): ")


def _by_names(pattern: re.Pattern[bytes]) -> _Reader:
    """Lines whose times are of beginnings, by a pattern that names the members of a request."""

    def requests(lines: list[bytes]) -> Iterator[Request]:
        for found in filter(None, map(pattern.search, lines)):
            said = {name: part.decode(errors="replace") for name, part in found.groupdict().items()}
            yield Request(said["at"], BEGAN, said["method"], said["path"], said["status"])

    return requests


def _load_balancer(lines: list[bytes]) -> Iterator[Request]:
    for found in filter(None, map(_ALB.match, lines)):
        ended, status, method, path, began = (
            (part or b"").decode(errors="replace") for part in found.groups()
        )
        yield Request(f"{began or ended}Z", BEGAN if began else ENDED, method, path, status)


def _gin(lines: list[bytes]) -> Iterator[Request]:
    for found in filter(None, map(_GIN.search, lines)):
        day, clock, status, took, method, path = (part.decode(errors="replace") for part in found.groups())
        at = datetime.strptime(f"{day} {clock}", "%Y/%m/%d %H:%M:%S").replace(tzinfo=timezone.utc)
        yield Request(at, ENDED, method, path, status, span_s(took))


def _w3c(lines: list[bytes]) -> Iterator[Request]:
    names: list[str] = []
    for line in lines:
        if line.startswith(_W3C_FIELDS):
            names = line[len(_W3C_FIELDS) :].decode(errors="replace").split()
        if not line.strip() or line.startswith(b"#"):
            continue
        row = dict(zip(names, line.decode(errors="replace").split(), strict=False))
        took = row.get("time-taken", "")
        yield Request(
            f"{row.get('date', '')}T{row.get('time', '')}Z",
            ENDED,
            row.get("cs-method", ""),
            row.get("cs-uri-stem", ""),
            row.get("sc-status", ""),
            (float(took) if "." in took else int(took) / 1000)
            if took.replace(".", "", 1).isdigit()
            else None,
        )


_DIALECTS: tuple[tuple[str, Callable[[list[bytes]], bool], _Reader], ...] = (
    ("an access log of HAProxy", lambda lines: any(map(_HAPROXY.search, lines)), _by_names(_HAPROXY)),
    ("an access log of a load balancer of AWS", lambda lines: any(map(_ALB.match, lines)), _load_balancer),
    ("a log of Ollama's server", lambda lines: any(map(_GIN.search, lines)), _gin),
    ("a W3C access log, as of IIS", lambda lines: bool(lines) and _IS_W3C.match(lines[0]) is not None, _w3c),
    ("an access log of Traefik", lambda lines: any(map(_TRAEFIK.search, lines)), _by_names(_TRAEFIK)),
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


def _line(request: Request, at: str) -> str:
    """A request as the compiled reader takes it, which subtracts the seconds at the end of nginx's lines."""
    line = f'[{at}] "{request.method} {request.path}" {request.status}'
    if request.moment != ENDED:
        return line
    return f"- {line} -" if request.took_s is None else f"- {line} {request.took_s:.3f}"


def _lines(data: bytes) -> list[bytes]:
    return data.removeprefix(b"\xef\xbb\xbf").split(b"\n")


def access_log(start: bytes) -> Callable[[bytes, str, str, Mapping[str, Any]], _core.Trace] | None:
    """What reads an access log that begins so; None for anything else, and for what the compiled reader knows."""
    lines = _lines(start)[:_LINES]
    for title, fits, requests in _DIALECTS:
        if fits(lines):
            return lambda data, source, format, options: _read(title, requests, data, source, options)
    return None


def _read(title: str, requests: _Reader, data: bytes, source: str, options: Mapping[str, Any]) -> _core.Trace:
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
    moments: set[int] = set()
    timed = 0
    lines = []
    moment_of = _Moments()
    for request in requests(_lines(data)):
        try:
            lines.append(_line(request, moment_of(request.at)))
        except (ValueError, OverflowError, OSError):
            raise fail(TraceError, source, f"{title}, but {request.at!r} in it is no time") from None
        moments.add(request.moment)
        timed += request.took_s is not None
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
