"""Logs as people have them: whatever the file is packed, written or called like, the same requests come out."""

import bz2
import csv
import gzip
import io
import json
import lzma
import subprocess
import sys
import tarfile
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import gpushare as gs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

T0 = datetime(2026, 11, 29, 17, 30, 20, tzinfo=timezone.utc)

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")
NAMES = (
    ("arrival_s", "input_tokens", "output_tokens"),
    ("startTime", "promptTokens", "completionTokens"),
    ("Timestamp", "Prompt Tokens", "Completion Tokens"),
    ("created_at", "input-length", "OUTPUT_LENGTH"),
)


def _written_time(seconds: float, unit: str) -> str:
    at = T0 + timedelta(seconds=seconds)
    return {
        "iso": at.isoformat(),
        "nginx": at.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "us-date": at.strftime("%m/%d/%Y %I:%M:%S %p"),
        "s": str(int(at.timestamp())),
        "ms": str(int(at.timestamp()) * 10**3),
        "us": str(int(at.timestamp()) * 10**6),
        "ns": str(int(at.timestamp()) * 10**9),
    }[unit]


def _written_count(count: int, style: str) -> str:
    return {"plain": str(count), "float": f"{count}.0", "thousands": f"{count:,}"}[style]


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 10**5), st.integers(0, 99_999), st.integers(1, 99_999)), min_size=1
    ),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    ending=st.sampled_from(["\n", "\r\n"]),
    packing=st.sampled_from(sorted(PACKERS)),
    encoding=st.sampled_from(ENCODINGS),
    unit=st.sampled_from(["iso", "nginx", "us-date", "s", "ms", "us", "ns"]),
    style=st.sampled_from(["plain", "float", "thousands"]),
    names=st.sampled_from(NAMES),
)
def test_every_way_of_writing_a_table_reads_back_the_same_requests(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, int, int]],
    delimiter: str,
    quoting: int,
    ending: str,
    packing: str,
    encoding: str,
    unit: str,
    style: str,
    names: tuple[str, str, str],
) -> None:
    rows.sort()
    if names[0] == "arrival_s" and unit in ("ms", "us", "ns"):
        names = NAMES[1]  # a name that says seconds is believed
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=ending)
    writer.writerow(names)
    for at, prompt, reply in rows:
        writer.writerow(
            [_written_time(at, unit), _written_count(prompt, style), _written_count(reply, style)]
        )
    path = tmp_path_factory.mktemp("log") / f"requests.csv{packing}"
    path.write_bytes(PACKERS[packing](text.getvalue().encode(encoding)))
    trace = gs.traces.load(path)
    assert trace.name == "requests"
    np.testing.assert_allclose(trace.arrival_s, [row[0] - rows[0][0] for row in rows], atol=1e-6)
    assert trace.input_tokens.tolist() == [row[1] for row in rows]
    assert trace.output_tokens.tolist() == [row[2] for row in rows]
    assert trace.origin["guessed_unit"] == (unit in ("ms", "us", "ns"))


SHAPES: dict[str, Callable[[list[dict[str, object]]], str]] = {
    "lines": lambda rows: "\n".join(json.dumps(row) for row in rows),
    "array": json.dumps,
    "indented array": lambda rows: json.dumps(rows, indent=2),
    "objects over lines": lambda rows: "\n".join(json.dumps(row, indent=1) for row in rows),
}
ROWS: dict[str, Callable[[float, int, int], dict[str, object]]] = {
    "flat": lambda at, n, m: {"timestamp": at, "prompt_tokens": n, "completion_tokens": m},
    "openai": lambda at, n, m: {
        "id": "x",
        "created": at,
        "usage": {"prompt_tokens": n, "completion_tokens": m},
    },
    "langfuse": lambda at, n, m: {
        "id": "o",
        "type": "GENERATION",
        "startTime": datetime.fromtimestamp(at, timezone.utc).isoformat(),
        "endTime": None,
        "input": "text",
        "usage": {"input": n, "output": m, "total": n + m, "unit": "TOKENS"},
        "createdAt": "2026-11-29T19:00:00Z",
    },
    "aiperf": lambda at, n, m: {
        "metadata": {"request_start_ns": int(at * 1e9), "session_num": 1},
        "metrics": {"input_sequence_length": {"value": n}, "output_sequence_length": {"value": m}},
        "error": None,
    },
}


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_json_reads_back_the_same_requests(shape: str, row: str) -> None:
    start = int(T0.timestamp())
    text = SHAPES[shape]([ROWS[row](start, 1164, 76), ROWS[row](start + 2, 9, 1010)])
    trace = gs.traces.parse(text, "log.json")
    assert trace.arrival_s.tolist() == [0, 2]
    assert trace.input_tokens.tolist() == [1164, 9]
    assert trace.output_tokens.tolist() == [76, 1010]


