"""Logs inside of what carried them read as the same requests; results and files that are none are named."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import gpushare as gs
import numpy as np
import pytest
from gpushare.traces.foreign import refuse
from gpushare.traces.wrapped import _pairs
from hypothesis import given
from hypothesis import strategies as st

ROWS = [(0.0, 300, 50), (0.75, 307, 53), (1.5, 1164, 76), (4.25, 9, 1010)]
START_S = 1764437400
LOG = [{"level": "info", "prompt_tokens": n, "completion_tokens": m} for _, n, m in ROWS]
OTHER = {"level": "info", "msg": "server starts"}


def date(at: float) -> str:
    return f"2026-11-29T17:30:{at:09.6f}Z"


def lines(rows: list[Any]) -> str:
    return "\n".join(json.dumps(row) for row in rows) + "\n"


def attributes(n: int, m: int) -> list[dict[str, Any]]:
    return [
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": str(n)}},
        {"key": "gen_ai.usage.output_tokens", "value": {"intValue": str(m)}},
        {"key": "gen_ai.system", "value": {"stringValue": "vllm"}},
    ]


SPANS = [
    {"name": "chat", "startTimeUnixNano": str(int((START_S + at) * 1e9)), "attributes": attributes(n, m)}
    for at, n, m in ROWS
]


def table() -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["@timestamp", "@message"])
    for (at, _, _), line in zip(ROWS, LOG, strict=True):
        writer.writerow([date(at).replace("T", " ").removesuffix("Z"), json.dumps(line)])
    return text.getvalue()


CARRIERS: dict[str, str] = {
    "list of one object": json.dumps(
        {
            "model": "m",
            "seeds": [{"seed": 1}],
            "requests": [
                {"arrival_s": at, "input_tokens": n, "output_tokens": m, "id": str(n)} for at, n, m in ROWS
            ],
        }
    ),
    "Loki": json.dumps(
        {
            "status": "success",
            "data": {
                "resultType": "streams",
                "result": [
                    {
                        "stream": {"app": app},
                        "values": [
                            [str(int((START_S + at) * 1e9)), json.dumps(line)]
                            for (at, _, _), line in list(zip(ROWS, LOG, strict=True))[part::2]
                        ]
                        + [[str(START_S * 10**9), "plain text"]],
                    }
                    for part, app in enumerate(("a", "b"))
                ],
            },
        }
    ),
    "Loki by logcli": lines(
        [
            {"labels": {"app": "llm"}, "line": json.dumps(line), "timestamp": date(at)}
            for (at, _, _), line in zip(ROWS, LOG, strict=True)
        ]
    ),
    "CloudWatch Insights": table(),
    "CloudWatch lines": "".join(
        f"{date(at)} {json.dumps(line)}\n" for (at, _, _), line in zip(ROWS, LOG, strict=True)
    ),
    "Python's logging": "".join(
        f"{date(at).replace('T', ' ').replace('.', ',')[:-4]} INFO app: done {json.dumps(line)}\n"
        for (at, _, _), line in zip(ROWS, LOG, strict=True)
    ),
    "lines with their time in brackets": "".join(
        f"[{date(at)}] info: {json.dumps(line)}\n" for (at, _, _), line in zip(ROWS, LOG, strict=True)
    ),
    "compose": "".join(
        f"vllm-1  | {json.dumps({'ts': START_S + at, **line})}\n"
        for (at, _, _), line in zip(ROWS, LOG, strict=True)
    ),
    "server-sent events": "".join(
        "event: message\ndata: "
        + json.dumps({"created": START_S + at, "usage": {"prompt_tokens": n, "completion_tokens": m}})
        + "\n\n"
        for at, n, m in ROWS
    )
    + "data: [DONE]\n",
    "Docker": lines(
        [
            {"log": json.dumps(line) + "\n", "stream": "stdout", "time": date(at)}
            for (at, _, _), line in zip(ROWS, LOG, strict=True)
        ]
    ),
    "Docker with other lines": lines(
        [
            {"log": json.dumps(line) + "\n", "stream": "stdout", "time": date(at)}
            for (at, _, _), line in zip([(0.0, 0, 0), *ROWS], [OTHER, *LOG], strict=True)
        ]
    ),
    "Azure": lines(
        [
            {"time": date(at), "properties": json.dumps(line)}
            for (at, _, _), line in zip(ROWS, LOG, strict=True)
        ]
    ),
    "OpenTelemetry": json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": SPANS}]}]}),
    "OpenTelemetry by lines": lines(
        [{"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]} for span in SPANS]
    ),
    "spans": lines(SPANS),
    "a frame by column": json.dumps(
        {
            "arrival_s": {str(i): row[0] for i, row in enumerate(ROWS)},
            "input_tokens": {str(i): row[1] for i, row in enumerate(ROWS)},
            "output_tokens": {str(i): row[2] for i, row in enumerate(ROWS)},
        }
    ),
    "lists by column": json.dumps(
        dict(
            zip(
                ("arrival_s", "input_tokens", "output_tokens"),
                map(list, zip(*ROWS, strict=True)),
                strict=True,
            )
        )
    ),
    "psql": " created_at | prompt_tokens | completion_tokens \n-----+-----+-----\n"
    + "".join(f" {date(at).replace('T', ' ')} | {n:5d} | {m:5d}\n" for at, n, m in ROWS)
    + "(4 rows)\n",
    "MySQL": "+----+----+----+\n| created_at | prompt_tokens | completion_tokens |\n+----+----+----+\n"
    + "".join(f"| {date(at)} | {n:5d} | {m:5d} |\n" for at, n, m in ROWS)
    + "+----+----+----+\n",
    "Markdown": "| arrival_s | isl | osl |\n|:---|---:|---:|\n"
    + "".join(f"| {at} | {n} | {m} |\n" for at, n, m in ROWS),
    "columns between blanks": "created_at          isl   osl\n"
    + "".join(f"{date(at).replace('T', ' ')}  {n:4d}  {m:4d}\n" for at, n, m in ROWS),
    "columns between single blanks": "arrival_s isl osl\n" + "".join(f"{at} {n} {m}\n" for at, n, m in ROWS),
    "Excel": "sep=;\r\narrival_s;isl;osl\r\n"
    + "".join(f"{at};{n};{m}\r\n".replace(".", ",") for at, n, m in ROWS),
    "logfmt": "".join(
        f'time="{date(at)}" level=info msg="a=b done" prompt_tokens={n} completion_tokens={m}\n'
        for at, n, m in ROWS
    ),
    "Elasticsearch": json.dumps(
        {
            "took": 1,
            "hits": {
                "total": {"value": 4},
                "hits": [
                    {"_source": {"@timestamp": date(at), "usage": line}}
                    for (at, _, _), line in zip(ROWS, LOG, strict=True)
                ],
            },
        }
    ),
    "a list of answers": json.dumps(
        {
            "object": "list",
            "data": [{"created": at, "usage": line} for (at, _, _), line in zip(ROWS, LOG, strict=True)],
        }
    ),
    "a table with usage as JSON": "id,startTime,input,usage,metadata\n"
    + "".join(
        f'a,{date(at)},"{{""messages"": []}}","{{""input"": {n}, ""output"": {m}}}","{{}}"\n'
        for at, n, m in ROWS
    ),
    "a table with a prompt before its tokens": "timestamp,prompt,answer\n"
    + "".join(
        f'{date(at)},"{{""messages"": []}}","{{""prompt_tokens"": {n}, ""completion_tokens"": {m}}}"\n'
        for at, n, m in ROWS
    ),
    "Langfuse's API": json.dumps(
        {
            "data": [
                {"id": "a", "startTime": date(at), "usage": {"input": n, "output": m, "unit": "TOKENS"}}
                for at, n, m in ROWS
            ],
            "meta": {"page": 1},
        }
    ),
    "a list with short names": json.dumps(
        {"requests": [{"arrival_s": at, "isl": n, "osl": m} for at, n, m in ROWS]}, indent=1
    ),
    "a frame, split": json.dumps(
        {"columns": ["arrival_s", "input_tokens", "output_tokens"], "index": [0, 1, 2, 3], "data": ROWS}
    ),
}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_what_carried_a_log_changes_no_request(carrier: str) -> None:
    found = gs.traces.parse(CARRIERS[carrier], "log")
    np.testing.assert_allclose(found.arrival_s, [at for at, _, _ in ROWS], atol=1e-6)
    assert found.input_tokens.tolist() == [n for _, n, _ in ROWS]
    assert found.output_tokens.tolist() == [m for _, _, m in ROWS]


def test_lines_of_syslog_go_on_where_december_becomes_january() -> None:
    days = ("Dec 31 23:59:59", "Jan  1 00:00:00", "Jan  1 00:00:01", "Jan  1 00:00:04")
    text = "".join(
        f"<14>{day} host vllm[7]: {json.dumps(line)}\n" for day, line in zip(days, LOG, strict=True)
    )
    found = gs.traces.parse(text, "log")
    assert found.arrival_s.tolist() == [0, 1, 2, 5]
    assert found.input_tokens.tolist() == [n for _, n, _ in ROWS]


def test_a_batch_of_requests_comes_at_once_with_the_limits_of_its_replies() -> None:
    def request(limit: dict[str, int]) -> dict[str, Any]:
        body = {"model": "m", "messages": [{"role": "user", "content": "x" * 4000}], **limit}
        return {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}

    found = gs.traces.parse(lines([request({"max_tokens": 7}), request({"max_completion_tokens": 9})]), "log")
    assert found.arrival_s.tolist() == [0, 0]
    assert found.output_tokens.tolist() == [7, 9]
    assert all(1000 <= n < 1020 for n in found.input_tokens.tolist())
    with pytest.raises(gs.TraceError, match="output=1000 for as many"):
        gs.traces.parse(lines([request({})]), "log")


def test_what_was_left_beside_the_requests_is_said() -> None:
    found = gs.traces.parse(CARRIERS["Docker with other lines"], "log")
    assert found.origin["reason"].startswith("JSON with JSON in its texts (1 others say nothing of tokens)")


def test_a_log_of_its_own_is_not_unwrapped() -> None:
    rows = [
        {
            "timestamp": at,
            "prompt_tokens": n,
            "completion_tokens": m,
            "request": json.dumps({"prompt_tokens": 1}),
        }
        for at, n, m in ROWS
    ]
    found = gs.traces.parse(lines(rows), "log")
    assert found.input_tokens.tolist() == [n for _, n, _ in ROWS]
    assert found.origin["reason"].startswith("members")


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(gs.TraceError, match="differ in length: arrival_s 2, input_tokens 1"):
        gs.traces.parse('{"arrival_s": [0, 1], "input_tokens": [5]}', "log")


@given(st.binary(max_size=300), st.sampled_from(sorted(CARRIERS)), st.integers(0, 400))
def test_damaged_carriers_are_read_or_refused(noise: bytes, carrier: str, at: int) -> None:
    whole = CARRIERS[carrier].encode()
    told = "log"
    try:
        gs.traces.parse(whole[:at] + noise + whole[at:], "log")
    except gs.TraceError as error:
        told = str(error)
    assert told.startswith("log")


@given(st.text("abc,;\t\n", max_size=100), st.sampled_from([0, 1, 8, 11, 14, 26, 28, 31]))
def test_bytes_that_are_no_text_are_called_so(text: str, control: int) -> None:
    refuse(text.encode(), "file")
    with pytest.raises(gs.TraceError, match="no text but bytes"):
        refuse(text.encode() + bytes([control]), "file")


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"<!doctype html><html>", "HTML"),
        (b"\x93NUMPY\x01\0", "NumPy"),
        (b"\x80\x04\x95", "pickle"),
        (b"Obj\x01\x04", "Avro"),
        (b':::MLLOG {"key": "x"}\n', "mlperf_log_summary.txt"),
        (b'{"avg_latency": 1.2, "latencies": [1.2]}', "vllm bench latency"),
        (b'{"elapsed_time": 1, "total_num_tokens": 5}', "vllm bench throughput"),
        (b'{"metric":"http_req_duration","type":"Point","data":{"value":1}}\n', "k6"),
        (b"metric_name,timestamp,metric_value,check\nhttp_reqs,1,1,\n", "k6"),
        (b"Type,Name,Request Count,Failure Count\nPOST,/,1,0\n", "Locust"),
        (b"Timestamp,User Count,Type,Name\n1,1,,A\n", "Locust"),
        (b"Running 30s test @ http://x\n", "wrk"),
        (b"response-time,DNS+dialup,DNS\n0.1,0,0\n", "hey"),
        (b'{"latencies":{"total":1},"status_codes":{"200":1}}', "Vegeta"),
        (b"This is ApacheBench, Version 2.3\n", "ApacheBench"),
        (b'[{"ttft_s": 1, "number_output_tokens": 5, "number_input_tokens": 4}]', "LLMPerf"),
        (b'{"results_ttft_s_quantiles_p50": 1}', "LLMPerf"),
        (b"Run Info,Run Info,Benchmark\n", "GuideLLM"),
        (b"max_concurrency,request_throughput,mean_ttft_ms\n1,2,3\n", "a table of runs"),
        (b"2026-11-29T17:30:20Z  INFO x: text_generation_router::server: y\n", "Text Generation Inference"),
        (b"I1129 17:30:20.1 1 grpc_riva_asr.cc:7] x\n", "Riva"),
        (b"I1129 17:30:20.123 1 infer_request.cc:117] x\n", "Triton"),
        (b"[11/29/2026-17:30:20] [TRT-LLM] [I] iter = 0\n", "TensorRT-LLM"),
        (b"slot launch_slot_: id 0\n", "llama.cpp"),
        (b'INFO:     10.0.0.1:1 - "POST /v1/completions HTTP/1.1" 200 OK\n', "Uvicorn"),
    ],
)
def test_what_is_no_log_is_named(start: bytes, name: str) -> None:
    with pytest.raises(gs.TraceError, match=name):
        gs.traces.parse(start, "file")


def test_lines_of_several_runs_are_not_taken_for_one(tmp_path: Path) -> None:
    run = {"request_throughput": 3.0, "output_throughput": 300.0, "mean_ttft_ms": 50.0}
    (tmp_path / "runs.json").write_text(lines([run, run]))
    (tmp_path / "run.json").write_text(lines([run]))
    with pytest.raises(gs.TraceError, match=r"found 2 runs .*keep one"):
        gs.load_result(tmp_path / "runs.json")
    assert gs.load_result(tmp_path / "run.json").measured["request_throughput"] == 3.0


def test_records_of_aiperf_are_known_by_what_is_in_them() -> None:
    def record(at: float, phase: str) -> dict[str, Any]:
        return {
            "metadata": {
                "request_start_ns": int((START_S + at) * 1e9),
                "request_end_ns": int((START_S + at + 1) * 1e9),
                "benchmark_phase": phase,
            },
            "metrics": {
                "input_sequence_length": {"value": 512, "unit": "tokens"},
                "output_sequence_length": {"value": 128, "unit": "tokens"},
                "output_token_count": {"value": 120, "unit": "tokens"},
            },
            "error": None,
        }

    text = lines([record(-5, "warmup"), record(0, "profiling"), record(0.5, "profiling")])
    found = gs.traces.parse(text, "profile_export.jsonl")
    assert found.arrival_s.tolist() == [0, 0.5]
    assert found.output_tokens.tolist() == [128, 128]  # what the server generated, thoughts included


@given(
    st.lists(
        st.sampled_from(["1", "abc", '"a b"', '""', "", '"x=y z"', "a=b", "-", '"q, w"', "x,"]), min_size=3
    )
)
def test_pairs_between_quotes_and_blanks_are_members(values: list[str]) -> None:
    wanted = {f"m{number}": value.strip('"') for number, value in enumerate(values)}
    line = " ".join(f"m{number}={value}" for number, value in enumerate(values)) + " total_tokens=5"
    (made,) = _pairs(f"{line}\n".encode(), "log").text.splitlines()
    assert json.loads(made) == {**wanted, "total_tokens": "5"}
