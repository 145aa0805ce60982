"""Traces as NumPy columns."""

import datetime
import pickle
from pathlib import Path
from typing import Any

import gpushare as gs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st


def test_a_trace_is_three_read_only_columns() -> None:
    trace = gs.Trace([0.0, 0.5, 2.0], [10, 20, 30], [1, 2, 3], name="three")
    assert len(trace) == 3
    assert trace.name == "three"
    assert (trace.arrival_s.dtype, trace.input_tokens.dtype, trace.output_tokens.dtype) == (
        np.float64,
        np.int32,
        np.int32,
    )
    with pytest.raises(ValueError, match="read-only"):
        trace.arrival_s[0] = 1.0
    assert repr(trace) == "<Trace three: 3 requests>"
    copy = pickle.loads(pickle.dumps(trace))
    np.testing.assert_array_equal(copy.arrival_s, trace.arrival_s)
    np.testing.assert_array_equal(copy.output_tokens, [1, 2, 3])


def test_columns_outlive_their_trace() -> None:
    column = gs.traces.azure_conversation_like(1, 60).arrival_s
    total = column.sum()
    for seed in range(20):
        gs.traces.azure_conversation_like(seed, 60)
    assert column.sum() == total


@given(
    st.lists(
        st.tuples(st.floats(0, 1e5), st.integers(0, 200_000), st.integers(1, 100_000)),
        min_size=1,
        max_size=30,
    )
)
def test_a_saved_trace_reads_back(tmp_path: Path, rows: list[tuple[float, int, int]]) -> None:
    arrivals = np.sort([row[0] for row in rows])
    trace = gs.Trace(arrivals - arrivals[0], [row[1] for row in rows], [row[2] for row in rows])
    path = tmp_path / "trace.csv"
    gs.traces.save(trace, path)
    back = gs.traces.load(path)
    np.testing.assert_allclose(back.arrival_s, trace.arrival_s, atol=1e-9)
    np.testing.assert_array_equal(back.input_tokens, trace.input_tokens)
    np.testing.assert_array_equal(back.output_tokens, trace.output_tokens)


def test_text_is_a_trace_too() -> None:
    lines = ["2023-11-16 18:17:03.9799600,4808,10", "2023-11-16 18:17:04.0319569,3180,8"]
    text = "\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *lines])
    trace = gs.traces.parse(text, "azure.csv")
    assert trace.arrival_s.tolist() == pytest.approx([0.0, 0.0519969], abs=1e-7)
    assert trace.input_tokens.tolist() == [4808, 3180]


def test_inspection_gives_figures_with_their_meaning() -> None:
    # Gaps 1, 2, 3 s: mean 2, population deviation sqrt(2/3) or sample deviation 1.
    summary = gs.traces.inspect(gs.Trace([0, 1, 3, 6], [100, 200, 300, 400], [1, 1, 2, 4], name="four"))
    assert summary["requests"] == len(summary.to_dict()) - 18 == 4
    assert summary["duration_s"] == 6.0
    assert summary["gap_cv"] == pytest.approx(1 / 2, rel=0.2)
    assert summary["input_mean"] == 250.0
    assert "variance / mean" in str(summary)
    assert "<table>" in summary._repr_html_()
    assert max(map(len, str(summary).splitlines())) <= 100


def test_the_generated_hour_has_azures_statistics() -> None:
    # AzureLLMInferenceTrace_conv: 5.53 requests a second, 1,155 tokens in and 211 out on average.
    summary = gs.traces.inspect(gs.traces.azure_conversation_like(7))
    assert summary["rate_per_s"] == pytest.approx(5.53, rel=0.1)
    assert summary["input_mean"] == pytest.approx(1154.7, rel=0.05)
    assert summary["output_mean"] == pytest.approx(211.1, rel=0.05)
    assert summary["dispersion_60s"] > 5


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        (([], [], []), "arrival_s: a trace needs at least one request"),
        (([1.0, 0.5], [1, 1], [1, 1]), r"arrival_s\[1\]: found 0.5"),
        (([float("nan")], [1], [1]), r"arrival_s\[0\]: found nan"),
        (([-1.0], [1], [1]), r"arrival_s\[0\]: found -1"),
        (([0.0], [-1], [1]), r"input_tokens\[0\]: found -1; a token count is 0 to 2147483647"),
        (([0.0], [1], [2**31]), r"output_tokens\[0\]: found 2147483648"),
        (([0.0, 1.0], [1], [1]), "must be one-dimensional and of equal length"),
    ],
)
def test_bad_columns_are_refused_with_their_place(
    arrays: tuple[list[float], list[int], list[int]], text: str
) -> None:
    with pytest.raises(gs.TraceError, match=text):
        gs.Trace(*arrays)


