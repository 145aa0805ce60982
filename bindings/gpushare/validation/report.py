"""Predictions beside measurements: rows, their errors, and how they sum up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..frames.render import Field, html_table, number, text_table, wrap

__all__ = ["Report", "Row", "Target", "Timeline"]

#: Rows of a long report that `str(report)` shows; all are in `Report.rows`.
_SHOWN = 40
#: What inputs may be off by, at most, for a fit that its predictions can be built on.
_FITTED = 0.15


@dataclass(frozen=True)
class Row:
    """One figure, measured and predicted.

    Attributes
    ----------
    case, mode, client, metric : str
        What was measured: the co-run or table row, how the GPU was shared, whose figure, and which.
    unit : str
        Of `measured` and `predicted`.
    measured, predicted : float
    role : {"prediction", "calibration", "check"}
        A calibration row was an input: its error is how well the model can be fitted. A check is yes (1) or no (0),
        what must be nothing, or right without a model. Neither counts in a summary.
    scale : {"relative", "points"}
        Whether `error` is a share of `measured` or the plain difference (for percentages, in hundredths: 0.03 is
        three points).
    noise : float, optional
        What repeats of the measurement differ by, on the scale of `error`.
    low, high : float, optional
        Interval of the prediction, 90 %.
    """

    case: str
    mode: str
    client: str
    metric: str
    unit: str
    measured: float
    predicted: float
    role: Literal["prediction", "calibration", "check"] = "prediction"
    scale: Literal["relative", "points"] = "relative"
    noise: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def error(self) -> float:
        """`predicted` against `measured`; NaN where a relative error has nothing to refer to."""
        if self.scale == "points":
            return self.predicted - self.measured
        return self.predicted / self.measured - 1 if self.measured else math.nan


@dataclass(frozen=True)
class Target:
    """What a suite must reach.

    Attributes
    ----------
    mode : str
        Rows that it is about; "" for all.
    statistic : {"median", "p90", "max"}
        Of |error| over the predicted rows.
    limit : float
        Must be reached.
    stretch : float
        Would be as good as the measurements allow.
    metric : str
        Narrows the rows further; "" for all.
    """

    mode: str
    statistic: Literal["median", "p90", "max"]
    limit: float
    stretch: float = 0.0
    metric: str = ""


@dataclass(frozen=True, eq=False)
class Timeline:
    """Counts over time, measured and predicted.

    Attributes
    ----------
    name : str
        Whose.
    seconds : ndarray
        Shape (n,).
    measured, predicted : dict of str to ndarray
        By what was counted, each of shape (n,).
    """

    name: str
    seconds: npt.NDArray[np.float64]
    measured: Mapping[str, npt.NDArray[np.float64]]
    predicted: Mapping[str, npt.NDArray[np.float64]]


@dataclass(repr=False)
class Report:
    """The outcome of one suite.

    Attributes
    ----------
    suite, title : str
    calibrated_on, predicted : str
        The split: which figures were inputs, and which were not looked at.
    rows : list of Row
    targets : list of Target
    sources, notes : list of str
        Where the measured figures come from; what a reader must know to judge the errors.
    timelines : list of Timeline
        What `plot.timelines` draws.
    in_view : dict of str to str
        What was chosen with rows in view, by their mode; "" for all. Tables mark these modes.
    """

    suite: str
    title: str
    calibrated_on: str
    predicted: str
    rows: list[Row]
    targets: list[Target] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    timelines: list[Timeline] = field(default_factory=list)
    in_view: dict[str, str] = field(default_factory=dict)

    def errors(self, mode: str = "", metric: str = "") -> list[float]:
        """|error| of the predicted rows, ascending; of checks only where `metric` names them."""
        counted = ("prediction", "check") if metric else ("prediction",)
        return sorted(
            abs(row.error)
            for row in self.rows
            if row.role in counted
            and mode in ("", row.mode)
            and metric in ("", row.metric)
            and not math.isnan(row.error)
        )

    def summary(self) -> dict[str, dict[str, float]]:
        """By mode: ``median_abs_error``, ``p90_abs_error``, ``max_abs_error`` (fractions), ``n``; noise where known."""
        modes = list(dict.fromkeys(row.mode for row in self.rows if row.role == "prediction"))
        return {mode: self._summary_of(mode) for mode in modes}

    def _summary_of(self, mode: str) -> dict[str, float]:
        errors = self.errors(mode)
        found: dict[str, float] = {
            "median_abs_error": quantile(errors, 0.5),
            "p90_abs_error": quantile(errors, 0.9),
            "max_abs_error": errors[-1] if errors else math.nan,
            "n": len(errors),
        }
        predicted = [row for row in self.rows if row.mode == mode and row.role == "prediction"]
        noises = sorted(row.noise for row in predicted if row.noise is not None)
        if noises:
            found["noise_median"] = quantile(noises, 0.5)
            found["noise_p90"] = quantile(noises, 0.9)
        bounded = [row for row in predicted if row.low is not None and row.high is not None]
        if bounded:
            inside = sum(row.low <= row.measured <= row.high for row in bounded)  # type: ignore[operator]
            found["coverage"] = inside / len(bounded)
        return found

    def reached(self, target: Target) -> float:
        """The statistic that `target` bounds."""
        errors = self.errors(target.mode, target.metric)
        if not errors:
            return math.nan
        return {"median": quantile(errors, 0.5), "p90": quantile(errors, 0.9), "max": errors[-1]}[
            target.statistic
        ]

    def checked(self) -> str:
        """What a report says that predicts nothing."""
        errors = [abs(row.error) for row in self.rows if row.role == "check" and not math.isnan(row.error)]
        return (
            f"All {len(errors)} rows are right without a model; the largest is off by {percent(max(errors))}."
        )

    def poorly_fitted(self) -> dict[str, float]:
        """Clients whose own inputs the model misses by more than 15 %, and by how much."""
        worst: dict[str, float] = {}
        for row in self.rows:
            if row.role == "calibration" and not math.isnan(row.error):
                worst[row.client] = max(worst.get(row.client, 0.0), abs(row.error))
        return {client: error for client, error in worst.items() if error > _FITTED}

    def fit_warning(self) -> str:
        """Names what is poorly fitted; empty where all is well."""
        poor = [f"{client} by up to {percent(error)}" for client, error in self.poorly_fitted().items()]
        told = f"Poorly fitted: the model misses the inputs themselves, of {', '.join(poor)}"
        return f"{told}; what it predicts of these is a guess." if poor else ""

    def missed(self) -> list[Target]:
        """Targets whose limit is not reached."""
        return [target for target in self.targets if not self.reached(target) <= target.limit]

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON: rows with their errors, the split, and `summary()`."""
        return {
            "suite": self.suite,
            "title": self.title,
            "calibrated_on": self.calibrated_on,
            "predicted": self.predicted,
            "rows": [{**asdict(row), "error": row.error} for row in self.rows],
            "summary": self.summary(),
            "targets": [{**asdict(target), "reached": self.reached(target)} for target in self.targets],
            "sources": self.sources,
            "notes": self.notes,
            "in_view": self.in_view,
            "poorly_fitted": self.poorly_fitted(),
        }

    def __repr__(self) -> str:
        errors = self.errors()
        off = f", half off by less than {percent(quantile(errors, 0.5))}" if errors else ""
        return f"<Report {self.suite}: {len(errors)} predictions{off}>"

    def __str__(self) -> str:
        return self.text(_SHOWN)

    def text(self, most_rows: int | None = None) -> str:
        """Title, split, rows (all, or the first `most_rows`), summary, targets and notes."""
        rows = self.rows if most_rows is None else self.rows[:most_rows]
        parts = [*self._heading(), text_table(row_fields(rows), keys=4)]
        if len(rows) < len(self.rows):
            parts.append(f"... and {len(self.rows) - len(rows)} rows more: Report.rows")
        return "\n".join([*parts, "", *self._ending()])

    def overview(self) -> str:
        """The same without rows."""
        return "\n".join([*self._heading(), *self._ending()])

    def _heading(self) -> list[str]:
        split = (f"calibrated on: {self.calibrated_on}", f"predicted: {self.predicted}")
        return [f"{self.suite}: {self.title}", *(wrap(line, indent="  ") for line in split), ""]

    def marked(self, mode: str) -> str:
        """A mode as tables name it: with an asterisk where something was chosen with its rows in view."""
        return f"{mode} *" if mode in self.in_view or "" in self.in_view else mode

    def chosen_in_view(self) -> str:
        """What the asterisks mean; empty without any."""
        told = [f"{mode}: {what}" if mode else what for mode, what in self.in_view.items()]
        return f"* Chosen with these rows in view: {'; '.join(told)}." if told else ""

    def _ending(self) -> list[str]:
        found = self.summary()
        parts = [text_table(summary_fields({self.marked(mode): one for mode, one in found.items()}))]
        if not found:
            parts = [self.checked()]
        if self.in_view:
            parts += ["", wrap(self.chosen_in_view())]
        if warning := self.fit_warning():
            parts += ["", wrap(warning)]
        if self.targets:
            parts += ["", text_table(target_fields(self))]
        for note in self.notes:
            parts += ["", wrap(note)]
        return parts

    def _repr_html_(self) -> str:
        summary = {self.marked(mode): one for mode, one in self.summary().items()}
        tables = [row_fields(self.rows), summary_fields(summary), target_fields(self)]
        return "".join(html_table(fields) for fields in tables if fields and fields[0].cells)


