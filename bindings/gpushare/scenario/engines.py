"""LLM servers by name and version: the limits, scheduling and host time that a scenario starts from."""

from __future__ import annotations

from .. import _core

__all__ = ["EnginePreset", "engine_preset", "engine_preset_names"]

EnginePreset = _core.EnginePreset


def engine_preset(name: str) -> EnginePreset:
    """The defaults of an LLM server and version, with the source of each.

    A scenario's engine names it as ``"preset"``; what the engine says itself goes before.

    Parameters
    ----------
    name : str
        One of `engine_preset_names`.

    Returns
    -------
    EnginePreset
        Its ``engine`` holds the members of a scenario's engine (times in seconds), its ``provenance`` where each
        comes from.

    Raises
    ------
    ScenarioError
        For a name that is not known.

    Examples
    --------
    >>> import gpushare as gs
    >>> gs.engine_preset("vllm-0.20").engine["max_num_batched_tokens"]
    2048
    """
    return _core.load_engine_preset(name)


def engine_preset_names() -> list[str]:
    """Names of the presets, ascending."""
    return _core.engine_preset_names()
