"""How a plan looks as text: the decision first."""

from __future__ import annotations

import math

from ..frames.notices import told
from ..frames.render import Field, text_table, wrap
from ..scenario.placement import placed_fields
from .facts import PlanFacts
from .objectives import Judged, shown

__all__ = ["headline", "plan_text"]

_MONTHS = 12


def plan_text(plan: PlanFacts, width: int = 80) -> str:
    """The whole plan, at most `width` columns wide."""
    parts = [wrap(headline(plan), width)]
    if plan.judged:
        parts.append(text_table(judged_fields(plan.judged), width=width))
    if plan.placement is not None:
        parts.append(text_table(placed_fields(plan.placement.gpus), width=width))
    notes = [*told(plan.warnings, width), *(wrap(line, width, "  ") for line in _notes(plan))]
    parts.append("\n".join(notes))
    return "\n\n".join(part for part in parts if part)


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
        Field("value", [_interval(one) for one in judged]),
        Field("bound", [_bound(one) for one in judged]),
        Field("to spare", [_spare(one) for one in judged]),
        Field("", [words[one.meets] for one in judged], "left"),
    ]


def _interval(one: Judged) -> str:
    return shown(one.objective.figure, one.value, (one.high - one.low) / 2)


def _bound(one: Judged) -> str:
    sign = "<=" if one.objective.at_most else ">="
    return f"{sign} {shown(one.objective.figure, one.objective.bound)}"


def _spare(one: Judged) -> str:
    return "-" if math.isnan(one.excess) else f"{-100 * one.excess:.0f} %"


def _notes(plan: PlanFacts) -> list[str]:
    lines = []
    if any(one.objective.implied for one in plan.judged):
        lines.append(
            "* not asked for: what dedicated GPUs give under the same luck, and what may be lost of it."
        )
    if plan.objectives.tolerate and plan.judged:
        lines.append(
            f"the figures are those that the worst failure of one {plan.objectives.tolerate} leaves."
        )
        if plan.worst_loss is not None:
            lines.append(f"the worst loss: {plan.worst_loss}.")
    if plan.scenario is not None:
        lines.append(_proof(plan))
    lines += [f"not taken: {one.what}: {one.why}" for one in plan.rejected[:5]]
    if plan.nearest is not None:
        lines.append(f"nearest that fails: {plan.nearest.what}: {plan.nearest.why}")
    if plan.runner_up:
        lines.append(f"next best: {plan.runner_up}")
    lines += [_under_load(one.load, one.judged) for one in plan.breaks]
    lines += plan.advice
    return lines


def _proof(plan: PlanFacts) -> str:
    unit = f"${plan.lower_cost:,.0f} a month" if plan.priced else f"{plan.lower_cost:g}"
    bound = f"lower bound: {plan.lower_bound:g} {'GPU' if plan.lower_bound == 1 else 'GPUs'}, {unit}"
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
    return f"{bound} ({how}): {closing}. {plan.searched}."


def _under_load(load: float, judged: Judged | None) -> str:
    more = f"at {100 * (load - 1):+.0f} % load"
    if judged is None:
        return f"{more}: still within all objectives"
    figure = judged.objective.figure
    return f"{more}: {figure} {shown(figure, judged.value)}, against {_bound(judged)}"
