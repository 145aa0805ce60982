"""GPUs of a placement as boxes: what is in them, and a picture of them."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..charts.look import HUE, INK, SOFT, finished, new_figure, say_above, short_label
from ..frames.render import shorten
from ..scenario.placing import fits
from ..scenario.profiles import profile
from ..scenario.scenario import Scenario
from .content import Box, Part

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["boxes", "draw_fleets", "fleets_size", "gpus"]

_GB = 1e9
#: Inches of a card, and cards beside each other.
_WIDE, _HIGH, _ROW = 1.75, 2.5, 6


def boxes(scenario: Scenario) -> list[Box]:
    """The GPUs of a scenario's placement, and what lives on each."""
    free = fits(scenario).free_bytes
    several = len({gpu["node"] for gpu in scenario.gpus}) > 1
    found = []
    for i, gpu in enumerate(scenario.gpus):
        card = profile(gpu["profile"])
        slots = max(card.memory_slots, 1)
        parts = [
            _part(part, slots, card.mig, free.get(f"gpu{i}/{part['name']}")) for part in gpu["partitions"]
        ]
        kind = gpu["profile"] + (f" in {gpu['node']}" if several else "")
        found.append(Box(f"gpu{i}", kind, slots, parts))
    return found


def _part(part: Mapping[str, Any], slots: int, mig: Sequence[Mapping[str, Any]], free: float | None) -> Part:
    size = part["memory_bytes"]
    used = size - free if free is not None else float("nan")
    memory = f"{used / _GB:.1f} of {size / _GB:.1f} GB" if free is not None else ""
    name, _, start = part["name"].partition("@")
    spans = {one["name"]: one["memory_slices"] for one in mig}
    begin = int(start.split("(")[0]) / slots if start else 0.0
    span = spans.get(name, slots) / slots if start else 1.0
    caps = [
        f"{cap:g} %" if part["sharing"] == "mps" and cap < 100 else ""
        for cap in part["active_thread_percentages"]
    ]
    return Part(part["name"], begin, span, part["sharing"], part["processes"], caps, used / size, memory)


def gpus(
    scenario: Scenario, before: Scenario | None = None, *, save: str | os.PathLike[str] | None = None
) -> Figure:
    """GPUs as boxes with who lives where: slots of MIG to scale from top to bottom, memory in use as filled width.

    Parameters
    ----------
    scenario : Scenario
        On its placement.
    before : Scenario, optional
        The same on another, drawn above it.
    save : str or path, optional
        A file to write it to, of the kind that its ending says.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    """
    sides = [("as it is" if before is None else "after", boxes(scenario), scenario.mode)]
    if before is not None:
        sides.insert(0, ("before", boxes(before), before.mode))
    titled = [(f"{word}: {mode}", drawn) for word, drawn, mode in sides]
    width, height = fleets_size(titled)
    figure = new_figure(width, height)
    draw_fleets(figure, titled)
    counts = [sum(any(part.processes for part in box.parts) for box in drawn) for _, drawn in titled]
    freed = (
        f", {counts[0] - counts[1]} fewer than before" if len(counts) > 1 and counts[0] > counts[1] else ""
    )
    said = f"{scenario.name}: {scenario.mode} runs on {counts[-1]} GPU{'s' * (counts[-1] != 1)}{freed}"
    say_above(figure, said, width)
    return finished(figure, save)


def fleets_size(sides: Sequence[tuple[str, Sequence[Box]]]) -> tuple[float, float]:
    """Inches that both sides take, one above the other."""
    columns = min(_ROW, max(len(drawn) for _, drawn in sides))
    rows = sum(math.ceil(len(drawn) / _ROW) for _, drawn in sides)
    return max(4.5, 0.3 + _WIDE * columns), 0.5 + (_HIGH + 0.35) * rows


def draw_fleets(figure: Figure | SubFigure, sides: Sequence[tuple[str, Sequence[Box]]]) -> None:
    """Both sides into a figure that is there."""
    columns = min(_ROW, max(len(drawn) for _, drawn in sides))
    rows = [
        (title if first == 0 else "", list(drawn[first : first + _ROW]))
        for title, drawn in sides
        for first in range(0, max(len(drawn), 1), _ROW)
    ]
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for row, (words, cards) in zip(axes, rows, strict=True):
        for at, axis in enumerate(row):
            axis.set_axis_off()
            if at < len(cards):
                _card(axis, cards[at])
        if words:
            row[0].set_title(words, loc="left", fontsize=9, color=INK, fontweight="bold")


def _card(axis: Axes, box: Box) -> None:
    from matplotlib.patches import Rectangle

    axis.set(xlim=(-0.01, 1.01), ylim=(1.08, -0.02))
    axis.add_patch(Rectangle((0, 0), 1, 1, fill=False, edgecolor=SOFT, linewidth=0.8, linestyle=":"))
    for part in box.parts:
        used = 0.0 if math.isnan(part.used) else min(1.0, max(0.0, part.used))
        here = (0, part.begin)
        axis.add_patch(Rectangle(here, used, part.span, facecolor=HUE, alpha=0.22, linewidth=0))
        axis.add_patch(Rectangle(here, 1, part.span, fill=False, edgecolor=INK, linewidth=1.3))
        lines = _words(part)
        room = max(1, int(part.span * _HIGH / 0.17))
        text = "\n".join(lines[:room]) if len(lines) <= room else _short(lines, room)
        axis.text(
            0.04,
            part.begin + part.span / 2,
            text,
            va="center",
            fontsize=6.8,
            color=INK,
            linespacing=1.25,
            clip_on=True,
        )
    axis.text(0, 1.03, f"{box.name}  {box.kind}", va="top", fontsize=7.5, color=SOFT)


def _words(part: Part) -> list[str]:
    who: dict[str, int] = {}
    for name, cap in zip(part.processes, part.caps, strict=True):
        told = f"{name} {cap}".rstrip()
        who[told] = who.get(told, 0) + 1
    names = [f"{count} x {name}" if count > 1 else name for name, count in who.items()] or ["nobody"]
    how = [f"by {part.sharing}"] if part.sharing != "exclusive" else []
    memory = [part.memory] if part.memory else []
    cut = [] if part.name == "whole" else [part.name]
    return [short_label(line) for line in [*cut, *names, *how, *memory]]


def _short(lines: Sequence[str], room: int) -> str:
    """The lines that matter most in a slot with little room, on one or two."""
    if room <= 1:
        return shorten(" ".join(lines), 30)
    return "\n".join([*lines[: room - 1], shorten(" ".join(lines[room - 1 :]), 26)])
