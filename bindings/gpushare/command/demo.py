"""The main questions, answered in tables and in words."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from typing import Any

from ..frames.render import text_table, wrap
from ..frames.sections import Beside, assumed_line, commands, joined, pairs, section, warned
from ..planning.answers import layout_answer, replay_answer, replay_fields
from ..planning.deciding import Comparison, compare
from ..scenario import mig
from ..scenario.origin import SHOWN_DIGITS, origin_of
from ..scenario.scenario import Scenario
from ..study.points import grid
from ..study.sweeps import SweepTable, sweep
from ..traces.reading import columns_of
from .progress import Progress
from .shown import columns

__all__ = ["replay_scenario", "run_demo"]

VOICE_MODES = ("dedicated", "time-slicing", "mps", "mig:3g.40gb+3g.40gb")
_REPLICATIONS = 5
_QUICK_TRACE_S = 600.0
_SHOWN_LAYOUTS = 5
#: A warning that the table of the trace has a column for.
_BEHIND = "cannot keep up"
_NEXT = (
    ("gpushare compare voice-heavy --details", "figures, assumptions"),
    ("gpushare plan voice-light", "the fewest GPUs"),
    ("gpushare sweep voice-heavy --axis layout=all", "every layout"),
    ("gpushare init", "your own services"),
)


def run_demo(
    trace: str | None = None, quick: bool = False, quiet: bool = False, columns_text: str = ""
) -> dict[str, Any]:
    """Compares the voice pipelines, replays a request trace, and sweeps the MIG layouts.

    Parameters
    ----------
    trace : str, optional
        A request trace to replay; by default a generated hour with the statistics of the Azure conversation
        trace.
    quick : bool
        One run of each instead of several, and ten minutes of the trace.
    quiet : bool
        Print nothing.
    columns_text : str
        Which column of the trace holds what, as `traces.load` takes it.

    Returns
    -------
    dict
        The answers and the figures they come from.

    Raises
    ------
    TraceError
        When the trace cannot be read.
    """
    say = (lambda *_: None) if quiet else print
    width = columns()
    answers: dict[str, Any] = {}
    # Read before the rest is simulated, so that a bad file is told at once.
    replay = replay_scenario(trace, quick, columns_text)
    for number_, name in enumerate(("voice-heavy", "voice-light"), 1):
        scenario = Scenario.load(name)
        table = _compare(scenario, VOICE_MODES, 1 if quick else _REPLICATIONS)
        verdict = table.verdict
        answers[name] = {
            "modes": table.to_dict(),
            "answer": verdict.line,
            "verdict": verdict.to_dict(),
            "origin": table.origin.to_dict(),
        }
        title = f"{number_}. {_question(scenario)}"
        say(_part(title, table.text(width=width, beside=_beside()), width))
    table = _compare(replay, replay.modes, 1)
    answer = replay_answer(table.summaries, table.refused | table.errors)
    answers["llm-trace"] = {"modes": table.to_dict(), "answer": answer, "origin": table.origin.to_dict()}
    what = (
        f"The requests of {os.path.basename(trace)}" if trace else "An hour like the Azure conversation trace"
    )
    say(_part(f"3. {what} on one A100", _replayed(table, answer, width), width))
    layouts = _sweep_layouts(Scenario.load("voice-heavy"), 1 if quick else _REPLICATIONS)
    answer = _layout_answer(layouts)
    origin = origin_of(Scenario.load("voice-heavy"))
    answers["layouts"] = {"table": layouts.to_dict(), "answer": answer, "origin": origin.to_dict()}
    title = f"4. voice-heavy under each of the {len(layouts)} maximal layouts of an A100"
    say(_part(title, _best_layouts(layouts, answer, width), width))
    say(commands("Next", [*_to_find_it(), *_NEXT], width))
    say("")
    say(wrap(_origins(answers), width))
    return answers


def _origins(answers: Mapping[str, Any]) -> str:
    """Of all questions, in a line."""
    first = next(iter(answers.values()))["origin"]
    told = dict.fromkeys(one["origin"]["scenario_sha256"][:SHOWN_DIGITS] for one in answers.values())
    return f"gpushare {first['version']}, seed {first['seed']}, scenarios {', '.join(told)}"


def _to_find_it() -> list[tuple[str, str]]:
    """What puts the command on the path, where it is in an environment that is not active."""
    script = os.path.join(sys.prefix, "bin", "activate")
    if shutil.which("gpushare") is not None or not os.path.exists(script):
        return []
    return [(f". {shlex.quote(os.path.relpath(script))}", "to have gpushare on your path")]


def _part(title: str, text: str, width: int) -> str:
    title = wrap(title, width)
    return f"{title}\n{'=' * max(map(len, title.splitlines()))}\n{text}\n"


def _beside() -> Beside:
    return Beside(hint="see Next")


def _question(scenario: Scenario) -> str:
    users = sum(entry.get("users", 0) for entry in scenario.document["traffic"])
    return f"{users} users, one GPU for each of LLM, ASR and TTS: or share?"


def _replayed(table: Comparison, answer: str, width: int) -> str:
    missing = table.refused | table.errors
    why = [(mode, summary.limiting_resource) for mode, summary in table.summaries.items()]
    sure = [
        "One run of each mode; every mode gets the same requests.",
        assumed_line(table.assumptions, _beside()),
    ]
    return joined(
        [
            wrap(f"{table.scenario.name}: {answer}", width),
            text_table(replay_fields(table.summaries, missing), width=width) if table.summaries else "",
            warned((one for one in table.warnings if not one.text.startswith(_BEHIND)), width),
            pairs("Why: what limits each", [*why, *missing.items()], width),
            section("How sure", sure, width),
        ]
    )


def _best_layouts(table: SweepTable, answer: str, width: int) -> str:
    order = [i for i in table.order("request_throughput_per_gpu") if table.outcomes[i].ran]
    shown = [*order[:_SHOWN_LAYOUTS], *order[-1:]] if len(order) > _SHOWN_LAYOUTS + 1 else order
    left_out = len(order) - len(shown)
    sure = [
        f"Best first, and the worst; {left_out} between are left out, and those that are refused.",
    ]
    return joined(
        [
            wrap(f"voice-heavy: {answer}", width),
            table.text(shown, width=width),
            section("How sure", sure, width),
        ]
    )


def _compare(scenario: Scenario, modes: Any, replications: int) -> Comparison:
    with Progress(scenario.name) as progress:
        return compare(
            scenario, modes, replications=replications, record_requests=False, progress=progress.count
        )


def _sweep_layouts(scenario: Scenario, replications: int) -> SweepTable:
    points = grid(scenario, layout=mig.layouts(scenario.gpus[0]["profile"]))
    with Progress(f"{scenario.name}, layouts") as progress:
        return sweep(points, replications=replications, progress=progress.count)


def _layout_answer(table: SweepTable) -> str:
    cases = [
        (point.axes["layout"], outcome) for point, outcome in zip(table.points, table.outcomes, strict=True)
    ]
    return layout_answer(
        {layout: outcome.figures for layout, outcome in cases if outcome.ran},
        {layout: outcome.refused or outcome.error for layout, outcome in cases if not outcome.ran},
    )


def replay_scenario(trace: str | None, quick: bool, columns: str = "") -> Scenario:
    """The scenario ``llm-trace``, with another trace if one is given.

    Parameters
    ----------
    trace : str or None
        File to replay.
    quick : bool
        Only the first ten minutes.
    columns : str
        Which column of that file holds what.

    Returns
    -------
    Scenario

    Raises
    ------
    ValueError
        For columns without a trace that has them.
    """
    if columns and trace is None:
        raise ValueError("--columns says what is where in a trace; give its file with --trace")
    document = Scenario.load("llm-trace").document
    entry = next(entry for entry in document["traffic"] if entry["kind"] == "trace")
    if trace is not None:
        entry.pop("generate", None)
        entry["path"] = os.path.abspath(trace)
        entry["format"] = "auto"
        if columns:
            entry["columns"] = columns_of(columns)
        document.pop("duration_s", None)
    if quick:
        document["duration_s"] = _QUICK_TRACE_S
    return Scenario.from_dict(document)
