"""Decisions and sweeps to point at: the points are those of the table, and say what the table says."""

from __future__ import annotations

import html
from pathlib import Path

import gpushare as gs
import pytest

pytest.importorskip("plotly")
SLO = ["voice_to_voice_p95=1s"]


def test_a_decision_has_the_modes_the_bound_and_what_each_makes_of_it(tmp_path: Path) -> None:
    table = gs.compare(
        "voice-heavy", modes=["dedicated", "mps", "time-slicing"], slo=["tts.first_audio_p95=1.1s"]
    )
    figure = gs.plot.interactive(table, save=tmp_path / "decision.html")
    points = [trace for trace in figure.data if trace.mode == "markers"]
    assert [trace.name for trace in points] == ["meets what is asked", "misses something"]
    told = [text for trace in points for text in trace.text]
    assert sorted(text.partition("<br>")[0] for text in told) == ["dedicated", "mps", "time-slicing"]
    (missed,) = points[1].text
    assert "tts.first_audio_p95_s: 1.26" in missed
    assert " ± " in missed
    assert "MISSED" in missed
    costs = {
        text.partition("<br>")[0]: x for trace in points for text, x in zip(trace.text, trace.x, strict=True)
    }
    assert costs == {mode: float(one["cost_per_month"]) for mode, one in table.summaries.items()}
    assert all(half > 0 for trace in points for half in trace.error_y.array)
    (line,) = figure.layout.shapes
    assert line.y0 == 1100
    assert "$" not in figure.layout.title.text  # which would be mathematics
    assert table.verdict.line in html.unescape(figure.layout.title.text.replace("<br>", " "))
    page = (tmp_path / "decision.html").read_text(encoding="utf-8")
    assert "tts.first_audio_p95_s" in page
    assert 'src="http' not in page


def test_a_sweep_has_its_front_and_every_axis() -> None:
    points = gs.grid("voice-light", users=[2, 5], mode=["dedicated", "mps"])
    table = gs.sweep(points, slo=SLO, most_replications=1)
    figure = gs.plot.interactive(table)
    front, *others = figure.data
    best = table.pareto("cost_per_month", "e2e_latency_p95_s")
    assert len(front.x) == len(best)
    assert list(front.x) == [float(value) for value in best.values("cost_per_month")]
    told = [text for trace in others for text in trace.text]
    assert len(told) == 4
    assert all(
        text.startswith("users ") and "mode " in text and "voice_to_voice_p95_s: " in text for text in told
    )
    with pytest.raises(gs.FigureError, match="ttft"):
        gs.plot.interactive(table, "llm.tftt_p95")
