"""A verdict in a line: share or not, which mode, GPUs and money, and what users lose."""

from __future__ import annotations

from collections.abc import Sequence

from .choosing import Choice
from .judging import Fared
from .objectives import Judged, shown
from .plan_text import judged_fields

__all__ = ["best_point", "cells", "headline", "obstacle"]

_MONTHS = 12
#: Changes below it are none.
_NO_CHANGE = 0.005


def headline(verdict: Choice) -> str:
    """Share or not, which mode, GPUs and money, and what users lose."""
    chosen = verdict.chosen
    if chosen is None:
        return f"Nothing ran. {_reasons(verdict.fared)}"
    if chosen.idle:
        return "Nothing says how to share: no request comes within the run."
    if chosen.meets is False:
        return _none_meets(verdict, chosen)
    if chosen.meets is None:
        return _too_close(verdict, chosen)
    if chosen is verdict.alone:
        return _keep_dedicated(verdict, chosen)
    what = f"Share, by {chosen.name}" if chosen.shares else f"Do not share; run {chosen.name}"
    parts = [f"{what}: {_gpus(verdict, chosen)}{_money(verdict, chosen)}.", _felt(verdict, chosen)]
    return " ".join(part for part in [*parts, _tightest(chosen), _tie(verdict)] if part)


def _keep_dedicated(verdict: Choice, alone: Fared) -> str:
    keep = f"keep {_count(alone.gpus, 'dedicated GPU')}{_money(verdict, alone)}."
    shared = [one for one in verdict.fared if one is not alone]
    running = [one for one in shared if one.measured is not None]
    cheaper = [one for one in running if one.cost < alone.cost] or [one for one in running if one.freed > 0]
    if not shared:
        why = "No other mode was compared."
    elif not running:
        why = f"No other mode can run: {_reasons(shared)}."
    elif not cheaper:
        why = "No other mode frees a GPU."
    else:
        nearest = max(cheaper, key=lambda one: (one.meets is None, one.margin[0]))
        gain = f"would free {nearest.freed:.0f}{_saving(verdict, nearest)}"
        why = f"The nearest, {nearest.name}, {gain}, but {obstacle(nearest)}."
    return " ".join(part for part in [f"Do not share: {keep}", why, _tie(verdict)] if part)


def _reasons(modes: Sequence[Fared]) -> str:
    """Why modes did not run, each reason once."""
    found: dict[str, list[str]] = {}
    for one in modes:
        found.setdefault(one.why_not, []).append(one.name)
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in found.items())


def _too_close(verdict: Choice, chosen: Fared) -> str:
    return f"Too close to say. {_named(verdict, chosen)} comes nearest, but {obstacle(chosen)}.{_instead(verdict)}"


def _none_meets(verdict: Choice, chosen: Fared) -> str:
    only = len(verdict.fared) == 1
    start = f"{chosen.name} does not do" if only else "No mode does"
    nearest = _named(verdict, chosen) if not only else _gpus(verdict, chosen) + _money(verdict, chosen)
    told = f"{start}: {nearest}," if only else f"{start}. The nearest, {nearest},"
    return f"{told} {obstacle(chosen)}.{_instead(verdict)}"


def _instead(verdict: Choice) -> str:
    """Dedicated GPUs, when they were not among the modes and do."""
    alone = verdict.alone
    if alone is None or alone in verdict.fared or alone.meets is not True:
        return ""
    does = "does" if alone.gpus == 1 else "do"
    return f" {_count(alone.gpus, 'dedicated GPU')}{_money(verdict, alone)}, {does}."


def _named(verdict: Choice, one: Fared) -> str:
    return f"{one.name} ({_gpus(verdict, one)}{_money(verdict, one)})"


def _count(number: float, what: str) -> str:
    return f"{number:.0f} {what}{'' if number == 1 else 's'}"


def _gpus(verdict: Choice, one: Fared) -> str:
    used, alone = _count(one.gpus, "GPU"), verdict.alone
    others = alone if alone is not one else None
    # A mode may have other services than the dedicated one, and so another count of its own to begin with.
    freed = max(one.freed, others.gpus - one.gpus if others is not None else 0.0)
    if freed > 0:
        return f"{used} instead of {one.gpus + freed:.0f}, {freed:.0f} freed"
    if others is None:
        return used
    more = one.gpus - others.gpus
    return f"{used}, as many as dedicated" if more == 0 else f"{used}, {more:.0f} more than dedicated"


def _money(verdict: Choice, one: Fared) -> str:
    if not one.cost > 0:
        return ""
    saved = verdict.alone.cost - one.cost if verdict.alone is not None else 0.0
    less = f", ${saved:,.0f} less (${_MONTHS * saved:,.0f} a year)" if saved > 0.5 else ""
    return f", ${one.cost:,.0f} a month{less}"


