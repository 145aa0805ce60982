"""Names as Kubernetes takes them."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["label_value", "object_name", "object_names"]

_MOST = 63


def object_name(text: str) -> str:
    """Lower case letters, digits and dashes, at most 63; of two texts it may be the same (`object_names`)."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_MOST].strip("-")
    return name or "x"


def object_names(texts: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """A name for each text, no two alike and none of those taken: what would be alike is numbered from 2."""
    used = set(taken)
    found = []
    for text in texts:
        name = first = object_name(text)
        number = 1
        while name in used:
            number += 1
            end = f"-{number}"
            name = first[: _MOST - len(end)].strip("-") + end
        used.add(name)
        found.append(name)
    return found


def label_value(text: str) -> str:
    """A text as the value of a label: letters, digits, dashes, underscores and dots, at most 63."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[:_MOST].strip("-_.")
