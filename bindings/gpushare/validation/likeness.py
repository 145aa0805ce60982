"""Which suites resemble a case: the engines that were measured in each, and how they shared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .accuracy import committed

__all__ = ["LEFT_OUT", "LIKE", "Likeness", "Resemblance", "resembling"]

_LLM, _ASR, _TTS = "continuous-batching", "stream-batching", "autoregressive-slots"
_OTHER = "other"
#: Kinds of engine that suites measure by themselves; all others count as one.
KINDS = (_LLM, _ASR, _TTS)


@dataclass(frozen=True)
class Likeness:
    """What a suite measures: in words, kinds of engine, and by its modes how the GPU was shared.

    `together`: it is about neighbours of another kind, and resembles only cases that have all of its kinds.
    """

    what: str
    kinds: frozenset[str]
    sharing: Mapping[str, str]
    together: bool = False


def _alone(*modes: str) -> dict[str, str]:
    return dict.fromkeys(modes, "exclusive")


_CO_RUNS = {"time-slicing": "time-slicing", "mps": "mps", "mps-capped": "mps with caps"}
_ALL = frozenset(KINDS)
#: By suite, in the order in which they count: measured by us, then published.
LIKE: Mapping[str, Likeness] = {
    "h200-intervals": Likeness("LLM, ASR and TTS together on one H200", _ALL, _CO_RUNS),
    "h200-long": Likeness("short steps beside long prompts on one H200", _ALL, _CO_RUNS),
    "h200-networks": Likeness(
        "networks for images, text and sound on one H200",
        frozenset([_OTHER]),
        {
            "time-slicing": "time-slicing",
            "mps, unseen": "mps",
            "mps-50": "mps with caps",
            "mps-25": "mps with caps",
        },
    ),
    "h200-services": Likeness(
        "a language model's jobs beside another network's requests on one H200",
        frozenset([_LLM, _OTHER]),
        {"time-slicing": "time-slicing", "mps, network": "mps", "mps-50": "mps with caps"},
        together=True,
    ),
    "vllm-h200": Likeness(
        "vLLM 0.24 on one H200, alone and two sharing it",
        frozenset([_LLM]),
        {"alone": "exclusive", "time-slicing": "time-slicing", "mps": "mps", "mps-50": "mps with caps"},
    ),
    "voice-blog": Likeness(
        "a voice pipeline on three A100, published",
        _ALL,
        {"time-slicing": "time-slicing", "mig:3g.40gb+3g.40gb": "mig"},
    ),
    "bursty-llm": Likeness(
        "an LLM cut and time-sliced on one A100, published",
        frozenset([_LLM]),
        {"time-slicing:4-int4": "time-slicing", "mig:7x1g.10gb": "mig"},
    ),
    "dynamo-sharing": Likeness(
        "two models on a GPU under Dynamo, published",
        frozenset([_LLM]),
        {"time-slicing": "time-slicing", "mps-capped": "mps with caps"},
    ),
    "nos": Likeness(
        "one detector on an A100, published",
        frozenset([_OTHER]),
        {"time-slicing": "time-slicing", "mps": "mps", "mig": "mig"},
    ),
    "parvagpu": Likeness(
        "networks on MIG instances of an A100, published",
        frozenset([_OTHER]),
        {"mig": "mig", "mig/mps": "mps"},
    ),
    "mig-microbenchmarks": Likeness(
        "matrix products and training on MIG slices of an A100, published",
        frozenset([_OTHER]),
        {"mig": "mig"},
    ),
    "speech-nim": Likeness(
        "recognition and synthesis by streams, published", frozenset([_ASR, _TTS]), _alone("a100", "h100")
    ),
    "accelmark": Likeness(
        "Llama 3 8B under vLLM on an A100, published", frozenset([_LLM]), _alone("vLLM 0.7.3", "vLLM 0.20.1")
    ),
    "nim-llm": Likeness(
        "Llama 3.1 8B under NIM, by concurrent requests, published",
        frozenset([_LLM]),
        _alone("NIM 1.3.0", "NIM 1.8.0"),
    ),
}
#: Suites that are no measure of a case: they hold parts of others, or single steps and most throughput.
LEFT_OUT = (
    "h200",
    "h200-pairs",
    "h200-second",
    "h200-mixed",
    "h200-parallel",
    "h200-eager",
    "hollow-gpu",
    "llm-steps",
    "llmservingsim",
    "trtllm-throughput",
    "trtllm-parallel",
    "silicon",
)


@dataclass(frozen=True)
class Resemblance:
    """Errors of a suite in one of its modes, as shares of what was measured.

    Attributes
    ----------
    suite, what, sharing : str
        Its name, what it measures, and how the GPU was shared.
    median, p90 : float
        Of |predicted / measured - 1|.
    figures : int
        How many were predicted.
    shared : tuple of str
        Kinds of engine that it and the case have in common.
    """

    suite: str
    what: str
    sharing: str
    median: float
    p90: float
    figures: int
    shared: tuple[str, ...]


def resembling(kinds: Collection[str], sharing: Collection[str]) -> list[Resemblance]:
    """Suites with the same kinds of engine under the same sharing, those with most in common first.

    Parameters
    ----------
    kinds : collection of str
        Kinds of engine of the services.
    sharing : collection of str
        ``exclusive``, ``time-slicing``, ``mps``, ``mps with caps`` and ``mig``, as GPUs are shared.
    """
    own = {kind if kind in KINDS else _OTHER for kind in kinds}
    figures = committed()
    found = []
    for suite, like in LIKE.items():
        common = tuple(sorted(own & like.kinds))
        if like.together and not like.kinds <= own:
            continue
        for mode, how in like.sharing.items():
            if common and how in sharing:
                one = figures[suite][mode]
                several = sum(other == how for other in like.sharing.values()) > 1
                what = f"{like.what}: {mode}" if several else like.what
                errors = one["median_abs_error"], one["p90_abs_error"]
                found.append(Resemblance(suite, what, how, *errors, one["n"], common))
    return sorted(found, key=lambda one: (one.sharing == "exclusive", -len(one.shared)))
