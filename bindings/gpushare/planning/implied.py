"""What is asked where nobody says: nearly what dedicated GPUs give."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from .objectives import Objective

__all__ = ["KEPT", "SERVED", "Kept"]

#: Figures of what is served, of which shares are kept.
SERVED = ("success_rate", "request_throughput")


@dataclass(frozen=True)
class Kept:
    """Shares of what dedicated GPUs give.

    Attributes
    ----------
    latency : float
        The end-to-end p95 of every pipeline may be so many times theirs.
    throughput, success : float
        Requests a second, and the share that succeeds, may be this share of theirs.
    """

    latency: float = 1.25
    throughput: float = 0.95
    success: float = 0.99

    def __post_init__(self) -> None:
        for name, most in (("latency", math.inf), ("throughput", 1.0), ("success", 1.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
                need = "a number of at least 0" if most == math.inf else "a share from 0 to 1"
                raise ValueError(f"keep: found {name}={value!r}; {need} is needed")

    @classmethod
    def parse(cls, text: str) -> Kept:
        """Reads ``latency=1.25,throughput=0.95,success=0.99``; what is left out is as usual.

        Raises
        ------
        ValueError
            For other names, and what is no number or share.
        """
        known = [field.name for field in fields(cls)]
        found: dict[str, float] = {}
        for part in text.split(","):
            name, _, value = (word.strip() for word in part.partition("="))
            if name not in known:
                raise ValueError(f"keep: found {part.strip()!r}; write NAME=NUMBER with {', '.join(known)}")
            try:
                found[name] = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
            except ValueError:
                raise ValueError(f"keep: found {part.strip()!r}; a number is needed") from None
        return cls(**found)

    def __str__(self) -> str:
        return ",".join(f"{field.name}={getattr(self, field.name):g}" for field in fields(self))

    def latencies(self, dedicated: Mapping[str, float], pipelines: Iterable[str]) -> list[Objective]:
        """A bound for each pipeline's end-to-end p95."""
        names = list(pipelines)
        figures = (
            ["e2e_latency_p95_s"] if len(names) == 1 else [f"{name}.e2e_latency_p95_s" for name in names]
        )
        return [
            Objective(name, self.latency * float(dedicated[name]), True, implied=True)
            for name in figures
            if not math.isnan(dedicated.get(name, math.nan))
        ]

    def served(self, dedicated: Mapping[str, float], replicas: int = 1) -> list[Objective]:
        """Bounds for what is served at all; one of several replicas that falls behind must not hide among them."""
        if not dedicated:  # they do not fit
            return [Objective("success_rate", self.success, False, implied=True)]
        shares = dict(zip(SERVED, (self.success, self.throughput), strict=True))
        return [
            Objective(name, (1 - (1 - share) / replicas) * float(dedicated[name]), False, implied=True)
            for name, share in shares.items()
            if not math.isnan(dedicated.get(name, math.nan))
        ]


#: What is asked unless something else is said.
KEPT = Kept()
