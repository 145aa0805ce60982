"""A piece of measuring with its expected length, and what all pieces need to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """The command line: where to write, which GPU, how much to measure."""

    out: Path
    gpu: int = 0
    quick: bool = False
    sets: tuple[str, ...] = ("core", "wide")
    only: str = ""
    scenario_file: Path | None = None
    repeat: bool = False


@dataclass(frozen=True)
class Task:
    """One piece: its title, its estimated seconds on the card, and the function that measures and writes."""

    title: str
    seconds: float
    run: Callable[[], None]


POOL_START_S = 14.0
