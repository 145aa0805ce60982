"""What a report says, as plain values: pages, sections, tables, GPUs as boxes, charts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = [
    "Box",
    "Cell",
    "Dots",
    "Effect",
    "Fleets",
    "Folded",
    "Listing",
    "Page",
    "Part",
    "Section",
    "Sheet",
    "Tornado",
]


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes
    ----------
    text : str
        What it shows.
    figure, mode : str
        Where it shows a figure of a mode, their names; `value` is then the figure itself.
    note : str
        A line below it, smaller.
    state : str
        ``met``, ``missed`` or ``open`` where it is a judgement; empty otherwise.
    """

    text: str
    figure: str = ""
    mode: str = ""
    value: float = math.nan
    state: str = ""
    note: str = ""


@dataclass(frozen=True)
class Sheet:
    """A table whose first column heads the rows; `numbers` are columns aligned right, the row `chosen` stands out."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    numbers: Sequence[int] = ()
    notes: Sequence[str] = ()
    chosen: int | None = None


@dataclass(frozen=True)
class Part:
    """A partition of a GPU.

    `begin` and `span` are shares of the GPU's slots, `used` the share of its memory in use, and `caps` what each
    process may use of its SMs, empty where it may use all.
    """

    name: str
    begin: float
    span: float
    sharing: str
    processes: Sequence[str]
    caps: Sequence[str]
    used: float
    memory: str


@dataclass(frozen=True)
class Box:
    """A GPU: what it is called, how many slots it has, and its partitions."""

    name: str
    kind: str
    slots: int
    parts: Sequence[Part]


@dataclass(frozen=True)
class Fleets:
    """GPUs before and after, by title."""

    sides: Sequence[tuple[str, Sequence[Box]]]


@dataclass(frozen=True)
class Dots:
    """A figure's p50, p95 and p99 by mode: small, with its bound where there is one (NaN: none)."""

    title: str
    meaning: str
    unit: str
    modes: Sequence[str]
    values: Sequence[tuple[float, float, float]]
    bound: float = math.nan
    chosen: str = ""


@dataclass(frozen=True)
class Effect:
    """What a change does: its name, its values, the figure at both, and what more is to be told of it."""

    name: str
    low: str
    high: str
    at_low: float
    at_high: float
    told: str


@dataclass(frozen=True)
class Tornado:
    """Effects of changes on a figure, from `base` to either side."""

    title: str
    unit: str
    base: float
    bound: float
    effects: Sequence[Effect]


@dataclass(frozen=True)
class Listing:
    """Text as it is: commands, a document."""

    title: str
    text: str


@dataclass(frozen=True)
class Folded:
    """What is opened by whoever wants it; print opens all."""

    title: str
    parts: Sequence[Content] = ()


Content = str | Sheet | Fleets | Dots | Tornado | Listing | Folded


@dataclass(frozen=True)
class Section:
    """A heading and what is below it; strings are paragraphs, and charts that follow each other stand side by side."""

    id: str
    title: str
    parts: Sequence[Content]


@dataclass(frozen=True)
class Page:
    """A report; `state` is ``met``, ``missed`` or ``open``, as the verdict is.

    Attributes
    ----------
    name, verdict, state : str
        Of what, the answer in a line, and what became of what was asked.
    facts : sequence of (str, str)
        The few figures that stand beside the answer: a word and a value.
    sections : sequence of Section
        In order.
    foot : str
        Who wrote it.
    """

    name: str
    verdict: str
    state: str
    facts: Sequence[tuple[str, str]] = ()
    sections: Sequence[Section] = field(default_factory=list)
    foot: str = ""
