"""The what-if page over HTTP: it answers as the command does, to this machine and its token only."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import gpushare as gs
import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")

from gpushare.explore.answers import answer, board_of, told_error
from gpushare.explore.knobs import HORIZON, knobs
from gpushare.explore.page import page
from gpushare.explore.questions import Question
from gpushare.explore.server import Explorer
from gpushare.explore.state import Base, document_of

USERS = "/traffic/0/users"


@pytest.fixture(scope="module")
def explorer() -> Iterator[Explorer]:
    made = Explorer(gs.Scenario.load("voice-light"), token="a-token").start()
    yield made
    made.stop()


def sent(
    explorer: Explorer, path: str, told: Any = None, **headers: str
) -> tuple[int, bytes, dict[str, str]]:
    with closing(http.client.HTTPConnection("127.0.0.1", explorer.port, timeout=60)) as connection:
        if told is None:
            connection.request("GET", path, headers=headers)
        else:
            connection.request("POST", path, json.dumps(told), {"Authorization": "token a-token", **headers})
        reply = connection.getresponse()
        return reply.status, reply.read(), {name.lower(): value for name, value in reply.getheaders()}


def asked(explorer: Explorer, path: str, told: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
    status, body, found = sent(explorer, path, told, **headers)
    is_json = found["content-type"].startswith("application/json")
    return status, json.loads(body) if is_json else body.decode(), found


def ask(explorer: Explorer, state: dict[str, Any], name: str = "test") -> Any:
    status, found, _ = asked(explorer, "/ask", {"page": name, "state": state})
    assert status == 200, found
    return found


def test_a_slider_gives_the_figures_that_compare_gives(explorer: Explorer) -> None:
    state = {
        "set": {USERS: 9, "/services/tts/replicas": 2, "/traffic/0/sizes/output_tokens/mean": 90},
        "modes": ["dedicated", "mps"],
        "objectives": {"voice_to_voice_p95": "2s"},
    }
    found = ask(explorer, state)
    table = gs.compare(found["document"], most_replications=1, record_requests=False)
    assert found["verdict"]["line"] == table.verdict.line
    assert list(found["figures"]) == ["dedicated", "mps"]
    for mode, summary in table.summaries.items():
        for name, value in summary.items():
            told = found["figures"][mode][name]
            assert told == value or (told is None and value != value), (mode, name)
    assert found["document"]["traffic"][0]["users"] == 9
    assert 'data-figure="voice_to_voice_p95_s"' in found["modes"]
    assert "<svg" in found["modes"]


def test_the_same_question_has_the_same_bytes(explorer: Explorer) -> None:
    told = {"page": "x", "state": {"set": {USERS: 3}}}
    assert sent(explorer, "/ask", told)[1] == sent(explorer, "/ask", told)[1]
    assert page("voice-light") == page("voice-light")


def test_the_board_is_a_mode_among_the_others(explorer: Explorer) -> None:
    status, placed, _ = asked(explorer, "/place", {"state": {}, "mode": "mig:3g.40gb+3g.40gb"})
    assert status == 200
    assert placed["board"][1]["layout"] == "3g.40gb@0+3g.40gb@4"
    found = ask(explorer, {"modes": ["mig:3g.40gb+3g.40gb"], "board": placed["board"]})
    figures = found["figures"]
    assert figures["board"] == figures["mig:3g.40gb+3g.40gb"]
    placed["board"][1]["partitions"][0]["processes"] = []
    failed = ask(explorer, {"modes": ["mps"], "board": placed["board"]})["failed"]
    assert 'service "asr" is placed on no GPU' in failed["board"]


def test_errors_say_where_they_arise(explorer: Explorer) -> None:
    status, found, _ = asked(explorer, "/ask", {"page": "e", "state": {"set": {USERS: -3}}})
    assert status == 422
    assert found["places"] == [USERS]
    assert "expected a whole number between 1 and" in found["error"]
    status, found, _ = asked(explorer, "/ask", {"page": "e", "state": {"objectives": {"llm.tftt_p95": "1s"}}})
    assert status == 422
    assert "llm.ttft_p95" in found["error"]
    assert found["places"][0].startswith("/objectives")
    status, found, _ = asked(explorer, "/ask", {"page": "e", "state": {"colour": 1}})
    assert (status, found["places"]) == (422, ["/colour"])
    status, found, _ = asked(explorer, "/ask", {"page": "e", "state": {"modes": []}})
    assert (status, found["places"]) == (422, ["/modes"])
    assert asked(explorer, "/ask", [1])[0] == 422


@pytest.mark.parametrize("how", ["stop", "ask"])
def test_what_is_superseded_stops(explorer: Explorer, how: str) -> None:
    slow = {"set": {"/traffic/0/hold_s": 1_000_000, USERS: 50}, "modes": ["time-slicing"]}
    replies: list[tuple[int, Any]] = []
    first = threading.Thread(
        target=lambda: replies.append(asked(explorer, "/ask", {"page": how, "state": slow})[:2])
    )
    first.start()
    time.sleep(0.5)  # it takes minutes
    assert first.is_alive()
    if how == "stop":
        assert asked(explorer, "/stop", {"page": how})[1] is True
        assert asked(explorer, "/stop", {"page": how})[1] is False
    else:
        ask(explorer, {"modes": ["mps"]}, how)
    first.join(5)
    assert not first.is_alive()
    assert replies == [(200, {"superseded": True})]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:80"])
def test_another_name_is_refused(explorer: Explorer, host: str) -> None:
    for path, told in (("/?token=a-token", None), ("/ask", {"state": {}})):
        status, text, _ = asked(explorer, path, told, Host=host)
        assert status == 403
        assert "answers only by the address" in text


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_this_machine_is_answered_without_leave_for_others(explorer: Explorer, name: str) -> None:
    status, text, headers = asked(
        explorer, "/?token=a-token", Host=f"{name}:{explorer.port}", Origin="http://evil.example"
    )
    assert status == 200
    assert text.startswith("<!doctype html>")
    assert not any(header.startswith("access-control") for header in headers)
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


def test_without_the_token_there_is_nothing(explorer: Explorer) -> None:
    for path in ("/", "/?token=", "/?token=b-token", "/?Token=a-token"):
        assert asked(explorer, path)[0] == 403
    for given in ("", "token b-token", "a-token"):
        assert asked(explorer, "/ask", {"state": {}}, Authorization=given)[0] == 403
        assert asked(explorer, "/start", {}, Authorization=given)[0] == 403
    assert asked(explorer, "/ask?token=a-token", {"state": {}}, Authorization="")[0] == 403


def test_it_listens_on_loopback_only(explorer: Explorer) -> None:
    assert explorer._socket.getsockname()[0] == "127.0.0.1"
    others = [a[4][0] for a in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    for address in {one for one in others if not str(one).startswith("127.")}:
        with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
            socket.create_connection((address, explorer.port), timeout=1)


def test_script_and_style_need_nothing_from_elsewhere(explorer: Explorer) -> None:
    for path in ("/explore.js", "/explore.css"):
        status, text, _ = asked(explorer, path)
        assert status == 200
        assert "http://" not in text
        assert "https://" not in text


def test_too_much_is_refused(explorer: Explorer) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", explorer.port, timeout=10)) as connection:
        connection.putrequest("POST", "/ask")
        connection.putheader("Authorization", "token a-token")
        connection.putheader("Content-Length", "5000000")
        connection.endheaders()
        assert connection.getresponse().status == 413


def test_every_shipped_scenario_has_knobs_that_may_be_turned() -> None:
    refused = []
    for name in gs.scenario_names():
        base = Base(gs.Scenario.load(name))
        found = knobs(base.document)
        assert found, name
        for knob in found:
            for value in (knob.value, knob.low, knob.high):
                given = knob.set_to(value)
                try:
                    base.scenario(document_of(base, {"set": {knob.pointer: given}}))
                except gs.Error as error:
                    refused.append((name, knob.pointer, given, str(error)))
    assert refused == []


def test_the_horizon_is_a_knob_wherever_a_document_says_one() -> None:
    found = {
        name: [knob.pointer for knob in knobs(gs.Scenario.load(name).document) if knob.group == HORIZON]
        for name in ("bursty-llm", "voice-light", "llm-trace")
    }
    assert found == {
        "bursty-llm": ["/duration_s"],
        "voice-light": ["/traffic/0/hold_s"],
        "llm-trace": ["/traffic/0/generate/duration_s"],
    }
    (knob,) = (k for k in knobs(gs.Scenario.load("voice-calls").document) if k.pointer == "/duration_s")
    assert knob.low > 600  # the warm-up


def test_units_of_traffic_and_of_stages_are_knobs() -> None:
    served = gs.Scenario.of(gs.rag(rate=1, passages=30), gs.embedding("e5-large-v2", rate=2, units=4))
    found = {knob.pointer: knob.value for knob in knobs(served.document) if "units" in knob.pointer}
    assert found == {
        "/pipelines/rag/stages/0/units": 1,
        "/pipelines/rag/stages/1/units": 30,
        "/traffic/1/sizes/units": 4,
    }


def test_a_day_is_refused_with_what_shortens_it_and_an_hour_of_it_is_not() -> None:
    base = Base(gs.Scenario.load("bursty-day"))
    state = {"modes": ["autoscaled-3-min", "fixed"]}
    with pytest.raises(gs.ScenarioError, match=r"Lower the rates, the users or duration_s") as refused:
        answer(base, state, Question())
    assert told_error(refused.value)["places"][0] == "/duration_s"
    found = answer(base, {**state, "set": {"/duration_s": 1800}}, Question())
    assert list(found["figures"]) == ["autoscaled-3-min", "fixed"]
    assert (
        found["figures"]["autoscaled-3-min"]["cost_per_month"] < found["figures"]["fixed"]["cost_per_month"]
    )
    assert "autoscaled" in found["verdict"]["line"]


def test_a_trace_that_was_handed_over_is_replayed() -> None:
    document = gs.Scenario.load("llm-trace").document
    document["traffic"] = [{"kind": "trace", "name": "mine", "pipeline": document["traffic"][0]["pipeline"]}]
    trace = gs.Trace([0.0, 1.0, 2.0], [100, 100, 100], [10, 10, 10])
    base = Base(gs.Scenario.from_dict(document, traces={"mine": trace}))
    found = answer(base, {"modes": ["dedicated"], "set": {"/traffic/0/speed": 2.0}}, Question())
    assert found["figures"]["dedicated"]["arrived"] == 3


def test_a_fleet_under_control_is_laid_on_no_board() -> None:
    base = Base(gs.Scenario.load("bursty-day"))
    with pytest.raises(gs.ScenarioError, match='fixed: its fleet is under "control"'):
        board_of(base, {}, "fixed")


def test_the_document_is_yaml_too(explorer: Explorer) -> None:
    _, found, _ = asked(explorer, "/yaml", {"state": {"set": {USERS: 4}}})
    from gpushare.yaml_files import parse_yaml

    (document,) = parse_yaml(found["text"])
    base = Base(gs.Scenario.load("voice-light"))
    assert document.value == document_of(base, {"set": {USERS: 4}})


def test_ctrl_c_ends_the_command_cleanly() -> None:
    words = [sys.executable, "-m", "gpushare", "explore", "voice-light", "--no-browser", "--json"]
    with subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        line = ""
        while "port" not in line:
            line = process.stdout.readline()
        port = int("".join(c for c in line if c.isdigit()))
        deadline = time.monotonic() + 10
        status = 0
        while status == 0 and time.monotonic() < deadline:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
                try:
                    connection.request("GET", "/")
                    status = connection.getresponse().status
                except OSError:
                    time.sleep(0.05)
        assert status == 403
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
        assert (process.returncode, errors) == (0, "")


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ImportError, match=r"pip install 'gpushare-sim\[explore\]'"):
        Explorer(gs.Scenario.load("voice-light"))
