"""Traces and calls that are handed over to a document, and traces out of columns."""

import gzip
import importlib
import json
import pickle
from pathlib import Path
from typing import Any

import gpushare as gs
import numpy as np
import pytest
from gpushare.traces.columns import from_columns

COLUMNS = {
    "arrival_s": [5.0, 5.5, 7.25, 8.0],
    "input_tokens": [100, 40, 20, 300],
    "output_tokens": [7, 0, 3, 20],
}


def document(entry: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One LLM and one kind of traffic."""
    return {
        "name": "replay",
        "services": {"llm": {"model": "llama-3.1-8b", "engine": {"preset": "vllm-0.20"}}},
        "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
        "traffic": [entry],
    } | more


def rows(scenario: gs.Scenario) -> dict[str, list[Any]]:
    found = gs.simulate(scenario).requests
    return {name: found[name].tolist() for name in ("arrival_s", "finish_s", "input_tokens")}


def frames() -> dict[str, Any]:
    """The same columns as every kind of table has them."""
    made: dict[str, Any] = {
        "mapping": COLUMNS,
        "table": gs.Table("t", {k: np.array(v) for k, v in COLUMNS.items()}),
    }
    for name, build in (("pandas", "DataFrame"), ("polars", "DataFrame"), ("pyarrow", "table")):
        try:
            made[name] = getattr(importlib.import_module(name), build)(COLUMNS)
        except ImportError:
            continue
    return made


def test_a_trace_or_any_table_becomes_traffic_without_a_file(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "arrival_s,input_tokens,output_tokens\n"
        + "".join(f"{a},{i},{o}\n" for a, i, o in zip(*COLUMNS.values(), strict=True))
    )
    expected = rows(gs.Scenario.from_dict(document({"kind": "trace", "path": str(tmp_path / "t.csv")})))
    assert expected["arrival_s"] == [0, 2.25, 3]
    trace = gs.traces.load(tmp_path / "t.csv")
    for given in [trace, *frames().values()]:
        entry = {"kind": "trace", "name": "mine", "pipeline": "chat"}
        assert rows(gs.Scenario.from_dict(document(entry), traces={"mine": given})) == expected


def test_the_trace_is_not_copied_for_modes_placements_and_points() -> None:
    resource = pytest.importorskip("resource")
    many = 2_000_000
    trace = gs.Trace(np.arange(many) / 10.0, np.full(many, 9), np.full(many, 3))
    made = document({"kind": "trace", "name": "chat"}, modes={"slow": {"duration_s": 5}})
    scenario = gs.Scenario.from_dict(made, traces={"chat": trace})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = [scenario.with_mode(mode) for mode in ("dedicated", "mps", "slow")]
    kept += [scenario.replace(duration_s=9), scenario.with_placement(scenario.placement)]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 * 1024  # KiB; one copy is 32 MB
    assert [s.duration_s for s in kept] == [199999.9, 199999.9, 5, 9, 199999.9]


def test_scenarios_with_traces_travel_and_compare_by_what_is_in_them() -> None:
    made = document({"kind": "trace", "name": "chat"})
    scenario = gs.Scenario.from_dict(made, traces={"chat": COLUMNS})
    assert pickle.loads(pickle.dumps(scenario)) == scenario
    assert rows(pickle.loads(pickle.dumps(scenario))) == rows(scenario)
    assert gs.Scenario.from_dict(made, traces={"chat": from_columns(COLUMNS, "chat")}) == scenario
    other = COLUMNS | {"input_tokens": [100, 40, 20, 301]}
    assert gs.Scenario.from_dict(made, traces={"chat": other}) != scenario
    table = gs.sweep(gs.grid(scenario, mode=["dedicated", "mps"]))
    assert table["completed"].tolist() == [3, 3]


def test_what_is_not_handed_over_or_not_taken_is_refused() -> None:
    made = document({"kind": "trace", "name": "chat"})
    with pytest.raises(
        gs.ScenarioError,
        match='/traffic/0/name: nothing is handed over as "chat", but nothing; otherwise a trace',
    ):
        gs.Scenario.from_dict(made)
    with pytest.raises(gs.ScenarioError, match='traces: no traffic is called "chta"; known: chat'):
        gs.Scenario.from_dict(made, traces={"chta": COLUMNS})
    with pytest.raises(gs.ScenarioError, match='calls: no traffic is called "voice"; known: chat'):
        gs.Scenario.from_dict(made, traces={"chat": COLUMNS}, calls={"voice": b""})
    with pytest.raises(gs.ScenarioError, match='"path" and what is handed over as "chat" exclude each other'):
        gs.Scenario.from_dict(document({"kind": "trace", "path": "/nowhere/t.csv"}), traces={"chat": COLUMNS})
    with pytest.raises(gs.ScenarioError, match=r'/traffic/0/path: there is no trace file "/nowhere/t\.csv"'):
        gs.Scenario.from_dict(document({"kind": "trace", "path": "/nowhere/t.csv"}))
    with pytest.raises(
        gs.TraceError,
        match=r"chat: expected a trace, columns by name, a data frame or .* rows by column; found int",
    ):
        gs.Scenario.from_dict(made, traces={"chat": 7})


def test_calls_are_handed_over_as_a_table(tmp_path: Path) -> None:
    calls = gs.traffic.voice_calls(gs.traffic.poisson(0.05), 100, turns=(2, 3))
    gs.traffic.save_calls(calls, tmp_path / "c.jsonl")
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress((tmp_path / "c.jsonl").read_bytes()))
    entry = {"kind": "calls", "name": "support"}
    expected = rows(gs.Scenario.from_dict(document(entry | {"path": "c.jsonl"}), folder=tmp_path))
    assert len(expected["arrival_s"]) == len(calls)
    assert rows(gs.Scenario.from_dict(document(entry | {"path": "c.jsonl.gz"}), folder=tmp_path)) == expected
    for given in (calls, (tmp_path / "c.jsonl").read_bytes()):
        scenario = gs.Scenario.from_dict(document(entry), calls={"support": given})
        assert rows(scenario) == expected
        assert pickle.loads(pickle.dumps(scenario)) == scenario


def test_columns_keep_sessions_parents_and_blocks() -> None:
    given = {
        "arrival_s": np.array([0.0, 1.0, 2.0, 3.0]),
        "input_tokens": np.array([20, 40, 50, 60], dtype=np.int16),
        "output_tokens": np.array([1, 0, 2, 3]),
        "session": ["a", "", "a", "b"],
        "parent": [-1, -1, 0, 1],
        "delay_s": [-1.0, -1.0, 0.5, -1.0],
        "images": [0, 1, 2, 3],
        "hash_ids": [[1, 2], [3], [], [1]],
        "block_tokens": 16,
    }
    trace = gs.traces.from_columns(given, "mine")
    assert trace.name == "mine"
    assert trace.arrival_s.tolist() == [0, 2, 3]
    extra = {name: np.asarray(column).tolist() for name, column in trace.extra.items()}
    assert extra == {
        "session": [0, 0, 1],
        "parent": [-1, 0, -1],  # the last one's parent was dropped
        "delay_s": [-1, 0.5, -1],
        "images": [0, 2, 3],
        "hash_ids": [1, 2, 1],
        "hash_starts": [0, 2, 2, 3],
        "block_tokens": 16,
    }
    kept = gs.traces.from_columns(given, keep_empty=True)
    assert (len(kept), kept.extra["parent"].tolist()) == (4, [-1, -1, 0, 1])


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_frames_of_a_published_layout_are_read_by_its_names(kind: str) -> None:
    pytest.importorskip("pyarrow")
    module = pytest.importorskip(kind)
    named = {
        "TIMESTAMP": ["2023-11-16 18:17:03.5", "2023-11-16 18:17:04.0"],
        "ContextTokens": [4808, 3180],
        "GeneratedTokens": [10, 8],
    }
    trace = gs.traces.from_columns((module.table if kind == "pyarrow" else module.DataFrame)(named), "azure")
    assert trace.arrival_s.tolist() == [0, 0.5]
    assert trace.origin["format"] == "azure"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokens": [1, 2, 3, 4]}, r'mine: unknown column "tokens"; known are arrival_s, input_tokens'),
        ({"input_tokens": [1, 2]}, r"mine: input_tokens has shape \(2,\), arrival_s has 4 rows"),
        (
            {"output_tokens": [0, 0, 0, 0]},
            "mine: all 4 requests have zero output tokens; keep_empty keeps them",
        ),
        ({"input_tokens": [1, 2, 3, 0.5]}, "input_tokens: token counts are whole numbers"),
        ({"arrival_s": [1, 0, 2, 3], "output_tokens": [1] * 4}, r"arrival_s\[1\]: found -1"),
        ({"parent": [-1, -1, 7, -1]}, "mine: parent: expected the number of an earlier row, or -1"),
        ({"parent": [-1, -1, 3, -1]}, "session, parent, delay_s, images or block ids do not fit"),
        ({"hash_ids": [[1], [], [], []]}, "mine: hash_ids need block_tokens, one number for all requests"),
    ],
)
def test_columns_that_no_request_has_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(gs.TraceError, match=message):
        gs.traces.from_columns(COLUMNS | changes, "mine")


def test_a_mode_that_names_other_files_reads_them_and_keeps_those_it_shares(tmp_path: Path) -> None:
    for name, count in (("a", 3), ("b", 5)):
        lines = [json.dumps({"arrival_s": i, "input_tokens": 9, "output_tokens": 2}) for i in range(count)]
        (tmp_path / f"{name}.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    made = document(
        {"kind": "trace", "path": "a.jsonl.gz"},
        modes={"b": {"traffic": [{"kind": "trace", "path": "b.jsonl.gz"}]}},
    )
    scenario = gs.Scenario.from_dict(made, folder=tmp_path)
    assert len(rows(scenario.with_mode("b"))["arrival_s"]) == 5
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl.gz").unlink()
    assert len(rows(scenario.with_mode("mps"))["arrival_s"]) == 3  # it was read already
    with pytest.raises(gs.ScenarioError, match=r"/traffic/0/path: there is no trace file .*b\.jsonl\.gz"):
        scenario.with_mode("b")
