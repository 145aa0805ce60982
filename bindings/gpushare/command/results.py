"""Results of load generators and logs, on a server: ``check result``, ``calibrate engine``, ``replay``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .. import files
from ..frames.sections import Beside
from .logs import add_columns
from .pictures import WINDOWS, add_plot, check_plot
from .progress import Progress
from .scenarios import add_changes, input_file, scenario_of
from .shown import add_details, columns

__all__ = ["ENGINE", "add_calibrate_engine", "add_check_result", "add_replay", "calibrate_engine"]

#: What `calibrate` takes instead of a folder.
ENGINE = "engine"

_RESULTS = (
    "JSON of vllm bench serve (--save-detailed) or SGLang's bench_serving, AIPerf's profile_export.jsonl, GuideLLM, "
    "inference-perf, genai-perf, mlperf_log_summary.txt"
)


def add_check_result(kinds: Any, add: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds ``check result``."""
    parser = add(
        kinds,
        "result",
        "set what a load generator measured beside what a scenario predicts for the same requests",
        _check_result,
        "gpushare check result bench.json --scenario my-server.json",
        "gpushare check result profile_export.jsonl --scenario my-server.json --json",
    )
    parser.add_argument("file", metavar="FILE", help=_RESULTS)
    parser.add_argument(
        "--scenario",
        required=True,
        metavar="FILE",
        help="one server; its traffic gives way to the result's requests",
    )
    add_changes(parser)
    add_plot(parser, "predicted times against measured ones")


def _check_result(options: argparse.Namespace) -> None:
    from ..validation.result_curve import check_results

    check_plot(options)
    curve = check_results(options.file, scenario_of(options))
    found = next(iter(curve.checks.values())) if len(curve.checks) == 1 else curve
    if options.plot is not None:
        from ..report.measured import predictions

        predictions(found, save=options.plot)
    print(files.plain_json(found.to_dict()) if options.json else found)


def add_calibrate_engine(parser: argparse.ArgumentParser) -> None:
    """What ``calibrate engine`` takes beside the word."""
    parser.add_argument("result", metavar="RESULT", nargs="?", help="with engine: " + _RESULTS)
    parser.add_argument(
        "--scenario", metavar="FILE", help="with engine: one server whose engine names a preset"
    )
    add_changes(parser)


def calibrate_engine(options: argparse.Namespace) -> None:
    """``gpushare calibrate engine``.

    Raises
    ------
    ValueError
        For a folder with a result, and for a missing result or scenario.
    """
    from ..scenario.origin import origin_of
    from ..validation.engine_fit import fit_engine

    if options.folder != ENGINE:
        raise ValueError(f"found {options.folder!r} before {options.result!r}; write calibrate engine RESULT")
    if options.result is None or options.scenario is None:
        raise ValueError(
            "calibrate engine needs a RESULT and --scenario FILE, the server that it was measured on"
        )
    scenario = scenario_of(options)
    with Progress(options.result) as progress:
        found = fit_engine(options.result, scenario, progress=progress.fraction)
    if options.out is not None:
        found.write(options.out)
    if options.json:
        origin = origin_of(scenario).beside([options.result])
        print(files.plain_json(found.to_dict() | {"origin": origin.to_dict()}))
    else:
        print(found)


def add_replay(
    subparsers: Any, add: Callable[..., argparse.ArgumentParser], whole: Callable[[str], int]
) -> None:
    """Adds ``replay``."""
    parser = add(
        subparsers,
        "replay",
        "send the requests of a log, or of a load generator's command line, to one server",
        _replay,
        "gpushare replay requests.csv --model llama-3.1-8b --gpu a100",
        "gpushare replay access.log --model llama-3.1-8b --gpu h100 --columns input=1000,output=200",
        "gpushare replay --bench 'vllm bench serve --random-input-len 1000 --request-rate inf' --gpu a100 "
        "--model llama-3.1-8b",
    )
    parser.add_argument(
        "file",
        metavar="LOG",
        nargs="?",
        type=input_file,
        help="table, JSON, Parquet, Arrow, log or result; -: what is piped in",
    )
    parser.add_argument(
        "--bench", metavar="COMMAND", help="vllm bench serve ... or python -m sglang.bench_serving ..."
    )
    parser.add_argument(
        "--model", help="a name of `gpushare model list`, or a file; by default what --bench says"
    )
    parser.add_argument("--gpu", required=True, help="a name of `gpushare profile list`, or a file")
    parser.add_argument("--mode", default="dedicated", help="how the card is shared; by default dedicated")
    parser.add_argument("--preset", help="the server, as engines have it; by default that of gpushare init")
    parser.add_argument("--replicas", type=whole, default=1, metavar="N", help="servers; by default 1")
    parser.add_argument("--format", default="auto", help="of the log; by default it is looked at")
    parser.add_argument(
        "--time-unit", choices=("auto", "s", "ms", "us", "ns"), default="auto", help="of times without a unit"
    )
    add_columns(parser)
    add_details(parser, "latencies that users do not feel, and what was assumed")
    add_plot(parser, "rates, load and latency over time")
    parser.add_argument(
        "-o", "--out", metavar="FOLDER", help="write scenario.json and requests.jsonl, to go on with"
    )


def _replay(options: argparse.Namespace) -> None:
    from ..scenario.bench import parse_bench
    from ..study.replay import replay
    from ..traces.reading import load

    if (options.file is None) == (options.bench is None):
        raise ValueError("replay needs a LOG or --bench COMMAND, one of them")
    of_a_log = {"--format": options.format != "auto", "--time-unit": options.time_unit != "auto"}
    of_a_log["--columns"] = bool(options.columns)
    if options.bench is not None and any(of_a_log.values()):
        given = next(name for name, is_given in of_a_log.items() if is_given)
        raise ValueError(f"{given} is of a LOG; --bench makes its requests by itself")
    check_plot(options)
    bench = parse_bench(options.bench) if options.bench is not None else None
    if bench is not None:
        trace = bench.trace
    else:
        trace = load(
            options.file, options.format, sort=True, time_unit=options.time_unit, columns=options.columns
        )
    if options.plot is not None and trace.arrival_s[-1] == 0:
        raise ValueError(f"--plot draws a run over time, and all {len(trace)} requests come at once")
    model = options.model or (bench.model if bench is not None else "")
    if not model:
        raise ValueError("--model is missing: a name of `gpushare model list`, or a file")
    found = replay(
        trace,
        model,
        options.gpu,
        mode=options.mode,
        engine={"preset": options.preset} if options.preset else None,
        replicas=options.replicas,
        max_concurrency=bench.max_concurrency if bench is not None else None,
        windows=WINDOWS if options.plot is not None else 0,
    )
    if bench is not None:
        found.notes.extend(bench.notes)
    if options.file is not None:
        found = replace(found, origin=found.origin.beside([options.file]))
    if options.plot is not None:
        from ..report.series import series

        series(found.run, save=options.plot)
    if options.out is not None:
        _write(found.document, trace, options.out)
    if options.json:
        print(files.plain_json(found.to_dict()))
    else:
        about = Beside(
            origin=found.origin.line, details=options.details, hint="--details", replications=False
        )
        print(found.text(columns(), beside=about))


def _write(document: dict[str, Any], trace: Any, folder: str) -> None:
    os.makedirs(folder, exist_ok=True)
    trace.save(os.path.join(folder, "requests.jsonl"))
    (entry,) = document["traffic"]
    files.write_json(
        {**document, "traffic": [{**entry, "path": "requests.jsonl"}]}, os.path.join(folder, "scenario.json")
    )
