"""How answers look in a terminal: how wide, how much of them, and which commands go on from there."""

from __future__ import annotations

import argparse
import shlex
import shutil
from typing import TYPE_CHECKING

from ..frames.sections import Beside

if TYPE_CHECKING:
    from ..scenario.scenario import Scenario

__all__ = ["add_details", "again", "beside", "columns", "going_on"]

_WIDEST, _NARROWEST = 100, 40
#: What says the same in another command.
_CARRIED = ("set", "gpu", "price", "slo", "seed")


def columns() -> int:
    """Columns of the terminal, of which more than 100 would not be read better."""
    return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns))


def add_details(parser: argparse.ArgumentParser, what: str) -> None:
    """``--details``; `what` says which."""
    parser.add_argument("-v", "--details", action="store_true", help=f"also {what}")


def beside(options: argparse.Namespace, scenario: Scenario | None, *next_: tuple[str, str]) -> Beside:
    """What a command says beside its answer: where that comes from, and commands to go on with."""
    from ..scenario.origin import origin_of

    origin = origin_of(scenario, options.seed).line if scenario is not None else ""
    return Beside(next_, origin, getattr(options, "details", False), "--details")


def again(options: argparse.Namespace, *words: str) -> str:
    """The same command, as it was given, with more words."""
    return shlex.join(["gpushare", *options.words, *words])


def going_on(options: argparse.Namespace, command: str, *words: str) -> str:
    """Another command for the same scenario, asked for in the same way.

    Parameters
    ----------
    options : argparse.Namespace
        Of the command that was given.
    command : str
        The other.
    words : str
        What it takes beside the scenario.
    """
    told = ["gpushare", command, str(options.scenario)]
    for name in _CARRIED:
        given = getattr(options, name, None)
        if given is None:
            continue
        for one in given if isinstance(given, list) else [given]:
            told += [f"--{name}", str(one)]
    return shlex.join([*told, *words])
