"""Pods that come, wait, run and leave: how long they wait, and what the cluster is like meanwhile."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .._numbers import check_seed
from ..charts.lines import Line, line_chart
from ..frames.notices import Notice, told
from ..frames.progress import followed
from ..frames.render import Field, brief, counted, number, wrap
from ..frames.tables import Table
from ..frames.units import time_text
from ..scenario.profiles import ProfileLike
from ..study.runner import run_counted, stoppable
from .data import Cluster, Rows, cluster_of
from .packing import policies_of
from .quotas import gpus_of, notices_of
from .sharing import Sharing, sharing_of
from .told import Told

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ClusterRun", "ClusterRuns", "cluster_over_time"]

_DAY_S = 86400
_UNITS = (("days", 86400), ("hours", 3600), ("minutes", 60), ("s", 1))
#: Rows of a series where nobody says how far they are apart, at least, and seconds between them at most.
_ROWS, _HOUR_S = 100, 3600.0
_SERIES = (
    "at_s",
    "allocation",
    "held",
    "fragmentation",
    "stranded",
    "stranded_for_cpu",
    "cpu",
    "running",
    "waiting",
    "waiting_gpus",
)


@dataclass(frozen=True)
class ClusterRun:
    """One policy over time.

    Attributes
    ----------
    policy : str
        Its name.
    pods : Table
        ``name``, ``created_s``, ``started_s``, ``ended_s`` and ``waited_s`` (NaN where it never came to that), ``node``
        (empty for none), ``devices`` of it (``0|3``) and, where shares are instances, ``instances`` on these
        (``3g.40gb@4``).
    series : Table
        At every sample: GPU figures as shares of all GPUs, ``cpu`` of all cores, pods running and waiting, and the
        GPUs that waiting ones ask for.
    mean : mapping of str to float
        The same over the whole time; ``at_s`` is the end.
    started, impossible : int
        Pods that ran, and pods that not even the empty cluster could take.
    peak_of_group : mapping of str to int
        GPU milli that a group with a quota asked for at a time, at most.
    """

    policy: str
    pods: Table
    series: Table
    mean: Mapping[str, float]
    started: int
    impossible: int
    peak_of_group: Mapping[str, int]

    @cached_property
    def waits(self) -> dict[str, float]:
        """``mean_s``, ``p50_s``, ``p95_s``, ``p99_s`` and ``max_s`` of the pods that started."""
        values = self.pods["waited_s"]
        known = values[~np.isnan(values)]
        if not len(known):
            return dict.fromkeys(("mean_s", "p50_s", "p95_s", "p99_s", "max_s"), math.nan)
        p50, p95, p99 = np.percentile(known, [50, 95, 99])
        return {
            "mean_s": float(known.mean()),
            "p50_s": float(p50),
            "p95_s": float(p95),
            "p99_s": float(p99),
            "max_s": float(known.max()),
        }

    def __repr__(self) -> str:
        return brief(self, f"{self.policy}: {self.started:,} of {len(self.pods):,} pods started")

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "policy": self.policy,
            "started_pods": self.started,
            "impossible_pods": self.impossible,
            "waits": self.waits,
            "mean": dict(self.mean),
            "peak_gpu_milli_of_group": dict(self.peak_of_group),
        }


@dataclass(frozen=True, repr=False)
class ClusterRuns(Told):
    """Policies over the same time.

    Attributes
    ----------
    cluster : Cluster
        Nodes and pods.
    policies : mapping of str to ClusterRun
        In the order asked for.
    backfill : bool
        Whether pods may pass one that fits nowhere.
    quotas : mapping of str to float
        GPUs by group.
    order_seed : int
        Of the order of nodes.
    sharing : Sharing
        How shares are held.
    until_s : float
        Where it ended, if pods had not; infinite otherwise.
    """

    cluster: Cluster
    policies: Mapping[str, ClusterRun]
    backfill: bool
    quotas: Mapping[str, float]
    order_seed: int
    sharing: Sharing
    until_s: float = math.inf

    @property
    def warnings(self) -> Sequence[Notice]:
        """What is assumed, and what may mislead."""
        found = [
            *self.cluster.notices,
            *notices_of(self.cluster, self.quotas),
            *self.sharing.notices,
        ]
        if not self.cluster.has_ends:
            found.append(Notice("pods", "none has an end: what starts stays for ever"))
        return found

    def to_dict(self) -> dict[str, Any]:
        """For JSON, as ``gpushare cluster --timed --json`` prints it."""
        how = {
            "backfill": self.backfill,
            "quotas": dict(self.quotas),
            "order_seed": self.order_seed,
        }
        return self._shared(how, [run.to_dict() for run in self.policies.values()])

    @property
    def series(self) -> Table:
        """The series of all policies, one after the other."""
        columns: dict[str, Any] = {"policy": []}
        for run in self.policies.values():
            columns["policy"] += [run.policy] * len(run.series)
        for name in _SERIES:
            columns[name] = np.concatenate([run.series[name] for run in self.policies.values()])
        return Table("series", columns)

    def _headline(self) -> str:
        best = min(self.policies.values(), key=lambda run: (-run.started, run.waits["mean_s"]))
        head = (
            f"{counted(len(self.cluster.pods), 'pod')} in {_span(best.mean['at_s'])} on "
            f"{counted(len(self.cluster.nodes), 'node')} with {counted(self.cluster.gpus, 'GPU')}"
        )
        if not best.started:
            return f"{head}: none starts."
        if not best.waits["max_s"]:
            return f"{head}: by {best.policy} none of the {best.started:,} that start waits."
        many = len(self.policies) > 1
        least = f"pods wait least by {best.policy}," if many else f"by {best.policy} pods wait"
        return (
            f"{head}: {least} {time_text(best.waits['mean_s'])} on average and "
            f"{time_text(best.waits['p95_s'])} at the 95th percentile; {best.started:,} started."
        )

    def _fields(self) -> list[Field]:
        runs = list(self.policies.values())

        def per_cent(name: str) -> list[str]:
            return [f"{100 * run.mean[name]:.2f}" for run in runs]

        return [
            Field("policy", [run.policy for run in runs], "left"),
            Field("pods\nstarted", [f"{run.started:,}" for run in runs]),
            Field("wait, s\nmean", [number(run.waits["mean_s"]) for run in runs]),
            Field("wait, s\np95", [number(run.waits["p95_s"]) for run in runs]),
            Field("wait, s\nmax", [number(run.waits["max_s"]) for run in runs]),
            Field("alloca-\nted, %", per_cent("allocation")),
            Field("fragments\n% of all", per_cent("fragmentation")),
            Field("stranded\n%", per_cent("stranded")),
            Field("waiting\nGPUs", [number(run.mean["waiting_gpus"]) for run in runs]),
        ]

    def _notes(self, width: int) -> list[str]:
        order = "higher priority first, then by creation"
        passing = "those behind one that fits nowhere may pass" if self.backfill else "nobody passes"
        impossible = max(run.impossible for run in self.policies.values())
        lines = [
            "allocated, fragments and stranded: means over time, of all GPUs",
            f"{order}; {passing}; ties go to the first node of one random order (seed {self.order_seed}); "
            f"{self.sharing.words}",
        ]
        if impossible:
            are = "they are" if impossible > 1 else "it is"
            lines.append(
                f"{counted(impossible, 'pod')} could not even start on the empty cluster; {are} left out"
            )
        for run in self.policies.values():
            if never := len(run.pods) - run.started - run.impossible:
                lines.append(
                    f"{run.policy}: {counted(never, 'pod')} never had room, "
                    "alone, with the whole gang or within the quota"
                )
            lines += [
                f"{run.policy}: group {group} held {milli / 1000:g} of its {self.quotas[group]:g} GPUs at most"
                for group, milli in run.peak_of_group.items()
            ]
        return [*told(self.warnings, width), *(wrap(f"{line}.", width, "  ") for line in lines)]

    def plot(self) -> Figure:
        """GPUs allocated over time, a line for each policy.

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        """
        ends = max(float(run.series["at_s"][-1]) for run in self.policies.values())
        unit, length = next((u, s) for u, s in _UNITS if ends >= 2 * s or s == 1)
        lines = [
            Line(
                run.policy, (run.series["at_s"] / length).tolist(), (100 * run.series["allocation"]).tolist()
            )
            for run in self.policies.values()
        ]
        return line_chart(f"time, {unit}", "GPUs allocated, %", lines, title=self._headline(), stairs=True)


def cluster_over_time(
    nodes: Rows | Cluster,
    pods: Rows | None = None,
    *,
    policy: str | Sequence[str] = "fgd",
    backfill: bool = True,
    quotas: Mapping[str, float] | None = None,
    sample_s: float | None = None,
    until_s: float = math.inf,
    sharing: str = "time-slicing",
    mig: Mapping[str, ProfileLike] | None = None,
    seed: int = 1,
    order_seed: int = 1,
    threads: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> ClusterRuns:
    """Runs pods from their creation to their end: they wait in one line, hold what they ask for, and leave.

    A pod runs for its ``duration``, or from ``scheduled_time`` (``creation_time`` where it was never scheduled) to
    ``deletion_time``, and without either for ever. Pods of one ``gang`` start together once all are created, or wait.

    Parameters
    ----------
    nodes, pods : path, table, frame, mapping, list of rows or Cluster
        As `Cluster` takes them.
    policy : str or sequence of str
        As in `cluster`.
    backfill : bool
        Pods behind one that fits nowhere may start before it.
    quotas : mapping of str to float, optional
        GPUs that running pods of a ``group`` may ask for together.
    sample_s : float, optional
        Seconds between rows of the series, at least 1; by default an hour, or less where that makes few rows.
    until_s : float
        Where to end, if pods have not.
    sharing, mig, order_seed, threads, progress
        As in `cluster`.
    seed : int
        Of the policy that draws nodes.

    Returns
    -------
    ClusterRuns

    Raises
    ------
    TraceError
        For rows that cannot be.
    ValueError
        For a policy, quota or time that there is not.
    """
    found = cluster_of(nodes, pods)
    names = policies_of(policy)
    seed, order_seed = check_seed(seed), check_seed(order_seed, "order_seed")
    sample_s = _sample_of(found) if sample_s is None else sample_s
    if not sample_s >= 1:
        raise ValueError(f"sample_s: found {sample_s}; expected at least 1 second")
    if not until_s > 0:
        raise ValueError(f"until_s: found {until_s}; expected more than 0 seconds")
    allowed = {group: gpus_of(group, gpus) for group, gpus in (quotas or {}).items()}
    share = sharing_of(sharing, found.models, mig)

    def run(name: str, cancelled: Callable[[], bool]) -> ClusterRun:
        with stoppable(cancelled):
            outcome = found.data.timed(
                policy=name,
                backfill=backfill,
                quotas={group: round(1000 * gpus) for group, gpus in allowed.items()},
                sample_s=sample_s,
                until_s=until_s,
                seed=seed,
                order_seed=order_seed,
                sharing=sharing,
                mig=dict(share.profiles),
                cancelled=cancelled,
            )
        return _run_of(name, found, outcome)

    with followed(progress, "cluster", "count") as told:
        runs = dict(zip(names, run_counted(run, names, told, threads=threads), strict=True))
    return ClusterRuns(found, runs, backfill, allowed, order_seed, share, until_s)


def _sample_of(cluster: Cluster) -> float:
    """Seconds between rows: until the last pod could be gone, if all started at once."""
    ends = cluster.created_s + np.where(np.isfinite(cluster.duration_s), cluster.duration_s, 0.0)
    return float(np.clip(np.floor(ends.max() / _ROWS), 1.0, _HOUR_S))


def _span(seconds: float) -> str:
    return f"{seconds / _DAY_S:,.1f} days" if seconds >= _DAY_S else time_text(seconds)


def _run_of(name: str, cluster: Cluster, outcome: Mapping[str, Any]) -> ClusterRun:
    started: npt.NDArray[np.float64] = outcome["started_s"]
    nodes = cluster.nodes["sn"].tolist()
    pods = Table(
        "pods",
        {
            "name": cluster.pods["name"].tolist(),
            "created_s": cluster.created_s,
            "started_s": started,
            "ended_s": outcome["ended_s"],
            "waited_s": started - cluster.created_s,
            "node": ["" if at < 0 else nodes[at] for at in outcome["node"].tolist()],
            "devices": ["|".join(map(str, held)) for held in outcome["devices"]],
            "instances": ["|".join(held) for held in outcome["instances"]],
        },
    )
    series = Table("series", {key: np.array([row[key] for row in outcome["series"]]) for key in _SERIES})
    return ClusterRun(
        name,
        pods,
        series,
        outcome["mean"],
        outcome["started"],
        outcome["impossible"],
        outcome["peak_of_group"],
    )
