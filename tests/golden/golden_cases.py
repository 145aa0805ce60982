"""What is recorded: every case, and the figures and hashes of its runs.

Only public names of gpushare are used, so that a record outlives what moves inside.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import gpushare as gs

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SCENARIOS = HERE / "scenarios"
#: Of shipped scenarios; those of this folder run with the first.
SEEDS = (1, 7)
SHIPPED = "shipped-"

#: Put before the names of figures that are taken from a second and third run: with a row for each step, which makes
#: every iteration an event of its own, and without a row for each request.
WITH_STEPS = "steps recorded: "
WITHOUT_REQUESTS = "no requests recorded: "

#: Cases whose figures come out of fits begin so.
FITS = ("analysis-calibrate", "analysis-co-runs", "suite-")

#: Days, of which every mode would take minutes; control.json has what they use.
LONG = ("bursty-day", "day-and-night")

Figure = float | int | str | bool | None
Figures = dict[str, Figure]

#: Suites of `gs.validate` that need no data beyond what is shipped.
SUITES = (
    "bursty-llm",
    "dynamo-sharing",
    "h200",
    "h200-intervals",
    "h200-long",
    "h200-pairs",
    "h200-second",
    "hollow-gpu",
    "mig-microbenchmarks",
    "nim-llm",
    "nos",
    "speech-nim",
    "trtllm-parallel",
    "trtllm-throughput",
    "voice-blog",
)


@dataclasses.dataclass
class Record:
    """Of one run: numbers and words by name, and hashes of its tables by column.

    Of the second and third run only what differs from the first is here.
    """

    figures: Figures = dataclasses.field(default_factory=dict)
    hashes: dict[str, str] = dataclasses.field(default_factory=dict)


Records = dict[str, Record]  #: of a case, by run: "dedicated, seed 1"
Wanted = Mapping[
    str, Collection[str]
]  #: names of figures by run, to look up even where a summary does not list them


def case_names() -> list[str]:
    """Every case: scenarios, analyses and suites."""
    return [*scenario_cases(), *_ANALYSES, *(f"suite-{name}" for name in SUITES)]


def scenario_cases() -> list[str]:
    """Shipped scenarios, and those beside this file."""
    shipped = [SHIPPED + name for name in gs.scenario_names() if name not in LONG]
    return [*shipped, *(path.stem for path in sorted(SCENARIOS.glob("*.json")))]


def load(case: str) -> gs.Scenario:
    """The scenario of a case."""
    name = case.removeprefix(SHIPPED)
    return gs.Scenario.load(name if name != case else SCENARIOS / f"{name}.json")


def measure(case: str, wanted: Wanted, report_of: Callable[[str], gs.Report] = gs.validate) -> Records:
    """Simulates everything of one case; `report_of` gives the report of a suite."""
    if case in _ANALYSES:
        return {"": Record(_ANALYSES[case]())}
    if case.startswith("suite-"):
        return {"": Record(report_figures(report_of(case.removeprefix("suite-"))))}
    scenario = load(case)
    return {
        run: measure_run(scenario, mode, seed, wanted.get(run, ()))
        for mode in scenario.modes or [""]
        for seed in (SEEDS if case.startswith(SHIPPED) else SEEDS[:1])
        for run in [f"{mode or scenario.mode}, seed {seed}"]
    }


def measure_run(scenario: gs.Scenario, mode: str, seed: int, wanted: Collection[str]) -> Record:
    """A scenario in one mode: what is placed where, every figure, and hashes of all tables; or why it is refused."""
    try:
        if mode:
            scenario = scenario.with_mode(mode)
        merged = gs.simulate(scenario, seed=seed, threads=1)
    except gs.Error as error:
        return Record({"refused": f"{type(error).__name__}: {error}".replace(str(ROOT), ".")})
    single = gs.simulate(scenario, seed=seed, record_steps=True, threads=1)
    bare = gs.simulate(scenario, seed=seed, record_requests=False, threads=1)
    names = {unprefixed(name) for name in wanted}
    figures = summary_figures(merged.summary(), names)
    hashes = table_hashes("requests", merged.requests)
    return Record(
        placement_figures(scenario)
        | figures
        | differing(WITH_STEPS, figures, summary_figures(single.summary(), names))
        | differing(WITHOUT_REQUESTS, figures, summary_figures(bare.summary(), names))
        | {"requests, rows": len(merged.requests), "steps, rows": len(single.steps)},
        hashes
        | table_hashes("partitions", merged.partitions)
        | differing(WITH_STEPS, hashes, table_hashes("requests", single.requests))
        | table_hashes("steps", single.steps),
    )


def unprefixed(name: str) -> str:
    """The figure's name in the first run."""
    return name.removeprefix(WITH_STEPS).removeprefix(WITHOUT_REQUESTS)


