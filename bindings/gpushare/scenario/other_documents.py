"""Files that are given as scenarios and are something else: what they are, and the command that takes them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from .._core import ScenarioError
from .._errors import fail
from ..yaml_files import has_yaml_name

__all__ = ["check_text", "is_plan", "path_of", "scenario_of_plan", "what_it_is"]

_MODEL_KINDS = ("llm", "batch", "streaming-asr", "autoregressive-tts", "synthetic")


def what_it_is(text: str, path: str) -> str:
    """What a document is, and what to do with it; empty where it may be meant as a scenario.

    Parameters
    ----------
    text : str
        JSON.
    path : str
        Its file, for the commands.
    """
    try:
        document = json.loads(text)
    except ValueError:
        return ""
    if isinstance(document, list):
        return (
            "is a list of rows, as logs are, and no scenario; "
            f"gpushare replay {path} --model MODEL --gpu GPU answers from a log"
        )
    if not isinstance(document, Mapping):
        return ""
    keys = set(document)
    if _is_compose(document, keys):
        return _COMPOSE
    if not keys & _KEYS:
        known = next((told.format(path=path) for known, told in _KINDS if known(document, keys)), "")
        return known or _unknown(document)
    kinds = () if "services" in keys else _KINDS
    return next((told.format(path=path) for known, told in kinds if known(document, keys)), "")


def _unknown(document: Mapping[str, Any]) -> str:
    """Of a document that shares no key with a scenario: what it has, and what a scenario has."""
    if not document:
        return ""
    found = ", ".join(f'"{key}"' for key in list(document)[:5]) + (", ..." if len(document) > 5 else "")
    return f"has none of a scenario's keys (services, pipelines, traffic, ...) but {found}; gpushare init writes one"


def _is_compose(document: Mapping[str, Any], keys: set[str]) -> bool:
    """Services of docker compose have an image or are built; those of a scenario have a model."""
    services = document.get("services")
    inner = list(services.values()) if isinstance(services, Mapping) else []
    return "pipelines" not in keys and any(
        isinstance(one, Mapping) and "model" not in one and bool({"image", "build"} & set(one))
        for one in inner
    )


def _is_kubernetes(document: Mapping[str, Any], keys: set[str]) -> bool:
    return {"apiVersion", "kind"} <= keys


def _is_mig_parted(document: Mapping[str, Any], keys: set[str]) -> bool:
    return "mig-configs" in keys


def _is_device_plugin(document: Mapping[str, Any], keys: set[str]) -> bool:
    return "version" in keys and bool(keys & {"sharing", "flags", "resources"})


def _is_model(document: Mapping[str, Any], keys: set[str]) -> bool:
    return document.get("kind") in _MODEL_KINDS or {"architecture", "source"} <= keys


def _is_published_configuration(document: Mapping[str, Any], keys: set[str]) -> bool:
    return bool(keys & {"architectures", "model_type"})


def _is_answer(document: Mapping[str, Any], keys: set[str]) -> bool:
    return "origin" in keys and isinstance(document.get("scenario"), str)


def _is_autoscaler(document: Mapping[str, Any], keys: set[str]) -> bool:
    return {"apiVersion", "kind"} <= keys and document["kind"] in _AUTOSCALERS


def _is_profile(document: Mapping[str, Any], keys: set[str]) -> bool:
    return {"sms", "memory_bytes"} <= keys


def _is_preset(document: Mapping[str, Any], keys: set[str]) -> bool:
    return "engine" in keys and "name" in keys and "traffic" not in keys


def _is_result(document: Mapping[str, Any], keys: set[str]) -> bool:
    return bool(keys & {"input_lens", "mean_ttft_ms", "median_ttft_ms", "output_throughput"})


_COMPOSE = (
    "is a file of docker compose, which says what runs and not what is asked of it; gpushare init --llm MODEL "
    "--rate PER_S writes a scenario, and gpushare export compose makes such a file of a plan"
)
#: What any scenario has some of.
_KEYS = {"services", "pipelines", "traffic", "placement", "name", "gpu", "duration_s", "modes", "objectives"}
_LOGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".log", ".parquet", ".arrow", ".gz", ".zst", ".xlsx", ".txt")
_SERVICE = 'a scenario names it: {{"services": {{"llm": {{"model": "{path}"}}}}}}'
_AUTOSCALERS = ("HorizontalPodAutoscaler", "ScaledObject", "NodePool", "ScaledJob", "VerticalPodAutoscaler")
_KINDS = (
    (
        _is_answer,
        "is an answer of gpushare, and not what was asked; give its scenario, or a plan of gpushare plan --out",
    ),
    (
        _is_autoscaler,
        'is of Kubernetes, and says what follows the load; a scenario has in "control" (docs/control.md): '
        '{{"pools": {{"a100": {{"nodes": {{"min": 1, "max": 4}}}}}}, "services": {{"llm": {{"pool": "a100", '
        '"replicas": {{"min": 1, "max": 4}}, "autoscaling": {{"metric": "in-system", "target": 50}}}}}}}}',
    ),
    (_is_mig_parted, "is a configuration of mig-parted; gpushare import {path} explains it"),
    (_is_kubernetes, "is an object of Kubernetes; gpushare import {path} explains it"),
    (_is_device_plugin, "is a configuration of NVIDIA's device plugin; gpushare import {path} explains it"),
    (
        _is_published_configuration,
        f"is the published configuration of a model; {_SERVICE}, and gpushare init --llm {{path}} writes one",
    ),
    (
        _is_result,
        "is a result of a load generator; gpushare check result {path} --scenario SCENARIO compares it",
    ),
    (_is_model, f"is a model; {_SERVICE}, and gpushare init --llm {{path}} writes one"),
    (_is_profile, 'is a GPU\'s profile; a scenario names it: {{"gpu": "{path}"}}'),
    (_is_preset, 'is an engine\'s preset; a scenario names it: {{"engine": {{"preset": "{path}"}}}}'),
)


def is_plan(document: object) -> bool:
    """Whether it is what ``gpushare plan --out`` writes."""
    return isinstance(document, dict) and {"meets", "scenario"} <= set(document)


def scenario_of_plan(text: str, path: str) -> dict[str, Any]:
    """The scenario of a plan, with its placement; empty for what is no plan.

    Raises
    ------
    ScenarioError
        For a plan that found no placement.
    """
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    if not is_plan(document):
        return {}
    if not isinstance(document["scenario"], dict):
        raise fail(ScenarioError, path, f"the plan has no placement: {document.get('why')}")
    planned: dict[str, Any] = document["scenario"]
    return planned


def check_text(given: object) -> None:
    """Refuses what is no text of a document."""
    if not isinstance(given, str):
        kind = type(given).__name__
        raise TypeError(
            f"document: found {kind}, not JSON text; Scenario.from_dict takes a mapping, and load a path"
        )


def path_of(given: Any) -> str:
    """Where a scenario is, or its name."""
    if not isinstance(given, (str, os.PathLike)):
        kind = type(given).__name__
        raise TypeError(
            f"scenario: found {kind}; give a name, a path, a Scenario, a document as a mapping, or a list of "
            "gs.llm(...) and the like"
        )
    name = os.fspath(given)
    if name.lstrip().startswith("{"):
        raise fail(
            ScenarioError,
            "",
            "found JSON text where a name or a path is; give json.loads(TEXT), or Scenario(TEXT)",
        )
    _check_ending(name)
    return name


def _check_ending(name: str) -> None:
    """Refuses files that are there and are no JSON or YAML by their name."""
    ending = os.path.splitext(name)[1].lower()
    if not ending or has_yaml_name(name) or ending == ".json" or not os.path.isfile(name):
        return
    what = f"is no scenario by its name: those end with .json, .yaml or .yml, found {ending}"
    if ending in _LOGS:
        what += f"; gpushare replay {name} --model MODEL --gpu GPU answers from a log"
    elif ending == ".pbtxt":
        what += f"; gpushare import {name} explains it"
    elif ending == ".toml":
        what += "; TOML is not read: write the same keys as YAML"
    raise fail(ScenarioError, name, what)
