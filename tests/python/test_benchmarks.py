"""Results of load generators, as traffic and as measurements; their command lines."""

import json
import math
from pathlib import Path
from typing import Any

import gpushare as gs
import numpy as np
import pytest
from gpushare.command.cli import main
from gpushare.files import data_file
from gpushare.scenario.bench import parse_bench
from gpushare.study.replay import replay
from gpushare.traces.benchmarks import parse_result, tool_of

STARTS = [0.5, 0.75, 2.0]
INPUTS, OUTPUTS = [1164, 1286, 184], [5, 3, 1]
TTFT, GAP = 0.1, 0.02

VLLM = {
    "date": "20260516-180000",
    "backend": "vllm",
    "model_id": "meta-llama/Llama-3.1-8B-Instruct",
    "num_prompts": 3,
    "request_rate": "inf",
    "burstiness": 1.0,
    "max_concurrency": None,
    "duration": 2.1,
    "completed": 3,
    "request_throughput": 1.43,
    "output_throughput": 4.3,
    "mean_ttft_ms": 100.0,
    "median_ttft_ms": 100.0,
    "p99_ttft_ms": 101.0,
    "mean_e2el_ms": 120.0,
    "input_lens": INPUTS,
    "output_lens": OUTPUTS,
    "ttfts": [TTFT] * 3,
    "itls": [[GAP] * (n - 1) for n in OUTPUTS],
    "start_times": STARTS,
}
GUIDELLM = {
    "benchmarks": [
        {
            "metrics": {
                "time_to_first_token_ms": {
                    "successful": {"mean": 100.0, "median": 100.0, "percentiles": {"p99": 101.0}}
                },
                "requests_per_second": {"successful": {"mean": 1.43}},
            },
            "requests": {
                "successful": [
                    {
                        "request_start_time": 1778954400 + at,
                        "prompt_tokens": n,
                        "output_tokens": m,
                        "time_to_first_token_ms": 1e3 * TTFT,
                        "request_latency": TTFT + GAP * (m - 1),
                    }
                    for at, n, m in zip(STARTS, INPUTS, OUTPUTS, strict=True)
                ],
                "errored": [],
            },
        }
    ]
}
INFERENCE_PERF = [
    {
        "start_time": 1000 + at,
        "end_time": 1000 + at + TTFT + GAP * (m - 1),
        "request": "x",
        "info": {
            "input_tokens": n,
            "output_tokens": m,
            "output_token_times": [1000 + at + TTFT + GAP * k for k in range(m)],
        },
        "error": None,
    }
    for at, n, m in zip(STARTS, INPUTS, OUTPUTS, strict=True)
]
PERF_ANALYZER = {
    "experiments": [
        {
            "experiment": {"mode": "concurrency", "value": 4},
            "requests": [
                {
                    "timestamp": int(1e9 * (1000 + at)),
                    "request_inputs": {"text_input": "x" * 40},
                    "response_timestamps": [int(1e9 * (1000 + at + TTFT + GAP * k)) for k in range(m)],
                }
                for at, m in zip(STARTS, OUTPUTS, strict=True)
            ],
        }
    ]
}
AIPERF = [
    {
        "metadata": {
            "request_start_ns": 1778954400000000000 + int(at * 1e9),
            "request_end_ns": 1778954400000000000 + int((at + TTFT + GAP * (m - 1)) * 1e9),
        },
        "metrics": {
            "input_sequence_length": {"value": n, "unit": "tokens"},
            "output_sequence_length": {"value": m, "unit": "tokens"},
            "time_to_first_token": {"value": 1e3 * TTFT, "unit": "ms"},
        },
        "error": None,
    }
    for at, n, m in zip(STARTS, INPUTS, OUTPUTS, strict=True)
]
DETAILED: dict[str, Any] = {
    "vllm-bench": VLLM,
    "guidellm": GUIDELLM,
    "inference-perf": INFERENCE_PERF,
    "genai-perf": PERF_ANALYZER,
    "aiperf": AIPERF,
}


