"""``gpushare run`` and ``gpushare compare``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import _core, files
from ..frames.notices import plain
from ..frames.render import text_table, wrap
from ..frames.sections import commands, joined
from .deciding import MET, add_objectives, exit_code
from .making_room import settings_that_fit
from .pictures import WINDOWS, add_plot, check_plot
from .progress import Progress, warned
from .resuming import resumable
from .scenarios import scenario_of
from .shown import add_details, again, beside, columns, going_on
from .written import TABLES, can_write, is_folder, say_written

if TYPE_CHECKING:
    from ..planning.deciding import Comparison
    from ..scenario.scenario import Scenario

__all__ = [
    "EXIT_CODES",
    "NOTHING_RAN",
    "add_budget",
    "add_compare",
    "add_run",
    "compare",
    "compared",
    "most_replications",
    "run",
]

NOTHING_RAN = 3
EXIT_CODES = (
    "exit codes: 0 objectives met, or none were given; 2 error; 3 nothing ran; 4 missed;\n"
    "  5 too close to say; 130 interrupted"
)


def add_budget(parser: argparse.ArgumentParser) -> None:
    """``--slo`` and ``--most-replications``."""
    add_objectives(parser)
    parser.add_argument(
        "--most-requests",
        type=float,
        default=_core.MOST_REQUESTS,
        metavar="N",
        help=f"refuse runs of more requests before they begin; by default {_core.MOST_REQUESTS:,.0f}, 0 refuses none",
    )
    parser.add_argument(
        "--most-replications",
        type=int,
        metavar="N",
        help="with objectives, at least 4 runs, doubled up to N (32) until it is clear whether they are met",
    )


def add_run(parser: argparse.ArgumentParser) -> None:
    """What ``gpushare run`` takes, beside the scenario."""
    add_budget(parser)
    add_details(parser, "latencies that users do not feel, and what was assumed")
    parser.add_argument("--mode", help="see below; by default the document's own placement")
    parser.add_argument(
        "--steps", action="store_true", help="also keep a row for each step on a GPU (--out FOLDER)"
    )
    parser.add_argument(
        "-o", "--out", metavar=f"FOLDER|{TABLES}", help="where to write tables; existing files are replaced"
    )
    parser.add_argument(
        "--series",
        type=float,
        metavar="S",
        help="also keep a row for each S seconds (--out FOLDER, --plot); by default 288 rows of a fleet under control, "
        f"and for --plot {WINDOWS} rows",
    )
    add_plot(parser, "rates, fleet, load and latency over time")
    parser.add_argument(
        "--perfetto",
        metavar="FILE.json|.json.gz",
        help="write who had which GPU when, steps and requests, for ui.perfetto.dev and chrome://tracing",
    )
    parser.add_argument(
        "--most-events",
        type=int,
        metavar="N",
        help="of --perfetto; what comes later is left out; by default as many as a viewer opens at once",
    )
    _add_breakdown(parser)


def _add_breakdown(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--by",
        metavar="COLUMN,...",
        default="",
        help="also counts and latencies by columns of the requests: traffic, llm.replica, user, ...",
    )
    parser.add_argument(
        "--window", type=float, metavar="S", help="and by when they arrived, in windows of S seconds"
    )


def add_compare(parser: argparse.ArgumentParser) -> None:
    """What ``gpushare compare`` takes, beside the scenario."""
    parser.add_argument(
        "--modes", metavar="A,B,...", help="see below; by default those that the scenario names"
    )
    add_budget(parser)
    parser.add_argument(
        "--keep",
        metavar="NAME=NUMBER,...",
        help="what is asked where there are no objectives, relative to dedicated GPUs: "
        "latency=1.25,throughput=0.95,success=0.99",
    )
    add_details(parser, "every figure and latency of every mode, explained, and what was assumed")
    parser.add_argument(
        "--front",
        metavar="FIGURE,FIGURE",
        help="also the modes that nobody beats in both: cost_per_month,llm.ttft_p95_s",
    )
    add_plot(parser, "the decision, GPUs before and after, and every latency by mode")
    parser.add_argument("-o", "--out", metavar=TABLES, help="write every figure of every mode, a row each")


def run(options: argparse.Namespace) -> int:
    """``gpushare run``."""
    from ..planning.rounds import Budget, asked_of, judged_run
    from ..scenario.origin import origin_of

    if options.out is not None and not is_folder(options.out):
        can_write(options.out)
    given = scenario_of(options)
    scenario = given.with_mode(options.mode) if options.mode is not None else given
    scenario, asked = asked_of(scenario, None, options.slo)
    budget = Budget(
        options.replications,
        most_replications(options),
        options.uncertainty,
        bool(asked.bounds or asked.tolerate),
    )
    parts = _parts(options)
    check_plot(options)
    with Progress(options.scenario) as progress, warned(scenario):
        result, fared = judged_run(
            scenario,
            asked,
            budget,
            seed=options.seed,
            uncertainty=options.uncertainty,
            record_requests=options.out is not None or parts is not None or options.perfetto is not None,
            record_steps=options.steps,
            record_log=options.perfetto is not None,
            series_s=_window_of_series(options, scenario),
            threads=options.threads,
            most_requests=options.most_requests,
            progress=progress.fraction,
        )
    if options.out is not None:
        _write_result(result, options.out)
    if options.plot is not None:
        _plot_series(result, options.plot)
    if options.perfetto is not None:
        _write_timeline(result, options)
    judged = fared.named()
    groups = result.by(*parts, window_s=options.window) if parts is not None else None
    if options.json:
        told = _run_to_dict(result, fared.meets, judged)
        told["origin"] = origin_of(given, options.seed).to_dict()
        print(files.plain_json(told if groups is None else told | {"by": groups.to_dict()}))
    else:
        about = beside(options, given, *_after_run(options, given))
        keys = len(parts or ()) + (options.window is not None)
        by = groups.text(columns(), keys) if groups is not None else ""
        summary = result.summary().text(columns(), beside=about)
        print(joined([_judged_text(result, fared), summary, by, commands("Next", about.next, columns())]))
    return exit_code(fared.meets) if judged else MET


def _window_of_series(options: argparse.Namespace, scenario: Any) -> float | None:
    """Seconds of a row; nothing where none is kept, and where the run keeps rows by itself."""
    if options.series is not None or options.plot is None or "control" in scenario.document:
        return options.series  # type: ignore[no-any-return]
    return scenario.duration_s / WINDOWS or None


def _after_run(options: argparse.Namespace, scenario: Scenario) -> list[tuple[str, str]]:
    """What one may want to know then; a fleet under control has no other modes than those of its document."""
    compared = [(going_on(options, "compare"), "beside the other modes")]
    return [
        *(compared if scenario.modes or "control" not in scenario.document else []),
        (again(options, "--perfetto", "trace.json"), "who had which GPU when"),
    ]


def _parts(options: argparse.Namespace) -> list[str] | None:
    """Columns to break requests down by; None where nobody asks."""
    if not options.by and options.window is None:
        return None
    return [column.strip() for column in options.by.split(",") if column.strip()]


def _said(table: Any) -> dict[str, Any]:
    return {"warnings": plain(table.warnings), "assumptions": plain(table.assumptions)}


def most_replications(options: argparse.Namespace) -> int:
    """``--most-replications``, or what is usual."""
    from ..planning.rounds import MOST

    return MOST if options.most_replications is None else int(options.most_replications)


def _run_to_dict(result: Any, meets: bool | None, judged: Mapping[str, Any]) -> dict[str, Any]:
    first = result.runs[0]
    about = {
        "scenario": first.scenario,
        "mode": first.mode,
        "seed": first.seed,
        "replications": len(result.runs),
    }
    told = (
        {"meets": meets, "objectives": {name: one.to_dict() for name, one in judged.items()}}
        if judged
        else {}
    )
    summary = result.summary().to_dict()
    said = {name: summary.pop(name) for name in ("warnings", "assumptions")}
    return about | told | said | {"summary": summary}


def _judged_text(result: Any, fared: Any) -> str:
    """Whether a run meets its objectives, and each of them; nothing where there are none."""
    from ..planning.plan_text import judged_fields
    from ..planning.verdict_line import obstacle

    if not fared.named():
        return ""
    does = {
        True: "meets all objectives",
        False: obstacle(fared),
        None: f"too close to say, {obstacle(fared)}",
    }
    first = result.runs[0]
    parts = [wrap(f"{first.scenario}, {first.mode}: {does[fared.meets]}.", columns())]
    if fared.judged:
        parts.append(text_table(judged_fields(fared.judged), width=columns()))
    words = {True: "met", False: "MISSED", None: "too close"}
    parts += [f"{one.name} ({one.asked}): {one.found}: {words[one.meets]}" for one in fared.checks]
    return joined(parts)


def _plot_series(result: Any, path: str) -> None:
    from ..report.series import series

    if len(result.runs[0].series) == 0:
        raise ValueError("--plot draws a run over time: say with --series how many seconds a window has")
    series(result, save=path)


def _write_timeline(result: Any, options: argparse.Namespace) -> None:
    """The first replication's; what was cut off is said beside the answer."""
    most = {} if options.most_events is None else {"most_events": options.most_events}
    made = result.runs[0].timeline(**most)
    made.write(options.perfetto)
    if made.left_out:
        sys.stderr.write(
            f"gpushare: {options.perfetto} ends at {made.end_s:.6g} s: {made.left_out:,} later events are left out "
            "(--most-events)\n"
        )


