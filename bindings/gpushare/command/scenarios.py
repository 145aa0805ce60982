"""What every command takes that takes a scenario, and the scenario that it then means."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..scenario.scenario import Scenario

__all__ = ["add_changes", "add_scenario", "input_file", "not_negative", "positive", "price_of", "scenario_of"]


def whole(text: str, least: int) -> int:
    """A count of at least `least`, for argparse."""
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"found {text!r}; an integer of at least {least} is needed")
    return value


def input_file(text: str) -> str:
    """A path; ``-`` is what comes in through a pipe."""
    return "/dev/stdin" if text == "-" else text


def positive(text: str) -> int:
    """A count of at least 1."""
    return whole(text, 1)


def not_negative(text: str) -> int:
    """A count of at least 0."""
    return whole(text, 0)


def add_scenario(parser: argparse.ArgumentParser, instead: str = "") -> None:
    """What each command takes that simulates; `instead` names an option that may take the scenario's place."""
    parser.add_argument(
        "scenario",
        metavar="SCENARIO",
        nargs="?" if instead else None,
        help="a file, or a name of `gpushare scenario list`" + (f"; or {instead}" if instead else ""),
    )
    add_changes(parser)
    parser.add_argument("--seed", type=not_negative, help="of the random streams; by default the scenario's")
    parser.add_argument(
        "--replications", type=positive, default=1, help="runs; figures then carry 95 %% half-widths"
    )
    parser.add_argument("--threads", type=positive, help="runs at a time; by default one a core")


def add_changes(parser: argparse.ArgumentParser) -> None:
    """``--set``, ``--gpu`` and ``--price``."""
    parser.add_argument(
        "--set",
        metavar="PATH=VALUE",
        action="append",
        default=[],
        help="another value in the document: users=20, services.llm.replicas=2, /traffic/0/think_s=3 (again for more)",
    )
    parser.add_argument(
        "--gpu", metavar="CARD", help="another kind of GPU: a name of `gpushare profile list`"
    )
    parser.add_argument(
        "--price",
        "--prices",
        metavar="PRICE",
        help="of an hour of a GPU: 2.5, or a100=2,h100=4.5",
    )


def _changes_of(options: argparse.Namespace) -> dict[str, Any]:
    """What ``--set``, ``--gpu`` and ``--price`` say, as `Scenario.replace` takes it.

    Raises
    ------
    ValueError
        For what cannot be read.
    """
    from ..scenario.changes import parse_change

    changes: dict[str, Any] = dict(parse_change(text, "--set") for text in options.set)
    if options.gpu is not None:
        changes["gpu"] = options.gpu
    if options.price is not None:
        changes["price_per_gpu_hour"] = price_of(options.price)
    return changes


def price_of(text: str) -> float | dict[str, float]:
    """A price, or one for each kind of GPU.

    Raises
    ------
    ValueError
        For what is no number.
    """
    found: dict[str, float] = {}
    for part in text.split(","):
        name, equals, value = part.strip().rpartition("=")
        try:
            price = float(value.removeprefix("$"))
        except ValueError:
            raise ValueError(f"--price: found {part.strip()!r}; write 2.5, or a100=2,h100=4.5") from None
        if not equals and "," in text:
            raise ValueError(f"--price: found {part.strip()!r} among prices of kinds; write a100=2,h100=4.5")
        if name in found:
            raise ValueError(
                f"--price: {name} is there twice, at {found[name]:g} and at {price:g}; say it once"
            )
        found[name] = price
    return found.get("", found)


def scenario_of(options: argparse.Namespace, load: Callable[[str], Scenario] | None = None) -> Scenario:
    """The scenario that a command names, with the changes that it asks for.

    Raises
    ------
    Error
        Where it, or what is changed in it, cannot be.
    ValueError
        For ``--gpu`` where GPUs of the document have kinds of their own.
    """
    from ..scenario.scenario import Scenario

    scenario = (load or Scenario.load)(options.scenario)
    changes = _changes_of(options)
    own = list(_own_kinds(scenario.document)) if options.gpu is not None else []
    if own:
        raise ValueError(
            f"--gpu: {options.scenario} says the kind of its GPUs at {', '.join(own[:3])}; change it there, with "
            f"--set {own[0]}={options.gpu}"
        )
    return scenario.replace(**changes) if changes else scenario


def _own_kinds(document: dict[str, Any]) -> Iterator[str]:
    """Pointers to kinds of GPUs beside the document's."""
    placement = document.get("placement", {})
    for i, gpu in enumerate(placement.get("gpus", [])):
        if "profile" in gpu:
            yield f"/placement/gpus/{i}/profile"
    for n, node in enumerate(placement.get("nodes", [])):
        yield from (
            f"/placement/nodes/{n}/gpus/{i}/profile" for i, g in enumerate(node["gpus"]) if "profile" in g
        )
    for name, pool in document.get("control", {}).get("pools", {}).items():
        if "gpu" in pool:
            yield f"/control/pools/{name}/gpu"
