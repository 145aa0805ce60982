"""The committed accuracy of the suites: what CI holds them to, and the tables of the documents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .documents import measured
from .report import Report, percent, quantile

__all__ = ["HEADLINES", "committed", "figures", "headline_markdown", "markdown", "regressions"]

FILE = "accuracy.json"
#: What a stranger needs: what is predicted, measured on what, by which modes of which suite.
HEADLINES = (
    (
        "shared GPU",
        "LLM, ASR and TTS together on one H200: 13 co-runs by time-slicing, MPS and MPS with caps",
        "h200-intervals",
        ("time-slicing", "mps", "mps-capped"),
    ),
    ("LLM server", "vLLM 0.24 on one H200, at loads that gave no figure", "vllm-h200", ("alone",)),
    ("speech", "recognition and synthesis on A100 and H100, by streams", "speech-nim", ("a100", "h100")),
)
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


def headline_markdown(reports: Sequence[Report]) -> str:
    """A table of the few rows that a stranger needs, of the suites among `reports`, for the README."""
    by_name = {report.suite: report for report in reports}
    lines = ["| | measured | median | 90th percentile | figures |", "|---|---|---|---|---|"]
    for what, where, suite, modes in HEADLINES:
        if suite not in by_name:
            continue
        errors = sorted(error for mode in modes for error in by_name[suite].errors(mode))
        told = f"{percent(quantile(errors, 0.5))} | {percent(quantile(errors, 0.9))} | {len(errors)}"
        lines.append(f"| {what} | {where} | {told} |")
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
    lines += ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)] if summary else [report.checked()]
    for mode, one in summary.items():
        cells = [
            report.marked(mode).replace("*", "\\*"),
            *(percent(one[f"{name}_abs_error"]) for name in ("median", "p90", "max")),
            str(int(one["n"])),
        ]
        cells += [percent(one.get("noise_median")), percent(one.get("noise_p90"))] if noisy else []
        cells += [percent(one.get("coverage"))] if covered else []
        lines.append("| " + " | ".join(cells) + " |")
    if report.in_view:
        lines += ["", "\\" + report.chosen_in_view()]
    if warning := report.fit_warning():
        lines += ["", warning]
    missed = report.missed()
    for target in missed:
        what = " ".join(filter(None, (target.mode, target.metric, target.statistic)))
        reached = report.reached(target)
        shown = "-" if math.isnan(reached) else percent(reached)
        lines += ["", f"Missed: {what} is {shown}, the limit {percent(target.limit)}."]
    for note in report.notes:
        lines += ["", note]
    return "\n".join(lines)
