"""What every mode makes of what is asked, for reports: objectives as a table, latencies as charts."""

from __future__ import annotations

import math

from ..report.content import Cell, Content, Dots, Folded, Sheet
from ..study import comparison, figures
from .judging import Check, Fared
from .objectives import Judged, shown
from .verdict import Verdict

__all__ = ["STATES", "modes_content"]

STATES = {True: "met", False: "missed", None: "open"}
WORDS = {True: "met", False: "missed", None: "too close"}


def modes_content(table: comparison.Comparison, verdict: Verdict) -> list[Content]:
    """Every objective by mode, latencies as charts, and what limits each."""
    rows = list(verdict.fared)
    if verdict.alone is not None and verdict.alone.name not in [one.name for one in rows]:
        rows.insert(0, verdict.alone)
    names = list(dict.fromkeys(name for row in rows for name in row.named()))
    heads = ["mode", "GPUs", "a month", *names]
    body = [[Cell(row.name), *_money(row), *(_judged(row, name) for name in names)] for row in rows]
    chosen = next((i for i, row in enumerate(rows) if row.name == verdict.mode), None)
    failed = [f"{row.name}: {row.why_not}" for row in rows if row.why_not]
    sheet = Sheet(
        "Objectives by mode", heads, body, numbers=range(1, len(heads)), chosen=chosen, notes=failed
    )
    charts = [_dots(table, verdict, name) for name in table.latencies]
    key = "Of each latency p50 (ring), p95 (disc) and p99 (bar), by mode; the dashed line is a bound of its p95."
    limits = [
        [mode, str(outcome.bottleneck or outcome.refused or outcome.error)]
        for mode, outcome in zip(table.modes, table.outcomes, strict=True)
    ]
    drawn: list[Content] = (
        [key, *charts, Folded("The same as a table", [_latencies(table)])] if charts else []
    )
    return [
        sheet,
        *drawn,
        Folded("What limits each mode", [Sheet("Limits", ["mode", "requests wait for"], limits)]),
    ]


def _money(row: Fared) -> list[Cell]:
    if row.measured is None:
        return [Cell("-"), Cell("-")]
    return [
        Cell(shown(name, value), name, row.name, value)
        for name, value in (("gpus_used", row.gpus), ("cost_per_month", row.cost))
    ]


def _judged(row: Fared, name: str) -> Cell:
    one: Judged | Check | None = row.named().get(name)
    if one is None:
        return Cell("-" if row.measured is not None else "did not run")
    if isinstance(one, Check):
        return Cell(f"{one.found}, {WORDS[one.meets]}", state=STATES[one.meets])
    figure = one.objective.figure
    text = f"{shown(figure, one.value)}, {WORDS[one.meets]}"
    return Cell(text, figure, row.name, one.value, STATES[one.meets])


def _dots(table: comparison.Comparison, verdict: Verdict, name: str) -> Dots:
    modes = list(table.summaries)
    values = [
        tuple(float(table[mode].get(f"{name}_{p}_s", math.nan)) for p in ("p50", "p95", "p99"))
        for mode in modes
    ]
    bounds = [
        one.objective.bound
        for row in verdict.fared
        for one in row.judged
        if one.objective.figure == f"{name}_p95_s" and one.objective.at_most
    ]
    metric = figures.metrics().get(name.rsplit(".", 1)[-1])
    bound = bounds[0] if bounds else math.nan
    triples = [(a, b, c) for a, b, c in values]
    return Dots(name, metric.meaning if metric else "", "s", modes, triples, bound, verdict.mode or "")


def _latencies(table: comparison.Comparison) -> Sheet:
    rows: list[list[Cell | str]] = []
    for name in table.latencies:
        for mode, summary in table.summaries.items():
            own = [f"{name}_{statistic}_s" for statistic in figures.STATISTICS]
            values = [float(summary.get(figure, math.nan)) for figure in own]
            cells = [Cell(shown(figure, v), figure, mode, v) for figure, v in zip(own, values, strict=True)]
            rows.append([f"{name}, {mode}", *cells])
    return Sheet(
        "Latencies by mode",
        ["latency and mode", *figures.STATISTICS],
        rows,
        numbers=range(1, 6),
    )
