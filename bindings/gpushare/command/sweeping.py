"""``gpushare sweep``."""

from __future__ import annotations

import argparse
from typing import Any

from .. import files
from .._core import FigureError
from ..frames.table_files import write_csv
from .commands import parse_axis, split_values
from .progress import Progress
from .resuming import resumable

__all__ = ["sweep"]

_SMALLEST = "-"


def sweep(options: argparse.Namespace) -> None:
    """``gpushare sweep``."""
    from ..scenario.scenario import Scenario
    from ..study.points import grid
    from ..study.sweeps import sweep as sweep_points

    if options.out is not None:
        files.try_to_write(options.out)
    with resumable(options), Progress(options.scenario) as progress:
        scenario = Scenario.load(options.scenario)
        axes = dict(parse_axis(text, scenario) for text in options.axis)
        if options.seed is not None:
            axes.setdefault("seed", [options.seed])
        table = sweep_points(
            grid(scenario, **axes),
            replications=options.replications,
            uncertainty=options.uncertainty,
            threads=options.threads,
            progress=progress.count,
            resume=options.resume,
        )
    if options.out is not None:
        write_csv(table.table, options.out)
    shown, order, asked = _asked_for(table, options)
    if options.json:
        columns = shown.to_dict()
        print(files.plain_json([{name: values[i] for name, values in columns.items()} for i in order]))
    else:
        print(f"{shown._title()}\n{shown.text(order, first=asked)}")


def _asked_for(table: Any, options: argparse.Namespace) -> tuple[Any, list[int], list[str]]:
    """The table or its front, the order of its rows, and the figures to show first."""
    for flag, largest in (("minimize", False), ("maximize", True)):
        named = getattr(options, flag)
        if named is not None:
            return table, _order(table, f"--{flag}", named, largest), _figures(table, [named])
    if options.best is not None:
        largest = not options.best.startswith(_SMALLEST)
        named = options.best.removeprefix(_SMALLEST)
        return table, _order(table, "--best", named, largest), _figures(table, [named])
    if options.pareto is not None:
        try:
            front = table.pareto(*split_values(options.pareto))
        except FigureError as error:
            raise ValueError(f"--pareto: {error}") from None
        return front, list(range(len(front))), []
    return table, list(range(len(table))), []


def _order(table: Any, flag: str, named: str, largest: bool) -> list[int]:
    try:
        order: list[int] = table.order(named, largest=largest)
    except FigureError as error:
        raise ValueError(f"{flag}: {error}") from None
    return order


def _figures(table: Any, names: list[str]) -> list[str]:
    """Of the names those of figures: an axis is a column already."""
    return [name for name in names if name not in table.columns or name in table.figure_names]
