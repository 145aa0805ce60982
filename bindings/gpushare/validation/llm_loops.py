"""Steps of a language model again and again: prompts of one length, or decodes of so many sequences that do not end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .documents import figure, model_document
from .networks import SOURCE

__all__ = ["MODEL", "asked", "engine", "language_model", "steps"]

#: The model whose steps were measured.
MODEL = "llama-3.1-8b"
#: What a server's host takes beside the launch of a step, which is a graph here.
_HOST = ("host_per_sequence_s", "piecewise_kernel_s", "eager_kernel_s", "idle_start_s", "request_overhead_s")
#: Tokens of a prompt that its sequence does not share with the others, so that it is computed at once.
_OWN_TOKENS = 8


def engine(launch_s: float, **options: Any) -> dict[str, Any]:
    """An engine without a host of its own, but for the launch of a step."""
    return {**dict.fromkeys(_HOST, 0.0), "host_per_step_s": launch_s, **options}


def language_model(kernels: float, launch_s: float, **options: Any) -> dict[str, Any]:
    """A service: the model as it is shipped, but for how many kernels a step has here."""
    model = model_document(MODEL) | {"kernels_per_step": figure(kernels, SOURCE)}
    return {"model": model, "engine": engine(launch_s, **options)}


def asked(phase: str, sequences: int, tokens: int) -> dict[str, Any]:
    """Members of its traffic: a prompt again and again, or (``decode``) sequences whose replies do not end."""
    if phase != "decode":
        return {"users": sequences, "sizes": {"input_tokens": tokens, "output_tokens": 1}}
    sizes = {"input_tokens": tokens, "output_tokens": 20_000}
    return {"users": sequences, "sizes": sizes, "system_prompt_tokens": tokens - _OWN_TOKENS}


def steps(summary: Mapping[str, Any], name: str, decoding: int) -> float:
    """Steps of the service in a run: tokens of the sequences that decode (0: requests of anything else)."""
    if decoding:
        return float(summary[f"{name}.itl_count"]) / decoding
    return float(summary[f"{name}.e2e_latency_count"])
