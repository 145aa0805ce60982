#!/usr/bin/env python3
"""Writes the tables of docs/figures.md from the table of figures in the library.

usage: tools/update_figures.py
"""

from __future__ import annotations

from pathlib import Path

from gpushare import figures

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "figures.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
TITLES = {
    "run": "Of a run",
    "latency": "Of a latency",
    "partition": "Of a partition: `gpu0/whole.busy`, `gpu1/3g.40gb@4.busy`",
    "service": "Of a service: `llm.preemptions`",
}


def main() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    before, after = document[: document.index(BEGIN)], document[document.index(END) :]
    DOCUMENT.write_text(f"{before}{BEGIN}\n{markdown()}\n{after}", encoding="utf-8")


def markdown() -> str:
    """A section for each kind of thing that has figures."""
    sections = [section(scope) for scope in TITLES]
    sections.insert(2, metrics())
    return "\n\n".join(sections)


def section(scope: str) -> str:
    rows = [
        f"| `{figure.name}` | {figure.unit} | {figure.better.replace('neither', '')} | {figure.meaning} |"
        for figure in figures.of(scope).values()
    ]
    head = ["| figure | unit | better | what it is |", "|---|---|---|---|"]
    return "\n".join([f"## {TITLES[scope]}", "", *head, *rows])


def metrics() -> str:
    rows = [f"| `{metric.name}` | {metric.meaning} |" for metric in figures.metrics().values()]
    return "\n".join(["### What latencies measure", "", "| metric | what it is |", "|---|---|", *rows])


if __name__ == "__main__":
    main()
