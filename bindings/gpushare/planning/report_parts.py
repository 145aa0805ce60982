"""Parts of a report that a scenario alone gives: the question, GPUs as boxes, likenesses, figures, files, hashes."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .._core import Error
from ..files import plain_json
from ..frames.render import shorten
from ..kubernetes.exporting import exported
from ..kubernetes.formats import FORMATS
from ..report.content import Cell, Content, Folded, Listing, Section, Sheet
from ..scenario.profiles import Model, Profile, model, profile
from ..scenario.scenario import Scenario
from ..validation.likeness import resembling

__all__ = [
    "files_to_apply",
    "how_far",
    "load_lines",
    "question",
    "repeat",
    "sharing_of",
    "what_is_assumed",
]


def sharing_of(scenario: Scenario) -> set[str]:
    """How the GPUs of a placement are shared, in the words of `validation.likeness`."""
    found = set()
    for gpu in scenario.gpus:
        for part in gpu["partitions"]:
            many = len(part["processes"]) > 1
            capped = any(cap < 100 for cap in part["active_thread_percentages"])
            how = part["sharing"] if many else "exclusive"
            found.add("mps with caps" if how == "mps" and capped else how)
            if gpu["layout"] != "whole":
                found.add("mig")
    return found - ({"exclusive"} if "mig" in found else set())


def question(scenario: Scenario) -> list[Content]:
    """What has to be served."""
    document = scenario.document
    rows = []
    for one in scenario.workload.services:
        engine = document["services"][one["name"]].get("engine", {})
        kind = (
            engine if isinstance(engine, str) else engine.get("kind") or engine.get("preset") or "by default"
        )
        rows.append([one["name"], str(one["model"]), str(one["precision"]), str(kind), f"{one['replicas']}"])
    services = Sheet("Services", ["service", "model", "precision", "engine", "replicas"], rows, numbers=[4])
    ways = [f"{name}: {', then '.join(stages)}." for name, stages in scenario.workload.pipelines.items()]
    paragraphs = [scenario.description] if scenario.description else []
    return [*paragraphs, services, *(f"Pipeline {way}" for way in ways), *load_lines(document)]


def load_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each traffic entry."""
    for i, entry in enumerate(document["traffic"]):
        name, kind = entry.get("name", f"traffic {i}"), entry.get("kind", "open")
        if kind == "closed":
            think = entry.get("think_s", 0)
            pause = (
                f", {think:g} s between answer and next request" if isinstance(think, (int, float)) else ""
            )
            yield f"Load {name}: {entry['users']} users who wait for their answers{pause}."
        elif kind == "trace":
            trace = entry.get("path", "handed over")
            yield f"Load {name}: a recorded trace, {trace}, at {entry.get('speed', 1):g} times its speed."
        elif kind == "calls":
            yield f"Load {name}: calls, {_arrivals(entry.get('generate', {}).get('arrivals'))}."
        else:
            yield f"Load {name}: requests that come by themselves, {_arrivals(entry.get('arrivals'))}."


def _arrivals(arrivals: Any) -> str:
    if not isinstance(arrivals, Mapping):
        return "as a file has them"
    rate = arrivals.get("rate_per_s")
    return f"{arrivals.get('kind', 'poisson')}" + (
        f", {rate:g} a second" if isinstance(rate, (int, float)) else ""
    )


# ---- how far to believe it


def how_far(scenario: Scenario, mode: str) -> list[Content]:
    """Errors of the suites that measured such engines under such sharing."""
    kinds = {
        engine.get("kind", "") if isinstance(engine := one.get("engine", {}), dict) else ""
        for one in scenario.document["services"].values()
    }
    known = {kind for kind in kinds if kind} | {
        kind for one in scenario._handle.assumptions for kind in _kinds_in(one[1])
    }
    ways = sharing_of(scenario)
    found = resembling(known, ways)
    if not found:
        return [f"No suite measured these engines as {mode} shares them: the figures rest on theory alone."]
    rows: list[list[Cell | str]] = [
        [
            one.what,
            one.sharing,
            f"{100 * one.median:.1f} %",
            f"{100 * one.p90:.1f} %",
            f"{one.figures}",
            one.suite,
        ]
        for one in found
    ]
    missing = sorted(ways - {one.sharing for one in found})
    told = [f"No suite measured these engines under {', '.join(missing)}."] if missing else []
    return [
        f"Predictions of gpushare beside measurements of the same kinds of engine, shared as {mode} shares them: half "
        "of the predicted figures were off by less than the median, nine of ten by less than the 90th percentile.",
        Sheet(
            "Error against measurements",
            ["measured", "sharing", "median", "90th percentile", "figures", "suite"],
            rows,
            numbers=[2, 3, 4],
            notes=[
                *told,
                "gpushare validate SUITE repeats one; docs/accuracy.md says what each was calibrated on.",
            ],
        ),
    ]


