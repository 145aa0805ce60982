"""Sweeps that say which of their points meet the objectives."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..frames.colours import MARKS
from ..frames.progress import followed
from ..frames.render import Field, html_table, wrap
from ..report.plot import sweep as draw_sweep
from ..study import sweeps
from ..study.outcomes import Outcome
from ..study.points import Point
from ..study.runner import Executor, MapCallable
from ..study.simulation import MOST_REQUESTS
from .judging import Check, Fared, Measured, checks, judge
from .objectives import Objectives, listed
from .rounds import MOST, Budget, asked_of, tolerance, until_clear
from .verdict_line import best_point

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SweepTable", "sweep"]


def sweep(
    points: Iterable[Point],
    objectives: Mapping[str, Any] | None = None,
    *,
    slo: str | Sequence[str] = (),
    executor: Executor | MapCallable | None = None,
    replications: int = 1,
    most_replications: int = MOST,
    uncertainty: bool = False,
    threads: int | None = None,
    most_requests: float = MOST_REQUESTS,
    progress: Callable[[int, int], object] | None = None,
    resume: str | os.PathLike[str] | None = None,
) -> SweepTable:
    """Simulates every point; the table is ordered by point and the same whatever the executor.

    Parameters
    ----------
    points : iterable of Point
        From `grid`, or made by hand.
    objectives : mapping, optional
        As a document has them; by default those of each point's scenario. With any the table says which points meet
        them.
    slo : str or sequence of str
        Further bounds, such as ``"llm.ttft_p95=400ms"``.
    executor : optional
        None for threads, anything with ``submit`` (an executor of concurrent.futures, a dask Client, a
        `RayExecutor`), a pool of multiprocessing, or a map callable. The table is the same.
    replications : int
        Runs of each point, with objectives 4 at least; figures then have half-widths. Points whose objectives chance
        leaves open are simulated again with twice as many.
    most_replications : int
        At most so many.
    uncertainty : bool
        Half-widths are what a prediction may be off by, as in `simulate`.
    threads : int, optional
        Points at a time without an executor; by default one a core.
    most_requests : float
        As in `simulate`.
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
    ScenarioError, FigureError
        For objectives that contradict, or of figures that runs do not have; with `resume`, when a file changed since a
        scenario was read from it.
    ValueError
        For replications below 1, or a `resume` that is no checkpoint.

    Examples
    --------
    >>> import gpushare as gs
    >>> table = gs.sweep(gs.grid("voice-light", users=[2, 5]), slo=["voice_to_voice_p95=2s"], most_replications=1)
    >>> table.meets
    [True, True]
    """
    points = _points(points)
    asked = [Objectives()] * len(points)
    cases = list(points)
    for i, point in enumerate(points):
        if point.scenario is not None:
            scenario, asked[i] = asked_of(point.scenario, objectives, listed(slo))
            cases[i] = replace(point, scenario=scenario)
    wanted = any(o != Objectives() for o in asked)
    budget = Budget(replications, most_replications, uncertainty, any(o.bounds or o.tolerate for o in asked))

    def fared(outcomes: Sequence[Outcome], counts: Sequence[int]) -> list[Fared]:
        return [_fared(*one, uncertainty) for one in zip(cases, asked, outcomes, counts, strict=True)]

    def unclear(outcomes: Sequence[Outcome], counts: Sequence[int]) -> list[int]:
        return [i for i, one in enumerate(fared(outcomes, counts)) if one.meets is None]

    how: dict[str, Any] = {
        "uncertainty": uncertainty,
        "executor": executor,
        "threads": threads,
        "resume": resume,
        "most_requests": most_requests,
    }
    with followed(progress, "sweep", "count") as told:
        outcomes, counts = until_clear(cases, unclear, budget, progress=told, **how)
    found = fared(outcomes, counts)
    for i, one in enumerate(found):
        case = cases[i].scenario
        if asked[i].tolerate and case is not None and one.meets is not False:
            check = tolerance(case, asked[i], asked[i].bounds, budget, seed=cases[i].seed, **how)
            found[i] = replace(one, checks=[*one.checks, check])
    ran = [count for count, outcome in zip(counts, outcomes, strict=True) if outcome.ran] or [budget.first]
    return SweepTable(
        points,
        outcomes,
        max(ran),
        perturbed=uncertainty,
        fewest=min(ran),
        fared=found if wanted else None,
    )


def _points(given: object) -> list[Point]:
    """Raises TypeError for what is no list of points, such as a scenario."""
    found: list[Any] = (
        list(given) if isinstance(given, Iterable) and not isinstance(given, (str, Mapping)) else [given]
    )
    for one in found:
        if not isinstance(one, Point):
            raise TypeError(
                f'points: found {one!r:.60}; make them with gs.grid("voice-light", users=[2, 5]), or gs.Point'
            )
    return found


def _fared(point: Point, asked: Objectives, outcome: Outcome, runs: int, uncertainty: bool) -> Fared:
    name = ", ".join(f"{axis}={value}" for axis, value in point.axes.items())
    if not outcome.ran or point.scenario is None:
        return Fared(name, why_not=outcome.refused or outcome.error)
    found: list[Check] = checks(point.scenario, asked)
    measured = Measured(outcome.figures, perturbed=uncertainty)
    return Fared(name, measured, judge(measured, asked.bounds, None), found, runs=runs)


class SweepTable(sweeps.SweepTable):
    """One row for each point, in order: the axes, whether it is feasible, figures, half-widths, and reasons.

    Reads like a `Table`: NumPy columns, ``to_pandas()``, ``to_arrow()``, the Arrow C stream interface.

    Attributes
    ----------
    points : list of Point
        What was simulated.
    table : Table
        Axes; ``feasible`` (1 or 0); with objectives ``meets`` (1, 0, or NaN when it is too close to say); figures by
        the names of `Summary`, NaN where there are none, each followed by ``*_half_width`` when there were
        replications; ``error``; ``limiting_resource``; ``refused``.
    fared : list of Fared or None
        How each point fared; None without objectives.
    """

    def __init__(self, *args: Any, fared: Sequence[Fared] | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fared = list(fared) if fared is not None else None

    @property
    def meets(self) -> list[bool | None] | None:
        """Of each point whether it meets the objectives; None when it is too close to say. None without objectives."""
        return [one.meets for one in self.fared] if self.fared is not None else None

    @property
    def line(self) -> str:
        """The best point that meets the objectives, in a line; empty without objectives."""
        return self.best_line()

    def best_line(self, order: Sequence[int] | None = None) -> str:
        """The same, where the first in the order of some rows is the best instead of the cheapest."""
        if self.fared is None:
            return ""
        return best_point(
            [self.fared[i] for i in (order if order is not None else range(len(self)))], order is not None
        )

    def plot(self, x: str, y: str = "request_throughput") -> Figure:
        """The figure `y` over the axis `x`, a line for each combination of the others: see `plot.sweep`."""
        return draw_sweep(self, x, y)

    def _decided(self) -> dict[str, Any]:
        if self.fared is None:
            return {}
        known = [math.nan if one.meets is None else float(one.meets) for one in self.fared]
        return {"meets": np.array(known, dtype=np.float64)}

    def _beside(self, rows: Sequence[int]) -> list[Field]:
        if self.fared is None:
            return []
        words = {True: "met", False: "MISSED", None: "too close"}
        met = [words[self.fared[i].meets] if self.outcomes[i].ran else "-" for i in rows]
        marks = [MARKS[self.fared[i].meets] if self.outcomes[i].ran else "" for i in rows]
        return [Field("objectives", met, "left", marks)]

    def _missed(self, rows: Sequence[int]) -> list[set[str]]:
        if self.fared is None:
            return super()._missed(rows)
        return [{name for name, one in self.fared[i].named().items() if one.meets is False} for i in rows]

    def to_dict(self) -> dict[str, list[Any]]:
        """Lists of Python values by column; ``meets`` is True, False or None."""
        columns = super().to_dict()
        return columns if self.meets is None else columns | {"meets": self.meets}

    def _some(self, rows: Sequence[int], leading: Sequence[str]) -> SweepTable:
        return SweepTable(
            [self.points[i] for i in rows],
            [self.outcomes[i] for i in rows],
            self.replications,
            perturbed=self._perturbed,
            leading=leading,
            fewest=self._fewest,
            fared=[self.fared[i] for i in rows] if self.fared is not None else None,
        )

    def __str__(self) -> str:
        return f"{wrap(self.line)}\n{super().__str__()}" if self.fared is not None else super().__str__()

    def _repr_html_(self) -> str:
        found = super()._repr_html_()
        return html_table([], notes=[self.line]) + found if self.fared is not None else found
