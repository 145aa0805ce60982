"""A scenario before anything is simulated: whether it can be read, where it fits, and what its load asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .. import _core
from ..frames.notices import Notice, merged, plain, told
from ..frames.render import Field, brief, counted, number, text_table, wrap
from ..frames.sections import Beside, assumed_line, commands, joined, section, warned
from ..scenario.origin import Origin, origin_of
from ..scenario.scenario import ModeLike, Scenario, ScenarioLike
from ..study.points import Point, mode_points
from ..study.simulation import as_scenario

__all__ = ["Foreseen", "ModeCheck", "ScenarioCheck", "check_scenario"]


@dataclass(frozen=True)
class Foreseen:
    """What queues say of a service.

    Attributes
    ----------
    latency : str
        Which one.
    p95_s : float
        Seconds; infinite where a queue grows.
    busy : float
        Share of its time that a process works.
    """

    latency: str
    p95_s: float
    busy: float


@dataclass(frozen=True)
class ModeCheck:
    """A scenario in one mode.

    Attributes
    ----------
    mode : str
        As it was asked for.
    why_not : str
        Why it cannot be; empty where it can.
    load_factor : float or None
        All rates could grow so often before no scheduler could carry them (a bound, not a promise); None where it
        cannot be, or where GPUs come and go.
    first : str
        The service that is short then, or what it runs on.
    services : mapping of str to Foreseen
        By service; empty where the load cannot be carried, and of a fleet under control.
    """

    mode: str
    why_not: str = ""
    load_factor: float | None = None
    first: str = ""
    services: Mapping[str, Foreseen] = field(default_factory=dict)

    @property
    def carries(self) -> bool:
        """Whether nothing says that it cannot carry the load."""
        return not self.why_not and (self.load_factor is None or self.load_factor >= 1)


@dataclass(frozen=True)
class ScenarioCheck:
    """What can be said of a scenario without simulating it.

    Attributes
    ----------
    name : str
        The scenario's.
    modes : list of ModeCheck
        In the order asked for.
    waits : bool
        Whether all traffic is of users who wait for their answers: too much load then makes them wait, and no backlog.
    warnings, assumptions : sequence of Notice
        What may mislead, and what nobody stated.
    origin : Origin
        What it was made from and by.
    """

    name: str
    modes: list[ModeCheck]
    waits: bool
    warnings: Sequence[Notice]
    assumptions: Sequence[Notice]
    origin: Origin

    @property
    def verdict(self) -> str:
        """``"fits"``, ``"overloaded"`` (in every mode in which it fits) or ``"does not fit"`` (in none)."""
        fitting = [one for one in self.modes if not one.why_not]
        if not fitting:
            return "does not fit"
        return "fits" if self.waits or any(one.carries for one in fitting) else "overloaded"

    @property
    def line(self) -> str:
        """The answer in a sentence."""
        fitting = [one for one in self.modes if not one.why_not]
        if not fitting:
            return f"{self.name} fits in {'none of these modes' if len(self.modes) > 1 else 'no such mode'}"
        carried = [one.mode for one in fitting if one.carries]
        where = f"{self.name} fits in {len(fitting)} of {counted(len(self.modes), 'mode')}"
        if self.waits and len(carried) < len(fitting):
            short = ", ".join(one.mode for one in fitting if not one.carries)
            return f"{where}; its users ask for more than can be served, and wait, in: {short}"
        if not carried:
            return f"{where}, and cannot keep up with its load in any of them"
        if len(carried) < len(fitting):
            return f"{where}, and may keep up with its load in: {', '.join(carried)}"
        return f"{where}; nothing says that it cannot keep up with its load"

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name; what is infinite or not known is None."""
        return {
            "scenario": self.name,
            "verdict": self.verdict,
            "line": self.line,
            "modes": [
                {
                    "mode": one.mode,
                    "fits": not one.why_not,
                    "why_not": one.why_not or None,
                    "load_factor": one.load_factor,
                    "first": one.first or None,
                    "services": {
                        name: {
                            "latency": found.latency,
                            "p95_s": found.p95_s if math.isfinite(found.p95_s) else None,
                            "busy": found.busy,
                        }
                        for name, found in one.services.items()
                    },
                }
                for one in self.modes
            ],
            "warnings": plain(self.warnings),
            "assumptions": plain(self.assumptions),
            "origin": self.origin.to_dict(),
        }

    def __repr__(self) -> str:
        return brief(self, self.line)

    def __str__(self) -> str:
        return self.text()

    def text(self, beside: Beside | None = None) -> str:
        """As a page.

        Parameters
        ----------
        beside : Beside, optional
            Commands to go on with, and whether assumptions are listed.
        """
        beside = beside or Beside()
        notes = [f"{one.mode}: {one.why_not}" for one in self.modes if one.why_not]
        sure = [
            "Nothing was simulated. What could be carried is a bound, as a multiple of the load asked for, that no "
            "scheduler beats; what is carried here may still be too much. Latencies are by queues: nine of ten of a "
            "test set lie within 15 % of simulated ones.",
            assumed_line(self.assumptions, beside),
            self.origin.line,
        ]
        return joined(
            [
                wrap(self.line),
                text_table(self._fields()),
                section("Why not", notes),
                warned(self.warnings),
                section("How sure", sure),
                "\n".join(told(self.assumptions, what="assumed")) if beside.details else "",
                commands("Next", beside.next),
            ]
        )

    def _fields(self) -> list[Field]:
        foreseen = {name: one.latency for mode in self.modes for name, one in mode.services.items()}
        return [
            Field("mode", [one.mode for one in self.modes], "left"),
            Field("fits", ["no" if one.why_not else "yes" for one in self.modes], "left"),
            Field("could carry", [_times(one.load_factor) for one in self.modes]),
            Field("short first", [one.first or "-" for one in self.modes], "left"),
            *(
                Field(f"{name}.{latency} p95 ms", [_ms(one.services.get(name)) for one in self.modes])
                for name, latency in foreseen.items()
            ),
        ]


