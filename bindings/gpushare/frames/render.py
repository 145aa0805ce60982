"""Tables as aligned text and as HTML."""

from __future__ import annotations

import html
import math
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

from .colours import paint

__all__ = [
    "Field",
    "brief",
    "counted",
    "decimals",
    "html_table",
    "number",
    "numbers",
    "page",
    "page_width",
    "shorten",
    "table_width",
    "text_table",
    "wrap",
]

#: What stands where there is no value.
NOTHING = "-"
_GAP = "  "
_BRIEF = 100
#: Columns of a table that is turned on its side, at most: more are easier to find in blocks.
_MOST_TURNED = 24


_PAGE: ContextVar[int] = ContextVar("page", default=100)


def page_width(width: int | None = None) -> int:
    """`width`, or where that is None the columns of the page that is written on: 100, unless `page` says otherwise."""
    return _PAGE.get() if width is None else width


@contextmanager
def page(width: int) -> Iterator[None]:
    """All that is written meanwhile is at most `width` columns wide, unless it is told another width."""
    token = _PAGE.set(width)
    try:
        yield
    finally:
        _PAGE.reset(token)


@dataclass(frozen=True)
class Field:
    """One column, already formatted.

    Attributes
    ----------
    title : str
        Heading; line breaks stack it.
    cells : sequence of str
        One for each row.
    align : {"left", "right"}
        Text is aligned left, numbers right.
    marks : sequence of str
        What a notebook or a terminal with colours shows of each cell: ``best``, ``tie``, ``met``, ``open``, ``failing``
        or empty; none where it is empty.
    """

    title: str
    cells: Sequence[str]
    align: Literal["left", "right"] = "right"
    marks: Sequence[str] = ()

    @property
    def width(self) -> int:
        """Characters of the widest cell or heading line."""
        lines = [*self.title.split("\n"), *self.cells]
        return max((len(line) for line in lines), default=0)

    def mark(self, row: int) -> str:
        """Of a cell."""
        return self.marks[row] if self.marks else ""


def decimals(values: Iterable[float]) -> int:
    """Decimals that show three or four digits of the largest of `values`.

    Parameters
    ----------
    values : iterable of float
        NaN and infinities are ignored.

    Returns
    -------
    int
        0 to 3.
    """
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    if largest >= 1000:
        return 0
    if largest >= 100:
        return 1
    return 2 if largest >= 1 else 3


def number(value: float | None, places: int | None = None) -> str:
    """A number as people read it; "-" for None and NaN.

    Parameters
    ----------
    value : float or None
        An `Estimate` with a finite half-width is written "1.02 ±0.03".
    places : int, optional
        Decimals; by default chosen by `decimals`.

    Returns
    -------
    str
    """
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    shown = decimals([value]) if places is None else places
    text = f"{value:,.{shown}f}"
    half_width = getattr(value, "half_width", math.nan)
    return f"{text} ±{half_width:,.{shown}f}" if 0 < half_width < math.inf else text


def numbers(values: Sequence[float | None], places: int | None = None) -> list[str]:
    """Numbers with the same decimals throughout.

    Parameters
    ----------
    values : sequence of float or None
        One for each row.
    places : int, optional
        Decimals; by default those of the largest.

    Returns
    -------
    list of str
    """
    known = [v for v in values if v is not None]
    if places is None:
        places = 0 if all(isinstance(v, int) for v in known) else decimals(known)
    return [number(v, places) for v in values]


