"""The claims of the source documents, as ``validation/sources.json`` has them: what each says, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..documents import measured

__all__ = ["ANSWERS", "Book", "Claim", "Setting", "load"]

FILE = "sources.json"
#: What can be said of a claim.
ANSWERS = ("reproduced", "contradicted", "wrong in the source", "not modelled")


@dataclass(frozen=True)
class Claim:
    """What a source says, and how it is answered.

    Attributes
    ----------
    number : int
        1 and up, as listed.
    sources : tuple of str
        Documents that say so.
    says : str
        In our own words, with the figure that is printed there.
    answer : str
        One of `ANSWERS`.
    told : tuple of float
        The figure, or the ends of a range; empty: none.
    unit : str
        Of `told` and `ours`.
    ours : str
        Expression of our figure.
    within : float
        By what share of `told` ours may be off and still be the same.
    holds : str
        Expression that is true where what is said holds: for what is said without a figure.
    shows : str
        Text with expressions: our side of what is said without a figure.
    because : str
        Text with expressions: the mechanism, where source and model part.
    evidence : str
        Expression that must be true for `because` to be the reason.
    """

    number: int
    sources: tuple[str, ...]
    says: str
    answer: str
    told: tuple[float, ...] = ()
    unit: str = ""
    ours: str = ""
    within: float = 0.0
    holds: str = ""
    shows: str = ""
    because: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class Setting:
    """A scenario to simulate, with what is changed in it.

    Attributes
    ----------
    scenario : str
        Name of one that comes with the package.
    changes : mapping
        As `Scenario.replace` takes them.
    replications : int
        Runs of each mode.
    """

    scenario: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    replications: int = 1


@dataclass(frozen=True)
class Book:
    """All claims.

    Attributes
    ----------
    documents : mapping of str to str
        What each source is.
    settings : mapping of str to Setting
        What is simulated, by name.
    modes : mapping of str to str
        Short names of modes.
    claims : tuple of Claim
    """

    documents: Mapping[str, str]
    settings: Mapping[str, Setting]
    modes: Mapping[str, str]
    claims: tuple[Claim, ...]


def load() -> Book:
    """Reads the file that comes with the package."""
    told = measured(FILE)
    return Book(
        told["documents"],
        {name: Setting(**one) for name, one in told["settings"].items()},
        told["modes"],
        tuple(_claim(one) for one in told["claims"]),
    )


def _claim(one: Mapping[str, Any]) -> Claim:
    told = one.get("told", [])
    return Claim(
        **{
            **one,
            "sources": tuple(one["sources"]),
            "told": tuple(told) if isinstance(told, list) else (told,),
        }
    )
