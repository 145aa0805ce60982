"""Logs of every format that is read, as their tools write them: text for so many requests."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

__all__ = ["FORMATS"]


def clock(second: int) -> str:
    """The time of a day."""
    return f"{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


def table(rows: int) -> Iterator[str]:
    """The project's own columns."""
    yield "arrival_s,input_tokens,output_tokens\n"
    for i in range(rows):
        yield f"{i * 0.0137:.4f},{200 + i % 900},{20 + i % 300}\n"


def vllm(rows: int) -> Iterator[str]:
    """With what --enable-log-requests and --enable-log-outputs write: ids of the prompt are in a line of DEBUG."""
    for i in range(rows):
        head = f"(APIServer pid=71) INFO 11-{1 + i // 86400 % 28:02d} {clock(i)}"
        yield (
            f"{head} [logger.py:44] Received request chatcmpl-{i:032x}: params: SamplingParams(n=1, "
            "presence_penalty=0.0, frequency_penalty=0.0, repetition_penalty=1.0, temperature=0.7, top_p=0.8, "
            "top_k=20, min_p=0.0, seed=None, stop=[], stop_token_ids=[], bad_words=[], include_stop_str_in_output="
            f"False, ignore_eos=False, max_tokens={64 + i % 512}, min_tokens=0, logprobs=None), lora_request: None.\n"
        )
        ids = ", ".join(str(1000 + k) for k in range(4 + i % 13))
        yield f"{head} [logger.py:74] Request chatcmpl-{i:032x} details: prompt: 'said', prompt_token_ids: [{ids}]\n"
        yield (
            f"{head} [logger.py:77] Generated response chatcmpl-{i:032x} (streaming complete): output: 'said', "
            f"output_token_ids: [{ids}], finish_reason: stop\n"
        )
        if i % 10 == 0:
            yield f"{head} [loggers.py:118] Engine 000: Avg prompt throughput: 812.1 tokens/s, Running: 9 reqs\n"


def sglang(rows: int) -> Iterator[str]:
    """With what --log-requests writes."""
    for i in range(rows):
        head = f"[2026-11-{1 + i // 86400 % 28:02d} {clock(i)} TP0]"
        yield (
            f"{head} Finish: obj=GenerateReqInput(rid='{i:032x}', text='said', sampling_params={{'temperature': 0.7, "
            f"'max_new_tokens': 128}}), out={{'text': 'said', 'meta_info': {{'id': '{i:032x}', 'finish_reason': "
            f"{{'type': 'length'}}, 'prompt_tokens': {5 + i % 900}, 'completion_tokens': {1 + i % 300}, "
            f"'cached_tokens': 1, 'e2e_latency': {0.5 + i % 7:.3f}}}}}\n"
        )
        if i % 10 == 0:
            yield f"{head} Decode batch, #running-req: 9, #token: 4096, gen throughput (token/s): 1244.1\n"


def nginx(rows: int) -> Iterator[str]:
    """Of a proxy that logs seconds."""
    for i in range(rows):
        yield (
            f'10.0.0.{i % 250} - - [{1 + i // 86400 % 28:02d}/Nov/2026:{clock(i)} +0000] "POST /v1/chat/completions '
            f'HTTP/1.1" 200 {1000 + i % 900} "-" "curl/8.5" {0.5 + i % 7:.3f}\n'
        )


SAID = "How long does a prompt have to be until a card of this kind is busy with it for a second? "


def turns(i: int) -> list[dict[str, str]]:
    """A question and its answer, up to 1.3 kB."""
    said = SAID * (1 + i % 5)
    return [{"role": "user", "content": said}, {"role": "assistant", "content": said + said}]


def messages(rows: int) -> Iterator[str]:
    """OpenAI's messages."""
    for i in range(rows):
        yield json.dumps({"messages": turns(i)}) + "\n"


def wildchat(rows: int) -> Iterator[str]:
    """Conversations with times."""
    for i in range(rows):
        at = f"2026-11-{1 + i // 86400 % 28:02d}T{clock(i)}+00:00"
        yield json.dumps({"conversation_hash": f"{i:032x}", "timestamp": at, "conversation": turns(i)}) + "\n"


def sharegpt(rows: int) -> Iterator[str]:
    """An array of conversations."""
    for i in range(rows):
        first, second = (turn["content"] for turn in turns(i))
        said = [{"from": "human", "value": first}, {"from": "gpt", "value": second}]
        yield ("[" if i == 0 else ",\n") + json.dumps({"id": str(i), "conversations": said})
    yield "]\n"