def differing(prefix: str, first: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """What another run has otherwise than the first one; None where it has nothing."""
    return {
        prefix + name: other.get(name)
        for name in {**first, **other}
        if repr(first.get(name)) != repr(other.get(name))
    }


def placement_figures(scenario: gs.Scenario) -> Figures:
    """Where the processes are, and a hash of the document, in which folders of this machine have no say."""
    document = json.dumps(scenario.document, sort_keys=True).replace(str(ROOT), ".")
    found: Figures = {
        "mode": scenario.mode,
        "baseline_gpus": scenario.baseline_gpus,
        "host_cores": scenario.host_cores,
        "warmup_s": scenario.warmup_s,
        "scenario duration_s": scenario.duration_s,
        "document, sha256": hashlib.sha256(document.encode()).hexdigest(),
    }
    return found | {f"gpu{i}, placed": json.dumps(_placed(gpu)) for i, gpu in enumerate(scenario.gpus)}


def _placed(gpu: dict[str, Any]) -> dict[str, Any]:
    """Where its processes are; what scenarios say of it besides may grow."""
    kept = ("name", "sharing", "memory_bytes", "processes")
    parts = [{key: part[key] for key in kept} for part in gpu["partitions"]]
    return {"profile": gpu["profile"], "layout": gpu["layout"], "partitions": parts}


def summary_figures(summary: gs.Summary, wanted: Collection[str] = ()) -> Figures:
    """Every figure by name; replications add half-widths and counts. The limiting resource is words, and left out."""
    found: Figures = {}
    names = list(summary)
    names += [name for name in sorted(wanted) if name not in names and _known(summary, name)]
    for name in names:
        value = summary[name]
        if isinstance(value, gs.Estimate):
            found |= {name: float(value), f"{name}, half-width": value.half_width, f"{name}, n": value.count}
        else:
            found[name] = value
    return found


def _known(summary: gs.Summary, name: str) -> bool:
    try:
        return isinstance(summary[name], (int, float))
    except (KeyError, ValueError, gs.Error):
        return False


def table_hashes(name: str, table: gs.Table) -> dict[str, str]:
    """SHA-256 of names, types, categories and bytes of all columns in order, and the beginning of each column's own."""
    whole = hashlib.sha256()
    found = {}
    for column in table.columns:
        kind = table.type(column)
        values = table.codes(column) if kind == "category" else table[column]
        about = json.dumps([column, kind, table.categories(column), len(table)]).encode()
        content = about + values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
        whole.update(content)
        found[f"{name}, {column} ({kind})"] = hashlib.sha256(content).hexdigest()[:16]
    return found | {f"{name}, sha256": whole.hexdigest()}


def report_figures(report: gs.Report) -> Figures:
    """Predictions of a suite, with their intervals, and its summary."""
    found: Figures = {}
    told = report.to_dict()
    for number, row in enumerate(told["rows"]):
        title = ", ".join(str(row[part]) for part in ("case", "mode", "client", "metric") if row[part])
        for part in ("measured", "predicted", "low", "high", "noise"):
            if row[part] is not None:
                found[f"row {number:03}: {title}: {part}"] = row[part]
    return found | flat(told["summary"], "summary")


def flat(value: Any, name: str) -> Figures:
    """The numbers of nested mappings, sequences and dataclasses, by the way to them."""
    return dict(_leaves(value, name))


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Figure]]:
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from _leaves(member, f"{name} / {key}")
    elif isinstance(value, (list, tuple)):
        for i, member in enumerate(value):
            yield from _leaves(member, f"{name} / {i:02}")
    elif isinstance(value, (float, int)):
        yield name, value


def _documents() -> Figures:
    """Documents with a mode applied, read again and put into the next mode."""
    found: Figures = {}
    for title in scenario_cases():
        scenario = load(title)
        modes = scenario.modes or ["dedicated", "mps"]
        for mode, then in zip(modes, [*modes[1:], modes[0]], strict=True):
            with contextlib.suppress(gs.Error):  # those that are refused are in other cases
                again = gs.Scenario.from_dict(scenario.with_mode(mode).document, then, folder=SCENARIOS)
                figures = placement_figures(again)
                found |= {f"{title}, {mode}, then {then}: {name}": value for name, value in figures.items()}
    return found


def _compare() -> Figures:
    found = flat(gs.compare("voice-heavy", threads=1).to_dict(), "voice-heavy")
    modes = ["dedicated", "mps", "mig:7x1g.10gb"]
    document = gs.Scenario.load("bursty-llm").replace(duration_s=60.0, warmup_s=5.0)
    comparison = gs.compare(document, modes, seed=3, replications=3, threads=1)
    return found | flat(comparison.to_dict(), "bursty-llm, replicated")


def _sweep() -> Figures:
    points = gs.grid("voice-light", users=[2, 5, 9], mode=["dedicated", "mps"], duration_s=[60])
    table = gs.sweep(points, replications=2, threads=1)
    words = {"limiting_resource", "refused"}
    columns = {name: values for name, values in table.to_dict().items() if name not in words}
    return flat(columns, "voice-light")


def _uncertainty() -> Figures:
    figures: Figures = {}
    for name, mode in (("voice-light", "mps"), ("voice-light", "time-slicing")):
        scenario = gs.Scenario.load(name, mode).replace(duration_s=60)
        result = gs.simulate(scenario, seed=2, uncertainty=True, threads=1)
        found = summary_figures(result.summary())
        figures |= {f"{name}, {mode}: {figure}": value for figure, value in found.items()}
    return figures


def _calibrate() -> Figures:
    figures: Figures = {}
    for folder in ("h200", "h200-second"):
        calibration = gs.calibrate(gs.Measurements.load(ROOT / "validation" / folder))
        for part in ("document", "switching", "switching_errors", "uncapped", "capped", "demands"):
            figures |= flat(getattr(calibration, part), f"{folder}: {part}")
    return figures


def _co_runs() -> Figures:
    """The second set of co-runs with the first one's constants, and its own."""
    first, second = ROOT / "validation/h200", ROOT / "validation/h200-second"
    found = report_figures(gs.validate(second, calibrated=first))
    own = report_figures(gs.validate(second))
    return found | {f"own constants, {name}": value for name, value in own.items()}


_ANALYSES: dict[str, Callable[[], Figures]] = {
    "analysis-calibrate": _calibrate,
    "analysis-compare": _compare,
    "analysis-co-runs": _co_runs,
    "analysis-documents": _documents,
    "analysis-sweep": _sweep,
    "analysis-uncertainty": _uncertainty,
}
