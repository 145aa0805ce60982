#!/usr/bin/env python3
"""Runs what the claims of the source documents need, and writes their answers into docs/sources.md.

usage: tools/update_sources.py

Answers that no longer stand are written as such, and named at the end; then validation/sources.json has to be changed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gpushare.validation.sources import answer_claims

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "sources.md"
BEGIN, END = "<!-- sources: begin -->", "<!-- sources: end -->"


def main() -> int:
    answers = answer_claims()
    document = DOCUMENT.read_text(encoding="utf-8")
    before, after = document[: document.index(BEGIN)], document[document.index(END) :]
    DOCUMENT.write_text(f"{before}{BEGIN}\n{answers.markdown()}\n{after}", encoding="utf-8")
    for line in answers.faults():
        print(line, file=sys.stderr)
    return 1 if answers.failed else 0


if __name__ == "__main__":
    sys.exit(main())
