"""The subcommands that decide: ``gpushare plan`` and ``gpushare capacity``."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .. import files
from .importing import FILES
from .measured import add_measured, check_measured, plan_of_tables
from .pairs import pairs
from .pictures import add_plot, check_plot, plot_plan
from .progress import Progress
from .scenarios import price_of, scenario_of
from .shown import add_details, again, beside, columns, going_on
from .written import TABLES, can_write, say_written

if TYPE_CHECKING:
    from ..planning.answer import Plan

__all__ = ["MET", "MISSED", "UNCLEAR", "add_deciding", "add_objectives", "exit_code"]

#: Exit codes: objectives met, or none given; missed; too close to say.
MET, MISSED, UNCLEAR = 0, 4, 5
_INTERRUPTED = 130


def exit_code(meets: bool | None) -> int:
    """Of whether objectives are met."""
    return {True: MET, False: MISSED, None: UNCLEAR}[meets]


def add_objectives(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """``--slo``, as often as wanted."""
    parser.add_argument(
        "--slo",
        metavar="FIGURE=BOUND",
        action="append",
        default=[],
        help="an objective: llm.ttft_p95=500ms, success_rate>=99.9%%, 'e2e_latency_p99<=2s' (again for more); "
        "beside those of the document",
    )


def add_deciding(
    subparsers: Any,
    add: Callable[..., argparse.ArgumentParser],
    add_scenario: Callable[..., None],
) -> None:
    """Adds the commands: `add` adds one, `add_scenario` what each takes that simulates."""
    parser = add(
        subparsers,
        "plan",
        "find the cheapest placement within objectives, and prove that nothing cheaper is",
        plan,
        "gpushare plan voice-heavy",
        "gpushare plan mine.json --slo llm.ttft_p95=500ms --gpus a100=8,h100=2 --price a100=2,h100=4.5",
        "gpushare plan mine.json --slo llm.ttft_p95=500ms --allow llm.precision=int8 --out plan.json",
        "gpushare plan --from-cluster cluster/ --out plan.json    # what could be freed",
        "gpushare plan --from-cluster cluster/ --services chat=chat.yaml --slo chat.ttft_p95=400ms",
        "gpushare plan --tables measured.csv --rates resnet50=829 --slo resnet50.latency_p99=200ms --gpus a100=8",
    )
    parser.epilog = (
        f"{parser.epilog}\n\nexit codes: 0 met, 4 missed or impossible, 5 too close to say, 130 interrupted"
        f"\n\nthe folder of --from-cluster: {FILES}"
    )
    add_scenario(parser, "--from-cluster")
    parser.add_argument(
        "--from-cluster", metavar="DIR", help="plan for what the files of a cluster show, see below"
    )
    parser.add_argument(
        "--products",
        metavar="PRODUCT=PROFILE,...",
        default="",
        help="with --from-cluster: profiles of products that no profile is named after",
    )
    parser.add_argument(
        "--services",
        metavar="NAME=SCENARIO,...",
        default="",
        help="with --from-cluster: what pods of that name do, where `gpushare init --from-log` wrote it",
    )
    parser.set_defaults(replications=4)
    _add_plan_options(parser)
    parser = add(
        subparsers,
        "capacity",
        "find the largest load within objectives",
        capacity,
        "gpushare capacity voice-heavy --slo voice_to_voice_p95=1.5s",
        "gpushare capacity mine.json --slo llm.ttft_p95=500ms --vary rate --modes dedicated,mps",
    )
    parser.epilog = f"{parser.epilog}\n\nexit codes: 0 some load meets the objectives, 4 none does"
    add_scenario(parser)
    parser.set_defaults(replications=8)
    _add_capacity_options(parser)


def _add_plan_options(parser: argparse.ArgumentParser) -> None:
    add_objectives(parser)
    parser.add_argument(
        "--gpus",
        metavar="KIND=COUNT,...",
        help="what there is, such as a100=8,h100=2; by default the document's kind",
    )
    parser.add_argument(
        "--modes", metavar="WAY,...", help="of dedicated, time-slicing, mps and mig; by default all of them"
    )
    parser.add_argument(
        "--allow",
        metavar="SERVICE.KEY=VALUE",
        action="append",
        default=[],
        help="what else a service may be: llm.precision=int8, llm.engine.slots=16 (again for more)",
    )
    parser.add_argument(
        "--gap", type=_percentage, default=0.0, metavar="PERCENT", help="end this near the lower bound"
    )
    parser.add_argument(
        "--rounds", type=int, default=200, metavar="N", help="proposals that are judged, at most"
    )
    add_measured(parser)
    add_details(parser, "what was not taken, and what was assumed")
    parser.add_argument(
        "-o", "--out", metavar="FILE.json", help="write the plan as JSON, for `gpushare export` and `report`"
    )
    add_plot(parser, "the GPUs that are needed, below dedicated ones")


def plan(options: argparse.Namespace) -> int:
    """``gpushare plan``."""
    from ..planning.plan import plan as find
    from ..scenario.origin import origin_of

    check_measured(options)
    if options.tables is not None:
        return exit_code(plan_of_tables(options, _measured_settings(options), _rates(options.rates)).meets)
    if options.from_cluster is not None and (options.set or options.gpu):
        raise ValueError("--set and --gpu change a SCENARIO; --from-cluster has none")
    if (options.scenario is None) == (options.from_cluster is None):
        raise ValueError("give either a SCENARIO or --from-cluster DIR")
    for option in ("products", "services"):
        if getattr(options, option) and options.from_cluster is None:
            raise ValueError(f"--{option} is for --from-cluster")
    can_write(options.out, (".json",))
    check_plot(options)
    scenario = None
    with Progress(options.scenario or options.from_cluster) as progress:
        how = _plan_settings(options) | {"progress": progress.text}
        if options.from_cluster is not None:
            from ..observed.answer import from_cluster
            from ..scenario.scenario import Scenario

            products = pairs("--products", options.products, "PRODUCT=PROFILE such as NVIDIA-A100X=a100")
            named = pairs("--services", options.services, "NAME=SCENARIO such as chat=chat.yaml")
            known = {name: Scenario.load(path) for name, path in named.items()}
            freed = from_cluster(options.from_cluster, products, known).plan(**how)
            found, told = freed.plan, freed.to_dict()
            shown: Any = freed
        else:
            scenario = scenario_of(options)
            found = find(scenario, **how)
            told, shown = found.to_dict(), found
    if scenario is not None:
        told["origin"] = origin_of(scenario, options.seed).to_dict()
    if options.out is not None:
        files.write_json(told, options.out)
    if options.plot is not None:
        plot_plan(found, _dedicated(options.scenario), options.plot)
    if options.json:
        print(files.plain_json(told))
    else:
        print(shown.text(columns(), beside=beside(options, scenario, *_next(options, found))))
        say_written(options.out)
    return _INTERRUPTED if found.interrupted else exit_code(found.meets)


def _next(options: argparse.Namespace, found: Plan) -> list[tuple[str, str]]:
    """What to do with a plan."""
    if found.scenario is None:
        return [(going_on(options, "compare"), "what each mode misses")] if options.scenario else []
    if options.out is None:
        return [(again(options, "--out", "plan.json"), "to report and to export")]
    out = shlex.quote(options.out)
    return [
        (f"gpushare export all {out} -o files", "files that bring it to a cluster"),
        (f"gpushare report {out} -o report.html", "a page to send"),
    ]


def _dedicated(scenario: str | None) -> Any:
    """A scenario with a GPU for every server; None for a cluster's, which has GPUs of its own."""
    from ..scenario.scenario import Scenario

    return Scenario.load(scenario, "dedicated") if scenario is not None else None


