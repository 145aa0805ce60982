"""The timeline follows the rules of its format, and says of every moment what the step table and the log say."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import subprocess
from pathlib import Path

import gpushare as gs
import pytest
from gpushare.command.cli import main

#: By the names of Perfetto's own tables, so that its trace processor answers the same questions.
WHO_HELD = """
select process.name as gpu, thread.name as lane, slice.name as who, sum(slice.dur) as ns, count(*) as times
from slice join thread_track on slice.track_id = thread_track.id join thread using (utid) join process using (upid)
where slice.category in ('hold', 'hand-over') group by 1, 2, 3 order by 1, 2, 3
"""
STEPS = """
select thread.name as lane, slice.name as phase, sum(slice.dur) as ns, count(*) as times
from slice join thread_track on slice.track_id = thread_track.id join thread using (utid) join process using (upid)
where slice.category = 'step' group by 1, 2 order by 1, 2
"""
WHOLE = 1_000_000
MODES = ["time-slicing", "mps", "mig:3g.40gb+3g.40gb"]


@pytest.fixture(scope="module", params=MODES)
def run(request: pytest.FixtureRequest) -> gs.Run:
    return gs.simulate("voice-light", mode=request.param, record_log=True, record_steps=True).runs[0]


@pytest.fixture(scope="module")
def base(run: gs.Run) -> sqlite3.Connection:
    return loaded(run.timeline(most_events=WHOLE).to_dict())


def loaded(document: dict) -> sqlite3.Connection:
    """The document in tables that are called as Perfetto's are, by the rules of the format."""
    base = sqlite3.connect(":memory:")
    base.executescript(
        """
        create table process(upid integer primary key, name text);
        create table thread(utid integer primary key, upid integer, name text, unique(utid, upid));
        create table thread_track(id integer primary key, utid integer);
        create table slice(id integer primary key, ts integer, dur integer, track_id integer, category text, name text);
        create table arrow(id integer, ph text, ts integer, track_id integer, primary key (id, ph));
        create table counter(track text, ts integer, value real);
        """
    )
    for event in document["traceEvents"]:
        ns = round(1000 * event["ts"])
        match event["ph"]:
            case "M" if event["name"] == "process_name":
                base.execute("insert into process values (?, ?)", (event["pid"], event["args"]["name"]))
            case "M" if event["name"] == "thread_name":
                lane = (event["tid"], event["pid"], event["args"]["name"])
                base.execute("insert into thread values (?, ?, ?)", lane)
                base.execute("insert into thread_track values (?, ?)", (event["tid"], event["tid"]))
            case "M":
                assert event["name"] in {"process_sort_index", "thread_sort_index"}
            case "X":
                row = (ns, round(1000 * event["dur"]), event["tid"], event["cat"], event["name"])
                base.execute(
                    "insert into slice(ts, dur, track_id, category, name) values (?, ?, ?, ?, ?)", row
                )
            case "s" | "f" as end:
                base.execute("insert into arrow values (?, ?, ?, ?)", (event["id"], end, ns, event["tid"]))
            case "C":
                track = f"{event['pid']} {event['name']}"
                base.execute("insert into counter values (?, ?, ?)", (track, ns, event["args"]["value"]))
            case "i":
                assert event["s"] == "t"
            case other:
                pytest.fail(f"no such phase: {other}")
    return base


def one(base: sqlite3.Connection, question: str) -> float:
    return base.execute(question).fetchone()[0]


def test_every_lane_is_named_and_monotone(base: sqlite3.Connection) -> None:
    assert one(base, "select count(*) from slice") > 1000
    assert one(base, "select count(*) from slice where track_id not in (select id from thread_track)") == 0
    assert one(base, "select count(*) from slice where dur < 0") == 0
    overlaps = """
        select count(*) from (
            select ts, lag(ts + dur) over (partition by track_id order by ts, dur) as before from slice
        ) where before > ts
    """
    assert one(base, overlaps) == 0


def test_arrows_come_in_pairs_from_a_request_to_a_step(run: gs.Run, base: sqlite3.Connection) -> None:
    ends = """
        from arrow join slice on slice.track_id = arrow.track_id and arrow.ts between slice.ts and slice.ts + slice.dur
    """
    pairs = one(
        base,
        "select count(*) from arrow a join arrow b using (id) where a.ph = 's' and b.ph = 'f' and a.ts <= b.ts",
    )
    assert pairs == one(base, "select count(*) from arrow") / 2
    served = int((run.requests["status"] == "completed").sum())
    assert pairs >= 2.9 * served  # recognition, language model and synthesis; what no step follows has none
    assert (
        one(base, f"select count(distinct arrow.id) {ends} where ph = 's' and category = 'completed'")
        == pairs
    )
    assert one(base, f"select count(distinct arrow.id) {ends} where ph = 'f' and category = 'step'") == pairs


