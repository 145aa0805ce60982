"""What is legal and still likely to mislead, said with every answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .render import wrap

__all__ = ["Notice", "merged", "notices", "plain", "told"]


class Notice(NamedTuple):
    """One warning; as text, both parts.

    Attributes
    ----------
    where : str
        JSON pointer of the document, a file and the pointer in it, or a name of the result.
    text : str
        What was found, in its unit, and what would be right.
    """

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where else self.text


def notices(found: Iterable[tuple[str, str]]) -> tuple[Notice, ...]:
    """Each once, in order."""
    return tuple(dict.fromkeys(Notice(where, text) for where, text in found))


def merged(by_case: Mapping[str, Sequence[Notice]]) -> tuple[Notice, ...]:
    """Those of several cases, one for each fact: what not all of them have is of those that it names."""
    owners: dict[Notice, list[str]] = {}
    for case, found in by_case.items():
        for one in found:
            owners.setdefault(one, []).append(case)
    return tuple(
        one if len(cases) == len(by_case) else Notice(f"{', '.join(cases)}: {one.where}", one.text)
        for one, cases in owners.items()
    )


def plain(found: Iterable[Notice]) -> list[dict[str, str]]:
    """For JSON."""
    return [one._asdict() for one in found]


def told(found: Iterable[Notice], width: int | None = None, what: str = "warning") -> list[str]:
    """A paragraph for each, at most `width` columns wide."""
    return [wrap(f"{what}: {one}", width, "  ") for one in found]