def _kinds_in(text: str) -> Iterator[str]:
    """The kind of engine that a scenario does not name and gets."""
    words = text.removeprefix("by default ").split(" ")
    if text.startswith("by default ") and "-" in words[0]:
        yield words[0]


# ---- what is assumed


def what_is_assumed(scenario: Scenario, notices: Iterable[Any], warnings: Iterable[Any]) -> list[Content]:
    """Warnings, what nobody said, and the grades of every figure that the answer rests on."""
    parts: list[Content] = [f"Warning: {one}" for one in warnings]
    said = [[one.where or "everything", one.text] for one in notices]
    if said:
        parts.append(Sheet("What the scenario does not say", ["where", "taken instead"], said))
    sources: list[tuple[str, Profile | Model]] = [
        (f"GPU {name}", profile(name)) for name in dict.fromkeys(g["profile"] for g in scenario.gpus)
    ]
    for name in dict.fromkeys(str(one["model"]) for one in scenario.workload.services):
        try:
            sources.append((f"model {name}", model(name)))
        except Error:
            continue  # one of the document's own: it is in the document
    rows, weak = [], []
    for name, one in sources:
        counts = Counter(entry["grade"] for entry in one.provenance)
        rows.append([name, *(str(counts.get(grade, 0)) for grade in _GRADES)])
        carried = getattr(one, "carried_from", "")
        if carried:
            parts.append(
                f"{name} carries constants of sharing and power over from {carried}: it was not measured itself."
            )
        weak += [
            [name, entry["pointer"], shorten(entry["value"], 40), entry["grade"], entry["source"]]
            for entry in one.provenance
            if entry["grade"] not in ("vendor", "measured")
        ]
    parts.append(Sheet("Figures by grade", ["of", *_GRADES], rows, numbers=range(1, len(_GRADES) + 1)))
    if weak:
        heads = ["of", "figure", "value", "grade", "source"]
        parts.append(
            Folded(
                f"The {len(weak)} figures that are derived or assumed",
                [Sheet("Derived and assumed", heads, weak)],
            )
        )
    return parts


_GRADES = ("vendor", "measured", "derived", "assumed")


# ---- what to do with it


def files_to_apply(scenario: Scenario, command: Sequence[str]) -> list[Content]:
    """What each format of `gpushare export` would write; `command` follows the format's name."""
    rows, refused = [], []
    first = ""
    for name, one in FORMATS.items():
        try:
            files = [
                path for path in exported(name, scenario) if "rollback/" not in path and path != "README.md"
            ]
        except Error as error:
            refused.append([name, str(error)])
            continue
        first = first or name
        rows.append([name, one.about, ", ".join(files)])
    if not rows:
        return [f"No format can say this placement: {refused[0][1]}" if refused else "Nothing to write."]
    shown = " ".join(map(shlex.quote, ["gpushare", "export", first, *command, "-o", "out"]))
    parts: list[Content] = [
        "Nothing has been applied. Any of these writes its files, with a README.md that says in which order, and a "
        "folder rollback/ that says how to go back.",
        Sheet("Formats", ["format", "what it is for", "files"], rows),
        Listing("To write them", f"{shown}\n"),
    ]
    if refused:
        parts.append(
            Folded("Formats that cannot say it", [Sheet("Cannot say it", ["format", "why"], refused)])
        )
    return parts


def repeat(scenario: Scenario, command: str, version: str, facts: Sequence[tuple[str, str]]) -> Section:
    """Command, version, seed and hashes, and the document itself."""
    text = plain_json(scenario.document) + "\n"
    named = scenario._files.digests(scenario._handle)
    rows = [
        ["version", version],
        *([name, value] for name, value in facts),
        ["document, SHA-256", hashlib.sha256(text.encode()).hexdigest()],
        *([f"{os.path.basename(path)}, SHA-256", digest] for path, digest in named.items()),
    ]
    return Section(
        "repeat",
        "To repeat it",
        [
            Listing("The command", f"{command}\n"),
            Sheet("What it was made from", ["what", "value"], rows),
            Folded("The document", [Listing("", text)]),
        ],
    )


def digest_of(figures: Mapping[str, Mapping[str, float]]) -> str:
    """Of all figures of all modes, so that a repetition can be compared at a glance."""
    plain = {mode: {name: repr(float(value)) for name, value in one.items()} for mode, one in figures.items()}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
