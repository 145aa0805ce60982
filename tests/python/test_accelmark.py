"""AccelMark's loads are made as the benchmark makes them, and every row is predicted or named."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import gpushare as gs
import numpy as np
import pytest
from conftest import DATA
from gpushare.validation import run_suite
from gpushare.validation.serving_runs import Requests, replay
from gpushare.validation.suites.accelmark import fitted_host_s
from gpushare.validation.suites.accelmark_loads import BURST, RATES, Load, burst, load_of, online

LENGTHS = [100 + 7 * (i % 60) for i in range(500)]


def row(scenario: str, load_type: str, load: str, **figures: float) -> dict[str, Any]:
    found = {
        "suite": "suite_A",
        "gpu": "NVIDIA A100-SXM4-80GB",
        "framework_version": "0.20.1+transformers-5.8.1",
        "model": "meta-llama/Meta-Llama-3-8B-Instruct",
        "precision": "BF16",
        "scenario": scenario,
        "load_type": load_type,
        "load": load,
        "out_tok_s": "",
        "elapsed_s_median": "",
    }
    found |= {f"{name}_ms_p{share}": "" for name in ("ttft", "tpot") for share in (50, 90, 99)}
    return found | {name: str(value) for name, value in figures.items()}


@pytest.mark.parametrize(
    ("told", "load"),
    [
        (("online", "poisson_qps", "25"), Load("rate", 25)),
        (("online", "poisson_qps", "7.5"), Load("rate", 7.5)),
        (("interactive", "serial", "1"), Load("serial", 1)),
        (("sustained", "closed_concurrency", "8"), Load("closed", 8)),
        (("offline", "all_at_once", "128"), Load("offline", 128)),
        (("burst", "burst_steady", "5"), Load("burst", 5, "steady")),
        (("burst", "burst_peak", ""), Load("burst", 25, "burst")),
        (("burst", "poisson_qps", "25"), Load("burst", 25, "burst")),
        (("burst", "burst", "burst"), Load("burst", 25, "burst")),
    ],
)
def test_a_row_names_its_load(told: tuple[str, str, str], load: Load) -> None:
    assert load_of(row(*told)) == load


@pytest.mark.parametrize(
    "told",
    [
        ("online", "poisson_qps", "many"),
        ("multiturn", "turns", "3"),
        ("burst", "burst", "7"),
        ("online", "ramp", "5"),
    ],
)
def test_an_unknown_load_is_none(told: tuple[str, str, str]) -> None:
    assert load_of(row(*told)) is None


def test_arrivals_are_those_of_the_benchmarks_generator() -> None:
    rng = random.Random(42)
    for rate in RATES["suite_C"][:2]:
        gaps = [[rng.expovariate(rate) for _ in range(300)] for _ in range(3)]
    scenario = online(LENGTHS, "suite_C", 10.0)
    assert list(scenario.counts) == [10, *[300] * 6]
    arrivals = np.array(scenario.requests.arrival_s)
    assert np.all(np.diff(arrivals) >= 0)
    for run in range(3):
        first = 10 + 300 * (3 + run)
        mine = arrivals[first : first + 300] - scenario.starts[4 + run]
        np.testing.assert_allclose(mine, np.cumsum(gaps[run]), atol=1e-6)
    prompts = scenario.requests.prompts
    assert prompts is not None
    assert list(prompts[10:310]) == list(prompts[-300:]) == list(range(300))
    assert list(online(LENGTHS, "suite_A", 10.0).counts) == [
        10,
        300,
        300,
        300,
    ]  # a rate the suite does not have


def test_bursts_take_turns_with_steady_windows() -> None:
    scenario = burst(LENGTHS)
    arrivals = np.array(scenario.requests.arrival_s)
    ends = np.cumsum(scenario.counts)
    for i, (rate, duration) in enumerate(list(BURST.values()) * 3, start=1):
        mine = arrivals[ends[i - 1] : ends[i]] - scenario.starts[i]
        assert 0 < mine[0] < mine[-1] < duration
        assert len(mine) == pytest.approx(rate * duration, rel=0.15)


def test_equal_prompts_are_found_in_the_cache() -> None:
    engine = {"preset": "vllm-0.20-in-process"}
    times = {
        same: replay(
            Requests([0.0, 10.0], [500, 500], [2, 2], [3, 3 if same else 4]),
            gpu="a100",
            model="llama-3.1-8b",
            engine=engine,
        ).ttft
        for same in (True, False)
    }
    assert times[False][1] == pytest.approx(times[False][0], rel=1e-6)
    assert times[True][1] < 0.7 * times[True][0]


def test_every_row_is_predicted_or_named(tmp_path: Path) -> None:
    ttft = {"ttft_ms_p50": 50.0, "ttft_ms_p99": 200.0}
    rows = [
        row("online", "poisson_qps", "25", **ttft, tpot_ms_p50=20.0, elapsed_s_median=40.0),
        row("interactive", "serial", "1", **ttft),
        row("sustained", "closed_concurrency", "8", out_tok_s=700.0),
        row("offline", "all_at_once", "32", out_tok_s=3000.0),
        row("burst", "burst_steady", "5", **ttft),
        row("burst", "burst_peak", "25", **ttft),
        row("multiturn", "turns", "3", **ttft),
        row("online", "poisson_qps", "5", **ttft) | {"framework_version": "0.11.0"},
        row("offline", "all_at_once", "32", out_tok_s=1.0) | {"precision": "W4A16"},
        row("interactive", "serial", "1", **ttft) | {"suite": "suite_D"},
        row("sustained", "closed_concurrency", "8", out_tok_s=550.0) | {"framework_version": "0.7.3"},
        row("sustained", "closed_concurrency", "8", out_tok_s=640.0)
        | {"framework_version": "0.7.3", "precision": "W8A8"},
        row("offline", "all_at_once", "100", out_tok_s=1760.0)
        | {"framework_version": "0.7.3", "precision": "W4A16"},
    ]
    with (tmp_path / "accelmark_a100_80gb.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    lines = ["request_id,input_tokens", *(f"{i},{tokens}" for i, tokens in enumerate(LENGTHS))]
    (tmp_path / "accelmark_sharegpt_standard_v1_lengths.csv").write_text("\n".join(lines) + "\n")
    report = run_suite("accelmark", tmp_path)
    cases = {one.case.split(",")[0] for one in report.rows}
    assert cases == {
        "25 requests/s",
        "serial",
        "8 in flight",
        "offline",
        "bursts: steady window",
        "bursts: burst window",
    }
    assert [note for note in report.notes if note.startswith("Not predicted")] == [
        "Not predicted: vLLM 0.7.3, weights W8A8, sustained 8.",
        "Not predicted: vLLM 0.20.1, multiturn, turns 3.",
        "Not predicted: vLLM 0.20.1, weights W4A16, offline 32.",
        "Not predicted: vLLM 0.20.1, the prompts of suite_D.",
        "Not predicted: 1 rows of vLLM 0.11.0, which has no preset.",
    ]
    found = {(one.case.split(",")[0], one.metric): one.predicted for one in report.rows}
    assert found["bursts: burst window", "ttft p99"] > found["bursts: steady window", "ttft p99"]
    assert found["25 requests/s", "ttft p50"] > found["bursts: steady window", "ttft p50"]
    assert 1000 < found["offline", "throughput"] < 8000
    assert 500 < found["8 in flight", "throughput"] < 8 / 0.0105  # no faster than the weights can be read
    others = {one.case.split(", ")[-1]: one for one in report.rows if one.mode == "vLLM 0.7.3, other weights"}
    assert set(others) == {"W8A16", "FP8", "W4A16"}  # those published beside the table
    assert [one.role for one in report.rows if one.case.startswith("offline") and "W4A16" in one.case] == [
        "calibration"
    ]


@pytest.mark.skipif(DATA is None, reason="GPUSHARE_DATA is not set: AccelMark's table is not at hand")
@pytest.mark.parametrize(
    ("version", "preset"), [("0.20.1", "vllm-0.20-in-process"), ("0.7.3", "vllm-0.7-in-process")]
)
def test_the_presets_host_time_is_what_the_table_gives(version: str, preset: str) -> None:
    assert DATA is not None
    shipped = gs.engine_preset(preset).engine["host_per_sequence_s"]
    assert fitted_host_s(version, DATA) == pytest.approx(shipped, rel=0.05)
