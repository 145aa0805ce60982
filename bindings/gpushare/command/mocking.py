"""``gpushare mock``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from .. import files
from . import amounts
from .exporting import node_names
from .scenarios import add_changes, not_negative, scenario_of

__all__ = ["add_mock"]


def add_mock(subparsers: Any, add: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = add(
        subparsers,
        "mock",
        "serve a run as the DCGM exporter would: utilisation, SM activity, memory",
        mock,
        "gpushare mock voice-heavy --mode mps                   # http://127.0.0.1:9400/metrics, until Ctrl-C",
        "gpushare mock voice-heavy --mode mps --once dcgm.prom  # the mean of the run, in a file",
        "gpushare mock voice-heavy --speed 60 --port 0 --nodes node0=gpu-worker-7",
    )
    parser.add_argument("scenario", metavar="SCENARIO", help="a file, or a name of `gpushare scenario list`")
    add_changes(parser)
    parser.add_argument("--mode", metavar="MODE", help="by default the document's own placement")
    parser.add_argument("--seed", type=not_negative, help="of the random streams; by default the scenario's")
    parser.add_argument("--once", metavar="FILE", help="write the text to a file instead of serving it")
    parser.add_argument(
        "--at",
        type=amounts.moment,
        metavar="SECONDS",
        help="with --once: a moment of the run instead of its mean",
    )
    parser.add_argument(
        "--port", type=amounts.port, default=9400, help="by default 9400, the exporter's; 0: any"
    )
    parser.add_argument(
        "--speed",
        type=amounts.above_zero,
        default=1.0,
        metavar="X",
        help="simulated seconds in a second; by default 1",
    )
    parser.add_argument(
        "--window",
        type=amounts.seconds,
        default=15.0,
        metavar="SECONDS",
        help="of which shares are taken; by default 15",
    )
    parser.add_argument("--nodes", metavar="NODE=NAME,...", default="", help="what the cluster calls them")


def mock(options: argparse.Namespace) -> None:
    """``gpushare mock``."""
    from ..kubernetes.mock import mock as make
    from ..kubernetes.mock import serve
    from ..kubernetes.parts import Naming

    if options.at is not None and options.once is None:
        raise ValueError("--at is for --once: a server goes through the run by itself")
    naming = Naming(nodes=node_names(options.nodes))
    scenario = scenario_of(options)
    scenario = scenario.with_mode(options.mode) if options.mode is not None else scenario
    found = make(scenario, seed=options.seed, window_s=options.window, naming=naming)
    if options.once is not None:
        text = found.text(options.at)
        files.replace_file(options.once, lambda file: file.write(text))
        said = {"file": options.once, "windows": found.windows, "window_s": found.window_s}
        print(files.plain_json(said) if options.json else f"{options.once}: {text.count('{')} samples")
        return
    with serve(found, options.port, speed=options.speed) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}/metrics"
        said = {"url": url, "windows": found.windows, "window_s": found.window_s}
        print(files.plain_json(said) if options.json else f"{url}, until Ctrl-C", flush=True)
        server.serve_forever()