# ---- requests as rows of JSON, and what carries them


def at(second: int) -> str:
    """A date with its time."""
    return f"2026-11-{1 + second // 86400 % 28:02d}T{clock(second)}.{second % 1000:03d}Z"


def row(i: int) -> dict[str, Any]:
    """What a server's own logger says of a request."""
    return {
        "level": "info",
        "msg": "request done",
        "request_id": f"chatcmpl-{i:032x}",
        "model": "llama-3.1-8b",
        "prompt_tokens": 200 + i % 900,
        "completion_tokens": 20 + i % 300,
        "e2e_ms": 0.5 * (i % 7777),
    }


def json_lines(rows: int, of: Callable[[int], Any]) -> Iterator[str]:
    """A line for each request."""
    return (json.dumps(of(i)) + "\n" for i in range(rows))


def json_list(rows: int, of: Callable[[int], Any], head: str = "[", tail: str = "]\n") -> Iterator[str]:
    """One list of all of them."""
    yield head
    for i in range(rows):
        yield (", " if i else "") + json.dumps(of(i))
    yield tail


def own(i: int) -> dict[str, Any]:
    """With its time."""
    return {"timestamp": at(i), **row(i)}


def openai(i: int) -> dict[str, Any]:
    """An answer of OpenAI's API without what was said."""
    usage = {
        "prompt_tokens": 200 + i % 900,
        "completion_tokens": 20 + i % 300,
        "total_tokens": 220 + i % 900 + i % 300,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    return {
        "id": f"chatcmpl-{i:032x}",
        "object": "chat.completion",
        "created": 1764437400 + i,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "finish_reason": "stop"}],
        "usage": usage,
    }


def litellm(i: int) -> dict[str, Any]:
    """A spend log."""
    return {
        "request_id": f"{i:032x}",
        "call_type": "acompletion",
        "spend": 0.00123,
        "total_tokens": 220 + i % 900 + i % 300,
        "prompt_tokens": 200 + i % 900,
        "completion_tokens": 20 + i % 300,
        "startTime": at(i),
        "endTime": at(i + 3),
        "model": "gpt-4o-mini",
        "metadata": {"user_api_key": "sk", "tags": ["a", "b"]},
    }


def langfuse(i: int) -> dict[str, Any]:
    """An observation."""
    return {
        "id": f"{i:032x}",
        "type": "GENERATION",
        "startTime": at(i),
        "endTime": at(i + 3),
        "model": "gpt-4o-mini",
        "modelParameters": {"temperature": 0.7},
        "usage": {"input": 200 + i % 900, "output": 20 + i % 300, "unit": "TOKENS"},
    }


def span(i: int) -> dict[str, Any]:
    """Of OpenTelemetry."""
    values: dict[str, dict[str, Any]] = {
        "gen_ai.system": {"stringValue": "vllm"},
        "gen_ai.request.model": {"stringValue": "llama-3.1-8b"},
        "gen_ai.usage.input_tokens": {"intValue": str(200 + i % 900)},
        "gen_ai.usage.output_tokens": {"intValue": str(20 + i % 300)},
        "gen_ai.request.temperature": {"doubleValue": 0.7},
    }
    return {
        "traceId": f"{i:032x}",
        "name": "chat",
        "kind": 3,
        "startTimeUnixNano": str((1764437400 + i) * 10**9),
        "endTimeUnixNano": str((1764437403 + i) * 10**9),
        "attributes": [{"key": key, "value": value} for key, value in values.items()],
    }


def spans(i: int) -> dict[str, Any]:
    """A batch of twenty."""
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span(20 * i + k) for k in range(20)]}]}]}


def aiperf(i: int) -> dict[str, Any]:
    """A record of its profile."""
    value = {"value": 7.25, "unit": "ms"}
    return {
        "metadata": {
            "session_num": i,
            "x_request_id": f"{i:032x}",
            "request_start_ns": (1764437400 + i) * 10**9,
            "request_end_ns": (1764437403 + i) * 10**9,
            "worker_id": "worker_1",
            "benchmark_phase": "profiling",
        },
        "metrics": {
            "input_sequence_length": {"value": 200 + i % 900, "unit": "tokens"},
            "output_sequence_length": {"value": 20 + i % 300, "unit": "tokens"},
            "time_to_first_token": value,
            "inter_token_latency": value,
            "request_latency": value,
        },
        "error": None,
    }


