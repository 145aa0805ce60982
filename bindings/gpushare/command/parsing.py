"""The parser of the command line: errors are one line, and say what may have been meant."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from .._errors import nearest

__all__ = ["Parser", "commands_of"]


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands below a parser, by name."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= action.choices
    return found


class Parser(argparse.ArgumentParser):
    """Errors are one line, like other errors of the command that are one."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong in a line, and leaves with 2."""
        sys.stderr.write(f"gpushare: error: {message} (see {self.prog} --help)\n")
        sys.exit(2)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = nearest(str(value), map(str, action.choices))
            raise argparse.ArgumentError(action, f"found {str(value)!r}; {known}")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse, but what no command knows is told by that command, which has the options that are near."""
        found, rest = super().parse_known_args(args, namespace)
        if rest and not commands_of(self):
            self.error(f"found {' '.join(map(repr, rest))}{self._near(rest)}")
        return found, rest

    def _near(self, rest: Sequence[str]) -> str:
        option = rest[0].partition("=")[0]
        if not option.startswith("-"):
            return ", of which nothing is known"
        if option in ("--mode", "--modes") and "--axis" in self._option_string_actions:
            return "; modes are an axis here: --axis mode=dedicated,mps"
        return f"; {nearest(option, (name for name in self._option_string_actions if name.startswith('--')))}"
