"""Logs that tell when requests ended, how long they took and all of their tokens, instead of what a trace wants."""

from __future__ import annotations

import csv
import datetime
import io
import json
from pathlib import Path

import gpushare as gs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

STARTS = (0.0, 1.5, 1.75, 4.0)
TOOK = (0.5, 3.25, 0.125, 1.0)
INPUT = (100, 200, 50, 1000)
OUTPUT = (10, 300, 5, 77)
EPOCH = 1_790_000_000
#: How an end is written: its column, and its text by seconds since 1970.
ENDS = {
    "end_time": lambda s: datetime.datetime.fromtimestamp(s, datetime.UTC).isoformat(),
    "endTimeMs": lambda s: round(s * 1000),
    "ended_at_s": lambda s: s,
    "completed_at": lambda s: datetime.datetime.fromtimestamp(s, datetime.UTC).strftime(
        "%Y-%m-%d %H:%M:%S.%f"
    ),
    "Finish Time (us)": lambda s: round(s * 1_000_000),
}
TIMES = {
    "latency_ms": lambda s: s * 1000,
    "duration_s": lambda s: s,
    "response_time": lambda s: f"{s * 1000}ms",
    "elapsed": lambda s: f"{s}s",
    "Total Latency (us)": lambda s: round(s * 1_000_000),
}


def rows(end: str, took: str, tokens: tuple[str, str]) -> list[dict[str, object]]:
    lengths = {
        "prompt_tokens": INPUT,
        "completion_tokens": OUTPUT,
        "total_tokens": np.add(INPUT, OUTPUT).tolist(),
    }
    found = [
        (
            start + last,
            {end: ENDS[end](EPOCH + start + last), took: TIMES[took](last)}
            | {name: lengths[name][i] for name in tokens},
        )
        for i, (start, last) in enumerate(zip(STARTS, TOOK, strict=True))
    ]
    return [row for _, row in sorted(found, key=lambda pair: pair[0])]


def written(path: Path, table: list[dict[str, object]]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table))
        return path
    text = io.StringIO()
    writer = csv.DictWriter(text, list(table[0]))
    writer.writeheader()
    writer.writerows(table)
    path.write_text(text.getvalue())
    return path


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("took", TIMES)
def test_ends_less_times_are_the_starts_in_every_spelling(
    tmp_path: Path, kind: str, end: str, took: str
) -> None:
    for tokens in (
        ("prompt_tokens", "completion_tokens"),
        ("prompt_tokens", "total_tokens"),
        ("completion_tokens", "total_tokens"),
    ):
        trace = gs.traces.load(written(tmp_path / f"log.{kind}", rows(end, took, tokens)))
        np.testing.assert_allclose(trace.arrival_s, STARTS, atol=2e-6)
        assert tuple(trace.input_tokens) == INPUT
        assert tuple(trace.output_tokens) == OUTPUT
        assert f'"{end}" less "{took}"' in trace.origin["reason"]
        if "total_tokens" in tokens:
            assert f"total_tokens-{tokens[0]}" in trace.origin["columns"]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_end_whose_time_has_no_unit_is_said_to_stand_for_the_arrival(tmp_path: Path, kind: str) -> None:
    table = [
        dict(row, latency=1.5) for row in rows("end_time", "latency_ms", ("prompt_tokens", "total_tokens"))
    ]
    for row in table:
        del row["latency_ms"]
    trace = gs.traces.load(written(tmp_path / f"log.{kind}", table))
    assert "taken for the arrival, though it is the end" in trace.origin["reason"]
    assert '"latency" says no unit' in trace.origin["reason"]
    served = gs.llm("qwen3-0.6b", log=trace)
    warnings = [warning.text for warning in gs.Scenario.of(served, gpu="l4").warnings]
    assert any("though it is the end" in text for text in warnings), warnings


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_start_counts_before_an_end_and_tokens_before_their_sum(tmp_path: Path, kind: str) -> None:
    table = [
        {
            "start_time": at,
            "end_time": at + 5,
            "latency_ms": 5000,
            "total_tokens": 999,
            "prompt_tokens": 7,
            "completion_tokens": 3,
        }
        for at in STARTS
    ]
    trace = gs.traces.load(written(tmp_path / f"log.{kind}", table))
    np.testing.assert_allclose(trace.arrival_s, STARTS)
    assert set(trace.input_tokens) == {7}
    assert set(trace.output_tokens) == {3}


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_sum_below_its_part_is_told_with_its_line(tmp_path: Path, kind: str) -> None:
    table = [{"time": 1, "prompt_tokens": 7, "total_tokens": 5}]
    with pytest.raises(
        gs.TraceError, match=r'log\.\w+:\d+: .*"total_tokens": expected a whole number.*found "5"'
    ):
        gs.traces.load(written(tmp_path / f"log.{kind}", table))


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**5)), min_size=1, max_size=20))
def test_every_log_of_ends_is_in_order_of_its_starts(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[int, int]]
) -> None:
    table = [
        {"end_time_ms": start + took, "latency_ms": took, "input_tokens": 5, "output_tokens": 1}
        for start, took in found
    ]
    trace = gs.traces.load(written(tmp_path_factory.mktemp("ends") / "log.csv", table))
    starts = np.sort([start for start, _ in found])
    np.testing.assert_allclose(trace.arrival_s, (starts - starts[0]) / 1000, atol=1e-9)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_length_that_is_given_counts_before_all_tokens(tmp_path: Path, kind: str) -> None:
    table: list[dict[str, object]] = [{"time": i, "prompt_tokens": 7, "total_tokens": 50} for i in range(3)]
    trace = gs.traces.load(written(tmp_path / f"log.{kind}", table), columns="output=200")
    assert set(trace.output_tokens) == {200}
    assert trace.origin["columns"].endswith("output=200")
