"""A cluster as its files show it, and the plan that would do for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..frames.notices import Notice, plain
from ..frames.render import Field, brief, counted, text_table, wrap
from ..frames.sections import Beside
from ..kubernetes.reading import Seen, read_cluster_files
from ..planning.answer import Plan
from ..planning.plan import plan
from ..planning.plan_text import plan_text
from ..scenario.scenario import Scenario
from .demand import Cards, Tenant, all_loads, cards_of, tenants_of
from .workload import document_of

__all__ = ["Freed", "Observed", "from_cluster"]


def from_cluster(
    path: str | os.PathLike[str],
    products: Mapping[str, str] | None = None,
    services: Mapping[str, Scenario] | None = None,
) -> Observed:
    """Makes a scenario of a cluster from its files.

    Parameters
    ----------
    path : str or path
        A folder as `import_files` reads it, with utilisation in it (DCGM or Prometheus); pods make services, nodes say
        which GPUs there are.
    products : mapping of str to str, optional
        Profiles of products that no profile is named after: ``{"NVIDIA-A100X": "a100"}``.
    services : mapping of str to Scenario, optional
        What pods of a name do, where it is known better than by how busy they are: a scenario with one service and its
        requests, such as ``gpushare init --from-log`` writes. Its bounds count too.

    Returns
    -------
    Observed

    Raises
    ------
    Error
        With file and line; where nothing was measured; for a product without a profile, a scenario of pods that are not
        there, and one of several services.
    """
    seen = read_cluster_files(path)
    found = all_loads(seen)
    cards = cards_of(seen, found, products)
    tenants = tenants_of(seen, found, cards)
    document = document_of(tenants, cards, Path(path).resolve().name, services or {})
    return Observed(seen, cards, tenants, Scenario.from_dict(document))


class Observed:
    """A cluster: its `cards`, its `tenants`, the `scenario` that stands for them, and what was assumed (`notices`)."""

    def __init__(self, seen: Seen, cards: Cards, tenants: list[Tenant], scenario: Scenario) -> None:
        self.seen = seen
        self.cards = cards
        self.tenants = tenants
        self.scenario = scenario

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What was assumed, by tenant."""
        found = [Notice(one.name, note) for one in self.tenants for note in one.notes]
        found.append(
            Notice(
                "traffic",
                "rates are steady, at the 95th percentile of what was measured; requests arrive independently",
            )
        )
        return tuple(found)

    def plan(self, **options: Any) -> Freed:
        """What it could do with: `gpushare.plan` on the GPUs that there are, unless `gpus` says otherwise."""
        return Freed(self, plan(self.scenario, **{"gpus": dict(self.cards.counts), **options}))

    def _fields(self) -> list[Field]:
        def share(value: float | None) -> str:
            return "-" if value is None else f"{100 * value:.0f}"

        return [
            Field("service", [one.name for one in self.tenants], "left"),
            Field("model", [one.model or "stand-in" for one in self.tenants], "left"),
            Field("copies", [str(one.copies) for one in self.tenants]),
            Field("GPUs each", [str(one.ranks) for one in self.tenants]),
            Field("busy %", [share(one.busy) for one in self.tenants]),
            Field("SMs %", [share(one.sms) for one in self.tenants]),
            Field(
                "GB",
                [
                    "-" if one.memory_bytes is None else f"{one.memory_bytes / 1e9:.1f}"
                    for one in self.tenants
                ],
            ),
        ]

    def text(self, width: int | None = None) -> str:
        """Its GPUs, what uses them, and what was assumed."""
        kinds = " and ".join(f"{count} {kind}" for kind, count in self.cards.counts.items())
        return "\n\n".join(
            [
                wrap(f"{self.seen.source}: {kinds}, {counted(len(self.tenants), 'service')}.", width),
                text_table(self._fields(), width=width),
                "\n".join(wrap(f"assumed: {one.where}: {one.text}", width, "  ") for one in self.notices),
            ]
        )

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return brief(self, self.seen.source)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "source": self.seen.source,
            "files": dict(self.seen.files),
            "gpus": dict(self.cards.counts),
            "services": [
                {
                    "name": one.name,
                    "model": one.model or None,
                    "copies": one.copies,
                    "gpus_each": one.ranks,
                    "busy": one.busy,
                    "sms": one.sms,
                    "bandwidth": one.bandwidth,
                    "memory_bytes": one.memory_bytes,
                }
                for one in self.tenants
            ],
            "assumed": plain(self.notices),
        }


class Freed:
    """A plan for a cluster, and how many of its GPUs come free.

    Attributes
    ----------
    observed : Observed
        The cluster.
    plan : Plan
        What would do for it.
    """

    def __init__(self, observed: Observed, found: Plan) -> None:
        self.observed = observed
        self.plan = found

    @property
    def freed(self) -> int:
        """GPUs of the cluster that the plan does not use; 0 where there is no plan."""
        return self.observed.cards.total - self.plan.gpus if self.plan.scenario is not None else 0

    def headline(self) -> str:
        """What could be freed, in a line."""
        total = self.observed.cards.total
        if self.plan.scenario is None:
            return f"Of {total} GPUs none is known to come free: {self.plan.why}."
        if self.plan.gpus == 0:
            return f"None of the {total} GPUs is used."
        return (
            f"{self.freed} of {total} GPUs could be freed, if what was assumed holds: {self.plan.gpus} "
            f"{'does' if self.plan.gpus == 1 else 'do'}."
        )

    def text(self, width: int | None = None, beside: Beside | None = None) -> str:
        """What could be freed, what there is, and the plan."""
        plan = plan_text(self.plan, width, beside)
        return "\n\n".join([wrap(self.headline(), width), self.observed.text(width), plan])

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return brief(self, self.headline())

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the plan, with ``"cluster"`` beside it."""
        cluster = self.observed.to_dict() | {"freed": self.freed, "headline": self.headline()}
        return {**self.plan.to_dict(), "cluster": cluster}
