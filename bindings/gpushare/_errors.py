"""Errors that say where, like those of the compiled readers."""

from __future__ import annotations

from typing import TypeVar

from ._core import Error

__all__ = ["fail"]

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
