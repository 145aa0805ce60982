"""One way to run cases, under comparisons and sweeps alike."""

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare.study import cases as cases_module
from gpushare.study.bottleneck import Bottleneck
from gpushare.study.cases import run_cases
from gpushare.study.outcomes import Outcome, figure_columns, values


@pytest.fixture(scope="module")
def cases(light: gs.Scenario) -> list[gs.Point]:
    return [*gs.grid(light, mode=["mps"]), gs.Point(None, {"mode": "mig:nothing"}, refused="too small")]


def test_a_case_has_figures_or_a_reason(cases: list[gs.Point], light: gs.Scenario) -> None:
    seen: list[tuple[int, int]] = []
    good, bad = run_cases(cases, progress=lambda done, total: seen.append((done, total)))
    assert dict(good.figures) == dict(gs.simulate(light, mode="mps", record_requests=False).summary())
    assert good.limiting_resource
    assert not good.refused
    assert bad == Outcome(refused="too small")
    assert seen == [(1, 2), (2, 2)]


def test_progress_begins_with_what_was_kept(cases: list[gs.Point], tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    run_cases(cases[1:], resume=tmp_path / "points.jsonl")
    run_cases(
        cases, resume=tmp_path / "points.jsonl", progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 2), (2, 2)]


def test_runs_are_kept_when_asked_for(cases: list[gs.Point]) -> None:
    assert [outcome.result for outcome in run_cases(cases)] == [None, None]
    good, bad = run_cases(cases, record_requests=True, keep_results=True)
    assert good.result is not None
    assert len(good.result.requests) > 0
    assert good.figures["arrived"] == good.result.summary()["arrived"]
    assert bad.result is None


def test_counts_below_one_are_refused(cases: list[gs.Point]) -> None:
    with pytest.raises(ValueError, match="replications: found 0"):
        run_cases(cases, replications=0)
    with pytest.raises(ValueError, match="threads: found 0"):
        run_cases(cases, threads=0)


def test_outcomes_come_back_from_json() -> None:
    bottleneck = Bottleneck(
        "gpu-time", "llm", "gpu0/whole", busy=0.75, switching=0.2, votes=2, replications=3
    )
    outcome = Outcome({"a": 1.5, "b": gs.Estimate(2.0, 0.5, 3)}, bottleneck)
    again = Outcome.from_plain(json.loads(json.dumps(outcome.to_plain())))
    assert again == outcome
    assert again.limiting_resource == (
        "llm: GPU time of gpu0/whole (75 % busy, 20 % switching) (2 of 3 runs)"
    )
    failed = Outcome(error="broken")
    assert Outcome.from_plain(json.loads(json.dumps(failed.to_plain()))) == failed
    refused = Outcome(refused="too small")
    assert Outcome.from_plain(json.loads(json.dumps(refused.to_plain()))) == refused
    assert refused.limiting_resource == ""
    estimate = again.figures["b"]
    assert isinstance(estimate, gs.Estimate)
    assert (estimate.half_width, estimate.count) == (0.5, 3)
    assert not isinstance(again.figures["a"], gs.Estimate)


def test_columns_have_half_widths_where_there_were_replications() -> None:
    single = [Outcome({"a": 1.0}), Outcome(refused="no")]
    assert list(figure_columns(single, ["a"])) == ["a"]
    assert values(single, "a")[0] == 1.0
    several = [Outcome({"a": gs.Estimate(1.0, 0.5, 2)}), Outcome(refused="no")]
    columns = figure_columns(several, ["a", "users"], taken=["users"])
    assert list(columns) == ["a", "a_half_width", "users_result", "users_half_width"]
    assert columns["a_half_width"][0] == 0.5


def test_a_comparison_is_a_study_over_modes(light: gs.Scenario) -> None:
    modes = ["dedicated", "mps"]
    compared = gs.compare(light, modes, seed=3, replications=2, record_requests=False)
    swept = gs.sweep(gs.grid(light, mode=modes, seed=[3]), replications=2)
    for name in compared.table.columns:
        assert compared.table[name].tolist() == swept[name].tolist()


def test_a_comparison_goes_on_where_it_stopped(light: gs.Scenario, tmp_path: Path) -> None:
    modes, path = ["dedicated", "mps", "mig:7g.80gb"], tmp_path / "points.jsonl"
    expected = gs.compare(light, modes, replications=2)
    gs.sweep(gs.grid(light, mode=modes[:1]), replications=2, resume=path)
    for kept in (1, 3):
        assert len(path.read_text().splitlines()) == kept
        found = gs.compare(light, modes, replications=2, resume=path)
        assert found.to_dict() == expected.to_dict()
        assert found.table == expected.table
        assert str(found) == str(expected)
        assert found.latencies == expected.latencies
        assert set(found.results) == {"mps", "mig:7g.80gb"} - ({"mps", "mig:7g.80gb"} if kept == 3 else set())
    alone = found["dedicated"]
    assert alone["ttft_p95_s"] == alone["turn.llm.ttft_p95_s"] == expected["dedicated"]["llm.ttft_p95_s"]
    assert "as it was kept" in str(alone)
    assert "gpu0/whole" in str(alone)


def test_an_error_costs_its_mode_alone(light: gs.Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    original = cases_module.simulate

    def fail(scenario: gs.Scenario, **options: Any) -> Any:
        if scenario.mode == "mps":
            raise gs.SimulationError("broken")
        return original(scenario, **options)

    monkeypatch.setattr(cases_module, "simulate", fail)
    table = gs.compare(light, ["dedicated", "mps"])
    assert table.errors == {"mps": "broken"}
    assert table.to_dict()["mps"] == {"error": "broken"}
    assert table.table["error"].tolist() == ["", "broken"]
    assert "mps: broken" in " ".join(str(table).split())
    with pytest.raises(KeyError, match="mps failed: broken"):
        table["mps"]


def test_any_executor_gives_the_same_comparison(light: gs.Scenario) -> None:
    modes = ["dedicated", "mps"]
    expected = gs.compare(light, modes)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for executor in (map, pool):
            found = gs.compare(light, modes, executor=executor)
            assert found.to_dict() == expected.to_dict()
            assert found.results["mps"].requests == expected.results["mps"].requests
            assert str(found) == str(expected)


def test_sweeps_know_uncertainty(light: gs.Scenario, tmp_path: Path) -> None:
    points = gs.grid(light, mode=["mps"])
    path = tmp_path / "sweep.jsonl"
    table = gs.sweep(points, uncertainty=True, resume=path)
    compared = gs.compare(light, ["mps"], uncertainty=True, record_requests=False)
    assert table.replications == 24
    for name in ("request_throughput", "request_throughput_half_width"):
        assert table[name].tolist() == compared.table[name].tolist()
    assert "by calibration error and chance" in " ".join(table.text().split())
    # What was drawn without calibration errors is another outcome.
    plain = gs.sweep(points, replications=24, resume=path)
    assert plain["e2e_latency_mean_s_half_width"][0] != table["e2e_latency_mean_s_half_width"][0]
    assert gs.sweep(points, uncertainty=True, resume=path).table == table.table
    assert len(path.read_text().splitlines()) == 2
