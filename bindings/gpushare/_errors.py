"""Errors that say where, like those of the compiled readers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

from ._core import Error

__all__ = ["fail", "like", "nearest"]

_MOST_NAMED = 10
_MAKERS = ("nvidia", "tesla", "geforce", "graphics", "gpu")

Kind = TypeVar("Kind", bound=Error)


def fail(kind: type[Kind], where: str, what: str) -> Kind:
    """An error to be raised.

    Parameters
    ----------
    kind : type
        ``TraceError``, ``CalibrationError``, ...
    where : str
        A path, ``file:line``, ``file#/pointer``, a pointer, or the name of what is wrong; kept as `where` of the error.
    what : str
        What was found, and what is legal.
    """
    raised = kind(f"{where}: {what}" if where else what)
    raised.where = where
    return raised


def nearest(found: str, known: Iterable[str]) -> str:
    """What may have been meant, and what is legal: ``did you mean "llm"? Legal are asr, llm, tts``, at most ten names.

    Parameters
    ----------
    found : str
        What nobody knows.
    known : iterable of str
        What would be right.
    """
    import difflib  # is imported by who mistypes only

    names = list(dict.fromkeys(known))
    if not names:
        return "legal are none"
    near = difflib.get_close_matches(found, names, _MOST_NAMED, 0.6)
    meant = f'did you mean "{near[0]}"? ' if near else ""
    shown = (
        names if len(names) <= _MOST_NAMED else [*near, *(n for n in names if n not in near)][:_MOST_NAMED]
    )
    more = f" and {len(names) - len(shown)} more" if len(shown) < len(names) else ""
    legal = f"legal {'is' if len(names) == 1 else 'are'} {', '.join(shown)}{more}"
    return f"{meant}{legal[0].upper()}{legal[1:]}" if meant else legal


def like(found: str, known: Iterable[str]) -> str:
    """Names by how like they are to what was found, at most ten: ``a100, a10, a100-40gb and 26 more``.

    Parameters
    ----------
    found : str
        What none of them is called; words that all products of a maker have tell nothing.
    known : iterable of str
        What would be right.
    """
    import difflib

    words = [word for word in re.split(r"[\W_]+", found.lower()) if word not in _MAKERS]
    names = list(known)

    def alike(one: str, other: str) -> float:
        return difflib.SequenceMatcher(None, one, other).ratio()

    def rank(name: str) -> tuple[float, float]:
        """By the word that names begin with, then by all of them."""
        first = max((alike(word, name.partition("-")[0]) for word in words), default=0.0)
        return -first, -alike(" ".join(words), name)

    order = sorted(names, key=rank)
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(order[:_MOST_NAMED])}{more}"
