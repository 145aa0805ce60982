"""What a figure depends on most: one change at a time, both ways."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._errors import fail
from ..charts.tornado import Bar, tornado_chart
from ..frames.progress import followed
from ..frames.render import Field, brief, html_table, number, numbers, page_width, shorten, text_table, wrap
from ..frames.sections import joined
from ..frames.tables import Table
from ..scenario.changes import value_at
from ..scenario.scenario import Scenario, ScenarioLike
from . import figures
from .axes import axis_label, axis_scale
from .points import Point, combinations
from .runner import Executor, MapCallable
from .simulation import as_scenario
from .study_table import TableLike
from .sweeps import SweepTable, sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Effect", "Sensitivity", "sensitivity"]

_BAR = 24
Ways = Mapping[str, tuple[Any, Any] | None] | Iterable[str]


def sensitivity(
    scenario: ScenarioLike,
    changes: Ways,
    figure: str,
    *,
    share: float = 0.2,
    seed: int | None = None,
    replications: int = 1,
    executor: Executor | MapCallable | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], object] | None = None,
    resume: str | os.PathLike[str] | None = None,
) -> Sensitivity:
    """Changes one part of a scenario at a time, down and up, under the same luck.

    Parameters
    ----------
    scenario : Scenario, str, path or mapping
        As in `simulate`; its figures are the middle.
    changes : mapping of str to (low, high), or iterable of str
        What to change, named as in `Scenario.replace`: ``users``, ``rate_per_s``, a member or a path of the document.
        Names alone, or with None, change the number that is there by `share` down and up; whole numbers stay whole.
    figure : str
        What to look at, by a short name too.
    share : float
        Of a number.
    seed, replications : optional
        As in `simulate`.
    executor, threads, progress, resume : optional
        As in `sweep`.

    Returns
    -------
    Sensitivity
        Largest swing first.

    Raises
    ------
    ScenarioError
        For a name that does not exist, or stands for no number and has no low and high value.
    FigureError
        For a figure that is unknown or ambiguous.
    ValueError
        When there is nothing to change, `share` is not between 0 and 1, or the scenario itself cannot run.

    Examples
    --------
    >>> import gpushare as gs
    >>> found = gs.sensitivity("voice-light", ["users", "/traffic/0/think_s"], "tts.first_audio_p95")
    >>> found.effects[0].swing >= found.effects[1].swing
    True
    """
    scenario = as_scenario(scenario)
    if not 0 < share < 1:
        raise ValueError(f"share: found {share}; it must be between 0 and 1")
    ways = _ways(scenario, changes, share)
    points = [Point(scenario, {"change": "", "value": ""}, seed)]
    for name, values in ways.items():
        made, errors = combinations(scenario, {name: values})
        if len(errors) == len(made):
            raise errors[0]
        points += [
            replace(point, axes={"change": name, "value": value}, seed=point.seed or seed)
            for point, value in zip(made, values, strict=True)
        ]
    with followed(progress, f"{scenario.name}, sensitivity", "count") as told:
        table = sweep(
            points,
            replications=replications,
            executor=executor,
            threads=threads,
            progress=told,
            resume=resume,
        )
    if not table.outcomes[0].ran:
        raise ValueError(f"{scenario.name}: {table.outcomes[0].error or table.outcomes[0].refused}")
    return Sensitivity(scenario.name, table.resolve(figure), table)


def _ways(scenario: Scenario, changes: Ways, share: float) -> dict[str, tuple[Any, Any]]:
    names = [changes] if isinstance(changes, str) else changes
    given = names if isinstance(names, Mapping) else dict.fromkeys(names)
    document = scenario.document
    ways: dict[str, tuple[Any, Any]] = {}
    for name, values in given.items():
        if values is not None and len(values) != 2:
            raise ValueError(f"changes: {name} has {len(values)} values; give (low, high)")
        ways[name] = (
            _both_ways(name, value_at(document, name), share) if values is None else (values[0], values[1])
        )
    if not ways:
        raise ValueError("changes: nothing to change; name at least one part of the document")
    return ways


def _both_ways(name: str, value: Any, share: float) -> tuple[Any, Any]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        what = f"stands for no number; give its low and high value: {{{name!r}: (low, high)}}"
        raise fail(_core.ScenarioError, name, what)
    low, high = value * (1 - share), value * (1 + share)
    return (math.floor(low), math.ceil(high)) if isinstance(value, int) else (low, high)


@dataclass(frozen=True)
class Effect:
    """What one change does.

    Attributes
    ----------
    change : str
        As it was named.
    low, high : object
        The values.
    at_low, at_high : float
        The figure with each; NaN where that cannot run. Estimates with replications.
    base : float
        The figure without a change.
    why : str
        Why it cannot run; empty otherwise.
    """

    change: str
    low: Any
    high: Any
    at_low: float
    at_high: float
    base: float
    why: str = ""

    @property
    def swing(self) -> float:
        """The largest difference among the three; NaN with fewer than two."""
        known = [float(v) for v in (self.at_low, self.base, self.at_high) if not math.isnan(v)]
        return max(known) - min(known) if len(known) > 1 else math.nan


class Sensitivity(TableLike):
    """Changes by what they do to a figure, largest first; reads like a `Table` in pandas and Arrow.

    Attributes
    ----------
    figure : str
        Canonical name.
    effects : list of Effect
        One for each change.
    sweep : SweepTable
        All points: first the scenario itself, then each change down and up.
    """

    def __init__(self, name: str, figure: str, sweep: SweepTable) -> None:
        self.figure = figure
        self.sweep = sweep
        self._name = name
        values = sweep.values(figure)
        pairs = [self._effect(i, values) for i in range(1, len(sweep), 2)]
        self.effects = sorted(
            pairs, key=lambda e: (math.isnan(e.swing), -e.swing if e.swing == e.swing else 0.0)
        )

    def _effect(self, i: int, values: list[float]) -> Effect:
        low, high = self.sweep.points[i : i + 2]
        why = [o.error or o.refused for o in self.sweep.outcomes[i : i + 2] if not o.ran]
        return Effect(
            str(low.axes["change"]),
            low.axes["value"],
            high.axes["value"],
            values[i],
            values[i + 1],
            values[0],
            "; ".join(dict.fromkeys(why)),
        )

    @property
    def base(self) -> float:
        """The figure of the scenario itself."""
        return self.sweep.values(self.figure)[0]

    def __len__(self) -> int:
        return len(self.effects)

    @cached_property
    def table(self) -> Table:
        """Change, its values, the figure at each and without, half-widths where there are any, swing and reason."""
        columns: dict[str, Any] = {
            "change": [effect.change for effect in self.effects],
            "low": [str(effect.low) for effect in self.effects],
            "high": [str(effect.high) for effect in self.effects],
        }
        for name in ("at_low", "base", "at_high"):
            found = [getattr(effect, name) for effect in self.effects]
            columns[name] = np.array([float(v) for v in found])
            if self.sweep.replications > 1:
                columns[f"{name}_half_width"] = np.array([getattr(v, "half_width", math.nan) for v in found])
        columns["swing"] = np.array([effect.swing for effect in self.effects])
        columns["why"] = [effect.why for effect in self.effects]
        return Table("sensitivity", columns)

    def to_dict(self) -> dict[str, list[Any]]:
        """Lists of Python values by column."""
        return self.table.to_dict()

    def text(self, *, width: int | None = None, intervals: bool = False) -> str:
        """What the figure hangs on most, and the table as aligned text with bars, explained below.

        Parameters
        ----------
        width : int, optional
            Columns at most; by default those of the page.
        intervals : bool
            With several replications, show the half-width beside every figure.
        """
        width = page_width(width)
        fields = [*self._fields(intervals), Field("from low to high", self._bars(), "left")]
        table = "\n".join([text_table(fields, width=width, keys=1), *self._notes(width)])
        return joined([wrap(self._headline(), width), table])

    def _headline(self) -> str:
        """The change with the largest swing."""
        first = self.effects[0]
        if math.isnan(first.swing):
            return f"{self._name}: nothing that was changed can run."
        figure = self._described
        unit = figure.title.partition("\n")[2] if figure.kind == "time" else figure.unit
        low, without, high = (
            number(float(figure.shown(value)), figure.decimals)
            for value in (first.at_low, first.base, first.at_high)
        )
        most = "depends most on" if len(self.effects) > 1 else "with another"
        return (
            f"{self._name}: {self.figure} {most} {first.change}: {low} {unit} at {_value(first.low)}, {high} {unit} at "
            f"{_value(first.high)}, {without} {unit} without a change."
        )

    @property
    def _described(self) -> figures.Figure:
        known = [float(v) for v in self.sweep.values(self.figure) if not math.isnan(v)]
        return figures.describe(self.figure).suited(max(known, default=0.0))

    def _fields(self, intervals: bool) -> list[Field]:
        figure = self._described
        fields = [
            Field("change", [shorten(effect.change, 36) for effect in self.effects], "left"),
            Field("low", [_value(effect.low) for effect in self.effects]),
            Field("high", [_value(effect.high) for effect in self.effects]),
        ]
        for title, name in (
            ("at low", "at_low"),
            ("without", "base"),
            ("at high", "at_high"),
            ("swing",) * 2,
        ):
            found = [figure.shown(getattr(effect, name)) for effect in self.effects]
            fields.append(
                Field(title, numbers(found if intervals else [float(v) for v in found], figure.decimals))
            )
        return fields

    def _bars(self) -> list[str]:
        """From the least to the most of a change, on one scale; where the scenario is without it, a line."""
        ends = [[float(v) for v in (e.at_low, e.base, e.at_high) if not math.isnan(v)] for e in self.effects]
        least, most = min(map(min, ends)), max(map(max, ends))
        scale = (_BAR - 1) / (most - least) if most > least else 0.0
        bars = []
        for known in ends:
            first, last, at = (round((v - least) * scale) for v in (min(known), max(known), float(self.base)))
            cells = ["█" if first <= i <= last else " " for i in range(_BAR)]
            cells[at] = "│"
            bars.append("".join(cells))
        return bars

    def _notes(self, width: int) -> list[str]:
        figure = self._described
        heading = figure.title.replace("\n", " ")
        base = number(float(figure.shown(self.base)), figure.decimals)
        lines = [f"{self.figure} ({heading}): {figure.meaning}; {base} without a change (│)."]
        if self.sweep.replications > 1:
            lines.append(f"Means of {self.sweep.replications} replications under the same luck.")
        lines += [f"cannot run: {effect.change}: {effect.why}" for effect in self.effects if effect.why]
        return [wrap(line, width, "  ") for line in lines]

    def plot(self, ax: Axes | None = None) -> Figure:
        """A tornado: a bar from low to high for each change, largest on top; needs matplotlib.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        """
        factor, unit = axis_scale(
            self.figure, [self.base, *(v for e in self.effects for v in (e.at_low, e.at_high))]
        )
        bars = [
            Bar(
                f"{e.change}\n{_value(e.low)} to {_value(e.high)}",
                factor * float(e.at_low),
                factor * float(e.at_high),
            )
            for e in self.effects
        ]
        first = self.effects[0]
        ends = " and ".join(
            f"{figures.shown(self.figure, float(at))} with {_value(value)}"
            for at, value in ((first.at_low, first.low), (first.at_high, first.high))
        )
        title = f"{self._name}: {self.figure.removesuffix('_s')} depends most on {first.change}: {ends}"
        return tornado_chart(title, axis_label(self.figure, unit), factor * float(self.base), bars, ax)

    def __repr__(self) -> str:
        most = self.effects[0].change if self.effects else "nothing"
        return brief(self, f"{self._name}: {self.figure} depends most on {most}")

    def __str__(self) -> str:
        return f"{self._name}: what {self.figure} depends on\n{self.text()}"

    def _repr_html_(self) -> str:
        return html_table(
            self._fields(True),
            caption=f"{self._name}: what {self.figure} depends on",
            notes=self._notes(10_000),
        )


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else shorten(str(value), 24)