@pytest.mark.parametrize("tool", DETAILED)
def test_a_detailed_result_is_traffic_and_a_measurement(tool: str, tmp_path: Path) -> None:
    text = json.dumps(DETAILED[tool], indent=1)
    if tool == "aiperf":
        text = "\n".join(json.dumps(record) for record in AIPERF)
    assert tool_of(text.encode()) == tool
    path = tmp_path / "result.json"
    path.write_text(text)
    result = gs.load_result(path)
    assert result.requests is not None
    np.testing.assert_allclose(result.requests.start_s, [0, 0.25, 1.5], atol=1e-6)
    np.testing.assert_allclose(result.requests.e2e_s, [TTFT + GAP * (n - 1) for n in OUTPUTS], atol=1e-6)
    np.testing.assert_allclose(result.requests.tpot_s[:2], GAP, atol=1e-6)
    assert result.measured["ttft_mean_s"] == pytest.approx(TTFT)
    trace = gs.traces.load(path)
    np.testing.assert_allclose(trace.arrival_s, [0, 0.25, 1.5], atol=1e-6)
    assert trace.output_tokens.tolist() == OUTPUTS
    assert gs.traces.load(path, tool).output_tokens.tolist() == OUTPUTS
    if tool != "genai-perf":  # which has texts, counted at four bytes a token
        assert trace.input_tokens.tolist() == INPUTS


GENAI_CSV = (
    "Metric,avg,min,max,p99,p95,p90,p75,p50,p25\n"
    "Time To First Token (ms),23.5,18.1,60.2,55.0,40.1,33.0,25.0,22.0,20.0\n"
    'Request Latency (ms),"1,800.5",1500.0,2200.0,2150.0,2100.0,2000.0,1900.0,1800.0,1700.0\n\n'
    "Metric,Value\nOutput Token Throughput (per sec),800.50\nRequest Throughput (per sec),4.00\n"
)
AIPERF_SUMMARY = {
    "input_config": {"loadgen": {"concurrency": 8}, "endpoint": {"model_names": ["m"]}},
    "request_throughput": {"unit": "requests/sec", "avg": 4.0},
    "request_latency": {"unit": "ms", "avg": 1800.5, "p50": 1800.0},
    "time_to_first_token": {"unit": "ms", "avg": 23.5, "p50": 22.0},
}
INFERENCE_PERF_SUMMARY = {
    "load_summary": {"count": 3, "requested_rate": 4.0},
    "successes": {
        "count": 3,
        "latency": {
            "time_to_first_token": {"mean": 0.0235, "p50": 0.022},
            "request_latency": {"mean": 1.8005},
        },
        "throughput": {"requests_per_sec": 4.0},
    },
}
MLPERF = (
    "================================================\nMLPerf Results Summary\n"
    "================================================\nSUT name : S\nScenario : Server\nMode     : PerformanceOnly\n"
    "Completed samples per second    : 4.00\n\nMean latency (ns)               : 1800500000\n"
    "50.00 percentile latency (ns)   : 1800000000\nMean First Token latency (ns)   : 23500000\n"
)


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        (GENAI_CSV, "genai-perf"),
        (json.dumps(AIPERF_SUMMARY), "aiperf"),
        (json.dumps(INFERENCE_PERF_SUMMARY), "inference-perf"),
        (MLPERF, "mlperf"),
    ],
)
def test_sums_are_measurements_and_say_where_the_requests_are(text: str, tool: str) -> None:
    result = parse_result(text.encode())
    assert result.tool == tool
    assert result.measured["ttft_mean_s"] == pytest.approx(0.0235)
    assert result.measured["e2e_latency_mean_s"] == pytest.approx(1.8005)
    assert result.measured["request_throughput"] == 4
    with pytest.raises(gs.TraceError, match="sums over the run, no requests; `gpushare check result`"):
        gs.traces.parse(text, "r")


def test_what_aiperf_replays_and_what_it_writes_have_one_name() -> None:
    replayed = '{"timestamp": 0, "input_length": 9, "output_length": 4, "hash_ids": [1]}\n'
    assert gs.traces.parse(replayed, format="aiperf").output_tokens.tolist() == [4]
    assert gs.traces.formats().count("aiperf") == 1


def test_what_is_no_result_is_refused() -> None:
    for text in ("{}", "[]", "[1]", "x", '{"benchmarks": [1, 2]}', '{"request_throughput": 1}'):
        with pytest.raises(gs.TraceError):
            parse_result(text.encode())
    broken = {**VLLM, "output_lens": [1, 2]}
    with pytest.raises(gs.TraceError, match=r"the lists of requests differ in length: .*input 3, output 2"):
        parse_result(json.dumps(broken).encode())


