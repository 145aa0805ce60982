"""``gpushare sensitivity``."""

from __future__ import annotations

import argparse
from typing import Any

from .. import files
from ..charts.look import finished
from ..frames.sections import joined
from .commands import parse_axis
from .pictures import add_plot, check_plot
from .progress import Progress
from .resuming import resumable
from .scenarios import scenario_of
from .shown import beside, columns
from .written import TABLES, can_write, say_written

__all__ = ["add_sensitivity", "sensitivity"]


def add_sensitivity(parser: argparse.ArgumentParser) -> None:
    """What ``gpushare sensitivity`` takes, beside the scenario."""
    parser.add_argument("--of", required=True, metavar="FIGURE", help="what to look at")
    parser.add_argument(
        "--vary",
        action="append",
        required=True,
        metavar="NAME[=LOW,HIGH]",
        help="as an --axis of `gpushare sweep`; a number without values goes down and up by --share; repeatable",
    )
    parser.add_argument("--share", type=float, default=0.2, help="of numbers; by default 0.2")
    add_plot(parser, "the tornado")
    parser.add_argument("-o", "--out", metavar=TABLES, help="write the table")


def sensitivity(options: argparse.Namespace) -> None:
    """``gpushare sensitivity``."""
    from ..frames.table_files import write_table
    from ..scenario.origin import origin_of
    from ..study.sensitivity import sensitivity as found_by

    check_plot(options)
    can_write(options.out)
    with resumable(options), Progress(options.scenario) as progress:
        scenario = scenario_of(options)
        found = found_by(
            scenario,
            dict(_way(text, scenario) for text in options.vary),
            options.of,
            share=options.share,
            seed=options.seed,
            replications=options.replications,
            threads=options.threads,
            progress=progress.count,
            resume=options.resume,
        )
    if options.plot is not None:
        finished(found.plot(), options.plot)
    if options.out is not None:
        write_table(found.table, options.out)
    about = beside(options, scenario)
    if options.json:
        print(files.plain_json(found.to_dict() | {"origin": origin_of(scenario, options.seed).to_dict()}))
    else:
        print(joined([found.text(width=columns()), about.origin]))
        say_written(options.out)


def _way(text: str, scenario: Any) -> tuple[str, tuple[Any, ...] | None]:
    """Reads ``NAME`` or ``NAME=LOW,HIGH``."""
    if "=" not in text:
        return text, None
    name, values = parse_axis(text, scenario, "--vary")
    if len(values) != 2:
        raise ValueError(f"--vary: found {text!r}; write NAME=LOW,HIGH, or NAME alone for a number")
    return name, tuple(values)
