"""``gpushare export``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import files
from ..kubernetes.formats import ALL, FORMATS
from .documents import plan_document
from .pairs import pairs
from .scenarios import add_changes, scenario_of

__all__ = ["add_export", "node_names"]


_WIDTH = max(map(len, FORMATS))
_FORMATS = "\n".join(
    [
        "formats, and the files of each beside README.md and rollback/:",
        *(f"  {name:{_WIDTH}}  {one.about}: {one.files}" for name, one in FORMATS.items()),
        f"  {ALL:{_WIDTH}}  each that can say the placement, in a folder of its own",
    ]
)


def add_export(subparsers: Any, add: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = add(
        subparsers,
        "export",
        "write what brings a plan to a cluster: Kubernetes, NVIDIA's tools, servers' flags",
        export,
        "gpushare plan mine.json --slo llm.ttft_p95=400ms --out plan.json && gpushare export dra plan.json -o out",
        "gpushare export gpu-operator voice-heavy --mode mig:3g.40gb+3g.40gb -o out --nodes node0=gpu-worker-7",
        "gpushare export all plan.json -o out    # README.md says what cannot be said in which format",
    )
    parser.epilog = f"{parser.epilog}\n\n{_FORMATS}"
    parser.add_argument("format", metavar="FORMAT", help="a name of the list below, or all")
    parser.add_argument("what", metavar="PLAN|SCENARIO", help="of `gpushare plan --out`, or a scenario")
    parser.add_argument("-o", "--out", metavar="DIR", required=True, help="a new folder")
    parser.add_argument("--mode", metavar="MODE", help="of a scenario: the mode to write")
    add_changes(parser)
    parser.add_argument("--nodes", metavar="NODE=NAME,...", default="", help="what the cluster calls them")
    parser.add_argument("--namespace", default="default", help="of pods and claims; by default default")


def node_names(text: str) -> dict[str, str]:
    """``--nodes``: what the cluster calls each node of a placement."""
    return pairs("--nodes", text, "NODE=NAME such as node0=gpu-worker-7")


def export(options: argparse.Namespace) -> None:
    """``gpushare export``."""
    from ..kubernetes.exporting import export as write
    from ..kubernetes.parts import Naming

    naming = Naming(namespace=options.namespace, nodes=node_names(options.nodes))
    scenario = _scenario(options)
    written = write(options.format, scenario, options.out, naming)
    if options.json:
        print(files.plain_json({"folder": options.out, "files": written, "applied": False}))
    else:
        print("\n".join(f"{options.out}/{name}" for name in written))
        print(f"\nNothing was applied. Read {options.out}/README.md first.")


def _scenario(options: argparse.Namespace) -> Any:
    from .._core import ScenarioError
    from .._errors import fail
    from ..scenario.scenario import Scenario

    what = options.scenario = options.what
    plan = plan_document(what)
    if plan is None:
        scenario = scenario_of(options)
        return scenario.with_mode(options.mode) if options.mode is not None else scenario
    given = [name for name in ("mode", "set", "gpu", "price") if getattr(options, name)]
    if given:
        raise ValueError(f"--{given[0]}: a plan has its placement; --{given[0]} is for scenarios")
    if plan["scenario"] is None:
        raise fail(ScenarioError, what, f"the plan has no placement: {plan.get('why')}")
    return Scenario.from_dict(plan["scenario"], folder=Path(what).parent)
