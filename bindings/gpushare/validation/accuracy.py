"""The committed accuracy of the suites: what CI holds them to, and the tables of the documents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .documents import measured
from .report import Report, percent

__all__ = ["committed", "figures", "markdown", "regressions", "summary_markdown"]

FILE = "accuracy.json"
_FIGURES = ("median_abs_error", "p90_abs_error")
# Errors may grow by this much before it counts: figures are written with so many digits.
_TOLERANCE = 0.001


def figures(reports: Sequence[Report]) -> dict[str, Any]:
    """Median and 90th percentile of |error| by suite and mode, rounded as they are committed."""
    return {
        report.suite: {
            mode: {"n": one["n"], **{name: round(one[name], 4) for name in _FIGURES}}
            for mode, one in report.summary().items()
        }
        for report in reports
    }


def committed() -> dict[str, Any]:
    """The figures of ``validation/accuracy.json``."""
    found: dict[str, Any] = measured(FILE)
    return found


def regressions(report: Report) -> list[str]:
    """A line for each figure of a suite that is worse than the committed one."""
    old = committed().get(report.suite)
    if old is None:
        return [f"{report.suite} has no committed figures"]
    lines = []
    new = figures([report])[report.suite]
    for mode, one in old.items():
        if mode not in new:
            lines.append(f"{report.suite}, {mode}: no rows")
            continue
        if new[mode]["n"] < one["n"]:
            lines.append(f"{report.suite}, {mode}: {new[mode]['n']} rows, committed {one['n']}")
        for name in _FIGURES:
            if not new[mode][name] <= one[name] + _TOLERANCE:
                lines.append(
                    f"{report.suite}, {mode}: {name} {new[mode][name]:.4f}, committed {one[name]:.4f}"
                )
    return lines


def summary_markdown(reports: Sequence[Report]) -> str:
    """One table over all suites, for the README."""
    lines = ["| suite | sharing | median | 90th percentile | figures |", "|---|---|---|---|---|"]
    for report in reports:
        for mode, one in report.summary().items():
            errors = f"{percent(one['median_abs_error'])} | {percent(one['p90_abs_error'])}"
            lines.append(f"| {report.suite} | {mode} | {errors} | {int(one['n'])} |")
    return "\n".join(lines)


def markdown(reports: Sequence[Report]) -> str:
    """A section for each suite: split, errors, targets, sources and notes."""
    return "\n\n".join(_section(report) for report in reports)


def _section(report: Report) -> str:
    lines = [
        f"### {report.suite}",
        "",
        f"{report.title}.",
        "",
        f"- Calibrated on: {report.calibrated_on}",
        f"- Predicted: {report.predicted}",
        *(f"- Source: {source}" for source in report.sources),
        "",
    ]
    summary = report.summary()
    noisy = any("noise_median" in one for one in summary.values())
    covered = any("coverage" in one for one in summary.values())
    heads = ["mode", "median", "p90", "largest", "n"]
    heads += ["noise, median", "noise, p90"] if noisy else []
    heads += ["inside the 90 % interval"] if covered else []
    lines += ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for mode, one in summary.items():
        cells = [
            mode,
            *(percent(one[f"{name}_abs_error"]) for name in ("median", "p90", "max")),
            str(int(one["n"])),
        ]
        cells += [percent(one.get("noise_median")), percent(one.get("noise_p90"))] if noisy else []
        cells += [percent(one.get("coverage"))] if covered else []
        lines.append("| " + " | ".join(cells) + " |")
    missed = report.missed()
    for target in missed:
        what = " ".join(filter(None, (target.mode, target.metric, target.statistic)))
        reached = report.reached(target)
        shown = "-" if math.isnan(reached) else percent(reached)
        lines += ["", f"Missed: {what} is {shown}, the limit {percent(target.limit)}."]
    for note in report.notes:
        lines += ["", note]
    return "\n".join(lines)
