"""Suites of LLM serving, on data of the same formats that obeys the model."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import gpushare as gs
import numpy as np
import pytest
from gpushare.command.cli import main
from gpushare.validation import Report, can_run, run_suite
from gpushare.validation.documents import figure
from gpushare.validation.serving_runs import Requests, replay
from gpushare.validation.suites.llm_kernels import KernelTable, fitted_model, read_kernel_table
from gpushare.validation.suites.llmservingsim import HOST_PER_SEQUENCE_S, profile_of

ReportOf = Callable[[str], Report]

CARD = gs.profile("rtx-pro-6000")
NAME = "RTXPRO6000"
LAYERS, READ, FLOP, KV, PAIR = 32, 13.96e9, 13.96e9, 131072 / 32, 524288 / 32
BANDWIDTH, PEAK = CARD.bandwidth_bytes_per_s, CARD.flop_per_s["fp16"]
TOKENS = [1, 2, 4, 8, 16, 32, 64, 96, 128, 160, 256, 400, 512, 640, 1024, 1536, 2048]


def products_s(tokens: int) -> float:
    return math.hypot(READ / (0.8 * BANDWIDTH), tokens * FLOP / (0.7 * PEAK)) / LAYERS


def attention_s(prompt: int, context: int, decodes: int, each: int) -> float:
    alone = min(0.78, 0.6 + 0.02 * math.log2(decodes)) if decodes else 1.0
    pairs = prompt * context + prompt * (prompt + 1) / 2
    efficiency = 0.42 if prompt and decodes else alone
    reading = decodes * each * KV / efficiency + context * KV / 0.6
    return 1e-5 + pairs * PAIR / (0.5 * PEAK) + reading / BANDWIDTH


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """LLMServingSim's files for a card that obeys the model exactly."""
    dense = ["layer,tokens,time_us"]
    for tokens in TOKENS:
        dense.append(f"qkv_proj,{tokens},{1e6 * products_s(tokens)}")
        dense += [f"{name},{tokens},0" for name in ("o_proj", "gate_up_proj", "down_proj")]
        each_us = 1e6 * math.hypot(3e-4, tokens * 3e6 / BANDWIDTH) / LAYERS / 4
        dense += [f"{name},{tokens},{each_us}" for name in ("layernorm", "rotary_emb", "act_fn")]
    shapes = [(0, 0, n, k) for n in (1, 4, 16, 64, 128, 256) for k in (512, 1024, 2048, 4096)]
    shapes += [(p, c, 0, 0) for p in (256, 512, 1024, 2048) for c in (0, 512, 1024)]
    shapes += [(p, 0, n, k) for p in (256, 512, 1024) for n in (64, 128) for k in (512, 1024, 2048)]
    rows = [",".join(map(str, (*shape, 1e6 * attention_s(*shape)))) for shape in shapes]
    head = "prefill_chunk,kv_prefill,n_decode,kv_decode,time_us"
    prefix = f"{NAME}_llama31_8b"
    (tmp_path / f"{prefix}_profile_dense.csv").write_text("\n".join(dense) + "\n")
    (tmp_path / f"{prefix}_profile_attention.csv").write_text("\n".join([head, *rows]) + "\n")
    return tmp_path


def table(folder: Path) -> KernelTable:
    prefix = f"{NAME}_llama31_8b_profile"
    return read_kernel_table(folder / f"{prefix}_dense.csv", folder / f"{prefix}_attention.csv")


def test_efficiencies_of_a_card_that_obeys_the_model_are_recovered(folder: Path) -> None:
    document, errors = fitted_model(table(folder), CARD, "llama-3.1-8b", "made up")
    weights = document["formats"]["fp16"]
    assert weights["gemm_bandwidth_efficiency"]["value"] == pytest.approx(0.8, rel=0.02)
    for _, efficiency in weights["gemm_flop_efficiency"]["value"]:
        assert efficiency == pytest.approx(0.7, rel=0.05)
    assert document["kv_efficiency_base"]["value"] == pytest.approx(0.6, rel=0.02)
    assert document["kv_efficiency_mixed"]["value"] == pytest.approx(0.42, rel=0.02)
    assert document["attention_flop_efficiency"]["value"] == pytest.approx(0.5, rel=0.02)
    assert document["elementwise_bytes_per_token"]["value"] == pytest.approx(3e6, rel=0.02)
    floor = document["elementwise_floor_s"]["value"] * 1.41e9 / CARD.clock_hz
    assert floor == pytest.approx(3e-4, rel=0.02)
    assert len(errors) == 5


