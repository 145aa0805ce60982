"""What requests wait for most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .. import _core

__all__ = ["Bottleneck", "agreed"]


@dataclass(frozen=True)
class Bottleneck:
    """What the requests of a run wait for most; as text, the same in words.

    Attributes
    ----------
    cause : str
        ``"nothing"`` (no request was served), ``"admission"`` (every request was refused), ``"own-latency"`` (no
        resource is saturated), ``"host"`` (steps follow each other without a pause, but not on the GPU),
        ``"gpu-time"``, ``"memory-bandwidth"`` or ``"compute"`` (of a saturated partition).
    service, partition : str
        Where most requests are, and the partition that is saturated; empty where there is none.
    busy, switching : float
        Shares of the time of the service's fullest partition; with several replications the mean of those that
        agree.
    service_busy : float
        Share of the time that the service's replicas had a step in hand.
    votes, replications : int
        Replications that agree on cause, service and partition, of all.
    """

    cause: str
    service: str = ""
    partition: str = ""
    busy: float = 0.0
    switching: float = 0.0
    service_busy: float = 0.0
    votes: int = 1
    replications: int = 1

    def _words(self) -> tuple[str, str]:
        return _core.bottleneck_words(
            self.cause, self.service, self.partition, self.busy, self.switching, self.service_busy
        )

    @property
    def brief(self) -> str:
        """The service and the resource, without where and how much."""
        return self._words()[1]

    def __str__(self) -> str:
        words = self._words()[0]
        if self.votes == self.replications:
            return words
        return f"{words} ({self.votes} of {self.replications} runs)"


def agreed(found: Sequence[Bottleneck]) -> Bottleneck:
    """The most frequent cause, service and partition of several replications, with the mean shares of those who agree.

    Parameters
    ----------
    found : sequence of Bottleneck
        Of each replication; of equally frequent ones the first is taken.
    """
    answers = [(one.cause, one.service, one.partition) for one in found]
    answer, votes = Counter(answers).most_common(1)[0]
    same = [one for one, key in zip(found, answers, strict=True) if key == answer]
    return replace(
        same[0],
        busy=sum(one.busy for one in same) / votes,
        switching=sum(one.switching for one in same) / votes,
        service_busy=sum(one.service_busy for one in same) / votes,
        votes=votes,
        replications=len(found),
    )
