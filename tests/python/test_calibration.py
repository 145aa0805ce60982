from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare import _core
from gpushare.calibration.measurement_files import Folder, read_groups
from gpushare.calibration.runs import StepKey
from gpushare.calibration.step_times import StepTimes
from gpushare.command.cli import main
from gpushare.files import data_file
from gpushare.validation import SUITES

H200 = data_file("h200/measured.json").parent
PREFILL = StepKey("llm", "prefill", 1, 1200)
FRAME = StepKey("tts", "ar", 4, 128)


@pytest.fixture(scope="module")
def measured() -> gs.Measurements:
    return gs.Measurements.load(H200)


@pytest.fixture(scope="module")
def calibration(measured: gs.Measurements) -> gs.Calibration:
    return gs.calibrate(measured)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "card"
    shutil.copytree(H200, copy)
    return copy


def edit(path: Path, change: Any) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def test_a_folder_is_read_whole(measured: gs.Measurements) -> None:
    assert measured.sms == 132
    assert len(measured.groups) == 133
    assert len(measured.co_runs) == 21
    assert len(measured.repeats) == 14
    assert measured.slice_s == pytest.approx(2.08e-3, rel=0.01)
    run = next(run for run in measured.co_runs if run.case == "asr_tts_llm" and run.mode == "mps-capped")
    assert run.percentages == (20, 20, 60)
    assert not run.same_processes
    assert [len(rows) for rows in run.shared] == [75, 28, 32]


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        (
            "pairs.json",
            lambda d: d["rows"][3].pop("alone_ms"),
            r'pairs\.json#/rows/3: expected .* "alone_ms"',
        ),
        (
            "pairs.json",
            lambda d: d["rows"][0].update(alone_ms=[1]),
            r"rows/0/alone_ms: expected 2 numbers, found 1",
        ),
        (
            "steps_dedicated.json",
            lambda d: d["rows"][0].update(gpu_ms=-1),
            r"gpu_ms: expected a number of at least 0",
        ),
        (
            "steps_dedicated.json",
            lambda d: d["rows"][0].update(batch=1.5),
            r"rows/0/batch: expected a whole number",
        ),
        (
            "scenarios.json",
            lambda d: d["llm_x2"]["clients"][0]["jobs"][0].append(1),
            r"jobs/0: expected \[arrival_s, steps\], found 3 items",
        ),
        ("measured.json", lambda d: d.update(llm_x2=[]), r"#/llm_x2: expected an object"),
        ("time_slices.json", lambda d: d["runs"]["spin2"][0].append([1]), r"expected 2 numbers, found 1"),
        (
            "measured.json",
            lambda d: d.update(nobody=d["llm_x2"]),
            r"#/nobody: scenarios\.json has no such",
        ),
        (
            "measured.json",
            lambda d: d["llm_x2"]["mps"]["shared"].pop(),
            r"shared: expected 2 clients, found 1",
        ),
    ],
)
def test_a_malformed_file_is_named_with_the_place(folder: Path, file: str, change: Any, said: str) -> None:
    edit(folder / file, change)
    with pytest.raises(gs.CalibrationError, match=said) as caught:
        gs.Measurements.load(folder)
    assert caught.value.where.startswith(f"{folder / file}#/")
    assert str(caught.value).startswith(f"{caught.value.where}: ")


def test_missing_folders_and_files_are_named(folder: Path) -> None:
    with pytest.raises(gs.CalibrationError, match="no such folder") as caught:
        gs.Measurements.load(folder / "nothing")
    assert caught.value.where == str(folder / "nothing")
    (folder / "steps_dedicated.json").write_text("{", encoding="utf-8")
    with pytest.raises(gs.CalibrationError, match=r"steps_dedicated\.json: not JSON"):
        gs.Measurements.load(folder)
    (folder / "steps_dedicated.json").unlink()
    with pytest.raises(gs.CalibrationError, match=r"steps_dedicated\.json: the file is missing") as caught:
        gs.Measurements.load(folder)
    assert caught.value.where == str(folder / "steps_dedicated.json")


def test_times_between_measured_shapes_are_between_their_times(measured: gs.Measurements) -> None:
    times = StepTimes(measured)
    below, above = (StepKey("llm", "decode", batch, 1024) for batch in (16, 32))
    assert times.whole(below) < times.whole(StepKey("llm", "decode", 24, 1024)) < times.whole(above)
    assert times.capped(PREFILL, 132) < times.capped(PREFILL, 66) < times.capped(PREFILL, 38)
    assert times.saturating_share(PREFILL) > 0.8
    assert times.saturating_share(FRAME) < 0.1
    with pytest.raises(
        gs.CalibrationError, match="the step tables hold no such step; they hold asr chunk"
    ) as caught:
        times.whole(StepKey("llm", "encode", 1, 1))
    assert caught.value.where == "llm encode 1x1"


