"""Requests by traffic entry, replica and window: what is counted where."""

from __future__ import annotations

import json

import gpushare as gs
import numpy as np
import pytest
from gpushare.command.cli import main
from gpushare.study.breakdown import breakdown

NAN = float("nan")


def requests() -> gs.Table:
    """Five measured requests of two entries, and one of the warm-up."""
    return gs.Table(
        "requests",
        {
            "traffic": ["a", "a", "b", "a", "b", "b"],
            "status": ["completed", "completed", "rejected", "completed", "failed", "completed"],
            "measured": np.array([0, 1, 1, 1, 1, 1], dtype=np.int64),
            "arrival_s": np.array([1.0, 11.0, 12.0, 19.0, 25.0, 29.5]),
            "e2e_latency_s": np.array([9.0, 1.0, NAN, 3.0, NAN, 5.0]),
            "llm.queued_s": np.array([1.0, 11.0, 12.0, 19.0, 25.0, 29.5]),
            "llm.first_output_s": np.array([2.0, 11.5, NAN, 19.25, NAN, 30.0]),
            "llm.finished_s": np.array([10.0, 12.0, NAN, 22.0, NAN, 34.5]),
            "llm.replica": np.array([0, 0, -1, 1, 1, 1], dtype=np.int64),
        },
    )


def test_measured_requests_are_counted_where_they_came_from() -> None:
    table = breakdown(requests())
    assert table.columns[:6] == ["traffic", "requests", "completed", "rejected", "failed", "skipped"]
    assert table["traffic"].tolist() == ["a", "b"]
    assert table["requests"].tolist() == [2, 3]
    assert table["completed"].tolist() == [2, 1]
    assert table["rejected"].tolist() == [0, 1]
    assert table["failed"].tolist() == [0, 1]
    assert table["e2e_latency_p50_s"].tolist() == [2.0, 5.0]
    assert table["llm.first_output_p50_s"].tolist() == [0.375, 0.5]
    assert table["llm.latency_p95_s"].tolist() == pytest.approx([2.9, 5.0])


def test_windows_begin_with_the_run_and_replicas_are_numbers() -> None:
    table = breakdown(requests(), ["llm.replica"], 10.0)
    rows = list(
        zip(table["llm.replica"].tolist(), table["from_s"].tolist(), table["requests"].tolist(), strict=True)
    )
    assert rows == [(-1, 10.0, 1), (0, 10.0, 1), (1, 10.0, 1), (1, 20.0, 2)]
    assert np.isnan(table["e2e_latency_p50_s"][0])


def test_without_columns_there_is_one_row() -> None:
    table = breakdown(requests(), [])
    assert table["requests"].tolist() == [5]
    with pytest.raises(ValueError, match="no column 'replica'; requests have traffic, status"):
        breakdown(requests(), ["replica"])
    with pytest.raises(ValueError, match="window_s: found 0; seconds > 0 are needed"):
        breakdown(requests(), [], 0)


def test_a_run_adds_up() -> None:
    result = gs.simulate("one-pod-spike", mode="mig:7x1g.10gb")
    table = result.by("traffic", "llm.replica", window_s=20)
    assert table["requests"].sum() == sum(result.requests["measured"])
    assert set(table["from_s"]) == {120.0, 140.0, 160.0}
    told = {one["name"]: one["rejected"] for one in result.runs[0].summary["traffic"]}
    for name, rejected in told.items():
        assert table["rejected"][table["traffic"] == name].sum() == rejected
    assert told["spiking"] > 0
    lines = result.summary().text().splitlines()
    head = lines.index(next(line for line in lines if line.startswith("traffic ")))
    assert [line.split()[0] for line in lines[head + 2 : head + 2 + len(told)]] == list(told)


def test_the_command_breaks_a_run_down(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "voice-light", "--by", "user", "--window", "60"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert "user  from_s  requests  completed" in text
    assert main(["run", "voice-light", "--window", "60", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sum(told["by"]["requests"]) > 50
    assert told["by"]["from_s"] == [0, 60, 120]
    assert main(["run", "voice-light", "--by", "color"]) == 2
    assert "no column 'color'" in capsys.readouterr().err
