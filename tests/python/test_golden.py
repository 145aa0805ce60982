"""Nothing moves unless it is recorded: golden figures and tables, and whether their check would notice."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import golden_cases
import golden_files
import gpushare as gs
import jsonschema  # type: ignore[import-untyped, unused-ignore]
import pytest
import record
from golden_cases import WITH_STEPS, Record
from golden_differences import ABSENT, Difference, change_list, differences

SCHEMA = json.loads((golden_cases.ROOT / "scenarios/schema.json").read_text(encoding="utf-8"))
QUICK = "arrival-kinds"
RUN = "time-slicing, seed 1"


@pytest.fixture(scope="module", autouse=True)
def cost() -> Iterator[None]:
    """Says with `pytest -s` what this file costs."""
    began = time.process_time()
    yield
    print(f"\ngolden records: {time.process_time() - began:.0f} CPU s")


@pytest.mark.parametrize("case", golden_cases.case_names())
def test_nothing_moved(case: str, report_of: Callable[[str], gs.Report]) -> None:
    before = golden_files.load(case)
    assert before, "no record yet: python tests/golden/record.py --record --reason ..."
    after = golden_cases.measure(case, {run: list(kept.figures) for run, kept in before.items()}, report_of)
    same_platform = golden_files.recorded_platform() == golden_files.this_platform()
    found = [one for one in differences(case, before, after, same_platform=same_platform) if not one.new]
    assert not found, f"{len(found)} differences:\n" + "\n".join(map(str, found[:30]))


def test_every_record_has_its_case() -> None:
    assert golden_files.recorded_cases() == sorted(golden_cases.case_names())


def words(value: Any) -> Iterator[str]:
    """Names of members and all strings of a document."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from words(member)
    elif isinstance(value, list):
        for member in value:
            yield from words(member)
    elif isinstance(value, str):
        yield value


