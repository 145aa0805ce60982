"""The committed accuracy: no suite may get worse, and the documents say what the suites find."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import DATA
from gpushare.validation import SUITES, Report, can_run
from gpushare.validation.accuracy import committed, headline_markdown, markdown, regressions

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(params=[name for name in SUITES if can_run(name, DATA)])
def report(request: pytest.FixtureRequest, report_of: Callable[[str], Report]) -> Report:
    return report_of(request.param)


def test_no_suite_is_worse_than_its_committed_figures(report: Report) -> None:
    assert regressions(report) == []


def test_every_suite_is_committed() -> None:
    assert set(committed()) == set(SUITES)


def test_the_documents_hold_the_figures_of_the_suites(report: Report) -> None:
    accuracy = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert markdown([report]) in accuracy, "run tools/update_accuracy.py"
    for line in headline_markdown([report]).splitlines()[2:]:
        assert line in readme, "run tools/update_accuracy.py"


@pytest.fixture(scope="module")
def pictures() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "tools" / "draw_pictures.py"))


def drawn(name: str) -> str:
    return (ROOT / "docs" / "pictures" / f"{name}.svg").read_text(encoding="utf-8")


def test_the_pictures_show_what_is_committed_and_decided(pictures: dict[str, Any]) -> None:
    assert pictures["errors"]() == drawn("errors"), "run tools/draw_pictures.py"
    assert pictures["decision"]() == drawn("decision"), "run tools/draw_pictures.py"


def test_the_picture_of_predictions_shows_what_the_suites_find(
    pictures: dict[str, Any], report_of: Callable[[str], Report]
) -> None:
    reports = {suite: report_of(suite) for suite in pictures["SCATTERED"]}
    assert pictures["predictions"](reports) == drawn("predictions"), "run tools/draw_pictures.py"


def test_a_worse_figure_is_told(report_of: Callable[[str], Report]) -> None:
    report = report_of("nos")
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


def test_every_suite_names_its_split_and_source(report: Report) -> None:
    assert report.calibrated_on
    assert report.predicted
    assert report.sources
    assert any(row.role in ("prediction", "check") for row in report.rows)
    assert not {row.mode for row in report.rows if row.role == "prediction"} - set(report.summary())


def test_tables_mark_what_was_chosen_with_their_rows_in_view(report: Report) -> None:
    modes = {row.mode for row in report.rows}
    assert set(report.in_view) <= {*modes, ""}
    marked = markdown([report]).count(" \\* |")
    assert marked == sum(mode in report.in_view or "" in report.in_view for mode in report.summary())
    assert (report.chosen_in_view() in str(report).replace("\n", " ")) or marked


def test_the_readme_has_three_rows() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = (
        readme.split("<!-- accuracy: begin -->")[1].split("<!-- accuracy: end -->")[0].strip().splitlines()
    )
    assert [row.split("|")[1].strip() for row in table[2:]] == ["shared GPU", "LLM server", "speech"]
