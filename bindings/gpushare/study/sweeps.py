"""What-if sweeps: many points, one table."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..frames.notices import merged, plain
from ..frames.render import Field, html_table, page_width, text_table
from ..frames.tables import Table
from . import figures
from .cases import run_cases
from .outcomes import Outcome, figure_columns
from .points import Point
from .ranking import best_first, directions, is_larger_better, undominated
from .runner import Executor, MapCallable
from .simulation import run_count
from .study_table import StudyTable
from .sweep_text import SweepText

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
        None for threads, anything with ``submit`` (an executor of concurrent.futures, a dask Client, a
        `RayExecutor`), a pool of multiprocessing, or a map callable. The table is the same.
    replications : int
        Runs of each point; figures then have half-widths.
    uncertainty : bool
        Half-widths are what a prediction may be off by, as in `simulate`.
    threads : int, optional
        Points at a time without an executor; by default one a core.
    progress : callable, optional
        Called with (points done, points in all), first with those found in `resume` if there are any.
    resume : str or path, optional
        A file of JSON lines that keeps the outcome of each point as soon as there is one; points found in it are
        not simulated again. A point is another one when anything that it depends on is: its scenario, the bytes of
        every file that this names (GPU profiles, models, traces, calls), seed and number of runs, the library.
        Several processes may use one file. A damaged line costs its point alone, and is told as a `StoreWarning`.

    Returns
    -------
    SweepTable
        Impossible points are rows with the reason, and points that failed are rows with the error; these are
        simulated again by the next call.

    Raises
    ------
    KeyboardInterrupt
        By Ctrl-C, within a moment; points finished by then are in `resume`.
    OSError
        When `resume` cannot be read or written, before the first run.
    ScenarioError
        With `resume`, when a file changed since a scenario was read from it.
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
        Axes; ``feasible`` (1 or 0); figures by the names of `Summary`, NaN where there are none, each followed by
        ``*_half_width`` when there were replications; ``error``; ``limiting_resource``; ``refused``.
    """

    def __init__(
        self,
        points: Sequence[Point],
        outcomes: Sequence[Outcome],
        replications: int = 1,
        *,
        perturbed: bool = False,
        leading: Sequence[str] = (),
        fewest: int | None = None,
    ) -> None:
        super().__init__(points, outcomes)
        self.replications = replications
        self._fewest = fewest
        self._perturbed = perturbed
        self._leading = list(leading)
        self._axes = list(dict.fromkeys(axis for point in points for axis in point.axes))

    @cached_property
    def table(self) -> Table:
        """Axes, whether a point is feasible, figures, error, limiting resource and reason as columns."""
        columns: dict[str, Any] = {
            axis: _axis_column([p.axes.get(axis) for p in self.points]) for axis in self._axes
        }
        columns["feasible"] = np.array([o.ran for o in self.outcomes], dtype=np.int64)
        columns |= self._decided()
        found = dict.fromkeys(name for outcome in self.outcomes for name in outcome.figures)
        names = [name for name in figures.LEADING if name in found]
        names += [name for name in found if name not in figures.LEADING]
        return Table("sweep", columns | figure_columns(self.outcomes, names, columns) | self._told())

    def _decided(self) -> dict[str, Any]:
        """Columns of what is said of the points beside their figures."""
        return {}

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in order."""
        return self.table.columns

    def __getitem__(self, column: str) -> Any:
        return self.table[column]

    def __iter__(self) -> Iterator[str]:
        """Names of the columns, as of a `Table`."""
        return iter(self.table)

    def best(self, metric: str = "request_throughput_per_gpu", *, largest: bool | None = None) -> Point:
        """The point with the best figure.

        Parameters
        ----------
        metric : str
            A column of the table, or a figure by a short name as in `figures.resolve`.
        largest : bool, optional
            Whether more is better; by default as the figure has it, and yes where neither side is better.

        Returns
        -------
        Point

        Raises
        ------
        FigureError
            For a figure that is unknown or ambiguous.
        ValueError
            When no point is feasible.
        """
        if not any(outcome.ran for outcome in self.outcomes):
            raise ValueError("no point of the sweep is feasible")
        return self.points[self.order(metric, largest=largest)[0]]

    def order(self, metric: str = "request_throughput_per_gpu", *, largest: bool | None = None) -> list[int]:
        """Positions of the points as in `best`, best first and those without the figure last."""
        if not any(outcome.ran for outcome in self.outcomes):
            return list(range(len(self)))
        if metric in self.columns and self.table.type(metric) != "category":
            values = [float(value) for value in self.table[metric]]
            known = metric in self.figure_names
        else:
            metric = self.resolve(metric)
            values, known = self.values(metric), True
        if largest is None:
            largest = not known or is_larger_better(metric) is not False
        return best_first(values, largest=largest)

    def pareto(self, *metrics: str, minimize: Iterable[str] = (), maximize: Iterable[str] = ()) -> SweepTable:
        """The points that no other beats: none is at least as good in all figures and better in one.

        Parameters
        ----------
        *metrics : str
            Figures, by short names too; the registry says which side of each is better.
        minimize, maximize : iterable of str
            More figures, or some of those, of which this side is better.

        Returns
        -------
        SweepTable
            The front, best of the first figure first; equal points are all in it. Means are compared: see the
            half-widths.

        Raises
        ------
        FigureError
            For a figure that is unknown or ambiguous, or of which neither side is better.
        ValueError
            Without figures.

        Examples
        --------
        >>> import gpushare as gs
        >>> table = gs.sweep(gs.grid("voice-light", mode=["dedicated", "mps"]))
        >>> [point.axes["mode"] for point in table.pareto("request_throughput", "cost_per_month").points]
        ['dedicated', 'mps']
        """
        asked = directions(self.figure_names, metrics, minimize, maximize)
        if not asked:
            raise ValueError("pareto: give at least one figure")
        front = undominated([self.values(name) for name in asked], list(asked.values()))
        return self._some(front, list(asked))

    def _some(self, rows: Sequence[int], leading: Sequence[str]) -> SweepTable:
        """The table of some of the points, in that order."""
        return SweepTable(
            [self.points[i] for i in rows],
            [self.outcomes[i] for i in rows],
            self.replications,
            perturbed=self._perturbed,
            leading=leading,
            fewest=self._fewest,
        )

    def to_dict(self) -> dict[str, list[Any]]:
        """Lists of Python values by column."""
        return self.table.to_dict() | {"warnings": [plain(outcome.warnings) for outcome in self.outcomes]}

    def text(
        self,
        rows: Sequence[int] | None = None,
        *,
        width: int | None = None,
        intervals: bool = False,
        first: Sequence[str] = (),
    ) -> str:
        """The main columns as aligned text, with reasons below.

        Parameters
        ----------
        rows : sequence of int, optional
            Positions of the points to show, in that order; by default all.
        width : int, optional
            Columns at most; by default those of the page.
        intervals : bool
            With several replications, show the half-width beside every figure.
        first : sequence of str
            Figures to show before the main ones.

        Returns
        -------
        str
        """
        width = page_width(width)
        text = self._rows(list(range(len(self))) if rows is None else rows, intervals, first)
        table = text_table(text.fields(), width=width, keys=max(1, len(self._axes)))
        return "\n".join([table, *text.notes(width)])

    def _rows(self, rows: Sequence[int], intervals: bool, first: Sequence[str] = ()) -> SweepText:
        return SweepText(
            [self.points[i] for i in rows],
            [self.outcomes[i] for i in rows],
            self._axes,
            self.replications,
            intervals,
            perturbed=self._perturbed,
            first=[self.resolve(name) for name in [*first, *self._leading]],
            fewest=self._fewest,
            beside=self._beside(rows),
            missed=self._missed(rows),
            warnings=merged({self._label(i): self.outcomes[i].warnings for i in rows}),
        )

    def _beside(self, rows: Sequence[int]) -> list[Field]:
        """What `_decided` has, as the text shows it."""
        return []

    def _missed(self, rows: Sequence[int]) -> list[set[str]]:
        """Of each row the figures that miss their objectives."""
        return [set() for _ in rows]

    def _title(self) -> str:
        refused, failed = (
            sum(bool(o.refused) for o in self.outcomes),
            sum(bool(o.error) for o in self.outcomes),
        )
        runs = str(self.replications)
        if self._fewest is not None and self._fewest < self.replications:
            runs = f"{self._fewest} to {runs}"
        more = f", the first {_SHOWN_ROWS} shown" if len(self) > _SHOWN_ROWS else ""
        return (
            f"sweep over {', '.join(self._axes) or 'nothing'}: {len(self)} points, {refused} refused, "
            f"{f'{failed} failed, ' if failed else ''}"
            f"{runs} replication{'s' if self.replications > 1 else ''} each{more}"
        )

    def __str__(self) -> str:
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
