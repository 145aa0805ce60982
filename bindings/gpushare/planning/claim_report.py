"""What comes of a claim: its verdict and bounds, as values and for people."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from ..frames.render import Field, brief, html_table, text_table, wrap

__all__ = ["IMPOSSIBLE", "ONLY_IF", "POSSIBLE", "Bound", "Claim", "amount", "quantity"]

POSSIBLE, ONLY_IF, IMPOSSIBLE = "possible", "possible only if", "impossible"

_TITLES = {
    "requests_per_s": "requests/s",
    "output_tokens_per_s": "output tokens/s",
    "streams": "streams in real time",
    "ttft_s": "first token of a user alone",
    "itl_s": "further token of a user alone",
}
_SAID = {
    "requests_per_s": "{} requests/s",
    "output_tokens_per_s": "{} tokens/s",
    "streams": "{} streams",
    "ttft_s": "first token in {}",
    "itl_s": "a token every {}",
}


@dataclass(frozen=True)
class Bound:
    """One figure of a claim.

    Attributes
    ----------
    figure : str
        With its unit: ``"requests_per_s"``, ``"ttft_s"``.
    claimed : float or None
        None where the claim does not name it.
    peak : float
        The best at the peak rates of the hardware, whatever the software.
    kernels : float
        The best with the kernels that the model's figures describe, whatever the scheduler.
    """

    figure: str
    claimed: float | None
    peak: float
    kernels: float

    @property
    def least(self) -> bool:
        """Whether less is better."""
        return self.figure.endswith("_s") and not self.figure.endswith("_per_s")

    def _beyond(self, best: float) -> bool:
        if self.claimed is None:
            return False
        return self.claimed < best if self.least else self.claimed > best

    @property
    def verdict(self) -> str:
        """``"possible"``, ``"possible only if"`` or ``"impossible"``."""
        if self._beyond(self.peak):
            return IMPOSSIBLE
        return ONLY_IF if self._beyond(self.kernels) else POSSIBLE


@dataclass(frozen=True)
class Claim:
    """A claim that was checked: `check` makes it, and printing shows it.

    Attributes
    ----------
    verdict : str
        ``"possible"``; ``"possible only if"``: within the peak rates, and beyond what the kernels reach;
        ``"impossible"``: beyond the peak rates, or it does not fit the memory.
    why : str
        One sentence with the numbers.
    asked : dict
        What was claimed, as `check` was called.
    bounds : list of Bound
        Figure by figure.
    needs : dict
        Of the claimed rate: ``compute`` and ``memory``, as shares of the peak rates.
    conditions : dict
        What would have to be true for a `rate` (requests a second) to hold with the kernels, each by itself:
        ``gpus`` (None: no number holds the model), ``cached`` (a share; None: no share is enough), ``output`` (the
        longest replies; None: none is short enough), and ``precisions``, the rates that other weights allow.
    assumed : list of str
        What was not told and the answer hangs on, in words.
    warnings : list of str
        What the card does with weights in such a format, where it is not what one would think.
    """

    verdict: str
    why: str
    asked: dict[str, Any]
    bounds: list[Bound] = field(default_factory=list)
    needs: dict[str, float] = field(default_factory=dict)
    conditions: dict[str, Any] = field(default_factory=dict)
    assumed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        bounds = [
            {
                "figure": b.figure,
                "claimed": b.claimed,
                "peak": b.peak,
                "kernels": b.kernels,
                "verdict": b.verdict,
            }
            for b in self.bounds
        ]
        return {
            "verdict": self.verdict,
            "why": self.why,
            "claim": self.asked,
            "bounds": bounds,
            "needs": self.needs,
            "conditions": self.conditions,
            "assumed": self.assumed,
            "warnings": self.warnings,
        }

    def __repr__(self) -> str:
        return brief(self, f"{_heading(self)}: {self.why}")

    def __str__(self) -> str:
        return _text(self)

    def _repr_html_(self) -> str:
        return html_table(_fields(self), caption=f"{_heading(self)}: {self.why}", notes=_said(self))


def amount(figure: str, value: float | None) -> str:
    """A value with its unit, unless it is plain from the figure."""
    if value is None:
        return "-"
    if figure in ("ttft_s", "itl_s"):
        return f"{1000 * value:,.3g} ms"
    if not math.isfinite(value):
        return "no bound"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def quantity(figure: str, value: float | None) -> str:
    """What is claimed, in a few words."""
    return _SAID[figure].format(amount(figure, value))


def _text(claim: Claim) -> str:
    """The verdict in one line, the bounds, and what would have to be true; at most 80 columns."""
    parts = [wrap(f"{_heading(claim)}: {claim.why}")]
    if claim.bounds:
        parts.append(text_table(_fields(claim)))
    said = _said(claim)
    if said:
        parts.append("\n".join(wrap(line, indent="  ") for line in said))
    return "\n\n".join(parts)


def _said(claim: Claim) -> list[str]:
    """What would have to be true, and what was assumed."""
    said = [*_needs(claim), *_conditions(claim), *(f"Note: {text}." for text in claim.warnings)]
    if claim.assumed:
        said.append(f"Not told, and taken to be: {', '.join(claim.assumed)}.")
    return said


def _heading(claim: Claim) -> str:
    return "possible only if ..." if claim.verdict == "possible only if" else claim.verdict


def _fields(claim: Claim) -> list[Field]:
    bounds = claim.bounds
    return [
        Field("", [_TITLES[b.figure] for b in bounds], "left"),
        Field("claimed", [amount(b.figure, b.claimed) for b in bounds]),
        Field("at peak rates", [amount(b.figure, b.peak) for b in bounds]),
        Field("with its kernels", [amount(b.figure, b.kernels) for b in bounds]),
    ]


def _needs(claim: Claim) -> list[str]:
    if not claim.needs:
        return []
    compute, memory = (100 * claim.needs[name] for name in ("compute", "memory"))
    return [
        f"The claim takes {compute:,.0f} % of the peak arithmetic and {memory:,.0f} % of the peak bandwidth."
    ]


def _conditions(claim: Claim) -> list[str]:
    """What would have to be true, each by itself."""
    conditions = claim.conditions
    if not conditions:
        return []
    enough: list[str] = []
    lacking: list[str] = []
    gpus = conditions["gpus"]
    if gpus is not None:
        enough.append(
            f"{gpus} or more GPUs" if claim.asked["partition"] == "whole" else f"{gpus} or more of it"
        )
    if "cached" in conditions:
        _sort(enough, lacking, _cached(conditions["cached"]))
        _sort(enough, lacking, _output(conditions["output"]))
        _sort(enough, lacking, _precisions(conditions))
    lines = ["With these kernels it would take one of these:", *(f"- {line}" for line in enough)]
    return (lines if enough else []) + ([f"Not enough: {'; '.join(lacking)}."] if lacking else [])


def _sort(enough: list[str], lacking: list[str], found: tuple[bool, str]) -> None:
    (enough if found[0] else lacking).append(found[1])


def _cached(share: float | None) -> tuple[bool, str]:
    if share is None:
        return False, "every prompt found in a cache"
    return True, f"{100 * share:.0f} % of the prompts' tokens found in a cache"


def _output(tokens: int | None) -> tuple[bool, str]:
    return (
        (False, "replies of one token") if tokens is None else (True, f"replies of at most {tokens:,} tokens")
    )


def _precisions(conditions: dict[str, Any]) -> tuple[bool, str]:
    rates: dict[str, float] = conditions["precisions"]
    enough = [name for name, rate in rates.items() if rate >= conditions["rate"]]
    if enough:
        return True, f"weights in {' or '.join(enough)}"
    each = ", ".join(f"{name} ({amount('requests_per_s', rate)} requests/s)" for name, rate in rates.items())
    return False, f"weights in {each}" if each else "other weights, of which the model has none"
