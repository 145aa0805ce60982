"""``gpushare explore``."""

from __future__ import annotations

import argparse
import webbrowser
from collections.abc import Callable
from typing import Any

from .. import files
from ..explore import MOST_REQUESTS
from . import amounts
from .scenarios import add_changes, scenario_of

__all__ = ["add_explore"]


def add_explore(subparsers: Any, add: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = add(
        subparsers,
        "explore",
        "serve a page, to this machine only, on which a scenario's knobs are turned and its GPUs cut by hand",
        explore,
        "gpushare explore voice-heavy",
        "gpushare explore mine.yaml --port 8000 --no-browser",
    )
    parser.add_argument("scenario", metavar="SCENARIO", help="a file, or a name of `gpushare scenario list`")
    add_changes(parser)
    parser.add_argument(
        "--port", type=amounts.port, default=0, metavar="N", help="by default one that is free"
    )
    parser.add_argument(
        "--most-requests",
        type=float,
        default=MOST_REQUESTS,
        metavar="N",
        help=f"refuse longer runs, by default of more than {MOST_REQUESTS:,.0f}: one waits for answers; 0: refuse none",
    )
    parser.add_argument("--no-browser", action="store_true", help="say the address, and open nothing")


def explore(options: argparse.Namespace) -> None:
    """``gpushare explore``: until Ctrl-C."""
    from ..explore.server import Explorer

    explorer = Explorer(scenario_of(options), options.port, most_requests=options.most_requests)
    if options.json:
        print(files.plain_json({"url": explorer.url, "port": explorer.port}), flush=True)
    else:
        print(f"{explorer.url}\n(on this machine only; Ctrl-C ends it)", flush=True)
    if not options.no_browser and not options.json:
        webbrowser.open(explorer.url)
    explorer.run()
