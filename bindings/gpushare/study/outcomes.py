"""What became of a case."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..frames.notices import Notice, notices
from .bottleneck import Bottleneck
from .estimates import Estimate
from .results import Result

__all__ = ["Outcome", "figure_columns", "is_paired", "samples", "values"]

#: What of dedicated GPUs is to be kept by others, and what modes are chosen by.
_PAIRED = (
    "request_throughput",
    "success_rate",
    "gpu_hours",
    "cost",
    "cost_per_month",
    "cost_per_1000_requests",
    "energy_kwh",
    "co2_kg",
    "time_out_of_objectives",
)
_ENDS = ("_p95_s", "e2e_latency_count")


@dataclass(frozen=True)
class Outcome:
    """Figures of a case, or why there are none.

    Without `result` it is plain values, which travel between processes and into a checkpoint.

    Attributes
    ----------
    figures : mapping of str to float
        By the names of `Summary`, estimates where there were several runs; empty when there are none.
    bottleneck : Bottleneck or None
        What the requests wait for most; None when there are no figures.
    refused : str
        Why the case is impossible; empty otherwise.
    error : str
        What went wrong when it was simulated; empty otherwise.
    result : Result or None
        The runs themselves, where they were asked for.
    warnings : sequence of Notice
        What may mislead in the figures, or in what was refused.
    """

    figures: Mapping[str, float] = field(default_factory=dict)
    bottleneck: Bottleneck | None = None
    refused: str = ""
    result: Result | None = None
    error: str = ""
    samples: Mapping[str, Sequence[float]] = field(default_factory=dict)
    warnings: Sequence[Notice] = ()

    @property
    def ran(self) -> bool:
        """Whether there are figures."""
        return not self.refused and not self.error

    @property
    def limiting_resource(self) -> str:
        """The bottleneck in words; empty when there are no figures."""
        return str(self.bottleneck or "")

    def to_plain(self) -> dict[str, Any]:
        """For JSON; an estimate is a list of mean, half-width and count, and the result is left out."""
        metrics = {name: _plain(value) for name, value in self.figures.items()}
        bottleneck = asdict(self.bottleneck) if self.bottleneck else None
        plain: dict[str, Any] = {"metrics": metrics, "bottleneck": bottleneck, "refused": self.refused}
        plain |= {"error": self.error} if self.error else {}
        plain |= {"warnings": [list(one) for one in self.warnings]} if self.warnings else {}
        return plain | ({"samples": dict(self.samples)} if self.samples else {})

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Outcome:
        """Back from `to_plain`.

        Raises
        ------
        KeyError, TypeError, ValueError
            For anything else.
        """
        figures = {name: _figure(*value) for name, value in plain["metrics"].items()}
        bottleneck = plain["bottleneck"]
        return cls(
            figures,
            Bottleneck(**bottleneck) if bottleneck else None,
            str(plain["refused"]),
            error=str(plain.get("error", "")),
            samples={name: [float(v) for v in found] for name, found in plain.get("samples", {}).items()},
            warnings=notices((where, text) for where, text in plain.get("warnings", [])),
        )


def is_paired(figure: str) -> bool:
    """Whether a figure is compared with that of another case under the same luck, run by run."""
    return figure in _PAIRED or figure.endswith(_ENDS)


def samples(result: Result) -> dict[str, list[float]]:
    """Of several runs what each had of such figures."""
    if len(result.runs) < 2:
        return {}
    names = [name for name in result.summary() if is_paired(name)]
    return {name: [run.figures.get(name, math.nan) for run in result.runs] for name in names}


def _plain(value: float) -> list[float]:
    return [float(value), value.half_width, value.count] if isinstance(value, Estimate) else [value]


def _figure(mean: float, half_width: float | None = None, count: int = 1) -> float:
    return mean if half_width is None else Estimate(mean, half_width, count)


def values(outcomes: Sequence[Outcome], figure: str) -> list[float]:
    """A figure of each case; NaN where there is none."""
    return [outcome.figures.get(figure, math.nan) for outcome in outcomes]


def figure_columns(
    outcomes: Sequence[Outcome], figures: Iterable[str], taken: Iterable[str] = ()
) -> dict[str, Any]:
    """Columns of a table: each figure, followed by its half-width when there were replications.

    A figure whose name is already `taken` is called ``*_result``.
    """
    replicated = any(isinstance(v, Estimate) for outcome in outcomes for v in outcome.figures.values())
    taken = set(taken)
    columns: dict[str, Any] = {}
    for name in figures:
        found = values(outcomes, name)
        columns[f"{name}_result" if name in taken else name] = np.array(
            [float(v) for v in found], dtype=np.float64
        )
        if replicated:
            widths = [getattr(v, "half_width", math.nan) for v in found]
            columns[f"{name}_half_width"] = np.array(widths, dtype=np.float64)
    return columns
