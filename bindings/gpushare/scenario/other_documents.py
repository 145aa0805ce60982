"""Files that are given as scenarios and are something else: what they are, and the command that takes them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from .._core import ScenarioError
from .._errors import fail

__all__ = ["check_text", "path_of", "what_it_is"]

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
    if not isinstance(document, Mapping) or "services" in document:
        return ""
    keys = set(document)
    return next((told.format(path=path) for known, told in _KINDS if known(document, keys)), "")


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


def _is_profile(document: Mapping[str, Any], keys: set[str]) -> bool:
    return {"sms", "memory_bytes"} <= keys


def _is_preset(document: Mapping[str, Any], keys: set[str]) -> bool:
    return "engine" in keys and "name" in keys and "traffic" not in keys


def _is_result(document: Mapping[str, Any], keys: set[str]) -> bool:
    return bool(keys & {"input_lens", "mean_ttft_ms", "median_ttft_ms", "output_throughput"})


_SERVICE = 'a scenario names it: {{"services": {{"llm": {{"model": "{path}"}}}}}}'
_KINDS = (
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
    return name
