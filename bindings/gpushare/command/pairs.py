"""Options that are lists of ``NAME=VALUE``."""

from __future__ import annotations

__all__ = ["pairs"]


def pairs(option: str, text: str, example: str) -> dict[str, str]:
    """``NAME=VALUE,...`` of an option, each name once; `example` says what to write instead of what is none.

    Raises
    ------
    ValueError
        For a word that is no pair, and a name that is there twice.
    """
    found: dict[str, str] = {}
    for word in (word.strip() for word in text.split(",") if word.strip()):
        name, _, value = word.partition("=")
        if not name or not value:
            raise ValueError(f"{option}: found {text!r}; write {example}")
        if name in found:
            raise ValueError(f"{option}: {name} is there twice, as {found[name]} and as {value}; say it once")
        found[name] = value
    return found
