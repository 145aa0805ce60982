"""90 % intervals of co-runs: calibrated on other co-runs, and wide enough to hold."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import gpushare as gs
import pytest
from gpushare.validation.intervals import WIDENING, left_out, needed, widened
from gpushare.validation.report import Report, Row
from gpushare.validation.suites.h200_co_runs import raw_rows

ROOT = Path(__file__).resolve().parents[2]
MODES = ("time-slicing", "mps", "mps-capped")


def row(case: str, measured: float, mode: str = "mps") -> Row:
    return Row(case, mode, "0 llm", "mean", "ms", measured, 100.0, low=98.0, high=102.0)


def test_intervals_hold_on_co_runs_that_did_not_calibrate_them(report_of: Callable[[str], Report]) -> None:
    summary = report_of("h200-intervals").summary()
    assert set(summary) == set(MODES)
    for one in summary.values():
        assert 0.80 <= one["coverage"] <= 0.97
    figures = sum(one["n"] for one in summary.values())
    assert 0.85 <= sum(one["coverage"] * one["n"] for one in summary.values()) / figures <= 0.95


def test_what_is_shipped_is_what_the_measured_co_runs_need() -> None:
    found = needed(row for name in ("h200", "h200-second") for row in raw_rows(name))
    assert found == pytest.approx(dict(WIDENING), abs=6e-5)


def test_a_co_run_counts_as_much_as_another_however_many_figures_it_has() -> None:
    # Nine co-runs of one figure inside, and one of ninety far outside: a tenth of the weight, which 90 % leave out.
    inside = [row(str(i), 100.0) for i in range(9)]
    outside = [row("busy", 150.0)] * 90
    assert needed([*inside, *outside])["mps"] == pytest.approx(math.log(100 / 102))
    assert needed([*inside[:8], *outside])["mps"] == pytest.approx(math.log(150 / 102))


def test_a_co_run_does_not_widen_its_own_intervals() -> None:
    rows = [row("a", 100.0), row("b", 100.0), row("wild", 200.0)]
    wild, calm = left_out(rows, rows)[2], left_out(rows, rows)[0]
    assert wild.high == pytest.approx(102 * 100 / 102)  # a and b lie inside with as much to spare
    assert calm.high == pytest.approx(200.0)


def test_intervals_of_an_unknown_mode_are_widened_by_the_most_that_is_known() -> None:
    one = widened([row("a", 100.0, "green-contexts")], WIDENING)[0]
    assert one.high == pytest.approx(102 * math.exp(max(WIDENING.values())))


def test_constants_of_another_card_make_intervals_wider(tmp_path: Path) -> None:
    folder, other = tmp_path / "mine", tmp_path / "other"
    for copy in (folder, other):
        shutil.copytree(ROOT / "validation/h200-second", copy)
        for name in ("scenarios.json", "measured.json", "measured_repeat.json"):  # of two co-runs
            whole = json.loads((copy / name).read_text(encoding="utf-8"))
            few = {case: whole[case] for case in ("asr8_ttsbatch", "decode128_prefill_tts") if case in whole}
            (copy / name).write_text(json.dumps(few), encoding="utf-8")
    device = json.loads((other / "device.json").read_text(encoding="utf-8"))
    (other / "device.json").write_text(json.dumps({**device, "name": "another GPU"}), encoding="utf-8")
    own = gs.validate(folder, uncertainty=True)
    carried = gs.validate(folder, calibrated=other, uncertainty=True)
    assert any("another card (other)" in note for note in carried.notes)
    assert not any("another card" in note for note in own.notes)
    pairs = [
        (mine, theirs)
        for mine, theirs in zip(own.rows, carried.rows, strict=True)
        if mine.role == "prediction" and mine.mode != "mps-capped"
    ]
    assert [mine.predicted for mine, _ in pairs] == [theirs.predicted for _, theirs in pairs]
    assert sum(width(theirs) > width(mine) for mine, theirs in pairs) > 0.75 * len(pairs)


def width(row: Row) -> float:
    assert row.low is not None
    assert row.high is not None
    return row.high / row.low
