"""Access logs of every proxy read as the same requests: POSTs to a model's path, when they began."""

import json
import time
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import gpushare as gs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

START = datetime(2026, 11, 29, 17, 30, 20, tzinfo=timezone.utc)
LENGTHS = "input=1000,output=200"


class Line(NamedTuple):
    at_s: float
    took_s: float
    method: str
    path: str
    status: int

    @property
    def began(self) -> datetime:
        return START + timedelta(seconds=self.at_s)

    @property
    def ended(self) -> datetime:
        return self.began + timedelta(seconds=self.took_s)


LINES = [
    Line(0, 4.5, "POST", "/v1/chat/completions", 200),
    Line(0.5, 0.001, "GET", "/health", 200),
    Line(1.25, 0.5, "POST", "/v1/chat/completions", 200),
    Line(2.5, 0.25, "POST", "/v1/chat/completions", 503),
    Line(3, 0.25, "POST", "/login", 200),
    Line(6.75, 2, "POST", "/v1/chat/completions", 200),
]
BY_END = sorted(LINES, key=lambda line: line.ended)


def iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def web(at: datetime) -> str:
    return f"{at:%d/%b/%Y:%H:%M:%S}"


def in_json(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


LOGS = {
    "nginx in JSON": in_json(
        [
            {
                "msec": f"{line.ended.timestamp():.3f}",
                "time_iso8601": iso(line.ended),
                "request": f"{line.method} {line.path} HTTP/1.1",
                "status": str(line.status),
                "request_time": f"{line.took_s:.3f}",
            }
            for line in BY_END
        ]
    ),
    "Envoy in JSON": in_json(
        [
            {
                "start_time": iso(line.began),
                "method": line.method,
                "path": line.path,
                "response_code": line.status,
                "duration": int(line.took_s * 1000),
            }
            for line in BY_END
        ]
    ),
    "Caddy": in_json(
        [
            {
                "level": "info",
                "ts": line.ended.timestamp(),
                "logger": "http.log.access.log0",
                "request": {"method": line.method, "uri": line.path},
                "duration": line.took_s,
                "status": line.status,
            }
            for line in BY_END
        ]
    ),
    "Traefik in JSON": in_json(
        [
            {
                "RequestMethod": line.method,
                "RequestPath": line.path,
                "DownstreamStatus": line.status,
                "Duration": int(line.took_s * 1e9),
                "StartUTC": iso(line.began),
                "time": iso(line.ended),
            }
            for line in BY_END
        ]
    ),
    "Azure Front Door": in_json(
        [
            {
                "time": iso(line.ended),
                "properties": {
                    "httpMethod": line.method,
                    "requestUri": f"https://x{line.path}",
                    "httpStatusCode": str(line.status),
                    "timeTaken": f"{line.took_s:.3f}",
                },
            }
            for line in BY_END
        ]
    ),
    "Google's load balancer": json.dumps(
        [
            {
                "httpRequest": {
                    "requestMethod": line.method,
                    "requestUrl": f"https://x{line.path}",
                    "status": line.status,
                    "latency": f"{line.took_s}s",
                },
                "timestamp": iso(line.began),
                "receiveTimestamp": iso(line.ended),
            }
            for line in LINES
        ],
        indent=1,
    ),
    "HAProxy": "".join(
        f"{line.ended:%b %d %H:%M:%S} lb haproxy[1]: 10.0.0.1:3 [{web(line.began)}"
        f".{line.began.microsecond // 1000:03d}] http-in static/srv1 10/0/30/69/{int(line.took_s * 1000)} "
        f'{line.status} 2750 - - ---- 1/1/1/1/0 0/0 {{a}} {{}} "{line.method} {line.path} HTTP/1.1"\n'
        for line in BY_END
    ),
    "AWS": "".join(
        f"https {iso(line.ended)} app/lb/5 10.0.0.1:28 10.0.0.2:80 0.000 {line.took_s:.3f} 0.000 {line.status} 200 34 "
        f'366 "{line.method} https://x:443{line.path} HTTP/1.1" "curl" - - arn "Root=1" "x" "arn" 0 '
        f'{iso(line.began)} "forward" "-" "-"\n'
        for line in BY_END
    ),
    "Traefik": "".join(
        f"10.0.0.1 - - [{web(line.began)}.{line.began.microsecond // 1000:03d} +0000] "
        f'"{line.method} {line.path} HTTP/1.1" {line.status} 20 "-" "-" 1 "vllm@docker" "http://10.0.0.2" '
        f"{int(line.took_s * 1000)}ms\n"
        for line in BY_END
    ),
}


@pytest.mark.parametrize("log", LOGS)
def test_every_dialect_has_the_same_requests(log: str) -> None:
    found = gs.traces.parse(LOGS[log], "log", columns=LENGTHS)
    np.testing.assert_allclose(found.arrival_s, [0, 1.25, 6.75], atol=1e-3)
    assert found.origin["rows"] == 4  # what failed is counted
    assert found.origin["failed"] == 1
    assert "4 of 6 lines are requests to a model" in found.origin["reason"]


@pytest.mark.parametrize("log", LOGS)
def test_lengths_have_to_be_given(log: str) -> None:
    with pytest.raises(gs.TraceError, match="it does not say how long prompts are"):
        gs.traces.parse(LOGS[log], "log")
    with pytest.raises(gs.TraceError, match="leave arrival out of columns"):
        gs.traces.parse(LOGS[log], "log", columns=f"{LENGTHS},arrival=time")


def test_w3c_logs_name_their_fields() -> None:
    text = (
        "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n"
        "#Fields: date time cs-method cs-uri-stem sc-status time-taken\n"
        "2026-11-29 17:30:25 POST /v1/completions 200 4500\n"
        "2026-11-29 17:30:26 GET /health 200 1\n"
        "2026-11-29 17:30:27 POST /v1/completions 200 1500\n"
    )
    found = gs.traces.parse(text, "log", columns=LENGTHS)
    assert found.arrival_s.tolist() == [0, 5]
    assert found.origin["reason"].endswith("times are their ends less what they took")


def test_ollamas_lines_end_with_the_request() -> None:
    text = (
        '[GIN] 2026/11/29 - 17:30:25 | 200 |  4.5s |       127.0.0.1 | POST     "/api/chat"\n'
        '[GIN] 2026/11/29 - 17:30:26 | 200 |  500.000ms |       127.0.0.1 | POST     "/api/generate"\n'
        '[GIN] 2026/11/29 - 17:30:26 | 200 |  12.1µs |       127.0.0.1 | GET     "/api/tags"\n'
    )
    found = gs.traces.parse(text, "log", columns=LENGTHS)
    assert found.arrival_s.tolist() == [0, 5]


def test_a_time_without_a_unit_is_not_taken_from_the_end() -> None:
    rows = [
        {"time": iso(line.ended), "method": line.method, "path": line.path, "status": 200, "duration": 58.3}
        for line in BY_END
    ]
    found = gs.traces.parse(in_json(rows), "log", columns=LENGTHS)
    assert found.origin["reason"].endswith("times are those of the lines")


def test_requests_with_tokens_are_read_as_they_are() -> None:
    rows = [
        {
            "time": iso(line.began),
            "method": "POST",
            "path": line.path,
            "status": 200,
            "prompt_tokens": 5,
            "osl": 6,
        }
        for line in LINES
    ]
    assert gs.traces.parse(in_json(rows), "log").input_tokens.tolist() == [5] * len(LINES)


@given(st.binary(max_size=200), st.sampled_from(sorted(LOGS)), st.integers(0, 900))
def test_damaged_logs_are_read_or_refused(noise: bytes, log: str, at: int) -> None:
    whole = LOGS[log].encode()
    told = "log"
    try:
        gs.traces.parse(whole[:at] + noise + whole[at:], "log", columns=LENGTHS)
    except gs.TraceError as error:
        told = str(error)
    assert told.startswith("log")


@pytest.mark.parametrize("other", ["[GIN] started", "[1, 2]", "", "{"])
def test_json_lines_are_read_block_by_block(monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    lines = LOGS["Envoy in JSON"].splitlines() * 5
    log = "\n".join([*lines, other, *lines]) + "\n"
    whole = gs.traces.parse(log, "log", columns=LENGTHS)
    for size in (1, 50, 200, 700):
        monkeypatch.setattr("gpushare.traces.access_json._BLOCK", size)
        assert gs.traces.parse(log, "log", columns=LENGTHS).arrival_s.tolist() == whole.arrival_s.tolist()


def test_a_line_of_brackets_costs_as_much_as_it_is_long() -> None:
    def cost_s(brackets: int) -> float:
        took = []
        for _ in range(3):
            began = time.process_time()
            with pytest.raises(gs.TraceError, match="log:1"):
                gs.traces.parse(b"[" * brackets + b"\n", "log", columns=LENGTHS)
            took.append(time.process_time() - began)
        return min(took)

    assert cost_s(20_000) < 100 * cost_s(1_000)  # 400 times if each were a beginning of its own
