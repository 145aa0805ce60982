"""``gpushare completion``: a script that completes commands, options, and names of what comes with the package."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import _core
from .parsing import commands_of

__all__ = ["add_completion", "script"]

SHELLS = ("bash", "zsh", "fish")
#: What a value is, by the name that a help gives it; files where it is not here.
_KINDS = {
    "SCENARIO": "scenarios",
    "PLAN|SCENARIO": "scenarios",
    "GPU": "cards",
    "CARD": "cards",
    "PROFILE": "cards",
    "MODEL": "models",
    "MODE": "modes",
    "A,B,...": "modes",
    "MODE,...": "modes",
}
_GROUPS = {"profile": "cards", "model": "models", "scenario": "scenarios"}


@dataclass(frozen=True)
class _Command:
    """What may stand after a command.

    Attributes
    ----------
    words : str
        The command, without ``gpushare``.
    options : mapping of str to str
        What the value of each option is: a key of `_names`, ``file``, words with spaces between, or nothing for a flag.
    places : str
        What stands without an option: a key of `_names`, ``file`` or words.
    """

    words: str
    options: Mapping[str, str]
    places: str


def add_completion(
    subparsers: Any, add: Callable[..., argparse.ArgumentParser], root: argparse.ArgumentParser
) -> None:
    """Adds the command; `root` is the parser of all of them."""
    parser = add(
        subparsers,
        "completion",
        "print a script that completes commands, options and names in your shell",
        None,
        'eval "$(gpushare completion bash)"    # in ~/.bashrc',
        'eval "$(gpushare completion zsh)"     # in ~/.zshrc, after compinit',
        "gpushare completion fish > ~/.config/fish/completions/gpushare.fish",
    )
    parser.add_argument("shell", choices=SHELLS, help="which")
    parser.set_defaults(command=lambda options: print(script(root, options.shell)))


def script(root: argparse.ArgumentParser, shell: str) -> str:
    """The script for a shell; bash's does for zsh.

    Parameters
    ----------
    root : ArgumentParser
        Of the whole command line.
    shell : str
        ``bash``, ``zsh`` or ``fish``.
    """
    found = list(_commands(root, ""))
    if shell == "fish":
        return _fish(found)
    before = "autoload -U +X bashcompinit && bashcompinit\n" if shell == "zsh" else ""
    return f"{before}{_bash(found)}"


def _names() -> dict[str, list[str]]:
    """Names that come with the package, and modes that every document has."""
    modes = list(dict.fromkeys(re.split(r"[:\[]", written)[0] for written, _ in _core.mode_kinds()))
    return {
        "scenarios": _core.scenario_names(),
        "cards": _core.profile_names(),
        "models": _core.model_names(),
        "modes": modes,
    }


def _commands(parser: argparse.ArgumentParser, words: str) -> Iterator[_Command]:
    below = commands_of(parser)
    options = {
        name: _value(action, words) if action.nargs != 0 else ""
        for name, action in parser._option_string_actions.items()
    }
    places = [
        a for a in parser._actions if not a.option_strings and not isinstance(a, argparse._SubParsersAction)
    ]
    first = " ".join(below) if below else _value(places[0], words) if places else ""
    yield _Command(words, options, first)
    for name, command in below.items():
        yield from _commands(command, f"{words} {name}".strip())


def _value(action: argparse.Action, words: str) -> str:
    if action.choices is not None:
        return " ".join(map(str, action.choices))
    if action.metavar == "NAME" and not action.option_strings:
        return _GROUPS.get(words.partition(" ")[0], "file")
    kinds = {"--gpu": "cards", "--model": "models", "--mode": "modes"}
    by_name = next((kinds[name] for name in action.option_strings if name in kinds), "file")
    return _KINDS.get(str(action.metavar), by_name)


def _bash(found: Sequence[_Command]) -> str:
    names = _names()
    lines = ["_gpushare() {", '  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"']
    lines.append('  local command="" next i options="" places="" value=""')
    lines += [f"  local {name}={shlex.quote(' '.join(values))}" for name, values in names.items()]
    known = " | ".join(f'"{one.words}"' for one in found if one.words)
    lines += [
        "  for ((i = 1; i < COMP_CWORD; i++)); do",
        '    next="${command:+$command }${COMP_WORDS[i]}"',
        f'    case "$next" in {known}) command="$next" ;; esac',
        "  done",
        '  case "$command" in',
    ]
    for one in found:
        lines += _bash_case(one, names)
    return "\n".join([*lines, *_BASH_END])


def _bash_case(one: _Command, names: Mapping[str, Sequence[str]]) -> list[str]:
    options = " ".join(one.options)
    lines = [f'    "{one.words}")', f'      options="{options}" places="{_expanded(one.places, names)}"']
    by_value: dict[str, list[str]] = {}
    for option, value in one.options.items():
        if value:
            by_value.setdefault(value, []).append(option)
    cases = [
        f'        {" | ".join(named)}) value="{_expanded(value, names)}" ;;'
        for value, named in by_value.items()
    ]
    if cases:
        lines += ['      case "$before" in', *cases, "      esac"]
    return [*lines, "      ;;"]


#: Files are bash's own, which knows folders and spaces.
_BASH_END = (
    "  esac",
    '  local words="${value:-$places}"',
    '  if [[ -z "$value" && "$word" == -* ]]; then words="$options"; fi',
    '  local listed=""',
    '  if [[ -n "$value" && "$word" == *,* ]]; then listed="${word%,*},"; word="${word##*,}"; fi',
    '  COMPREPLY=($(compgen -P "$listed" -W "${words//FILE/}" -- "$word"))',
    '  if [[ "$words" == *FILE* ]]; then COMPREPLY+=($(compgen -P "$listed" -f -- "$word")); fi',
    "}",
    "complete -o filenames -F _gpushare gpushare",
)


def _expanded(value: str, names: Mapping[str, Sequence[str]]) -> str:
    """Words; FILE stands for files, which may be where a scenario, a card or a model may be."""
    if value == "file":
        return "FILE"
    if value in names:
        return f"${value}" if value == "modes" else f"${value} FILE"
    return value


def _fish(found: Sequence[_Command]) -> str:
    names = _names()
    lines = [*_FISH_BEGIN, "complete -c gpushare -f"]
    for one in found:
        words = one.words.split()
        below = [o.words.split()[-1] for o in found if o.words and o.words.rpartition(" ")[0] == one.words]
        seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in words)
        unseen = f"not __fish_seen_subcommand_from {' '.join(below)}" if below else ""
        condition = "; and ".join(part for part in (seen, unseen) if part)
        when = f" -n {shlex.quote(condition)}" if condition else ""
        lines.append(f"complete -c gpushare{when} {_fish_value(one.places, names)}".rstrip())
        for option, value in one.options.items():
            flag = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
            needs = (
                f" -{'r' if _takes_files(value, names) else 'x'} {_fish_value(value, names)}" if value else ""
            )
            lines.append(f"complete -c gpushare{when} {flag}{needs}")
    return "\n".join(lines)


#: Words after those that stand before the last comma already.
_FISH_BEGIN = (
    "function __gpushare_listed",
    "  set -l before (string match -r '^.*,' -- (commandline -ct); or echo '')",
    "  printf '%s\\n' $before$argv",
    "end",
)


def _takes_files(value: str, names: Mapping[str, Sequence[str]]) -> bool:
    """Whether a file may stand there: also where a scenario, a card or a model may, but not a mode."""
    return value == "file" or (value in names and value != "modes")


def _fish_value(value: str, names: Mapping[str, Sequence[str]]) -> str:
    if value in ("", "file"):
        return "-F" if value else ""
    words = " ".join(names.get(value, value.split(" ")))
    listed = f"(__gpushare_listed {words})" if value == "modes" else words
    return f"{'-F ' if _takes_files(value, names) else ''}-a {shlex.quote(listed)}"