def _h200_result() -> dict[str, Any]:
    """A measured run of a real vLLM on an H200 that comes with the package, as `vllm bench serve` writes it."""
    told = json.loads(data_file("vllm-h200/alone_rate5_pos0__dedicated.json").read_text())
    (client,) = told["clients"].values()
    rows = [dict(zip(client["columns"], row, strict=True)) for row in client["rows"]]
    gaps = [(row["e2e_ms"] - row["ttft_ms"]) / 1e3 / max(row["output_tokens"] - 1, 1) for row in rows]
    return {
        "request_rate": 5.0,
        "completed": len(rows),
        "request_throughput": 5.0,
        "mean_ttft_ms": float(np.mean([row["ttft_ms"] for row in rows])),
        "input_lens": [int(row["prompt_tokens"]) for row in rows],
        "output_lens": [int(row["output_tokens"]) for row in rows],
        "ttfts": [row["ttft_ms"] / 1e3 for row in rows],
        "itls": [[gap] * int(row["output_tokens"] - 1) for gap, row in zip(gaps, rows, strict=True)],
        "start_times": [row["arrival_s"] for row in rows],
    }


def _server(preset: str) -> dict[str, Any]:
    return {
        "name": "h200",
        "gpu": "h200",
        "services": {
            "llm": {
                "model": "llama-3.1-8b",
                "engine": {
                    "kind": "continuous-batching",
                    "preset": preset,
                    "prefix_caching": False,
                    "gpu_memory_utilization": 0.9,
                },
            }
        },
        "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
        "traffic": [
            {
                "kind": "open",
                "pipeline": "chat",
                "arrivals": {"kind": "poisson", "rate_per_s": 5},
                "sizes": {"input_tokens": 500, "output_tokens": 100},
            }
        ],
        "duration_s": 20,
    }


def test_a_measured_run_is_checked_and_calibrates_a_preset_that_scenarios_take(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(_h200_result()))
    scenario = gs.Scenario.from_dict(_server("vllm-0.20"))
    check = gs.check_result(path, scenario)
    errors = {row["figure"]: row["error"] for row in check.rows}
    assert abs(errors["tpot_p50_s"]) < 0.1
    assert abs(errors["request_throughput"]) < 0.1
    assert "tpot_p50" in str(check)
    assert check.to_dict()["origin"]["files_sha256"] == {"bench.json": gs.files.sha256(path)}
    assert f"bench.json {gs.files.sha256(path)[:12]}" in " ".join(str(check).split())

    drawn = gs.plot.predictions(check)
    assert "bench" in drawn.axes[0].get_title(loc="left") + str(drawn.texts)
    with pytest.raises(ValueError, match="its figures are ttft_mean"):
        gs.plot.predictions(check, "latency")

    fit = gs.fit_engine(path, scenario)
    before, after = fit.median_abs_error
    assert before > 0.03  # the host times of another machine
    assert after < 0.015
    assert set(fit.fitted) == {"host_per_sequence_s", "request_overhead_s"}
    assert fit.worse == ["ttft_p90_s"]
    assert "farther off than before: ttft_p90 from" in str(fit)
    preset = tmp_path / "mine.json"
    fit.write(preset)
    (tmp_path / "server.json").write_text(json.dumps(_server("mine.json")))  # beside the scenario
    again = gs.check_result(path, tmp_path / "server.json")
    assert again.median_abs_error < check.median_abs_error


def test_what_a_fit_needs_is_said() -> None:
    few = parse_result(json.dumps(VLLM).encode(), "few.json")
    with pytest.raises(
        gs.CalibrationError, match="the result has 3 requests; 40 requests one by one are needed"
    ):
        gs.fit_engine(few, gs.Scenario.from_dict(_server("vllm-0.20")))
    sums = parse_result(GENAI_CSV.encode(), "sums.csv")
    with pytest.raises(gs.CalibrationError, match="the result has sums only"):
        gs.fit_engine(sums, gs.Scenario.from_dict(_server("vllm-0.20")))
    document = _server("vllm-0.20")
    del document["services"]["llm"]["engine"]["preset"]
    with pytest.raises(gs.CalibrationError, match="one engine must name a preset"):
        gs.fit_engine(few, gs.Scenario.from_dict(document))


