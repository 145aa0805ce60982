"""What a window says: the verdict, every objective, every replica; as text and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..frames.notices import Notice, plain, told
from ..frames.render import Field, brief, counted, number, page_width, text_table, wrap
from ..frames.tables import Table
from ..planning.judging import Fared
from ..planning.plan_text import judged_fields
from ..scenario.scenario import Scenario
from ..study.results import Result
from .clock import said
from .missing import replica_table
from .placing import Replica
from .presence import Pod

__all__ = ["ClusterWindow"]

#: Rows of replicas that are shown, those that miss something first.
_MOST = 12


@dataclass(frozen=True)
class ClusterWindow:
    """A window of a packed cluster, simulated.

    Attributes
    ----------
    policy : str
        Which placed the pods.
    at_s, duration_s, begin_s : float
        The window on the clock of the list, and when the run began before it.
    scenario : Scenario
        Services and traffic on the placement at that time.
    actions : list of mapping
        Pods that come and go: ``gs.simulate(scenario, actions=actions)`` is the run again.
    result : Result
        Figures of the window, as of any run.
    fared : Fared
        What became of each objective; ``meets`` says whether all hold.
    pods : list of Pod
        All that held GPUs, those of others too.
    """

    policy: str
    at_s: float
    duration_s: float
    begin_s: float
    scenario: Scenario
    actions: Sequence[Mapping[str, Any]]
    result: Result
    fared: Fared
    pods: Sequence[Pod]
    staged: Sequence[Replica]
    warnings: Sequence[Notice]

    @property
    def meets(self) -> bool | None:
        """Whether the window is within objectives; None where chance leaves it open."""
        return self.fared.meets

    @property
    def asked(self) -> bool:
        """Whether there are objectives."""
        return bool(self.fared.judged or self.fared.checks)

    @cached_property
    def replicas(self) -> Table:
        """A row for each replica: pod, node, GPU, when it served, its requests, p95s, and the objectives it misses."""
        return replica_table(self.staged, self.scenario, self.result, self.fared.judged, self.begin_s)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        rows = zip(*(self.replicas[name].tolist() for name in self.replicas.columns), strict=True)
        return {
            "policy": self.policy,
            "at_s": self.at_s,
            "duration_s": self.duration_s,
            "lead_s": self.at_s - self.begin_s,
            "meets": self.meets if self.asked else None,
            "objectives": {name: one.to_dict() for name, one in self.fared.named().items()},
            "replications": self.fared.runs,
            "gpus": len(self.scenario.placement.gpus),
            "replicas": [dict(zip(self.replicas.columns, row, strict=True)) for row in rows],
            "actions": [dict(one) for one in self.actions],
            "warnings": plain(self.warnings),
            "summary": self.result.summary().to_dict(),
        }

    def text(self, width: int | None = None) -> str:
        """The answer first, then every objective and every replica."""
        width = page_width(width)
        return _text(self, width)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return brief(self, _headline(self))


def _text(window: ClusterWindow, width: int) -> str:
    """The answer first, then every objective and every replica, then what is assumed."""
    parts = [wrap(_headline(window), width)]
    if window.fared.judged:
        parts.append(text_table(judged_fields(list(window.fared.judged)), width=width))
    words = {True: "met", False: "MISSED", None: "too close"}
    parts += [f"{one.name} ({one.asked}): {one.found}: {words[one.meets]}" for one in window.fared.checks]
    parts.append(text_table(_replica_fields(window), width=width))
    left = len(window.replicas) - _MOST
    if left > 0:
        parts.append(f"  ... and {left:,} more replicas")
    return "\n\n".join([*parts, *told(window.warnings, width)])


def _headline(window: ClusterWindow) -> str:
    where = (
        f"{said(window.at_s)} to {said(window.at_s + window.duration_s)} on the layout of {window.policy}, "
        f"{counted(len(window.replicas), 'replica')} on {counted(len(window.scenario.placement.gpus), 'GPU')}"
    )
    if not window.asked:
        return f"No objectives are asked for from {where}."
    others = _of_others(window)
    if window.meets is None:
        return f"Too close to say after {window.fared.runs} runs, from {where}."
    if window.meets:
        return f"Within objectives from {where}{others}: {_worst(window)}."
    missed = [one for one in window.fared.judged if one.meets is False]
    rows = [name for name in window.replicas["misses"] if name]
    by = f"; {len(rows)} of the replicas miss by themselves" if rows else ""
    failed = ", ".join(
        [one.objective.figure for one in missed] or [c.name for c in window.fared.checks if not c.meets]
    )
    return f"MISSED from {where}{others}: {failed}{by}."


def _of_others(window: ClusterWindow) -> str:
    if any(pod.stand_in for pod in window.pods):
        return ", with pods of others on its GPUs busy all the time"
    idle = any(one.where == "others" for one in window.warnings)
    return ", if pods of others on its GPUs are idle" if idle else ""


def _worst(window: ClusterWindow) -> str:
    worst = window.fared.worst
    if worst is None:
        return "all checks hold"
    return f"{worst.objective.figure} leaves least, {-100 * worst.excess:.0f} % of its bound"


def _replica_fields(window: ClusterWindow) -> list[Field]:
    table = window.replicas
    order = sorted(range(len(table)), key=lambda i: (not table["misses"][i], i))[:_MOST]

    def cells(name: str) -> list[str]:
        return [str(table[name][i]) for i in order]

    def milliseconds(name: str) -> list[str]:
        return [number(1000 * table[name][i]) for i in order]

    begin, end = window.begin_s, window.at_s + window.duration_s
    times = [
        ("" if table["from_s"][i] <= begin else f"from {said(table['from_s'][i])} ")
        + ("" if table["until_s"][i] >= end else f"until {said(table['until_s'][i])}")
        for i in order
    ]
    fields = [
        Field("replica", [f"{table['service'][i]}.{table['replica'][i]}" for i in order], "left"),
        Field("pod", cells("pod"), "left"),
        Field("GPU", [f"{table['node'][i]}/{table['gpus'][i]}" for i in order], "left"),
        Field("share", cells("share"), "left"),
        Field("requests", [f"{table['requests'][i]:,}" for i in order]),
        Field("first, ms\np95", milliseconds("first_output_p95_s")),
        Field("done, ms\np95", milliseconds("latency_p95_s")),
        Field("misses", [name.replace("|", ", ") for name in cells("misses")], "left"),
    ]
    if any(times):
        fields.insert(4, Field("served", [text.strip() for text in times], "left"))
    return fields
