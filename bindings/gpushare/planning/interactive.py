"""Decisions and sweeps to point at: every point says its axes, its figures and what it makes of each objective."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ..charts.fronts import Decision, Spot
from ..charts.interactive import front_page
from ..study.axes import axis_label, axis_scale
from ..study.estimates import scaled
from ..study.figures import shown
from .deciding import Comparison
from .deciding_sweeps import SweepTable
from .judging import Fared
from .objectives import Judged
from .pictures import STATES, decision_of, drawn_rows

__all__ = ["interactive"]

_WORDS = {True: "met", False: "MISSED", None: "too close to say"}


def interactive(
    table: Comparison | SweepTable, x: str, y: str, save: str | os.PathLike[str] | None = None
) -> Any:
    """As `gpushare.plot.interactive`."""
    if isinstance(table, Comparison):
        named = [table.resolve(one) if one else None for one in (x, y)]
        drawn = decision_of(table, table.verdict, named[1], named[0])
        rows = drawn_rows(table.verdict)
        told = [[one.name, *_figures(_measured(one), (), one)] for one in rows]
        return front_page(drawn, told, save)
    across, upright = (table.resolve(one) for one in (x or "cost_per_month", y or "e2e_latency_p95_s"))
    return front_page(*_swept(table, across, upright), save)


def _swept(table: SweepTable, across: str, upright: str) -> tuple[Decision, list[list[str]]]:
    ran = [i for i, outcome in enumerate(table.outcomes) if outcome.ran]
    if not ran:
        raise ValueError("no point of the sweep ran that could be drawn")
    scales = {name: axis_scale(name, table.values(name)) for name in (across, upright)}
    fared = table.fared if table.fared is not None else [None] * len(table)
    labels = {i: ", ".join(f"{axis} {value}" for axis, value in table.points[i].axes.items()) for i in ran}
    spots, told = [], []
    for i in ran:
        figures, one = table.outcomes[i].figures, fared[i]
        at = [scaled(figures[name], scales[name][0]) for name in (across, upright)]
        spots.append(Spot(labels[i], at[0], at[1], STATES[one.meets] if one is not None else ""))
        told.append([labels[i], *_figures(figures, (across, upright), one)])
    best = [labels[table.points.index(point)] for point in table.pareto(across, upright).points]
    axes = [axis_label(name, scales[name][1]) for name in (across, upright)]
    title = table.line or f"{len(ran)} points, {len(best)} of which none beats in both"
    return Decision(title, axes[0], axes[1], spots, best), told


def _measured(one: Fared) -> Mapping[str, float]:
    return one.measured.summary if one.measured is not None else {}


def _figures(figures: Mapping[str, float], names: Sequence[str], one: Fared | None) -> list[str]:
    """Lines of a point: figures, then every objective."""
    lines = [f"{name}: {_said(name, figures[name])}" for name in names]
    for judged in one.named().values() if one is not None else ():
        if isinstance(judged, Judged):
            figure = judged.objective.figure
            value = shown(figure, judged.value, (judged.high - judged.low) / 2)
            lines.append(f"{figure}: {value}, {_WORDS[judged.meets]}")
        else:
            lines.append(f"{judged.name}: {judged.found}, {_WORDS[judged.meets]}")
    return lines


def _said(name: str, value: float) -> str:
    return shown(name, float(value), float(getattr(value, "half_width", 0.0)))
