"""Placements of a scenario: what a mode makes of it, and whether it fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import _core
from .._core import ScenarioError
from .._errors import fail
from ..frames.render import Field, brief, html_table, number, text_table
from .placement import Placement
from .profiles import ProfileLike, profile
from .scenario import ModeLike, Scenario, mode_text

__all__ = ["Fit", "Misfit", "fits", "place"]


def place(
    mode: ModeLike,
    scenario: Scenario,
    *,
    gpu: ProfileLike | None = None,
    consolidate: Sequence[str] | None = None,
) -> Placement:
    """Where a mode puts the processes of a scenario.

    Parameters
    ----------
    mode : str or Layout
        ``"dedicated"``, ``"time-slicing[:REPLICAS|:WEIGHT/WEIGHT...]"``,
        ``"mps[:xREPLICAS|:PERCENT%|:PERCENT/PERCENT...]"`` or
        ``"mig:LAYOUT[/time-slicing[:PROCESSES]|/mps[:xPROCESSES|:PERCENT%]]"``; a mode of the document that
        changes more than the placement is ``scenario.with_mode(mode)``.
    scenario : Scenario
        Its services, as many replicas of each as they ask for.
    gpu : str, path or Profile, optional
        The kind of all GPUs; by default the document's.
    consolidate : sequence of str, optional
        Services that share a GPU; by default the document's, or all.

    Returns
    -------
    Placement
        On one node, the document's host.

    Raises
    ------
    ScenarioError, LayoutError
        When there is no such mode, service or layout.
    OutOfMemoryError
        When a process fits no instance of the layout.

    Examples
    --------
    >>> import gpushare as gs
    >>> scenario = gs.Scenario.load("voice-heavy")
    >>> halves = gs.place("mig:3g.40gb+3g.40gb", scenario)
    >>> [part["processes"] for part in halves.gpus[1]["partitions"]]
    [['asr'], ['tts']]
    >>> scenario.with_placement(halves, "halves").mode
    'halves'
    """
    together = None if consolidate is None else [_index(name, scenario.services) for name in consolidate]
    kind = None if gpu is None else profile(gpu)
    return Placement(_core.place(scenario._handle, mode_text(mode), kind, together))


def _index(name: str, services: Sequence[str]) -> int:
    if name not in services:
        known = ", ".join(services)
        raise fail(ScenarioError, "consolidate", f'unknown service "{name}"; known: {known}')
    return services.index(name)


@dataclass(frozen=True)
class Misfit:
    """Something that does not fit.

    `reason` is ``"cache"`` (what an LLM may take leaves no cache of 1,024 tokens), ``"memory-limit"`` (more than the
    MPS limit), ``"partition"`` (more than the partition has), ``"utilisation"`` (shares of the memory exceed 1
    together), ``"sum"`` (more than the partition has, together) or ``"mps-clients"``. `needed` and `available` are
    bytes, of MPS clients processes. `service` and `process` (of the partition) are None where all are meant; `place`
    reads ``"gpu0/3g.40gb@4"``; `fitting_share` is the ``gpu_memory_utilization`` with which its language models would
    fit together, None where none is known; `text` says the sum and what would help.
    """

    reason: str
    place: str
    gpu: int
    partition: int
    process: int | None
    service: str | None
    needed: float
    available: float
    fitting_share: float | None
    text: str


class Fit:
    """What a placement leaves of every partition's memory, and what does not fit; true when everything does."""

    def __init__(self, free_bytes: dict[str, float], misfits: Sequence[Misfit]) -> None:
        #: By partition (``"gpu0/3g.40gb@4"``); below zero, what is lacking.
        self.free_bytes = free_bytes
        #: The first of each memory, and of each set of MPS clients.
        self.misfits = list(misfits)

    def __bool__(self) -> bool:
        return not self.misfits

    def _fields(self) -> list[Field]:
        return [
            Field("partition", list(self.free_bytes), "left"),
            Field("free GB", [number(free / 1e9, 1) for free in self.free_bytes.values()]),
        ]

    def _notes(self) -> list[str]:
        return [f"{misfit.place}: {misfit.text}" for misfit in self.misfits]

    def __repr__(self) -> str:
        lacking = "; ".join(self._notes())
        return brief(self, lacking or f"all of {len(self.free_bytes)} partitions")

    def __str__(self) -> str:
        return "\n".join([text_table(self._fields()), *self._notes()])

    def _repr_html_(self) -> str:
        return html_table(self._fields(), notes=self._notes())


def fits(scenario: Scenario, placement: Placement | None = None) -> Fit:
    """Whether the processes of a scenario fit where they are placed, and what is left.

    Parameters
    ----------
    scenario : Scenario
        Its services say what their processes take.
    placement : Placement, optional
        By default the scenario's.

    Returns
    -------
    Fit

    Raises
    ------
    ScenarioError
        When the placement cannot be the scenario's, whatever the memory: a service that it does not have or does not
        place, a partition that is exclusive and has several processes.

    Examples
    --------
    >>> import gpushare as gs
    >>> fit = gs.fits(gs.Scenario.load("voice-heavy"), None)
    >>> bool(fit), list(fit.free_bytes)
    (True, ['gpu0/whole', 'gpu1/whole', 'gpu2/whole'])
    """
    handle: Any = None if placement is None else placement._handle
    free_bytes, misfits = _core.fits(scenario._handle, handle)
    return Fit(free_bytes, [Misfit(**misfit) for misfit in misfits])
