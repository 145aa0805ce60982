"""What the page shows of a document: the verdict, tables, charts and boxes, and the figures themselves."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from .._core import ScenarioError
from .._errors import fail
from ..files import plain_json
from ..planning.deciding import Comparison, compare
from ..planning.modes_report import modes_content
from ..planning.reporting import changes_content, facts_of, fleets_content
from ..report.content import Content
from ..report.markup import join
from ..report.page import MARKS, STATES, parts_markup
from ..scenario.profiles import profile
from . import MOST_REQUESTS
from .knobs import HORIZON, knobs
from .questions import Question
from .state import Base, document_of

__all__ = ["answer", "board_of", "card", "told_error"]

#: What the library says of a run of more.
_TOO_LONG = "requests would come in"

_STATES = {True: "met", False: "missed", None: "open"}
_POINTER = re.compile(r"(?<![\w.])/[\w~.@:+%/-]*[\w~@%]")


def answer(
    base: Base, state: Mapping[str, Any], question: Question, most_requests: float = MOST_REQUESTS
) -> dict[str, Any]:
    """Simulates what is set, one run of each mode, as ``gpushare compare FILE --most-replications 1`` does.

    Raises
    ------
    Error
        For what is set wrong, and where runs would be of more than `most_requests`.
    Superseded
        When the question was withdrawn meanwhile.
    """
    document = document_of(base, state)
    scenario = base.scenario(document)
    with question.asked():
        table = compare(
            scenario,
            most_replications=1,
            record_requests=False,
            executor=question,
            progress=question.told,
            most_requests=most_requests,
        )
    too_long = next((one for one in table.errors.values() if _TOO_LONG in one), "")
    if too_long and table.verdict.nothing_ran:
        first = next((knob.pointer for knob in knobs(document) if knob.group == HORIZON), "/traffic")
        raise fail(ScenarioError, first, too_long)
    return _shown(table, document)


def _shown(table: Comparison, document: Mapping[str, Any]) -> dict[str, Any]:
    verdict = table.verdict
    state = _STATES[verdict.meets]
    placed = next((p.scenario for p in table.points if p.axes["mode"] == verdict.mode), None)
    changes: list[Content] = []
    boxes: list[Content] = []
    if verdict.chosen is not None and placed is not None:
        found = changes_content(table, verdict, verdict.chosen)
        changes = [found] if found is not None else []
        boxes = [fleets_content(table, verdict, placed)]
    return {
        "verdict": {"line": verdict.line, "state": state, "said": f"{MARKS[state]} {STATES[state]}"},
        "facts": facts_of(verdict),
        "modes": join(parts_markup(modes_content(table, verdict))),
        "changes": join(parts_markup(changes)),
        "boxes": join(parts_markup(boxes)),
        "warnings": [str(one) for one in table.warnings],
        "failed": {**table.refused, **table.errors},
        "latencies": table.latencies,
        "figures": {mode: _known(summary) for mode, summary in table.summaries.items()},
        "document": document,
        "text": plain_json(document) + "\n",
    }


def _known(summary: Mapping[str, float]) -> dict[str, float | None]:
    """JSON has no NaN: what there is not is null."""
    return {name: None if math.isnan(value) else float(value) for name, value in summary.items()}


def told_error(error: Exception) -> dict[str, Any]:
    """An error with the places in the document that it names."""
    text = str(error)
    return {"error": text, "places": list(dict.fromkeys(_POINTER.findall(text)))}


def card(name: str) -> dict[str, Any]:
    """What the board must know of a kind of GPU: its slots, and what it can be cut into."""
    found = profile(name)
    return {
        "name": name,
        "slots": found.memory_slots,
        "whole": found.memory_bytes / 1e9,
        "mig": [
            {
                "name": one["name"],
                "slots": one["memory_slices"],
                "starts": list(one["starts"]),
                "most": one["max_count"],
                "gigabytes": one["memory_bytes"] / 1e9,
            }
            for one in found.mig
        ],
        "why_uncut": found.why_uncut,
    }


def board_of(base: Base, state: Mapping[str, Any], mode: str) -> list[dict[str, Any]]:
    """The GPUs of a mode's placement, as the board has them: what is on them and how they are cut."""
    document = document_of(base, {key: value for key, value in state.items() if key != "board"})
    if mode not in document["modes"]:
        document["modes"][mode] = {}
    placed = base.scenario(document).with_mode(mode)
    if "control" in placed.document:
        raise fail(
            ScenarioError,
            mode,
            'its fleet is under "control", which has no placement to lay on a board',
        )
    nodes = placed.placement.to_dict()["nodes"]
    return [gpu for node in nodes for gpu in node["gpus"]]
