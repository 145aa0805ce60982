"""Errors that say where, like those of the compiled readers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from ._core import Error

__all__ = ["fail", "nearest"]

_MOST_NAMED = 10

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
