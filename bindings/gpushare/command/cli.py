"""The command ``gpushare``."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from .. import _core
from .._core import Error
from .._version import installed_version
from ..frames.colours import coloured, wanted
from ..frames.render import page
from . import commands, comparing, deciding, logs, results, sensitivity, sweeping
from .check import add_check
from .clusters import add_cluster
from .completion import add_completion
from .data import add_data
from .explore import add_explore
from .init import add_init, add_schema
from .kubernetes import add_kubernetes
from .parsing import Parser
from .pictures import add_plot
from .reader import read_by_some
from .reporting import add_report
from .scenarios import add_scenario, positive
from .shown import columns

__all__ = ["main"]

#: Where it is set, errors show where they come from.
DEBUG = "GPUSHARE_DEBUG"

Command = Callable[[argparse.Namespace], int | None]

_KINDS = _core.mode_kinds()
_WIDTH = max(len(written) for written, _ in _KINDS)
_MODES = "\n".join(
    (
        "modes:",
        *(f"  {written:{_WIDTH}}  {does}" for written, does in _KINDS),
        "  or a mode that the scenario itself names",
    )
)

_ENVIRONMENT = (
    "environment: COLUMNS, how wide answers are, where it is not the terminal's width;\n"
    "  NO_COLOR=1, no colours on a terminal either;\n"
    f"  {DEBUG}=1, show where an error comes from"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        0 when objectives are met, or none were given; 2 after an error, said in one line on stderr; 3 when nothing ran,
        because every mode was refused; 4 when an objective is missed; 5 when it is too close to say; 130 after Ctrl-C.
    """
    options = argparse.Namespace()
    try:
        options = _parser().parse_args(arguments)
        options.words = sys.argv[1:] if arguments is None else list(arguments)
        command: Command = options.command
        colours = coloured(wanted(sys.stdout, os.environ))
        with read_by_some(), page(columns()), colours, warnings.catch_warnings():
            warnings.showwarning = _warn
            code = command(options)
            sys.stdout.flush()
    except KeyboardInterrupt as stopped:
        if arguments is None:  # this process is about to end, whatever else comes
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        return _fail(f"interrupted: {stopped}" if str(stopped) else "interrupted", 130)
    except (Error, ValueError, OSError, ImportError) as error:
        if os.environ.get(DEBUG, "") not in ("", "0"):
            traceback.print_exc()
        return _fail("\n  ".join(" ".join(line.split()) for line in _told(error).splitlines()), 2)
    return code or 0


