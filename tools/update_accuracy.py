#!/usr/bin/env python3
"""Runs the validation suites, and writes their figures where they are committed.

usage: tools/update_accuracy.py [DATA [SUITE...]]

Writes validation/accuracy.json, docs/accuracy.md and the table of README.md (both between their markers). DATA has
a folder for each suite that needs published files which are not shipped. A suite that lacks its folder, or is not named
where some are, keeps its figures and its sections.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from gpushare.validation import SUITES, Report, can_run, run_suite
from gpushare.validation.accuracy import HEADLINES, committed, figures, headline_markdown, markdown

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- accuracy: begin -->", "<!-- accuracy: end -->"


def main() -> None:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    wanted = sys.argv[2:] or list(SUITES)
    reports = []
    for name in SUITES:
        if name not in wanted or not can_run(name, data):
            continue
        print(name, flush=True)
        reports.append(run_suite(name, data))
    write_figures(reports)
    for path, parts in (
        (ROOT / "docs" / "accuracy.md", sections),
        (ROOT / "README.md", table_rows),
    ):
        replace_between(path, parts(path, reports))


def between(path: Path) -> str:
    """What stands between the markers of a document."""
    document = path.read_text(encoding="utf-8")
    return document[document.index(BEGIN) + len(BEGIN) : document.index(END)].strip("\n")


def sections(path: Path, reports: list[Report]) -> str:
    """A section for each suite, in their order; those that did not run as they are."""
    old = re.split(r"\n(?=### )", between(path))
    found = {
        part.splitlines()[0].removeprefix("### "): part.strip("\n") for part in old if part.startswith("### ")
    }
    found |= {report.suite: markdown([report]) for report in reports}
    return "\n\n".join(found[name] for name in SUITES if name in found)


def table_rows(path: Path, reports: list[Report]) -> str:
    """What a stranger needs; rows of suites that did not run as they are."""
    _, _, *old = between(path).splitlines()
    head, rule, *new = headline_markdown(reports).splitlines()
    rows = {row.split("|")[1].strip(): row for row in [*old, *new]}
    return "\n".join([head, rule, *(rows[what] for what, *_ in HEADLINES if what in rows)])


def write_figures(reports: list[Report]) -> None:
    path = ROOT / "validation" / "accuracy.json"
    old = committed() if path.is_file() else {}
    new = {name: figures(reports).get(name, old.get(name)) for name in SUITES}
    known = {name: one for name, one in new.items() if one is not None}
    path.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


def replace_between(path: Path, text: str) -> None:
    """Puts `text` between the markers of a document."""
    document = path.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(document):
        raise SystemExit(f"{path}: no {BEGIN} ... {END}")
    path.write_text(pattern.sub(lambda _: f"{BEGIN}\n{text}\n{END}", document), encoding="utf-8")


if __name__ == "__main__":
    main()
