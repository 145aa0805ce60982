"""AccelMark's loads as its generator makes them: which requests come when, and what they share with earlier ones."""

from __future__ import annotations

import csv
import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..serving_runs import Requests, Served, Vector

__all__ = ["BURST", "RATES", "REQUESTS", "RUNS", "Load", "load_of", "read_lengths"]

#: Every scenario draws the arrivals of all its runs from Python's generator with this seed.
_SEED = 42
#: Rates of the online scenario in the order in which a suite goes through them, and runs at each.
RATES = {"suite_A": (5.0, 25.0, 100.0), "suite_C": (5.0, 10.0, 25.0, 50.0)}
RUNS = 3
#: Requests of a run by scenario: the first so many prompts.
REQUESTS = {"online": 300, "burst": 300, "interactive": 150, "offline": 100, "sustained": 100}
#: Requests a second and seconds of the two windows of the burst scenario, which take turns.
BURST = {"steady": (5.0, 120.0), "burst": (25.0, 30.0)}
#: Requests one by one before the online and the burst scenario, to warm up.
_WARM_UP = 10
#: Tokens that the chat template adds to a prompt.
_TEMPLATE = 30
#: Replies are greedy and stop at 512 tokens; their mean is 345. So many are cut, the others spread evenly (assumed).
_LONGEST, _CUT = 512, 0.35
#: Idle time between runs and between requests of the warm-up, in which a server empties.
_BETWEEN_S, _APART_S = 300.0, 20.0


@dataclass(frozen=True)
class Load:
    """What a row of the table was measured under.

    Attributes
    ----------
    kind : {"rate", "burst", "serial", "closed", "offline"}
    number : float
        Requests a second, or in flight.
    window : str
        Of a burst: one of `BURST`.
    """

    kind: str
    number: float
    window: str = ""

    def __str__(self) -> str:
        told = {
            "rate": f"{self.number:g} requests/s",
            "serial": "serial",
            "closed": f"{self.number:g} in flight",
            "offline": "offline, all at once",
            "burst": f"bursts: {self.window} window",
        }
        return told[self.kind]


def load_of(row: Mapping[str, str]) -> Load | None:
    """The load of a row by its scenario and load; None when the benchmark has no such load."""
    scenario, kind = row["scenario"], row["load_type"]
    number = _number(row["load"])
    if scenario == "burst" or kind.startswith("burst"):
        return _burst_window(f"{kind} {row['load']}", number)
    if scenario == "interactive" or kind == "serial":
        return Load("serial", 1)
    if scenario == "sustained" or kind == "closed_concurrency":
        return Load("closed", number) if number >= 1 else None
    if scenario == "offline":
        return Load("offline", number)
    if kind == "poisson_qps" and number > 0:
        return Load("rate", number)
    return None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _burst_window(told: str, number: float) -> Load | None:
    """The window that a row names, or whose rate it gives."""
    if "steady" in told:
        return Load("burst", BURST["steady"][0], "steady")
    named = any(word in told.replace("burst", "", 1) for word in ("burst", "peak"))
    for window, (rate, _) in BURST.items():
        if number == rate or (named and window == "burst"):
            return Load("burst", rate, window)
    return None


def read_lengths(path: Path) -> list[int]:
    """Tokens of the prompts in order, with the chat template."""
    with path.open(newline="", encoding="utf-8") as file:
        return [int(row["input_tokens"]) + _TEMPLATE for row in csv.DictReader(file)]


@lru_cache(maxsize=1)
def _replies() -> tuple[int, ...]:
    rng = random.Random(1)
    return tuple(_LONGEST if rng.random() < _CUT else rng.randint(1, _LONGEST) for _ in range(500))


def _poisson(rng: random.Random, rate: float, count: int) -> list[float]:
    return list(itertools.accumulate(rng.expovariate(rate) for _ in range(count)))


@dataclass(frozen=True)
class Scenario:
    """Requests that one server is sent, run after run, and how many belong to each."""

    requests: Requests
    counts: Sequence[int]  # of the warm-up and of each run
    starts: Sequence[float]

    def runs(self, served: Served) -> list[Served]:
        """What was measured in each run, without the warm-up, in times from its beginning."""
        ends = list(itertools.accumulate(self.counts))
        return [
            served.part(slice(end - count, end), start)
            for count, end, start in list(zip(self.counts, ends, self.starts, strict=True))[1:]
        ]


def _scenario(lengths: Sequence[int], runs: Sequence[Sequence[float]], pool: int) -> Scenario:
    """The warm-up and then `runs` of arrivals, each beginning with the first of a `pool` of prompts."""
    all_runs = [[_APART_S * i for i in range(_WARM_UP)], *runs]
    arrivals: list[float] = []
    prompts: list[int] = []
    starts: list[float] = []
    begin = 0.0
    for run in all_runs:
        starts.append(begin)
        arrivals += [begin + t for t in run]
        prompts += [i % pool for i in range(len(run))]
        begin = arrivals[-1] + _BETWEEN_S
    return Scenario(requests_of(lengths, prompts, arrivals), [len(run) for run in all_runs], starts)


def requests_of(lengths: Sequence[int], prompts: Sequence[int], arrivals: Sequence[float]) -> Requests:
    """Requests for these prompts, by their numbers."""
    replies = _replies()
    return Requests(
        arrivals, [lengths[i] for i in prompts], [replies[i % len(replies)] for i in prompts], prompts
    )


def online(lengths: Sequence[int], suite: str, rate: float) -> Scenario:
    """The online scenario up to the runs at `rate`, which come last."""
    rng = random.Random(_SEED)
    rates = RATES.get(suite, ())
    before = [*itertools.takewhile(lambda r: r != rate, rates)] if rate in rates else []
    count = REQUESTS["online"]
    runs = [_poisson(rng, r, count) for r in (*before, rate) for _ in range(RUNS)]
    return _scenario(lengths, runs, count)


def burst(lengths: Sequence[int]) -> Scenario:
    """The burst scenario: steady and burst windows in turns, each after the one before has drained."""
    rng = random.Random(_SEED)
    windows = []
    for rate, duration in list(BURST.values()) * RUNS:
        drawn = _poisson(rng, rate, int(rate * duration * 1.5))
        windows.append([t for t in drawn if t < duration])
    return _scenario(lengths, windows, REQUESTS["burst"])


def pooled(runs: Sequence[Served], name: str) -> Vector:
    """The values of all requests of all runs together, as the benchmark takes percentiles."""
    return np.concatenate([getattr(run, name) for run in runs])
