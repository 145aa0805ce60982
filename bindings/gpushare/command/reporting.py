"""``gpushare report``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import files
from ..frames.render import wrap
from ..frames.sections import joined
from .comparing import add_budget, compared
from .documents import plan_document
from .progress import Progress
from .written import can_write

if TYPE_CHECKING:
    from ..scenario.origin import Origin

__all__ = ["add_report"]


def add_report(
    subparsers: Any,
    add: Callable[..., argparse.ArgumentParser],
    add_scenario: Callable[[argparse.ArgumentParser], None],
    add_uncertainty: Callable[[argparse.ArgumentParser], None],
) -> None:
    """Adds the command: `add_scenario` adds what each takes that simulates, `add_uncertainty` its option."""
    parser = add(
        subparsers,
        "report",
        "write the answer, and all that stands behind it, as one page of HTML to send",
        report,
        "gpushare report voice-heavy -o report.html",
        "gpushare report mine.json --slo llm.ttft_p95=400ms --replications 8 -o report.html",
        "gpushare plan mine.json --out plan.json && gpushare report plan.json -o report.html",
    )
    add_scenario(parser)
    add_uncertainty(parser)
    parser.add_argument(
        "-o", "--out", metavar="FILE.html", required=True, help="an existing file is replaced"
    )
    parser.add_argument("--modes", metavar="A,B,...", help="by default those that the scenario names")
    add_budget(parser)
    parser.add_argument("--keep", metavar="NAME=NUMBER,...", help="as of `gpushare compare`")
    parser.add_argument(
        "--no-sensitivity",
        action="store_true",
        help="leave out what the answer hangs on, which takes more runs",
    )


def report(options: argparse.Namespace) -> None:
    """``gpushare report``."""
    can_write(options.out, (".html", ".htm"))
    plan = plan_document(options.scenario)
    with Progress(options.scenario) as progress:
        verdict, origin = (
            _of_scenario(options, progress) if plan is None else _of_plan(options, plan, progress)
        )
    if options.json:
        told = {"file": options.out, "origin": origin.to_dict(), "verdict": verdict}
        print(files.plain_json(told))
    else:
        print(joined([wrap(verdict), f"wrote {options.out}\n{wrap(origin.line)}"]))


def _of_scenario(options: argparse.Namespace, progress: Progress) -> tuple[str, Origin]:
    table = compared(options, progress)
    progress.text("what the answer hangs on")
    table.report(options.out, sensitivity=not options.no_sensitivity)
    return table.verdict.line, table.origin


def _of_plan(options: argparse.Namespace, plan: dict[str, Any], progress: Progress) -> tuple[str, Origin]:
    from pathlib import Path

    from ..planning.plan_reporting import plan_comparison, write_plan_report
    from ..scenario.origin import origin_of_files

    given = [name for name in ("modes", "slo", "keep", "set", "gpu", "price") if getattr(options, name)]
    if given:
        raise ValueError(
            f"a plan has its objectives and its placement: {', '.join(f'--{name}' for name in given)} "
            f"{'is' if len(given) == 1 else 'are'} for scenarios"
        )
    table = plan_comparison(
        plan,
        Path(options.scenario).parent,
        seed=options.seed,
        replications=options.replications,
        threads=options.threads,
        progress=progress.count,
    )
    progress.text("what the answer hangs on")
    again = {"seed": options.seed, "replications": options.replications if options.replications > 1 else None}
    write_plan_report(
        plan,
        table,
        options.out,
        options.scenario,
        options={name: value for name, value in again.items() if value is not None},
        sensitivity=not options.no_sensitivity,
    )
    read = [options.scenario]
    origin = table.origin.beside(read) if table is not None else origin_of_files(read)
    return str(plan["headline"]), origin
