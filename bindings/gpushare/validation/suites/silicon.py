"""Published times per output token of TensorRT-LLM on one to eight H100."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...study.simulation import simulate
from ..report import Report, Row, Target
from ..serving_runs import data_folder

__all__ = ["run"]

_TABLE = "h100_dense_and_moe.csv"
_ENGINE, _PRESET_OF = "tensorrt-llm", "1.0.0rc3"


@dataclass(frozen=True)
class _Model:
    name: str
    precision: str
    #: Requests that the client has in flight and the server does not run: its first tokens wait for a place.
    waiting: int


#: By the table's names.
_MODELS = {
    "meta-llama/Llama-3.1-8B-Instruct": _Model("llama-3.1-8b", "fp16", waiting=1),
    "Qwen/Qwen3-32B": _Model("qwen3-32b", "fp8", waiting=0),
}
#: What the publisher's evaluation has its client do: replies for each request in flight, all of which count.
_REPLIES = 10
#: Requests leave the client one after the other, seconds.
_APART_S = 1e-4
#: Share of a prompt that the other version's server had computed before.
_FOUND = 0.6
#: GPUs whose rows of the smaller model gave the preset its host times.
_CALIBRATED_GPUS = (4, 8)
_OTHER = "qwen3-32b, TensorRT-LLM 1.2"
_VIEWED = (
    "the client and the tokens of an iteration, by the times to the first token; "
    "that a layer of Qwen has 12 kernels, and its FP8 products two efficiencies"
)
_NOTES = [
    "Not predicted: rows of vLLM, which name no version that has a preset, and of gpt-oss-120b, whose number "
    "format no model describes.",
    "The client is that of the publisher's own evaluation "
    "(src/aiconfigurator/eval/benchmarks/genai_perf_runner.py): so many requests in flight, ten replies for each, "
    "the first and the last wave included.",
    "Chosen so that times to the first token come out, which are not compared: iterations of as many tokens as a "
    "prompt has; and that a server of Llama runs one request fewer than its client has in flight (first tokens "
    "wait for a place, the longer the replies), one of Qwen all of them.",
    "Rows of Llama on four and eight GPUs, which calibrate, contradict each other: with 64 in flight on eight, "
    "prompts of 1,024 tokens and replies of 128 take 12.0 ms a token, prompts of 2,048 tokens 10.0 ms. By "
    "Little's law the server takes 36 requests a second with 128 in flight, whether replies have 128 or 256 "
    "tokens and prompts 1,024 or 2,048, and 18 with replies of 512: an iteration takes 22, 9.8 and 10.2 ms with "
    "0.8, 0.35 and 0.18 prompts in it, which no time a prompt and time an iteration give (1024/256 and 2048/256 "
    "with 128 in flight miss by 52 and 29 %). Up to 36 wait 1 to 2 s for a first token while the others go on, at "
    "9,000 tokens a second in all: a front end that nothing here describes.",
    "TensorRT-LLM 1.2 stands behind Dynamo 0.8 and was measured later. Whole prompts would leave one GPU no room: "
    "at the peak rates of arithmetic and memory, prompts take 3.9, weights 9.8 and keys and values 5.6 of its "
    "22.4 ms a token. Its times to the first token are those of a server that finds 0.6 of a prompt in its cache, "
    "which is assumed.",
]


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite.

    Parameters
    ----------
    data : pathlib.Path
        Folder with ``h100_dense_and_moe.csv``, or the folder above it.
    progress : callable, optional
        Called with a share of 1.

    Returns
    -------
    Report
    """
    folder = data_folder(data, "silicon", _TABLE)
    with (folder / _TABLE).open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    told = [row for row in table if row["backend"] == "trtllm" and row["model_path"] in _MODELS]
    rows = []
    for done, row in enumerate(told):
        rows.append(_row(row))
        if progress:
            progress((done + 1) / len(told))
    return Report(
        suite="silicon",
        title="TensorRT-LLM on one to eight H100: Llama 3.1 8B in bf16, Qwen3 32B in FP8",
        calibrated_on="host times of the preset: Llama on 4 and 8 GPUs; FP8 products of Qwen: 32 in flight on one GPU",
        predicted="mean time per output token of the other rows",
        rows=rows,
        targets=[
            Target(_mode("llama-3.1-8b", 1), "median", 0.02, 0.01),
            Target(_mode("llama-3.1-8b", 1), "p90", 0.06, 0.02),
            Target(_mode("qwen3-32b", 1), "median", 0.04, 0.02),
            Target(_mode("qwen3-32b", 2), "median", 0.05, 0.03),
            Target(_mode("qwen3-32b", 4), "median", 0.08, 0.03),
            Target(_mode("qwen3-32b", 8), "median", 0.10, 0.03),
        ],
        sources=["ai-dynamo/aiconfigurator, silicon_sample.csv of aiconfigurator-core 0.12.0 (Apache-2.0)"],
        notes=_NOTES,
        in_view={"": _VIEWED},
    )


def _mode(model: str, gpus: int) -> str:
    return f"{model}, {gpus} {'GPU' if gpus == 1 else 'GPUs'}"


def _row(row: Mapping[str, str]) -> Row:
    model = _MODELS[row["model_path"]]
    gpus, users = int(row["tp_size"]), int(row["batch_size"])
    told = row["backend_version"] == _PRESET_OF
    fitted = (model.name == "llama-3.1-8b" and gpus in _CALIBRATED_GPUS) or (
        model.name == "qwen3-32b" and gpus == 1 and users == 32
    )
    role: Literal["prediction", "calibration"] = "calibration" if fitted and told else "prediction"
    found = simulate(_document(row, model, 0.0 if told else _FOUND), threads=1, record_requests=False)
    return Row(
        case=f"{row['isl']}/{row['osl']}, {users} in flight",
        mode=_mode(model.name, gpus) if told else _OTHER,
        client=model.name,
        metric="tpot",
        unit="ms",
        measured=float(row["silicon_tpot_ms"]),
        predicted=1e3 * float(found.summary()["llm.tpot_mean_s"]),
        role=role,
    )


def _document(row: Mapping[str, str], model: _Model, found: float) -> dict[str, Any]:
    users, prompt = int(row["batch_size"]), int(row["isl"])
    engine = {
        "preset": _ENGINE,
        "prefix_caching": False,
        "prefix_cache_share": found,
        "max_num_seqs": users - model.waiting,
        "max_num_batched_tokens": prompt,
    }
    client = {
        "pipeline": "chat",
        "kind": "open",
        "arrivals": {"kind": "constant", "rate_per_s": 1 / _APART_S, "count": _REPLIES * users},
        "max_concurrency": users,
        "sizes": {"input_tokens": prompt, "output_tokens": int(row["osl"])},
    }
    service = {
        "model": model.name,
        "precision": model.precision,
        "tensor_parallel": int(row["tp_size"]),
        "engine": engine,
    }
    return {
        "name": "silicon",
        "gpu": "h100",
        "services": {"llm": service},
        "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
        "traffic": [client],
        "placement": {"mode": "dedicated"},
    }