def counted(number: int, noun: str) -> str:
    """``1 pod``, ``2,034 pods``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shorten(text: str, width: int) -> str:
    """`text` with its middle left out when it is longer than `width` characters."""
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


def brief(one: object, about: str) -> str:
    """What `repr` says of an object that prints as a whole answer: its class and what it is, in one line.

    Parameters
    ----------
    one : object
        Whose class it is.
    about : str
        What is left out of it where it is long is its end.
    """
    kind = type(one).__name__
    return f"<{kind} {textwrap.shorten(about, _BRIEF - len(kind) - 3, placeholder=' ...')}>"


def wrap(text: str, width: int | None = None, indent: str = "") -> str:
    """Paragraph of at most `width` columns; further lines start with `indent`."""
    width = page_width(width)
    return textwrap.fill(text, width, subsequent_indent=indent, break_long_words=True, break_on_hyphens=False)


def _blocks(fields: Sequence[Field], width: int, keys: int) -> list[list[Field]]:
    """Fields in as few blocks as fit `width`; the first `keys` fields lead each."""
    lead = list(fields[:keys])
    used = sum(f.width + len(_GAP) for f in lead) - len(_GAP)
    blocks: list[list[Field]] = []
    room = -1
    for field in fields[keys:]:
        need = field.width + len(_GAP)
        if need > room:
            blocks.append(list(lead))
            room = width - used
        blocks[-1].append(field)
        room -= need
    return blocks or [lead]


def table_width(fields: Sequence[Field]) -> int:
    """Columns that a table takes."""
    return sum(field.width + len(_GAP) for field in fields) - len(_GAP)


def _transposed(fields: Sequence[Field], keys: int) -> list[Field]:
    """A row for each column but the keys, which head the columns; a text that all rows share is left where it is."""
    heads = ["\n".join(cells) for cells in zip(*(field.cells for field in fields[:keys]), strict=True)]
    rest = fields[keys:]
    names = Field("\n".join(field.title for field in fields[:keys]), [_flat(f.title) for f in rest], "left")
    return [
        names,
        *(
            Field(head, [field.cells[i] for field in rest], marks=[field.mark(i) for field in rest])
            for i, head in enumerate(heads)
        ),
    ]


def _flat(title: str) -> str:
    """A heading in one line; a word that was broken at its hyphen is one again."""
    return title.replace("-\n", "").replace(".\n", ".").replace("\n", " ").strip()


def _records(fields: Sequence[Field], width: int, keys: int) -> list[str]:
    """A paragraph for each row: its key, and below it a line for each column."""
    names = [_flat(field.title) for field in fields]
    longest = min(max(map(len, names[keys:]), default=0), width // 2)
    lines = []
    for i in range(len(fields[0].cells)):
        lines.append(wrap(", ".join(field.cells[i] for field in fields[:keys]), width))
        for name, field in zip(names[keys:], fields[keys:], strict=True):
            label = f"  {name:<{longest}}  "
            told = wrap(f"{label}{field.cells[i].strip()}", width, " " * len(label))
            lines.append(told[: len(label)] + paint(told[len(label) :], field.mark(i)))
    return lines


def _line(texts: Sequence[str], fields: Sequence[Field], marks: Sequence[str] = ()) -> str:
    padded = [
        text.ljust(field.width) if field.align == "left" else text.rjust(field.width)
        for text, field in zip(texts, fields, strict=True)
    ]
    if marks:
        padded = [paint(text, mark) for text, mark in zip(padded, marks, strict=True)]
    return _GAP.join(padded).rstrip()


def _block_lines(fields: Sequence[Field]) -> list[str]:
    titles = [field.title.split("\n") for field in fields]
    height = max(len(title) for title in titles)
    padded = [[""] * (height - len(title)) + title for title in titles]
    lines = [_line([title[i] for title in padded], fields) for i in range(height)]
    lines.append(_GAP.join("-" * field.width for field in fields))
    rows = len(fields[0].cells)
    lines.extend(
        _line([field.cells[i] for field in fields], fields, [field.mark(i) for field in fields])
        for i in range(rows)
    )
    return lines


def text_table(fields: Sequence[Field], *, width: int | None = None, keys: int = 1) -> str:
    """Aligned text of at most `width` columns, in which no row is wrapped and no cell is lost.

    A table that is too wide is turned on its side where that fits, otherwise split into stacked blocks; where not even
    a key and one column fit side by side, every row is a paragraph.

    Parameters
    ----------
    fields : sequence of Field
        Columns of equal length.
    width : int, optional
        Columns at most; by default those of the page.
    keys : int
        Leading fields repeated in every block.

    Returns
    -------
    str
        Without a final line break.
    """
    if not fields:
        return ""
    width = page_width(width)
    blocks = _blocks(fields, width, keys)
    if len(blocks) > 1 and fields[0].cells:
        turned = _transposed(fields, keys)
        if table_width(turned) <= width and len(turned[0].cells) <= _MOST_TURNED:
            blocks = [turned]
    if any(table_width(block) > width for block in blocks):
        return "\n".join(_records(fields, width, keys))
    return "\n\n".join("\n".join(_block_lines(block)) for block in blocks)


def html_table(fields: Sequence[Field], *, caption: str = "", notes: Sequence[str] = ()) -> str:
    """The same table for a notebook.

    Parameters
    ----------
    fields : sequence of Field
        Columns of equal length.
    caption : str
        Above the table.
    notes : sequence of str
        Paragraphs below it.

    Returns
    -------
    str
        HTML; every text is escaped.
    """
    parts = ['<div class="gpushare">']
    if fields:
        parts += _html_rows(fields, caption)
    parts.extend(f'<p style="font-size:smaller">{html.escape(note)}</p>' for note in notes)
    parts.append("</div>")
    return "".join(parts)


def _html_rows(fields: Sequence[Field], caption: str) -> list[str]:
    parts = ["<table>"]
    if caption:
        parts.append(f'<caption style="text-align:left">{html.escape(caption)}</caption>')
    parts.append("<thead><tr>")
    parts.extend(f"<th>{html.escape(field.title).replace(chr(10), '<br>')}</th>" for field in fields)
    parts.append("</tr></thead><tbody>")
    for i in range(len(fields[0].cells)):
        parts.append(f"<tr>{''.join(_html_cell(field, i) for field in fields)}</tr>")
    parts.append("</tbody></table>")
    return parts


#: ``±0.05``, and with its unit ``± 26.7 ms``.
_INTERVAL = re.compile(r"±(?: \S+ \S+|\S+)")
#: Bold, and a colour that reads on light and dark ground; words or a star say the same without colour.
_MARKS = {"best": ("font-weight:bold", " ★"), "failing": ("color:#d9480f;font-weight:bold", "")}


def _html_cell(field: Field, row: int) -> str:
    """A cell whose interval is small beside its figure."""
    style, sign = _MARKS.get(field.mark(row), ("", ""))
    text = _INTERVAL.sub(lambda found: f"<small>{found[0]}</small>", html.escape(field.cells[row]))
    styles = [f"text-align:{field.align}", "white-space:nowrap" if field.align == "right" else "", style]
    return f'<td style="{";".join(one for one in styles if one)}">{text}{sign}</td>'
