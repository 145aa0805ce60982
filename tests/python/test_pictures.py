"""Pictures have the figures of what they draw, say what is seen, and are the same bytes again."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gpushare as gs
import numpy as np
import pytest
from gpushare.charts.look import HUES, _spread
from gpushare.charts.spans import _shares
from gpushare.command.cli import main
from gpushare.report.turns import KINDS, spans_of

pytest.importorskip("matplotlib")
MODES = ["dedicated", "time-slicing", "mps", "mig:3g.40gb+3g.40gb"]


@pytest.fixture(scope="module")
def table() -> gs.Comparison:
    return gs.compare("voice-light", modes=MODES, objectives={"voice_to_voice_p95": "2s"}, replications=4)


@pytest.fixture(scope="module")
def turns() -> dict[str, gs.Result]:
    return {mode: gs.simulate("voice-light", mode=mode, record_log=True) for mode in MODES}


def titles(figure: Any) -> str:
    return " ".join([figure.get_suptitle(), *(axis.get_title(loc="left") for axis in figure.axes)]).replace(
        "\n", " "
    )


def test_the_decision_has_every_mode_its_bound_and_the_verdict(table: gs.Comparison) -> None:
    figure = gs.plot.decision(table)
    (axis,) = figure.axes
    assert table.verdict.line in titles(figure).replace("\\$", "$")
    assert {text.get_text() for text in axis.texts} == set(MODES)
    (bound,) = [line for line in axis.lines if line.get_label().startswith("at most")]
    assert bound.get_ydata()[0] == 2000  # ms
    points = {
        (round(float(line.get_xdata()[0])), round(float(line.get_ydata()[0]), 6))
        for line in axis.lines
        if len(line.get_xdata()) == 1 and line.get_marker() in "oXD"
    }
    assert points == {
        (round(float(s["cost_per_month"])), round(1e3 * float(s["voice_to_voice_p95_s"]), 6))
        for s in table.summaries.values()
    }
    other = gs.plot.decision(table, "tts.first_audio_p95", "gpus_used")
    assert other.axes[0].get_xlabel() == "gpus_used, GPUs"
    with pytest.raises(gs.FigureError, match="unknown"):
        gs.plot.decision(table, "nothing")


def test_small_multiples_have_three_percentiles_of_every_mode(table: gs.Comparison) -> None:
    figure = gs.plot.latencies(table, ["tts.latency", "llm.ttft"])
    first, second, *_ = figure.axes
    assert second.get_title(loc="left") == "llm.ttft, ms"
    for line, statistic in zip(second.lines[-3:], ("p99", "p95", "p50"), strict=True):
        expected = [1e3 * v for v in table.values(f"llm.ttft_{statistic}_s")]
        assert list(line.get_xdata()) == pytest.approx(expected)
        assert line.get_label() == statistic
    assert {line.get_color() for line in first.lines} <= {HUES[0], "white"}
    with pytest.raises(ValueError, match="no latency 'nothing'"):
        gs.plot.latencies(table, ["nothing"])


def test_the_whole_answer_has_boxes_and_every_latency(table: gs.Comparison) -> None:
    figure = table.plot(["llm.ttft", "tts.latency"])
    shown = [axis.get_title(loc="left") for axis in figure.axes]
    assert "llm.ttft, ms" in shown
    assert any(title.startswith("before: dedicated") for title in shown)
    words = " ".join(text.get_text() for axis in figure.axes for text in axis.texts)
    assert "gpu0  a100" in words


def test_boxes_are_to_scale_and_filled(tmp_path: Path) -> None:
    scenario = gs.Scenario.load("voice-heavy")
    cut = scenario.with_mode("mig:3g.40gb+2g.20gb+1g.10gb+1g.10gb")
    figure = gs.plot.gpus(cut, scenario, save=tmp_path / "gpus.svg")
    assert "1 fewer than before" in titles(figure)
    patches = [patch for axis in figure.axes for patch in axis.patches]
    heights = sorted(round(8 * patch.get_height(), 6) for patch in patches if patch.get_fill() is False)
    assert heights.count(1) == 2
    assert heights.count(2) == 1
    assert heights.count(4) == 1
    free = gs.fits(cut).free_bytes
    total = {
        f"gpu{i}/{p['name']}": p["memory_bytes"] for i, gpu in enumerate(cut.gpus) for p in gpu["partitions"]
    }
    filled = sorted(patch.get_width() for patch in patches if patch.get_fill() and patch.get_linewidth() == 0)
    expected = sorted(1 - free[name] / size for name, size in total.items())
    before = gs.fits(scenario).free_bytes
    expected += [1 - left / 85.4e9 for left in before.values()]
    assert len(filled) == len(expected)
    assert set(np.round(expected[: len(free)], 6)) <= set(np.round(filled, 6))
    assert (tmp_path / "gpus.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_a_map_and_its_lines_have_the_figures_of_the_sweep(tmp_path: Path) -> None:
    table = gs.sweep(gs.grid("voice-light", users=[2, 5], mode=["dedicated", "mps", "mig:1g.10gb"]))
    figure = gs.plot.heat(table, "users", "mode", "llm.ttft_p95", save=tmp_path / "heat.png")
    cells = figure.axes[0].images[0].get_array()
    assert cells.shape == (3, 2)
    assert cells.mask.tolist() == [[False, False], [False, False], [True, True]]
    assert cells[0, 0] == pytest.approx(1e3 * table.values("llm.ttft_p95_s")[0])
    assert (tmp_path / "heat.png").stat().st_size > 5000
    with pytest.raises(ValueError, match="no axis 'layout'; legal are users, mode"):
        gs.plot.heat(table, "users", "layout", "llm.ttft_p95")
    lines = gs.plot.sweep(table, "users", "llm.ttft_p95").axes[0].lines
    assert [line.get_label() for line in lines] == ["mode=dedicated", "mode=mps"]


def test_a_capacity_curve_has_its_bound_and_largest_loads() -> None:
    found = gs.capacity(
        "voice-light",
        {"voice_to_voice_p95": "1.5s"},
        modes=["dedicated", "mps"],
        replications=2,
        tolerance=0.1,
    )
    figure = gs.plot.capacity(found)
    (axis,) = figure.axes
    dotted = [float(line.get_xdata()[0]) for line in axis.lines if line.get_linestyle() == ":"]
    assert dotted == [found.modes[mode].load for mode in ("dedicated", "mps")]
    assert any(line.get_label() == "at most 1.5 s" for line in axis.lines)
    assert found.headline in titles(figure)
    with pytest.raises(ValueError, match="legal are"):
        found.plot("llm.ttft_p95_s")


def test_predictions_stand_against_measurements() -> None:
    report = gs.validate("nos")
    figure = gs.plot.predictions(report)
    (axis,) = figure.axes
    drawn = sum(len(line.get_xdata()) for line in axis.lines if line.get_linestyle() == "None")
    assert drawn == sum(row.role == "prediction" for row in report.rows)
    assert "predictions are off by less than" in titles(figure)
    with pytest.raises(ValueError, match="its metrics are"):
        gs.plot.predictions(report, "nothing")


def test_a_waterfall_accounts_for_all_time_of_every_stage(turns: dict[str, gs.Result]) -> None:
    for mode, result in turns.items():
        run = result.runs[0]
        served = np.flatnonzero(np.asarray(run.requests["status"]) == "completed")[:5]
        for row in served:
            for stage, spans in spans_of(run, int(row)).items():
                took = run.requests[f"{stage}.finished_s"][row] - run.requests[f"{stage}.queued_s"][row]
                assert sum(end - begin for begin, end, _ in spans) == pytest.approx(took, abs=1e-6), (
                    mode,
                    stage,
                )
                assert all(a[1] <= b[0] + 1e-9 for a, b in itertools.pairwise(spans))
                assert {kind for *_, kind in spans} <= set(KINDS)


def test_a_waterfall_says_what_sharing_costs(turns: dict[str, gs.Result]) -> None:
    def kinds(mode: str) -> set[str]:
        run = turns[mode].runs[0]
        served = np.flatnonzero(np.asarray(run.requests["status"]) == "completed")
        return {
            kind for row in served[:8] for spans in spans_of(run, int(row)).values() for *_, kind in spans
        }

    assert {"another has the GPU", "hand-over"} <= kinds("time-slicing")
    assert "slowed by neighbours" in kinds("mps")
    assert not {"another has the GPU", "hand-over", "slowed by neighbours"} & kinds("dedicated")
    assert not {"another has the GPU", "hand-over", "slowed by neighbours"} & kinds("mig:3g.40gb+3g.40gb")
    figure = gs.plot.request(turns["mps"])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["asr", "llm", "tts"]
    with pytest.raises(ValueError, match="request -5 was not completed"):
        gs.plot.request(turns["mps"], -5)
    with pytest.raises(ValueError, match="record_log=True"):
        gs.plot.request(gs.simulate("voice-light"))


def test_columns_of_time_share_out_what_is_in_them() -> None:
    edges = np.array([0.0, 1.0, 2.0])
    shares = _shares([(0.0, 0.5, "a"), (0.5, 2.0, "b")], edges, ["a", "b"])
    assert shares.tolist() == [[0.5, 0.0], [0.5, 1.0]]


class _Spoken:
    """A result whose replies stop now and then."""

    def __init__(self, gaps: list[float]) -> None:
        self.runs = [SimpleNamespace(figures={"tts.first_chunk_p95_s": 0.1})]
        self.requests = gs.Table(
            "requests", {"status": ["completed"] * len(gaps), "audio_gap_s": np.array(gaps)}
        )


def test_gaps_are_shares_of_replies(turns: dict[str, gs.Result]) -> None:
    spoken: Any = {"a": _Spoken([0.0, 0.0, 0.1, 0.3]), "b": _Spoken([0.0, 0.2])}
    figure = gs.plot.audio_gaps(spoken)
    first, second = figure.axes[0].lines
    assert first.get_ydata()[0] == 50
    assert second.get_ydata()[-1] == 0
    assert "a 50 %, b 50 %" in titles(figure)
    assert "dedicated 0 %" in titles(gs.plot.audio_gaps(turns))
    with pytest.raises(ValueError, match="no reply is spoken"):
        gs.plot.audio_gaps({"chat": gs.simulate("llm-trace")})


def test_names_never_stand_on_each_other() -> None:
    placed = _spread([0.5, 0.5, 0.5, 0.98, 1.0], 0.1)
    assert all(b - a >= 0.1 - 1e-12 for a, b in itertools.pairwise(placed))
    assert placed[-1] <= 1.0


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_picture_is_the_same_bytes_again(table: gs.Comparison, tmp_path: Path, kind: str) -> None:
    for name in ("a", "b"):
        gs.plot.decision(table, save=tmp_path / f"{name}.{kind}")
    assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_axes_of_ones_own_are_drawn_into(table: gs.Comparison) -> None:
    from matplotlib.figure import Figure

    own = Figure(figsize=(12, 4))
    left, right = own.subplots(1, 2)
    assert gs.plot.decision(table, ax=left) is own
    gs.plot.front(table, ax=right)
    assert left.get_title(loc="left")
    assert right.get_xlabel() == "cost_per_month, $/month"


def test_a_missing_matplotlib_says_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, table: gs.Comparison
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'gpushare-sim\[plot\]'"):
        gs.plot.decision(table)


@pytest.mark.parametrize(
    "words",
    [
        ["compare", "voice-light", "--modes", "dedicated,mps"],
        ["sweep", "voice-light", "--axis", "users=2,5", "--axis", "mode=dedicated,mps"],
        ["sweep", "voice-light", "--axis", "users=2,5", "--minimize", "llm.ttft_p95"],
        ["plan", "voice-light", "--slo", "voice_to_voice_p95=3s", "--rounds", "20"],
        [
            "capacity",
            "voice-light",
            "--slo",
            "voice_to_voice_p95=1.5s",
            "--tolerance",
            "20",
            "--replications",
            "2",
        ],
        ["run", "voice-light", "--series", "10"],
        ["validate", "nos"],
    ],
)
def test_commands_draw_their_answer(words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "answer.png"
    assert main([*words, "--plot", str(path)]) in (0, 4, 5)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_kind_of_file_that_no_picture_is_is_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "voice-light", "--plot", str(tmp_path / "answer.docx")]) == 2
    assert "no picture is written as 'docx'; there are" in capsys.readouterr().err
    assert main(["compare", "voice-light", "--plot", str(tmp_path / "no" / "answer.png")]) == 2


def test_a_notebook_shows_a_picture(table: gs.Comparison) -> None:
    assert gs.plot.decision(table)._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


def test_nothing_is_imported_before_a_picture_is_drawn() -> None:
    code = "import sys, gpushare as gs; gs.plot; print('matplotlib' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
    assert json.dumps(sorted(gs.plot.__all__)) == json.dumps(gs.plot.__all__)
