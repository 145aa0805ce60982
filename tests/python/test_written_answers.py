"""Tables and pictures that commands write beside their answers."""

from __future__ import annotations

from pathlib import Path

import gpushare as gs
import pytest
from gpushare.command.cli import main
from gpushare.study.replay import replay


def log(path: Path, every_s: float) -> Path:
    rows = [f"{i * every_s},{100 + i},{20 + i % 7}" for i in range(60)]
    path.write_text("\n".join(["arrival_s,input_tokens,output_tokens", *rows]))
    return path


def test_a_comparison_is_written_a_row_for_each_mode(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "modes.csv"
    assert main(["compare", "voice-light", "--modes", "dedicated,mps", "--out", str(path)]) == 0
    assert f"wrote {path}" in capsys.readouterr().out
    head, *rows = path.read_text().splitlines()
    assert head.startswith("mode,")
    assert [row.split(",")[0] for row in rows] == ["dedicated", "mps"]


def test_a_sensitivity_is_written_a_row_for_each_change(tmp_path: Path) -> None:
    path = tmp_path / "ways.csv"
    words = ["--vary", "users", "--out", str(path)]
    assert main(["sensitivity", "voice-light", "--of", "llm.ttft_p95", *words]) == 0
    assert path.read_text().splitlines()[1].startswith("users,")


@pytest.mark.parametrize("command", [["compare"], ["sensitivity", "--of", "llm.ttft_p95", "--vary", "users"]])
def test_an_ending_that_nothing_is_written_as_is_refused_before_a_run(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "voice-light", "--out", "table.xlsx"]) == 2
    assert "'.xlsx'; legal are" in capsys.readouterr().err


def test_a_replay_is_drawn_over_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", "llama-3.1-8b", "--gpu", "a100", "--plot"]
    picture = tmp_path / "replay.svg"
    assert main(["replay", str(log(tmp_path / "steady.csv", 0.5)), *words, str(picture)]) == 0
    assert "served" in picture.read_text()
    assert main(["replay", str(log(tmp_path / "burst.csv", 0.0)), *words, str(picture)]) == 2
    assert "all 60 requests come at once" in capsys.readouterr().err


def test_windows_of_a_replay_are_equal(tmp_path: Path) -> None:
    run = replay(gs.traces.load(log(tmp_path / "log.csv", 0.5)), "llama-3.1-8b", "a100", windows=10).run
    ends = [float(end) for end in run.runs[0].series["end_s"]]
    assert len(ends) == 10
    assert ends[-1] - ends[-2] == pytest.approx(ends[1] - ends[0], rel=1e-6)
