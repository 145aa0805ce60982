"""Figures in long form, names for SQL, traces as frames, and what a notebook shows and completes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import gpushare as gs
import numpy as np
import pandas as pd
import polars as pl
import pytest


@pytest.fixture(scope="module")
def table() -> gs.Comparison:
    return gs.compare(
        "voice-light",
        modes=["dedicated", "time-slicing"],
        objectives={"voice_to_voice_p95": "1s"},
        replications=4,
    )


def test_every_figure_is_a_row_with_what_its_name_says() -> None:
    result = gs.simulate("voice-light", replications=2)
    summary = result.summary()
    rows = summary.tidy()
    assert rows.columns == ["pipeline", "stage", "metric", "statistic", "value", "half_width", "unit"]
    assert len(rows) == len(summary)
    found = dict(zip(summary, zip(*(rows[name].tolist() for name in rows.columns), strict=True), strict=True))
    value = summary["llm.ttft_p95_s"]
    assert found["llm.ttft_p95_s"] == ("turn", "llm", "ttft", "p95", float(value), value.half_width, "s")  # type: ignore[attr-defined]
    assert found["e2e_latency_count"][:4] == ("turn", "", "e2e_latency", "count")
    assert found["gpu0/whole.busy"][:4] == ("", "gpu0/whole", "busy", "")
    assert found["gpus_used"][0:4] == ("", "", "gpus_used", "")
    assert found["vram_used_bytes"][2] == "vram_used"
    keys = [row[:4] for row in found.values()]
    assert len(set(keys)) == len(keys)  # nothing is said twice
    each = result.tidy()
    assert len(each) == 2 * len(summary)
    assert set(each["replication"].tolist()) == {0, 1}


def test_pipelines_keep_their_names_where_there_are_several() -> None:
    rows = (
        gs.simulate(gs.Scenario.of(gs.llm("llama-3.1-8b", rate=1), gs.tts(rate=1), duration_s=120))
        .summary()
        .tidy()
    )
    places = {
        (p, s)
        for p, s, m in zip(rows["pipeline"], rows["stage"], rows["metric"], strict=True)
        if m == "e2e_latency"
    }
    assert places == {("llm", ""), ("tts", "")}
    stages = {
        (p, s, m)
        for p, s, m in zip(rows["pipeline"], rows["stage"], rows["metric"], strict=True)
        if m in ("ttft", "itl", "first_audio")
    }
    assert stages == {("llm", "llm", "ttft"), ("", "llm", "itl"), ("tts", "tts", "first_audio")}


def test_sql_needs_no_quotes_and_absent_is_null(table: gs.Comparison) -> None:
    found = table.to_arrow(sql=True)
    assert all(re.fullmatch(r"\w+", name) for name in found.column_names)
    assert "llm_ttft_p95_s" in found.column_names
    assert table.to_arrow().column_names == table.table.columns
    other = gs.Table("t", {"a.b": [1.0, math.nan], "n": np.array([1, 2])}).to_arrow(sql=True)
    assert other.to_pydict() == {"a_b": [1.0, None], "n": [1, 2]}
    assert pl.SQLContext(t=pl.DataFrame(found)).execute(
        "select llm_ttft_p95_s from t", eager=True
    ).height == len(table)
    with pytest.raises(gs.Error, match="two columns would be called a_b"):
        gs.Table("t", {"a.b": [1.0], "a_b": [2.0]}).to_arrow(sql=True)


def test_a_trace_becomes_a_frame_and_comes_back() -> None:
    trace = gs.traces.azure_conversation_like()
    for frame in (
        gs.traces.to_arrow(trace),
        gs.traces.to_pandas(trace),
        pl.DataFrame(gs.traces.to_arrow(trace)),
    ):
        again = gs.traces.from_columns(frame, trace.name)
        assert np.array_equal(again.arrival_s, trace.arrival_s)
        assert np.array_equal(again.input_tokens, trace.input_tokens)
        assert np.array_equal(again.output_tokens, trace.output_tokens)
    assert isinstance(gs.traces.to_pandas(trace), pd.DataFrame)


def test_keys_are_completed(table: gs.Comparison) -> None:
    assert table._ipython_key_completions_() == table.modes
    summary = table["dedicated"]
    assert set(summary._ipython_key_completions_()) == set(summary)
    assert table.table._ipython_key_completions_() == table.table.columns


def test_a_notebook_shows_the_verdict_first_and_marks_cells(table: gs.Comparison) -> None:
    shown = table._repr_html_()
    assert shown.index(table.verdict.line[:20]) < shown.index("<tbody>")
    assert "MISSED" in shown
    failing = re.findall(r'<td style="[^"]*#d9480f[^"]*">(.*?)</td>', shown)
    assert failing
    assert all("MISSED" in cell for cell in failing)
    best = re.findall(r'<td style="[^"]*font-weight:bold">(.*?) ★</td>', shown)
    assert table.verdict.mode in " ".join(best) or table.verdict.meets is False
    assert re.search(r"<small>± [\d.]+ m?s</small>", shown)  # of the verdict, without what follows it
    assert re.search(r"<small>±[\d.]+</small>", shown)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", shown.partition("req/s")[2])
    assert all(cell.count("±") <= 1 for cell in cells)


def test_nothing_is_best_where_all_are_equal() -> None:
    same = gs.compare("voice-light", modes=["dedicated", "dedicated"], record_requests=False)
    assert "★" not in same._html_tables("")


def test_what_would_fill_a_screen_is_said_in_a_line() -> None:
    report = gs.validate("nos")
    assert repr(report) == f"<Report nos: {len(report.errors())} predictions, half off by less than 0.7 %>"
    assert repr(gs.mock("voice-light")) == "<Mock of 3 devices: 9 windows of 15 s>"
    assert repr(gs.tts(rate=1)) == "<Load tts: magpie-tts>"


def _shown() -> Iterator[object]:
    """Objects of the public classes that answers are made of."""
    scenario = gs.Scenario.load("voice-heavy", "mig:3g.40gb+3g.40gb")
    table = gs.compare("voice-light", modes=["dedicated", "mps"], most_replications=1)
    yield from (scenario, scenario.workload, scenario.placement, gs.fits(scenario), gs.mig.layouts()[0])
    yield from (
        table,
        table.verdict,
        table.summaries["mps"],
        table.results["mps"],
        table.results["mps"].runs[0],
    )
    yield table.results["mps"].requests
    yield from (gs.profile("a100"), gs.model("magpie-tts"), gs.engine_preset("vllm-0.20"))
    swept = gs.sweep(gs.grid("voice-light", users=[2, 5]), slo=["voice_to_voice_p95=2s"], most_replications=1)
    yield from (swept, swept.points[0])
    yield gs.sensitivity("voice-light", ["users"], "tts.first_audio_p95")
    yield gs.plan("voice-light", gpus={"a100": 2}, replications=1)
    yield gs.capacity("voice-light", slo=["voice_to_voice_p95=2s"], replications=2, tolerance=0.9)
    yield gs.check("llama-3.1-8b", "a100", rate=45, input=1200, output=500)
    trace = gs.Trace([0.0, 1.0], [100, 100], [10, 10])
    yield from (trace, gs.traces.inspect(trace), gs.replay(trace, "llama-3.1-8b", "a100"))
    cluster = gs.Cluster(
        [{"sn": "a", "cpu_milli": 9000, "memory_mib": 9000, "gpu": 2, "model": "G2"}],
        [{"name": "p", "cpu_milli": 1, "memory_mib": 1, "num_gpu": 1, "gpu_milli": 500, "creation_time": 0}],
    )
    yield from (cluster, gs.cluster(cluster, seeds=1))


def test_every_object_is_a_line_in_a_list_and_all_of_it_when_printed() -> None:
    for one in _shown():
        line = repr(one)
        assert line.startswith(f"<{type(one).__name__} ")
        assert line.endswith(">")
        assert len(line) <= 100, line
        assert "\n" not in line
        assert len(line) > len(type(one).__name__) + 8  # something of it


def test_what_an_answer_begins_with_is_what_its_line_says() -> None:
    table = gs.compare("voice-light", modes=["dedicated", "mps"], most_replications=1)
    assert repr(table.verdict).startswith(f"<Verdict voice-light: {table.verdict.line[:40]}")
    assert str(table).startswith(f"voice-light: {table.verdict.line[:40]}")
    assert repr(gs.Scenario.load("voice-light")).startswith("<Scenario voice-light, dedicated: 135 s, seed 1")


def test_a_table_marks_what_misses_its_bound_and_the_best_of_what_does_not() -> None:
    points = gs.grid("voice-light", users=[2, 5, 40])
    table = gs.sweep(points, slo=["voice_to_voice_p95=1s"], most_replications=1)
    assert table.meets == [True, True, False]
    shown = table._repr_html_()
    assert re.search(r"#d9480f[^>]*>MISSED<", shown)
    rows = re.findall(r"<tr>(.*?)</tr>", shown)
    best = [row for row in rows if "★" in row]
    assert best
    assert not any("MISSED" in row for row in best)
    asked = gs.Scenario.load("voice-light").with_objectives(
        {"tts.first_audio_p95": "1ms", "llm.ttft_p95": "9s"}
    )
    rows = re.findall(r"<tr>(.*?)</tr>", gs.simulate(asked)._repr_html_())
    failing = [row for row in rows if "#d9480f" in row]
    assert len(failing) == 1
    assert "first_audio" in failing[0]
    assert "#d9480f" not in gs.simulate("voice-light")._repr_html_()