def _saving(verdict: Choice, one: Fared) -> str:
    saved = verdict.alone.cost - one.cost if verdict.alone is not None else 0.0
    return f" (${saved:,.0f} a month)" if saved > 0.5 else ""


def obstacle(one: Fared) -> str:
    """What is missed, or open."""
    missed = [check for check in one.checks if check.meets is False]
    if missed:
        return f"misses {missed[0].name}: {missed[0].found}, {missed[0].asked} is asked"
    wanted = one.meets if one.meets is None else False
    failing = [judged for judged in one.judged if judged.meets is wanted]
    if not failing:
        open_ = next((check for check in one.checks if check.meets is None), None)
        return f"{open_.name} is open: {open_.found}" if open_ else "nothing is missed"
    worst = min(failing, key=lambda judged: one.margin_of(judged)[0])
    if wanted is None:
        return f"whether it keeps {worst.objective.figure} is open after {one.runs} runs: {_against(worst)}"
    return f"misses {worst.objective.figure}: {_against(worst)}"


def _against(one: Judged) -> str:
    side = "at most" if one.objective.at_most else "at least"
    asked = "is to be kept" if one.objective.implied else "is asked"
    found = cells(one)
    return f"{found['value']}, {side} {found['bound'].split(' ', 1)[1]} {asked}"


def _felt(verdict: Choice, one: Fared) -> str:
    """What users lose or win against dedicated GPUs, of several pipelines in the one that changes most."""
    alone, measured = verdict.alone, one.measured
    if alone is None or alone is one or alone.measured is None or measured is None:
        return ""
    parts = []
    change, name = one.longer
    if name:
        who = f"Users of {name.rsplit('.', 1)[0]}" if "." in name else "Users"
        times = f"{shown(name, measured[name])} instead of {shown(name, alone.measured[name])}"
        parts.append(f"{who} wait {_longer(change)} at p95 ({times} end to end)")
    rate, name = one.served
    if name:
        whose = f"requests of {name.rsplit('.', 1)[0]}" if "." in name else "requests a second"
        share = f" that dedicated GPUs serve ({100 * verdict.keeps_up:.0f} % of all)"
        of_all = share if verdict.alone_lags else ""
        parts.append(f"{100 * rate:.1f} % of the {whose}{of_all} are served")
    lost = alone.measured["success_rate"] - measured["success_rate"]
    if lost > _NO_CHANGE / 10:
        parts.append(f"{100 * lost:.2g} % more of them fail")
    return f"{', '.join(parts[:-1])}{' and ' if len(parts) > 1 else ''}{parts[-1]}." if parts else ""


def _longer(change: float) -> str:
    if abs(change) < _NO_CHANGE:
        return "as long"
    return f"{100 * abs(change):.0f} % {'longer' if change > 0 else 'less'}"


def _tightest(one: Fared) -> str:
    """Of what was asked for, the bound with least to spare."""
    asked = [judged for judged in one.judged if not judged.objective.implied]
    if not asked:
        return ""
    worst = min(asked, key=lambda judged: one.margin_of(judged)[0])
    return f"Tightest: {worst.objective.figure}, {_against(worst)}."


def _tie(verdict: Choice) -> str:
    if not verdict.tied:
        return ""
    does = "costs as much and has" if len(verdict.tied) == 1 else "cost as much and have"
    return f"A tie: {' and '.join(verdict.ties)} {does} as much to spare."


def best_point(fared: Sequence[Fared], in_order: bool) -> str:
    """The best point of a sweep that meets the objectives; the first of them where they are in order."""
    met = [one for one in fared if one.meets is True]
    close = sum(one.meets is None for one in fared)
    more = f", of {close} it is too close to say" if close else ""
    ran = [one for one in fared if one.measured is not None]
    if not ran:
        return "Nothing ran."
    if met:
        best = met[0] if in_order else min(met, key=lambda one: (one.cost, one.gpus, -one.margin[0]))
        which = "The first in this order" if in_order else "The cheapest"
        cost = f", ${best.cost:,.0f} a month" if best.cost > 0 else ""
        told = f"{which}: {best.name} ({_count(best.gpus, 'GPU')}{cost}). {_tightest(best)}"
        points = "point" if len(fared) == 1 else "points"
        meet = "meets" if len(met) == 1 else "meet"
        return f"{len(met)} of {len(fared)} {points} {meet} the objectives{more}. {told}".rstrip()
    open_ = [one for one in ran if one.meets is None]
    nearest = max(open_ or ran, key=lambda one: one.margin[0])
    clearly = " clearly" if open_ else ""
    return f"No point{clearly} meets the objectives{more}. The nearest, {nearest.name}: {obstacle(nearest)}."


def cells(one: Judged) -> dict[str, str]:
    """How a bound and what became of it look, by the titles of their columns."""
    return {field.title: field.cells[0] for field in judged_fields([one])}
