"""``gpushare plan --tables``: a plan of a user's own measurements."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import files
from .scenarios import scenario_of
from .shown import columns
from .written import can_write, say_written

if TYPE_CHECKING:
    from ..planning.table_answer import TablePlan
    from ..scenario.scenario import Scenario

__all__ = ["add_measured", "check_measured", "plan_of_tables"]


def add_measured(parser: argparse.ArgumentParser) -> None:
    """The options of tables."""
    parser.add_argument(
        "--tables",
        metavar="FILE.csv",
        help="plan from measurements instead of simulation: columns service, instance, batch, processes, "
        "throughput_per_s (of a process) and latency_s (of a step)",
    )
    parser.add_argument(
        "--rates",
        metavar="SERVICE=RATE,...",
        default="",
        help="with --tables and without a SCENARIO: requests a second of each service",
    )
    parser.add_argument(
        "--admission",
        metavar="SHARE|queues",
        help="with --tables: rows count whose latency is below this share of the bound (by default 0.45), or what "
        "they serve within it when requests queue",
    )


def check_measured(options: argparse.Namespace) -> None:
    """Raises ValueError for what does not go together."""
    for option in ("rates", "admission"):
        if getattr(options, option) and options.tables is None:
            raise ValueError(f"--{option} is for --tables")
    if options.tables is None:
        return
    if bool(options.rates) == (options.scenario is not None):
        raise ValueError("--tables: give either a SCENARIO or --rates SERVICE=RATE,...")
    for option in ("modes", "allow", "from_cluster"):
        if getattr(options, option):
            raise ValueError(f"--{option.replace('_', '-')} says nothing of --tables; leave one of them out")


def plan_of_tables(
    options: argparse.Namespace, how: Mapping[str, Any], rates: Mapping[str, float]
) -> TablePlan:
    """Plans, prints and writes.

    Parameters
    ----------
    options : Namespace
        Of ``gpushare plan``.
    how : mapping
        Bounds, GPUs and prices, as `planning.plan` takes them.
    rates : mapping of str to float
        Of ``--rates``; empty where there is a scenario.
    """
    from ..planning.plan import plan

    can_write(options.out, (".json",))
    workload: Scenario | Mapping[str, float] = rates or scenario_of(options)
    found: TablePlan = plan(workload, tables=options.tables, **how)
    told = found.to_dict()
    if options.out is not None:
        files.write_json(told, options.out)
    if options.json:
        print(files.plain_json(told))
    else:
        print(found.text(columns()))
        say_written(options.out)
    return found
