"""``gpushare check``: scenarios before they run, claims against the roofline, results of load generators."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from .. import files
from ..frames.render import wrap
from ..frames.sections import Beside, joined
from . import amounts
from .results import add_check_result
from .scenarios import add_changes, scenario_of
from .shown import add_details, going_on

#: Exit codes of a claim.
_CODES = {"possible": 0, "impossible": 4, "possible only if": 5}
#: Exit codes of a scenario; 3 as where nothing ran, 4 as where objectives are missed.
_SCENARIO_CODES = {"fits": 0, "does not fit": 3, "overloaded": 4}


def check_scenario(options: argparse.Namespace) -> int:
    """``gpushare check scenario``; 0 when it may be carried, 3 when it fits nowhere, 4 when it is overloaded."""
    from ..planning.scenario_check import check_scenario as checked

    scenario = scenario_of(options)
    found = checked(scenario, modes=options.modes)
    if options.json:
        print(files.plain_json(found.to_dict()))
    else:
        words = ["--modes", options.modes] if options.modes is not None else []
        going = [(going_on(options, "compare", *words), "simulate them, side by side")]
        fits = found.verdict != "does not fit"
        print(found.text(Beside(going if fits else (), details=options.details, hint="--details")))
    return _SCENARIO_CODES[found.verdict]


def check_claim(options: argparse.Namespace) -> int:
    """``gpushare check claim``; 0 when it can be true, 4 when it cannot, 5 when only under conditions."""
    from ..planning.claim import check
    from ..scenario.origin import origin_of_files

    claim = check(
        options.model,
        options.gpu,
        rate=options.rate,
        tokens_per_s=options.tokens_per_s,
        users=options.users,
        streams=options.streams,
        ttft=options.ttft,
        itl=options.itl,
        input=options.input,
        output=options.output,
        audio_s=options.audio,
        units=options.units,
        precision=options.precision,
        gpus=options.gpus,
        partition=_partition(options.partition, options.gpu),
        cached=options.cached,
    )
    origin = origin_of_files([options.model, options.gpu])
    if options.json:
        print(files.plain_json(claim.to_dict() | {"origin": origin.to_dict()}))
    else:
        print(joined([str(claim), wrap(origin.line, indent="  ")]))
    return _CODES[claim.verdict]


def _partition(text: str, gpu: str) -> str:
    """The profile of one instance, as layouts write it: ``MIG 3g.40gb``, ``3g``, ``9``; the whole card as it is.

    Raises
    ------
    LayoutError
        When the card has no such instance.
    ValueError
        For a layout of several.
    """
    from ..scenario import mig

    found = mig.parse(text, gpu).instances
    if len(found) > 1:
        raise ValueError(
            f"--partition: found {text!r}, {len(found)} instances; write the profile of one, and how many as --gpus"
        )
    return str(found[0]["profile"]) if found else text


def add_check(
    subparsers: Any, add: Callable[..., argparse.ArgumentParser], whole: Callable[[str], int], kind: type
) -> None:
    """Adds the group of commands: `add` adds one, `whole` reads a count, `kind` is the parser's class."""
    group = subparsers.add_parser(
        "check",
        help="a scenario before it runs, whether claims can be true, how far results are from predictions",
        description="A scenario before it runs, whether claims can be true, and how far measured results are from "
        "predictions.",
    )
    kinds = group.add_subparsers(metavar="COMMAND", required=True, parser_class=kind)
    _add_check_scenario(kinds, add)
    add_check_result(kinds, add)
    parser = add(
        kinds,
        "claim",
        "say whether a claim can be true, and what would have to be true for it to hold",
        check_claim,
        "gpushare check claim --model llama-3.1-8b --gpu a100 --rate 45 --input 1200 --output 500",
        "gpushare check claim --model llama-3.1-8b --gpu h100 --itl 5ms --precision fp8",
        "gpushare check claim --model parakeet-1.1b --gpu a100 --partition 3g.40gb --streams 200",
    )
    parser.epilog = f"{parser.epilog}\n\nexit codes: 0 possible, 4 impossible, 5 possible only if ..."
    parser.add_argument("--model", required=True, help="a name of `gpushare model list`, or a file")
    parser.add_argument("--gpu", default="a100", help="a profile, or a file; by default a100")
    parser.add_argument("--rate", type=amounts.rate, help="requests a second, all GPUs together; or 100/min")
    parser.add_argument(
        "--tokens-per-s", type=amounts.above_zero, metavar="N", help="output tokens a second (LLM)"
    )
    parser.add_argument("--users", type=whole, metavar="N", help="requests at once at most, each GPU")
    parser.add_argument("--streams", type=whole, metavar="N", help="of speech in real time")
    parser.add_argument(
        "--ttft", type=amounts.seconds, metavar="TIME", help="to the first token: 200ms, or seconds"
    )
    parser.add_argument(
        "--itl", "--tpot", type=amounts.seconds, metavar="TIME", help="between tokens: 5ms, or seconds"
    )
    parser.add_argument("--input", type=amounts.whole_tokens, metavar="TOKENS", help="of a prompt")
    parser.add_argument("--output", type=amounts.whole_tokens, metavar="TOKENS", help="of a reply")
    parser.add_argument(
        "--audio", type=amounts.seconds, metavar="TIME", help="of an utterance; by default 10"
    )
    parser.add_argument("--units", type=amounts.above_zero, metavar="N", help="of a batch model's request")
    parser.add_argument("--precision", help="of the weights")
    parser.add_argument("--gpus", type=whole, default=1, metavar="N", help="how many; by default 1")
    parser.add_argument("--partition", default="whole", metavar="PROFILE", help="3g.40gb; --gpus counts them")
    parser.add_argument(
        "--cached", type=amounts.share, default=0.0, metavar="SHARE", help="of prompts, in a cache"
    )


def _add_check_scenario(kinds: Any, add: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add(
        kinds,
        "scenario",
        "say whether a scenario is right, where it fits and whether its load can be carried, without simulating it",
        check_scenario,
        "gpushare check scenario voice-heavy",
        "gpushare check scenario mine.json --modes dedicated,time-slicing,mps --json",
    )
    parser.epilog = (
        f"{parser.epilog}\n\nexit codes: 0 it fits, and nothing says that it cannot keep up; 2 error; 3 it fits in\n"
        "  none of the modes; 4 it cannot keep up in any of them"
    )
    parser.add_argument("scenario", metavar="SCENARIO", help="a file, or a name of `gpushare scenario list`")
    add_changes(parser)
    parser.add_argument(
        "--modes", metavar="A,B,...", help="as `gpushare compare` takes them; by default those that it names"
    )
    add_details(parser, "what was assumed")