def schema_words(schema: Any) -> Iterator[str]:
    """Names of members and words that a schema lets documents have."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from properties
        yield from (word for word in [*schema.get("enum", ()), schema.get("const")] if isinstance(word, str))
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from schema_words(part)


def test_the_documents_fit_the_schema_and_use_every_member_and_word_of_it() -> None:
    files = sorted(golden_cases.SCENARIOS.glob("*.json"))
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    for document in documents:
        jsonschema.Draft202012Validator(SCHEMA).validate(document)
    used = {word for document in documents for word in words(document)}
    by_readers = {
        "aiperf",
        "azure",
        "bailian",
        "burstgpt",
        "llmservingsim",
        "mooncake",
        "sharegpt",
        "timed-trace",
        "ms",
        "us",
        "ns",
    }
    written_by_the_package = {"label", "other_replicas", "undo"}
    no_shipped_model_has = {"bf16", "fp64"}
    unused = set(schema_words(SCHEMA)) - used - by_readers - written_by_the_package - no_shipped_model_has
    assert unused == {"sources"}


def test_the_scenarios_use_every_model_profile_and_preset() -> None:
    used = {
        word
        for folder in (golden_cases.SCENARIOS, golden_cases.ROOT / "scenarios")
        for file in folder.glob("*.json")
        for word in words(json.loads(file.read_text(encoding="utf-8")))
    }
    assert {*gs.model_names(), *gs.profile_names(), *gs.engine_preset_names()} <= used


def one(was: Record, now: Record, *, same_platform: bool = True) -> list[Difference]:
    return differences("case", {"run": was}, {"run": now}, same_platform=same_platform)


@pytest.mark.parametrize(
    ("name", "was", "now", "here", "elsewhere"),
    [
        ("ttft_p95_s", 0.1, 0.1, False, False),
        ("ttft_p95_s", float("nan"), float("nan"), False, False),
        ("ttft_p95_s", 0.1, 0.1 + 1e-17, True, False),
        ("ttft_p95_s", 0.1, 0.1 + 1e-12, True, True),
        ("ttft_p95_s", 0.1, float("nan"), True, True),
        ("completed", 7, 7.0, True, False),
        ("completed", 7, 8, True, True),
        ("cost_per_month", 4320.0, 4320.000000001, False, False),
        ("cost_per_month", 4320.0, 4320.00000001, True, True),
        ("littles_law_error", 1e-15, 2e-15, True, False),
        ("littles_law_error", 1e-15, 1e-6, True, True),
        ("mode", "mps", "mps:50/50", True, True),
    ],
)
def test_figures_are_compared_exactly_here_and_closely_elsewhere(
    name: str, was: Any, now: Any, here: bool, elsewhere: bool
) -> None:
    for same_platform, expected in ((True, here), (False, elsewhere)):
        found = one(Record({name: was}), Record({name: now}), same_platform=same_platform)
        if expected:
            assert [repr(part) for part in (found[0].was, found[0].now)] == [repr(was), repr(now)]
            assert f"case, run, {name}: was {was!r}, is {now!r}" in str(found[0])
        else:
            assert found == []


@pytest.mark.parametrize("same_platform", [True, False])
def test_fits_are_compared_closely_everywhere(same_platform: bool) -> None:
    def found(now: float) -> list[Difference]:
        was = {"fit": Record({"exponent": 0.9})}
        return differences("suite-h200", was, {"fit": Record({"exponent": now})}, same_platform=same_platform)

    assert found(0.9 + 1e-9) == []
    assert len(found(0.9 + 1e-5)) == 1


def test_what_differs_between_runs_is_compared_with_what_does_not() -> None:
    kept = Record({"events": 5, WITH_STEPS + "events": 9, "steps": 3}, {"requests": "a"})
    assert one(kept, Record(dict(kept.figures), dict(kept.hashes))) == []
    found = one(
        kept,
        Record(
            {"events": 5, "steps": 3, WITH_STEPS + "steps": 4},
            {"requests": "a", WITH_STEPS + "requests": "b"},
        ),
    )
    assert found == [
        Difference("case", "run", WITH_STEPS + "events", 9, 5),
        Difference("case", "run", WITH_STEPS + "steps", 3, 4),
        Difference("case", "run", WITH_STEPS + "requests", "a", "b"),
    ]
    assert golden_cases.differing("x: ", {"a": 1, "b": 2}, {"a": 1, "c": 3}) == {"x: b": None, "x: c": 3}


def test_what_is_gone_differs_and_what_is_new_is_told() -> None:
    gone, new = one(Record({"a": 1}, {}), Record({"b": 2}, {}))
    assert (gone.now, gone.new, str(gone)) == (ABSENT, False, "case, run, a: was 1, gone")
    assert (new.was, new.new, str(new)) == (ABSENT, True, "case, run, b: new, 2")
    assert one(Record(hashes={"requests": "a"}), Record(hashes={"requests": "b"}), same_platform=False) == []


def test_many_changes_are_counted_by_figure() -> None:
    many = [
        Difference("case", f"run {i}", name, 2.0, 2.0 + i) for i in range(1, 21) for name in ("p95", "p99")
    ]
    text = change_list([*many, Difference("other", "run", "p95", 1, 2)])
    assert "- case: 40 figures and hashes of 20 runs: 40 changed" in text
    assert "  - p95: 20 times, +0.5 to +10 relative" in text
    assert "- other, run, p95: was 1, is 2 (+1 relative)" in text


def test_a_changed_record_fails_the_check_until_it_is_recorded_with_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "figures"
    records = golden_files.load(QUICK)
    golden_files.save(QUICK, records, folder)
    golden_files.save_platform(folder)

    def run(*arguments: str) -> tuple[int, str]:
        status = record.main([QUICK, "--jobs", "1", *arguments], tmp_path)
        return status, capsys.readouterr().out

    if golden_files.recorded_platform() != golden_files.this_platform():
        assert run("--record", "--reason", "Another platform")[0] == 0
        records = golden_files.load(QUICK, folder)
    status, text = run("--check", "--strict")
    assert (status, "; 0 differ, 0 are new" in text) == (0, True)

    completed = records[RUN].figures.pop("completed")
    golden_files.save(QUICK, records, folder)
    assert run("--check")[0] == 0
    assert run("--check", "--strict")[0] == 1

    records[RUN].figures["completed"] = 1
    records[RUN].hashes["requests, sha256"] = "0"
    golden_files.save(QUICK, records, folder)
    status, text = run("--check")
    assert status == 1
    assert f"{QUICK}, {RUN}, completed: was 1, is {completed}" in text
    assert f"{QUICK}, {RUN}, requests, sha256: was '0'" in text
    assert run("--record")[0] == 2
    assert golden_files.load(QUICK, folder) == records
    assert run("--record", "--reason", "Requests are counted")[0] == 0
    changes = (tmp_path / golden_files.CHANGES).read_text(encoding="utf-8")
    assert f"\n## Requests are counted\n\n- {QUICK}, {RUN}, completed: was 1, is {completed}" in changes
    assert run("--check", "--strict")[0] == 0
    assert record.main(["no-such-case"], tmp_path) == 2
