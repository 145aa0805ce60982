"""The runs of a result, one load after another, beside what a scenario predicts for each of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..frames.render import Field, brief, page_width, text_table, wrap
from ..scenario.scenario import Scenario
from ..traces.benchmarks import load_results
from .results import ResultCheck, check_result, median_abs_error, shown

__all__ = ["ResultCurve", "check_results"]

#: What runs are compared by, and its heading.
_SHOWN = {
    "request_throughput": "requests/s",
    "ttft_p50_s": "first token p50",
    "ttft_p95_s": "first token p95",
    "tpot_p50_s": "time per token p50",
    "output_token_throughput": "tokens/s",
}


@dataclass(frozen=True)
class ResultCurve:
    """Runs at different loads beside their predictions; `checks` has each by its number and load."""

    name: str
    checks: Mapping[str, ResultCheck]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of every check, with the run before them."""
        return [{"run": run, **row} for run, check in self.checks.items() for row in check.rows]

    @property
    def median_abs_error(self) -> float:
        """Median of the errors' sizes over all runs; NaN without rows."""
        return median_abs_error(self.rows)

    @property
    def notes(self) -> list[str]:
        """What is said of the checks; what is said of one only, with its run."""
        found: dict[str, list[str]] = {}
        for run, check in self.checks.items():
            for note in check.notes:
                found.setdefault(note, []).append(run)
        every = len(self.checks)
        return [
            note if len(runs) == every else f"run {', '.join(runs)}: {note}" for note, runs in found.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name."""
        return {
            "name": self.name,
            "runs": {run: check.to_dict() for run, check in self.checks.items()},
            "median_abs_error": self.median_abs_error,
        }

    def __repr__(self) -> str:
        off = (
            f", half of the figures off by less than {100 * self.median_abs_error:.1f} %" if self.rows else ""
        )
        return brief(self, f"{self.name}: {len(self.checks)} runs{off}")

    def __str__(self) -> str:
        return self.text()

    def text(self, width: int | None = None) -> str:
        """A row for each run: measured, predicted and the error of the figures that runs are compared by."""
        width = page_width(width)
        parts = [
            f"{self.name}: {len(self.checks)} runs, measured and predicted\n",
            *self._tables(width),
            wrap(f"median of the errors' sizes, of all figures: {100 * self.median_abs_error:.1f} %", width),
            *(wrap(f"note: {note}", width, indent="  ") for note in self.notes),
            wrap(next(iter(self.checks.values())).origin.line, width, indent="  "),
        ]
        return "\n".join(parts)

    def _tables(self, width: int) -> list[str]:
        """A table for each figure that any run has: by run what was measured, the prediction and its error."""
        tables = []
        for figure, heading in _SHOWN.items():
            rows = [row for row in self.rows if row["figure"] == figure]
            if not rows:
                continue
            columns = [
                Field(heading, [row["run"] for row in rows], "left"),
                Field("measured", [shown(figure, row["measured"]) for row in rows]),
                Field("predicted", [shown(figure, row["predicted"]) for row in rows]),
                Field("error", [f"{100 * row['error']:+.1f} %" for row in rows]),
            ]
            tables.append(text_table(columns, width=width) + "\n")
        return tables


def check_results(path: str | os.PathLike[str], scenario: Scenario | str | os.PathLike[str]) -> ResultCurve:
    """Sets every run of a result beside what a scenario predicts for it: a sweep of GuideLLM, runs that vLLM appended.

    Parameters
    ----------
    path : str or path
        As `load_result` takes it, with one run or several.
    scenario : Scenario or path
        As of `check_result`.

    Raises
    ------
    TraceError
        When the result cannot be read.
    ScenarioError
        When the scenario has several entries of traffic or stages.
    """
    given = scenario if isinstance(scenario, Scenario) else Scenario.load(scenario)
    runs = load_results(path)
    checks = {run: check_result(result, given) for run, result in runs.items()}
    read = {run: replace(check, origin=check.origin.beside([path])) for run, check in checks.items()}
    return ResultCurve(os.path.basename(os.fspath(path)), read)
