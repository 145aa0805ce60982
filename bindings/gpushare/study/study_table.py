"""What the tables of all studies have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..frames.notices import Notice, merged
from ..frames.render import brief
from ..frames.tables import Table
from .outcomes import Outcome, values
from .points import Point
from .ranking import FigureNames

if TYPE_CHECKING:
    import pandas
    import pyarrow

__all__ = ["StudyTable", "TableLike"]


class TableLike(ABC):
    """What reads like its `table` in pandas and Arrow."""

    @cached_property
    @abstractmethod
    def table(self) -> Table:
        """The rows as columns."""

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas frame with these rows."""
        return self.table.to_pandas()

    def to_arrow(self, *, sql: bool = False) -> pyarrow.Table:
        """An Arrow table with these rows; `sql` as in `Table.to_arrow`."""
        return self.table.to_arrow(sql=sql)

    def _ipython_key_completions_(self) -> list[str]:
        return self.table.columns

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


class StudyTable(TableLike):
    """One row for each case, in order; reads like a `Table` in pandas and Arrow.

    Attributes
    ----------
    points : list of Point
        What was simulated.
    outcomes : list of Outcome
        What became of each.
    """

    def __init__(self, points: Sequence[Point], outcomes: Sequence[Outcome]) -> None:
        self.points = list(points)
        self.outcomes = list(outcomes)

    @abstractmethod
    def _title(self) -> str: ...

    @abstractmethod
    def text(self, *, width: int | None = None, intervals: bool = False) -> str:
        """The table as aligned text, explained below."""

    def __len__(self) -> int:
        return len(self.points)

    def values(self, metric: str) -> list[float]:
        """A figure by the names of `Summary`, one value for each row; NaN where there is none."""
        return values(self.outcomes, metric)

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """What may mislead, one for each fact, with the cases that it is of where it is not of all."""
        return merged({self._label(i): outcome.warnings for i, outcome in enumerate(self.outcomes)})

    @property
    def assumptions(self) -> tuple[Notice, ...]:
        """What figures hang on and the scenarios do not say, likewise."""
        return self._assumed(range(len(self)))

    def _assumed(self, rows: Iterable[int]) -> tuple[Notice, ...]:
        scenarios = {self._label(i): self.points[i].scenario for i in rows}
        return merged({label: one.assumptions for label, one in scenarios.items() if one is not None})

    def _label(self, row: int) -> str:
        return ", ".join(str(value) for value in self.points[row].axes.values()) or f"point {row}"

    @cached_property
    def figure_names(self) -> FigureNames:
        """Names of the figures that rows have."""
        return FigureNames((name for outcome in self.outcomes for name in outcome.figures), self.points)

    def resolve(self, figure: str) -> str:
        """The canonical name that a short one means: ``ttft_p95`` where that is clear.

        Raises
        ------
        FigureError
            For a name that is unknown, with the nearest, or ambiguous, with the choices.
        """
        return self.figure_names.resolve(figure)

    def _told(self) -> dict[str, Any]:
        """The last columns: what went wrong, what limits a case, why it is impossible, and what may mislead."""
        return {
            "error": [outcome.error for outcome in self.outcomes],
            "limiting_resource": [outcome.limiting_resource for outcome in self.outcomes],
            "refused": [outcome.refused for outcome in self.outcomes],
            "warnings": ["; ".join(str(one) for one in outcome.warnings) for outcome in self.outcomes],
        }

    def __str__(self) -> str:
        return f"{self._title()}\n{self.text()}"

    def __repr__(self) -> str:
        return brief(self, self._title())
