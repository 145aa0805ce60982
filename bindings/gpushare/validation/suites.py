"""The built-in suites: published tables and our own measurements, each a module with ``run``."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..files import data_file
from .report import Report

__all__ = ["SUITES", "measured", "run_suite"]

#: Suite name to the module of this package that runs it.
SUITES = {
    "h200": "h200",
    "h200-pairs": "h200_pairs",
    "h200-second": "h200_second",
    "nos": "nos",
    "dynamo-sharing": "dynamo_sharing",
    "mig-microbenchmarks": "mig_microbenchmarks",
    "voice-blog": "voice_blog",
    "hollow-gpu": "hollow_gpu",
    "bursty-llm": "bursty_llm",
    "speech-nim": "speech_nim",
    "parvagpu": "parvagpu",
}


def run_suite(name: str, data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs one suite.

    Parameters
    ----------
    name : str
        One of `SUITES`.
    data : pathlib.Path, optional
        Folder with published data that is not shipped (only ``parvagpu`` asks for it).
    progress : callable, optional
        Called with a share of 1.

    Raises
    ------
    ValueError
        The suite is not known, or needs `data` and got none.
    """
    if name not in SUITES:
        raise ValueError(f"no suite {name!r}; there are {', '.join(SUITES)}")
    report: Report = importlib.import_module(f".{SUITES[name]}", __package__).run(
        data=data, progress=progress
    )
    return report


def measured(file: str) -> Any:
    """A JSON file of ``validation/``: measured figures, each table with its source."""
    return json.loads(data_file(file).read_text(encoding="utf-8"))
