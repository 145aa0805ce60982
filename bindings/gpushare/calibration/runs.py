"""Measured runs: steps alone, groups of clients that repeat one step, and co-runs of whole jobs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Client", "CoRun", "Group", "ServedJob", "StepCard", "StepKey", "StepRow"]


#: A captured step with so many rows gives its time slice away late: large products renew it while they run.
RENEWING_ROWS = 128


class StepKey(NamedTuple):
    """A step and its shape: ``StepKey("llm", "decode", 64, 2048)``."""

    model: str
    step: str
    batch: int
    n: int

    def __str__(self) -> str:
        return f"{self.model} {self.step} {self.batch}x{self.n}"

    @property
    def rows(self) -> int:
        """Rows of its matrix products: the tokens or frames that it computes, not those that it looks back at."""
        return self.batch if self.step in ("decode", "ar") else self.batch * self.n

    def distance(self, other: StepKey) -> float:
        """How far apart two shapes of a step are: the sum of the logarithms of their ratios."""
        return abs(math.log(self.batch / other.batch)) + abs(math.log(self.n / other.n))


@dataclass(frozen=True)
class StepRow:
    """One row of a step table: seconds, FLOP and bytes of a step on so many SMs."""

    key: StepKey
    sms: int
    gpu_s: float
    synced_s: float
    flop: float
    bytes: float
    precision: str


@dataclass(frozen=True)
class StepCard:
    """What a model card knows of a step: kernels, the share of its time in which one fills the machine, work, time."""

    kernels: float
    full_share: float = 0.0
    flop: float = 0.0
    bytes: float = 0.0
    alone_s: float = 0.0
    precision: str = "bf16"


@dataclass(frozen=True)
class Group:
    """Clients that each repeat one step without pause.

    Attributes
    ----------
    mode : {"time-slicing", "mps"}
    percentages : tuple of float or None
        Active thread percentage of each client; None under time-slicing.
    """

    mode: str
    percentages: tuple[float, ...] | None
    sms: tuple[int, ...]
    steps: tuple[StepKey, ...]
    alone_s: tuple[float, ...]
    shared_s: tuple[float, ...]

    @property
    def capped(self) -> bool:
        """Whether any client has fewer SMs than the card."""
        return self.percentages is not None and min(self.percentages) < 100


@dataclass(frozen=True)
class Client:
    """A process of a co-run: its model, and its jobs as ``(arrival_s, [(step, repeats), ...])``."""

    model: str
    jobs: tuple[tuple[float, tuple[tuple[StepKey, int], ...]], ...]


class ServedJob(NamedTuple):
    """A job served; milliseconds from its arrival."""

    arrival_s: float
    wait_ms: float
    first_ms: float
    done_ms: float


@dataclass(frozen=True)
class CoRun:
    """One co-run under one kind of sharing.

    Attributes
    ----------
    case, mode : str
    clients : tuple of Client
    percentages : tuple of float
        Active thread percentage of each client; 100 where there are no caps.
    stop_after_s : float
        No client takes a new job later than this after the start.
    same_processes : bool
        Whether `alone` and `shared` were taken in the same processes.
    alone : tuple of list of ServedJob
        Each client by itself: on the whole card, unless `alone_capped`.
    shared : tuple of list of ServedJob
        All together: what is to be predicted.
    """

    case: str
    mode: str
    clients: tuple[Client, ...]
    percentages: tuple[float, ...]
    stop_after_s: float
    same_processes: bool
    alone: tuple[list[ServedJob], ...]
    alone_capped: bool
    shared: tuple[list[ServedJob], ...]

    @property
    def capped(self) -> bool:
        """Whether any client has fewer SMs than the card."""
        return self.mode != "time-slicing" and min(self.percentages) < 100
