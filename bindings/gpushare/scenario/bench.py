"""The command line of a load generator as the requests that it makes, with the lengths and arrivals of that tool."""

from __future__ import annotations

import argparse
import math
import shlex
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import ScenarioError
from .._errors import fail

__all__ = ["Bench", "parse_bench"]

_MOST_PROMPTS = 1_000_000
#: Of `vllm bench serve` and of SGLang's bench_serving.
_PROMPTS = 1000


@dataclass(frozen=True)
class Bench:
    """What a command line asks a server to do.

    Attributes
    ----------
    tool : str
        ``vllm`` or ``sglang``.
    model : str
        As it is written; empty when the command names none.
    trace : Trace
        The requests, drawn as the tool draws them (its dataset ``random``).
    request_rate : float
        A second; infinite: all at once.
    max_concurrency : int or None
        Requests in flight at most.
    notes : list of str
        Conventions of the tool that matter, and what was left out.
    """

    tool: str
    model: str
    trace: _core.Trace
    request_rate: float
    max_concurrency: int | None
    notes: list[str]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise fail(ScenarioError, "--bench", message)


def _parser(tool: str) -> _Parser:
    parser = _Parser(prog=tool, add_help=False, allow_abbrev=False)
    add = parser.add_argument
    add("--model", default="")
    add("--dataset-name", default="random" if tool == "vllm" else "sharegpt")
    add("--num-prompts", type=int, default=_PROMPTS)
    add("--request-rate", type=float, default=math.inf)
    add("--burstiness", type=float, default=1.0)
    add("--max-concurrency", type=int)
    add("--random-input-len", "--random-input", "--input-len", type=int, default=1024)
    add(
        "--random-output-len",
        "--random-output",
        "--output-len",
        type=int,
        default=128 if tool == "vllm" else 1024,
    )
    add("--random-range-ratio", type=float, default=0.0)
    add("--random-prefix-len", type=int, default=0)
    add("--seed", type=int, default=0 if tool == "vllm" else 1)
    return parser


def _tool_of(words: list[str]) -> tuple[str, list[str]]:
    """The tool, and what follows its name."""
    text = " ".join(words)
    for tool, marks in (
        ("vllm", ("bench serve", "benchmark_serving.py")),
        ("sglang", ("sglang.bench_serving", "bench_serving.py", "sglang.bench_serving_v2")),
    ):
        if any(mark in text for mark in marks):
            first = next((i for i, word in enumerate(words) if word.startswith("--")), len(words))
            return tool, words[first:]
    raise fail(
        ScenarioError,
        "--bench",
        f'expected "vllm bench serve --model ..." or "python -m sglang.bench_serving ...", found "{text[:60]}"',
    )


def _range(tool: str, length: int, ratio: float) -> tuple[int, int]:
    """The shortest and the longest that the tool draws, evenly, for a length and its range ratio."""
    if tool == "sglang":
        return max(1, int(length * ratio)), length
    return max(1, math.floor(length * (1 - ratio))), max(1, math.ceil(length * (1 + ratio)))


def _arrivals(
    count: int, rate: float, burstiness: float, draw: np.random.Generator, *, rescaled: bool
) -> npt.NDArray[np.float64]:
    """Zeros for an infinite rate, otherwise sums of gamma gaps; vLLM stretches them to end at count / rate."""
    if math.isinf(rate):
        return np.zeros(count)
    gaps = draw.gamma(burstiness, 1 / (rate * burstiness), count)
    at: npt.NDArray[np.float64] = np.cumsum(gaps)
    if rescaled and at[-1] > 0:
        at *= count / rate / at[-1]
    started: npt.NDArray[np.float64] = at - at[0]
    return started


