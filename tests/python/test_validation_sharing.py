"""Suites on published tables of shared A100s: their split, and that targets met stay met."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import gpushare as gs
import numpy as np
import pytest
from gpushare.validation.closed_loop import Step, cycle_s, resources
from gpushare.validation.documents import measured
from gpushare.validation.fitting import fit_positive
from gpushare.validation.registry import run_suite
from gpushare.validation.report import Report
from gpushare.validation.suites.parvagpu import calibrate, read

ReportOf = Callable[[str], Report]

HEADER = "Mig instance,Batch size,Workload Number,Throughput,Latency\n"
TRUE = {"launch": 0.005, "floor": 0.0001, "work": 0.0003, "work_per_item": 0.0004}


@pytest.fixture(scope="module")
def nos(report_of: ReportOf) -> Report:
    return report_of("nos")


@pytest.fixture(scope="module")
def dynamo(report_of: ReportOf) -> Report:
    return report_of("dynamo-sharing")


@pytest.fixture(scope="module")
def slices(report_of: ReportOf) -> Report:
    return report_of("mig-microbenchmarks")


def seconds(size: int, batch: int, processes: int) -> float:
    """A network that obeys the model: launches beside the work, floors that overlap, work that does not."""
    sms, bandwidth = resources(gs.profile("a100"), {1: "1g.10gb", 2: "2g.20gb", 7: "7g.80gb"}[size])
    work = (TRUE["work"] + batch * TRUE["work_per_item"]) * 0.5 * (1 / sms + 1 / bandwidth)
    return max(TRUE["launch"], batch * TRUE["floor"] + processes * work)


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    lines = [
        f"{size},{batch},{n},{batch / seconds(size, batch, n):.3f},{seconds(size, batch, n):.3f}\n"
        for size, batch, n in itertools.product((1, 2, 7), (1, 2, 8, 32, 64), (1, 2, 3))
    ]
    (tmp_path / "net.csv").write_text(HEADER + "".join(lines) + "1,128,1,0,0\n")
    return tmp_path


def roles(report: Report) -> dict[tuple[str, str], str]:
    return {(row.case, row.client): row.role for row in report.rows}


def test_nos_is_calibrated_on_one_pod_and_one_switch_and_predicts_the_other_means(nos: Report) -> None:
    assert len(nos.rows) == 12
    fitted = {(row.case, row.mode) for row in nos.rows if row.role == "calibration"}
    assert fitted == {("1 pod", mode) for mode in ("time-slicing", "mps", "mig")} | {
        ("3 pods", "time-slicing")
    }
    assert sum(row.role == "prediction" for row in nos.rows) == 8
    assert [(t.statistic, t.limit, t.stretch) for t in nos.targets] == [("max", 0.10, 0.05)]


@pytest.mark.parametrize("mode", ["time-slicing", "mig"])
def test_nos_stays_within_the_stretch_target(nos: Report, mode: str) -> None:
    assert max(nos.errors(mode)) < 0.03


def test_nos_meets_its_target_under_mps(nos: Report) -> None:
    assert max(nos.errors("mps")) < 0.06


def test_nos_knows_only_one_pod() -> None:
    table = measured("nos.json")
    first = table["rows"][0]
    assert first["pods"] == 1
    sms, _ = resources(gs.profile("a100"), "1g.10gb")
    whole = (first["time-slicing"] + first["mps"]) / 2
    work = (first["mig"] - whole) / (1 / sms - 1)
    shipped = gs.model("yolos-small").figures
    assert whole - work == pytest.approx(shipped["floor_s"], rel=0.01)


def test_dynamo_predicts_ten_shares_from_its_baseline_rows(dynamo: Report) -> None:
    predicted = [row for row in dynamo.rows if row.role == "prediction"]
    assert len(predicted) == 10
    assert {row.mode for row in predicted} == {"time-slicing", "mps-capped"}
    assert all(row.scale == "points" and row.metric == "share of baseline" for row in predicted)
    assert {row.mode for row in dynamo.rows if row.role == "calibration"} == {"baseline"}


def test_dynamo_stays_within_five_points(dynamo: Report) -> None:
    assert dynamo.missed() == []


def test_dynamo_shares_are_those_of_its_rates() -> None:
    table = measured("dynamo-sharing.json")
    baseline = table["baseline"]["tokens_per_s"]
    for key in ("hami", "fractions"):
        for rate, alone, share in zip(
            table[key]["tokens_per_s"], baseline, table[key]["share_of_baseline"], strict=True
        ):
            assert share == pytest.approx(rate / alone, abs=0.001)


def test_slices_are_predicted_from_the_full_gpu_and_where_two_rows_are_needed_from_1g(slices: Report) -> None:
    found = roles(slices)
    assert len(found) == 16
    calibrated = {key for key, role in found.items() if role == "calibration"}
    assert {client for case, client in calibrated if case.startswith("GEMM")} == {"full"}
    assert {client for case, client in calibrated if not case.startswith("GEMM")} == {"full", "1g.10gb"}
    assert slices.missed() == []


def test_parvagpu_recovers_a_network_that_obeys_its_model(profiles: Path) -> None:
    rows, repeats = read(profiles / "net.csv")
    network = calibrate(rows, gs.profile("a100"), profiles / "net.csv")
    assert repeats > 0
    assert network.launch_s == pytest.approx(TRUE["launch"], rel=0.05)
    assert network.work_per_item_s == pytest.approx(TRUE["work_per_item"], rel=0.05)


def test_parvagpu_calibrates_on_one_process_of_the_smallest_and_the_largest_size(profiles: Path) -> None:
    report = run_suite("parvagpu", profiles)
    calibrated = {row.case for row in report.rows if row.role == "calibration"}
    assert calibrated == {f"{g}g batch {b} x1" for g in (1, 7) for b in (1, 2, 8, 32, 64)}
    assert all(row.mode == ("mig" if row.case.endswith("x1") else "mig/mps") for row in report.rows)
    assert max(report.errors("mig")) < 0.08
    assert not any("batch 128" in row.case for row in report.rows)


def test_a_network_that_does_not_obey_the_model_is_named(profiles: Path) -> None:
    assert "Poorly fitted" not in str(run_suite("parvagpu", profiles))
    lines = (profiles / "net.csv").read_text().splitlines()
    odd = ["1,2,1,20.0,0.1" if line.startswith("1,2,1,") else line for line in lines]
    (profiles / "odd.csv").write_text("\n".join(odd) + "\n")
    report = run_suite("parvagpu", profiles)
    assert report.poorly_fitted().keys() == report.to_dict()["poorly_fitted"].keys() == {"odd"}
    assert "Poorly fitted: the model misses the inputs themselves, of odd by up to" in str(report).replace(
        "\n", " "
    )


def test_processes_of_one_instance_overlap_floors_and_launches_but_not_work(profiles: Path) -> None:
    errors = run_suite("parvagpu", profiles).errors("mig/mps")
    assert errors[len(errors) // 2] < 0.03
    assert errors[-1] < 0.12


def test_what_a_network_is_fitted_to_holds_no_shared_row(profiles: Path) -> None:
    rows, _ = read(profiles / "net.csv")
    alone = [row for row in rows if row.processes == 1 and row.size in (1, 7)]
    gpu, file = gs.profile("a100"), profiles / "net.csv"
    assert calibrate(rows, gpu, file) == calibrate(alone, gpu, file)


def test_without_its_folder_parvagpu_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs the folder of the published profiles"):
        run_suite("parvagpu")
    with pytest.raises(ValueError, match="there is no such folder"):
        run_suite("parvagpu", tmp_path / "missing")
    with pytest.raises(ValueError, match=r"no \*\.csv in this folder"):
        run_suite("parvagpu", tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", r"net\.csv:1: expected the columns Mig instance"),
        (HEADER + "1,1,1,12.5\n1,x,1,3,4\n", r"net\.csv:3: expected five numbers"),
        (HEADER + "5,1,1,12.5,0.1\n", r"net\.csv:2: sizes are 1, 2, 3, 4, 7"),
        (HEADER + "1,1,1,12.5,0.1\n", r"net\.csv: sizes 1 and 7 with one process must have four rows"),
    ],
)
def test_a_malformed_profile_is_refused_with_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "net.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        run_suite("parvagpu", tmp_path)


def test_reports_repeat_to_the_last_digit(nos: Report) -> None:
    assert json.dumps(nos.to_dict()) == json.dumps(run_suite("nos").to_dict())


def test_progress_ends_at_one() -> None:
    told: list[float] = []
    run_suite("mig-microbenchmarks", progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_a_server_alone_takes_the_longer_of_launches_and_work() -> None:
    gpu = gs.profile("a100")
    for launch_s in (0.001, 0.02):
        step = Step(launch_s=launch_s, floor_s=0.002, compute_s=0.003, memory_s=0.001)
        alone_s = cycle_s("a100", "dedicated", step.model(gpu), 1, 0.01)
        assert alone_s == pytest.approx(max(launch_s, 0.006), rel=1e-3)


def test_a_fit_finds_positive_parameters_in_spite_of_an_odd_row() -> None:
    x = np.array([1.0, 2, 4, 8, 16, 32])
    y = 0.5 + 0.25 * x
    y[2] *= 1.5
    found = fit_positive(lambda p: p[0] + p[1] * x, y.tolist(), [1.0, 1.0])
    assert found == pytest.approx([0.5, 0.25], rel=0.05)
