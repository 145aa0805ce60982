#!/usr/bin/env python3
"""Runs the validation suites, and writes their figures where they are committed.

usage: tools/update_accuracy.py [PARVAGPU_FOLDER]

Writes validation/accuracy.json, docs/accuracy.md and the table of README.md (both between their markers). Without the
folder of ParvaGPU's profiles that suite keeps its committed figures.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from gpushare.validation import SUITES, Report, run_suite
from gpushare.validation.accuracy import committed, figures, markdown, summary_markdown

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- accuracy: begin -->", "<!-- accuracy: end -->"


def main() -> None:
    parvagpu = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    reports = []
    for name in SUITES:
        if name == "parvagpu" and parvagpu is None:
            continue
        print(name, flush=True)
        reports.append(run_suite(name, parvagpu if name == "parvagpu" else None))
    write_figures(reports)
    replace_between(ROOT / "docs" / "accuracy.md", markdown(reports))
    replace_between(ROOT / "README.md", summary_markdown(reports))


def write_figures(reports: list[Report]) -> None:
    path = ROOT / "validation" / "accuracy.json"
    old = committed() if path.is_file() else {}
    new = {name: figures(reports).get(name, old.get(name)) for name in SUITES}
    path.write_text(json.dumps({k: v for k, v in new.items() if v}, indent=2) + "\n", encoding="utf-8")


def replace_between(path: Path, text: str) -> None:
    """Puts `text` between the markers of a document."""
    document = path.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(document):
        raise SystemExit(f"{path}: no {BEGIN} ... {END}")
    path.write_text(pattern.sub(lambda _: f"{BEGIN}\n{text}\n{END}", document), encoding="utf-8")


if __name__ == "__main__":
    main()