def test_switch_costs_come_out_as_the_endless_kernels_show_them(calibration: gs.Calibration) -> None:
    found = calibration.switching
    assert found["switch_idle_s"].value == pytest.approx(0.135e-3, rel=0.05)
    assert found["switch_preempted_s"].value == pytest.approx(0.20e-3, rel=0.1)
    assert all(one.determined for name, one in found.items() if name != "slice_s")
    assert 0 < found["switch_idle_s"].standard_error < 0.01e-3


def test_long_kernels_press_and_short_ones_suffer(calibration: gs.Calibration) -> None:
    assert calibration.uncapped is not None
    kinds = calibration.uncapped.kinds
    assert kinds[PREFILL].launch.value > 10 * kinds[FRAME].launch.value
    assert kinds[FRAME].susceptibility.value > 5 * kinds[PREFILL].susceptibility.value
    unseen = StepKey("llm", "prefill", 1, 2048)
    part = calibration.step(unseen, calibration.times.whole(unseen), 1.0, capped=False)
    assert part.pressure > kinds[PREFILL].launch.value


def test_a_shape_between_two_measured_ones_lies_between_what_these_make_of_the_law(
    measured: gs.Measurements,
) -> None:
    long = read_groups(Folder(data_file("h200-long/pairs.json").parent), "pairs.json")
    without = [g for g in long if g.mode == "mps" and StepKey("llm", "prefill", 1, 4096) not in g.steps]
    found = gs.calibrate(replace(measured, groups=[*measured.groups, *without]))
    assert found.uncapped is not None

    def share_of_law(key: StepKey, alone_s: float) -> tuple[float, float]:
        told = found.step(key, alone_s, 1.0, capped=False)
        law = found.step(key, alone_s, 1.0, capped=False, by_law=True)
        return told.susceptibility / law.susceptibility, told.pressure / law.pressure

    kinds = found.uncapped.kinds
    below, above = (StepKey("llm", "prefill", 1, n) for n in (3072, 6144))
    between = share_of_law(StepKey("llm", "prefill", 1, 4096), 0.11)
    ends = [share_of_law(key, kinds[key].alone_s) for key in (below, above)]
    for told, one, other in zip(between, *ends, strict=True):
        assert min(one, other) < told < max(one, other)
    # Beyond the longest there is one neighbour, whose share of the law it takes.
    longest = StepKey("llm", "prefill", 1, 16384)
    assert share_of_law(StepKey("llm", "prefill", 1, 20000), 0.7) == pytest.approx(
        share_of_law(longest, kinds[longest].alone_s)
    )


def test_steps_that_nobody_slows_do_not_shift_the_scale_of_the_others(
    measured: gs.Measurements, calibration: gs.Calibration
) -> None:
    # Long prompts hardly notice a short step: their susceptibility is not seen, nor what short ones press on them. They
    # do show how readily kernels slip in, which moves all of a kind's numbers by up to 40 %.
    long = read_groups(Folder(data_file("h200-long/pairs.json").parent), "pairs.json")
    with_long = gs.calibrate(
        replace(measured, groups=[*measured.groups, *(group for group in long if group.mode == "mps")])
    )
    assert calibration.uncapped is not None
    assert with_long.uncapped is not None
    for key, kind in calibration.uncapped.kinds.items():
        other = with_long.uncapped.kinds[key]
        assert other.susceptibility.value == pytest.approx(kind.susceptibility.value, rel=0.5), key
        assert other.launch.value == pytest.approx(kind.launch.value, rel=0.5), key


def test_what_the_data_do_not_determine_is_said(folder: Path) -> None:
    edit(folder / "pairs.json", lambda d: d.update(rows=[r for r in d["rows"] if r["mode"] == "mps"]))
    found = gs.calibrate(folder)
    assert math.isinf(found.switching["switch_idle_s"].standard_error)
    assert (
        "the data do not determine switch_idle_s of time-slicing; the profile's value stays" in found.warnings
    )
    assert any("step demand of tts vocode" in warning for warning in found.demand_warnings)
    assert "warning:" in str(found)


def test_shared_runs_are_never_an_input(folder: Path, calibration: gs.Calibration) -> None:
    def scramble(document: dict[str, Any]) -> None:
        for modes in document.values():
            for mode in modes.values():
                for client in mode["shared"]:
                    client["rows"] = [[row[0], 1.0, 2.0, 3.0] for row in client["rows"]]

    edit(folder / "measured.json", scramble)
    assert gs.calibrate(folder).profile.mps == calibration.profile.mps
    true = {(r.case, r.mode, r.client, r.metric): r.predicted for r in gs.validate(H200).rows}
    for row in gs.validate(folder).rows:
        assert row.predicted == true[row.case, row.mode, row.client, row.metric]


