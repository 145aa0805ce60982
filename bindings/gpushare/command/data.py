"""The subcommands about the package's data: ``gpushare profile``, ``model``, ``scenario`` and ``doctor``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from .. import files
from . import commands
from .scenarios import add_changes

__all__ = ["add_data"]

Add = Callable[..., argparse.ArgumentParser]


def add_data(subparsers: Any, add: Add, parser_class: type[argparse.ArgumentParser]) -> None:
    """Adds the commands."""

    def group(
        name: str, what: str, example: str, list_: Any, show: Any
    ) -> tuple[Any, argparse.ArgumentParser]:
        parent = subparsers.add_parser(
            name, help=f"{what} and their figures", description=f"{what.capitalize()}."
        )
        kinds = parent.add_subparsers(metavar="COMMAND", required=True, parser_class=parser_class)
        add(kinds, "list", f"list the {what} that come with the package", list_, f"gpushare {name} list")
        parser = add(kinds, "show", f"show one of the {what}", show, f"gpushare {name} show {example}")
        parser.add_argument("name", metavar="NAME", help="a name of the list, or a file")
        return kinds, parser

    group("profile", "GPU models", "a100", commands.profile_list, commands.profile_show)
    kinds, _ = group("model", "networks", "llama-3.1-8b", commands.model_list, commands.model_show)
    _add_from_hf(kinds, add)
    _, show = group("scenario", "scenarios", "voice-heavy", commands.scenario_list, commands.scenario_show)
    show.add_argument("--mode", help="a mode to apply first")
    add_changes(show)
    add(
        subparsers,
        "doctor",
        "say which profiles fit the GPUs of this machine, and what differs",
        doctor,
        "gpushare doctor",
    )


def _add_from_hf(kinds: Any, add: Add) -> None:
    parser = add(
        kinds,
        "from-hf",
        "make a model of a published config.json (llama, mistral, qwen, mixtral, gemma, phi3, gpt_oss, bert, whisper)",
        model_from_hf,
        "gpushare model from-hf ~/models/Qwen2.5-7B-Instruct -o qwen.json",
        "gpushare model from-hf config.json | less",
    )
    parser.add_argument("path", metavar="DIR", help="a folder with a config.json, or the file")
    parser.add_argument("-o", "--output", metavar="FILE", help="write it there and not to the terminal")


def model_from_hf(options: argparse.Namespace) -> None:
    """``gpushare model from-hf``."""
    import os

    from .. import _core

    if not os.path.exists(options.path):
        raise FileNotFoundError(
            f"{options.path}: there is no such file or folder; models that are shipped are known by their "
            "repository's id (gpushare model show)"
        )
    text = _core.model_document(os.path.abspath(options.path)) + "\n"
    if options.output is None:
        sys.stdout.write(text)
        return
    files.replace_file(options.output, lambda file: file.write(text))
    print(
        f"wrote {options.output}: efficiencies and floors in it are assumed, sizes are those of {options.path}"
    )


def doctor(options: argparse.Namespace) -> int:
    """``gpushare doctor``; 0 when a profile fits every GPU, 3 when none fits one or there is no GPU."""
    from ..scenario.cards import installed_cards

    found = installed_cards()
    if options.json:
        print(files.plain_json({"gpus": [card.to_dict() for card in found]}))
    else:
        print("\n".join(map(str, found)))
    return 0 if all(card.profile for card in found) else 3
