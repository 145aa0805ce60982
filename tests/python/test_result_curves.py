"""Results of several runs, each of which is compared with its own prediction."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare.command.cli import main

LOADS = ({"type_": "synchronous"}, {"type_": "constant", "rate": 2.0}, {"type_": "concurrent", "streams": 4})


def server() -> gs.Scenario:
    return gs.Scenario.of(gs.llm("Qwen/Qwen3-4B", rate=3, prompt=500, reply=50), gpu="a100", duration_s=60)


def guide_run(strategy: dict[str, Any], gap_s: float) -> dict[str, Any]:
    done = [
        {
            "request_start_time": 100 + gap_s * i,
            "prompt_tokens": 500,
            "output_tokens": 20 + i,
            "time_to_first_token_ms": 40,
            "request_latency": 0.04 + 0.008 * (19 + i),
        }
        for i in range(12)
    ]
    return {"config": {"strategy": strategy}, "requests": {"successful": done}, "metrics": {}}


def vllm_run(rate: float | str, limit: int | None) -> dict[str, Any]:
    count = 12
    return {
        "request_rate": rate,
        "max_concurrency": limit,
        "request_throughput": 2.0,
        "output_throughput": 90.0,
        "mean_ttft_ms": 40.0,
        "median_ttft_ms": 40.0,
        "completed": count,
        "duration": 6.0,
        "start_times": [0.5 * i for i in range(count)],
        "input_lens": [500] * count,
        "output_lens": [45] * count,
        "ttfts": [0.04] * count,
        "itls": [[0.008] * 44] * count,
    }


def sums(run: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in run.items() if not isinstance(value, list)}


def written(path: Path, tool: str, runs: list[dict[str, Any]]) -> Path:
    text = json.dumps({"benchmarks": runs}) if tool == "guidellm" else "\n".join(map(json.dumps, runs))
    path.write_text(text)
    return path


RUNS = {
    "guidellm": [guide_run(load, 0.5) for load in LOADS],
    "vllm": [vllm_run(2.0, None), vllm_run("inf", 4), vllm_run("inf", None)],
}


@pytest.mark.parametrize("tool", RUNS)
def test_every_run_of_a_file_is_checked_as_if_it_were_alone(tool: str, tmp_path: Path) -> None:
    curve = gs.check_results(written(tmp_path / "runs.json", tool, RUNS[tool]), server())
    assert len(curve.checks) == len(RUNS[tool])
    for check, run in zip(curve.checks.values(), RUNS[tool], strict=True):
        alone = gs.check_result(written(tmp_path / "one.json", tool, [run]), server())
        assert check.rows == alone.rows
        assert check.notes == alone.notes
    text = curve.text(60)
    assert max(map(len, text.split("\n"))) <= 60
    assert all(run in text for run in curve.checks)


def test_a_file_with_several_runs_is_no_single_result(tmp_path: Path) -> None:
    for tool, runs in RUNS.items():
        path = written(tmp_path / "runs.json", tool, runs)
        with pytest.raises(gs.TraceError, match=r"found 3 runs .*`gpushare check result` compares each"):
            gs.load_result(path)
        with pytest.raises(gs.TraceError, match="keep one, such as"):
            gs.traces.load(path)


def test_one_request_after_another_is_predicted_so(tmp_path: Path) -> None:
    path = written(tmp_path / "one.json", "guidellm", [guide_run({"type_": "synchronous"}, 0.01)])
    check = gs.check_result(path, server())
    assert check.result.max_concurrency == 1
    # Starts 10 ms apart would have made twelve of them run together.
    alone = gs.check_result(written(tmp_path / "two.json", "guidellm", [guide_run(LOADS[0], 30.0)]), server())
    assert check.predicted["tpot_p50_s"] == pytest.approx(alone.predicted["tpot_p50_s"], rel=0.02)


@pytest.mark.parametrize(("rate", "limit"), [(1.0, None), (6.0, None), ("inf", 2), ("inf", 8)])
def test_sums_are_compared_at_the_load_of_their_run(
    rate: float | str, limit: int | None, tmp_path: Path
) -> None:
    path = written(tmp_path / "sums.json", "vllm", [sums(vllm_run(rate, limit))])
    found = gs.check_result(path, server())
    (note,) = (note for note in found.notes if "sums only" in note)
    if limit is None:
        assert f"at the run's {rate:g} requests/s" in note
        assert found.predicted["request_throughput"] == pytest.approx(float(rate), rel=0.25)
    else:
        assert f"{limit} in flight" in note
        latency = found.predicted["e2e_latency_mean_s"]
        assert found.predicted["request_throughput"] == pytest.approx(limit / latency, rel=0.1)  # Little


def test_the_burstiness_of_a_run_is_that_of_its_prediction(tmp_path: Path) -> None:
    waits = {}
    for shape in (1.0, 0.05):
        run = sums(vllm_run(12.0, None)) | {"burstiness": shape}
        found = gs.check_result(written(tmp_path / "sums.json", "vllm", [run]), server())
        assert any("burstiness 0.05" in note for note in found.notes) == (shape != 1)
        waits[shape] = found.predicted["ttft_p95_s"]
    assert waits[0.05] > 1.5 * waits[1.0]


def test_the_command_takes_one_run_and_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenario = tmp_path / "server.json"
    scenario.write_text(json.dumps(server().document))
    for runs, key in ((RUNS["guidellm"], "runs"), (RUNS["guidellm"][1:2], "rows")):
        path = written(tmp_path / "runs.json", "guidellm", runs)
        assert main(["check", "result", str(path), "--scenario", str(scenario), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert key in found
        assert math.isfinite(found["median_abs_error"])