def test_tokens_must_be_whole_numbers() -> None:
    with pytest.raises(gs.TraceError, match="input_tokens: token counts are whole numbers"):
        gs.Trace([0.0], [1.5], [1])
    with pytest.raises(gs.TraceError, match="output_tokens: token counts are whole numbers"):
        gs.Trace([0.0], [1], ["2"])


@pytest.mark.parametrize("shared_prefixes", [False, True])
def test_numbers_that_fill_their_type_stay_apart(shared_prefixes: bool) -> None:
    highest = {"session": 2**31 - 1, "hash_ids": 2**63 - 2}
    odd = gs.traces.from_columns(
        {
            "arrival_s": [0.0, 1.0, 2.0],
            "input_tokens": [64, 64, 64],
            "output_tokens": [1, 1, 1],
            "session": [highest["session"], -1, highest["session"]],
            "hash_ids": [[5, highest["hash_ids"]], [], [5]],
            "block_tokens": 32,
        }
    )
    for made in (
        gs.traces.merge(odd, odd, shared_prefixes=shared_prefixes),
        gs.traces.loop(odd, 2, shared_prefixes=shared_prefixes),
    ):
        session = made.extra["session"]
        assert len(made) == 6
        assert len({int(number) for number in session if number >= 0}) == 2
        assert (session == -1).sum() == 2
        ids = made.extra["hash_ids"]
        assert len(set(ids.tolist())) == (2 if shared_prefixes else 4)
        assert (ids >= 0).all()
    assert len(gs.traces.thin(odd, 1.0)) == 3


SECONDS = [0.0, 0.25, 1.5, 1.5, 60.0]
TIMES = [datetime.datetime(2024, 3, 1) + datetime.timedelta(seconds=at) for at in SECONDS]
AWARE = [at.replace(tzinfo=datetime.timezone.utc) for at in TIMES]
SPANS = [datetime.timedelta(seconds=at) for at in SECONDS]


@pytest.mark.parametrize("column", ["arrival_s", "arrival", "ts"])
@pytest.mark.parametrize("times", [SECONDS, TIMES, AWARE, SPANS], ids=["seconds", "times", "aware", "spans"])
def test_times_mean_the_same_in_whatever_holds_them(column: str, times: list[Any]) -> None:
    pd, pl, pa = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))
    held = {column: times, "input_tokens": [7] * 5, "output_tokens": [3] * 5}
    frame = pd.DataFrame(held)
    for table in (
        held,
        frame,
        frame.set_index(column),
        pl.DataFrame(held),
        pl.DataFrame(held).lazy(),
        pa.table(held),
        frame.to_dict("records"),
        held | {column: frame[column].to_numpy()},
    ):
        assert gs.traces.from_columns(table).arrival_s.tolist() == SECONDS, type(table)


def test_spans_have_the_unit_that_their_column_says() -> None:
    pytest.importorskip("pyarrow")
    for column in ("arrival_ms", "arrival_us", "timestamp_ns"):
        held = {column: SPANS, "prompt_tokens": [7] * 5, "completion_tokens": [3] * 5}
        assert gs.traces.from_columns(held).arrival_s.tolist() == SECONDS


def test_what_is_no_column_of_times_or_no_table_is_told() -> None:
    tokens = {"input_tokens": [1, 1], "output_tokens": [1, 1]}
    with pytest.raises(gs.TraceError, match="arrival_s: expected seconds or times, found object"):
        gs.traces.from_columns({"arrival_s": [{}, {}]} | tokens)
    with pytest.raises(gs.TraceError, match="a data frame or a list of rows by column; found list"):
        gs.traces.from_columns([1, 2])
    pd = pytest.importorskip("pandas")
    names = ["arrival_s", "input_tokens", "output_tokens"]
    twice = pd.DataFrame([[0.0, 1, 1, 2]], columns=[*names, "output_tokens"])
    with pytest.raises(gs.TraceError, match='two columns are called "output_tokens"'):
        gs.traces.from_columns(twice)
    rows = np.array(
        [(0.0, 5, 6), (1.0, 7, 8)], dtype=[("arrival_s", "f8"), *((name, "i4") for name in names[1:])]
    )
    assert gs.traces.from_columns(rows).output_tokens.tolist() == [6, 8]
