"""What became of the requests of a run, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..frames.render import number
from .run import Run

__all__ = ["Facts", "percent"]

#: Below it three decimals say little.
_LOW = 0.01


def percent(share: float) -> str:
    """A share as a whole number of per cent."""
    return "-" if math.isnan(share) else f"{100 * share:.0f} %"


def _rate(per_s: float) -> str:
    """A rate, however low it is."""
    places = 1 - math.floor(math.log10(per_s)) if 0 < per_s < _LOW else None
    return number(per_s, places)


class Facts:
    """Requests, throughput, GPUs, memory and what limits them.

    Parameters
    ----------
    metrics : mapping of str to float
        By name.
    runs : sequence of Run
        Their replications.
    limit : str
        What they wait for most.
    """

    def __init__(self, metrics: Mapping[str, float], runs: Sequence[Run], limit: str) -> None:
        self._metrics = metrics
        self._runs = runs
        self._limit = limit

    def _refusals(self) -> list[tuple[str, str]]:
        """Why language models turned requests away, and what they would have taken."""
        reasons = {
            "rejected_over_context": "longer than the context",
            "rejected_over_cache": "longer than the cache",
            "rejected_queue_full": "queue full",
        }
        lines = []
        for longest in [name for name in self._metrics if name.endswith(".longest_sequence_tokens")]:
            service = longest.rpartition(".")[0]
            found = [
                f"{number(count, 0)} {why}"
                for name, why in reasons.items()
                if (count := self._metrics[f"{service}.{name}"]) > 0
            ]
            fits = f"it takes {number(self._metrics[longest], 0)} tokens of prompt and reply at most"
            if found:
                lines.append(("rejected", f"{service}, in the window: {', '.join(found)}; {fits}"))
        return lines

    def _held_back(self) -> list[tuple[str, str]]:
        """Requests that waited at their client for one of the places in flight."""
        return [
            (
                "held back",
                f"{one['name']}: {one['held_back']:,} requests waited at their client until fewer were in flight, up "
                f"to {number(one['longest_hold_s'])} s; their latencies count from when they were sent",
            )
            for run in self._runs[:1]
            for one in run.summary["traffic"]
            if one.get("held_back", 0) > 0
        ]

    def _given_up(self) -> str:
        if "timed_out" not in self._metrics:
            return ""
        return f" ({self._count('timed_out')} by their client's timeout; {self._count('retried')} attempts sent again)"

    def rows(self) -> list[tuple[str, str]]:
        """What it is of, and what there was."""
        count = self._count
        return [
            (
                "requests",
                f"{count('completed')} of {count('arrived')} completed{self._late()}, {count('rejected')} rejected, "
                f"{count('failed')} failed{self._given_up()}, {count('skipped')} skipped, "
                f"{count('unfinished')} unfinished",
            ),
            *self._refusals(),
            *self._held_back(),
            (
                "throughput",
                f"{_rate(self._metrics['request_throughput'])} requests/s {self._offered()} "
                f"({_rate(self._metrics['request_throughput_per_gpu'])} a GPU){self._tokens()}",
            ),
            *self._failures(),
            (
                "GPUs",
                f"{self._used()}, {count('gpus_freed')} freed; {percent(self._metrics['gpu_busy'])} busy{self._cost()}",
            ),
            *self._fleet(),
            *self._carbon(),
            (
                "memory",
                f"{number(self._metrics['vram_used_bytes'] / 1e9, 1)} GB used "
                f"of {number(self._metrics['vram_allocated_bytes'] / 1e9, 1)} GB allocated{self._stranded()}",
            ),
            ("limited by", self._limit),
        ]

    def _failures(self) -> list[tuple[str, str]]:
        if "faults" not in self._metrics:
            return []
        shares = {name: value for name, value in self._metrics.items() if name.endswith(".availability")}
        up = ", ".join(
            f"{name.rpartition('.')[0]} {number(100 * value, 2)} %" for name, value in shares.items()
        )
        failed = self._count("failed_by_faults")
        return [("faults", f"{self._count('faults')} happened, {failed} requests failed by them; up: {up}")]

    def _tokens(self) -> str:
        tokens = self._metrics["output_token_throughput"]
        return f", {number(tokens, 0)} output tokens/s" if tokens > 0 else ""  # no language model, no tokens

    def _used(self) -> str:
        """GPUs that were on, which may have come and gone."""
        mean = 3600 * self._metrics["gpu_hours"] / self._metrics["duration_s"]
        if abs(mean - self._metrics["gpus_used"]) < 0.05:
            return f"{self._count('gpus_used')} used"
        return f"{self._count('gpus_used')} used at most, {number(mean, 1)} on average"

    def _cost(self) -> str:
        cost = self._metrics["cost_per_month"]
        return f"; ${number(cost, 0)} a month" if cost > 0 else ""  # nothing where no price is known

    def _fleet(self) -> list[tuple[str, str]]:
        """Replicas and nodes that came and went."""
        changes = [change for run in self._runs for change in run.changes["change"]] if self._moves() else []
        if not changes:
            return []
        told = []
        for column in (name for name in self._runs[0].series if name.endswith(".replicas")):
            serving = np.concatenate([run.series[column] for run in self._runs])
            name = column.rpartition(".")[0]
            told.append(
                f"{name} {number(serving.mean(), 1)} replicas on average, {number(serving.max(), 0)} at most"
            )
        ordered, left = (changes.count(what) / len(self._runs) for what in ("node ordered", "node left"))
        return [("fleet", f"{'; '.join(told)}; {ordered:.3g} nodes ordered, {left:.3g} left")]

    def _moves(self) -> bool:
        return all("change" in run.changes and len(run.series) for run in self._runs)

    def _carbon(self) -> list[tuple[str, str]]:
        """Energy, where the document says what it emits."""
        if "co2_kg" not in self._metrics:
            return []
        energy, carbon = self._metrics["energy_kwh"], self._metrics["co2_kg"]
        return [
            (
                "energy",
                f"{energy:.3g} kWh, {carbon:.3g} kg of CO2 ({number(self._metrics['mean_power_w'], 0)} W)",
            )
        ]

    def _stranded(self) -> str:
        """What MIG cuts off, and empty instances."""
        if not self._metrics["stranded_sms"] > 0:
            return ""
        memory = self._metrics["stranded_memory_bytes"] / 1e9
        return f"; {self._count('stranded_sms')} SMs and {number(memory, 1)} GB in no process's instance"

    def _late(self) -> str:
        return f", {self._count('late')} of them after the window" if self._metrics["late"] > 0 else ""

    def _offered(self) -> str:
        """What is served against what comes."""
        kinds = {one["kind"] for run in self._runs for one in run.summary["traffic"]}
        if kinds == {"closed"}:
            return "by users who wait for their answers"
        growth = self._metrics["backlog_growth"]
        grows = f", growing by {number(growth)} a second" if self._metrics["late"] > 0 else ""
        return f"of {_rate(self._metrics['offered_rate'])} offered, {self._count('backlog')} left at the end{grows}"

    def _count(self, name: str) -> str:
        value = self._metrics[name]
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
