"""Whether a claim can be true: what the hardware and its kernels allow, whatever the scheduler."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .. import _core
from .._numbers import check_count, check_number
from ..scenario.profiles import ProfileLike
from ..scenario.profiles import model as load_model
from ..scenario.profiles import profile as load_profile
from .claim_case import RANKS, TOKENS_OF_SPEECH, Case
from .claim_report import IMPOSSIBLE, ONLY_IF, POSSIBLE, Bound, Claim, amount, quantity

__all__ = ["Bound", "Claim", "check"]

#: What a claim of tokens or latencies alone is taken to mean, in its favour: prompts of next to nothing.
_SHORT_PROMPT, _REPLY = 1, 256
#: Seconds of audio of an utterance, where a claim counts streams.
_UTTERANCE_S = 10.0


def check(
    model: str | os.PathLike[str],
    gpu: str | os.PathLike[str] | ProfileLike = "a100",
    *,
    rate: float | None = None,
    tokens_per_s: float | None = None,
    users: int | None = None,
    streams: int | None = None,
    ttft: float | None = None,
    itl: float | None = None,
    input: int | None = None,
    output: int | None = None,
    audio_s: float | None = None,
    units: float | None = None,
    precision: str | None = None,
    gpus: int = 1,
    partition: str = "whole",
    cached: float = 0.0,
) -> Claim:
    """Whether a claim can be true, and what would have to be true for it to hold.

    Bounds come from a mean request's arithmetic and memory traffic, so they hold for every scheduler and batch that
    the memory allows.

    Parameters
    ----------
    model : str or path
        A network that comes with the package, or a model file.
    gpu : str, path or Profile
        Likewise.
    rate : float, optional
        Requests a second, all GPUs together.
    tokens_per_s : float, optional
        Output tokens a second, all GPUs together (LLM).
    users : int, optional
        Requests that are in the system at once at most, each GPU: batches are no larger.
    streams : int, optional
        Streams of speech in real time, recognised or spoken.
    ttft, itl : float, optional
        Seconds to the first token, and between tokens (LLM).
    input, output : int, optional
        Tokens of a prompt and of a reply (LLM); by default, in the claim's favour, 1 and 256.
    audio_s : float, optional
        Speech of an utterance or sentence, 10 s by default.
    units : float, optional
        What a batch model counts, of a request; 1 by default.
    precision : str, optional
        Of the weights.
    gpus : int
        How many. An LLM may be split over 2, 4 or 8 of them: each bound is of the split that allows most.
    partition : str
        A MIG profile, such as ``"3g.40gb"``; by default the whole GPU. Then `gpus` counts instances.
    cached : float
        Share of prompt tokens that a prefix cache holds.

    Returns
    -------
    Claim

    Raises
    ------
    ValueError
        For a claim that says nothing, does not suit the model or is of more tokens than its context; unknown names
        raise as elsewhere.

    Examples
    --------
    >>> import gpushare as gs
    >>> gs.check("llama-3.1-8b", "a100", rate=45, input=1200, output=500).verdict
    'impossible'
    """
    network = load_model(model)
    kind = network.kind
    speaks = kind == "autoregressive-tts" or network.figures.get("unit") == "audio_s"
    profile = load_profile(gpu)
    for word in _ABOVE_ZERO:
        if (value := locals()[word]) is not None:
            check_number(word, value, "a number above 0", lambda number: 0 < number < math.inf)
    check_number("cached", cached, "a share from 0 to 1", lambda share: 0 <= share <= 1)
    gpus = check_count("gpus", gpus)
    _refuse(kind, speaks, profile, partition, rate, tokens_per_s, streams, ttft, itl)
    asked = {name: value for name, value in locals().items() if name in _ASKED and value is not None}
    _refuse_sizes(network, speaks, asked, cached)
    asked |= {"model": os.fspath(model), "gpu": profile.name}
    audio = audio_s if audio_s is not None else _UTTERANCE_S
    sizes = _sizes(kind, speaks, input, output, audio, units)
    if kind == "llm":
        _refuse_beyond_context(network, sizes)
    name = gpu if isinstance(gpu, str) else os.fspath(gpu) if isinstance(gpu, os.PathLike) else profile.name
    case = Case(
        os.fspath(model), kind, speaks, profile, name, gpus, partition, precision, cached, users, sizes, audio
    )
    wanted = rate
    if tokens_per_s is not None:
        wanted = tokens_per_s / sizes["output_tokens"]
    if streams is not None:
        wanted = streams / audio
    claim = _checked(case, asked, wanted, {"ttft_s": ttft, "itl_s": itl})
    return replace(claim, assumed=_assumed(network, speaks, asked))


_ABOVE_ZERO = (
    "rate",
    "tokens_per_s",
    "users",
    "streams",
    "ttft",
    "itl",
    "input",
    "output",
    "audio_s",
    "units",
)
_ASKED = (*_ABOVE_ZERO, "precision", "gpus", "partition", "cached")


def _refuse(
    kind: str,
    speaks: bool,
    profile: _core.Profile,
    partition: str,
    rate: float | None,
    tokens_per_s: float | None,
    streams: int | None,
    ttft: float | None,
    itl: float | None,
) -> None:
    rates = [
        name
        for name, value in (("rate", rate), ("tokens_per_s", tokens_per_s), ("streams", streams))
        if value
    ]
    if len(rates) > 1:
        raise ValueError(f"a claim has one rate, found {' and '.join(rates)}")
    if not rates and ttft is None and itl is None:
        raise ValueError("nothing is claimed; give rate, tokens_per_s, streams, ttft or itl")
    if kind != "llm" and (tokens_per_s is not None or ttft is not None or itl is not None):
        raise ValueError(f"tokens_per_s, ttft and itl are claims about an LLM; this model is of kind {kind}")
    if streams is not None and not speaks and kind != "streaming-asr":
        raise ValueError(
            f"streams are of models that hear or speak in real time; this one is of kind {kind}: claim a rate"
        )
    known = ["whole", *(mig["name"] for mig in profile.mig)]
    if partition not in known:
        raise ValueError(f"{profile.name} has no partition {partition!r}; known: {', '.join(known)}")


def _refuse_sizes(network: _core.Model, speaks: bool, asked: Mapping[str, Any], cached: float) -> None:
    """Sizes that a model does not count would be left out without a word."""
    hears = network.kind == "streaming-asr"
    takes = ("input", "output") if network.kind == "llm" else ("audio_s",) if speaks or hears else ("units",)
    given = [name for name in ("input", "output", "audio_s", "units") if name in asked and name not in takes]
    if cached and network.kind != "llm":
        given.append("cached")
    if given:
        unit = "" if takes != ("units",) else f", and one is a {network.figures['unit']}"
        raise ValueError(
            f"{given[0]} changes nothing: a request to a model of kind {network.kind} is told by "
            f"{' and '.join(takes)}{unit}"
        )


def _sizes(
    kind: str, speaks: bool, input: int | None, output: int | None, audio_s: float, units: float | None
) -> dict[str, float]:
    if kind == "llm":
        return {
            "input_tokens": input if input is not None else _SHORT_PROMPT,
            "output_tokens": output if output is not None else _REPLY,
        }
    if kind == "streaming-asr":
        return {"speech_s": audio_s}
    if speaks:
        return {"output_tokens": TOKENS_OF_SPEECH}
    return {"units": units if units is not None else 1}


def _refuse_beyond_context(network: _core.Model, sizes: Mapping[str, float]) -> None:
    context = int(network.figures["context_tokens"])
    asked = int(sizes["input_tokens"]) + int(sizes["output_tokens"])
    if context and asked > context:
        raise ValueError(
            f"input, output: {asked:,} tokens of a request are more than the model's context of {context:,}"
        )


def _assumed(network: _core.Model, speaks: bool, asked: Mapping[str, Any]) -> list[str]:
    """What was not told and the answer hangs on."""
    if network.kind == "llm":
        lengths = {
            "input": f"prompts of {_SHORT_PROMPT} token",
            "output": f"replies of {_REPLY} tokens",
            "precision": f"weights in {_published(network)}",
        }
        told = [text for name, text in lengths.items() if name not in asked]
        return told + (
            ["servers over as many of the GPUs as suit each figure"] if asked.get("gpus", 1) > 1 else []
        )
    if speaks or network.kind == "streaming-asr":
        return (
            [] if "audio_s" in asked else [f"{'sentences' if speaks else 'utterances'} of {_UTTERANCE_S:g} s"]
        )
    return [] if "units" in asked else [f"requests of 1 {network.figures['unit']}"]


def _checked(
    case: Case, asked: dict[str, Any], wanted: float | None, latencies: Mapping[str, float | None]
) -> Claim:
    found = case.bounds()
    if found is None:
        return Claim(IMPOSSIBLE, _does_not_fit(case), asked, conditions=_conditions(case, wanted))
    peak, kernels = found["peak_rate"], found["rate"]
    bounds = [Bound("requests_per_s", wanted, peak, kernels)]
    if case.kind == "llm":
        tokens = case.sizes["output_tokens"]
        claimed = None if wanted is None else wanted * tokens
        bounds += [
            Bound("output_tokens_per_s", claimed, peak * tokens, kernels * tokens),
            Bound("ttft_s", latencies["ttft_s"], found["peak_first_s"], found["alone_first_s"]),
            Bound("itl_s", latencies["itl_s"], found["peak_token_s"], found["alone_token_s"]),
        ]
    if case.speaks or case.kind == "streaming-asr":
        claimed = None if wanted is None else wanted * case.audio_s
        bounds.append(Bound("streams", claimed, peak * case.audio_s, kernels * case.audio_s))
    verdict = max((bound.verdict for bound in bounds), key=(POSSIBLE, ONLY_IF, IMPOSSIBLE).index)
    needs = {}
    if wanted is not None:
        each = wanted / found["replicas"]
        needs = {"compute": each * found["peak_compute_s"], "memory": each * found["peak_memory_s"]}
    conditions = {} if verdict == POSSIBLE else _conditions(case, wanted)
    told = [one.text for one in found["scenario"].warnings if one.where.endswith("/precision")]
    return Claim(verdict, _why(case, bounds, verdict), asked, bounds, needs, conditions, warnings=told)


def _does_not_fit(case: Case) -> str:
    where = case.gpu.name if case.partition == "whole" else f"{case.partition} of {case.gpu.name}"
    precision = f" in {case.precision}" if case.precision else ""
    return f"{case.model}{precision} does not fit the memory of {case.gpus} x {where}"


def _why(case: Case, bounds: list[Bound], verdict: str) -> str:
    where = case.gpu.name if case.partition == "whole" else f"{case.gpu.name}/{case.partition}"
    on = f"{case.gpus} x {where}" if case.gpus > 1 else where
    worst = next(bound for bound in bounds if bound.claimed is not None and bound.verdict == verdict)
    best = worst.peak if verdict == IMPOSSIBLE else worst.kernels
    whose = "peak rates" if verdict == IMPOSSIBLE else "kernels"
    limit = "at least" if worst.least else "at most"
    return f"{quantity(worst.figure, worst.claimed)} on {on}; its {whose} allow {limit} {amount(worst.figure, best)}"


def _conditions(case: Case, wanted: float | None) -> dict[str, Any]:
    """Each by itself, with everything else as claimed."""
    if wanted is None:
        return {}
    conditions: dict[str, Any] = {"rate": wanted, "gpus": _least_gpus(case, wanted)}
    if case.kind == "llm":
        conditions["cached"] = _least_cached(case, wanted)
        conditions["output"] = _longest_output(case, wanted)
        precisions = _precisions(case)
        rates = {name: replace(case, precision=name).capacity() for name in precisions}
        conditions["precisions"] = rates
    return conditions


def _precisions(case: Case) -> list[str]:
    network = load_model(case.model)
    names = dict.fromkeys(str(entry["name"]) for entry in network.figures["formats"])
    return [name for name in names if name != (case.precision or _published(network))]


def _published(network: _core.Model) -> str:
    """The format of an LLM's weights where none is asked for."""
    return str(network.figures.get("published_format") or "fp16")


def _least_gpus(case: Case, wanted: float) -> int | None:
    for gpus in (1, *(RANKS[1:] if case.partition == "whole" else ())):
        one = replace(case, gpus=gpus)
        found = one.bounds()
        if found is not None:
            return int(found["ranks"]) * math.ceil(wanted / float(found["capacity_per_s"]))
    return None


def _bisected(low: float, high: float, holds: Callable[[float], bool], steps: int = 24) -> float:
    """The border between `low`, where it does not hold, and `high`, where it does."""
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _least_cached(case: Case, wanted: float) -> float | None:
    def holds(share: float) -> bool:
        return replace(case, cached=share).capacity() >= wanted

    if not holds(1.0):
        return None
    return 0.0 if holds(0.0) else _bisected(0.0, 1.0, holds)


def _longest_output(case: Case, wanted: float) -> int | None:
    def holds(tokens: float) -> bool:
        return replace(case, sizes={**case.sizes, "output_tokens": int(tokens)}).capacity() >= wanted

    if not holds(1):
        return None
    return int(_bisected(case.sizes["output_tokens"], 1, holds))
