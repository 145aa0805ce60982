"""``gpushare trace``: what logs and traces hold."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from .. import files
from .pictures import add_plot
from .scenarios import input_file

__all__ = ["add_columns", "add_trace"]


def _inspect(options: argparse.Namespace) -> None:
    """``gpushare trace inspect``."""
    from ..scenario.origin import origin_of_files
    from ..traces.doctor import diagnose

    found = diagnose(
        options.file,
        options.format,
        keep_empty=options.keep_empty,
        time_unit=options.time_unit,
        block_tokens=options.block_tokens,
        output_tokens=options.output_tokens,
        columns=options.columns,
    )
    if options.plot is not None:
        from ..report.measured import trace

        trace(found.trace, save=options.plot)
    if options.json:
        print(files.plain_json(found.to_dict() | {"origin": origin_of_files([options.file]).to_dict()}))
    else:
        print(found)


def _fit(options: argparse.Namespace) -> None:
    """``gpushare trace fit``."""
    from .. import traces
    from ..scenario.origin import origin_of_files
    from ..traffic.fitting import fit

    trace = traces.load(
        options.file,
        options.format,
        sort=True,
        time_unit=options.time_unit,
        block_tokens=options.block_tokens,
        output_tokens=options.output_tokens,
        columns=options.columns,
    )
    found = fit(trace, seed=options.seed)
    if options.json:
        origin = origin_of_files([options.file], options.seed).to_dict()
        print(files.plain_json(found.to_dict() | {"sizes": found.sizes(), "origin": origin}))
    else:
        print(found)


def add_trace(
    subparsers: Any, add: Callable[..., argparse.ArgumentParser], whole: Callable[[str], int], kind: type
) -> None:
    """Adds the group of commands: `add` adds one, `whole` reads a count, `kind` is the parser's class."""
    trace = subparsers.add_parser("trace", help="request traces", description="Request traces.")
    kinds = trace.add_subparsers(metavar="COMMAND", required=True, parser_class=kind)
    parser = add(
        kinds,
        "inspect",
        "say what a request trace is, what it holds, and which traps to beware of",
        _inspect,
        "gpushare trace inspect requests.csv",
        "gpushare trace inspect conversation_trace.jsonl.gz --plot trace.png",
        "gpushare trace inspect requests.jsonl --format timed-trace --time-unit ms --block-tokens 512 --json",
    )
    _add_file(parser, whole)
    add_plot(parser, "rate, gaps and lengths")
    parser.add_argument("--keep-empty", action="store_true", help="keep requests without output tokens")
    parser = add(
        kinds,
        "fit",
        "find the arrival process that stands for a request trace, and say how well",
        _fit,
        "gpushare trace fit requests.csv",
        "gpushare trace fit requests.csv --json    # with the arrivals for a scenario document",
    )
    _add_file(parser, whole)
    parser.add_argument("--seed", type=whole, default=1, help="of the random streams")


class _TraceFormats:
    """Their names, asked for when a help is printed: the module that knows them all imports NumPy."""

    def __str__(self) -> str:
        from ..traces import formats

        *names, last = formats()
        return f"{', '.join(names)} or {last}"


def _add_file(parser: argparse.ArgumentParser, whole: Callable[[str], int]) -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        type=input_file,
        help="a table, JSON, Parquet, Arrow or log; packed too; -: what is piped in",
    )
    add_columns(parser)
    action = parser.add_argument("--format", metavar="NAME", default="auto", help="%(formats)s")
    vars(action)["formats"] = _TraceFormats()
    parser.add_argument(
        "--time-unit", choices=("auto", "s", "ms", "us", "ns"), default="auto", help="of times without a unit"
    )
    parser.add_argument(
        "--block-tokens", type=whole, default=0, metavar="N", help="prompt tokens of one hash id"
    )
    parser.add_argument(
        "--output-tokens",
        type=whole,
        default=0,
        metavar="N",
        help="what requests generate whose length the file leaves open",
    )


def add_columns(parser: argparse.ArgumentParser) -> None:
    """Adds ``--columns``, for a command that reads a log."""
    parser.add_argument(
        "--columns",
        default="",
        metavar="ROLE=NAME,...",
        help="what holds arrival, input, output, session: a name, a path a.b, #2, or a length for all (input=1000)",
    )
