"""A report as one page of HTML that needs nothing beside it."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from ..files import replace_file
from .boxes import fleets
from .content import Cell, Content, Dots, Fleets, Folded, Listing, Page, Section, Sheet, Tornado
from .drawings import dots, tornado
from .markup import Markup, join, tag

__all__ = ["MARKS", "STATES", "page", "parts_markup", "write_page"]

#: Nothing is fetched, whatever a browser would do with what is in it.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
STATES = {"met": "What is asked is met", "missed": "What is asked is missed", "open": "Too close to say"}
MARKS = {"met": "✓", "missed": "✗", "open": "?"}


def write_page(content: Page, path: str | os.PathLike[str]) -> None:
    """Writes a report; an existing file is replaced."""
    text = page(content)
    replace_file(path, lambda file: file.write(text))


def page(content: Page) -> str:
    """A report as HTML: the same bytes for the same content."""
    here = Path(__file__).resolve().parent
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{content.name}: {content.verdict}"[:120]),
        tag("style", Markup((here / "page.css").read_text(encoding="utf-8"))),
    )
    body = tag(
        "body",
        tag("a", "To the answer", href="#answer", class_="skip"),
        _header(content),
        tag("main", *(_section(section) for section in content.sections)),
        tag("footer", tag("p", content.foot)),
        tag("div", id="tip", role="presentation", aria_hidden="true", hidden=True),
        tag("script", Markup((here / "page.js").read_text(encoding="utf-8"))),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _header(content: Page) -> Markup:
    state = tag("p", f"{MARKS[content.state]} {STATES[content.state]}", class_="state")
    answer = tag("div", state, tag("p", content.verdict), class_=f"verdict {content.state}", id="answer")
    facts = [tag("div", tag("dt", word), tag("dd", value)) for word, value in content.facts]
    links = [tag("li", tag("a", one.title, href=f"#{one.id}")) for one in content.sections]
    return tag(
        "header",
        tag("h1", content.name),
        answer,
        tag("dl", *facts, class_="facts") if facts else "",
        tag("nav", tag("ul", *links), aria_label="Sections"),
    )


def _section(section: Section) -> Markup:
    return tag("section", tag("h2", section.title, id=section.id), *parts_markup(section.parts))


def parts_markup(parts: Sequence[Content]) -> Iterator[Markup]:
    """Everything in order; charts of one kind that follow each other in a grid."""
    for kind, group in groupby(parts, type):
        drawn = [_MAKERS[kind](part) for part in group]
        yield from [tag("div", *drawn, class_="charts")] if kind is Dots else drawn


def _sheet(sheet: Sheet) -> Markup:
    """A table, whose rows are cards where a screen is narrow: so cells know their heads, and roles are said."""
    heads = [
        tag("th", head, scope="col", role="columnheader", class_="n" if i in sheet.numbers else None)
        for i, head in enumerate(sheet.heads)
    ]
    rows = [
        tag(
            "tr",
            *(_cell(cell, i, sheet) for i, cell in enumerate(row)),
            role="row",
            class_="chosen" if r == sheet.chosen else None,
        )
        for r, row in enumerate(sheet.rows)
    ]
    table = tag(
        "table",
        tag("caption", sheet.caption),
        tag("thead", tag("tr", *heads, role="row"), role="rowgroup"),
        tag("tbody", *rows, role="rowgroup"),
        role="table",
    )
    scrolled = tag("div", table, class_="scroll", tabindex=0, role="region", aria_label=sheet.caption)
    return join([scrolled, *(tag("p", note, class_="note") for note in sheet.notes)])


def _cell(cell: Cell | str, column: int, sheet: Sheet) -> Markup:
    one = cell if isinstance(cell, Cell) else Cell(cell)
    note = tag("span", one.note, class_="sub") if one.note else ""
    if column == 0:
        return tag("th", _breakable(one.text), note, scope="row", role="rowheader")
    number = column in sheet.numbers
    text = (
        one.text.replace(" ", "\N{NO-BREAK SPACE}", 1) if number else one.text
    )  # a unit stays with its number
    told: str = tag("span", f"{MARKS[one.state]} {text}", class_=one.state) if one.state else text
    about: dict[str, Any] = {
        "role": "cell",
        "data_head": sheet.heads[column],
        "class_": "n" if number else None,
    }
    if one.figure:
        value = None if math.isnan(one.value) else repr(float(one.value))
        about |= {"data_figure": one.figure, "data_mode": one.mode, "data_value": value}
    return tag("td", tag("span", told, note, class_="in"), **about)


def _breakable(text: str) -> Markup:
    """Names of figures may be broken at their joints, where a screen is narrow."""
    return join(tag("wbr") if part is None else part for part in _joints(text))


def _joints(text: str) -> Iterator[str | None]:
    for part in re.split(r"(?<=[_./+])", text):
        yield part
        yield None


def _listing(listing: Listing) -> Markup:
    label = listing.title or "Text"
    shown = tag("pre", tag("code", listing.text), tabindex=0, role="region", aria_label=label)
    return join([tag("h3", listing.title), shown]) if listing.title else shown


def _folded(folded: Folded) -> Markup:
    return tag("details", tag("summary", folded.title), *parts_markup(folded.parts))


_MAKERS: dict[type, Callable[[Any], Markup]] = {
    str: lambda text: tag("p", text),
    Sheet: _sheet,
    Fleets: fleets,
    Dots: dots,
    Tornado: tornado,
    Listing: _listing,
    Folded: _folded,
}
