"""``gpushare sweep``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .. import files
from .._core import FigureError
from ..frames.render import wrap
from ..frames.sections import commands, joined
from .commands import parse_axis, split_values
from .comparing import NOTHING_RAN, add_budget
from .deciding import MET, exit_code
from .pictures import add_plot, check_plot, plot_sweep
from .progress import Progress
from .resuming import resumable
from .scenarios import scenario_of
from .shown import again, beside, columns
from .written import TABLES, can_write

if TYPE_CHECKING:
    from ..scenario.scenario import Scenario
    from ..study.points import Point

__all__ = ["add_sweep", "sweep"]

_SMALLEST = "-"


def add_sweep(parser: argparse.ArgumentParser) -> None:
    """What ``gpushare sweep`` takes, beside the scenario."""
    parser.add_argument(
        "--axis",
        action="append",
        required=True,
        metavar="NAME=VALUE,...",
        help="users, rate_per_s, seed, mode, layout (`all`: the maximal ones), or a path; repeatable",
    )
    add_budget(parser)
    rows = parser.add_mutually_exclusive_group()
    rows.add_argument(
        "--minimize", metavar="FIGURE", help="show this figure first, and rows by it: least first"
    )
    rows.add_argument("--maximize", metavar="FIGURE", help="the same, most first")
    rows.add_argument(
        "--pareto", metavar="FIGURE,...", help="only points that no other beats in all of these figures"
    )
    rows.add_argument("--best", metavar="[-]FIGURE", help="as --maximize; with a - as --minimize")
    parser.add_argument("-o", "--out", metavar=TABLES, help="write the whole table")
    add_plot(
        parser, "the figure of --minimize, --maximize, --best or --slo: over one axis lines, over two a map"
    )


def sweep(options: argparse.Namespace) -> int:
    """``gpushare sweep``."""
    from ..frames.table_files import write_table
    from ..planning.deciding_sweeps import sweep as sweep_points
    from ..planning.rounds import MOST
    from ..study.points import grid

    can_write(options.out)
    check_plot(options)
    with resumable(options), Progress(options.scenario) as progress:
        scenario = scenario_of(options)
        axes = _axes(options.axis, scenario)
        if options.seed is not None:
            axes.setdefault("seed", [options.seed])
        table = sweep_points(
            grid(scenario, **axes),
            slo=options.slo,
            replications=options.replications,
            most_replications=MOST if options.most_replications is None else options.most_replications,
            uncertainty=options.uncertainty,
            threads=options.threads,
            most_requests=options.most_requests,
            progress=progress.count,
            resume=options.resume,
        )
    if options.out is not None:
        write_table(table.table, options.out)
    shown, order, asked = _asked_for(table, options)
    if options.plot is not None:
        plot_sweep(table, list(axes), _drawn(table, asked), options.plot)
    about = beside(options, scenario, (again(options, "--out", "points.csv"), "every figure of every point"))
    if options.json:
        found = shown.to_dict()
        rows = [{name: values[i] for name, values in found.items()} for i in order]
        origins = [_origin(shown.points[i], scenario) for i in order]
        print(files.plain_json([row | {"origin": one} for row, one in zip(rows, origins, strict=True)]))
    else:
        line = wrap(shown.best_line(order if asked or options.pareto else None), columns())
        title = wrap(shown._title(), columns())
        text = shown.text(order, first=asked, width=columns())
        next_ = commands("Next", about.next, columns()) if options.out is None else ""
        print(joined([line, f"{title}\n{text}\n{wrap(about.origin, columns(), '  ')}", next_]))
    return _code(table)


def _axes(texts: list[str], scenario: Scenario) -> dict[str, list[Any]]:
    axes: dict[str, list[Any]] = {}
    for text in texts:
        name, values = parse_axis(text, scenario)
        if name in axes:
            both = ",".join(str(value) for value in [*axes[name], *values])
            raise ValueError(f"--axis: {name} is there twice; write --axis {name}={both}")
        axes[name] = values
    return axes


def _origin(point: Point, scenario: Scenario) -> dict[str, Any]:
    """Of a point; of one that is impossible that of the scenario that it was to be made of."""
    from ..scenario.origin import origin_of

    return origin_of(point.scenario if point.scenario is not None else scenario, point.seed).to_dict()


def _drawn(table: Any, asked: list[str]) -> str:
    """The figure of a picture: what is asked for, else that of the first objective."""
    bounds = [judged.objective.figure for one in table.fared or [] for judged in one.judged]
    return next(iter([*asked, *bounds]), "request_throughput")


def _code(table: Any) -> int:
    """Whether any point meets the objectives."""
    if not any(outcome.ran for outcome in table.outcomes):
        return NOTHING_RAN
    if table.meets is None or True in table.meets:
        return MET
    return exit_code(None if None in table.meets else False)


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
