"""The committed accuracy: no suite may get worse, and the documents say what the suites find."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gpushare.validation import SUITES, Report, can_run, run_suite
from gpushare.validation.accuracy import committed, markdown, regressions, summary_markdown

ROOT = Path(__file__).resolve().parent.parent.parent


DATA = Path(os.environ["GPUSHARE_DATA"]) / "public" if "GPUSHARE_DATA" in os.environ else None


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    return [run_suite(name, DATA) for name in SUITES if can_run(name, DATA)]


def test_no_suite_is_worse_than_its_committed_figures(reports: list[Report]) -> None:
    assert [line for report in reports for line in regressions(report)] == []
    assert set(committed()) == set(SUITES)


def test_the_documents_hold_the_figures_of_the_suites(reports: list[Report]) -> None:
    accuracy = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for report in reports:
        assert markdown([report]) in accuracy, f"run tools/update_accuracy.py: {report.suite}"
        for line in summary_markdown([report]).splitlines()[2:]:
            assert line in readme, "run tools/update_accuracy.py"


def test_a_worse_figure_is_told(reports: list[Report]) -> None:
    report = next(report for report in reports if report.suite == "nos")
    worse = Report(
        report.suite,
        report.title,
        report.calibrated_on,
        report.predicted,
        [row for row in report.rows if row.mode != "mps"],
    )
    assert regressions(worse) == ["nos, mps: no rows"]
    doubled = [row.__class__(**{**vars(row), "predicted": 2 * row.predicted}) for row in report.rows]
    assert any("median_abs_error" in line for line in regressions(Report("nos", "", "", "", doubled)))


def test_every_suite_names_its_split_and_source(reports: list[Report]) -> None:
    for report in reports:
        assert report.calibrated_on, report.suite
        assert report.predicted, report.suite
        assert report.sources, report.suite
        assert any(row.role == "prediction" for row in report.rows), report.suite
