"""The report of a plan: its placement beside dedicated GPUs, and why nothing cheaper does."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from .._core import ScenarioError
from .._errors import fail
from .._version import installed_version
from ..report.content import Cell, Content, Page, Section, Sheet
from ..report.page import write_page
from ..scenario.scenario import Scenario
from .deciding import Comparison, compare
from .objectives import shown
from .reporting import Told, command_of, report_page
from .verdict import Verdict

__all__ = ["plan_comparison", "write_plan_report"]

_MODE = "plan"
_STATES = {True: "met", False: "missed", None: "open"}


def plan_comparison(
    plan: Mapping[str, Any],
    folder: str | os.PathLike[str] = "",
    *,
    seed: int | None = None,
    replications: int = 1,
    threads: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Comparison | None:
    """A plan's placement simulated beside dedicated GPUs; None where there is no placement.

    Parameters
    ----------
    plan : mapping
        As `Plan.to_dict` has it.
    folder : str or path
        Where relative paths in its document start.
    seed, replications, threads, progress : optional
        As in `compare`; no fewer runs than the plan had.

    Raises
    ------
    ScenarioError
        When the document of the plan was changed, so that it can no longer be read.
    """
    document = plan["scenario"]
    if document is None:
        return None
    placed = {key: value for key, value in document.get("placement", {}).items() if key in _PLACED}
    if not placed:
        raise fail(ScenarioError, "plan", "its scenario says no GPUs; write it anew with gpushare plan --out")
    placement = {"placement": placed}
    scenario = Scenario.from_dict({**document, "modes": {"dedicated": {}, _MODE: placement}}, folder=folder)
    table = compare(
        scenario,
        ["dedicated", _MODE],
        seed=seed,
        replications=max(replications, int(plan["replications"])),
        record_requests=False,
        threads=threads,
        progress=progress,
    )
    table.verdict = _of_plan(table.verdict)
    return table


def _of_plan(verdict: Verdict) -> Verdict:
    """The same with the plan as the answer, whether or not it is the better one in these runs."""
    return replace(verdict, chosen=verdict.by_mode(_MODE), tied=())


#: Members of a document's placement that say where things run.
_PLACED = ("gpus", "nodes")


def write_plan_report(
    plan: Mapping[str, Any],
    table: Comparison | None,
    path: str | os.PathLike[str],
    name: str,
    *,
    options: Mapping[str, Any] | None = None,
    sensitivity: bool = True,
) -> None:
    """Writes it as one page of HTML; `name` and `options` are those of the command that makes it again."""
    if table is None:
        page = _without_placement(plan, name)
    else:
        told = Told(
            command_of(name, {**(options or {}), **({} if sensitivity else {"no-sensitivity": True})}),
            [name],
            str(plan["headline"]),
            _STATES[plan["meets"]],
            [_why(plan)],
        )
        page = report_page(table, table.verdict, told, partial(_again, table) if sensitivity else None)
    write_page(page, path)


def _again(table: Comparison, scenario: Scenario) -> Verdict:
    return _of_plan(table.ask_again(scenario))


def _without_placement(plan: Mapping[str, Any], name: str) -> Page:
    foot = (
        f"Written by gpushare {installed_version()} from a search by simulation; nothing was measured for it."
    )
    return Page(name, str(plan["headline"]), _STATES[plan["meets"]], (), [_why(plan)], foot)


def _why(plan: Mapping[str, Any]) -> Section:
    """The bound, what was not taken, and what comes first under more load."""
    bound = plan["lower_bound"]
    parts: list[Content] = []
    if plan["scenario"] is not None:
        cost = f", ${bound['cost_per_month']:,.0f} a month" if plan["priced"] else ""
        parts.append(
            f"No placement of the kinds that were searched does with less than {bound['gpus']:g} GPUs{cost}."
        )
    rejected = [[one["what"], one["why"]] for one in plan["rejected"]]
    if plan["nearest"] is not None:
        rejected.append([f"the nearest that fails: {plan['nearest']['what']}", plan["nearest"]["why"]])
    if rejected:
        parts.append(Sheet("Not taken", ["what", "why"], rejected))
    if plan["breaks"]:
        loads: list[list[Cell | str]] = [
            [f"{100 * (one['load'] - 1):+.0f} %", _broken(one)] for one in plan["breaks"]
        ]
        parts.append(Sheet("Under more load", ["load", "first objective that is missed"], loads))
    if plan["runner_up"]:
        parts.append(f"The next best: {plan['runner_up']}.")
    parts += [str(one) for one in plan["advice"]]
    finished = "The search came to its end" if plan["finished"] else "The search was not finished"
    parts.append(f"{finished}: {plan['runs']} runs.")
    return Section("why", "Why nothing cheaper", parts)


def _broken(one: Mapping[str, Any]) -> Cell:
    figure = one["objective"]
    if figure is None:
        return Cell("none: all are still met", state="met")
    return Cell(
        f"{figure}: {shown(figure, one['value'])}, against {shown(figure, one['bound'])}", state="missed"
    )
