"""The built-in suites: published tables and our own measurements, each a module with ``run``."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

from ..frames.progress import followed
from .report import Report

__all__ = ["DATA_FOLDERS", "SUITES", "can_run", "folder_of", "run_suite"]

#: Suite name to the module of `suites` that runs it.
SUITES = {
    "h200": "h200",
    "h200-pairs": "h200_pairs",
    "h200-second": "h200_second",
    "h200-intervals": "h200_intervals",
    "h200-long": "h200_long",
    "h200-networks": "h200_networks",
    "h200-mixed": "h200_mixed",
    "h200-services": "h200_services",
    "h200-parallel": "h200_parallel",
    "h200-eager": "h200_eager",
    "vllm-h200": "vllm_h200",
    "nos": "nos",
    "dynamo-sharing": "dynamo_sharing",
    "mig-microbenchmarks": "mig_microbenchmarks",
    "voice-blog": "voice_blog",
    "hollow-gpu": "hollow_gpu",
    "bursty-llm": "bursty_llm",
    "speech-nim": "speech_nim",
    "llm-steps": "llm_steps",
    "accelmark": "accelmark",
    "llmservingsim": "llmservingsim",
    "trtllm-throughput": "trtllm_throughput",
    "trtllm-parallel": "trtllm_parallel",
    "nim-llm": "nim_llm",
    "silicon": "silicon",
    "parvagpu": "parvagpu",
}

#: Suites that need published files which are not shipped, and the folder of them in a collection of such data.
DATA_FOLDERS = {
    "llm-steps": "llm_steps",
    "accelmark": "llm_serving",
    "llmservingsim": "llm_serving",
    "parvagpu": "parvagpu",
    "silicon": "silicon",
}


def run_suite(name: str, data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs one suite.

    Parameters
    ----------
    name : str
        One of `SUITES`.
    data : pathlib.Path, optional
        Folder with published data that is not shipped, for the suites in `DATA_FOLDERS`: a suite's own, or a collection
        that has it under the name there.
    progress : callable, optional
        Called with a share of 1.

    Raises
    ------
    ValueError
        The suite is not known, or needs `data` and got none.
    """
    if name not in SUITES:
        raise ValueError(f"no suite {name!r}; there are {', '.join(SUITES)}")
    suite = importlib.import_module(f".suites.{SUITES[name]}", __package__)
    with followed(progress, f"validate {name}", "fraction") as told:
        report: Report = suite.run(data=folder_of(name, data), progress=told)
    return report


def folder_of(name: str, data: Path | None) -> Path | None:
    """What a suite reads of `data`: its own folder, or its part of a collection; None where it reads none."""
    if data is None or name not in DATA_FOLDERS:
        return None
    inner = data / DATA_FOLDERS[name]
    return inner if inner.is_dir() else data


def can_run(name: str, data: Path | None) -> bool:
    """Whether a suite needs no data, or `data` is a collection with its folder, or that folder by name."""
    if name not in DATA_FOLDERS:
        return True
    folder = folder_of(name, data)
    return folder is not None and folder.name == DATA_FOLDERS[name]
