"""How answers look in a terminal: how wide, how much of them, and which commands go on from there."""

from __future__ import annotations

import argparse
import shlex
import shutil
from collections.abc import Sequence

__all__ = ["DETAILS", "add_details", "columns", "going_on"]

_WIDEST, _NARROWEST = 100, 40
#: How to see what was assumed.
DETAILS = "--details"
#: What says the same in another command.
_CARRIED = ("set", "gpu", "price", "slo", "seed")


def columns() -> int:
    """Columns of the terminal, of which more than 100 would not be read better."""
    return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns))


def add_details(parser: argparse.ArgumentParser, what: str) -> None:
    """``--details``; `what` says which."""
    parser.add_argument("-v", "--details", action="store_true", help=f"also {what}")


def going_on(options: argparse.Namespace, command: str, *words: str, without: Sequence[str] = ()) -> str:
    """Another command for the same scenario, asked for in the same way.

    Parameters
    ----------
    options : argparse.Namespace
        Of the command that was given.
    command : str
        The other.
    words : str
        What it takes beside the scenario.
    without : sequence of str
        Options of this command that it does not take.
    """
    told = ["gpushare", command, str(options.scenario)]
    for name in _CARRIED:
        given = getattr(options, name, None)
        if given is None or name in without:
            continue
        for one in given if isinstance(given, list) else [given]:
            told += [f"--{name}", str(one)]
    return shlex.join([*told, *words])
