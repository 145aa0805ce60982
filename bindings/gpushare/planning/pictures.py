"""Pictures of decisions; matplotlib is imported when the first one is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._core import Error
from ..charts.fronts import Bound, Decision, Spot, front_chart
from ..charts.look import new_figure, say_above, short_label
from ..charts.percentiles import draw_small_multiples, size_of
from ..report.content import Box
from ..report.gpus import boxes, draw_fleets, fleets_size
from ..report.plot import latency_panels
from ..study.axes import axis_label, axis_scale
from ..study.comparison import Comparison
from ..study.estimates import scaled
from ..study.figures import shown
from ..study.ranking import is_larger_better, undominated
from .judging import Fared
from .objectives import Objective
from .verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["STATES", "decision_of", "draw_comparison", "draw_decision", "drawn_rows"]

STATES = {True: "met", False: "missed", None: "open"}


def draw_comparison(table: Comparison, verdict: Verdict, latencies: Sequence[str] | None) -> Figure:
    """The decision, GPUs before and after, and below them p50, p95 and p99 of every latency."""
    _check_ran(verdict)
    bounds = {o.figure: o.bound for o in _bounds(verdict) if o.at_most}
    panels = latency_panels(table, latencies, bounds)
    modes = [short_label(mode) for mode in table.summaries]
    sides = _sides(table, verdict)
    below, cards = size_of(modes, panels), fleets_size(sides)
    width, above = max(below[0], cards[0] + 7.0), max(4.2, cards[1])
    figure = new_figure(width, above + below[1] + 0.6)
    halves: Any = figure.subfigures(2, 1, height_ratios=[above, below[1]])
    top, bottom = halves
    left, right = top.subfigures(1, 2, width_ratios=[width - cards[0], cards[0]])
    draw_decision(table, verdict, ax=left.subplots(), title="Cost against what is asked")
    draw_fleets(right, sides)
    draw_small_multiples(bottom, modes, panels, short_label(verdict.mode or ""))
    say_above(figure, f"{table.scenario.name}: {verdict.line}", width)
    return figure


def draw_decision(
    table: Comparison,
    verdict: Verdict,
    y: str | None = None,
    x: str | None = None,
    ax: Axes | None = None,
    title: str = "",
) -> Figure:
    """What modes cost against a figure that is asked for, its bound, intervals, and the modes that nobody beats."""
    drawn = decision_of(table, verdict, y, x)
    return front_chart(replace(drawn, title=title) if title else drawn, ax)


def decision_of(table: Comparison, verdict: Verdict, y: str | None = None, x: str | None = None) -> Decision:
    """What `draw_decision` draws."""
    _check_ran(verdict)
    rows = drawn_rows(verdict)
    upright = y if y is not None else _asked_most(table, verdict)
    across = x if x is not None else _price(rows)
    columns = {name: [_value(row, name) for row in rows] for name in (across, upright)}
    scales = {name: axis_scale(name, values) for name, values in columns.items()}
    chosen = verdict.mode
    spots = []
    for i, row in enumerate(rows):
        at = [scaled(columns[name][i], scales[name][0]) for name in (across, upright)]
        spots.append(Spot(short_label(row.name), at[0], at[1], STATES[row.meets], row.name == chosen))
    better = [is_larger_better(name) for name in (across, upright)]
    best: list[int] = []
    if None not in better:
        best = undominated(
            [[float(v) for v in columns[n]] for n in (across, upright)], [b is True for b in better]
        )
    bound = next((o for o in _bounds(verdict) if o.figure == upright), None)
    line = None
    if bound is not None:
        side, why = "at most" if bound.at_most else "at least", ", to be kept" if bound.implied else ""
        line = Bound(scales[upright][0] * bound.bound, f"{side} {shown(upright, bound.bound)}{why}")
    labels = [axis_label(name, scales[name][1]) for name in (across, upright)]
    title = f"{table.scenario.name}: {verdict.line}"
    return Decision(title, labels[0], labels[1], spots, [spots[i].label for i in best], line)


def _check_ran(verdict: Verdict) -> None:
    if verdict.nothing_ran:
        raise ValueError(f"{verdict.scenario}: nothing ran that could be drawn: {verdict.line}")


def drawn_rows(verdict: Verdict) -> list[Fared]:
    """Modes that ran, dedicated GPUs among them."""
    rows = [one for one in verdict.fared if one.measured is not None]
    if verdict.alone is not None and verdict.alone.name not in [one.name for one in rows]:
        rows.insert(0, verdict.alone)
    return rows


def _value(row: Fared, name: str) -> float:
    """With its interval, where there is one."""
    return row.measured.summary.get(name, math.nan) if row.measured is not None else math.nan


def _bounds(verdict: Verdict) -> list[Objective]:
    """Of all modes, which differ where they are relative to dedicated GPUs; each figure once, tightest first."""
    rows = ([verdict.chosen] if verdict.chosen is not None else []) + list(verdict.fared)
    return list({(o.figure, o.at_most): o for row in reversed(rows) for o in _by_margin(row)}.values())[::-1]


def _by_margin(row: Fared) -> list[Objective]:
    return [one.objective for one in sorted(row.judged, key=lambda one: row.margin_of(one)[0], reverse=True)]


def _asked_most(table: Comparison, verdict: Verdict) -> str:
    """The figure that decides: of the mode nearest to what is asked among those that miss it, or the tightest."""
    missed = [one for row in verdict.fared for one in row.judged if one.meets is False]
    if missed:
        names = [one.objective.figure for one in missed]
        return max(dict.fromkeys(names), key=names.count)
    chosen = verdict.chosen
    if chosen is not None and chosen.worst is not None:
        return chosen.worst.objective.figure
    return f"{table.latencies[0]}_p95_s" if table.latencies else "request_throughput"


def _price(rows: Sequence[Fared]) -> str:
    return "cost_per_month" if any(row.cost > 0 for row in rows) else "gpus_used"


def _sides(table: Comparison, verdict: Verdict) -> list[tuple[str, list[Box]]]:
    """GPUs before, which are dedicated, and after; where these are kept, beside the mode that comes nearest."""
    alone = verdict.alone.name if verdict.alone is not None else None
    others = [one for one in verdict.fared if one.measured is not None and one.name != alone]
    names = [("before", alone), ("after", verdict.mode)]
    if alone == verdict.mode:
        nearest = max(others, key=lambda one: one.margin[0], default=None)
        names = [("as it is", alone), ("nearest", nearest.name if nearest is not None else None)]
    sides = []
    for word, mode in names:
        point = next((p for p in table.points if p.axes["mode"] == mode), None)
        try:
            placed = point.scenario if point is not None else table.scenario.with_mode(mode or "")
        except Error:
            continue
        if placed is not None and mode is not None:
            sides.append((f"{word}: {short_label(mode)}", boxes(placed)))
    return sides
