"""The largest load within objectives."""

import json
import math

import gpushare as gs
import pytest
from gpushare.command.cli import main


def queue(tmp_path, rate=2.0, **more):
    """One server with exponential service times of 0.1 s, as a document."""
    model = tmp_path / "station.json"
    model.write_text(
        json.dumps({"name": "station", "kind": "synthetic", "gpu_s": {"kind": "exponential", "mean": 0.1}})
    )
    return {
        "name": "queue",
        "gpu": "a100",
        "seed": 3,
        "duration_s": 4000,
        "services": {"station": {"model": str(model), "engine": {"kind": "fifo"}}},
        "pipelines": {"only": {"stages": [{"name": "visit", "service": "station"}]}},
        "traffic": [{"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": rate}}],
        "placement": {"mode": "dedicated"},
    } | more


def test_a_queue_takes_what_theory_says(tmp_path):
    """M/M/1: times in the system are exponential with rate mu - lambda, so that their p95 is ln(20) / (mu - lambda)."""
    bound = 0.75
    found = gs.capacity(queue(tmp_path), {"e2e_latency_p95_s": bound}, replications=6)
    expected = 10 - math.log(20) / bound
    assert found.unit == "requests/s"
    assert found.load == pytest.approx(expected, rel=0.03)
    assert found.low <= found.load <= found.high
    assert found.low <= expected * 1.02
    assert found.high >= expected * 0.98
    assert found.modes["dedicated"].limit.objective.figure == "e2e_latency_p95_s"


def test_the_answer_does_not_depend_on_where_the_search_begins_or_what_runs_it(tmp_path):
    asked = {"e2e_latency_p95_s": 0.75}
    low = gs.capacity(queue(tmp_path, rate=0.5, duration_s=1000), asked, replications=4)
    high = gs.capacity(queue(tmp_path, rate=40.0, duration_s=1000), asked, replications=4)
    assert high.load == pytest.approx(low.load, rel=0.03)
    again = gs.capacity(queue(tmp_path, rate=0.5, duration_s=1000), asked, replications=4, threads=1)
    assert again.to_dict() == low.to_dict()


def test_users_are_whole_and_modes_stand_side_by_side():
    found = gs.capacity(
        "voice-light",
        {"voice_to_voice_p95_s": 1.2},
        modes=["dedicated", "mig:3g.40gb+3g.40gb"],
        replications=2,
    )
    assert found.unit == "users"
    assert list(found.modes) == ["dedicated", "mig:3g.40gb+3g.40gb"]
    for one in found.modes.values():
        assert one.load.is_integer()
        assert one.low <= one.load <= one.high
    assert found.modes["dedicated"].load >= found.modes["mig:3g.40gb+3g.40gb"].load
    curve = found.curve
    assert list(curve.columns)[:3] == ["mode", "load", "voice_to_voice_p95_s"]
    assert len(curve) == sum(len(one.curve) for one in found.modes.values())
    assert found.text(60).splitlines()[0].startswith("voice-light: up to ")
    assert max(map(len, found.text(60).splitlines())) <= 60


def test_the_path_of_a_number_can_be_varied(tmp_path):
    found = gs.capacity(
        queue(tmp_path), {"e2e_latency_p95_s": 0.75}, vary="traffic.0.arrivals.rate_per_s", replications=4
    )
    assert found.load == pytest.approx(10 - math.log(20) / 0.75, rel=0.05)
    assert found.unit == "traffic.0.arrivals.rate_per_s"


def test_a_bound_below_the_work_itself_leaves_no_load(tmp_path):
    found = gs.capacity(queue(tmp_path), {"e2e_latency_p95_s": 0.05}, replications=2)
    assert found.load == 0
    assert "e2e_latency_p95_s" in found.modes["dedicated"].why
    assert "no load meets the objectives" in str(found)


def test_a_mode_that_does_not_fit_says_so():
    found = gs.capacity("voice-light", {"llm.ttft_p95_s": 0.5}, modes=["time-slicing:9"], replications=2)
    assert found.load == 0
    assert "GB" in found.modes["time-slicing:9"].why


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vary": "users"}, 'no traffic has users; vary "rate"'),
        ({"vary": "traffic.0.arrivals.rate"}, 'there is no "rate"; legal are kind, rate_per_s'),
        ({"vary": "name"}, "a number above 0 is needed"),
        ({"tolerance": 0}, "tolerance: found 0"),
        ({"replications": 1}, "an integer of at least 2"),
        ({"objectives": {"visit.latncy_p95_s": 1}}, "visit.latency_p95_s"),
    ],
)
def test_errors_say_where_and_what_would_be_right(tmp_path, changes, words):
    arguments = {"objectives": {"e2e_latency_p95_s": 1.0}} | changes
    with pytest.raises((gs.Error, ValueError)) as caught:
        gs.capacity(queue(tmp_path, duration_s=10), **arguments)
    assert words in str(caught.value)


def test_the_command_prints_json_and_its_exit_code(tmp_path, capsys):
    file = tmp_path / "queue.json"
    file.write_text(json.dumps(queue(tmp_path, duration_s=500)))
    curve = tmp_path / "curve.csv"
    command = ["capacity", str(file), "--slo", "e2e_latency_p95=750ms", "--replications", "2", "--json"]
    assert main([*command, "--out", str(curve)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"vary", "unit", "load", "low", "high"} <= set(told)
    assert told["vary"] == "rate"
    assert 4 < told["load"] < 8
    assert curve.read_text().startswith("mode,load,e2e_latency_p95_s")
    assert main(["capacity", str(file), "--slo", "e2e_latency_p95=1ms", "--replications", "2"]) == 4