def _write_result(result: Any, out: str) -> None:
    from ..frames.table_files import write_csv, write_table

    if not is_folder(out):
        write_table(result.requests, out)
        return
    os.makedirs(out, exist_ok=True)
    for name in ("requests", "steps", "partitions", "series", "changes"):
        table = getattr(result, name)
        if table.columns:
            write_csv(table, os.path.join(out, f"{name}.csv"))
    files.write_json(result.summary().to_dict(), os.path.join(out, "summary.json"))


def _pair(text: str | None) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",")) if text is not None else ()
    if text is not None and (len(names) != 2 or not all(names)):
        raise ValueError(
            f"--front {text}: give two figures with a comma between: cost_per_month,llm.ttft_p95_s"
        )
    return names


def compared(options: argparse.Namespace, progress: Progress, resume: str | None = None) -> Comparison:
    """The comparison that the options of ``compare`` and ``report`` ask for."""
    from ..planning.deciding import compare as compare_modes
    from ..planning.implied import KEPT, Kept

    return compare_modes(
        scenario_of(options),
        options.modes,
        slo=options.slo,
        keep=Kept.parse(options.keep) if options.keep is not None else KEPT,
        seed=options.seed,
        replications=options.replications,
        most_replications=most_replications(options),
        uncertainty=options.uncertainty,
        record_requests=False,
        threads=options.threads,
        most_requests=options.most_requests,
        progress=progress.count,
        resume=resume,
    )


