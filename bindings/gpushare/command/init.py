"""``gpushare init``: a scenario of one's own from a few words."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from typing import Any

from .. import files
from ..extras import installed
from ..frames.render import wrap
from ..frames.sections import commands
from . import amounts

__all__ = ["add_init", "add_schema"]

_KINDS = ("llm", "asr", "tts", "embedding", "voice", "rag")
_NEXT = (
    ("compare", "what users lose by sharing, what comes free"),
    ("plan", "the fewest GPUs, with a proof"),
    ("explore", "a page with sliders"),
)
_DEFAULT_MODELS = {
    "llm": "llama-3.1-8b",
    "asr": "parakeet-rnnt-1.1b",
    "tts": "magpie-tts",
    "embedding": "embedding-0.3b",
}


def add_init(
    subparsers: Any, add: Callable[..., argparse.ArgumentParser], positive: Callable[[str], int]
) -> None:
    """Adds the command."""
    parser = add(
        subparsers,
        "init",
        "write a scenario of your own services, with comments; asks where nothing is said",
        init,
        "gpushare init --llm Qwen/Qwen3-4B --rate 3 --prompt 1000 --reply 200 --slo llm.ttft_p95=500ms",
        "gpushare init --llm llama-3.1-8b --from-log access.csv --gpu h100 -o chat.yaml",
        "gpushare init --voice --users 20 --gpu NVIDIA-L40S",
        "gpushare init --from-cluster DIR                        # pods, nodes and a scrape of the DCGM exporter",
        "gpushare init                                           # five questions",
    )
    for kind, about in (
        ("llm", "a language model's server"),
        ("asr", "a speech recogniser"),
        ("tts", "a speech synthesiser"),
        ("embedding", "an embedder, reranker or detector"),
    ):
        model = _DEFAULT_MODELS[kind]
        parser.add_argument(
            f"--{kind}", metavar="MODEL", nargs="?", const=model, help=f"{about}; by default {model}"
        )
    parser.add_argument(
        "--voice", action="store_true", help="recognised, answered and spoken turns of all three"
    )
    parser.add_argument(
        "--rag",
        action="store_true",
        help="questions that are embedded and answered from the best of 20 passages",
    )
    parser.add_argument(
        "--rate", type=amounts.rate, metavar="PER_S", help="requests a second, of each; by default 1"
    )
    parser.add_argument(
        "--users", type=positive, metavar="N", help="instead: users who wait for their answers"
    )
    parser.add_argument("--from-log", metavar="LOG", help="instead: the llm's requests, as they came")
    parser.add_argument(
        "--from-cluster",
        metavar="DIR",
        help="instead of services: what files of a cluster show (as of gpushare plan)",
    )
    parser.add_argument(
        "--prompt",
        type=amounts.tokens,
        metavar="TOKENS",
        help="on average; by default 1000 (voice 200, rag 3000)",
    )
    parser.add_argument(
        "--reply", type=amounts.tokens, metavar="TOKENS", help="on average; by default 200 (voice 80)"
    )
    parser.add_argument(
        "--gpu", default="a100", metavar="NAME", help="by default a100; see gpushare profile list"
    )
    parser.add_argument("--price", type=amounts.dollars, metavar="USD", help="of a GPU for an hour")
    parser.add_argument("--slo", action="append", default=[], metavar="FIGURE=BOUND", help="again for more")
    parser.add_argument(
        "-o", "--out", metavar="FILE", help="scenario.yaml, or scenario.json where YAML cannot be read"
    )
    parser.add_argument("--force", action="store_true", help="replace the file if there is one")


def init(options: argparse.Namespace) -> None:
    """``gpushare init``."""
    if options.from_log and not any(getattr(options, kind) for kind in _KINDS):
        options.llm = _DEFAULT_MODELS["llm"]
    asked = [kind for kind in _KINDS if getattr(options, kind)]
    if options.from_cluster and asked:
        raise ValueError(f"--from-cluster says which services there are; leave out --{asked[0]}")
    if not asked and not options.from_cluster:
        if not sys.stdin.isatty():
            raise ValueError(
                "say which services: --llm, --asr, --tts, --embedding, --voice or --rag (see gpushare init --help)"
            )
        _ask(options)
    out = options.out or ("scenario.yaml" if installed("ruamel.yaml") else "scenario.json")
    if os.path.exists(out) and not options.force:
        raise ValueError(f"{out} exists; give another name with -o, or --force to replace it")
    scenario, assumed = _scenario(options, _stem(options.out) if options.out else _name(options))
    _write(scenario, out)
    if options.json:
        print(files.plain_json({"file": out, "scenario": scenario.document}))
        return
    for notice in assumed:
        print(wrap(f"assumed: {notice}", indent="  "))
    card = scenario.document.get("gpu", "a100")
    next_ = [(f"gpushare {command} {shlex.quote(out)}", what) for command, what in _NEXT]
    print(wrap(f"{out}: {', '.join(scenario.services)} on {card}"))
    print(commands("Look at it, then", next_))


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def _name(options: argparse.Namespace) -> str:
    """What answers begin with, made from what was asked: "llama-3.1-8b at 3/s"."""
    if options.from_cluster:
        return str(os.path.basename(os.path.abspath(options.from_cluster)))
    models = [os.path.basename(model) for kind in _DEFAULT_MODELS if (model := getattr(options, kind))]
    what = "voice" if options.voice else "rag" if options.rag else " and ".join(models)
    if options.from_log:
        return f"{what} as in {os.path.basename(options.from_log)}"
    if options.users:
        return f"{what} for {options.users} user{'s' if options.users > 1 else ''}"
    return f"{what} at {_rate(options):g}/s"


def _rate(options: argparse.Namespace) -> float:
    return 1.0 if options.rate is None else float(options.rate)


def _write(scenario: Any, out: str) -> None:
    from ..scenario.commented import commented_yaml

    document = _beside(scenario.document, out)
    if out.lower().endswith((".yaml", ".yml")):
        text = commented_yaml(
            document,
            "Every key, its unit and default: `gpushare schema scenario`.\nSizes and rates are per request and second; "
            "a number in place of a distribution is always that value.",
        )
        files.replace_file(out, lambda file: file.write(text))
    else:
        files.write_json(document, out)


def _beside(document: dict[str, Any], out: str) -> dict[str, Any]:
    """With the files that it names as they are seen from its folder, so that both may go elsewhere."""
    folder = os.path.dirname(os.path.abspath(out))
    named = [(service, "model") for service in document["services"].values()]
    for part, key in [*named, *((entry, "path") for entry in document["traffic"])]:
        if isinstance(part.get(key), str) and os.path.isabs(part[key]):
            part[key] = os.path.relpath(part[key], folder)
    return document


def _scenario(options: argparse.Namespace, name: str) -> tuple[Any, list[str]]:
    """The scenario, and what was assumed of a cluster."""
    from ..scenario.scenario import Scenario

    document: dict[str, Any] = {"name": name}
    if options.price is not None:
        document["price_per_gpu_hour"] = options.price
    assumed: list[str] = []
    if options.from_cluster:
        from ..observed.answer import from_cluster

        seen = from_cluster(options.from_cluster)
        scenario = Scenario.from_dict(seen.scenario.document | document)
        assumed = [str(notice) for notice in seen.notices]
    else:
        scenario = Scenario.of(*_loads(options), gpu=options.gpu, **document)
    if options.slo:
        scenario = scenario.with_objectives(dict(map(_objective, options.slo)))
    return scenario, assumed


def _objective(text: str) -> tuple[str, str]:
    figure, equals, bound = text.partition("=")
    if not equals or not bound.strip():
        raise ValueError(f"--slo: found {text!r}; write FIGURE=BOUND such as llm.ttft_p95=500ms")
    return figure.strip(" <>"), bound.strip()


def _loads(options: argparse.Namespace) -> list[Any]:
    from ..scenario import builders

    rate = options.rate if options.users else _rate(options)
    asked = {"rate": rate, "users": options.users}
    lengths = {key: value for key in ("prompt", "reply") if (value := getattr(options, key)) is not None}
    loads: list[Any] = []
    _check_pipelines(options)
    _check_sizes(options)
    if options.from_log and not options.llm:
        raise ValueError("--from-log is what an llm is asked; add --llm MODEL")
    if options.voice:
        models = {kind: model for kind in ("asr", "llm", "tts") if (model := getattr(options, kind))}
        return [builders.voice(**asked, **lengths, **models)]
    if options.rag:
        named = {"embedder": options.embedding, "llm": options.llm}
        return [builders.rag(**asked, **lengths, **{part: model for part, model in named.items() if model})]
    if options.llm:
        how = {"log": options.from_log} if options.from_log else asked | lengths
        loads.append(builders.llm(options.llm, **how))
    for kind in ("asr", "tts", "embedding"):
        if model := getattr(options, kind):
            loads.append(getattr(builders, kind)(model, **asked))
    return loads


#: Services of which each pipeline is made.
_PARTS = {"voice": ("asr", "llm", "tts"), "rag": ("embedding", "llm")}


def _check_pipelines(options: argparse.Namespace) -> None:
    """Nothing that is asked for beside a pipeline may be left out without a word."""
    asked = [name for name in _PARTS if getattr(options, name)]
    if not asked:
        return
    if len(asked) > 1:
        raise ValueError(f"--{asked[0]} and --{asked[1]}: write a scenario of each")
    parts = _PARTS[asked[0]]
    beside = [kind for kind in _DEFAULT_MODELS if getattr(options, kind) and kind not in parts]
    if beside:
        told = ", ".join(f"--{part}" for part in parts)
        raise ValueError(f"--{asked[0]} takes models for {told}; leave out --{beside[0]}")
    if options.from_log:
        raise ValueError(f"--from-log is what an llm is asked by itself; leave out --{asked[0]}")


def _check_sizes(options: argparse.Namespace) -> None:
    """Nor may lengths and rates that nothing takes."""
    lengths = [f"--{name}" for name in ("prompt", "reply") if getattr(options, name) is not None]
    if options.from_log:
        alone = not any(getattr(options, kind) for kind in ("asr", "tts", "embedding"))
        rates = [f"--{name}" for name in ("rate", "users") if alone and getattr(options, name) is not None]
        if given := lengths + rates:
            raise ValueError(f"--from-log brings its own lengths and times; leave out {given[0]}")
    if lengths and not (options.llm or options.voice or options.rag):
        raise ValueError(f"{lengths[0]} is of language models; leave it out, or add --llm")


def _ask(options: argparse.Namespace) -> None:
    """Five questions, each with an answer that Enter takes."""
    kinds = _answer(
        "Which services (llm, asr, tts, embedding, voice for all three of a call, or rag)?", "llm"
    )
    for kind in (word.strip() for word in kinds.split(",")):
        if kind not in _KINDS:
            raise ValueError(f"found {kind!r}; known services: {', '.join(_KINDS)}")
        if kind in ("voice", "rag"):
            setattr(options, kind, True)
        else:
            setattr(options, kind, _answer(f"Which model is the {kind}?", _DEFAULT_MODELS[kind]))
    options.rate = float(_answer("How many requests a second?", "1"))
    options.gpu = _answer("On which GPU?", options.gpu)
    if bound := _answer("What must hold, such as llm.ttft_p95=500ms (Enter: nothing yet)?", ""):
        options.slo = [bound]


def _answer(question: str, usual: str) -> str:
    try:
        return input(f"{question} [{usual}] " if usual else f"{question} ").strip() or usual
    except EOFError:
        raise ValueError(f"the input ended at: {question}") from None


#: What has a schema, and the folder where it lies.
_SCHEMAS = {"scenario": "scenarios", "model": "models", "profile": "profiles", "engine": "engines"}


def add_schema(subparsers: Any, add: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds ``gpushare schema``."""
    parser = add(
        subparsers,
        "schema",
        "print the JSON schema of a document: every key with its unit and default, for editors too",
        _schema,
        "gpushare schema scenario > schema.json",
    )
    parser.add_argument("kind", metavar="KIND", nargs="?", default="scenario", help=", ".join(_SCHEMAS))


def _schema(options: argparse.Namespace) -> None:
    if options.kind not in _SCHEMAS:
        raise ValueError(f"found {options.kind!r}; documents with a schema: {', '.join(_SCHEMAS)}")
    sys.stdout.write(files.data_file("schema.json", _SCHEMAS[options.kind]).read_text(encoding="utf-8"))
