"""What each entry of the traffic brought, and what became of it, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..frames.render import Field, number, numbers

__all__ = ["traffic_fields"]


def traffic_fields(runs: Sequence[Sequence[Mapping[str, Any]]]) -> list[Field]:
    """A row for each entry, means over the runs.

    Parameters
    ----------
    runs : sequence of sequence of mapping
        ``Run.summary["traffic"]`` of each.
    """
    entries = list(zip(*runs, strict=True))

    def mean(figure: str) -> list[float]:
        return [sum(float(one.get(figure, 0)) for one in entry) / len(entry) for entry in entries]

    clients = [name for name in ("timed_out", "retried") if any(name in entry[0] for entry in entries)]
    counts = {title: mean(title) for title in ("rejected", "failed", *clients, "backlog")}
    return [
        Field("traffic", [str(entry[0]["name"]) for entry in entries], "left"),
        Field("offered\nreq/s", numbers(mean("offered_rate"))),
        Field("served\nreq/s", numbers(mean("served_rate"))),
        *(
            Field(
                title.replace("_", "\n"), [number(value, 0 if value.is_integer() else 1) for value in values]
            )
            for title, values in counts.items()
        ),
    ]
