"""Files that keep the points of a study: what damages them, and what makes a point another one."""

import multiprocessing
import os
import pickle
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare.files import data_file
from gpushare.study import cases, checkpoint
from gpushare.study.checkpoint import Checkpoint, StoreWarning
from gpushare.study.outcomes import Outcome


@pytest.fixture(scope="module")
def points(light: gs.Scenario) -> list[gs.Point]:
    return gs.grid(light, users=[2, 4], mode=["dedicated", "mps"])


@pytest.fixture(scope="module")
def table(points: list[gs.Point]) -> gs.SweepTable:
    return gs.sweep(points)


def test_a_sweep_goes_on_where_it_stopped(
    points: list[gs.Point], table: gs.SweepTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sweep.jsonl"
    gs.sweep(points[:2], resume=path)
    assert len(path.read_text().splitlines()) == 2
    ran: list[gs.Point] = []
    original = cases.run_case

    def counted(point: gs.Point, *args: Any, **options: Any) -> Any:
        ran.append(point)
        return original(point, *args, **options)

    monkeypatch.setattr(cases, "run_case", counted)
    assert gs.sweep(points, resume=path).table == table.table
    assert len(ran) == 2
    assert gs.sweep(points, resume=path).table == table.table
    assert len(ran) == 2
    # Another number of replications is another outcome.
    gs.sweep(points[:1], resume=path, replications=2)
    assert len(ran) == 3


def test_what_was_finished_before_an_interrupt_is_kept(points: list[gs.Point], tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"

    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gs.sweep(points, threads=1, resume=path, progress=interrupt)
    kept = path.read_text()
    assert kept.endswith("\n")
    assert 2 <= len(kept.splitlines()) < 5


def test_another_file_is_not_taken_for_a_checkpoint(points: list[gs.Point], tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("first line\nsecond line\n")
    with pytest.raises(ValueError, match=r"notes\.txt:1: not a line of a sweep's checkpoint"):
        gs.sweep(points, resume=path)
    assert path.read_text() == "first line\nsecond line\n"


def test_lines_that_hold_something_else_are_no_checkpoint(tmp_path: Path) -> None:
    for outcome in ("[]", '{"metrics": 3}', '{"metrics": {"a": []}, "bottleneck": null, "refused": ""}'):
        path = tmp_path / "file.jsonl"
        path.write_text(f'{{"key": "k", "outcome": {outcome}}}\n')
        with pytest.raises(ValueError, match=r"file\.jsonl:1: not a line of a sweep's checkpoint"):
            Checkpoint(path)


def test_damage_costs_its_line_alone(points: list[gs.Point], tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    expected = gs.sweep(points, resume=path).table
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == 4
    half = len(lines[1]) // 2
    damaged = [lines[0], lines[1][:half] + b"\xff\x00" + lines[1][half:], lines[2], lines[3][:-9]]
    path.write_bytes(b"".join(damaged))
    with pytest.warns(StoreWarning) as told:
        assert gs.sweep(points, resume=path).table == expected
    assert [str(one.message).split(": ")[0] for one in told] == [f"{path}:2", f"{path}:4"]
    # What is appended does not go down with the line that was cut short.
    kept = path.read_bytes().splitlines(keepends=True)
    assert len(kept) == 6
    assert kept[:3] == damaged[:3]
    assert kept[3] == damaged[3] + b"\n"
    assert sorted(kept[4:]) == sorted([lines[1], lines[3]])


def test_a_first_line_cut_short_is_not_another_file(points: list[gs.Point], tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    for begin in (b"{", b'{"key": "ab'):
        path.write_bytes(begin)
        with pytest.warns(StoreWarning, match=r"sweep\.jsonl:1: a damaged line"):
            gs.sweep(points[:1], resume=path)


def test_a_short_write_costs_its_line_alone(
    points: list[gs.Point], table: gs.SweepTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sweep.jsonl"
    write = os.write
    sizes: list[int] = []

    def short_once(descriptor: int, data: bytes) -> int:
        sizes.append(len(data))
        return write(descriptor, data[: len(data) // 2] if len(sizes) == 2 else data)

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", short_once)
        with pytest.warns(StoreWarning, match="a point could not be kept: "):
            assert gs.sweep(points, resume=path).table == table.table
    assert len(sizes) == 4
    with pytest.warns(StoreWarning, match=r"sweep\.jsonl:2: a damaged line"):
        assert gs.sweep(points, resume=path).table == table.table
    assert len(path.read_bytes().splitlines()) == 5


def test_a_full_disk_costs_what_is_kept_and_no_figures(points: list[gs.Point], table: gs.SweepTable) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full on this system")
    with pytest.warns(StoreWarning, match="/dev/full: a point could not be kept: No space left"):
        assert gs.sweep(points, resume="/dev/full").table == table.table


def test_processes_keep_points_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    outcomes = {f"{i}": Outcome({"a": i / 7} | {f"figure {k}": k / 3 for k in range(300)}) for i in range(40)}
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_keep, args=(path, outcomes)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert len(path.read_bytes().splitlines()) == 120
    with closing(Checkpoint(path)) as kept:
        assert {key: kept.get(key) for key in outcomes} == outcomes


def _keep(path: Path, outcomes: dict[str, Outcome]) -> None:
    with closing(Checkpoint(path)) as checkpoint:
        for key, outcome in outcomes.items():
            checkpoint.put(key, outcome)


def test_what_cannot_be_written_is_told_before_the_first_run(
    points: list[gs.Point], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **options: Any) -> Any:
        raise AssertionError("ran")

    monkeypatch.setattr(cases, "run_all", fail)
    for path in (tmp_path, tmp_path / "no" / "sweep.jsonl"):
        with pytest.raises(OSError, match=re.escape(str(path))):
            gs.sweep(points, resume=path)
        with pytest.raises(OSError, match=re.escape(str(path))):
            gs.compare("voice-light", ["mps"], resume=path)


CHANGES = {
    "card.json": ("2.039e12", "2.030e12"),
    "network.json": ("13.96e9", "13.90e9"),
    "trace.csv": ("1,500,90", "1,500,70"),
}


@pytest.fixture
def named(tmp_path: Path) -> dict[str, Any]:
    """A document that names files of its own."""
    (tmp_path / "card.json").write_text(data_file("a100.json", "profiles").read_text())
    (tmp_path / "network.json").write_text(data_file("llama-3.1-8b.json", "models").read_text())
    (tmp_path / "trace.csv").write_text("arrival_s,input_tokens,output_tokens\n0,500,90\n1,500,90\n")
    return {
        "name": "files",
        "gpu": str(tmp_path / "card.json"),
        "services": {"llm": {"model": str(tmp_path / "network.json")}},
        "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
        "traffic": [{"kind": "trace", "path": str(tmp_path / "trace.csv")}],
    }


def changed(file: Path) -> None:
    """Another content of the same length, with the old time."""
    old, new = CHANGES[file.name]
    times, text = file.stat(), file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_a_changed_file_never_returns_old_figures(named: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"

    def figures() -> dict[str, float]:
        points = gs.grid(named, mode=["dedicated"])
        kept = gs.sweep(points, resume=path).outcomes[0].figures
        assert kept == gs.sweep(points, resume=path).outcomes[0].figures
        return {name: value for name, value in kept.items() if value == value}

    seen = [figures()]
    for name in CHANGES:
        changed(tmp_path / name)
        assert figures() not in seen
        seen.append(figures())
    assert len(path.read_text().splitlines()) == 4


@pytest.mark.parametrize("name", CHANGES)
def test_a_scenario_whose_file_changed_is_neither_kept_nor_sent(
    named: dict[str, Any], tmp_path: Path, name: str
) -> None:
    scenario = gs.Scenario.from_dict(named)
    shared = scenario.with_mode("mps")
    sent = pickle.dumps(shared)
    assert pickle.loads(sent).digest() == shared.digest() != scenario.digest()
    changed(tmp_path / name)
    with pytest.raises(gs.ScenarioError, match="changed since the scenario was read"):
        gs.sweep(gs.grid(scenario), resume=tmp_path / "sweep.jsonl")
    with pytest.raises(gs.ScenarioError, match="changed since the scenario was read"):
        pickle.dumps(shared)
    with pytest.raises(gs.ScenarioError, match="the files that it names differ"):
        pickle.loads(sent)


def test_another_library_is_another_outcome(
    points: list[gs.Point], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sweep.jsonl"
    gs.sweep(points[:1], resume=path)
    monkeypatch.setattr(checkpoint, "_library", lambda: "another")
    gs.sweep(points[:1], resume=path)
    assert len(path.read_text().splitlines()) == 2
