"""What the subcommands of ``gpushare`` do; each imports what it needs, so that the others start at once."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .. import files
from ..frames.render import Field, text_table, wrap
from .progress import Progress
from .results import ENGINE, calibrate_engine
from .scenarios import scenario_of
from .written import can_write

#: What `validate` takes beside suites and folders: every claim of the documents that the scenarios come from.
SOURCES = "sources"


def _print_json(value: Any) -> None:
    print(files.plain_json(value))


#: As others write ranges: 1..5, 1:5, 10:50:10, 10-50.
_RANGE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:\.\.+|:|-)\s*(\d+(?:\.\d+)?)(?::\d+(?:\.\d+)?)?")


def parse_axis(text: str, scenario: Any, option: str = "--axis") -> tuple[str, list[Any]]:
    """Reads ``NAME=VALUE,...``; ``layout=all`` stands for the maximal layouts of the scenario's GPU.

    Raises
    ------
    ValueError
        When there is no name or no value.
    """
    name, equals, values = text.partition("=")
    if not name or not equals or not values:
        raise ValueError(f"{option}: found {text!r}; write NAME=VALUE,... such as users=5,20,50")
    if name == "layout" and values == "all":
        from ..scenario import mig

        return name, list(mig.layouts(scenario.gpus[0]["profile"]))
    if name == "mode":
        from ..study.points import mode_list

        return name, list(mode_list(values, scenario.modes))
    if range_ := _RANGE.fullmatch(values):
        begin, end = range_.group(1, 2)
        raise ValueError(f"{option}: found {text!r}; write every value, such as {name}={begin},...,{end}")
    return name, [_value(name, part) for part in split_values(values)]


def split_values(text: str) -> list[str]:
    """Splits at commas outside of parentheses, which belong to compute instances."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _value(axis: str, text: str) -> Any:
    if axis in ("mode", "layout"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def mig_layouts(options: argparse.Namespace) -> None:
    """``gpushare mig layouts``."""
    from ..scenario import mig
    from ..scenario.profiles import profile

    enumerate_ = mig.states if options.states else mig.multisets if options.multisets else mig.layouts
    layouts = enumerate_(options.gpu, double_memory=options.double_memory, before_r510=options.before_r510)
    left = [_left_over(options.gpu, layout) for layout in layouts]
    if options.json:
        _print_json(
            [
                {"layout": str(layout), "partitions": layout.partitions, **rest}
                for layout, rest in zip(layouts, left, strict=True)
            ]
        )
        return
    why_uncut = profile(options.gpu).why_uncut
    if why_uncut:
        print(wrap(f"{options.gpu}: {why_uncut}; its only layout here is whole", indent="  "))
        return
    kind = "legal states" if options.states else "multisets" if options.multisets else "maximal layouts"
    print(f"{options.gpu}: {len(layouts)} {kind}")
    print(
        text_table(
            [
                Field("#", [str(i) for i in range(1, len(layouts) + 1)]),
                Field("layout", [layout.short_name for layout in layouts], "left"),
                Field("SMs", [str(sum(p["sms"] for p in layout.partitions)) for layout in layouts]),
                Field("SMs\nunused", [str(rest["stranded_sms"]) for rest in left]),
                Field("GB\nunused", [f"{rest['stranded_memory_bytes'] / 1e9:.0f}" for rest in left]),
                Field("placement", [_starts(layout) for layout in layouts], "left"),
            ]
        )
    )
    print(
        wrap(
            "unused: of the card without MIG, in no instance; what MIG itself cuts off is in it.", indent="  "
        )
    )
    print(wrap("placement: first memory slot of each instance, as in PROFILE@SLOT.", indent="  "))


def _left_over(gpu: str, layout: Any) -> dict[str, Any]:
    """What no instance of a layout has, of the card without MIG."""
    from ..scenario.profiles import profile

    card = profile(gpu)
    memory = sum(part["nominal_memory_bytes"] for part in layout.partitions)
    return {
        "stranded_sms": card.sms - sum(part["sms"] for part in layout.partitions),
        "stranded_memory_bytes": card.nominal_memory_bytes - memory,
    }


def _starts(layout: Any) -> str:
    return " ".join(f"{i['profile'].split('.')[0]}@{i['start']}" for i in layout.instances) or "-"


def _list(names: Sequence[str], describe: Callable[[str], str], as_json: bool) -> None:
    described = {name: describe(name) for name in names}
    if as_json:
        _print_json([{"name": name, "title": title} for name, title in described.items()])
        return
    width = max((len(name) for name in described), default=0)
    for name, title in described.items():
        print(wrap(f"{name:<{width}}  {title}", indent=" " * (width + 2)))


def profile_list(options: argparse.Namespace) -> None:
    """``gpushare profile list``."""
    from ..scenario.profiles import profile, profile_names

    _list(profile_names(), lambda name: profile(name).title, options.json)


def profile_show(options: argparse.Namespace) -> None:
    """``gpushare profile show``."""
    from ..scenario.profiles import profile

    _show_figures(profile(options.name), options.json)


def model_list(options: argparse.Namespace) -> None:
    """``gpushare model list``."""
    from ..scenario.profiles import model, model_names

    _list(model_names(), lambda name: model(name).title, options.json)


def model_show(options: argparse.Namespace) -> None:
    """``gpushare model show``."""
    from ..scenario.profiles import model

    _show_figures(model(options.name), options.json)


def _show_figures(described: Any, as_json: bool) -> None:
    """Every figure with its grade and source."""
    if as_json:
        _print_json({"name": described.name, "title": described.title, "figures": described.provenance})
        return
    print(wrap(f"{described.name}: {described.title}", indent="  "))
    print(wrap("grades: vendor (published), measured, derived (computed from others), assumed", indent="  "))
    for entry in described.provenance:
        shown = entry["value"] if len(entry["value"]) <= 40 else f"{entry['value'][:39]}…"
        print("\n" + wrap(f"{entry['pointer']} = {shown}  [{entry['grade']}]", indent="    "))
        if entry["source"]:
            print(wrap(f"    {entry['source']}", indent="    "))


def scenario_list(options: argparse.Namespace) -> None:
    """``gpushare scenario list``."""
    from ..scenario.scenario import Scenario, scenario_names

    _list(scenario_names(), lambda name: Scenario.load(name).description, options.json)


def scenario_show(options: argparse.Namespace) -> None:
    """``gpushare scenario show``."""
    options.scenario = options.name
    scenario = scenario_of(options)
    scenario = scenario.with_mode(options.mode) if options.mode is not None else scenario
    if options.json:
        _print_json(scenario.document)
    else:
        print(scenario)


def demo(options: argparse.Namespace) -> None:
    """``gpushare demo``."""
    from .demo import run_demo

    answer = run_demo(
        trace=options.trace, quick=options.quick, quiet=options.json, columns_text=options.columns
    )
    if options.json:
        _print_json(answer)


def validate(options: argparse.Namespace) -> None:
    """``gpushare validate``."""
    from ..validation import SUITES, can_run

    if options.target == SOURCES:
        return _validate_sources(options)
    from ..scenario.origin import origin_of_folders
    from ..validation import validate as run
    from ..validation.accuracy import regressions

    every = options.target == "all"
    data = Path(options.data) if options.data else None
    names = [name for name in SUITES if can_run(name, data)] if every else [options.target]
    if options.plot is not None and every:
        raise ValueError("--plot draws one suite; give its name instead of 'all'")
    reports = []
    for name in names:
        with Progress(name) as progress:
            reports.append(
                run(
                    name,
                    calibrated=options.calibrated,
                    data=data,
                    uncertainty=options.uncertainty,
                    progress=progress.fraction,
                )
            )
    if options.plot is not None:
        from ..report.measured import predictions, timelines

        draw = timelines if reports[0].timelines else predictions
        draw(reports[0], save=options.plot)
    if options.json:
        folder = None if every or options.target in SUITES else options.target
        origin = origin_of_folders(folder, options.calibrated).to_dict()
        found = [report.to_dict() | {"origin": origin} for report in reports]
        _print_json(found if every else found[0])
    elif every:
        print("\n\n".join(report.overview() for report in reports))
    else:
        print(reports[0].text())
    worse = [line for report in reports for line in regressions(report)] if options.check else []
    if worse:
        raise ValueError("worse than validation/accuracy.json: " + "; ".join(worse))


def _validate_sources(options: argparse.Namespace) -> None:
    """``gpushare validate sources``."""
    from ..scenario.origin import origin_of_files
    from ..validation.sources import answer_claims

    taken = [f"--{name}" for name in ("calibrated", "data", "uncertainty", "plot") if getattr(options, name)]
    if taken:
        raise ValueError(
            f"{', '.join(taken)}: claims of documents are answered by what comes with the package"
        )
    with Progress(SOURCES) as progress:
        found = answer_claims(progress=progress.fraction)
    if options.json:
        _print_json(found.to_dict() | {"origin": origin_of_files(()).to_dict()})
    else:
        print(found.text())
    if options.check and found.failed:
        raise ValueError("answers that no longer stand: " + "; ".join(found.faults()))


def calibrate(options: argparse.Namespace) -> None:
    """``gpushare calibrate``."""
    if options.folder == ENGINE or options.result is not None:
        return calibrate_engine(options)
    if options.set or options.gpu or options.price:
        raise ValueError(
            "--set, --gpu and --price change the --scenario of `calibrate engine`; a folder has none"
        )
    from ..calibration.fitting import calibrate as fit
    from ..scenario.origin import origin_of_folders

    can_write(options.out, (".json",))

    with Progress(options.folder) as progress:
        found = fit(options.folder, options.base, progress=progress.fraction)
    if options.out is not None:
        found.write_profile(options.out)
    if options.models is not None:
        found.write_models(options.models)
    if options.json:
        origin = origin_of_folders(options.folder).beside([options.base] if options.base else [])
        _print_json(found.to_dict() | {"origin": origin.to_dict()})
    else:
        print(found)