def test_counters_never_fall_below_zero_and_end_at_zero(base: sqlite3.Connection) -> None:
    tracks = {row[0] for row in base.execute("select distinct track from counter")}
    assert {"9002 llm: waiting", "9002 tts: in service", "9002 llm: KV tokens, replies whole"} <= tracks
    assert "9002 tts: KV tokens, replies whole" not in tracks
    assert one(base, "select min(value) from counter") == 0
    assert one(base, "select max(times) from (select count(*) as times from counter group by track, ts)") <= 2
    for track in tracks:
        if not track.startswith("9002 asr"):  # of what was turned away the stage is not known
            last = base.execute(
                "select value from counter where track = ? order by ts desc, rowid desc", (track,)
            )
            assert last.fetchone()[0] == 0, track


def holders(run: gs.Run) -> list[tuple]:
    """What the log says to WHO_HELD."""
    names = [
        f"{s} {r}"
        for s, r in zip(run.log["processes"]["service"], run.log["processes"]["replica"], strict=True)
    ]
    gpus = run.log["processes"]["gpu"]
    found: dict[tuple, list[int]] = {}
    holds = run.log["holds"]
    for part, process, switching, begin, end in zip(*(holds[c] for c in holds.columns), strict=True):
        who = f"hand-over to {names[process]}" if switching else names[process]
        total = found.setdefault((f"gpu{gpus[process]} a100", part, who), [0, 0])
        total[0] += round(1e9 * end) - round(1e9 * begin)
        total[1] += 1
    return sorted((*key, *total) for key, total in found.items())


def test_who_held_the_gpu_when_is_what_the_log_says(run: gs.Run, base: sqlite3.Connection) -> None:
    assert base.execute(WHO_HELD).fetchall() == holders(run)
    if run.mode == "time-slicing":
        assert any(row[2].startswith("hand-over to tts") for row in holders(run))


def test_steps_are_those_of_the_step_table(run: gs.Run, base: sqlite3.Connection) -> None:
    for service in ("asr", "llm", "tts"):
        own = run.steps["service"] == service
        begin, end = (run.steps[f"gpu_{which}_s"][own] for which in ("start", "end"))
        like = f"from slice s join thread t on utid = track_id where category = 'step' and t.name like '%: {service} 0'"
        assert one(base, f"select count(*) {like}") == own.sum()
        assert one(base, f"select sum(dur) {like}") / 1e9 == pytest.approx(
            float((end - begin).sum()), rel=1e-9
        )


def test_a_long_run_is_cut_at_a_time_and_says_so(run: gs.Run) -> None:
    whole, short = run.timeline(most_events=WHOLE), run.timeline(most_events=2000)
    drawn = [event for event in short.events if event["ph"] != "M"]
    everything = [event for event in whole.events if event["ph"] != "M"]
    assert 1500 < len(drawn) <= 2000
    assert short.left_out == len(everything) - len(drawn)
    assert max(event["ts"] + event.get("dur", 0) for event in drawn) <= 1e6 * short.end_s
    assert short.to_dict()["otherData"]["events_left_out"] == short.left_out
    assert whole.left_out == 0
    loaded(short.to_dict())


def test_a_window_has_what_ends_in_it(run: gs.Run) -> None:
    part = run.timeline(begin_s=30, end_s=40)
    ends = [event["ts"] + event["dur"] for event in part.events if event["ph"] == "X"]
    assert ends
    assert min(ends) >= 30e6
    assert max(ends) <= 40e6


def test_a_run_without_a_log_says_what_to_record() -> None:
    with pytest.raises(ValueError, match="record_log=True"):
        gs.simulate("voice-light").runs[0].timeline()


def test_the_command_writes_it_and_says_what_it_left_out(tmp_path, capsys) -> None:
    path = tmp_path / "voice.json"
    assert main(["run", "voice-light", "--mode", "mps", "--perfetto", str(path), "--most-events", "500"]) == 0
    document = json.loads(path.read_text())
    assert sum(event["ph"] != "M" for event in document["traceEvents"]) <= 500
    assert "later events are left out" in capsys.readouterr().err


def test_perfetto_answers_the_same_questions_alike(run: gs.Run, tmp_path) -> None:
    program = os.environ.get("TRACE_PROCESSOR")
    if not program:
        pytest.skip("TRACE_PROCESSOR names no trace_processor_shell of Perfetto")
    path = tmp_path / "trace.json"
    run.timeline(most_events=WHOLE).write(path)
    base = loaded(json.loads(path.read_text()))
    for question in (WHO_HELD, STEPS):
        (tmp_path / "question.sql").write_text(question + ";")
        told = subprocess.run(
            [program, "-q", str(tmp_path / "question.sql"), str(path)],
            capture_output=True,
            text=True,
            check=True,
        )
        rows = [line.replace('"', "").split(",") for line in told.stdout.strip().splitlines()[1:]]
        assert rows == [[str(cell) for cell in row] for row in base.execute(question)]


def test_a_file_that_ends_in_gz_is_packed(tmp_path: Path) -> None:
    made = gs.simulate("voice-light", record_log=True).runs[0].timeline(most_events=1000)
    for name in ("trace.json", "trace.json.gz"):
        made.write(tmp_path / name)
    assert (
        gzip.decompress((tmp_path / "trace.json.gz").read_bytes()) == (tmp_path / "trace.json").read_bytes()
    )