def check_scenario(scenario: ScenarioLike, *, modes: Sequence[ModeLike] | None = None) -> ScenarioCheck:
    """Whether a scenario is right, where it fits, and whether its load can be carried; in milliseconds.

    Parameters
    ----------
    scenario : Scenario, str, path or mapping
        As in `simulate`.
    modes : sequence of str or Layout, optional
        As in `compare`; of a fleet under control that names none, the fleet as it is.

    Returns
    -------
    ScenarioCheck

    Raises
    ------
    Error
        When the scenario, or a mode, is not valid: all that is wrong with the document at once.

    Examples
    --------
    >>> import gpushare as gs
    >>> found = gs.check_scenario("voice-light", modes=["dedicated", "mps"])
    >>> found.verdict, [one.mode for one in found.modes if one.carries]
    ('fits', ['dedicated', 'mps'])
    """
    scenario = as_scenario(scenario)
    controlled = "control" in scenario.document
    if modes is None and controlled and not scenario.modes:
        points = [Point(scenario, {"mode": scenario.mode})]
    else:
        points = mode_points(scenario, modes)
    found = [_checked(point) for point in points]
    cases = {str(p.axes["mode"]): p.scenario.warnings if p.scenario else p.warnings for p in points}
    return ScenarioCheck(
        scenario.name,
        found,
        all(entry.get("kind") == "closed" for entry in scenario.document["traffic"]),
        merged(cases),
        scenario.assumptions,
        origin_of(scenario),
    )


def _checked(point: Point) -> ModeCheck:
    mode, scenario = str(point.axes["mode"]), point.scenario
    if scenario is None:
        return ModeCheck(mode, point.refused or point.error)
    if "control" in scenario.document:
        return ModeCheck(mode)
    bound = _core.load_bound(scenario._handle)
    found = ModeCheck(mode, "", float(bound["factor"]), _short(scenario, bound))
    if not found.carries:
        return found
    foreseen = _core.what_if(scenario._handle)["services"]
    services = {
        name: Foreseen(str(one["latency"]), float(one["p95_s"]), float(one["busy"]))
        for name, one in foreseen.items()
    }
    return replace(found, services=services)


def _short(scenario: Scenario, bound: Mapping[str, Any]) -> str:
    """What gives way first: a service, a partition that several share, or a node's cores."""
    if bound["service"] is not None:
        return str(bound["service"])
    if bound["gpu"] is not None:
        part = scenario.placement.gpus[bound["gpu"]]["partitions"][bound["partition"]]
        return f"gpu{bound['gpu']}/{part['name']}"
    return f"cores of node {bound['node']}" if bound["node"] is not None else ""


def _times(factor: float | None) -> str:
    return "-" if factor is None or not math.isfinite(factor) else f"{number(factor, 2)} x"


def _ms(found: Foreseen | None) -> str:
    if found is None:
        return "-"
    return "grows" if math.isinf(found.p95_s) else number(1e3 * found.p95_s, 1)