def _plan_settings(options: argparse.Namespace) -> dict[str, Any]:
    """What `planning.plan` is told, without what was left to it."""
    from ..planning.space import SHARINGS

    how: dict[str, Any] = {
        "slo": options.slo,
        "modes": _words(options.modes) if options.modes is not None else SHARINGS,
        "variants": _variants(options.allow),
        "replications": options.replications,
        "rounds": options.rounds,
        "gap": options.gap,
        "seed": options.seed,
        "threads": options.threads,
    }
    if options.gpus is not None:
        how["gpus"] = _counts(options.gpus)
    prices = price_of(options.price) if options.price is not None else {}
    if isinstance(prices, dict) and prices:
        how["prices"] = prices
    elif prices and options.from_cluster is not None:
        raise ValueError("--price: with --from-cluster say it by kind: a100=2.0,h100=4.5")
    return how


def _measured_settings(options: argparse.Namespace) -> dict[str, Any]:
    """What of it is told of tables."""
    how = {key: value for key, value in _plan_settings(options).items() if key in ("slo", "gpus", "prices")}
    if options.admission is not None:
        try:
            how["admission"] = float(options.admission)
        except ValueError:
            how["admission"] = options.admission
    return how


def _rates(text: str) -> dict[str, float]:
    """``resnet50=829,vgg19=354``."""
    example = "SERVICE=RATE such as resnet50=829"
    result = {}
    for name, value in pairs("--rates", text, example).items():
        try:
            result[name] = float(value)
        except ValueError:
            raise ValueError(f"--rates: found {name}={value!r}; write {example}") from None
    return result