def test_zstd_is_unpacked(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    path = tmp_path / "log.csv.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(b"time,input_tokens,output_tokens\n1,2,3\n"))
    assert gs.traces.load(path).name == "log"
    path.write_bytes(path.read_bytes()[:-4] + b"....")
    with pytest.raises(gs.TraceError, match=r"log.csv.zst"):
        gs.traces.load(path)


@pytest.mark.parametrize("packing", [".gz", ".bz2", ".xz"])
def test_what_is_packed_and_cut_short_is_refused(tmp_path: Path, packing: str) -> None:
    path = tmp_path / f"log.csv{packing}"
    path.write_bytes(PACKERS[packing](b"time,input_tokens,output_tokens\n1,2,3\n" * 50)[:-9])
    with pytest.raises(gs.TraceError, match="cannot unpack the trace"):
        gs.traces.load(path)


def test_data_frames_are_read_by_the_names_of_their_columns() -> None:
    pytest.importorskip("pyarrow")
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    columns = {"ts": [5.0, 6.5], "Prompt Tokens": [1164, 9], "reply": [76.0, 1010.0]}
    for frame in (pandas.DataFrame(columns), polars.DataFrame(columns)):
        trace = gs.traces.from_columns(frame, columns={"output": "reply"})
        assert trace.arrival_s.tolist() == [0, 1.5]
        assert trace.output_tokens.tolist() == [76, 1010]


NGINX = (
    '10.0.0.1 - - [29/Nov/2026:17:30:22 +0000] "POST /v1/chat/completions HTTP/1.1" 200 812 "-" "curl/8"\n'
    '10.0.0.1 - - [29/Nov/2026:17:30:20 +0000] "POST /v1/completions HTTP/1.1" 200 99 "-" "python"\n'
    '10.0.0.2 - - [29/Nov/2026:17:30:23 +0000] "GET /health HTTP/1.1" 200 2 "-" "kube-probe"\n'
    '10.0.0.2 - - [29/Nov/2026:17:30:24 +0000] "POST /v1/completions HTTP/1.1" 503 2 "-" "python"\n'
)
ENVOY = (
    '[2026-11-29T17:30:20.250Z] "POST /v1/chat/completions HTTP/1.1" 200 - 154 812 2260 100 "-" "curl" "id" "m" "1"\n'
    '[2026-11-29T17:30:21.750Z] "POST /generate HTTP/2" 200 - 15 81 226 10 "-" "curl" "id" "m" "1"\n'
)


@pytest.mark.parametrize(("text", "format", "times"), [(NGINX, "nginx", [0, 2]), (ENVOY, "envoy", [0, 1.5])])
def test_access_logs_have_times_and_say_what_is_missing(text: str, format: str, times: list[float]) -> None:
    trace = gs.traces.parse(text, "access.log", columns="input=1000,output=200")
    assert trace.arrival_s.tolist() == times
    assert set(trace.input_tokens.tolist()) == {1000}
    assert set(trace.output_tokens.tolist()) == {200}
    assert trace.origin["format"] == format
    with pytest.raises(gs.TraceError, match="does not say how long prompts are; give one length for all"):
        gs.traces.parse(text, "access.log")


def test_failed_and_foreign_lines_of_an_access_log_are_counted() -> None:
    origin = gs.traces.parse(NGINX, "access.log", columns="input=1000,output=200").origin
    assert origin["failed"] == 1
    assert "3 of 4 lines are requests to a model" in origin["reason"]
    took = NGINX.replace('"curl/8"', '"curl/8" rt=1.500').replace('"python"', '"python" rt=0.250')
    trace = gs.traces.parse(took, "access.log", columns="input=1000,output=200")
    assert trace.arrival_s.tolist() == [0, 0.75]
    with pytest.raises(gs.TraceError, match="no line is a POST to a model's path"):
        gs.traces.parse(NGINX.splitlines()[2], "access.log", columns="input=1,output=1")


def test_json_access_logs_are_read_with_given_lengths() -> None:
    text = "".join(f'{{"time_iso8601": "2026-11-29T17:30:{s}+00:00", "status": 200}}\n' for s in (20, 21))
    assert gs.traces.parse(text, "a.json", columns={"input": 9, "output": 8}).arrival_s.tolist() == [0, 1]


VLLM = (
    "INFO 12-31 23:59:59 [logger.py:41] Received request cmpl-1: prompt: 'hi', params: SamplingParams(n=1, "
    "max_tokens=16, min_tokens=0), prompt_token_ids: [1, 2, 3], lora_request: None.\n"
    "INFO 12-31 23:59:59 [loggers.py:118] Engine 000: Avg prompt throughput: 1.0 tokens/s\n"
    "INFO 01-01 00:00:01 [logger.py:41] Received request cmpl-2: prompt: 'hi', params: SamplingParams(n=1, "
    "max_tokens=32), prompt_token_ids: [1, 2], lora_request: None.\n"
)
VLLM_OUTPUTS = (
    "INFO 01-01 00:00:02 [logger.py:77] Generated response cmpl-1 (streaming complete): output: 'x', "
    "output_token_ids: [5, 6], finish_reason: stop\n"
    "INFO 01-01 00:00:03 [logger.py:77] Generated response cmpl-2: output_len: 9, output_token_count: 7, "
    "finish_reason: length\n"
)
SGLANG = (
    "[2026-11-29 17:30:20 TP0] Prefill batch, #new-seq: 1, #new-token: 320\n"
    "[2026-11-29 17:30:29] Finish: obj=GenerateReqInput(rid='b', text='prompt_tokens: 1'), "
    "out={'meta_info': {'id': 'b', "
    "'prompt_tokens': 320, 'completion_tokens': 220, 'e2e_latency': 2.5}}\n"
    "[2026-11-29 17:30:30 TP0] Finish: obj=GenerateReqInput(rid='a'), out={'meta_info': {'id': 'a', "
    "'prompt_tokens': 5, 'completion_tokens': 6, 'e2e_latency': 8.0}}\n"
)


def test_server_logs_are_read_by_their_lines_of_requests() -> None:
    limits = gs.traces.parse(VLLM, "vllm.log", columns="output=max_tokens")
    assert limits.arrival_s.tolist() == [0, 2]
    assert (limits.input_tokens.tolist(), limits.output_tokens.tolist()) == ([3, 2], [16, 32])
    known = gs.traces.parse(VLLM + VLLM_OUTPUTS, "vllm.log")
    assert known.output_tokens.tolist() == [2, 7]
    finished = gs.traces.parse(SGLANG, "sglang.log")
    assert finished.arrival_s.tolist() == [0, 4.5]
    assert (finished.input_tokens.tolist(), finished.output_tokens.tolist()) == ([5, 320], [6, 220])
    with pytest.raises(gs.TraceError, match=r"how long replies are; .* columns output=max_tokens"):
        gs.traces.parse(VLLM, "vllm.log")
    with pytest.raises(gs.TraceError, match="start the server with --enable-log-requests"):
        gs.traces.parse(VLLM.splitlines()[1], "vllm.log")
    with pytest.raises(gs.TraceError, match="start the server with --log-requests"):
        gs.traces.parse(SGLANG.splitlines()[0], "sglang.log")


@pytest.mark.parametrize("digits", [12, 19, 40, 5000])
def test_server_logs_with_more_tokens_than_there_can_be_are_refused(digits: int) -> None:
    for log, count in (
        (SGLANG, "320,"),
        (SGLANG, "220,"),
        (VLLM.replace("max_tokens=16", "max_tokens=X"), "X"),
    ):
        columns = "output=max_tokens" if count == "X" else ""
        with pytest.raises(gs.TraceError, match="expected at most 10000000 tokens in a request"):
            gs.traces.parse(
                log.replace(count, "9" * digits + count.strip("X320")), "server.log", columns=columns
            )


def test_conversations_with_times_are_requests_with_all_that_was_said_before() -> None:
    wild = {
        "timestamp": "2026-05-16T18:00:00+00:00",
        "conversation": [
            {"role": "user", "content": "x" * 40, "timestamp": None},
            {"role": "assistant", "content": "y" * 20, "timestamp": "2026-05-16T18:00:01+00:00"},
            {"role": "user", "content": "z" * 8, "timestamp": None},
            {"role": "assistant", "content": "w" * 4, "timestamp": "2026-05-16T18:00:05+00:00"},
        ],
    }
    trace = gs.traces.parse(json.dumps(wild), "wild.jsonl")
    assert trace.arrival_s.tolist() == [0, 4]
    assert (trace.input_tokens.tolist(), trace.output_tokens.tolist()) == ([10, 17], [5, 1])
    assert trace.extra["session"].tolist() == [0, 0]
    for name, format in (("messages", "openai-messages"), ("conversation", "lmsys")):
        lengths = gs.traces.parse(
            json.dumps({name: [*wild["conversation"][:1], {"role": "assistant", "content": "y"}]})
        )
        assert lengths.origin["format"] == format
        assert (lengths.input_tokens.tolist(), lengths.output_tokens.tolist()) == ([10], [1])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).\n", "a scrape of the DCGM exporter"),
        ('DCGM_FI_DEV_GPU_UTIL{gpu="0"} 37\n', "a scrape of the DCGM exporter"),
        (
            '# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{engine="0"} 3\n',
            "Prometheus metrics",
        ),
        ('{"status": "success", "data": {"resultType": "matrix", "result": []}}', "an answer of Prometheus"),
        ("<!DOCTYPE html><html></html>", "a page of HTML"),
        ("PK\x03\x04", "a zip archive"),
    ],
)
def test_files_that_are_no_logs_are_named(text: str, what: str) -> None:
    with pytest.raises(gs.TraceError, match=what):
        gs.traces.parse(text, "f")


