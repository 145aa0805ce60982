"""Arrival processes as scenario documents have them, the traces they make, and the one that fits a trace."""

from ..traces.servegen import Client, read_client, read_lengths
from .fitting import Fit, dispersion, fit
from .traffic import (
    constant,
    diurnal,
    gamma,
    gamma_poisson,
    generate,
    inference_perf,
    mean_rate,
    mixture,
    mmpp,
    on_off,
    piecewise,
    poisson,
    servegen,
    servegen_clients,
    spikes,
    times,
    vllm_bench,
    weibull,
)
from .voice import read_calls, save_calls, speech_trace, voice_calls

__all__ = [
    "Client",
    "Fit",
    "constant",
    "dispersion",
    "diurnal",
    "fit",
    "gamma",
    "gamma_poisson",
    "generate",
    "inference_perf",
    "mean_rate",
    "mixture",
    "mmpp",
    "on_off",
    "piecewise",
    "poisson",
    "read_calls",
    "read_client",
    "read_lengths",
    "save_calls",
    "servegen",
    "servegen_clients",
    "speech_trace",
    "spikes",
    "times",
    "vllm_bench",
    "voice_calls",
    "weibull",
]


def __dir__() -> list[str]:
    return __all__
