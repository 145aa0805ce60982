"""The answer of a search for capacity."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..charts.fronts import Bound
from ..charts.lines import Line, line_chart
from ..charts.look import finished
from ..frames.notices import Notice, plain, told
from ..frames.render import Field, brief, html_table, number, text_table, wrap
from ..frames.sections import Beside, commands, joined, section, warned
from ..frames.tables import Table
from ..study.axes import axis_label, axis_scale
from ..study.figures import describe
from .objectives import Judged, Objective, Objectives, meets, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Capacity", "CapacityOfMode", "Tried", "grows"]


@dataclass(frozen=True)
class Tried:
    """What became of a load.

    Attributes
    ----------
    load : float
        In the unit of the capacity.
    judged : sequence of Judged
        Every objective.
    refused : str
        Why it could not run.
    """

    load: float
    judged: Sequence[Judged] = ()
    refused: str = ""

    @property
    def meets(self) -> bool | None:
        """Whether all objectives are met; None when it is too close to say."""
        return False if self.refused else meets(self.judged)

    def worse(self, other: Tried) -> Tried:
        """Of two runs of this load the worse of each objective; one that could not run is worse than any."""
        if self.refused or other.refused:
            return self if self.refused else other
        pairs = zip(self.judged, other.judged, strict=True)
        return Tried(self.load, tuple(max(pair, key=_excess) for pair in pairs))

    @property
    def limits(self) -> list[Judged]:
        """Of the objectives that more load misses: others, such as a rate of at least so much, small loads miss."""
        return [one for one in self.judged if not grows(one.objective)]

    @property
    def fits(self) -> bool | None:
        """Whether it is no more load than the objectives allow; None when it is too close to say."""
        return False if self.refused else meets(self.limits)

    @property
    def excess(self) -> float:
        """How far the worst figure that limits load is beyond its bound, as a share of it."""
        if self.refused:
            return math.inf
        return max(map(_excess, self.limits), default=-1.0)


def grows(objective: Objective) -> bool:
    """Whether more load meets an objective rather than missing it: what load raises is to be at least so much."""
    figure = describe(objective.figure)
    falls = figure.kind == "share" and figure.better == "higher"  # shares that succeed
    return objective.at_most if falls else not objective.at_most


def _excess(judged: Judged) -> float:
    return math.inf if math.isnan(judged.excess) else judged.excess


@dataclass(frozen=True)
class CapacityOfMode:
    """The largest load of one mode.

    Attributes
    ----------
    load : float
        Where the means meet the bounds; 0 when no load does.
    low, high : float
        The largest load that meets them beyond doubt, and the smallest that misses them beyond doubt.
    curve : sequence of Tried
        All loads that were tried, ascending.
    why : str
        What stands in the way of any load.
    """

    load: float
    low: float
    high: float
    curve: Sequence[Tried] = ()
    why: str = ""

    @property
    def limit(self) -> Judged | None:
        """The objective that is missed first beyond the capacity."""
        beyond = [tried for tried in self.curve if tried.load > self.load and tried.judged]
        return max(beyond[0].judged, key=lambda one: one.excess) if beyond else None


@dataclass(frozen=True)
class Capacity:
    """Largest loads within objectives, by mode.

    Attributes
    ----------
    scenario : str
        Its name.
    vary, unit : str
        What was varied, and its unit.
    modes : mapping of str to CapacityOfMode
        In the order asked for.
    objectives : Objectives
        What was asked.
    runs : int
        Runs that were simulated.
    warnings : sequence of Notice
        What may mislead in it.
    told : str
        Which traffic the load is of, where that is not plain.
    """

    scenario: str
    vary: str
    unit: str
    modes: Mapping[str, CapacityOfMode]
    objectives: Objectives
    runs: int
    warnings: Sequence[Notice] = ()
    told: str = ""

    @property
    def best(self) -> str:
        """The mode that takes most load."""
        return max(self.modes, key=lambda mode: self.modes[mode].load)

    @property
    def load(self) -> float:
        """Of the best mode."""
        return self.modes[self.best].load

    @property
    def low(self) -> float:
        """Of the best mode."""
        return self.modes[self.best].low

    @property
    def high(self) -> float:
        """Of the best mode."""
        return self.modes[self.best].high

    @property
    def curve(self) -> Table:
        """Mode, load, and every objective's value with its interval, for all loads that were tried."""
        rows = [(mode, tried) for mode, found in self.modes.items() for tried in found.curve]
        columns: dict[str, Any] = {
            "mode": [mode for mode, _ in rows],
            "load": np.array([tried.load for _, tried in rows]),
        }
        for i, objective in enumerate(self.objectives.bounds):
            for suffix, name in (("", "value"), ("_low", "low"), ("_high", "high")):
                columns[f"{objective.figure}{suffix}"] = np.array(
                    [getattr(tried.judged[i], name) if tried.judged else math.nan for _, tried in rows]
                )
        columns["meets"] = [{True: "yes", False: "no", None: "unclear"}[tried.meets] for _, tried in rows]
        return Table("capacity", columns)

    def plot(
        self,
        figure: str | None = None,
        *,
        ax: Axes | None = None,
        save: str | os.PathLike[str] | None = None,
    ) -> Figure:
        """A figure over the load: a line with its band for each mode, bound and largest load; see `plot.capacity`."""
        names = [objective.figure for objective in self.objectives.bounds]
        limit = self.modes[self.best].limit
        first = limit.objective.figure if limit is not None else names[0]
        name = figure if figure is not None else first
        if name not in names:
            raise ValueError(f"figure: found {name!r}; legal are {', '.join(names)}")
        position = names.index(name)
        curves = {
            mode: [(t.load, t.judged[position]) for t in one.curve if t.judged]
            for mode, one in self.modes.items()
        }
        known = {m: [(x, one) for x, one in c if not math.isnan(one.value)] for m, c in curves.items()}
        factor, unit = axis_scale(name, [one.value for curve in known.values() for _, one in curve])
        lines = [
            Line(
                mode,
                [load for load, _ in curve],
                [factor * one.value for _, one in curve],
                [factor * (one.high - one.low) / 2 for _, one in curve],
                self.modes[mode].load,
            )
            for mode, curve in known.items()
        ]
        asked = self.objectives.bounds[position]
        side = "at most" if asked.at_most else "at least"
        bound = Bound(factor * asked.bound, f"{side} {shown(name, asked.bound)}")
        drawn = line_chart(self.unit, axis_label(name, unit), lines, title=self.headline, bound=bound, ax=ax)
        return finished(drawn, save)

    def _shown(self, load: float) -> str:
        """A load as its unit wants it."""
        if math.isinf(load):
            return "-"
        every = [x for found in self.modes.values() for x in (found.load, found.low, found.high)]
        return number(load, 0 if all(x.is_integer() or math.isinf(x) for x in every) else None)

    def to_dict(self) -> dict[str, Any]:
        """For JSON, as ``gpushare capacity --json`` prints it."""
        return {
            "scenario": self.scenario,
            "vary": self.vary,
            "unit": self.unit,
            "mode": self.best,
            "load": self.load,
            "low": self.low,
            "high": self.high,
            "objectives": self.objectives.to_dict(),
            "modes": {
                mode: {"load": found.load, "low": found.low, "high": found.high, "why": found.why}
                | {"limit": found.limit.objective.figure if found.limit else None}
                for mode, found in self.modes.items()
            },
            "runs": self.runs,
            "warnings": plain(self.warnings),
        }

    def text(self, width: int | None = None, beside: Beside | None = None) -> str:
        """The answer first, then a row for every mode.

        Parameters
        ----------
        width : int, optional
            Columns at most; by default those of the page.
        beside : Beside, optional
            What a command says beside it.
        """
        beside = beside if beside is not None else Beside()
        return joined(
            [
                wrap(self.headline, width),
                text_table(self._fields(), width=width),
                warned(self.warnings, width),
                section("How sure", [*self._sure(), beside.origin], width),
                commands("Next", beside.next, width),
            ]
        )

    @property
    def headline(self) -> str:
        """The answer in a line."""
        best = self.modes[self.best]
        if best.load == 0:
            return f"{self.scenario}: no load meets the objectives: {best.why}."
        where = f", by {self.best}" if len(self.modes) > 1 else f" on {self.best}"
        if math.isinf(best.high):
            most = f"{self._shown(best.load)} {self.unit}{where}"
            return f"{self.scenario}: nothing is missed up to {most}, the most that was tried: it bounds nothing."
        sure = f"surely met to {self._shown(best.low)}, surely missed from {self._shown(best.high)}"
        return f"{self.scenario}: up to {self._shown(best.load)} {self.unit}{where} ({sure})."

    def _fields(self) -> list[Field]:
        found = list(self.modes.values())
        return [
            Field("mode", list(self.modes), "left"),
            Field(f"largest\n{self.unit}", [self._shown(one.load) for one in found]),
            Field("surely\nmet to", [self._shown(one.low) for one in found]),
            Field("surely\nmissed from", [self._shown(one.high) for one in found]),
            Field("what is missed first", [_limit(one) for one in found], "left"),
        ]

    def _sure(self) -> list[str]:
        bounds = [f"{o}{'*' if o.implied else ''}" for o in self.objectives.bounds]
        lost = f"without any one {self.objectives.tolerate}" if self.objectives.tolerate else ""
        asked = ", ".join(filter(None, (*bounds, lost)))
        closing = " * not asked for." if any(o.implied for o in self.objectives.bounds) else ""
        load = [f"load: {self.told}."] if self.told else []
        return [f"{self.runs} runs under the same luck.", *load, f"within: {asked}.{closing}"]

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return brief(self, self.headline)

    def _repr_html_(self) -> str:
        return html_table(
            self._fields(), caption=self.headline, notes=[*told(self.warnings, 10_000), *self._sure()]
        )


def _limit(found: CapacityOfMode) -> str:
    if found.why:
        return found.why
    if found.limit is None:
        return "nothing was"
    return f"{found.limit.objective.figure} {shown(found.limit.objective.figure, found.limit.value)}"
