"""The same scenario in several modes, side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from .._errors import nearest
from ..frames.render import Field, html_table, page_width, text_table
from ..frames.tables import Table
from ..scenario.scenario import ModeLike, Scenario, ScenarioLike
from . import figures
from .cases import run_cases
from .comparison_text import ComparisonText, server_figures
from .instances import instances
from .kept import KeptSummary
from .outcomes import Outcome, figure_columns
from .paired import Payoff, best_of, payoff, stays_as_it_is
from .points import Point, mode_points
from .ranking import directions, undominated
from .results import Summary
from .runner import Executor, MapCallable
from .simulation import as_scenario, run_count
from .study_table import StudyTable

__all__ = ["Comparison", "compare"]


def compare(
    scenario: ScenarioLike,
    modes: Sequence[ModeLike] | None = None,
    *,
    seed: int | None = None,
    replications: int = 1,
    uncertainty: bool = False,
    record_requests: bool = True,
    executor: Executor | MapCallable | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], object] | None = None,
    resume: str | os.PathLike[str] | None = None,
) -> Comparison:
    """Simulates a scenario in several modes under the same luck.

    Parameters
    ----------
    scenario : Scenario, str, path or mapping
        As in `simulate`.
    modes : sequence of str or Layout, optional
        Modes as in `Scenario.load`, or one text of them with commas between; by default
        the document's own, or dedicated, time-slicing and mps.
    seed, replications, uncertainty, record_requests : optional
        As in `simulate`.
    executor : optional
        As in `sweep`: None for threads, anything with ``submit``, or a map callable.
    threads : int, optional
        Modes at a time without an executor; by default one a core.
    progress : callable, optional
        Called with (modes done, modes in all).
    resume : str or path, optional
        As in `sweep`, which may use the same file. A mode found in it has figures and no `results`.

    Returns
    -------
    Comparison
        A mode that is refused for memory or layout is a row with its reason, and one that does not exist, does not suit
        the scenario or failed a row with its error.

    Raises
    ------
    OSError, ValueError
        As `sweep`; an empty list of modes is a ValueError.
    """
    scenario = as_scenario(scenario)
    points = mode_points(scenario, modes, seed)
    outcomes = run_cases(
        points,
        replications=replications,
        uncertainty=uncertainty,
        record_requests=record_requests,
        keep_results=True,
        executor=executor,
        threads=threads,
        progress=progress,
        resume=resume,
    )
    return Comparison(scenario, points, outcomes, run_count(replications, uncertainty), perturbed=uncertainty)


class Comparison(StudyTable):
    """One row for each mode.

    Attributes
    ----------
    scenario : Scenario
        What was compared.
    modes : list of str
        In the order of the rows.
    results : dict of str to Result
        By mode; a mode that was refused, failed or was found in a file has none.
    summaries : dict of str to Summary
        Figures by mode.
    refused, errors : dict of str to str
        By mode why it is impossible, and what went wrong.
    replications : int
        Runs of each mode; the most where they differ.
    """

    def __init__(
        self,
        scenario: Scenario,
        points: Sequence[Point],
        outcomes: Sequence[Outcome],
        replications: int = 1,
        *,
        perturbed: bool = False,
        fewest: int | None = None,
    ) -> None:
        super().__init__(points, outcomes)
        self.scenario = scenario
        self.replications = replications
        self._fewest = fewest
        self._perturbed = perturbed
        self.modes: list[str] = [point.axes["mode"] for point in points]
        paired = list(zip(self.modes, outcomes, strict=True))
        self.results = {mode: outcome.result for mode, outcome in paired if outcome.result is not None}
        self.refused = {mode: outcome.refused for mode, outcome in paired if outcome.refused}
        self.errors = {mode: outcome.error for mode, outcome in paired if outcome.error}
        self.summaries = {
            point.axes["mode"]: self._summary(point, outcome)
            for point, outcome in zip(points, outcomes, strict=True)
            if outcome.ran
        }

    def _summary(self, point: Point, outcome: Outcome) -> Summary:
        if outcome.result is not None:
            return outcome.result.summary()
        title = f"{self.scenario.name}, {point.axes['mode']}: as it was kept"
        assumed = point.scenario.assumptions if point.scenario is not None else ()
        only = self.figure_names.only_pipeline
        return KeptSummary(outcome.figures, outcome.bottleneck, only, title, outcome.warnings, assumed)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.modes)

    def __getitem__(self, mode: str) -> Summary:
        """Summary of a mode; a KeyError tells why one has none."""
        if mode in self.refused:
            raise KeyError(f"{mode} was refused: {self.refused[mode]}")
        if mode in self.errors:
            raise KeyError(f"{mode} failed: {self.errors[mode]}")
        if mode not in self.summaries:
            raise KeyError(f"no mode {mode!r}; {nearest(str(mode), self.modes)}")
        return self.summaries[mode]

    def __iter__(self) -> Iterator[str]:
        """Names of the modes, those that did not run too."""
        return iter(self.modes)

    @property
    def latencies(self) -> list[str]:
        """Latencies that users feel, in the order of the pipeline, end to end first, of every pipeline."""
        found = dict.fromkeys(name for summary in self.summaries.values() for name in summary.latencies)
        felt = [name for name in found if figures.is_felt(name)]
        return [name for name in felt if not self._is_told(name, found)]

    def _is_told(self, name: str, found: Mapping[str, None]) -> bool:
        """Whether a stage's is that of the whole pipeline, or contains the speech recognised."""
        if not name.endswith(".latency"):
            return False
        own = f"{name.split('.')[0]}.e2e_latency"
        end = f"{own if own in found else 'e2e_latency'}_mean_s"
        whole = all(end in s and s.get(f"{name}_mean_s") == s[end] for s in self.summaries.values())
        return whole or name.removesuffix("latency") + "after_speech" in found

    @cached_property
    def table(self) -> Table:
        """Mode, figures, latencies, limiting resource and reason as columns."""
        statistics = [f"{name}_{statistic}_s" for name in self.latencies for statistic in figures.STATISTICS]
        of_servers = server_figures(self.scenario.services, self.outcomes)
        found = set(self.figure_names)
        compared = [name for name in figures.COMPARED if not found or name in found]
        names = [*compared, *of_servers, *statistics]
        columns = {"mode": self.modes} | figure_columns(self.outcomes, names) | self._told()
        return Table("comparison", columns)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Figures by mode; a refused mode has ``"refused"``, one that failed ``"error"``."""
        rows: dict[str, dict[str, Any]] = {
            mode: summary.to_dict() for mode, summary in self.summaries.items()
        }
        rows |= {mode: {"refused": why} for mode, why in self.refused.items()}
        rows |= {mode: {"error": what} for mode, what in self.errors.items()}
        return {mode: rows[mode] for mode in self.modes}

    def front(self, x: str = "cost_per_month", y: str = "e2e_latency_p95_s") -> list[str]:
        """The modes that nobody beats in both figures: cost against latency, unless told otherwise.

        Parameters
        ----------
        x, y : str
            Figures, by short names too (``llm.ttft_p95``); the registry says which side of each is better.

        Returns
        -------
        list of str
            Best of `x` first; equal ones are all in it. Means are compared: `pays` says what chance leaves open.

        Raises
        ------
        FigureError
            For a figure that is unknown or ambiguous, or of which neither side is better.

        Examples
        --------
        >>> import gpushare as gs
        >>> table = gs.compare("voice-light", modes=["dedicated", "mps"])
        >>> table.front(y="asr.after_speech_p95_s")
        ['mps', 'dedicated']
        """
        asked = directions(self.figure_names, (x, y), (), ())
        rows = undominated([self.values(name) for name in asked], list(asked.values()))
        return [self.modes[i] for i in rows]

    def pays(self, mode: str, baseline: str, figure: str = "cost_per_month") -> Payoff:
        """Whether a mode is better than another, as far as replications under the same luck can tell.

        Parameters
        ----------
        mode, baseline : str
            Of `modes`.
        figure : str
            By a short name too.

        Returns
        -------
        Payoff
            The paired difference with its interval, and the verdict: never ``pays`` where the interval holds zero.

        Raises
        ------
        FigureError
            For a figure that is unknown or ambiguous, or of which neither side is better.
        KeyError
            For a mode that was not compared.
        ValueError
            For a mode without figures, or that was found in a file that does not keep this one by replication.

        Examples
        --------
        >>> import gpushare as gs
        >>> table = gs.compare("voice-light", modes=["dedicated", "mps"], replications=4, record_requests=False)
        >>> table.pays("mps", "dedicated").verdict
        'pays'
        """
        for name in (mode, baseline):
            if name not in self.modes:
                raise KeyError(f"no mode {name!r}; compared are {', '.join(self.modes)}")
        first, second = (self.outcomes[self.modes.index(name)] for name in (mode, baseline))
        return payoff((mode, baseline), (first, second), self.resolve(figure), perturbed=self._perturbed)

    def regret(self, mode: str, figure: str = "cost_per_month", among: Sequence[str] | None = None) -> Payoff:
        """What a mode has of a figure beyond the best fixed mode, chosen in hindsight.

        Parameters
        ----------
        mode, figure : str
            As in `pays`.
        among : sequence of str, optional
            The best of these; by default of the other modes that ran and whose fleet stays as it is.

        Returns
        -------
        Payoff
            Against the one of the best mean; errors as of `pays`, and ValueError where there is none.
        """
        fixed = [name for name in self.modes if stays_as_it_is(self.scenario.with_mode(name).document)]
        others = [
            name for name in (fixed if among is None else among) if name in self.summaries and name != mode
        ]
        return self.pays(mode, best_of(others, self.summaries, self.resolve(figure)), figure)

    def text(self, *, width: int | None = None, intervals: bool = False) -> str:
        """The comparison as aligned text, explained below.

        Parameters
        ----------
        width : int, optional
            Columns at most; by default those of the page.
        intervals : bool
            With several replications, show the half-width beside every figure.

        Returns
        -------
        str
        """
        return self.tables(width=width, intervals=intervals)

    def tables(self, *, width: int | None = None, intervals: bool = False) -> str:
        """Figures of every mode, their latencies and what limits them, as `text` has them."""
        width = page_width(width)
        text = self._text(intervals)
        return "\n\n".join([*self._blocks(text, width), "\n".join(text.notes(width))])

    def _blocks(self, text: ComparisonText, width: int) -> list[str]:
        """Figures and latencies of every mode."""
        blocks = [text_table([text.modes(), *text.figures()], width=width)]
        if self.latencies:
            blocks.append(text_table([text.modes(), *text.latencies()], width=width))
        return blocks

    @property
    def instances(self) -> dict[str, dict[str, list[str]]]:
        """By mode that cuts GPUs, the services on every instance."""
        placed = {
            point.axes["mode"]: instances(point.scenario.placement)
            for point in self.points
            if point.scenario is not None
        }
        return {mode: where for mode, where in placed.items() if where}

    def _text(self, intervals: bool) -> ComparisonText:
        return ComparisonText(
            self.scenario,
            self.modes,
            self.outcomes,
            self.latencies,
            intervals,
            replications=self.replications,
            fewest=self._fewest,
            perturbed=self._perturbed,
            warnings=self.warnings,
            assumptions=self.assumptions,
            homes=self.instances,
            under_control=any(
                point.scenario is not None and "control" in point.scenario.document for point in self.points
            ),
        )

    def _title(self) -> str:
        return self.scenario.name

    def _repr_html_(self) -> str:
        return self._html_tables(self._title())

    def _html_tables(self, caption: str) -> str:
        text = self._text(True)
        limits = [o.limiting_resource or ("error" if o.error else "refused") for o in self.outcomes]
        columns = [text.modes(), *text.figures(), Field("limited by", limits, "left")]
        latencies = html_table(text.latency_rows()) if self.latencies else ""
        return html_table(columns, caption=caption) + latencies + html_table([], notes=text.notes(10_000))