def _told(error: Exception) -> str:
    """What an error says; of the system's, the file first, and the folder that is missing."""
    if not isinstance(error, OSError) or not error.strerror or not isinstance(error.filename, str):
        return str(error)
    folder = os.path.dirname(os.path.abspath(error.filename))
    if error.errno == errno.ENOENT and not os.path.isdir(folder):
        return f"{error.filename}: there is no folder {folder}"
    return f"{error.filename}: {error.strerror[0].lower()}{error.strerror[1:]}"


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"gpushare: error: {message}\n")
    return code


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    sys.stderr.write(f"gpushare: warning: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="gpushare",
        description="Simulates how services share GPUs, and says what it costs in latency and saves in GPUs.",
        epilog="examples:\n  gpushare compare voice-heavy\n  gpushare mig layouts a100\n  gpushare demo\n\n"
        f"{comparing.EXIT_CODES}\n\n{_ENVIRONMENT}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"gpushare {installed_version()}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    add_init(subparsers, _add, positive)
    _add_run(subparsers, comparing.run)
    _add_compare(subparsers, comparing.compare)
    deciding.add_deciding(subparsers, _add, add_scenario)
    add_report(subparsers, _add, add_scenario, _add_uncertainty)
    add_explore(subparsers, _add)
    add_cluster(subparsers, _add)
    add_kubernetes(subparsers, _add)
    _add_sweep(subparsers, sweeping.sweep)
    _add_sensitivity(subparsers, sensitivity.sensitivity)
    add_check(subparsers, _add, positive, Parser)
    _add_validate(subparsers, commands.validate)
    _add_calibrate(subparsers, commands.calibrate)
    _add_mig(subparsers, commands.mig_layouts)
    add_data(subparsers, _add, Parser)
    add_schema(subparsers, _add)
    logs.add_trace(subparsers, _add, positive, Parser)
    results.add_replay(subparsers, _add, positive)
    _add_demo(subparsers, commands.demo)
    add_completion(subparsers, _add, parser)
    return parser


def _add(
    subparsers: Any, name: str, help: str, command: Command | None, *examples: str
) -> argparse.ArgumentParser:
    epilog = "examples:\n" + "\n".join(f"  {example}" for example in examples)
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=help,
        description=f"{help[0].upper()}{help[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if command is not None:
        parser.set_defaults(command=command)
        parser.add_argument("--json", action="store_true", help="print JSON for machines")
    return parser


def _add_validate(subparsers: Any, command: Command) -> None:
    parser = _add(
        subparsers,
        "validate",
        "predict what was measured, and say how far off the predictions are",
        command,
        "gpushare validate h200",
        "gpushare validate all",
        "gpushare validate sources    # every claim of the documents that the scenarios come from",
        "gpushare validate DIR --uncertainty    # a folder that the probe kit wrote",
        "gpushare validate llmservingsim --data DIR --plot counts.png",
    )
    parser.add_argument(
        "target",
        metavar="SUITE|DIR",
        help="a built-in suite, 'all' of them, 'sources' for claims, or a folder of measurements",
    )
    parser.add_argument("--calibrated", metavar="DIR", help="take the sharing constants from another folder")
    parser.add_argument(
        "--uncertainty", action="store_true", help="90 %% intervals of the predictions and their coverage"
    )
    parser.add_argument(
        "--data", metavar="DIR", help="folder of published data that is not shipped, or of several such"
    )
    parser.add_argument(
        "--check", action="store_true", help="fail when a suite is worse than its committed figures"
    )
    add_plot(parser, "predictions against measurements, or what a suite compares over time")


def _add_calibrate(subparsers: Any, command: Command) -> None:
    parser = _add(
        subparsers,
        "calibrate",
        "fit sharing constants and step demands to measured runs",
        command,
        "gpushare calibrate DIR",
        "gpushare calibrate DIR --base h200 --out my-card.json",
        "gpushare calibrate engine RESULT.json --scenario my-server.json --out my-preset.json",
    )
    parser.add_argument(
        "folder",
        metavar="DIR|engine",
        help="a folder that the probe kit wrote; or engine, for a server's host times",
    )
    results.add_calibrate_engine(parser)
    parser.add_argument(
        "--base", metavar="PROFILE", help="profile that the constants go into; by default by SM count"
    )
    parser.add_argument(
        "-o", "--out", metavar="FILE", help="write the profile, or the preset, with what was fitted"
    )
    parser.add_argument("--models", metavar="DIR", help="write a model file for each step that was timed")


def _add_uncertainty(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--uncertainty",
        action="store_true",
        help="spread figures by calibration error too: 90 %% of predictions",
    )


def _add_run(subparsers: Any, command: Command) -> None:
    parser = _add(
        subparsers,
        "run",
        "simulate a scenario in one mode",
        command,
        "gpushare run voice-heavy --mode mps --replications 8",
        "gpushare run my-scenario.json --out results/        # requests.csv, partitions.csv, summary.json",
        "gpushare run my-scenario.json --out requests.csv    # one row for each request\n",
    )
    parser.epilog = f"{parser.epilog}\n{_MODES}\n\n{comparing.EXIT_CODES}"
    add_scenario(parser)
    _add_uncertainty(parser)
    comparing.add_run(parser)


def _add_compare(subparsers: Any, command: Command) -> None:
    parser = _add(
        subparsers,
        "compare",
        "simulate a scenario in several modes, side by side",
        command,
        "gpushare compare voice-heavy",
        "gpushare compare voice-light --slo tts.first_audio_p95=300ms --slo 'success_rate>=99.9%'",
        "gpushare compare voice-light --modes dedicated,mps,mig:3g.40gb+3g.40gb --replications 8 --json\n",
    )
    parser.epilog = f"{parser.epilog}\n{_MODES}\n\n{comparing.EXIT_CODES}"
    add_scenario(parser)
    _add_uncertainty(parser)
    comparing.add_compare(parser)
    _add_resume(parser, "modes")


def _add_sweep(subparsers: Any, command: Command) -> None:
    parser = _add(
        subparsers,
        "sweep",
        "simulate every combination of some axes",
        command,
        "gpushare sweep voice-heavy --axis users=5,20,50 --axis mode=dedicated,mps",
        "gpushare sweep voice-heavy --axis layout=all --minimize llm.ttft_p95",
        "gpushare sweep voice-heavy --axis users=20,50 --axis layout=all --slo tts.first_audio_p95=1s",
        "gpushare sweep voice-heavy --axis layout=all --axis users=20,50 --pareto tts.first_audio_p95,cost_per_month",
        "gpushare sweep voice-heavy --axis /services/tts/engine/slots=8,32 --resume points.jsonl",
    )
    add_scenario(parser)
    _add_uncertainty(parser)
    parser.epilog = f"{parser.epilog}\n\n{comparing.EXIT_CODES}"
    sweeping.add_sweep(parser)
    _add_resume(parser, "points")


def _add_sensitivity(subparsers: Any, command: Command) -> None:
    parser = _add(
        subparsers,
        "sensitivity",
        "show what a figure depends on most: one change at a time, both ways",
        command,
        "gpushare sensitivity voice-heavy --of tts.first_audio_p95 --vary users --vary /traffic/0/think_s",
        "gpushare sensitivity voice-heavy --of llm.ttft_p95 --vary mode=dedicated,mps --plot tornado.png",
    )
    add_scenario(parser)
    sensitivity.add_sensitivity(parser)
    _add_resume(parser, "points")


def _add_resume(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--resume", metavar="FILE", help=f"keep {what} here as they are done, and go on from those in it"
    )


def _add_mig(subparsers: Any, command: Command) -> None:
    mig = subparsers.add_parser(
        "mig", help="multi-instance GPU layouts", description="Multi-instance GPU layouts."
    )
    parser = _add(
        mig.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser),
        "layouts",
        "list the ways to cut a GPU",
        command,
        "gpushare mig layouts a100              # 19 layouts to which nothing can be added",
        "gpushare mig layouts a100 --multisets  # 14 of them differ in their instances",
        "gpushare mig layouts a100 --states --json",
    )
    parser.add_argument("gpu", metavar="GPU", nargs="?", default="a100", help="a profile; by default a100")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--states", action="store_true", help="every legal state, not only the maximal ones")
    kind.add_argument("--multisets", action="store_true", help="one layout for each multiset of instances")
    parser.add_argument(
        "--double-memory", action="store_true", help="also 1g instances with twice the memory"
    )
    parser.add_argument(
        "--before-r510", action="store_true", help="drivers before R510, which refuse 4g beside 3g"
    )


def _add_demo(subparsers: Any, command: Command) -> None:
    parser = _add(
        subparsers,
        "demo",
        "answer the voice-pipeline question, replay a trace, and sweep the MIG layouts",
        command,
        "gpushare demo",
        "gpushare demo --trace requests.csv",
        "gpushare demo --trace usage.csv --columns arrival=ts,input=asked,output=200",
    )
    parser.add_argument("--trace", metavar="FILE", help="replay this trace instead of a generated hour")
    logs.add_columns(parser)
    parser.add_argument(
        "--quick", action="store_true", help="one run of each instead of several, ten minutes of the trace"
    )
