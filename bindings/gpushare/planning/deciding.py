"""Comparisons that come with a verdict."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..charts.look import finished
from ..files import try_to_write
from ..frames.progress import followed
from ..frames.render import brief, page_width, wrap
from ..frames.sections import Beside, joined
from ..report.page import write_page
from ..report.plot import front as draw_front
from ..scenario.origin import Origin, origin_of
from ..scenario.scenario import ModeLike, Scenario, ScenarioLike
from ..study import comparison
from ..study.outcomes import Outcome
from ..study.points import Point, mode_points
from ..study.runner import Executor, MapCallable
from ..study.simulation import MOST_REQUESTS, as_scenario
from .comparison_answer import Told, answer_text
from .how import How
from .implied import KEPT, Kept
from .judging import Check
from .jury import DEDICATED, Jury, asks, case_of, dedicated_points
from .objectives import Judged, Objectives, listed
from .pictures import draw_comparison, draw_decision
from .reporting import Told as ReportTold
from .reporting import command_of, report_page
from .rounds import MOST, Budget, asked_of, until_clear
from .verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Comparison", "compare"]


def compare(
    scenario: ScenarioLike,
    modes: Sequence[ModeLike] | None = None,
    objectives: Mapping[str, Any] | None = None,
    *,
    slo: str | Sequence[str] = (),
    keep: Kept = KEPT,
    seed: int | None = None,
    replications: int = 1,
    most_replications: int = MOST,
    uncertainty: bool = False,
    record_requests: bool = True,
    executor: Executor | MapCallable | None = None,
    threads: int | None = None,
    most_requests: float = MOST_REQUESTS,
    progress: Callable[[int, int], object] | None = None,
    resume: str | os.PathLike[str] | None = None,
) -> Comparison:
    """Simulates a scenario in several modes under the same luck, and says which of them to run.

    Parameters
    ----------
    scenario : Scenario, str, path or mapping
        As in `simulate`.
    modes : sequence of str or Layout, optional
        Modes as in `Scenario.load`, or one text of them with commas between; by default
        the document's own, or dedicated, time-slicing and mps. Where dedicated
        GPUs are not among them, they are simulated beside them: the verdict says what comes free and what users lose.
    objectives : mapping, optional
        As a document has them: ``{"llm.ttft_p95": "400ms", "success_rate": 0.999}``; by default the document's.
    slo : str or sequence of str
        Further bounds, such as ``"llm.ttft_p95=400ms"``; they replace those of the same figure and side.
    keep : Kept
        What is asked, relative to dedicated GPUs, where there are no objectives; of what is served, also where there
        are.
    seed, uncertainty, record_requests : optional
        As in `simulate`.
    replications : int
        Runs of each mode, at least; with objectives 4. Modes whose objectives chance leaves open are simulated again
        with twice as many.
    most_replications : int
        At most so many.
    executor : optional
        As in `sweep`: None for threads, anything with ``submit``, or a map callable.
    threads : int, optional
        Modes at a time without an executor; by default one a core.
    most_requests : float
        As in `simulate`.
    progress : callable, optional
        Called with (modes done, modes in all), which grows when modes are simulated again.
    resume : str or path, optional
        As in `sweep`, which may use the same file. A mode found in it has figures and no `results`.

    Returns
    -------
    Comparison
        A mode that is refused for memory or layout is a row with its reason, and one that does not exist, does not suit
        the scenario or failed a row with its error.

    Raises
    ------
    ScenarioError
        For objectives that contradict.
    FigureError
        For objectives of figures that its runs do not have.
    OSError, ValueError
        As `sweep`; an empty list of modes is a ValueError.

    Examples
    --------
    >>> import gpushare as gs
    >>> table = gs.compare("voice-light", modes=["dedicated", "mps"])
    >>> table.verdict.share, table.verdict.mode, table.verdict.ties
    (True, 'mps', [])
    """
    scenario = as_scenario(scenario)
    if not isinstance(keep, Kept):
        raise TypeError(
            f"keep: found {keep!r:.60}; give gs.Kept(latency=1.25, throughput=0.95, success=0.99)"
        )
    slo = listed(slo)
    if objectives is not None or slo:
        asked_of(scenario, objectives, slo)  # what is wrong with them is told of the scenario, not of a mode
    points = mode_points(scenario, modes, seed)
    cases = [case_of(point, objectives, slo) for point in points]
    beside = [] if DEDICATED in [point.axes["mode"] for point in points] else dedicated_points(scenario, seed)
    cases += [case_of(point, objectives, slo) for point in beside]
    jury = Jury(scenario, cases, keep, uncertainty, len(points))
    budget = Budget(replications, most_replications, uncertainty, any(asks(case.asked) for case in cases))
    how: dict[str, Any] = {
        "uncertainty": uncertainty,
        "executor": executor,
        "threads": threads,
        "resume": resume,
        "most_requests": most_requests,
    }
    with followed(progress, scenario.name, "count") as told:
        outcomes, counts = until_clear(
            [case.point for case in cases],
            jury.unclear,
            budget,
            record_requests=record_requests,
            keep_results=True,
            progress=told,
            **how,
        )
    verdict = jury.verdict(outcomes, counts, jury.tolerances(outcomes, counts, budget, seed=seed, **how))
    count = len(points)
    return Comparison(
        scenario,
        points,
        outcomes[:count],
        counts[:count],
        verdict,
        asked=any(case.asked != Objectives() for case in cases[:count]),
        perturbed=uncertainty,
        how=How(modes, objectives, tuple(slo), keep, seed, replications, most_replications, uncertainty),
    )


class Comparison(comparison.Comparison):
    """One row for each mode, and the verdict.

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
    verdict : Verdict
        Share or not, which mode, what it saves and costs.
    asked : bool
        Whether there were objectives; otherwise modes are judged against dedicated GPUs.
    """

    def __init__(
        self,
        scenario: Scenario,
        points: Sequence[Point],
        outcomes: Sequence[Outcome],
        counts: Sequence[int],
        verdict: Verdict,
        *,
        asked: bool = False,
        perturbed: bool = False,
        how: How | None = None,
    ) -> None:
        ran = [count for count, outcome in zip(counts, outcomes, strict=True) if outcome.ran] or list(counts)
        super().__init__(scenario, points, outcomes, max(ran), perturbed=perturbed, fewest=min(ran))
        self.verdict = verdict
        self.asked = asked
        self._how = how if how is not None else How()

    @property
    def origin(self) -> Origin:
        """What it was made from and by: version, seed and hashes."""
        return origin_of(self.scenario, self._how.seed)

    @cached_property
    def objectives(self) -> dict[str, dict[str, Judged | Check]]:
        """By mode what became of every objective, by its figure."""
        return {one.name: one.named() for one in self.verdict.fared if one.measured is not None}

    def text(
        self,
        *,
        width: int | None = None,
        intervals: bool = False,
        details: bool = False,
        beside: Beside | None = None,
    ) -> str:
        """The verdict, what each mode makes of each objective, what limits it, and how sure that is.

        Parameters
        ----------
        width : int, optional
            Columns at most; by default those of the page.
        intervals : bool
            With several replications, show the half-width beside every figure of the details.
        details : bool
            Also every figure and latency of every mode, explained, and what was assumed.
        beside : Beside, optional
            What a command says beside it.

        Returns
        -------
        str
        """
        width = page_width(width)
        text = self._text(intervals)
        beside = beside if beside is not None else Beside(origin=self.origin.line, details=details)
        told = Told(text.limits(), self.warnings, self.assumptions)
        answer = answer_text(self.verdict, told, width, beside)
        if not beside.details:
            return answer
        more = [self.verdict.details(width), *self._blocks(text, width), wrap(text.legend(), width, "  ")]
        return joined([answer, *more, "\n".join(text.assumed(width))])

    def report(self, path: str | os.PathLike[str], *, sensitivity: bool = True) -> None:
        """Writes the answer and all that stands behind it as one page of HTML that needs nothing beside it.

        Parameters
        ----------
        path : str or path
            An existing file is replaced. The same comparison gives the same bytes.
        sensitivity : bool
            Also change load, lengths and assumed times one at a time, and say whether the answer stays: two runs of up
            to three modes for each.

        Raises
        ------
        OSError
            When it cannot be written.

        Examples
        --------
        >>> import gpushare as gs
        >>> gs.compare("voice-light").report("report.html")  # doctest: +SKIP
        """
        try_to_write(path)
        again = self.ask_again if sensitivity else None
        write_page(report_page(self, self.verdict, self._report_told(sensitivity), again), path)

    def plot(
        self, latencies: Sequence[str] | None = None, *, save: str | os.PathLike[str] | None = None
    ) -> Figure:
        """The whole answer: the decision, GPUs before and after, and every latency by mode; see `plot.comparison`."""
        return finished(draw_comparison(self, self.verdict, latencies), save)

    def plot_decision(
        self,
        y: str | None = None,
        x: str | None = None,
        *,
        ax: Axes | None = None,
        save: str | os.PathLike[str] | None = None,
    ) -> Figure:
        """What modes cost against a figure that is asked for: see `plot.decision`."""
        named = [self.resolve(one) if one is not None else None for one in (y, x)]
        return finished(draw_decision(self, self.verdict, named[0], named[1], ax), save)

    def plot_front(self, x: str = "cost_per_month", y: str = "e2e_latency_p95_s") -> Figure:
        """Modes by two figures, and a line through those that nobody beats in both: see `plot.front`."""
        return draw_front(self, x, y)

    def _report_told(self, sensitivity: bool) -> ReportTold:
        """Commands that repeat the report and write what it proposes."""
        name = self.scenario._recipe.source or "SCENARIO.json"
        mode = ["--mode", self.verdict.mode] if self.verdict.mode else []
        less = {} if sensitivity else {"no-sensitivity": True}
        return ReportTold(command_of(name, self._how.options(self.scenario) | less), [name, *mode])

    def ask_again(self, scenario: Scenario) -> Verdict:
        """The answer for a changed scenario: of the mode chosen, dedicated GPUs and the next best, one run of each."""
        others = [
            one for one in self.verdict.fared if one.measured is not None and one is not self.verdict.chosen
        ]
        best = sorted(others, key=lambda one: (one.name == DEDICATED, one.margin[0]), reverse=True)[:2]
        names = [one.name for one in (self.verdict.chosen, *best) if one is not None]
        how = self._how
        return compare(
            scenario,
            [mode for mode in self.modes if mode in names],
            how.objectives,
            slo=how.slo,
            keep=how.keep,
            seed=how.seed,
            most_replications=1,
            record_requests=False,
        ).verdict

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return brief(self, f"{self.scenario.name}, {len(self.modes)} modes: {self.verdict.line}")

    def _repr_html_(self) -> str:
        return self.verdict._repr_html_() + self._html_tables("")
