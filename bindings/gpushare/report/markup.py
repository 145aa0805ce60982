"""HTML and SVG elements; whatever is not made here is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable

__all__ = ["Markup", "join", "tag"]

_EMPTY = {"meta", "br", "hr", "wbr", "input", "link"}


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def _escaped(child: str) -> str:
    return child if isinstance(child, Markup) else html.escape(str(child), quote=True)


def join(children: Iterable[str]) -> Markup:
    """Children one after the other; those that are no markup are escaped."""
    return Markup("".join(_escaped(child) for child in children))


def tag(name: str, /, *children: str, **attributes: object) -> Markup:
    """An element.

    Parameters
    ----------
    name : str
        Of the element.
    children : str
        Those that are no markup are escaped.
    attributes : object
        ``class_`` is ``class``, and other underscores are hyphens; True is an attribute without a value, None and
        False are none. Numbers have at most two decimals.
    """
    told = ""
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        word = key.rstrip("_").replace("_", "-")
        if value is True:
            told += f" {word}"
        else:
            text = f"{round(value, 2):g}" if isinstance(value, float) else str(value)
            told += f' {word}="{html.escape(text, quote=True)}"'
    if name in _EMPTY:
        return Markup(f"<{name}{told}>")
    return Markup(f"<{name}{told}>{join(children)}</{name}>")
