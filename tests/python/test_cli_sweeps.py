"""``gpushare sweep`` and ``sensitivity``: rows, orders, files and stores."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from command_line import fails, gpushare, run
from gpushare.study import cases


@pytest.fixture
def scenario(tmp_path: Path, light: gs.Scenario) -> Path:
    path = tmp_path / "light.json"
    path.write_text(json.dumps(light.document), encoding="utf-8")
    return path


def test_sweep_prints_a_row_for_each_point(
    capsys: pytest.CaptureFixture[str], scenario: Path, tmp_path: Path
) -> None:
    out = tmp_path / "sweep.csv"
    arguments = [
        "sweep",
        str(scenario),
        "--axis",
        "users=2,4",
        "--axis",
        "mode=dedicated,mps",
        "--out",
        str(out),
    ]
    text = run(capsys, *arguments, "--best", "request_throughput", "--resume", tmp_path / "points.jsonl")
    assert "sweep over users, mode: 4 points" in text
    assert len((tmp_path / "points.jsonl").read_text().splitlines()) == 4
    with open(out, newline="", encoding="utf-8") as file:
        assert [(row["users"], row["mode"]) for row in csv.DictReader(file)][1] == ("2", "mps")
    rows = json.loads(run(capsys, *arguments, "--json", "--best=-request_throughput"))
    throughput = [row["request_throughput"] for row in rows]
    assert throughput == sorted(throughput)


def test_sweep_orders_by_a_figure_and_shows_it_first(
    capsys: pytest.CaptureFixture[str], scenario: Path
) -> None:
    axes = ["sweep", scenario, "--axis", "users=2,4", "--axis", "mode=dedicated,mps"]
    name = "llm.ttft_p95_s"
    for flag, reverse in (("--minimize", False), ("--maximize", True)):
        found = [row[name] for row in json.loads(run(capsys, *axes, "--json", flag, "llm.ttft_p95"))]
        assert found == sorted(found, reverse=reverse)
        assert run(capsys, *axes, flag, "llm.ttft_p95").splitlines()[2].split()[:2] == ["TTFT", "p95"]
    front = json.loads(run(capsys, *axes, "--json", "--pareto", "cost_per_month,llm.ttft_p95"))
    assert [row["cost_per_month"] for row in front] == sorted(row["cost_per_month"] for row in front)
    assert 1 <= len(front) < 4
    assert "sweep over users, mode: " in run(capsys, *axes, "--pareto", "cost_per_month,llm.ttft_p95")


def test_sensitivity_shows_the_largest_swing_first(
    capsys: pytest.CaptureFixture[str], scenario: Path, tmp_path: Path
) -> None:
    ways = ["--vary", "mode=dedicated,mps", "--vary", "users"]
    told = ["sensitivity", scenario, "--of", "llm.ttft_p95", *ways]
    found = json.loads(run(capsys, *told, "--json", "--plot", tmp_path / "tornado.png"))
    expected = gs.sensitivity(
        str(scenario), {"mode": ("dedicated", "mps"), "users": None}, "llm.ttft_p95"
    ).to_dict()
    assert found.pop("origin")["seed"] == 1
    assert found == expected
    assert found["swing"] == sorted(found["swing"], reverse=True)
    assert (tmp_path / "tornado.png").stat().st_size > 1000
    assert "mode" in run(capsys, *told)


def test_sweep_tells_of_points_that_failed(capsys: pytest.CaptureFixture[str], scenario: Path) -> None:
    arguments = ["sweep", scenario, "--axis", "users=2,0"]
    assert "1 failed" in run(capsys, *arguments)
    good, bad = json.loads(run(capsys, *arguments, "--json"))
    assert good["error"] == ""
    assert "/traffic/0/users" in bad["error"]


def test_what_cannot_be_written_is_told_before_the_first_run(
    capsys: pytest.CaptureFixture[str],
    scenario: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ran(*args: Any, **options: Any) -> Any:
        raise AssertionError("ran")

    monkeypatch.setattr(cases, "run_all", ran)
    for flag in ("--out", "--resume"):
        for path in (tmp_path, tmp_path / "missing" / "file"):
            assert str(path) in fails(capsys, "sweep", scenario, "--axis", "users=2", flag, path)
    assert sorted(os.listdir(tmp_path)) == ["light.json"]


def test_a_damaged_store_is_a_warning(scenario: Path, tmp_path: Path) -> None:
    store = tmp_path / "points.jsonl"
    store.write_text('{"key": "ab')
    done = gpushare("compare", scenario, "--modes", "mps", "--resume", store)
    assert done.returncode == 0
    assert done.stderr == f"gpushare: warning: {store}:1: a damaged line; its point is simulated again\n"
    again = gpushare("compare", scenario, "--modes", "mps", "--resume", store)
    assert again.stdout == done.stdout