def parse_bench(command: str) -> Bench:
    """Reads a command line of ``vllm bench serve`` or SGLang's ``bench_serving``.

    Parameters
    ----------
    command : str
        As it is typed in a shell.

    Returns
    -------
    Bench

    Raises
    ------
    ScenarioError
        For another tool, a dataset whose lengths are not in the command, and values that the tool refuses.

    Notes
    -----
    Lengths of the dataset ``random`` are drawn evenly: by vLLM from ``length * (1 - ratio)`` to
    ``length * (1 + ratio)`` (ratio 0 by default: all alike), by SGLang from ``length * ratio`` to ``length`` (0 by
    default: from 1 on). Gaps between arrivals are of a gamma distribution whose shape is the burstiness (1: Poisson),
    and vLLM stretches them so that the last request leaves at prompts / rate: habits of vLLM 0.20 and SGLang 0.5.
    """
    try:
        words = shlex.split(command.replace("\\\n", " "))
    except ValueError as problem:
        raise fail(ScenarioError, "--bench", f"not a command line: {problem}") from None
    tool, rest = _tool_of(words)
    options, others = _parser(tool).parse_known_args(rest)
    if options.dataset_name not in ("random", "random-ids"):
        raise fail(
            ScenarioError,
            "--bench",
            f"dataset {options.dataset_name}: its lengths are in a file, not in the command; give its requests as a "
            "trace (gpushare replay FILE)",
        )
    _check(options, tool)
    draw = np.random.default_rng(options.seed)
    bounds = [
        _range(tool, n, options.random_range_ratio)
        for n in (options.random_input_len, options.random_output_len)
    ]
    lengths = [draw.integers(low, high, options.num_prompts, endpoint=True) for low, high in bounds]
    times = _arrivals(
        options.num_prompts, options.request_rate, options.burstiness, draw, rescaled=tool == "vllm"
    )
    trace = _core.Trace(times, lengths[0] + options.random_prefix_len, lengths[1], "bench")
    return Bench(
        tool,
        options.model,
        trace,
        options.request_rate,
        options.max_concurrency,
        _notes(tool, options, bounds, others),
    )


def _check(options: argparse.Namespace, tool: str) -> None:
    for name, low, high in (
        ("num_prompts", 1, _MOST_PROMPTS),
        ("random_input_len", 1, 10_000_000),
        ("random_output_len", 1, 10_000_000),
        ("random_prefix_len", 0, 10_000_000),
        ("max_concurrency", 1, _MOST_PROMPTS),
        ("random_range_ratio", 0, 0.999999 if tool == "vllm" else 1),
        ("seed", 0, 2**63),
    ):
        value = getattr(options, name)
        if value is not None and not low <= value <= high:
            raise fail(
                ScenarioError,
                "--bench",
                f"--{name.replace('_', '-')}: found {value}; {low} to {high} is legal",
            )
    for name in ("request_rate", "burstiness"):
        if not getattr(options, name) > 0:
            raise fail(ScenarioError, "--bench", f"--{name.replace('_', '-')}: a number above 0 is needed")


def _notes(
    tool: str, options: argparse.Namespace, bounds: list[tuple[int, int]], others: list[str]
) -> list[str]:
    (a, b), (c, d) = bounds
    notes = [
        f"{tool} draws prompts of {a} to {b} and replies of {c} to {d} tokens, evenly"
        if a < b or c < d
        else f"{tool}: all prompts have {a} tokens and all replies {c}"
    ]
    if math.isinf(options.request_rate):
        notes.append(
            f"request rate inf: {options.num_prompts} requests at once"
            + (f", {options.max_concurrency} of them in flight" if options.max_concurrency else "")
        )
    elif options.max_concurrency:
        notes.append(f"at most {options.max_concurrency} in flight; the others wait at the client")
    if options.random_prefix_len:
        notes.append("the common prefix is counted in every prompt; a cache of prefixes would save it")
    flags = [word.split("=")[0] for word in others if word.startswith("--")]
    if flags:
        notes.append(f"of no account here: {', '.join(flags)}")
    return notes
