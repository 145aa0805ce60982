"""How a verdict looks as text: the answer first, then what each mode makes of each objective, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..frames.render import Field, html_table, shorten, table_width, text_table, wrap
from ..frames.sections import joined, section
from .choosing import Choice
from .judging import COUNT, RATE, Check, Fared
from .objectives import Judged
from .verdict_line import cells, headline, obstacle
from .verdict_table import MARKS_MEAN, alike, delta_fields

__all__ = ["certainty", "verdict_details", "verdict_html", "verdict_table", "verdict_text"]

_WORDS = {True: "met", False: "MISSED", None: "too close"}
_WIDEST_MODE = 34
_NARROW = 26


def verdict_text(verdict: Choice, width: int) -> str:
    """The answer, its table, and how sure it is, at most `width` columns wide."""
    line = wrap(f"{verdict.scenario}: {headline(verdict)}", width)
    return joined([line, verdict_table(verdict, width), section("How sure", certainty(verdict), width)])


def verdict_table(verdict: Choice, width: int) -> str:
    """A row for every mode: what it takes, and what it makes of each objective."""
    fields = delta_fields(verdict, min(_WIDEST_MODE, max(_NARROW, width // 3)))
    same = alike(fields) if table_width(fields) > width else []
    fields = [field for field in fields if field not in same]
    table = text_table(fields, width=width)
    marks = [told for mark, told in MARKS_MEAN.items() if any(_ends(field, mark) for field in fields)]
    compared = verdict.alone is not None and len(verdict.fared) > 1
    against = ["+ -: against dedicated GPUs"] if compared and len(fields) > len(_WORDS) else []
    legend = "; ".join([*against, *marks])
    said = [f"in every mode: {' '.join(field.title.split())}: {field.cells[0].strip()}" for field in same]
    return "\n".join(part for part in (table, *(wrap(line, width) for line in [*said, legend])) if part)


def _ends(field: Field, mark: str) -> bool:
    return any(cell.rstrip().endswith(f" {mark}") for cell in field.cells)


def certainty(verdict: Choice) -> list[str]:
    """How far the verdict is to be believed: runs, what it is relative to, and where that is no measure."""
    everything = [judged for one in verdict.fared for judged in one.judged]
    lines = [_certainty(verdict)] if everything else []
    lines += _about_dedicated(verdict)
    if any(one.objective.implied for one in everything):
        extra = "" if verdict.alone in verdict.fared else "; dedicated GPUs were simulated beside the modes"
        lines.append(f"* not asked for: {_kept(verdict, everything)}{extra} (--keep)")
    return lines


def verdict_details(verdict: Choice, width: int) -> str:
    """Every objective with its interval, by mode."""
    fields = _fields(verdict, min(_WIDEST_MODE, max(_NARROW, width // 3)))
    return text_table(fields, width=width) if len(fields) > 1 else ""


def verdict_html(verdict: Choice) -> str:
    """The same for a notebook."""
    fields = _fields(verdict, _WIDEST_MODE)
    caption = f"{verdict.scenario}: {headline(verdict)}"
    if len(fields) < 2:
        return html_table([], notes=[caption, *certainty(verdict)])
    return html_table(fields, caption=caption, notes=certainty(verdict))


def _fields(verdict: Choice, width: int) -> list[Field]:
    """A row for every mode, and for every objective what it is, how far from dedicated GPUs, and whether that does."""
    rows = list(verdict.fared)
    if verdict.alone is not None and verdict.alone not in rows:
        rows.insert(0, verdict.alone)
    names = list(dict.fromkeys(name for row in rows for name in row.named()))
    marks = ["best" if row.name == verdict.mode and verdict.meets is not False else "" for row in rows]
    fields = [Field("mode", [shorten(row.name, width) for row in rows], "left", marks)]
    return fields + [_column(name, rows, verdict) for name in names]


def _column(name: str, rows: Sequence[Fared], verdict: Choice) -> Field:
    found = [row.named().get(name) for row in rows]
    first = next(one for one in found if one is not None)
    cells = [_parts(one, verdict.alone, row) for one, row in zip(found, rows, strict=True)]
    widths = [max(len(cell[i]) for cell in cells) for i in range(3)]
    texts = [
        "  ".join([cell[0].rjust(widths[0]), cell[1].rjust(widths[1]), cell[2].ljust(widths[2])])
        for cell in cells
    ]
    if not widths[1]:
        texts = [f"{cell[0].rjust(widths[0])}  {cell[2].ljust(widths[2])}" for cell in cells]
    marks = ["failing" if one is not None and one.meets is False else "" for one in found]
    return Field("\n".join(_titles(name, first, found, verdict)), texts, "left", marks)


def _titles(
    name: str, first: Judged | Check, found: Sequence[Judged | Check | None], verdict: Choice
) -> list[str]:
    owner, _, metric = name.rpartition(".")
    if isinstance(first, Check):
        return [name, first.asked]
    bounds = {cells(one)["bound"] for one in found if isinstance(one, Judged)}
    if first.objective.implied:
        metric += "*"
        sign = "<=" if first.objective.at_most else ">="
        bound = f"{sign} {_relation(first, verdict)}"
    else:
        bound = bounds.pop() if len(bounds) == 1 else "by mode"
    return [*([f"{owner}."] if owner else []), metric, bound]


def _relation(one: Judged, verdict: Choice) -> str:
    figure = one.objective.figure
    if figure == "success_rate":
        return f"{100 * verdict.keep.success:g} % of dedicated"
    if figure == RATE or figure.endswith(COUNT):
        return f"{100 * verdict.keep.throughput:g} % of dedicated"
    return f"{verdict.keep.latency:g} x dedicated"


def _parts(one: Judged | Check | None, alone: Fared | None, row: Fared) -> tuple[str, str, str]:
    """What it is, the change against dedicated GPUs, and whether that does."""
    if one is None:
        return "-", "", "" if row.measured is not None else "did not run"
    if isinstance(one, Check):
        return one.found, "", _WORDS[one.meets]
    before = (
        alone.measured[one.objective.figure] if alone is not None and alone.measured is not None else math.nan
    )
    change = one.value / before - 1 if before else math.nan
    told = "" if alone is None or row is alone or math.isnan(change) else f"{100 * change:+.1f} %"
    if change == 0 and told:
        told = "same"
    return cells(one)["value"], told, _WORDS[one.meets]


# ---- what the tables do not say


def _kept(verdict: Choice, everything: Sequence[Judged]) -> str:
    figures = {one.objective.figure for one in everything if one.objective.implied}
    keep = verdict.keep
    shares = {"success_rate": ("success", keep.success), RATE: ("req/s", keep.throughput)}
    parts = []
    if any(figure.endswith("e2e_latency_p95_s") for figure in figures):
        each = " of every pipeline" if any("." in figure for figure in figures) else ""
        parts.append(f"{keep.latency:g} x dedicated e2e p95{each}")
    parts += [f"{100 * share:g} % {name}" for figure, (name, share) in shares.items() if figure in figures]
    if any(figure.endswith(f".{COUNT}") for figure in figures):
        parts.append(f"{100 * keep.throughput:g} % of the requests of every pipeline")
    return ", ".join(parts)


def _about_dedicated(verdict: Choice) -> list[str]:
    alone = verdict.alone
    if alone is None:  # as of fleets under control
        return ["Modes are compared with each other, and not with dedicated GPUs."]
    if alone.measured is None:
        return [f"dedicated GPUs cannot run it: {alone.why_not}. Nothing is compared with them."]
    lines = []
    if verdict.alone_lags:
        lines.append(
            f"Dedicated GPUs do not keep up: they complete {100 * verdict.keeps_up:.0f} % of the requests in time, so "
            "what is compared with them is as bad as they are. Give objectives, lower the load, or give it more GPUs."
        )
    if alone.meets is not True and alone is not verdict.chosen:
        which = "miss" if alone.meets is False else "may miss"
        lines.append(f"Dedicated GPUs {which} the objectives too: {obstacle(alone)}.")
    return lines


def _certainty(verdict: Choice) -> str:
    ran = [one for one in verdict.fared if one.measured is not None]
    fewest, most = min(one.runs for one in ran), max(one.runs for one in ran)
    if any(one.measured is not None and one.measured.perturbed for one in ran):
        return f"{most} runs of each mode, each with calibration errors of its own: what these hide is too close."
    if most < 2:
        return "One run of each mode does not say what chance may change; --replications 8 does."
    if fewest == most:
        return f"{most} runs of each mode; met and MISSED are clear of chance (99 %)."
    by_runs = ", ".join(f"{one.name} {one.runs}" for one in ran)
    return f"Met and MISSED are clear of chance (99 %). Runs: {by_runs}."
