"""A window as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..frames.notices import told
from ..frames.render import Field, number, text_table, wrap
from ..planning.plan_text import judged_fields
from .clock import said

if TYPE_CHECKING:
    from .window import ClusterWindow

__all__ = ["window_text"]

#: Rows of replicas that are shown, those that miss something first.
_MOST = 12


def window_text(window: ClusterWindow, width: int) -> str:
    """The answer first, then every objective and every replica, then what is assumed."""
    parts = [wrap(_headline(window), width)]
    if window.fared.judged:
        name, *about, met = judged_fields(list(window.fared.judged))
        parts.append(text_table([name, met, *about], width=width))
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
        f"{len(window.replicas)} replicas on {len(window.scenario.placement.gpus)} GPUs"
    )
    if not window.asked:
        return f"No objectives are asked for from {where}."
    idle = (
        ", if pods of others on its GPUs are idle"
        if any(one.where == "others" for one in window.warnings)
        else ""
    )
    if window.meets is None:
        return f"Too close to say after {window.fared.runs} runs, from {where}."
    if window.meets:
        return f"Within objectives from {where}{idle}: {_worst(window)}."
    missed = [one for one in window.fared.judged if one.meets is False]
    rows = [name for name in window.replicas["misses"] if name]
    by = f"; {len(rows)} of the replicas miss by themselves" if rows else ""
    failed = ", ".join(
        [one.objective.figure for one in missed] or [c.name for c in window.fared.checks if not c.meets]
    )
    return f"MISSED from {where}{idle}: {failed}{by}."


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