def write_record(folder: Path) -> None:
    """What the suite itself would predict, as if it had been recorded."""
    model, _ = fitted_model(table(folder), CARD, "llama-3.1-8b", "made up")
    model["activation_bytes"] = figure(1.6e9, "as the suite has it")
    count = 60
    requests = Requests([0.08 * i for i in range(count)], [400 + 10 * i for i in range(count)], [100] * count)
    engine = {
        "preset": "vllm-0.20-in-process",
        "gpu_memory_utilization": 0.9,
        "host_per_sequence_s": HOST_PER_SEQUENCE_S,
        "request_overhead_s": 0.0,
    }
    served = replay(requests, gpu="rtx-pro-6000", model=model, engine=engine)
    rows = [
        {
            "queued_ts": 50 + served.arrival[i],
            "scheduled_ts": 50 + served.started[i],
            "first_token_ts": 50 + served.first[i],
            "last_token_ts": 50 + served.finished[i],
            "input_toks": requests.input_tokens[i],
            "output_toks": requests.output_tokens[i],
        }
        for i in range(count)
    ]
    name = f"{NAME}_llama31_8b_vllm0.19"
    (folder / f"{name}_requests.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    running, waiting = served.counts(np.arange(1.0, 8.0))
    lines = [f"{t},{r},{w}" for t, r, w in zip(range(1, 8), running, waiting, strict=True)]
    (folder / f"{name}_timeseries.csv").write_text("\n".join(["t,running,waiting", *lines]) + "\n")


def test_a_record_that_obeys_the_model_is_predicted(folder: Path) -> None:
    write_record(folder)
    report = run_suite("llmservingsim", folder)
    assert max(report.errors()) < 0.03
    assert report.missed() == []
    assert all(row.predicted < 0.02 for row in report.rows if row.role == "check")


def test_another_card_of_the_same_files_is_taken_for_itself(folder: Path) -> None:
    write_record(folder)
    for path in list(folder.iterdir()):
        path.rename(folder / path.name.replace(NAME, "GeForce-RTX4090"))
    report = run_suite("llmservingsim", folder)
    assert {row.mode for row in report.rows} == {"GeForce-RTX4090"}
    assert {row.role for row in report.rows} == {"prediction", "check"}  # no host time is calibrated on it
    kernels = next(note for note in report.notes if note.startswith("GeForce-RTX4090"))
    assert "matrix products" in kernels


@pytest.mark.parametrize(
    ("card", "profile"),
    [
        ("RTXPRO6000", "rtx-pro-6000"),
        ("RTX4090", "rtx-4090"),
        ("NVIDIA_GeForce_RTX_4090", "rtx-4090"),
        ("A100-SXM4-80GB", "a100"),
        ("A100_40GB", "a100-40gb"),
        ("H100", "h100"),
        ("H200-141GB", "h200"),
    ],
)
def test_a_card_is_found_by_the_name_in_its_files(card: str, profile: str) -> None:
    assert profile_of(card) == profile


def test_a_card_without_a_profile_is_named_with_those_that_have_one() -> None:
    with pytest.raises(ValueError, match=r"TPU-v6e: no profile is known .* rtx-pro-6000"):
        profile_of("TPU-v6e")


def test_counts_over_time_are_drawn_beside_the_record(
    folder: Path, tmp_path: Path, report_of: ReportOf
) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    assert matplotlib
    write_record(folder)
    report = run_suite("llmservingsim", folder)
    figure = gs.plot.timelines(report)
    lines = [axis.get_lines() for axis in figure.axes]
    assert [len(both) for both in lines] == [2, 2]
    for both, name in zip(lines, ("running", "waiting"), strict=True):
        for line, counts in zip(both, ("measured", "predicted"), strict=True):
            assert list(line.get_ydata()) == list(getattr(report.timelines[0], counts)[name])
    with pytest.raises(ValueError, match="nothing over time"):
        gs.plot.timelines(report_of("nos"))
    file = tmp_path / "counts.png"
    main(["validate", "llmservingsim", "--data", str(folder), "--plot", str(file)])
    assert file.stat().st_size > 5000


def test_suites_that_need_data_say_so(tmp_path: Path) -> None:
    for name in ("accelmark", "llmservingsim"):
        with pytest.raises(ValueError, match="needs the folder"):
            run_suite(name)
        with pytest.raises(ValueError, match=r"no .* for suite"):
            run_suite(name, tmp_path)


def test_a_collection_of_data_has_a_folder_for_each_suite(tmp_path: Path) -> None:
    (tmp_path / "llm_serving").mkdir()
    assert can_run("nos", None)
    assert not can_run("accelmark", None)
    assert can_run("accelmark", tmp_path)
    assert not can_run("parvagpu", tmp_path)
    assert can_run("llmservingsim", tmp_path / "llm_serving")


def test_the_throughput_table_of_a100_is_met_within_its_limit(report_of: ReportOf) -> None:
    report = report_of("trtllm-throughput")
    assert report.missed() == []
    assert sum(row.role == "calibration" for row in report.rows) == 1


def test_throughput_grows_with_the_gpus_of_a_replica_as_published(report_of: ReportOf) -> None:
    report = report_of("trtllm-parallel")
    assert sum(row.role == "calibration" for row in report.rows) == 1
    for gpu, off in (("a100", 0.12), ("h100", 0.25)):
        rows = {row.case: row for row in report.rows if row.mode == f"several {gpu}, llama-3-70b"}
        for lengths in ("128/128", "2048/128", "128/2048", "2048/2048"):
            four, eight = rows[f"{lengths} on 4"], rows[f"{lengths} on 8"]
            predicted = eight.predicted / four.predicted
            assert predicted == pytest.approx(eight.measured / four.measured, rel=off), lengths


def test_one_thread_in_front_of_the_engine_makes_the_shape_of_the_nim_table(report_of: ReportOf) -> None:
    report = report_of("nim-llm")
    # The times and the rate of the last row of each version, and of the first of the preset's.
    assert sum(row.role == "calibration" for row in report.rows) == 9
    knee = 1  # row of 100 requests, with which the thread is just short of busy
    assert report.errors("NIM 1.8.0", "itl, shape")[-1 - knee] < 0.065
    for version in ("NIM 1.3.0", "NIM 1.8.0"):
        assert report.errors(version, "ttft, shape")[-1 - knee] < 0.35
        rates = {
            row.case: row.predicted
            for row in report.rows
            if row.mode == version and row.metric == "throughput, shape"
        }
        *_, before, last = rates.values()
        assert last == pytest.approx(before, rel=0.02)  # the rate no longer grows
        assert last > 1.1 * rates["50 requests"]