def quantile(ascending: Sequence[float], share: float) -> float:
    """Linear interpolation between order statistics, as numpy.quantile does by default; NaN of nothing."""
    if not ascending:
        return math.nan
    position = share * (len(ascending) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (position - below) * (ascending[above] - ascending[below])


def percent(share: float | None) -> str:
    """0.0213 as "2.1 %"; "-" for None and NaN."""
    return "-" if share is None or math.isnan(share) else f"{100 * share:.1f} %"


def row_fields(rows: Sequence[Row]) -> list[Field]:
    """The columns of the row table."""
    return [
        Field("case", [row.case for row in rows], "left"),
        Field("mode", [row.mode for row in rows], "left"),
        Field("client", [row.client for row in rows], "left"),
        Field("metric", [f"{row.metric} ({row.unit})" if row.unit else row.metric for row in rows], "left"),
        Field("measured", [number(row.measured) for row in rows]),
        Field("predicted", [number(row.predicted) for row in rows]),
        Field(
            "error",
            [
                {"calibration": "fit ", "check": "check "}.get(row.role, "") + percent(row.error)
                for row in rows
            ],
        ),
    ]


def summary_fields(summary: dict[str, dict[str, float]]) -> list[Field]:
    """The columns of the summary table."""
    found = list(summary.values())
    fields = [
        Field("mode", list(summary), "left"),
        Field("median\n|error|", [percent(one["median_abs_error"]) for one in found]),
        Field("p90\n|error|", [percent(one["p90_abs_error"]) for one in found]),
        Field("largest", [percent(one["max_abs_error"]) for one in found]),
        Field("n", [str(int(one["n"])) for one in found]),
    ]
    if any("noise_median" in one for one in found):
        fields.append(Field("noise\nmedian", [percent(one.get("noise_median")) for one in found]))
        fields.append(Field("noise\np90", [percent(one.get("noise_p90")) for one in found]))
    if any("coverage" in one for one in found):
        fields.append(Field("inside\n90 % interval", [percent(one.get("coverage")) for one in found]))
    return fields


def target_fields(report: Report) -> list[Field]:
    """The columns of the table of targets."""
    reached = [report.reached(target) for target in report.targets]
    verdicts = [
        "stretch" if value <= target.stretch else "reached" if value <= target.limit else "missed"
        for value, target in zip(reached, report.targets, strict=True)
    ]
    return [
        Field(
            "target",
            [" ".join(filter(None, (t.mode, t.metric, t.statistic))) for t in report.targets],
            "left",
        ),
        Field("limit", [percent(target.limit) for target in report.targets]),
        Field("stretch", [percent(target.stretch) for target in report.targets]),
        Field("here", [percent(value) for value in reached]),
        Field("", verdicts, "left"),
    ]
