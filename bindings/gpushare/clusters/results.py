"""What policies made of a cluster whose pods arrive and never leave: figures, text, JSON, pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..charts.lines import Line, line_chart
from ..frames.notices import Notice, told
from ..frames.render import Field, counted, number, wrap
from ..frames.tables import Table
from .data import Cluster
from .sharing import Sharing
from .told import Told

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CURVES", "Packing", "PolicyRuns"]

#: By whole per cent arrived.
CURVES = ("allocation", "held", "fragmentation", "of_idle")
_TIES = (
    "ties go to the first node of one random order (seed {}), the same for all policies, pods and shuffles"
)


def _key(arrived: float) -> str:
    text = f"{arrived:.2f}"
    return text[:-1] if text.endswith("0") else text


@dataclass(frozen=True, eq=False)
class PolicyRuns:
    """What one policy did, by seed.

    Attributes
    ----------
    policy : str
        Its name.
    curves : mapping of str to array
        ``allocation`` (what pods asked for and got), ``held`` (with what instances hold beyond it), ``fragmentation``
        (shares of all GPUs) and ``of_idle`` (the fragmentation, of idle GPUs), each of shape ``(seeds, per cents)``:
        means over the pods that arrived within a whole per cent of GPU demand, NaN where none did.
    counts : mapping of str to array
        By seed: ``pods``, ``placed``, why others were not (``no_gpu``, ``no_host``, ``no_node``), and at the end
        ``stranded``, ``stranded_for_cpu`` (shares of all GPUs) and ``cpu_allocation``.
    """

    policy: str
    curves: Mapping[str, npt.NDArray[np.float64]]
    counts: Mapping[str, npt.NDArray[Any]]

    def at(self, curve: str, arrived: float) -> npt.NDArray[np.float64]:
        """By seed, when that share of the GPUs had been asked for; the last per cent before that some pod fell into.

        Before the first pod nothing is allocated or held, and no fragmentation is known.
        """
        values = self.curves[curve][:, : round(100 * arrived) + 1]
        empty = 0.0 if curve in ("allocation", "held") else math.nan
        found = [row[~np.isnan(row)][-1] if (~np.isnan(row)).any() else empty for row in values]
        return np.array(found, dtype=np.float64)


def _per_cent(share: float) -> str:
    """``-`` where no pod was so far."""
    return number(100 * share, 2)


def _spread(values: npt.NDArray[np.float64]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


@dataclass(frozen=True, repr=False, eq=False)
class Packing(Told):
    """How policies fill a cluster under the same shuffles of its pods.

    Attributes
    ----------
    cluster : Cluster
        Nodes and pods.
    policies : mapping of str to PolicyRuns
        In the order asked for.
    seeds : sequence of int
        Of the shuffles.
    arrive : float
        GPU demand that arrived, of the GPUs.
    at : sequence of float
        Where the answer looks.
    order_seed : int
        Of the order of nodes.
    sharing : Sharing
        How shares are held.
    """

    cluster: Cluster
    policies: Mapping[str, PolicyRuns]
    seeds: Sequence[int]
    arrive: float
    at: Sequence[float]
    order_seed: int
    sharing: Sharing

    @property
    def warnings(self) -> Sequence[Notice]:
        """What is assumed, and what may mislead."""
        return [*self.cluster.notices, *self.sharing.notices]

    @property
    def table(self) -> Table:
        """A row for each policy and share arrived: means, standard deviations over seeds."""
        rows = [(runs, arrived) for runs in self.policies.values() for arrived in self.at]
        columns: dict[str, Any] = {
            "policy": [runs.policy for runs, _ in rows],
            "arrived": np.array([arrived for _, arrived in rows]),
        }
        for curve in CURVES:
            found = [runs.at(curve, arrived) for runs, arrived in rows]
            columns[curve] = np.array([float(values.mean()) for values in found])
            if curve == "allocation":
                columns["allocation_std"] = np.array([_spread(values) for values in found])
        return Table("packing", columns)

    @property
    def curves(self) -> Table:
        """A row for each policy, seed and whole per cent arrived that some pod fell into."""
        parts: dict[str, list[Any]] = {name: [] for name in ("policy", "seed", "arrived", *CURVES)}
        for runs in self.policies.values():
            for row, seed in enumerate(self.seeds):
                known = np.flatnonzero(~np.isnan(runs.curves["allocation"][row]))
                parts["policy"] += [runs.policy] * len(known)
                parts["seed"] += [seed] * len(known)
                parts["arrived"] += (known / 100).tolist()
                for curve in CURVES:
                    parts[curve] += runs.curves[curve][row][known].tolist()
        return Table("curves", {name: v if name == "policy" else np.array(v) for name, v in parts.items()})

    def lead(self, policy: str, other: str, arrived: float) -> tuple[float, float]:
        """Mean allocation of one policy less another's over the same shuffles, and its standard error."""
        gap = self.policies[policy].at("allocation", arrived) - self.policies[other].at("allocation", arrived)
        return float(gap.mean()), _spread(gap) / math.sqrt(len(gap))

    @property
    def best(self) -> str:
        """The policy that holds most when all has arrived."""
        return max(self.policies, key=lambda name: self.policies[name].at("allocation", self.at[-1]).mean())

    def to_dict(self) -> dict[str, Any]:
        """For JSON, as ``gpushare cluster --json`` prints it: one policy, or ``policies`` with one for each."""
        how = {
            "seeds": list(self.seeds),
            "arrive": self.arrive,
            "order_seed": self.order_seed,
            "tie_rule": _TIES.format(self.order_seed),
        }
        return self._shared(how, [self._of_policy(runs) for runs in self.policies.values()])

    def _of_policy(self, runs: PolicyRuns) -> dict[str, Any]:
        def mean(name: str) -> float:
            return float(np.mean(runs.counts[name]))

        return {
            "policy": runs.policy,
            "allocation_ratio": {
                _key(arrived): {"mean": float(values.mean()), "std": _spread(values)}
                for arrived in self.at
                for values in [runs.at("allocation", arrived)]
            },
            "held_ratio": {_key(arrived): float(runs.at("held", arrived).mean()) for arrived in self.at},
            "fragmentation": {
                _key(arrived): {
                    "amount": float(runs.at("fragmentation", arrived).mean()),
                    "of_idle": float(runs.at("of_idle", arrived).mean()),
                }
                for arrived in self.at
            },
            "arrived_pods": mean("pods"),
            "placed_pods": mean("placed"),
            "not_placed": {name: mean(name) for name in ("no_gpu", "no_host", "no_node")},
            "stranded": {"amount": mean("stranded"), "for_cpu": mean("stranded_for_cpu")},
            "cpu_allocation_ratio": mean("cpu_allocation"),
        }

    def _headline(self) -> str:
        best, cluster = self.policies[self.best], self.cluster
        held = " and ".join(
            f"{_per_cent(best.at('allocation', arrived).mean())} % with {100 * arrived:.0f} % arrived"
            for arrived in self.at
        )
        most = "most" if len(self.policies) > 1 else "so much"
        return (
            f"{best.policy} fills {most} of {counted(cluster.gpus, 'GPU')} on {counted(len(cluster.nodes), 'node')}: "
            f"{held}, mean of {counted(len(self.seeds), 'shuffle')} of {counted(len(cluster.pods), 'pod')}."
        )

    def _fields(self) -> list[Field]:
        fields = [Field("policy", list(self.policies), "left")]
        for arrived in self.at:
            found = [runs.at("allocation", arrived) for runs in self.policies.values()]
            cells = [
                _per_cent(v.mean()) + (f" ±{_per_cent(_spread(v))}" if len(v) > 1 else "") for v in found
            ]
            fields.append(Field(f"allocated, %\nat {100 * arrived:.0f} %", cells))
        shown = [("fragmentation", "fragments\n% of all"), ("of_idle", "fragments\n% of idle")]
        if self.sharing.profiles:
            shown.insert(0, ("held", "held by\ninstances"))
        for curve, title in shown:
            values = [runs.at(curve, self.at[-1]).mean() for runs in self.policies.values()]
            fields.append(Field(title, [_per_cent(v) for v in values]))
        for count, title in (("stranded_for_cpu", "no CPU\nfor, %"), ("cpu_allocation", "CPU\nused, %")):
            values = [runs.counts[count].mean() for runs in self.policies.values()]
            fields.append(Field(title, [_per_cent(v) for v in values]))
        return fields

    def _notes(self, width: int) -> list[str]:
        notes = [wrap(f"{line}.", width, "  ") for line in [*self._leads(), self._how()]]
        return [*told(self.cluster.notices, width), *told(self.sharing.notices, width, "assumed"), *notes]

    def _leads(self) -> list[str]:
        others = [name for name in self.policies if name != self.best]
        if not others or len(self.seeds) < 2:
            return []
        second = max(others, key=lambda n: self.policies[n].at("allocation", self.at[-1]).mean())
        said = []
        for arrived in self.at:
            lead, error = self.lead(self.best, second, arrived)
            said.append(
                f"{100 * lead:+.2f} points at {100 * arrived:.0f} % (standard error {100 * error:.2f})"
            )
        return [f"{self.best} less {second}, same shuffles: {', '.join(said)}"]

    def _how(self) -> str:
        spread = "±: standard deviation over seeds; " if len(self.seeds) > 1 else ""
        return (
            f"{spread}fragments: idle but of no use to the expected pod, at {100 * self.at[-1]:.0f} %; "
            f"{_TIES.format(self.order_seed)}; {self.sharing.words}"
        )

    def plot(self) -> Figure:
        """GPUs allocated by what has arrived, a line for each policy.

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        """
        lines = []
        for runs in self.policies.values():
            values = runs.curves["allocation"]
            known = np.flatnonzero(~np.isnan(values).all(axis=0))
            lines.append(
                Line(runs.policy, known.tolist(), (100 * np.nanmean(values[:, known], axis=0)).tolist())
            )
        demand, filled = "GPU demand arrived, % of all GPUs", "GPUs allocated, %"
        return line_chart(demand, filled, lines, title=self._headline())