def _next(options: argparse.Namespace, table: Comparison) -> list[tuple[str, str]]:
    """What one may want to know then."""
    verdict, runs = table.verdict, []
    if verdict.meets is None or table.replications < 2:
        runs = [
            (
                going_on(options, "compare", "--replications", str(4 * table.replications)),
                "how far chance goes",
            )
        ]
    room = settings_that_fit(table.scenario, table.refused | table.errors)
    return [
        *([(going_on(options, "compare", *room), "with room for what is refused")] if room else []),
        *runs,
        (going_on(options, "plan"), "the fewest GPUs"),
        (going_on(options, "compare", "--details"), "every figure"),
        (going_on(options, "report", "-o", "report.html"), "a page to send"),
    ]


def compare(options: argparse.Namespace) -> int:
    """``gpushare compare``."""
    from ..frames.table_files import write_table

    pair = _pair(options.front)
    check_plot(options)
    can_write(options.out)
    with resumable(options), Progress(options.scenario) as progress:
        table = compared(options, progress, options.resume)
    verdict = table.verdict
    if options.plot is not None and not verdict.nothing_ran:
        table.plot(save=options.plot)
    if options.out is not None:
        write_table(table.table, options.out)
    front = table.front(*pair) if pair and not verdict.nothing_ran else []
    if options.json:
        answer = {
            "scenario": table.scenario.name,
            "origin": table.origin.to_dict(),
            "verdict": verdict.to_dict(),
            "objectives": verdict.objectives(),
        }
        answer |= {"front": front} if pair else {}
        answer |= {"instances": table.instances} if table.instances else {}
        print(files.plain_json(answer | _said(table) | {"modes": table.to_dict()}))
    else:
        print(table.text(width=columns(), beside=beside(options, table.scenario, *_next(options, table))))
        if front:
            print(wrap(f"nobody beats in both of {' and '.join(pair)}: {', '.join(front)}", columns(), "  "))
        say_written(options.out)
    if verdict.nothing_ran:
        return NOTHING_RAN
    return exit_code(verdict.meets) if table.asked else MET
