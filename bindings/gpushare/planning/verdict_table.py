"""What each mode makes of each objective, in one small table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..frames.colours import MARKS
from ..frames.render import Field, decimals, shorten
from ..frames.units import places_of
from ..study import figures
from .choosing import Choice
from .judging import Check, Fared
from .objectives import Judged

__all__ = ["MARKS_MEAN", "alike", "delta_fields"]

_WORDS = {True: "met", False: "MISSED", None: "close?"}
_MARKS = {True: "", False: "x", None: "?"}
#: What the marks beside figures mean.
MARKS_MEAN = {"x": "x: misses its bound", "?": "?: too close to say"}
_LONGEST_CHECK = 20
_MOST_PLACES = 6
_NO_CHANGE, _WHOLE_PERCENT = 0.0005, 0.00995


def delta_fields(verdict: Choice, width: int) -> list[Field]:
    """GPUs, cost, every objective with the change against dedicated GPUs, and what comes of all of them."""
    rows = list(verdict.fared)
    if verdict.alone is not None and verdict.alone not in rows:
        rows.insert(0, verdict.alone)
    fields = [Field("mode", [shorten(row.name, width) for row in rows], "left", _names(verdict, rows))]
    names = list(dict.fromkeys(name for row in rows for name in row.named()))
    if names:
        outcomes = [_WORDS[row.meets] if row.measured is not None else "did not run" for row in rows]
        marks = [MARKS[row.meets] if row.measured is not None else "failing" for row in rows]
        fields.append(Field("all\nmet?", outcomes, "left", marks))
    fields.append(Field("GPUs", [_whole(row.gpus) for row in rows]))
    if any(row.cost > 0 for row in rows):
        fields.append(Field("$ per\nmonth", [_whole(row.cost) for row in rows]))
    return fields + [_objective(name, rows, verdict) for name in names]


def alike(fields: Sequence[Field]) -> list[Field]:
    """Columns of objectives that every mode meets with the same value: it can be said once for all of them."""
    objectives = [field for field in fields if field.title.split("\n")[-1].startswith(("<=", ">="))]
    return [field for field in objectives if len(set(field.cells)) == 1 and not any(field.marks)]


def _names(verdict: Choice, rows: Sequence[Fared]) -> list[str]:
    """Marks of the modes: the one to be run, and those that would do as well."""
    if verdict.meets is False:
        return ["" for _ in rows]
    marks = {verdict.mode: "best"} | dict.fromkeys(verdict.ties, "tie")
    return [marks.get(row.name, "") for row in rows]


def _whole(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:,.0f}"


def _objective(name: str, rows: Sequence[Fared], verdict: Choice) -> Field:
    found = [row.named().get(name) for row in rows]
    checks = [one for one in found if isinstance(one, Check)]
    if checks:
        return _check(name, checks[0].asked, found)
    judged = [one for one in found if isinstance(one, Judged)]
    figure = _suited(judged, verdict.alone)
    bounds = {one.objective.bound for one in judged}
    places = _places(judged, figure, bounds)
    cells = [_cell(one, row, verdict.alone, figure, places) for one, row in zip(found, rows, strict=True)]
    widths = [max(len(cell[i]) for cell in cells) for i in range(3)]
    texts = [
        " ".join(part.rjust(w) for part, w in zip(cell, widths, strict=True) if w).rstrip() for cell in cells
    ]
    room = sum(w + 1 for w in widths if w) - 1
    titles = _titles(judged[0], figure, bounds, places)
    return Field("\n".join(titles), [text.ljust(room) for text in texts], marks=_wrong(found))


def _wrong(found: Sequence[Judged | Check | None]) -> list[str]:
    """Marks of what is not met."""
    return ["" if one is None or one.meets else MARKS[one.meets] for one in found]


def _suited(judged: Sequence[Judged], alone: Fared | None) -> figures.Figure:
    name = judged[0].objective.figure
    values = [value for one in judged for value in (one.value, one.objective.bound)]
    if alone is not None and alone.measured is not None:
        values.append(alone.measured[name])
    return figures.describe(name).suited(max((v for v in values if not math.isnan(v)), default=0.0))


def _places(judged: Sequence[Judged], figure: figures.Figure, bounds: set[float]) -> int:
    """Decimals that the intervals leave, and at least so many that what misses its bound does not look like it."""
    values = [float(figure.shown(one.value)) for one in judged]
    missed = [float(figure.shown(one.value)) for one in judged if one.meets is False]
    halves = [float(figure.shown((one.high - one.low) / 2)) for one in judged]
    places = places_of(halves, decimals(values)) if figure.decimals is None else figure.decimals
    limit = {float(figure.shown(bound)) for bound in bounds}
    while places < _MOST_PLACES and any(
        value not in limit and any(f"{value:.{places}f}" == f"{bound:.{places}f}" for bound in limit)
        for value in missed
    ):
        places += 1
    return places


def _titles(one: Judged, figure: figures.Figure, bounds: set[float], places: int) -> list[str]:
    owner = one.objective.figure.rpartition(".")[0]
    sign = "<=" if one.objective.at_most else ">="
    bound = f"{float(figure.shown(bounds.pop())):,.{places}f}" if len(bounds) == 1 else "by mode"
    star = "*" if one.objective.implied else ""
    title = figure.title.replace("-\n", "").replace("\n", " ")
    return [*([owner] if owner else []), title, f"{sign} {bound}{star}"]


def _cell(
    one: Judged | Check | None, row: Fared, alone: Fared | None, figure: figures.Figure, places: int
) -> tuple[str, str, str]:
    """What it is, the change against dedicated GPUs, and a mark where it does not do."""
    if not isinstance(one, Judged):
        return "-", "", ""
    before = (
        alone.measured[one.objective.figure] if alone is not None and alone.measured is not None else math.nan
    )
    change = one.value / before - 1 if before else math.nan
    told = "" if alone is None or row is alone else _percent(change)
    value = "none" if math.isnan(one.value) else f"{float(figure.shown(one.value)):,.{places}f}"
    return value, told, _MARKS[one.meets]


def _percent(change: float) -> str:
    """Nothing where nothing changes."""
    if math.isnan(change) or abs(change) < _NO_CHANGE:
        return ""
    return f"{100 * change:+.{0 if abs(change) >= _WHOLE_PERCENT else 1}f} %"


def _check(name: str, asked: str, found: Sequence[Judged | Check | None]) -> Field:
    cells = [
        f"{shorten(one.found, _LONGEST_CHECK)} {_MARKS[one.meets]}".rstrip()
        if isinstance(one, Check)
        else "-"
        for one in found
    ]
    title = f"{shorten(name, _LONGEST_CHECK)}\n{shorten(asked, _LONGEST_CHECK)}"
    return Field(title, cells, "left", _wrong(found))
