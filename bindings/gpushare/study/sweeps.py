"""What-if sweeps: many points, one table."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..frames.charts import Line, line_chart
from ..frames.render import html_table, shorten, text_table
from ..frames.tables import Table
from . import figures
from .cases import run_cases
from .outcomes import Outcome, figure_columns
from .points import Point
from .runner import Executor, MapCallable
from .simulation import run_count
from .study_table import StudyTable
from .sweep_text import SweepText

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SweepTable", "sweep"]

_SHOWN_ROWS = 60


def sweep(
    points: Iterable[Point],
    *,
    executor: Executor | MapCallable | None = None,
    replications: int = 1,
    uncertainty: bool = False,
    threads: int | None = None,
    progress: Callable[[int, int], object] | None = None,
    resume: str | os.PathLike[str] | None = None,
) -> SweepTable:
    """Simulates every point; the table is ordered by point and the same whatever the executor.

    Parameters
    ----------
    points : iterable of Point
        From `grid`, or made by hand.
    executor : optional
        None for threads, anything with ``submit`` (an executor of concurrent.futures, a dask Client), or a
        map callable.
    replications : int
        Runs of each point; figures then have half-widths.
    uncertainty : bool
        Half-widths are what a prediction may be off by, as in `simulate`.
    threads : int, optional
        Points at a time without an executor; by default one a core.
    progress : callable, optional
        Called with (points done, points in all).
    resume : str or path, optional
        A file of JSON lines that keeps the outcome of each finished point; points found in it are not
        simulated again. Trace files that a scenario names are not looked into, so start another file when one
        changes.

    Returns
    -------
    SweepTable
        Impossible points are rows with the reason.

    Raises
    ------
    ScenarioError, SimulationError
        As `simulate`; points finished by then are in `resume`.
    ValueError
        For replications below 1, or a `resume` that is no checkpoint.
    """
    points = list(points)
    outcomes = run_cases(
        points,
        replications=replications,
        uncertainty=uncertainty,
        executor=executor,
        threads=threads,
        resume=resume,
        progress=progress,
    )
    return SweepTable(points, outcomes, run_count(replications, uncertainty), perturbed=uncertainty)


class SweepTable(StudyTable):
    """One row for each point, in order: the axes, whether it is feasible, figures, half-widths, and reasons.

    Reads like a `Table`: NumPy columns, ``to_pandas()``, ``to_arrow()``, the Arrow C stream interface.

    Attributes
    ----------
    points : list of Point
        What was simulated.
    table : Table
        Axes; ``feasible`` (1 or 0); figures by the names of `Summary`, NaN where infeasible, each followed by
        ``*_half_width`` when there were replications; ``limiting_resource``; ``refused``.
    """

    def __init__(
        self,
        points: Sequence[Point],
        outcomes: Sequence[Outcome],
        replications: int = 1,
        *,
        perturbed: bool = False,
    ) -> None:
        super().__init__(points, outcomes)
        self.replications = replications
        self._perturbed = perturbed
        self._axes = list(dict.fromkeys(axis for point in points for axis in point.axes))

    @cached_property
    def table(self) -> Table:
        """Axes, whether a point is feasible, figures, limiting resource and reason as columns."""
        columns: dict[str, Any] = {
            axis: _axis_column([p.axes.get(axis) for p in self.points]) for axis in self._axes
        }
        columns["feasible"] = np.array([not o.refused for o in self.outcomes], dtype=np.int64)
        found = dict.fromkeys(name for outcome in self.outcomes for name in outcome.figures)
        names = [name for name in figures.LEADING if name in found]
        names += [name for name in found if name not in figures.LEADING]
        return Table("sweep", columns | figure_columns(self.outcomes, names, columns) | self._told())

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in order."""
        return self.table.columns

    def __getitem__(self, column: str) -> Any:
        return self.table[column]

    def best(self, metric: str = "request_throughput_per_gpu", *, largest: bool = True) -> Point:
        """The feasible point with the best figure.

        Parameters
        ----------
        metric : str
            A column of the table.
        largest : bool
            Whether more is better.

        Returns
        -------
        Point

        Raises
        ------
        ValueError
            When no point is feasible.
        """
        if all(outcome.refused for outcome in self.outcomes):
            raise ValueError("no point of the sweep is feasible")
        order = self.order(metric, largest=largest)
        return self.points[order[0]]

    def order(self, metric: str = "request_throughput_per_gpu", *, largest: bool = True) -> list[int]:
        """Positions of the points, best first and infeasible ones last."""
        if all(outcome.refused for outcome in self.outcomes):
            return list(range(len(self)))
        values = self.table[metric]
        sign = -1.0 if largest else 1.0
        return sorted(
            range(len(self)),
            key=lambda i: (math.isnan(values[i]), 0.0 if math.isnan(values[i]) else sign * values[i]),
        )

    def to_dict(self) -> dict[str, list[Any]]:
        """Lists of Python values by column."""
        return self.table.to_dict()

    def plot(self, x: str, y: str = "request_throughput") -> Figure:
        """The figure `y` over the axis `x`, a line for each combination of the others; needs matplotlib.

        Parameters
        ----------
        x : str
            An axis.
        y : str
            A column of figures.

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        ValueError
            For a column that does not exist.
        """
        for column in (x, y):
            if column not in self.columns:
                raise ValueError(f"no column {column!r}; legal are {', '.join(self.columns)}")
        rows: dict[str, list[int]] = {}
        for i, point in enumerate(self.points):
            if self["feasible"][i]:
                label = ", ".join(f"{k}={shorten(str(v), 24)}" for k, v in point.axes.items() if k != x)
                rows.setdefault(label, []).append(i)
        widths = self[f"{y}_half_width"] if f"{y}_half_width" in self.columns else None
        lines = [
            Line(label, self[x][at], self[y][at], None if widths is None else widths[at])
            for label, at in rows.items()
        ]
        return line_chart(x, y, lines)

    def text(self, rows: Sequence[int] | None = None, *, width: int = 100, intervals: bool = False) -> str:
        """The main columns as aligned text, with reasons below.

        Parameters
        ----------
        rows : sequence of int, optional
            Positions of the points to show, in that order; by default all.
        width : int
            Columns of the terminal.
        intervals : bool
            With several replications, show the half-width beside every figure.

        Returns
        -------
        str
        """
        text = self._rows(list(range(len(self))) if rows is None else rows, intervals)
        table = text_table(text.fields(), width=width, keys=max(1, len(self._axes)))
        return "\n".join([table, *text.notes(width)])

    def _rows(self, rows: Sequence[int], intervals: bool) -> SweepText:
        points, outcomes = [self.points[i] for i in rows], [self.outcomes[i] for i in rows]
        return SweepText(
            points, outcomes, self._axes, self.replications, intervals, perturbed=self._perturbed
        )

    def _title(self) -> str:
        infeasible = sum(bool(o.refused) for o in self.outcomes)
        more = f", the first {_SHOWN_ROWS} shown" if len(self) > _SHOWN_ROWS else ""
        return (
            f"sweep over {', '.join(self._axes) or 'nothing'}: {len(self)} points, {infeasible} refused, "
            f"{self.replications} replication{'s' if self.replications > 1 else ''} each{more}"
        )

    def __repr__(self) -> str:
        return f"{self._title()}\n{self.text(range(min(len(self), _SHOWN_ROWS)))}"

    def _repr_html_(self) -> str:
        text = self._rows(range(min(len(self), _SHOWN_ROWS)), True)
        return html_table(text.fields(), caption=self._title(), notes=text.notes(10_000))


def _axis_column(values: Sequence[Any]) -> Any:
    if all(isinstance(v, int) for v in values):
        return np.array(values, dtype=np.int64)
    if all(isinstance(v, (int, float)) for v in values):
        return np.array(values, dtype=np.float64)
    return [str(v) for v in values]
