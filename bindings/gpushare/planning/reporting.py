"""The report of a comparison: its verdict, what stands behind it, and how to repeat it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._core import Error
from .._version import installed_version
from ..report.content import Cell, Content, Effect, Fleets, Page, Section, Sheet, Tornado
from ..report.gpus import boxes
from ..scenario.scenario import Scenario
from ..study import comparison, figures
from .hanging import Tried, try_knobs
from .judging import Check, Fared
from .modes_report import STATES, modes_content
from .objectives import shown
from .report_parts import digest_of, files_to_apply, how_far, question, repeat, what_is_assumed
from .verdict import Verdict

__all__ = [
    "Told",
    "changes_content",
    "command_of",
    "facts_of",
    "fleets_content",
    "report_page",
]

#: What changes between before and after, beside the latencies that users feel.
_DELTAS = (
    "gpus_used",
    "cost_per_month",
    "request_throughput",
    "output_token_throughput",
    "success_rate",
    "gpu_busy",
    "vram_used_bytes",
    "energy_per_1000_requests_kwh",
)
#: Of these nothing is said where there is nothing: no language model, no price.
_WHERE_THERE_IS_ANY = ("output_token_throughput", "cost_per_month")


@dataclass(frozen=True)
class Told:
    """What a report says beside a comparison.

    Attributes
    ----------
    command : str
        That makes the report again.
    export : sequence of str
        What `gpushare export FORMAT` takes to write the placement of the chosen mode.
    headline, state : str
        In place of the verdict's, where a plan has its own.
    sections : sequence of Section
        Further ones, after the charts.
    """

    command: str
    export: Sequence[str]
    headline: str = ""
    state: str = ""
    sections: Sequence[Section] = ()


def report_page(
    table: comparison.Comparison, verdict: Verdict, told: Told, again: Callable[[Scenario], Verdict] | None
) -> Page:
    """All of a report.

    Parameters
    ----------
    table : Comparison
        The figures.
    verdict : Verdict
        The answer that they give.
    told : Told
        What is said beside it.
    again : callable, optional
        Asks the same about a changed scenario, in few runs; without it the report does not say what the answer hangs
        on.
    """
    chosen, scenario = verdict.chosen, _placed(table, verdict.mode)
    sections = [Section("question", "The question", [*question(table.scenario), *_asked(verdict)])]
    if chosen is not None and scenario is not None:
        changes = changes_content(table, verdict, chosen)
        sections = [
            Section(
                "changes",
                "What changes",
                [changes] if changes is not None else ["There is nothing to compare."],
            ),
            Section("gpus", "The GPUs before and after", [fleets_content(table, verdict, scenario)]),
            *sections,
        ]
    sections.append(Section("modes", "Every mode that was tried", modes_content(table, verdict)))
    sections += told.sections
    if chosen is not None and scenario is not None:
        if again is not None:
            sections.append(
                Section("hangs", "What the answer hangs on", _hangs(table, verdict, chosen, again))
            )
        sections += [
            Section(
                "believe", "How far to believe it", [*how_far(scenario, chosen.name), _runs(table, verdict)]
            ),
            Section("apply", "Files to apply", files_to_apply(scenario, told.export)),
        ]
    shown_ = scenario if scenario is not None else table.scenario
    assumed = what_is_assumed(shown_, table.assumptions, table.warnings)
    sections.insert(
        -1 if scenario is not None else len(sections), Section("assumed", "What is assumed", assumed)
    )
    figures_ = {mode: dict(summary) for mode, summary in table.summaries.items()}
    facts = [
        ("seed", str(_seed(table))),
        ("replications", str(table.replications)),
        ("figures of all modes, SHA-256", digest_of(figures_)),
    ]
    sections.append(repeat(table.scenario, told.command, installed_version(), facts))
    return Page(
        table.scenario.name,
        told.headline or verdict.line,
        told.state or STATES[verdict.meets],
        facts_of(verdict),
        sections,
        f"Written by gpushare {installed_version()} from a simulation; nothing was measured for it.",
    )


def _seed(table: comparison.Comparison) -> int:
    given = next((point.seed for point in table.points if point.seed is not None), None)
    return table.scenario.seed if given is None else given


def _placed(table: comparison.Comparison, mode: str | None) -> Scenario | None:
    """The scenario as a mode places it."""
    return next((point.scenario for point in table.points if point.axes["mode"] == mode), None)


def facts_of(verdict: Verdict) -> list[tuple[str, str]]:
    """The few figures that stand beside the answer."""
    one, alone = verdict.chosen, verdict.alone
    if one is None or one.measured is None:
        return []
    found = [("mode", one.name), ("GPUs", f"{one.gpus:.0f}" + (f" of {alone.gpus:.0f}" if alone else ""))]
    if one.cost > 0:
        found.append(("a month", f"${one.cost:,.0f}"))
    saved = alone.cost - one.cost if alone is not None else 0.0
    if saved > 0.5:
        found.append(("saved a year", f"${12 * saved:,.0f}"))
    return found


# ---- before and after


def changes_content(table: comparison.Comparison, verdict: Verdict, chosen: Fared) -> Sheet | None:
    """Figures of dedicated GPUs and of the mode chosen, where they differ; otherwise of the next best."""
    alone, other = verdict.alone, chosen
    if alone is None or alone.measured is None:
        return None
    if other is alone or other.name == alone.name:
        others = [one for one in verdict.fared if one.name != alone.name and one.measured is not None]
        if not others:
            return None
        other = max(others, key=lambda one: (one.cost < alone.cost, one.margin[0]))
    assert other.measured is not None
    names = [*_DELTAS, *(f"{name}_p95_s" for name in table.latencies)]
    rows = []
    for name in names:
        before, after = alone.measured[name], other.measured[name]
        if (math.isnan(before) and math.isnan(after)) or (
            name in _WHERE_THERE_IS_ANY and before == after == 0
        ):
            continue
        cells = [
            Cell(shown(name, value), name, mode, value)
            for mode, value in ((alone.name, before), (other.name, after))
        ]
        rows.append([_called(name), *cells, _change(name, before, after)])
    heads = ["figure", alone.name, other.name, "change"]
    better = (
        "The mode chosen beside dedicated GPUs"
        if other is chosen
        else f"Dedicated GPUs beside {other.name}, the next best"
    )
    return Sheet(better, heads, rows, numbers=[1, 2, 3])


def _called(name: str) -> Cell:
    return Cell(name, note=figures.describe(name).meaning)


def _change(name: str, before: float, after: float) -> Cell:
    if math.isnan(before) or math.isnan(after):
        return Cell("-")
    if before == after:
        return Cell("same")
    kind = figures.describe(name).kind
    if kind == "share":
        return Cell(f"{100 * (after - before):+.1f} points")
    if kind in ("count", "money") or not before:
        sign = "+" if after > before else "-"
        return Cell(f"{sign}{shown(name, abs(after - before))}")
    moved = f"{100 * (after / before - 1):+.1f}"
    return Cell("same" if moved in ("+0.0", "-0.0") else f"{moved} %")


def fleets_content(table: comparison.Comparison, verdict: Verdict, scenario: Scenario) -> Fleets:
    """GPUs of dedicated ones and of the mode chosen."""
    sides = []
    if verdict.alone is not None and verdict.mode != verdict.alone.name:
        try:
            before = table.scenario.with_mode(verdict.alone.name)
            sides.append((f"Before: {verdict.alone.name}", boxes(before)))
        except Error:
            pass
    word = "After" if sides else "As it is"
    return Fleets([*sides, (f"{word}: {verdict.mode}", boxes(scenario))])


# ---- what was asked, and what every mode makes of it


def _asked(verdict: Verdict) -> list[Content]:
    """Every objective and its bound."""
    some = verdict.chosen or next(iter(verdict.fared), None)
    if some is None or not some.named():
        return []
    rows: list[list[Cell | str]] = []
    for name, one in some.named().items():
        if isinstance(one, Check):
            rows.append([name, one.asked, "asked for"])
            continue
        asked = one.objective
        why = "kept of dedicated GPUs" if asked.implied else "asked for"
        bound = f"{'at most' if asked.at_most else 'at least'} {shown(asked.figure, asked.bound)}"
        rows.append([_called(asked.figure), bound, why])
    return [Sheet("What is asked", ["figure", "bound", "why"], rows)]


# ---- how sure it is


def _hangs(
    table: comparison.Comparison, verdict: Verdict, chosen: Fared, again: Callable[[Scenario], Verdict]
) -> list[Content]:
    """Knobs, turned one at a time, and whether the answer stays."""
    worst = chosen.worst
    figure = worst.objective.figure if worst is not None else f"{table.latencies[0]}_p95_s"
    tried = try_knobs(table.scenario, verdict, figure, again)
    if not tried:
        return ["The scenario has no load, lengths or times that could be changed alone."]
    base = chosen.measured[figure] if chosen.measured is not None else math.nan
    hanging = [one.name for one in tried if one.stays is False]
    first = (
        f"The answer changes with: {', '.join(hanging)}."
        if hanging
        else "The answer stays whichever of these changes by a fifth."
    )
    bound = worst.objective.bound if worst is not None and not worst.objective.implied else math.nan
    described = figures.describe(figure)
    factor, unit = (100.0, "%") if described.kind == "share" else (1.0, described.unit)
    effects = [
        Effect(one.name, one.low, one.high, factor * one.at_low, factor * one.at_high, one.told)
        for one in tried
    ]
    title = f"{figure} of {chosen.name}, from low to high"
    chart = Tornado(title, unit, factor * base, factor * bound, effects)
    return [
        f"{first} Each was made a fifth smaller and a fifth larger, alone, and everything was asked again in one run "
        "of each mode under the same luck.",
        chart,
        _effects(tried, figure),
    ]


def _effects(tried: Iterable[Tried], figure: str) -> Sheet:
    states = {True: "met", False: "missed", None: ""}
    words = {True: "stays", False: "changes", None: "not known"}
    rows: list[list[Cell | str]] = [
        [
            Cell(one.name, note=f"{one.low} to {one.high}"),
            shown(figure, one.at_low),
            shown(figure, one.at_high),
            Cell(words[one.stays], state=states[one.stays]),
            one.told,
        ]
        for one in tried
    ]
    return Sheet(
        "Changes one at a time",
        ["change", "at low", "at high", "answer", "how"],
        rows,
        numbers=[1, 2],
    )


def _runs(table: comparison.Comparison, verdict: Verdict) -> str:
    if table.replications < 2:
        return "From one run of each mode: what chance may change is not known; --replications 8 tells it."
    if any(one.measured is not None and one.measured.perturbed for one in verdict.fared):
        return (
            f"From {table.replications} runs of each mode, each with calibration errors of its own, of the size that "
            "the suites found: an objective that they may turn is too close to say."
        )
    return f"From {table.replications} runs of each mode at most, all under the same luck."


def command_of(name: str, options: Mapping[str, Any]) -> str:
    """``gpushare report`` with the options that differ from what is so by default."""
    words = ["gpushare", "report", name]
    for option, value in options.items():
        for one in value if isinstance(value, (list, tuple)) else [value]:
            words += [f"--{option}"] if one is True else [f"--{option}", str(one)]
    return " ".join(map(shlex.quote, [*words, "-o", "report.html"]))