def test_a_limit_of_the_client_is_a_closed_loop() -> None:
    closed = parse_result(json.dumps({**VLLM, "max_concurrency": 1}).encode())
    check = gs.check_result(closed, gs.Scenario.from_dict(_server("vllm-0.20")))
    assert any("1 request in flight" in note for note in check.notes)
    # One at a time: each waits for nobody, so the first token comes after its own prompt.
    assert check.predicted["ttft_p99_s"] < 0.2


def test_vllm_draws_around_a_length_and_sglang_up_to_it() -> None:
    bench = parse_bench(
        "vllm bench serve --model m --random-input-len 1000 --random-output-len 100 --random-range-ratio 0.2 "
        "--num-prompts 4000 --request-rate 8 --burstiness 1 --ignore-eos"
    )
    trace = bench.trace
    assert (trace.input_tokens.min(), trace.input_tokens.max()) == (800, 1200)
    assert trace.arrival_s[-1] == pytest.approx(4000 / 8, rel=0.01)
    assert any("--ignore-eos" in note for note in bench.notes)
    sglang = parse_bench(
        "python3 -m sglang.bench_serving --dataset-name random --random-input 512 --random-output 256"
    )
    assert sglang.trace.input_tokens.min() < 10
    assert sglang.trace.input_tokens.max() == 512
    assert np.mean(sglang.trace.output_tokens) == pytest.approx(128.5, rel=0.05)
    assert math.isinf(sglang.request_rate)
    pinned = parse_bench(
        "python -m sglang.bench_serving --dataset-name random --random-input 512 --random-range-ratio 1"
    )
    assert set(pinned.trace.input_tokens.tolist()) == {512}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("wrk -t2 http://x", 'expected "vllm bench serve'),
        ("vllm bench serve --dataset-name sharegpt", "its lengths are in a file"),
        ("vllm bench serve --num-prompts 0", "--num-prompts: found 0"),
        ("vllm bench serve --request-rate 0", "--request-rate: a number above 0"),
        ("vllm bench serve --num-prompts x", "invalid int value"),
        ("vllm bench serve 'x", "not a command line"),
    ],
)
def test_command_lines_that_cannot_be_read_say_why(command: str, message: str) -> None:
    with pytest.raises(gs.ScenarioError, match=message):
        parse_bench(command)


def test_a_burst_lasts_until_the_last_request_is_served() -> None:
    bench = parse_bench("vllm bench serve --random-input-len 256 --random-output-len 64 --num-prompts 8")
    found = replay(bench.trace, "llama-3.1-8b", "a100")
    summary = found.run.summary()
    assert summary["duration_s"] == pytest.approx(found.served_s)
    assert summary["request_throughput"] == pytest.approx(8 / found.served_s)
    assert summary["completed"] == 8


def test_the_warm_up_of_a_scenario_takes_no_request_from_a_result(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(_h200_result()))
    whole = gs.check_result(path, gs.Scenario.from_dict(_server("vllm-0.20")))
    for warmup_s in (15.0, 500.0):  # less and more than the result lasts
        server = gs.Scenario.from_dict(_server("vllm-0.20") | {"warmup_s": warmup_s, "duration_s": 600.0})
        assert gs.check_result(path, server).predicted == whole.predicted


def test_runs_of_guidellm_are_told_by_their_loads() -> None:
    (run,) = GUIDELLM["benchmarks"]
    several = [
        run | {"args": {"strategy": {"type_": "constant", "rate": 2.5}}},
        run | {"config": {"strategy": {"type_": "concurrent", "streams": 8}}},
        run,
    ]
    loads = r"0: constant 2\.5/s; 1: concurrent 8; 2: run"
    with pytest.raises(gs.TraceError, match=rf"found 3 runs \({loads}\); .*check result.* keep one"):
        parse_result(json.dumps({"benchmarks": several}).encode())


@pytest.mark.parametrize("option", ["--format csv", "--time-unit ms", "--columns input=5"])
def test_options_of_a_log_are_refused_beside_a_command_line(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = "vllm bench serve --random-input-len 100 --random-output-len 20 --num-prompts 5 --request-rate 5"
    words = ["replay", "--bench", bench, "--model", "qwen3-4b", "--gpu", "a100", *option.split()]
    assert main(words) == 2
    assert f"{option.split()[0]} is of a LOG" in capsys.readouterr().err