def _add_capacity_options(parser: argparse.ArgumentParser) -> None:
    add_objectives(parser)
    parser.add_argument(
        "--vary",
        metavar="WHAT",
        default="",
        help="users, rate, or the path of a number; by default what there is",
    )
    parser.add_argument("--modes", metavar="MODE,...", help="by default the document's own placement")
    parser.add_argument(
        "--tolerance", type=_percentage, default=0.01, metavar="PERCENT", help="how exactly; by default 1"
    )
    parser.add_argument("-o", "--out", metavar=TABLES, help="write every load that was tried")
    add_plot(parser, "the objective that is missed first over the load, with its bound")


def capacity(options: argparse.Namespace) -> int:
    """``gpushare capacity``."""
    from ..frames.table_files import write_table
    from ..planning.capacity import capacity as find
    from ..scenario.origin import origin_of

    can_write(options.out)
    check_plot(options)
    with Progress(options.scenario) as progress:
        scenario = scenario_of(options)
        found = find(
            scenario,
            vary=options.vary,
            slo=options.slo,
            modes=options.modes or None,
            tolerance=options.tolerance,
            replications=options.replications,
            seed=options.seed,
            threads=options.threads,
            progress=progress.text,
        )
    if options.out is not None:
        write_table(found.curve, options.out)
    if options.plot is not None:
        found.plot(save=options.plot)
    if options.json:
        origin = {"origin": origin_of(scenario, options.seed).to_dict()}
        print(files.plain_json(found.to_dict() | origin))
    else:
        next_ = (going_on(options, "plan"), "the fewest GPUs for the load there is")
        print(found.text(columns(), beside(options, scenario, next_)))
    return MET if found.load > 0 else MISSED


def _percentage(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = -1.0
    if value < 0:
        raise argparse.ArgumentTypeError(f"found {text!r}; a number of per cent is needed")
    return value / 100


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


_NO_KIND = re.compile(r"\d+ *[x*] *[A-Za-z].*|\d{1,3}|.*:.*")  # "8xa100", "8", "a100:8"


def _counts(text: str) -> str:
    """``a100=8,h100=2`` as `plan` takes it; a kind alone means as many as it takes."""
    for word in _words(text):
        name, equals, count = word.partition("=")
        if (equals and not count.isdigit()) or _NO_KIND.fullmatch(name):
            raise ValueError(f"--gpus: found {word!r}; write KIND=COUNT such as a100=8")
    return text


def _variants(texts: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """``llm.precision=int8`` as another form of the service."""
    result: dict[str, list[dict[str, Any]]] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        service, _, key = path.partition(".")
        if not equals or not key or not value:
            raise ValueError(f"--allow: found {text!r}; write SERVICE.KEY=VALUE such as llm.precision=int8")
        try:
            given = json.loads(value)
        except ValueError:
            given = value
        change: Any = given
        for part in reversed(key.split(".")):
            change = {part: change}
        result.setdefault(service, []).append(change)
    return result
