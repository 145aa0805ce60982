"""What of a scenario's load is varied."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._core import Error, ScenarioError
from .._errors import fail
from ..scenario.scenario import Scenario
from ..study.simulation import simulate
from .load import mean_rate, scaled
from .runs import Runs

__all__ = ["Varied", "varied"]


@dataclass(frozen=True)
class Varied:
    """A load that can be set.

    Attributes
    ----------
    kind : str
        ``"users"``, ``"rate"`` or a path.
    unit : str
        Of the load.
    whole : bool
        Whether it is a whole number.
    now : float
        What the document has.
    told : str
        Which traffic it is of, where that is not plain.
    """

    kind: str
    unit: str
    whole: bool
    now: float
    told: str = ""

    def start(self, runs: Runs) -> float:
        """Where a search begins: what the document has."""
        return self.rounded(self.now)

    def rounded(self, load: float) -> float:
        """The nearest load that can be."""
        return float(max(1, math.floor(load + 0.5))) if self.whole else load

    def at(self, scenario: Scenario, load: float) -> Scenario:
        """The scenario under a load."""
        if self.kind not in ("users", "rate"):
            return scenario.replace(**{self.kind: int(load) if self.whole else load})
        factor = load / self.now
        traffic = scenario.document["traffic"]
        users = self.kind == "users"
        return scenario.replace(traffic=scaled(traffic, factor, users=users, rates=not users))


def varied(scenario: Scenario, kind: str) -> Varied:
    """What to vary.

    Parameters
    ----------
    scenario : Scenario
        Whose load.
    kind : str
        ``"users"``, ``"rate"``, the path of a number, or empty for whichever traffic there is.

    Raises
    ------
    ScenarioError
        When the scenario has no such load.
    """
    if not isinstance(kind, str):
        raise fail(
            ScenarioError, "vary", f'found {kind!r:.60}; "rate", "users" or the path of a number is needed'
        )
    document = scenario.document
    closed = [t for t in document["traffic"] if t.get("kind") == "closed"]
    open_ = [t for t in document["traffic"] if t.get("kind") != "closed"]
    if not kind:
        kind = "rate" if open_ else "users"
    if kind == "users":
        if not closed:
            raise fail(ScenarioError, "vary", 'no traffic has users; vary "rate" or the path of a number')
        users = float(sum(t["users"] for t in closed))
        return Varied(kind, "users", True, users, _told(closed, open_, "users", "other traffic"))
    if kind == "rate":
        if not open_:
            raise fail(ScenarioError, "vary", 'all traffic is of users; vary "users" or the path of a number')
        rate = _offered(scenario, open_, bool(closed))
        return Varied(kind, "requests/s", False, rate, _told(open_, closed, "requests/s", "traffic of users"))
    value = _number_at(document, kind)
    return Varied(kind, kind, not _takes_parts(scenario, kind, value), float(value))


def _takes_parts(scenario: Scenario, path: str, value: float) -> bool:
    """Whether the number may have a fraction, however the document writes it; lengths in tokens have none."""
    if path.endswith("_tokens"):
        return False
    try:
        scenario.replace(**{path: math.floor(value) + 0.5})
    except Error:
        return False
    return True


def _told(scaled: Sequence[Any], kept: Sequence[Any], unit: str, other: str) -> str:
    """Which traffic a load is of, where there is more than one entry."""
    told = (
        f"{unit} of {len(scaled)} entries of traffic together, each so many times what it is"
        if scaled[1:]
        else ""
    )
    stays = f"{other} stays as it is" if kept else ""
    return "; ".join(filter(None, (told, stays)))


def _offered(scenario: Scenario, traffic: Sequence[Mapping[str, Any]], mixed: bool) -> float:
    """Requests a second that come whatever the servers do, counted in a run where the document does not say."""
    rates = [mean_rate(t["arrivals"]) if t["kind"] == "open" else None for t in traffic]
    if None not in rates:
        return sum(rate for rate in rates if rate is not None)
    counted = mixed or any("client" in one for one in traffic)  # who asks again is offered twice
    result = simulate(scenario, record_requests=counted)
    summary = result.summary()
    rate = float(summary["offered_rate"])
    if counted:
        names = {t.get("name", t.get("pipeline", "")) for t in traffic}
        rows = zip(result.requests["traffic"], result.requests["measured"], strict=True)
        count = sum(1 for name, measured in rows if measured and name in names)
        rate = count / float(summary["duration_s"])
    if rate == 0:
        raise fail(ScenarioError, "vary", "no request comes within the horizon")
    return rate


def _steps(node: Any) -> str:
    """What a path may go on with."""
    if isinstance(node, list) and node:
        return "0" if len(node) == 1 else f"0 to {len(node) - 1}"
    return ", ".join(list(node)[:10]) if isinstance(node, dict) else "none"


def _number_at(document: Any, path: str) -> float:
    node = document
    for step in path.strip("/").replace("/", ".").split("."):
        if isinstance(node, list) and step.isdigit() and int(step) < len(node):
            node = node[int(step)]
        elif isinstance(node, dict) and step in node:
            node = node[step]
        else:
            known = _steps(node)
            raise fail(ScenarioError, "vary", f'"{path}": there is no "{step}"; legal are {known}')
    if isinstance(node, bool) or not isinstance(node, (int, float)) or node <= 0:
        raise fail(ScenarioError, "vary", f'"{path}" holds {node!r}; a number above 0 is needed')
    return node
