"""What expressions of claims may ask for: figures of runs and suites, of cards and models; each run is made once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from ..._core import LayoutError, OutOfMemoryError
from ...scenario import mig
from ...scenario.profiles import model, profile
from ...scenario.scenario import Scenario
from ...study.results import Result
from ...study.simulation import simulate
from ..registry import run_suite
from ..report import Report
from .claims import Book

__all__ = ["Quantities"]


class Quantities:
    """Figures by what they are of, computed when they are first asked for.

    Parameters
    ----------
    book : Book
        Settings and modes by name.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._result = cache(self._simulate)
        self._report = cache(run_suite)

    @property
    def functions(self) -> Mapping[str, Callable[..., Any]]:
        """What an expression may call."""
        return {
            "run": self.run,
            "limit": self.limit,
            "warned": self.warned,
            "refusal": self.refusal,
            "refused": self.refused,
            "traffic": self.traffic,
            "row": self.row,
            "suite": self.suite,
            "card": self.card,
            "instance": self.instance,
            "layouts": self.layouts,
            "network": self.network,
            "min": min,
            "max": max,
            "abs": abs,
        }

    def _scenario(self, setting: str, mode: str) -> Scenario:
        one = self._book.settings[setting]
        scenario = Scenario.load(one.scenario)
        if one.changes:
            scenario = scenario.replace(**one.changes)
        named = self._book.modes.get(mode, mode)
        return scenario.with_mode(named) if named else scenario

    def _simulate(self, setting: str, mode: str) -> Result:
        runs = self._book.settings[setting].replications
        return simulate(self._scenario(setting, mode), replications=runs, record_requests=False, threads=1)

    def run(self, setting: str, mode: str, figure: str) -> float:
        """A figure of a setting's runs in a mode."""
        return float(self._result(setting, mode).summary()[figure])

    def limit(self, setting: str, mode: str) -> str:
        """The service that limits a run."""
        return self._result(setting, mode).summary().bottleneck.service

    def warned(self, setting: str, mode: str, words: str) -> bool:
        """Whether a run warns of something in these words."""
        return any(words in notice.text for notice in self._result(setting, mode).warnings)

    def refusal(self, setting: str, mode: str) -> str:
        """Why a setting does not run in a mode; empty where it does."""
        try:
            self._scenario(setting, mode).check_memory()
        except (OutOfMemoryError, LayoutError) as error:
            return str(error)
        return ""

    def refused(self, setting: str, mode: str) -> bool:
        """Whether a setting does not run in a mode."""
        return bool(self.refusal(setting, mode))

    def traffic(self, setting: str, mode: str, names: str, figure: str) -> float:
        """A figure of entries of the traffic, added up over the names in `names`; the mean of all runs."""
        runs = self._result(setting, mode).runs
        found = [one for run in runs for one in run.summary["traffic"] if one["name"] in names.split()]
        return float(sum(one[figure] for one in found)) / len(runs)

    def row(self, suite: str, mode: str, metric: str, which: str = "predicted") -> float:
        """A row of a suite: ``"predicted"``, ``"measured"`` or ``"error"``.

        Raises
        ------
        KeyError
            There is none.
        """
        for one in self._report(suite).rows:
            if one.mode == self._book.modes.get(mode, mode) and one.metric == metric:
                return float(getattr(one, which))
        raise KeyError(f"{suite} has no row {metric!r} of {mode!r}")

    def suite(self, name: str, mode: str, statistic: str = "median_abs_error") -> float:
        """An error of a suite's mode, as `Report.summary` has it."""
        report: Report = self._report(name)
        return float(report.summary()[mode][statistic])

    def card(self, gpu: str, pointer: str) -> float:
        """A number of a card's profile, by its JSON pointer."""
        return _figure(profile(gpu).provenance, pointer)

    def instance(self, gpu: str, name: str, column: str) -> float:
        """A column of a MIG instance: ``"sms"``, ``"memory_bytes"``, ``"bandwidth_fraction"``."""
        return float(next(one[column] for one in profile(gpu).mig if one["name"] == name))

    def layouts(self, gpu: str) -> float:
        """How many maximal layouts a card has."""
        return float(len(mig.layouts(gpu)))

    def network(self, name: str, pointer: str) -> float:
        """A number of a model's file, by its JSON pointer."""
        return _figure(model(name).provenance, pointer)


def _figure(provenance: list[dict[str, Any]], pointer: str) -> float:
    for entry in provenance:
        if entry["pointer"] == pointer:
            return float(json.loads(entry["value"]))
    raise KeyError(pointer)