def test_profiles_and_models_are_written_with_their_provenance(
    calibration: gs.Calibration, tmp_path: Path
) -> None:
    path = tmp_path / "mine.json"
    calibration.write_profile(path)
    written = gs.profile(path)
    assert written.time_slicing["switch_idle_s"] == calibration.switching["switch_idle_s"].value
    said = {entry["pointer"]: entry for entry in written.provenance}
    assert said["/time_slicing/switch_idle_s"]["source"] == "fitted to h200"
    models = calibration.write_models(tmp_path / "models")
    assert "llm-decode-2048.json" in [model.name for model in models]
    for model in models:
        assert gs.model(model).kind == "batch"


def test_the_profile_that_fits_the_card_is_the_base(measured: gs.Measurements, folder: Path) -> None:
    assert gs.calibrate(measured).profile.name == "h200"
    for file in ("steps_dedicated.json", "steps_by_sm_share.json"):
        edit(folder / file, lambda d: [row.update(sms=131) for row in d["rows"] if row["sms"] == 132])
    with pytest.raises(gs.CalibrationError, match="no profile has 131 SMs; name one"):
        gs.calibrate(folder)


def test_intervals_hold_most_of_what_was_measured() -> None:
    report = gs.validate(H200, uncertainty=True)
    for one in report.summary().values():
        assert 0.6 < one["coverage"] <= 1
    assert all(row.low <= row.high for row in report.rows if row.low is not None and row.high is not None)


def test_validate_names_the_suites_when_the_target_is_none() -> None:
    with pytest.raises(ValueError, match="no folder and no suite 'h2000'; the suites are h200, "):
        gs.validate("h2000")


def test_the_command_prints_rows_and_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(H200), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["rows"]) == 204
    first = found["rows"][0]
    assert first["error"] == pytest.approx(first["predicted"] / first["measured"] - 1)
    assert set(found["summary"]) == {"time-slicing", "mps", "mps-capped"}
    assert found["summary"]["mps"]["n"] == 51  # jobs served are checked, and do not count
    assert main(["validate", "h200-pairs", "--check"]) == 0
    out = capsys.readouterr().out
    assert "calibrated on: pairs of the other six kinds" in out
    assert max(map(len, out.splitlines())) <= 120


def test_the_command_writes_a_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "card.json"
    assert main(["calibrate", str(H200), "--base", "h100", "--out", str(out)]) == 0
    assert "switch_idle_s" in capsys.readouterr().out
    assert gs.profile(out).name == "h100"
    assert main(["calibrate", str(tmp_path)]) == 2
    assert "steps_dedicated.json: the file is missing" in capsys.readouterr().err


def test_compiled_functions_refuse_nonsense() -> None:
    profile = gs.profile("h200")
    with pytest.raises(gs.SimulationError, match="a job needs at least one step"):
        _core.simulate_co_run([([], [(0.0, [])])], "mps", profile, 1.0)
    with pytest.raises(gs.CalibrationError, match="group 0"):
        _core.fit_interference(
            [([0], [1.0], [1.0], [1.0])], [(1.0, 0.5, 0.0, 0.0, "bf16")], profile, capped=False
        )
    with pytest.raises(gs.CalibrationError, match="precision"):
        _core.fit_step_demand([(1.0, 1.0, 1.0, 1.0, 1.0)], profile, "fp7")


def test_every_suite_is_listed_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["validate", "--help"])
    assert "gpushare validate h200" in capsys.readouterr().out
    assert {"h200", "nos", "dynamo-sharing", "voice-blog", "bursty-llm", "speech-nim", "parvagpu"} <= set(
        SUITES
    )


@pytest.mark.parametrize(
    ("key", "rows"),
    [
        (StepKey("llm", "decode", 64, 2048), 64),
        (StepKey("tts", "ar", 4, 128), 4),
        (StepKey("asr", "chunk", 64, 13), 832),
        (StepKey("llm", "prefill", 1, 1200), 1200),
    ],
)
def test_rows_are_what_a_step_computes(key: StepKey, rows: int) -> None:
    assert key.rows == rows


def test_behind_large_products_a_newcomer_waits_for_a_slice(calibration: gs.Calibration) -> None:
    """A frame handed in 5.1 ms after a long step: at once behind a decode, at the third slice's end behind a prompt."""
    slice_s = calibration.profile.time_slicing["slice_s"]
    frame = calibration.step(FRAME, 0.6e-3, 1.0, capped=False)

    def wait_s(key: StepKey) -> float:
        long = calibration.step(key, 20e-3, 1.0, capped=False)
        clients = [([long], [(0.0, [(0, 1)])]), ([frame], [(5.1e-3, [(0, 1)])])]
        rows = _core.simulate_co_run(clients, "time-slicing", calibration.profile, 1.0)
        return float(rows[1][0, 3]) - frame.gpu_s

    assert wait_s(StepKey("llm", "decode", 64, 2048)) < 0.3e-3
    assert wait_s(PREFILL) == pytest.approx(3 * slice_s - 5.1e-3 + 0.2e-3, abs=0.1e-3)
