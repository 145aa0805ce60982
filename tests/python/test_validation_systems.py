"""The published systems as suites: what was fitted and what predicted, targets that stay met, and reasons."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from gpushare.validation.documents import measured
from gpushare.validation.registry import run_suite
from gpushare.validation.report import Report
from gpushare.validation.suites import speech_fit, speech_nim

ReportOf = Callable[[str], Report]

SYSTEMS = ("voice-blog", "hollow-gpu", "bursty-llm", "speech-nim")

#: Targets that are not reached yet, by suite and metric, with the figure that must not get worse.
MISSED = {
    ("bursty-llm", "throughput / single pod"): 0.075,
    ("bursty-llm", "first token p95 / single pod"): 0.22,
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_suite_says_what_it_fitted_and_what_it_predicted(name: str, report_of: ReportOf) -> None:
    report = report_of(name)
    assert report.suite == name
    assert all((report.calibrated_on, report.predicted, report.sources, report.notes))
    roles = {row.role for row in report.rows}
    predicts = name != "hollow-gpu"  # sums of inputs and prices
    assert roles - {"check"} == ({"calibration", "prediction"} if predicts else {"calibration"})
    assert predicts or "check" in roles
    fitted = {
        (row.case, row.mode, row.client, row.metric) for row in report.rows if row.role == "calibration"
    }
    assert not any(
        (row.case, row.mode, row.client, row.metric) in fitted
        for row in report.rows
        if row.role == "prediction"
    )
    assert all(math.isfinite(row.predicted) for row in report.rows)


@pytest.mark.parametrize("name", SYSTEMS)
def test_targets_that_are_met_stay_met(name: str, report_of: ReportOf) -> None:
    report = report_of(name)
    for target in report.targets:
        limit = max(target.limit, MISSED.get((name, target.metric), 0.0))
        assert report.reached(target) <= limit, target.metric


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.long if name == "voice-blog" else ()) for name in SYSTEMS],  # 4 s
)
def test_a_suite_is_repeatable_and_tells_how_far_it_is(name: str, report_of: ReportOf) -> None:
    told: list[float] = []
    assert run_suite(name, progress=told.append).to_dict() == report_of(name).to_dict()
    assert told == sorted(told)
    assert told[-1] == 1


def row_of(report: Report, mode: str, metric: str) -> float:
    return next(row.predicted for row in report.rows if row.mode == mode and row.metric == metric)


def test_mig_wins_throughput_and_loses_first_audio_and_the_reason_is_shown(
    report_of: ReportOf,
) -> None:
    report = report_of("voice-blog")
    assert row_of(report, "time-slicing", "MIG / time-slicing") > 1.15
    first = "first audio of a sentence"
    assert row_of(report, "time-slicing", first) < row_of(report, "mig:3g.40gb+3g.40gb", first)
    text = " ".join(report.notes)
    assert "limited by tts: GPU time of gpu1/3g.40gb@4" in text
    assert "limited by tts: GPU time of gpu1/whole" in text


def test_the_absolute_rates_of_the_bursty_llm_are_told_to_be_infeasible(report_of: ReportOf) -> None:
    text = " ".join(report_of("bursty-llm").notes)
    assert "22,500 tokens a second" in text
    assert "not reachable" in text


def test_estimates_of_the_hollow_gpu_stand_beside_what_is_modelled(report_of: ReportOf) -> None:
    text = " ".join(report_of("hollow-gpu").notes)
    assert "874 GB/s, modelled 1,020 GB/s" in text
    assert "25 to 50 us" in text


def test_only_the_ends_of_a_speech_table_calibrate(report_of: ReportOf) -> None:
    for table in measured("speech-nim.json")["tables"]:
        streams = sorted(row["streams"] for row in table["rows"])
        fitted = {
            int(row.client.split()[0])
            for row in report_of("speech-nim").rows
            if row.case == table["name"] and row.role == "calibration"
        }
        assert fitted == {streams[0], streams[-1]}


def changed(table: dict[str, Any], streams: int, factor: float) -> dict[str, Any]:
    rows = [
        {
            key: value * factor if key != "streams" and row["streams"] == streams else value
            for key, value in row.items()
        }
        for row in table["rows"]
    ]
    return {**table, "rows": rows}


@pytest.mark.parametrize("number", [0, 4])
def test_rows_between_do_not_move_the_prediction(number: int) -> None:
    table = measured("speech-nim.json")["tables"][number]
    moved = changed(table, table["rows"][2]["streams"], 3.0)
    assert [row.predicted for row in speech_nim.table_rows(moved)] == [
        row.predicted for row in speech_nim.table_rows(table)
    ]


def test_a_service_that_takes_twice_as_long_serves_half_of_the_streams() -> None:
    rows = {1: {"chunk_latency": 0.02}, 64: {"chunk_latency": 0.06}}
    slower = {1: {"chunk_latency": 0.03}, 64: {"chunk_latency": 0.11}}
    fast = speech_fit.calibrate("parakeet-1.1b", "a100", rows, 0.16)
    slow = speech_fit.calibrate("parakeet-1.1b", "a100", slower, 0.16)
    assert fast.run(64)["chunk_latency"] == pytest.approx(0.06, rel=0.01)
    assert 1.6 < speech_fit.stream_limit(fast) / speech_fit.stream_limit(slow) < 2.2