def test_a_scenario_says_which_columns_of_its_trace_hold_what(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("t;in\n0;100\n1;120\n")
    document = {
        "name": "log",
        "gpu": "a100",
        "services": {"llm": {"model": "llama-3.1-8b", "engine": {"kind": "continuous-batching"}}},
        "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
        "traffic": [
            {
                "kind": "trace",
                "path": str(tmp_path / "log.csv"),
                "columns": {"arrival": "t", "input": "in", "output": 20},
            }
        ],
        "duration_s": 10,
    }
    run = gs.simulate(gs.Scenario.from_dict(document))
    assert run.requests["input_tokens"].tolist() == [100, 120]
    document["traffic"][0]["columns"] = {"arrivals": "t"}
    with pytest.raises(gs.ScenarioError, match="/traffic/0/columns: unknown key"):
        gs.Scenario.from_dict(document)


def test_the_last_second_of_a_day_may_be_its_sixtieth_and_its_end_24_hours() -> None:
    head = "timestamp,input_tokens,output_tokens\n"
    for times, gap_s in (
        (("2016-12-31T23:59:59Z", "2016-12-31T23:59:60Z"), 1),
        (("2024-01-01T23:00:00Z", "2024-01-01T24:00:00Z"), 3600),
    ):
        trace = gs.traces.parse(head + "".join(f"{time},10,5\n" for time in times))
        assert trace.arrival_s.tolist() == [0, gap_s]
    for bad in ("2024-01-01T24:00:01Z", "2024-01-01T23:59:61Z"):
        with pytest.raises(gs.TraceError, match="or a date such as"):
            gs.traces.parse(f"{head}{bad},10,5\n")


@pytest.mark.parametrize(
    ("day", "told"), [("03/04/2026", True), ("03/29/2026", False), ("2026-03-04", False)]
)
def test_dates_that_could_be_of_two_days_are_told_how_they_are_read(day: str, told: bool) -> None:
    table = f"timestamp,input_tokens,output_tokens\n{day} 10:00:00,10,5\n"
    row = f'{{"timestamp": "{day} 10:00:00", "input_tokens": 10, "output_tokens": 5}}\n'
    for text in (table, row):
        assert (
            "arrivals are dates, the month before the day" in gs.traces.parse(text).origin["reason"]
        ) == told


def test_what_is_piped_in_is_a_minus(tmp_path: Path) -> None:
    text = "arrival_s,input_tokens,output_tokens\n0,10,5\n1,10,5\n"
    command = [sys.executable, "-m", "gpushare", "trace", "inspect", "-"]
    found = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    assert "2 rows" in found.stdout


def test_an_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("arrival_s,input_tokens,output_tokens\n0,10,5\n")
    with tarfile.open(tmp_path / "t.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "t.csv", "t.csv")
    with pytest.raises(gs.TraceError, match="a tar archive; unpack it"):
        gs.traces.load(tmp_path / "t.tar.gz")
