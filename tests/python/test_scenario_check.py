"""What is said of a scenario before it is simulated, and what the simulation then says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare.command.cli import main


def document(rate_per_s: float, **more: Any) -> dict[str, Any]:
    return {
        "name": "pair",
        "gpu": "a100",
        "duration_s": 60,
        "services": {"chat": {"model": "llama-3.1-8b"}, "embed": {"model": "bge-m3"}},
        "pipelines": {name: {"stages": [{"name": name, "service": name}]} for name in ("chat", "embed")},
        "traffic": [
            {
                "pipeline": "chat",
                "kind": "open",
                "arrivals": {"kind": "poisson", "rate_per_s": rate_per_s},
                "sizes": {"input_tokens": 500, "output_tokens": 100},
            },
            {
                "pipeline": "embed",
                "kind": "open",
                "arrivals": {"kind": "poisson", "rate_per_s": 5},
                "sizes": {"units": 1},
            },
        ],
        **more,
    }


def test_what_is_called_too_much_is_too_much_when_simulated() -> None:
    found = gs.check_scenario(document(60.0), modes=["dedicated", "mps"])
    assert found.verdict == "overloaded"
    for one in found.modes:
        assert one.first == "chat"
        assert one.services == {}
        served = gs.simulate(gs.Scenario.from_dict(document(60.0)), mode=one.mode).summary()
        assert served["request_throughput"] < served["offered_rate"] * 0.9
        # The bound is one: what it leaves is offered, and not more than that is served.
        assert one.load_factor is not None
        assert served["output_token_throughput"] <= 60 * 100 * one.load_factor


@pytest.mark.parametrize("mode", ["dedicated", "mps", "time-slicing"])
def test_a_light_load_is_foreseen_as_it_is_simulated(mode: str) -> None:
    (one,) = gs.check_scenario(document(3.0), modes=[mode]).modes
    summary = gs.simulate(gs.Scenario.from_dict(document(3.0)), mode=mode, replications=4).summary()
    assert one.carries
    for name, latency in (("chat", "ttft"), ("embed", "latency")):
        assert one.services[name].latency == latency
        assert one.services[name].p95_s == pytest.approx(float(summary[f"{name}.{latency}_p95_s"]), rel=0.25)


def test_users_who_wait_do_not_overload_anything() -> None:
    found = gs.check_scenario("voice-heavy")
    assert found.verdict == "fits"
    assert "wait" in found.line
    assert all(one.load_factor is not None and one.load_factor < 1 for one in found.modes)


def test_a_fleet_that_changes_has_no_bound() -> None:
    found = gs.check_scenario("day-and-night")
    assert found.verdict == "fits"
    assert {one.load_factor for one in found.modes} == {None}


def test_what_fits_nowhere_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "scenario", "voice-heavy", "--modes", "mig:7x1g.10gb"]) == 3
    text = capsys.readouterr().out
    assert "voice-heavy fits in no such mode" in text
    assert "tts needs 31.6 GB" in text
    assert "Next" not in text


def test_the_command_has_the_answer_as_json_and_by_its_exit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pair.json"
    path.write_text(json.dumps(document(60.0)))
    assert main(["check", "scenario", str(path), "--json"]) == 4
    found = json.loads(capsys.readouterr().out)
    assert [one["mode"] for one in found["modes"]] == ["dedicated", "time-slicing", "mps"]
    assert found["verdict"] == "overloaded"
    assert main(["check", "scenario", str(path), "--set", "/traffic/0/arrivals/rate_per_s=3"]) == 0
    text = capsys.readouterr().out
    assert "chat.ttft p95 ms" in text
    assert "gpushare compare" in text
    assert "/traffic/0/arrivals/rate_per_s=3" in text


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pair.json"
    path.write_text(json.dumps(document(3.0, duration="a minute", sed=4)))
    assert main(["check", "scenario", str(path)]) == 2
    text = capsys.readouterr().err
    assert "sed" in text
    assert "duration" in text


def test_objects_have_a_line() -> None:
    found = gs.check_scenario("voice-light")
    assert repr(found) == f"<ScenarioCheck {found.line}>"
    assert found.line in str(found)
