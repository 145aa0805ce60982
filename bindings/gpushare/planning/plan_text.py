"""How a plan looks as text: the decision first."""

from __future__ import annotations

import math

from ..frames.colours import MARKS, paint
from ..frames.notices import told
from ..frames.render import Field, html_table, text_table, wrap
from ..frames.sections import Beside, assumed_line, commands, joined, section, warned
from ..scenario.placement import placed_fields
from .facts import PlanFacts
from .objectives import Judged, shown

__all__ = ["headline", "plan_html", "plan_text"]

_MONTHS = 12
_MOST_REJECTED = 5


def plan_text(plan: PlanFacts, width: int | None = None, beside: Beside | None = None) -> str:
    """The whole plan, at most `width` columns wide."""
    beside = beside if beside is not None else Beside()
    assumed = plan.scenario.assumptions if plan.scenario is not None else ()
    sure = [*_sure(plan), assumed_line(assumed, beside), beside.origin]
    return joined(
        [
            paint(wrap(headline(plan), width), MARKS[plan.meets]),
            text_table(judged_fields(plan.judged), width=width) if plan.judged else "",
            text_table(placed_fields(plan.placement.gpus), width=width) if plan.placement is not None else "",
            warned(plan.warnings, width),
            section("Why", _why(plan, beside.details), width),
            section("How sure", sure, width),
            commands("Next", beside.next, width),
            "\n".join(told(assumed, width, "assumed")) if beside.details else "",
        ]
    )


def plan_html(plan: PlanFacts) -> str:
    """The same for a notebook: the decision, every objective, where everything runs, why, and how sure that is."""
    notes = [*told(plan.warnings, 10_000), *_why(plan, False), *_sure(plan)]
    if plan.placement is None:
        return html_table(judged_fields(plan.judged), caption=headline(plan), notes=notes)
    first = html_table(judged_fields(plan.judged), caption=headline(plan))
    return first + html_table(placed_fields(plan.placement.gpus), notes=notes)


def headline(plan: PlanFacts) -> str:
    """What to do, in a line or two."""
    if plan.scenario is None:
        return f"No placement: {plan.why}."
    used = " and ".join(f"{count} {kind}" for kind, count in plan.gpus_by_kind.items())
    money = _money(plan)
    met = {
        True: "All objectives are met",
        False: "Not all objectives are met",
        None: f"Too close to say whether all objectives are met ({plan.runs} runs)",
    }[plan.meets]
    do = "does" if plan.gpus == 1 else "do"
    if plan.freed > 0:
        first = f"Share: {used} {do} for {plan.dedicated_gpus} dedicated GPUs"
    else:
        first = f"Do not share: {used}, a GPU for each server, {do} it"
    return f"{first}{money}. {met}."


def _money(plan: PlanFacts) -> str:
    if not plan.priced:
        return ""
    saved = plan.dedicated_cost - plan.cost_per_month
    change = ""
    if saved > 0.5:
        change = f", ${saved:,.0f} less (${_MONTHS * saved:,.0f} a year)"
    return f", ${plan.cost_per_month:,.0f} a month{change}"


def judged_fields(judged: list[Judged]) -> list[Field]:
    """A row for every objective."""
    words = {True: "met", False: "MISSED", None: "too close"}
    return [
        Field(
            "objective",
            [one.objective.figure + ("*" if one.objective.implied else "") for one in judged],
            "left",
        ),
        Field("", [words[one.meets] for one in judged], "left", [MARKS[one.meets] for one in judged]),
        Field("value", [_interval(one) for one in judged]),
        Field("bound", [_bound(one) for one in judged]),
        Field("to spare", [_spare(one) for one in judged]),
    ]


def _interval(one: Judged) -> str:
    return shown(one.objective.figure, one.value, (one.high - one.low) / 2)


def _bound(one: Judged) -> str:
    sign = "<=" if one.objective.at_most else ">="
    return f"{sign} {shown(one.objective.figure, one.objective.bound)}"


def _spare(one: Judged) -> str:
    return "-" if math.isnan(one.excess) else f"{-100 * one.excess:.0f} %"


def _why(plan: PlanFacts, details: bool) -> list[str]:
    """Why not less, and what else there would be."""
    lines = [_proof(plan)] if plan.scenario is not None else []
    rejected = plan.rejected[:_MOST_REJECTED] if details or plan.nearest is None else []
    lines += [f"not taken: {one.what}: {one.why}" for one in rejected]
    if plan.nearest is not None:
        lines.append(f"nearest that fails: {plan.nearest.what}: {plan.nearest.why}")
    if plan.runner_up:
        lines.append(f"next best: {plan.runner_up}")
    return [*lines, *plan.advice]


def _sure(plan: PlanFacts) -> list[str]:
    """From how many runs, what is relative to what, and what more load does."""
    lines = [f"{plan.searched}."] if plan.scenario is not None else []
    by_outcome: dict[str, list[str]] = {}
    for one in plan.breaks:
        by_outcome.setdefault(_under_load(one.judged), []).append(f"{100 * (one.load - 1):+.0f} %")
    lines += [f"at {', '.join(loads)} load: {told}" for told, loads in by_outcome.items()]
    if plan.objectives.tolerate and plan.judged:
        lines.append(f"each figure is the worst that any failure of one {plan.objectives.tolerate} leaves.")
        if plan.worst_loss is not None:
            lines.append(f"the worst loss: {plan.worst_loss}.")
    if any(one.objective.implied for one in plan.judged):
        lines.append(
            "* not asked for: what dedicated GPUs give under the same luck, and what may be lost of it."
        )
    return lines


def _proof(plan: PlanFacts) -> str:
    unit = f", ${plan.lower_cost:,.0f} a month" if plan.priced else ""
    bound = f"lower bound: {plan.lower_bound:g} {'GPU' if plan.lower_bound == 1 else 'GPUs'}{unit}"
    alone = f"${plan.resting_cost:,.0f}" if plan.priced else f"{plan.resting_cost:g}"
    how = (
        "memory and isolation alone ask for it"
        if plan.resting_cost >= plan.lower_cost - 1e-9
        else f"memory and isolation alone ask for {alone}, simulation for the rest"
    )
    gap = plan.cost_per_month - plan.lower_cost
    closing = (
        "nothing cheaper can meet the objectives" if gap <= 1e-9 else f"{100 * plan.gap:.0f} % below the plan"
    )
    return f"{bound} ({how}): {closing}."


def _under_load(judged: Judged | None) -> str:
    if judged is None:
        return "still within all objectives"
    figure = judged.objective.figure
    return f"{figure} {shown(figure, judged.value)}, against {_bound(judged)}"