def quoted_table(rows: int) -> Iterator[str]:
    """As CloudWatch Insights saves it."""
    yield "@timestamp,@message\n"
    for i in range(rows):
        yield at(i).replace("T", " ").rstrip("Z") + ',"' + json.dumps(row(i)).replace('"', '""') + '"\n'


def loki(rows: int) -> Iterator[str]:
    """An answer with one stream."""

    def value(i: int) -> list[str]:
        return [str((1764437400 + i) * 10**9), json.dumps(row(i))]

    head = '{"status": "success", "data": {"resultType": "streams", "result": [{"stream": {"app": "a"}, "values": ['
    return json_list(rows, value, head, "]}]}}\n")


def by_column(rows: int) -> Iterator[str]:
    """A frame of pandas."""
    columns: dict[str, Callable[[int], Any]] = {
        "arrival_s": lambda i: round(i * 0.0137, 4),
        "input_tokens": lambda i: 200 + i % 900,
        "output_tokens": lambda i: 20 + i % 300,
        "model": lambda i: "llama-3.1-8b",
    }
    yield json.dumps({name: {str(i): of(i) for i in range(rows)} for name, of in columns.items()})


def split(rows: int) -> Iterator[str]:
    """A frame of pandas by rows."""

    def values(i: int) -> list[Any]:
        return [at(i), 200 + i % 900, 20 + i % 300, "llama-3.1-8b"]

    head = '{"columns": ["timestamp", "input_tokens", "output_tokens", "model"], "data": ['
    return json_list(rows, values, head, "]}\n")


def psql(rows: int) -> Iterator[str]:
    """As it draws a table."""
    yield " created_at | prompt_tokens | completion_tokens \n-----+-----+-----\n"
    for i in range(rows):
        yield f" {at(i).replace('T', ' ').rstrip('Z')} | {200 + i % 900:13d} | {20 + i % 300:17d}\n"


def aligned(rows: int) -> Iterator[str]:
    """Columns between blanks."""
    yield "created_at               prompt_tokens  completion_tokens\n"
    for i in range(rows):
        yield f"{at(i).replace('T', ' ').rstrip('Z')}  {200 + i % 900:13d}  {20 + i % 300:17d}\n"


def logfmt(rows: int) -> Iterator[str]:
    """Names and values."""
    for i in range(rows):
        yield (
            f'time="{at(i)}" level=info msg="request done" request_id=chatcmpl-{i:032x} '
            f"prompt_tokens={200 + i % 900} completion_tokens={20 + i % 300} e2e_ms={i % 7777}\n"
        )


def batch(i: int) -> dict[str, Any]:
    """A line of a file for OpenAI's API."""
    body = {"model": "m", "messages": turns(i)[:1], "max_tokens": 20 + i % 300}
    return {"custom_id": str(i), "method": "POST", "url": "/v1/chat/completions", "body": body}


# ---- access logs


def began(i: int) -> str:
    """A date without its zone."""
    return at(i).rstrip("Z")


def web(i: int) -> str:
    """A date of web servers."""
    return f"{1 + i // 86400 % 28:02d}/Nov/2026:{clock(i)}"


def nginx_json(i: int) -> dict[str, Any]:
    """Of a common log_format."""
    return {
        "time_iso8601": at(i),
        "remote_addr": f"10.0.0.{i % 250}",
        "request": "POST /v1/chat/completions HTTP/1.1",
        "status": "200",
        "request_time": f"{0.5 + i % 7:.3f}",
    }


def traefik_json(i: int) -> dict[str, Any]:
    """Of its accessLog."""
    return {
        "ClientHost": f"10.0.0.{i % 250}",
        "RequestMethod": "POST",
        "RequestPath": "/v1/chat/completions",
        "DownstreamStatus": 200,
        "Duration": 500000000 + i % 7,
        "StartUTC": at(i),
        "time": at(i + 3),
    }


def google(i: int) -> dict[str, Any]:
    """Of its load balancer."""
    asked = {
        "requestMethod": "POST",
        "requestUrl": "https://x/v1/chat/completions",
        "status": 200,
        "latency": "1.5s",
    }
    return {"insertId": f"{i:x}", "httpRequest": asked, "receiveTimestamp": at(i + 4), "timestamp": at(i)}


LENGTHS = "input=1000,output=200"


def _lines(form: Callable[[int], str]) -> Callable[[int], Iterator[str]]:
    return lambda rows: (form(i) + "\n" for i in range(rows))


