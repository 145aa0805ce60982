"""Published times per output token of TensorRT-LLM on one to eight H100."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from ...study.simulation import simulate
from ..report import Report, Row, Target
from ..serving_runs import data_folder

__all__ = ["run"]

_TABLE = "h100_dense_and_moe.csv"
_ENGINE = "tensorrt-llm"
#: Model and weights by the table's names.
_MODELS = {
    "meta-llama/Llama-3.1-8B-Instruct": ("llama-3.1-8b", "fp16"),
    "Qwen/Qwen3-32B": ("qwen3-32b", "fp8"),
}
#: The client is not described: it has one request more than the server runs, and asks again after so long on average.
_WAITING, _PAUSE_S = 1, 0.003
#: Replies of each user that a run has room for, and seconds that it lasts at least.
_REPLIES, _LEAST_S = 10, 20.0
#: GPUs whose rows of the smaller model gave the preset its host times.
_CALIBRATED_GPUS = (4, 8)


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
        title="TensorRT-LLM 1.0 on one to eight H100: Llama 3.1 8B in bf16, Qwen3 32B in FP8",
        calibrated_on="host times of the preset: Llama on 4 and 8 GPUs; FP8 products of Qwen: 32 in flight on one GPU",
        predicted="mean time per output token of the other rows",
        rows=rows,
        targets=[
            Target(_mode("llama-3.1-8b", 1), "median", 0.02, 0.015),
            Target(_mode("qwen3-32b", 1), "median", 0.04, 0.03),
            Target(_mode("qwen3-32b", 2), "median", 0.05, 0.04),
            Target(_mode("qwen3-32b", 4), "median", 0.08, 0.04),
            Target(_mode("qwen3-32b", 8), "median", 0.10, 0.04),
        ],
        sources=["ai-dynamo/aiconfigurator, silicon_sample.csv of aiconfigurator-core 0.12.0 (Apache-2.0)"],
        notes=[
            f"Not predicted: {len(table) - len(told)} rows of vLLM, which name no version that has a preset, and of "
            "gpt-oss-120b, whose number format no model describes.",
            "The client is assumed: a closed loop with one request more than the server runs, as the published times "
            "to the first token suggest, and 3 ms between a reply and the next request.",
            "First tokens are not compared: they hang on the client, and on how a run begins.",
        ],
    )


def _mode(model: str, gpus: int) -> str:
    return f"{model}, {gpus} {'GPU' if gpus == 1 else 'GPUs'}"


def _row(row: Mapping[str, str]) -> Row:
    model, precision = _MODELS[row["model_path"]]
    gpus, users = int(row["tp_size"]), int(row["batch_size"])
    fitted = (model == "llama-3.1-8b" and gpus in _CALIBRATED_GPUS) or (
        model == "qwen3-32b" and gpus == 1 and users == 32
    )
    role: Literal["prediction", "calibration"] = "calibration" if fitted else "prediction"
    seen = float(row["silicon_tpot_ms"])
    case = f"{row['isl']}/{row['osl']}, {users} in flight"
    found = simulate(_document(row, model, precision, seen / 1e3), threads=1, record_requests=False)
    told = 1e3 * float(found.summary()["llm.tpot_mean_s"])
    return Row(case, _mode(model, gpus), model, "tpot", "ms", seen, told, role)


def _document(row: Mapping[str, str], model: str, precision: str, tpot_s: float) -> dict[str, Any]:
    users, reply = int(row["batch_size"]), int(row["osl"])
    duration_s = max(_REPLIES * reply * tpot_s, _LEAST_S)
    service = {
        "model": model,
        "precision": precision,
        "tensor_parallel": int(row["tp_size"]),
        "engine": {"preset": _ENGINE, "prefix_caching": False, "max_num_seqs": users},
    }
    client = {
        "pipeline": "chat",
        "kind": "closed",
        "users": users + _WAITING,
        "think_s": {"kind": "exponential", "mean": _PAUSE_S},
        "hold_s": duration_s,
        "sizes": {"input_tokens": int(row["isl"]), "output_tokens": reply},
    }
    return {
        "name": "silicon",
        "gpu": "h100",
        "duration_s": duration_s,
        "warmup_s": duration_s / 5,
        "services": {"llm": service},
        "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
        "traffic": [client],
        "placement": {"mode": "dedicated"},
    }
