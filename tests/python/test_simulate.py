"""Simulation from Python: tables, figures, repeatability, interruption."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from typing import Any

import gpushare as gs
import numpy as np
import pytest
from gpushare.study import estimates


def test_requests_are_recorded_with_their_stages(result: gs.Result) -> None:
    requests = result.requests
    assert len(requests) == result.summary()["arrived"] > 10
    assert {"arrival_s", "e2e_latency_s", "status", "tts.finished_s", "llm.first_output_s"} <= set(
        requests.columns
    )
    done = requests["status"] == "completed"
    assert done.any()
    took = requests["finish_s"][done] - requests["arrival_s"][done]
    np.testing.assert_allclose(requests["e2e_latency_s"][done], took, atol=1e-9)
    for stage in ("asr", "llm", "tts"):
        assert (requests[f"{stage}.started_s"][done] >= requests[f"{stage}.queued_s"][done]).all()
        assert (requests[f"{stage}.finished_s"][done] >= requests[f"{stage}.started_s"][done]).all()


def test_codes_stay_inside_their_categories(result: gs.Result) -> None:
    for table in (result.requests, result.steps, result.partitions):
        for column in table.columns:
            if table.type(column) == "category" and len(table):
                codes = table.codes(column)
                assert codes.min() >= 0
                assert codes.max() < len(table.categories(column))


def test_steps_are_recorded_when_asked_for(result: gs.Result, light: gs.Scenario) -> None:
    assert len(result.steps) > 100
    assert set(result.steps["service"]) == {"asr", "llm", "tts"}
    without = gs.simulate(light, record_requests=False)
    assert len(without.steps) == len(without.requests) == 0
    figures, recorded = without.summary().to_dict(), result.summary().to_dict()
    # Where steps are recorded each is an event; otherwise iterations of the LLM go together.
    assert figures.pop("events") < recorded.pop("events")
    assert figures == recorded


def test_the_summary_agrees_with_the_requests(result: gs.Result, light: gs.Scenario) -> None:
    summary = result.summary()
    requests = result.requests
    measured = (requests["status"] == "completed") & (requests["measured"] == 1)
    assert summary["e2e_latency_count"] == measured.sum()
    assert summary["e2e_latency_mean_s"] == pytest.approx(
        requests["e2e_latency_s"][measured].mean(), rel=1e-6
    )
    # The histogram's relative error is 1/256.
    p95 = np.quantile(requests["e2e_latency_s"][measured], 0.95, method="inverted_cdf")
    assert summary["e2e_latency_p95_s"] == pytest.approx(p95, rel=1 / 256)
    assert summary["e2e_latency_jitter_s"] == pytest.approx(
        summary["e2e_latency_p99_s"] - summary["e2e_latency_p50_s"], abs=1e-12
    )
    assert summary["success_rate"] == (requests["status"] == "completed").mean()
    # Three GPUs at $2 an hour for 720 hours.
    assert summary["cost_per_month"] == 3 * 2.0 * 720
    assert light.baseline_gpus == 3


def test_a_summary_reads_like_a_mapping(result: gs.Result) -> None:
    summary = result.summary()
    assert set(summary) == set(summary.keys())
    assert len(summary) == len(list(summary))
    assert all(isinstance(v, (int, float)) for v in summary.values())
    assert "e2e_latency" in summary.latencies
    assert summary.limiting_resource
    assert summary.to_dict()["limiting_resource"] == summary.limiting_resource
    with pytest.raises(KeyError):
        summary["nothing"]


def test_representations_fit_a_terminal(result: gs.Result) -> None:
    for text, width in (
        (str(result), 100),
        (result.summary().text(80), 80),
        (result.summary().text(60), 60),
    ):
        assert max(map(len, text.splitlines())) <= width
        assert "e2e_latency" in text
    assert "<table>" in result._repr_html_()
    assert repr(result.runs[0]).startswith("<Run voice-light, dedicated, seed ")


def columns_of(result: gs.Result) -> dict[str, bytes]:
    tables = {"requests": result.requests, "steps": result.steps, "partitions": result.partitions}
    return {
        f"{name}.{column}": table._columns.values(column).tobytes()
        for name, table in tables.items()
        for column in table.columns
    }


def test_the_same_seed_gives_the_same_bytes(light: gs.Scenario, result: gs.Result) -> None:
    assert columns_of(gs.simulate(light, record_steps=True)) == columns_of(result)
    assert columns_of(gs.simulate(light, seed=light.seed, record_steps=True)) == columns_of(result)
    assert columns_of(gs.simulate(light, seed=77)) != columns_of(gs.simulate(light, seed=78))


def test_a_document_will_do(light: gs.Scenario, result: gs.Result) -> None:
    assert columns_of(gs.simulate(light.document, record_steps=True)) == columns_of(result)


def test_replications_are_independent_and_in_order_whatever_the_threads(light: gs.Scenario) -> None:
    one, many = gs.simulate(light, replications=3, threads=1), gs.simulate(light, replications=3, threads=3)
    assert columns_of(one) == columns_of(many)
    assert [run.replication for run in many.runs] == [0, 1, 2]
    assert many.requests.columns[0] == "replication"
    assert many.requests["replication"].tolist() == sorted(many.requests["replication"].tolist())
    assert len(many.requests) == sum(len(run.requests) for run in many.runs)
    assert many.runs[0].requests == gs.simulate(light).requests
    assert many.runs[0].requests != many.runs[1].requests


def test_replications_carry_students_interval(light: gs.Scenario) -> None:
    many = gs.simulate(light, replications=3)
    throughput = many.summary()["request_throughput"]
    values = [run.summary["request_throughput"] for run in many.runs]
    assert isinstance(throughput, gs.Estimate)
    assert float(throughput) == pytest.approx(np.mean(values))
    # t(0.975, 2) = 4.302653
    assert throughput.half_width == pytest.approx(4.302653 * np.std(values, ddof=1) / np.sqrt(3), rel=1e-5)
    assert throughput.count == 3
    assert many.summary().to_dict()["request_throughput"]["count"] == 3
    assert "±" in str(many)
    moved = pickle.loads(pickle.dumps(throughput))
    assert (moved, moved.half_width, moved.count) == (throughput, throughput.half_width, 3)


def test_an_estimate_leaves_out_missing_values() -> None:
    assert estimates.estimate([2.0]) == 2.0
    assert np.isnan(estimates.estimate([float("nan"), float("nan")]))
    partial = estimates.estimate([1.0, float("nan"), 3.0])
    assert isinstance(partial, gs.Estimate)
    assert (float(partial), partial.count) == (2.0, 2)


def test_results_are_pickled(result: gs.Result) -> None:
    moved = pickle.loads(pickle.dumps(result))
    assert moved.requests == result.requests
    assert moved.summary().to_dict() == result.summary().to_dict()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"seed": -1}, "seed: found -1; an integer of at least 0 is needed"),
        ({"seed": 1.5}, "seed: found 1.5"),
        ({"replications": 0}, "replications: found 0"),
        ({"replications": True}, "replications: found True"),
        ({"threads": -1}, "threads: found -1"),
    ],
)
def test_numbers_out_of_range_are_refused(light: gs.Scenario, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        gs.simulate(light, **options)


def test_memory_is_refused_before_anything_runs() -> None:
    with pytest.raises(gs.OutOfMemoryError, match="GB"):
        gs.simulate("llm-trace", mode="mig:1g.10gb+1g.10gb")


def test_progress_rises_to_one_and_can_stop_the_run(light: gs.Scenario) -> None:
    seen: list[float] = []
    gs.simulate("voice-heavy", replications=6, threads=1, record_requests=False, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert all(0 <= fraction <= 1 for fraction in seen)
    long = light.replace(**{"/traffic/0/hold_s": 2_000_000})
    with pytest.raises(gs.SimulationError):
        gs.simulate(long, record_requests=False, progress=lambda fraction: False)


def test_an_exception_of_the_progress_function_comes_out(light: gs.Scenario) -> None:
    long = light.replace(**{"/traffic/0/hold_s": 2_000_000})

    def fail(fraction: float) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        gs.simulate(long, record_requests=False, progress=fail)


def test_the_interpreter_is_free_while_a_run_goes_on(light: gs.Scenario) -> None:
    long = light.replace(**{"/traffic/0/hold_s": 2_000_000})
    stop = threading.Event()
    ticks = 0

    def simulate() -> None:
        with pytest.raises(gs.SimulationError):
            gs.simulate(long, record_requests=False, progress=lambda _: not stop.is_set())

    thread = threading.Thread(target=simulate)
    thread.start()
    while ticks < 1000:
        ticks += 1
    assert thread.is_alive()
    stop.set()
    thread.join()


def test_the_interpreter_may_end_while_threads_simulate() -> None:
    code = textwrap.dedent(
        """
        import threading
        import gpushare as gs
        long = gs.Scenario.load("voice-light").replace(**{"/traffic/0/hold_s": 20_000_000})
        started = threading.Barrier(9)
        def progress(fraction):
            if not told.is_set():
                told.set()
            return True
        def simulate():
            started.wait()
            gs.simulate(long, record_requests=False, progress=progress)
        told = threading.Event()
        for _ in range(8):
            threading.Thread(target=simulate, daemon=True).start()
        started.wait()
        told.wait()
        """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
@pytest.mark.parametrize(
    "what",
    [
        "simulate(long)",
        "simulate(long, replications=4)",
        "compare(long)",
        "sweep(gs.grid(long, seed=[1, 2, 3]))",
    ],
)
def test_control_c_raises_keyboard_interrupt(what: str) -> None:
    code = textwrap.dedent(
        f"""
        import sys
        import gpushare as gs
        long = gs.Scenario.load("voice-light").replace(**{{"/traffic/0/hold_s": 20_000_000}})
        try:
            print("ready", flush=True)
            gs.{what}
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            sys.exit(0)
        """
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        # Half a second later it is in the run, which takes hours.
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    assert output == "interrupted\n"
    assert process.returncode == 0


@pytest.mark.parametrize("users", [1, 3, 20])
def test_percentiles_are_those_of_numpy_by_the_definition_they_state(users: int, light: gs.Scenario) -> None:
    run = gs.simulate(light.replace(users=users), seed=3).runs[0]
    done = (run.requests["measured"] == 1) & (run.requests["status"] == "completed")
    latencies = run.requests["e2e_latency_s"][done]
    assert len(latencies) == run.figures["e2e_latency_count"]
    for percent in (50, 90, 95, 99):
        expected = np.quantile(latencies, percent / 100, method="inverted_cdf")
        assert run.figures[f"e2e_latency_p{percent}_s"] == pytest.approx(expected, rel=1 / 256)
