"""An answer as text: a line that says it, then parts under a heading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .notices import Notice, told
from .render import counted, page_width, shorten, wrap

__all__ = ["HINT", "Beside", "assumed_line", "commands", "joined", "pairs", "section", "warned"]

_LONGEST_KEY = 34
#: Between an option and its value, which stay in one line; and what stands there meanwhile.
_OPTIONS, _JOINT = re.compile(r"( --?[a-z-]+) (?=[^-])"), "\0"
#: How to see all that is behind an answer, in Python.
HINT = ".text(details=True)"


@dataclass(frozen=True)
class Beside:
    """What an answer says beside itself.

    Attributes
    ----------
    next : sequence of (str, str)
        Commands to go on with, and what they are for.
    origin : str
        What it was made from and by.
    details : bool
        Also all that is behind it.
    hint : str
        How to see that.
    replications : bool
        Whether it can be asked for with ``--replications``.
    """

    next: Sequence[tuple[str, str]] = ()
    origin: str = ""
    details: bool = False
    hint: str = HINT
    replications: bool = True


def joined(parts: Iterable[str]) -> str:
    """Parts with an empty line between; those that are empty are left out."""
    return "\n\n".join(part for part in parts if part)


def section(title: str, lines: Sequence[str], width: int | None = None) -> str:
    """Paragraphs under a heading, each at most `width` columns wide; nothing where there are none."""
    shown = [wrap(f"  {line}", width, "    ") for line in lines if line]
    return "\n".join([title, *shown]) if shown else ""


def pairs(title: str, rows: Sequence[tuple[str, str]], width: int | None = None) -> str:
    """A name and what is said of it in every line; further lines are indented below what is said."""
    if not rows:
        return ""
    width = page_width(width)
    keys = [shorten(key, min(_LONGEST_KEY, width // 3)) for key, _ in rows]
    longest = max(map(len, keys))
    labels = [f"  {key:<{longest}}  " for key in keys]
    lines = [
        wrap(f"{label}{text}", width, " " * len(label)) for label, (_, text) in zip(labels, rows, strict=True)
    ]
    return "\n".join([title, *lines])


def commands(title: str, rows: Sequence[tuple[str, str]], width: int | None = None) -> str:
    """Commands to copy, each with what it is for as a comment of the shell; one too long goes on in the next line."""
    if not rows:
        return ""
    width = page_width(width)
    beside = [len(command) for command, what in rows if len(f"  {command}  # {what}") <= width]
    longest = max(beside, default=0)
    lines = [title]
    for command, what in rows:
        aligned, alone = f"  {command:<{longest}}  # {what}", f"  {command}  # {what}"
        if len(alone) <= width:
            lines.append(aligned if len(aligned) <= width else alone)
        else:
            lines += [_continued(command, width), wrap(f"      # {what}", width, "      # ")]
    return "\n".join(lines)


def _continued(command: str, width: int) -> str:
    """A command over several lines, each but the last ending in a backslash; a word too long is cut, as shells mend."""
    lines = ["  "]
    for word in _OPTIONS.sub(rf"\1{_JOINT}", command).split(" "):
        if len(lines[-1]) + len(word) + 2 > width and lines[-1].strip():
            lines[-1] += "\\"
            lines.append("      ")
        lines[-1] += f"{word} "
    return "\n".join(part for line in lines for part in _cut(line.rstrip().replace(_JOINT, " "), width))


def _cut(line: str, width: int) -> list[str]:
    parts = []
    while len(line) > width:
        parts.append(f"{line[: width - 1]}\\")
        line = line[width - 1 :]
    return [*parts, line]


def warned(found: Iterable[Notice], width: int | None = None) -> str:
    """Warnings, a paragraph each."""
    return "\n".join(told(found, width))


def assumed_line(found: Sequence[Notice], beside: Beside) -> str:
    """How many figures nobody stated, and how to see them unless they are shown; empty where there are none."""
    carried = sum("#" in one.where for one in found)  # a pointer into the file of a card or a model
    defaults = len(found) - carried
    parts = []
    if carried:
        parts.append(f"{counted(carried, 'figure')} carried over from another card")
    if defaults:
        parts.append(f"{counted(defaults, 'setting')} by default")
    hint = "" if beside.details else f" ({beside.hint})"
    return f"{', '.join(parts)}{hint}." if parts else ""
