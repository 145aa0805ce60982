"""Traces and calls in scenario documents: files of every kind, sessions, and what is recorded of them."""

import gzip
import json
import os
import threading
from pathlib import Path
from typing import Any

import gpushare as gs
import jsonschema  # type: ignore[import-untyped, unused-ignore]
import numpy as np
import pytest
from gpushare import traffic

SCHEMA = json.loads((Path(__file__).parents[2] / "scenarios/schema.json").read_text(encoding="utf-8"))
CSV = "arrival_s,input_tokens,output_tokens\n" + "".join(
    f"{i / 2},{100 + i},{1 + i % 7}\n" for i in range(40)
)


def document(entry: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One LLM and one kind of traffic."""
    llm = {"model": "llama-3.1-8b", "engine": {"preset": "vllm-0.20"}}
    stages = [{"name": "llm", "service": "llm"}]
    made = {
        "name": "replay",
        "services": {"llm": llm},
        "pipelines": {"chat": {"stages": stages}},
        "traffic": [entry],
    }
    made |= more
    jsonschema.Draft202012Validator(SCHEMA).validate(made)
    return made


def finished(scenario: gs.Scenario) -> list[float]:
    found: list[float] = gs.simulate(scenario).requests["finish_s"].tolist()
    return found


def test_a_scenario_replays_packed_and_columnar_traces_as_they_are(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "t.csv").write_text(CSV)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    trace = gs.traces.load(tmp_path / "t.csv")
    gs.traces.save(trace, tmp_path / "t.parquet")
    gs.traces.save(trace, tmp_path / "t.arrow")
    expected = finished(gs.Scenario.from_dict(document({"kind": "trace", "path": "t.csv"}), folder=tmp_path))
    assert len(expected) == 40
    for name in ("t.csv.gz", "t.parquet", "t.arrow"):
        made = document({"kind": "trace", "path": name})
        assert finished(gs.Scenario.from_dict(made, folder=tmp_path)) == expected
        file = tmp_path / "scenario.json"  # and from a file, in another mode, in another process
        made["modes"] = {
            "dedicated": {},
            "slow": {"traffic": [{"kind": "trace", "path": name, "speed": 0.5}]},
        }
        file.write_text(json.dumps(made))
        assert finished(gs.Scenario.load(file)) == expected
        slow = gs.simulate(gs.Scenario.load(file, "slow"), replications=1)
        assert slow.requests["arrival_s"].max() == pytest.approx(2 * trace.arrival_s[-1])


def test_a_scenario_replays_sharegpt_lengths(tmp_path: Path) -> None:
    talk = [{"from": "human", "value": "x" * 400}, {"from": "gpt", "value": "y" * 41}]
    (tmp_path / "share.json").write_text(
        json.dumps([{"id": str(i), "conversations": talk} for i in range(5)])
    )
    made = document({"kind": "trace", "path": "share.json"}, duration_s=10)
    run = gs.simulate(gs.Scenario.from_dict(made, folder=tmp_path))
    assert run.requests["input_tokens"].tolist() == [100] * 5
    assert run.requests["output_tokens"].tolist() == [11] * 5


@pytest.mark.parametrize(
    ("name", "content", "entry", "message"),
    [
        ("t.csv.gz", gzip.compress(CSV.encode())[:-20], {}, r"t\.csv\.gz: cannot unpack the trace"),
        ("t.parquet", b"PAR1nonsense", {}, r"t\.parquet: not a readable Parquet"),
        ("t.csv", CSV.encode(), {"format": "azur"}, r'/traffic/0/format.*did you mean "azure"'),
        ("t.csv", b"a,b\n1,2\n", {}, r"t\.csv:1: no column"),
        ("t.csv", CSV.encode(), {"follow_parents": True}, r"no request of this trace follows another one"),
    ],
)
def test_a_trace_that_cannot_be_replayed_is_named(
    tmp_path: Path, name: str, content: bytes, entry: dict[str, Any], message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    made = document({"kind": "trace", "path": name})
    made["traffic"][0] |= entry
    with pytest.raises(gs.Error, match=message):
        gs.Scenario.from_dict(made, folder=tmp_path)


def test_a_packed_trace_is_read_block_by_block_as_it_is_unpacked(tmp_path: Path) -> None:
    rows = [
        {"timestamp": t, "input_length": 600, "output_length": 5, "hash_ids": [t, t + 1]}
        for t in range(20_000)
    ]
    text = "\r\n".join(json.dumps(row) for row in rows).encode()
    path = tmp_path / "t.jsonl.gz"
    path.write_bytes(gzip.compress(text))
    trace, plain = gs.traces.load(path), gs.traces.parse(text, "t.jsonl")
    np.testing.assert_array_equal(trace.arrival_s, plain.arrival_s)
    np.testing.assert_array_equal(trace.extra["hash_ids"], plain.extra["hash_ids"])
    assert trace.origin == plain.origin
    path.write_bytes(gzip.compress(text + b"\n{"))
    with pytest.raises(gs.TraceError, match=r"t\.jsonl\.gz:20001: not a JSON object"):
        gs.traces.load(path)


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="open pipes have no names here")
def test_a_trace_may_come_through_a_pipe() -> None:
    for content in (CSV.encode(), gzip.compress(CSV.encode())):
        reading, writing = os.pipe()
        writer = threading.Thread(target=lambda: os.close(writing) if os.write(writing, content) else None)  # noqa: B023
        writer.start()
        assert len(gs.traces.load(f"/dev/fd/{reading}")) == 40
        writer.join()
        os.close(reading)


def test_lines_that_leave_the_length_to_the_model_need_one_from_the_user() -> None:
    text = (
        '{"session_id": "s1", "turns": [{"text": "hello", "timestamp": 0}, {"text": "and then?", "delay": 1500}]}\n'
        '{"session_id": "s2", "timestamp": 100, "text_input": "to the point", "output_length": 4}\n'
        '{"session_id": "s2", "text_input": "more"}\n'
    )
    with pytest.raises(gs.TraceError, match=r"a\.jsonl:1: no member .*; or say with output_tokens how long"):
        gs.traces.parse(text, "a.jsonl")
    trace = gs.traces.parse(text, "a.jsonl", output_tokens=64)
    assert trace.origin["format"] == "aiperf"
    assert trace.output_tokens.tolist() == [64, 4, 64, 64]
    assert trace.origin["assumed"] == 3
    assert trace.extra["parent"].tolist() == [-1, -1, 1, 0]
    assert trace.extra["delay_s"].tolist() == [-1, -1, 0, 1.5]
    with pytest.raises(gs.TraceError, match=r"output_tokens: expected 0 to"):
        gs.traces.parse(text, "a.jsonl", output_tokens=-1)


def test_a_sessions_turns_wait_for_their_answers(tmp_path: Path) -> None:
    turns = [{"timestamp": 0, "input_length": 500, "output_length": 200}]
    turns += [{"delay": 750, "input_length": 500, "output_length": 200} for _ in range(4)]
    (tmp_path / "s.jsonl").write_text(json.dumps({"session_id": "a", "turns": turns}))
    made = document({"kind": "trace", "path": "s.jsonl"})
    run = gs.simulate(gs.Scenario.from_dict(made, folder=tmp_path))
    requests = run.requests
    assert requests["status"].tolist() == ["completed"] * 5
    np.testing.assert_allclose(requests["arrival_s"][1:], requests["finish_s"][:-1] + 0.75, atol=2e-9)
    assert run.summary()["skipped"] == 0
    made["traffic"][0]["follow_parents"] = False
    fixed = gs.simulate(gs.Scenario.from_dict(made, folder=tmp_path)).requests
    np.testing.assert_allclose(fixed["arrival_s"], 0.75 * np.arange(5))


def test_calls_of_a_file_are_played_through_a_pipeline(tmp_path: Path) -> None:
    calls = traffic.voice_calls(traffic.constant(0.2), 31, turns=(2, 3), seed=5)
    traffic.save_calls(calls, tmp_path / "calls.jsonl")
    packed = tmp_path / "calls.jsonl.gz"
    packed.write_bytes(gzip.compress((tmp_path / "calls.jsonl").read_bytes()))
    voice = gs.Scenario.load("voice-light").document
    voice["traffic"] = [{"kind": "calls", "path": str(packed)}]
    voice["pipelines"] = {
        "turn": {
            "stages": [
                {"name": "asr", "service": "asr"},
                {"name": "llm", "service": "llm"},
                {"name": "tts", "service": "tts", "on": "sentence"},
            ]
        }
    }
    for key in ("placement", "modes"):
        voice.pop(key, None)
    with pytest.raises(gs.ScenarioError, match=r"/traffic/0: .*speech_speed of 12\.8; make it 1, or add"):
        gs.Scenario.from_dict(voice)
    voice["services"]["asr"]["engine"]["speech_speed"] = 1
    jsonschema.Draft202012Validator(SCHEMA).validate(voice)
    run = gs.simulate(gs.Scenario.from_dict(voice))
    assert run.summary()["completed"] == len(calls)
    order = np.lexsort((run.requests["turn"], run.requests["user"]))
    expected = np.lexsort((calls["turn"], calls["call"]))
    np.testing.assert_array_equal(run.requests["input_tokens"][order], calls["prompt_tokens"][expected])
    np.testing.assert_allclose(run.requests["speech_s"][order], calls["speech_s"][expected])


def test_calls_are_drawn_as_the_recipe_says() -> None:
    entry = {
        "kind": "calls",
        "generate": {"arrivals": traffic.poisson(0.3), "turns": 2, "speech_s": 1.5, "barge_in": 0},
    }
    run = gs.simulate(gs.Scenario.from_dict(document(entry, duration_s=100)))
    turns = run.requests["turn"]
    assert np.count_nonzero(turns == 0) == np.count_nonzero(turns == 1) == len(turns) / 2
    assert set(run.requests["speech_s"].tolist()) == {1.5}
