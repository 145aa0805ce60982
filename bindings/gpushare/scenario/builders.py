"""Services with their load in a line each, and the scenario that they make."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from .. import _core
from .._core import ScenarioError
from .._errors import fail
from .._numbers import check_name
from .builder_parts import (
    Arrivals,
    Distribution,
    Log,
    Served,
    Sizes,
    Slo,
    bounds_of,
    objectives_of,
    served,
    service_of,
)
from .load import Load
from .profiles import model as read_model

__all__ = ["Load", "asr", "document_of", "embedding", "kind_of_model", "llm", "rag", "tts", "voice"]

_PRESET = _core.usual_llm_preset()
_SENTENCE_S = 0.3  # speech of a language model's token, as documents have it where they say nothing


def llm(
    model: Served,
    *,
    rate: float | None = None,
    users: int | None = None,
    log: Log | None = None,
    prompt: Distribution | None = None,
    reply: Distribution | None = None,
    spread: float = 0.5,
    think_s: Distribution | None = None,
    name: str = "llm",
    precision: str | None = None,
    replicas: int = 1,
    tensor_parallel: int | None = None,
    preset: str | None = _PRESET,
    slo: Slo | None = None,
    **engine: Any,
) -> Load:
    """A language model's server and its requests.

    Parameters
    ----------
    model : str, path or mapping
        A model's name or repository id (see `model_names`), its file, or the model itself.
    rate : float, optional
        Requests a second, as a Poisson process. One of `rate`, `users` and `log` is given.
    users : int, optional
        Users who wait for their reply and then think.
    log : str, path or Trace, optional
        Requests to replay, with their times and tokens.
    prompt, reply : float or mapping
        Tokens, on average; or a distribution as documents have them. By default 1,000 and 200; a log brings its own.
    spread : float
        Sizes given as an average are lognormal with this sigma (0.5 is an assumption); 0: all alike.
    think_s : float or mapping
        Seconds between a reply and the user's next request, of `users`; by default 10.
    name : str
        Of the service in every output.
    precision : str, optional
        Of the weights; by default fp16.
    replicas, tensor_parallel : int
        Processes, and GPUs of each.
    preset : str, optional
        Whose defaults the engine has (see `engine_preset_names`).
    slo : mapping, str or list of str, optional
        Objectives: ``{"ttft_p95": "500ms"}``, or ``"ttft_p95=500ms"``.
    engine
        Engine options, such as ``max_num_seqs=64``.

    Returns
    -------
    Load
        For `Scenario.of`.

    Examples
    --------
    >>> import gpushare as gs
    >>> chat = gs.llm("Qwen/Qwen3-4B", rate=3, prompt=1000, reply=200, slo={"ttft_p95": "500ms"})
    >>> gs.Scenario.of(chat, gpu="a100").services
    ['llm']
    """
    sizes = Sizes(spread)
    if log is not None and (prompt is not None or reply is not None):
        raise fail(ScenarioError, name, "a log brings its own lengths; leave out prompt and reply")
    tokens = {
        "input_tokens": sizes.around(1000 if prompt is None else prompt, 1),
        "output_tokens": sizes.around(200 if reply is None else reply, 1),
    }
    options = ({"preset": preset} if preset else {}) | engine
    return Load(
        name,
        {name: service_of(model, precision, replicas, options, tensor_parallel=tensor_parallel)},
        [{"name": name, "service": name}],
        Arrivals(name, rate, users, think_s, log).traffic(tokens),
        objectives_of(name, slo),
        sizes.told() if log is None else [],
        log if isinstance(log, _core.Trace) else None,
    )


def asr(
    model: Served = "parakeet-rnnt-1.1b",
    *,
    rate: float | None = None,
    users: int | None = None,
    speech_s: Distribution = 4.0,
    spread: float = 0.5,
    think_s: Distribution | None = None,
    name: str = "asr",
    precision: str | None = None,
    replicas: int = 1,
    slo: Slo | None = None,
    **engine: Any,
) -> Load:
    """A speech recogniser and its utterances of `speech_s` seconds; the rest as in `llm`.

    Examples
    --------
    >>> import gpushare as gs
    >>> gs.Scenario.of(gs.asr(rate=2)).services
    ['asr']
    """
    sizes = Sizes(spread)
    lengths = sizes.around(speech_s, 0.2)
    streams = kind_of_model(model) == "streaming-asr"
    return Load(
        name,
        {name: service_of(model, precision, replicas, engine)},
        [{"name": name, "service": name}],
        Arrivals(name, rate, users, think_s).traffic({"speech_s" if streams else "units": lengths}),
        objectives_of(name, slo),
        sizes.told(),
    )


def tts(
    model: Served = "magpie-tts",
    *,
    rate: float | None = None,
    users: int | None = None,
    speech_s: Distribution = 6.0,
    spread: float = 0.5,
    think_s: Distribution | None = None,
    name: str = "tts",
    precision: str | None = None,
    replicas: int = 1,
    slo: Slo | None = None,
    **engine: Any,
) -> Load:
    """A speech synthesiser, asked for `speech_s` seconds of speech at a time; the rest as in `llm`.

    Examples
    --------
    >>> import gpushare as gs
    >>> gs.Scenario.of(gs.tts(rate=1)).services
    ['tts']
    """
    sizes = Sizes(spread)
    tokens = speech_s if isinstance(speech_s, Mapping) else speech_s / _SENTENCE_S
    return Load(
        name,
        {name: service_of(model, precision, replicas, engine)},
        [
            {
                "name": name,
                "service": name,
                "audio_s_per_token": 1.0 if isinstance(speech_s, Mapping) else _SENTENCE_S,
            }
        ],
        Arrivals(name, rate, users, think_s).traffic({"output_tokens": sizes.around(tokens, 1)}),
        objectives_of(name, slo),
        sizes.told(),
    )


def embedding(
    model: Served = "embedding-0.3b",
    *,
    rate: float | None = None,
    users: int | None = None,
    units: Distribution = 1,
    think_s: Distribution | None = None,
    name: str = "embedding",
    precision: str | None = None,
    replicas: int = 1,
    slo: Slo | None = None,
    **engine: Any,
) -> Load:
    """A model that takes its input at once (embedder, reranker, detector), so many texts or images a request.

    The rest as in `llm`.

    Examples
    --------
    >>> import gpushare as gs
    >>> gs.Scenario.of(gs.embedding(rate=20)).services
    ['embedding']
    """
    return Load(
        name,
        {name: service_of(model, precision, replicas, engine)},
        [{"name": name, "service": name}],
        Arrivals(name, rate, users, think_s).traffic({"units": units}),
        objectives_of(name, slo),
    )


def voice(
    *,
    rate: float | None = None,
    users: int | None = None,
    asr: Served = "parakeet-rnnt-1.1b",
    llm: Served = "llama-3.1-8b",
    tts: Served = "magpie-tts",
    speech_s: Distribution = 4.0,
    prompt: Distribution = 200,
    reply: Distribution = 80,
    spread: float = 0.5,
    think_s: Distribution | None = None,
    sentence_tokens: int = 20,
    name: str = "voice",
    slo: Slo | None = None,
) -> Load:
    """Turns of a conversation: recognised, answered, and spoken sentence by sentence.

    Parameters
    ----------
    rate, users, think_s : optional
        As in `llm`, of whole turns; users think for 2 s by default.
    asr, llm, tts : str, path or mapping
        Models, or services as documents have them: ``{"model": "llama-3.1-8b", "precision": "fp8"}``.
    speech_s, prompt, reply : float or mapping
        The user's utterance, and tokens; averages or distributions.
    sentence_tokens : int
        Tokens of the reply that are spoken at a time.
    name : str
        Of the pipeline.
    slo : mapping, optional
        Objectives: ``{"voice_to_voice_p95": "1.2s"}``.

    Examples
    --------
    >>> import gpushare as gs
    >>> gs.Scenario.of(gs.voice(users=20, llm="Qwen/Qwen3-4B"), gpu="a100").services
    ['asr', 'llm', 'tts']
    """
    sizes = Sizes(spread)
    turn = {
        "speech_s": sizes.around(speech_s, 0.2),
        "input_tokens": sizes.around(prompt, 1),
        "output_tokens": sizes.around(reply, 1),
    }
    speaks = {"after": "llm", "on": "sentence", "sentence_tokens": sentence_tokens}
    preset = {"preset": _PRESET}
    return Load(
        name,
        {"asr": served(asr), "llm": served(llm, preset), "tts": served(tts)},
        [
            {"name": part, "service": part} | (speaks if part == "tts" else {})
            for part in ("asr", "llm", "tts")
        ],
        Arrivals(name, rate, users, think_s, usual_think_s=2.0).traffic(turn),
        dict(bounds_of(slo)),
        sizes.told(),
    )


def rag(
    *,
    rate: float | None = None,
    users: int | None = None,
    embedder: Served = "bge-m3",
    reranker: Served = "bge-reranker-v2-m3",
    llm: Served = "llama-3.1-8b",
    passages: Distribution = 20,
    prompt: Distribution = 3000,
    reply: Distribution = 200,
    spread: float = 0.5,
    think_s: Distribution | None = None,
    name: str = "rag",
    slo: Slo | None = None,
) -> Load:
    """Questions that are embedded, answered from the best of some passages: embedder, reranker and language model.

    Parameters
    ----------
    rate, users, think_s : optional
        As in `llm`, of whole questions.
    embedder, reranker, llm : str, path or mapping
        Models, or services as documents have them.
    passages : float or mapping
        That the reranker scores for a question; the embedder has one text.
    prompt, reply : float or mapping
        Tokens, the passages that are left included; averages or distributions.
    name : str
        Of the pipeline.
    slo : mapping, optional
        Objectives: ``{"e2e_latency_p95": "8s"}``.

    Examples
    --------
    >>> import gpushare as gs
    >>> gs.Scenario.of(gs.rag(rate=2, passages=50), gpu="a100").services
    ['embedder', 'reranker', 'llm']
    """
    sizes = Sizes(spread)
    question = {"input_tokens": sizes.around(prompt, 1), "output_tokens": sizes.around(reply, 1)}
    return Load(
        name,
        {
            "embedder": served(embedder),
            "reranker": served(reranker),
            "llm": served(llm, {"preset": _PRESET}),
        },
        [
            {"name": "embedder", "service": "embedder", "units": 1},
            {"name": "reranker", "service": "reranker", "units": passages},
            {"name": "llm", "service": "llm"},
        ],
        Arrivals(name, rate, users, think_s).traffic(question),
        dict(bounds_of(slo)),
        sizes.told(),
    )


def document_of(
    loads: Sequence[Load], gpu: str | os.PathLike[str], document: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The document of `Scenario.of`, and the traces that it replays by the name of their traffic."""
    if not loads:
        raise fail(ScenarioError, "", 'a scenario needs a load, such as gs.llm("llama-3.1-8b", rate=3)')
    seen: set[str] = set()
    for load in loads:
        if not isinstance(load, Load):
            raise fail(
                ScenarioError,
                "",
                'expected loads, such as gs.llm("llama-3.1-8b", rate=3), found '
                f"{load!r:.60}; gs.Scenario.load reads a file, or a scenario by its name",
            )
        names = {load.name, *load.services}
        if twice := seen & names:
            raise fail(
                ScenarioError, min(twice), "two loads have this name; give one of them another with name="
            )
        seen |= names
    made: dict[str, Any] = {
        "name": "scenario",
        "gpu": check_name("gpu", gpu, "one name or path of a GPU profile"),
    }
    if all(load.traffic["kind"] != "trace" for load in loads):
        made |= {"duration_s": 600, "warmup_s": _warmup_s(document.get("duration_s", 600))}
    made["services"] = {name: service for load in loads for name, service in load.services.items()}
    speech = [name for name, service in made["services"].items() if kind_of_model(service["model"]) != "llm"]
    if len(speech) > 1 and len(speech) < len(made["services"]):
        made["placement"] = {"mode": "dedicated", "consolidate": speech}
    made["pipelines"] = {load.name: {"stages": list(load.stages)} for load in loads}
    made["traffic"] = [dict(load.traffic) for load in loads]
    if objectives := {key: bound for load in loads for key, bound in load.objectives.items()}:
        made["objectives"] = objectives
    if assumed := list(dict.fromkeys(text for load in loads for text in load.assumed)):
        made["sources"] = assumed
    traces = {load.name: load.log for load in loads if load.log is not None}
    return made | dict(document), traces or None


def _warmup_s(duration_s: Any) -> float:
    """A minute, or a tenth of what is shorter than ten."""
    return min(60, duration_s / 10) if isinstance(duration_s, (int, float)) else 60


def kind_of_model(model: Any) -> str:
    """Of a model that stands in a document, or is named there."""
    return str(model["kind"]) if isinstance(model, Mapping) else str(read_model(model).kind)
