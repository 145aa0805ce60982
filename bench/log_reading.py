"""Print how many megabytes a CPU second of each log format are read: 10^6 requests each, and packed ones.

usage: python bench/log_reading.py [--rows N] [FORMAT ...]
"""

import argparse
import bz2
import gzip
import json
import lzma
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import gpushare as gs

PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: gzip.compress(data, 6),
    ".bz2": bz2.compress,
    ".xz": lambda data: lzma.compress(data, preset=1),
}


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


FORMATS: dict[str, tuple[Callable[[int], Iterator[str]], str]] = {
    "csv": (table, ""),
    "vllm-log": (vllm, ""),
    "sglang-log": (sglang, ""),
    "nginx": (nginx, "input=1000,output=200"),
    "openai-messages": (messages, ""),
    "wildchat": (wildchat, ""),
    "sharegpt": (sharegpt, ""),
}


def measure(path: Path, size: int, columns: str) -> str:
    """How fast a file is read whose text has so many bytes."""
    began = time.process_time()
    trace = gs.traces.load(path, columns=columns)
    seconds = time.process_time() - began
    return f"{size / 1e6 / seconds:7.1f} MB/s, {seconds:5.1f} CPU s, {len(trace):,} requests"


def main() -> None:
    """Measures what the arguments ask for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help="by default all")
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    gs.traces.parse("".join(table(9)))  # imports
    with tempfile.TemporaryDirectory() as folder:
        for name in options.formats or FORMATS:
            rows, columns = FORMATS[name]
            text = "".join(rows(options.rows)).encode()
            path = Path(folder) / "log"
            path.write_bytes(text)
            print(f"{name:16} {measure(path, len(text), columns)}", flush=True)
            for ending, pack in PACKED.items() if name in ("csv", "vllm-log") else ():
                path.write_bytes(pack(text))
                print(f"{name + ending:16} {measure(path, len(text), columns)}", flush=True)


if __name__ == "__main__":
    main()