#: What writes one, and the columns that it has to be given.
FORMATS: dict[str, tuple[Callable[[int], Iterator[str]], str]] = {
    "csv": (table, ""),
    "vllm-log": (vllm, ""),
    "sglang-log": (sglang, ""),
    "openai-messages": (messages, ""),
    "wildchat": (wildchat, ""),
    "sharegpt": (sharegpt, ""),
    "json-lines": (partial(json_lines, of=own), ""),
    "json-list": (partial(json_list, of=own), ""),
    "openai-usage": (partial(json_lines, of=openai), ""),
    "openai-list": (partial(json_list, of=openai, head='{"object": "list", "data": [', tail="]}"), ""),
    "litellm": (partial(json_lines, of=litellm), ""),
    "langfuse": (partial(json_lines, of=langfuse), ""),
    "langfuse-list": (partial(json_list, of=langfuse, head='{"data": [', tail="]}"), ""),
    "elasticsearch": (
        partial(
            json_list,
            of=lambda i: {"_index": "a", "_source": own(i)},
            head='{"took": 1, "hits": {"hits": [',
            tail="]}}",
        ),
        "",
    ),
    "docker": (
        partial(
            json_lines,
            of=lambda i: {"log": json.dumps(row(i)) + "\n", "stream": "stdout", "time": at(i)},
        ),
        "",
    ),
    "azure": (partial(json_lines, of=lambda i: {"time": at(i), "properties": json.dumps(row(i))}), ""),
    "cloudwatch": (quoted_table, ""),
    "cloudwatch-lines": (_lines(lambda i: f"{at(i)} {json.dumps(row(i))}"), ""),
    "syslog": (
        _lines(lambda i: f"<14>Nov {1 + i // 86400 % 28:2d} {clock(i)} host vllm[7]: {json.dumps(row(i))}"),
        "",
    ),
    "events": (_lines(lambda i: f"event: message\ndata: {json.dumps(own(i))}\n"), ""),
    "loki": (loki, ""),
    "otlp": (lambda rows: json_lines(rows // 20, spans), ""),
    "span-lines": (partial(json_lines, of=span), ""),
    "frame-columns": (by_column, ""),
    "frame-split": (split, ""),
    "psql": (psql, ""),
    "aligned": (aligned, ""),
    "logfmt": (logfmt, ""),
    "batch": (partial(json_lines, of=batch), ""),
    "aiperf": (partial(json_lines, of=aiperf), ""),
    "nginx": (nginx, LENGTHS),
    "envoy": (
        _lines(
            lambda i: f'[{at(i)}] "POST /v1/chat/completions HTTP/1.1" 200 - 1 2 3 4 "-" "curl" "id" "h" "u"'
        ),
        LENGTHS,
    ),
    "nginx-json": (partial(json_lines, of=nginx_json), LENGTHS),
    "traefik-json": (partial(json_lines, of=traefik_json), LENGTHS),
    "google-json": (partial(json_list, of=google), LENGTHS),
    "haproxy": (
        _lines(
            lambda i: (
                f"Nov  1 {clock(i)} lb haproxy[7]: 10.0.0.1:80 [{web(i)}.250] front back/s1 0/0/1/500/501 200 9 "
                '- - ---- 1/1/1/1/0 0/0 "POST /v1/chat/completions HTTP/1.1"'
            )
        ),
        LENGTHS,
    ),
    "aws": (
        _lines(
            lambda i: (
                f'https {at(i)} app/lb/1 10.0.0.1:80 10.0.0.2:80 0.000 0.500 0.000 200 200 1 2 "POST '
                f'https://x:443/v1/chat/completions HTTP/1.1" "curl" - - arn "Root=1" "x" "-" 0 {at(i)} "forward" "-"'
            )
        ),
        LENGTHS,
    ),
    "traefik": (
        _lines(
            lambda i: (
                f'10.0.0.1 - - [{web(i)} +0000] "POST /v1/chat/completions HTTP/1.1" 200 9 "-" "curl" 1 "r" "u" 5ms'
            )
        ),
        LENGTHS,
    ),
    "ollama": (
        _lines(
            lambda i: (
                f"[GIN] 2026/11/{1 + i // 86400 % 28:02d} - {clock(i)} | 200 |  1.5s |   10.0.0.1 | POST     "
                '"/v1/chat/completions"'
            )
        ),
        LENGTHS,
    ),
    "iis": (
        lambda rows: (
            ("#Fields: date time cs-method cs-uri-stem sc-status time-taken\n" if i == 0 else "")
            + f"{began(i)[:10]} {clock(i)} POST /v1/chat/completions 200 500\n"
            for i in range(rows)
        ),
        LENGTHS,
    ),
}
