"""What builders of services are made of: who asks, sizes around their means, a service as documents have it."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import _core
from .._core import ScenarioError
from .._errors import fail
from .._numbers import check_name, check_number

__all__ = [
    "Arrivals",
    "Distribution",
    "Log",
    "Served",
    "Sizes",
    "Slo",
    "bounds_of",
    "objectives_of",
    "served",
    "service_of",
]

Distribution = float | Mapping[str, Any]
Log = str | os.PathLike[str] | _core.Trace
Slo = Mapping[str, Any] | str | Iterable[str]
Served = str | os.PathLike[str] | Mapping[str, Any]


@dataclass(frozen=True)
class Arrivals:
    """Who asks: by rate, by users or from a log."""

    name: str
    rate: float | None
    users: int | None
    think_s: Distribution | None
    log: Log | None = None
    usual_think_s: float = 10.0

    def traffic(self, sizes: Mapping[str, Any]) -> dict[str, Any]:
        """Its entry of a document, with requests of these sizes."""
        given = [
            word
            for word, value in vars(self).items()
            if word in ("rate", "users", "log") and value is not None
        ]
        if len(given) != 1:
            found = "none" if not given else " and ".join(given)
            raise fail(
                ScenarioError,
                self.name,
                f"give one of rate (requests a second), users and log; found {found}",
            )
        if self.users is None and self.think_s is not None:
            raise fail(
                ScenarioError, self.name, f"think_s is of users, who wait for answers; {given[0]} has none"
            )
        entry: dict[str, Any] = {"name": self.name, "pipeline": self.name}
        if self.log is not None:
            path = {}
            if not isinstance(self.log, _core.Trace):
                needed = "a path, or a Trace (gs.traces.load, and gs.traces.from_columns for tables),"
                path = {"path": os.path.abspath(check_name("log", self.log, needed))}
            return entry | {"kind": "trace"} | path
        if self.rate is not None:
            arrivals = {"kind": "poisson", "rate_per_s": self.rate}
            return entry | {"kind": "open", "arrivals": arrivals, "sizes": dict(sizes)}
        think_s = self.usual_think_s if self.think_s is None else self.think_s
        return entry | {"kind": "closed", "users": self.users, "think_s": think_s, "sizes": dict(sizes)}


class Sizes:
    """Sizes around their means."""

    def __init__(self, spread: float) -> None:
        need = "a sigma of at least 0 such as 0.5"
        self.spread = check_number("spread", spread, need, lambda value: 0 <= value < math.inf)
        self.assumed = False

    def around(self, size: Any, least: float) -> Any:
        """A size that varies around its mean; a distribution is as it is."""
        if hasattr(size, "__len__") and not isinstance(size, (str, Mapping)):
            raise fail(
                ScenarioError,
                "",
                f"found {size!r:.40} as a size; give its mean, or a distribution such as "
                '{"kind": "uniform", "low": 100, "high": 2000} or {"kind": "empirical", "values": [...]}',
            )
        if isinstance(size, Mapping) or not self.spread:
            return size
        self.assumed = True
        return {"kind": "lognormal", "mean": size, "sigma": self.spread, "min": least, "max": 8 * size}

    def told(self) -> list[str]:
        """What was assumed."""
        return [f"Assumed: sizes are lognormal around their means with sigma {self.spread:g}."] * self.assumed


def service_of(
    model: Any, precision: str | None, replicas: int, engine: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """A service as documents have it, without what nobody said."""
    _refuse_words(engine)
    if not isinstance(model, Mapping):
        model = check_name("model", model, "a name, a path or a mapping")
    service: dict[str, Any] = {"model": model}
    if precision is not None:
        service["precision"] = precision
    if replicas != 1:
        service["replicas"] = replicas
    service |= {key: value for key, value in more.items() if value is not None}
    if engine:
        service["engine"] = dict(engine)
    return service


#: What other tools call what builders take, which would otherwise be options of an engine.
_OTHER_WORDS = {
    "rate": ("rps", "qps", "request_rate", "rate_per_s", "requests_per_s"),
    "users": ("concurrency", "max_concurrency", "num_users", "clients"),
    "prompt": ("input", "inputs", "input_tokens", "input_len", "prompt_tokens", "isl"),
    "reply": ("output", "outputs", "output_tokens", "output_len", "max_tokens", "osl"),
    "precision": ("dtype", "quantization"),
    "slo": ("objectives", "slos"),
}
_OF_SCENARIOS = ("gpu", "mode", "duration_s", "warmup_s", "seed")


def _refuse_words(engine: Mapping[str, Any]) -> None:
    """What is no option of any engine, and has another word here."""
    for word in engine:
        meant = next((ours for ours, others in _OTHER_WORDS.items() if word in others), None)
        if meant is not None:
            raise fail(ScenarioError, "", f"found {word}=; write {meant}=")
        if word in _OF_SCENARIOS:
            raise fail(
                ScenarioError, "", f"found {word}=; it is of the scenario: gs.Scenario.of(..., {word}=...)"
            )


_BOUND = re.compile(r"\s*([^<>=≤≥]+?)\s*(<=|>=|=|<|>|≤|≥)\s*(.+?)\s*")


def bounds_of(slo: Any) -> Iterator[tuple[str, Any]]:
    """Objectives as documents have them; of texts too, such as ``"ttft_p95=500ms"``."""
    if slo is None or isinstance(slo, Mapping):
        yield from (slo or {}).items()
        return
    texts: Sequence[Any] = list(slo) if isinstance(slo, Iterable) and not isinstance(slo, str) else [slo]
    for text in texts:
        found = _BOUND.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise fail(
                ScenarioError, "slo", f'found {text!r:.60}; write {{"ttft_p95": "500ms"}} or "ttft_p95=500ms"'
            )
        side = {"<": "at_most", "≤": "at_most", ">": "at_least", "≥": "at_least"}.get(found[2][0])
        yield found[1], {side: found[3]} if side else found[3]


def objectives_of(name: str, slo: Slo | None) -> dict[str, Any]:
    """Bare latencies of a service are its own: ``ttft_p95`` is ``llm.ttft_p95``."""
    own = (
        "queue",
        "ttft",
        "tpot",
        "itl",
        "first_audio",
        "first_chunk",
        "inter_chunk",
        "after_speech",
        "latency",
    )
    return {
        f"{name}.{figure}" if figure.partition("_p")[0] in own else figure: bound
        for figure, bound in bounds_of(slo)
    }


def served(service: Served, engine: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The same of a model, or of a service that stands as documents have it."""
    if isinstance(service, Mapping) and "model" in service:
        return dict(service)
    return service_of(service, None, 1, engine or {})
