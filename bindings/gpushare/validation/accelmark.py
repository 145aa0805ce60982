"""AccelMark: Llama 3 8B under two versions of vLLM on an A100, from one request at a time to ten a second."""

from __future__ import annotations

import csv
import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..profiles import profile
from .documents import figure, model_document
from .llm_kernels import fitted_model, read_kernel_table
from .llmservingsim import PROMPT_HOST_S
from .report import Report, Row, Target
from .serving_runs import Requests, Served, data_folder, replay

__all__ = ["run"]

_ROWS = "accelmark_a100_80gb.csv"
_LENGTHS = "accelmark_sharegpt_standard_v1_lengths.csv"
_FUSED = "RTXPRO6000_llama31_8b_profile"
_GPU, _MODEL = "a100", "llama-3.1-8b"
#: The benchmark draws the arrivals of all runs, rate after rate, from Python's generator with this seed.
_SEED, _RATES, _RUNS, _REQUESTS = 42, (5, 10, 25, 50, 100), 3, 300
#: Requests of a serial run (by its length), of a closed loop here, and of an offline run by suite.
_SERIAL, _CLOSED = 150, 600
_OFFLINE = {"suite_A": 200, "suite_C": 100}
#: Rates whose median time between tokens calibrates a version's host time.
_CALIBRATED = ("5", "10")
#: Tokens that the chat template adds to a prompt.
_TEMPLATE = 30
#: Replies are greedy and stop at 512 tokens; their mean is 345. So many are cut, the others spread evenly (assumed).
_LONGEST, _CUT = 512, 0.35
#: Of a request outside the steps: tokenising, two queues between processes, the first output.
_OVERHEAD_S = 0.010
#: Tokens of an iteration when the engine is built by neither of vLLM's two usual ways.
_TOKENS_PER_ITERATION = 2048


Role = Literal["prediction", "calibration"]


@dataclass(frozen=True)
class Version:
    """What differs between versions of the engine, all but one figure known beforehand."""

    prefix_cache: bool
    sequences: int
    host_per_step_s: float


#: The host time of a step is the difference in Qwen2.5-0.5B's time between tokens, 3.83 against 1.83 ms.
_VERSIONS = {
    "0.20.1": Version(True, 128, 0.0),
    "0.7.3": Version(False, 256, 0.002),
}


@dataclass(frozen=True)
class Server:
    """A version with its calibrated host time, and the model."""

    version: Version
    host_per_sequence_s: float
    model: Mapping[str, Any]

    def engine(self, cached: bool, **options: Any) -> dict[str, Any]:
        """Options of continuous batching; `cached`: all prompts were seen before."""
        return {
            "kind": "continuous-batching",
            "max_num_seqs": self.version.sequences,
            "max_num_batched_tokens": _TOKENS_PER_ITERATION,
            "host_per_step_s": self.version.host_per_step_s,
            "host_per_sequence_s": self.host_per_sequence_s,
            "request_overhead_s": _OVERHEAD_S,
            "prefix_cache_share": 1.0 if cached and self.version.prefix_cache else 0.0,
        } | options


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite.

    Parameters
    ----------
    data : pathlib.Path
        Folder with ``accelmark_*.csv`` and LLMServingSim's kernel table, or the folder above it. Every row of the table
        with a load that is known here is predicted.
    progress : callable, optional
        Called with a share of 1.

    Returns
    -------
    Report
    """
    folder = data_folder(data, "accelmark", _ROWS)
    table = _table(folder / _ROWS)
    lengths = _lengths(folder / _LENGTHS)
    model = _model(folder)
    rows: list[Row] = []
    fitted = []
    for done, (name, version) in enumerate(_VERSIONS.items()):
        mine = [row for row in table if row["framework_version"].split("+")[0] == name]
        if not mine:
            continue
        server = _calibrated(version, model, mine, lengths)
        fitted.append(f"vLLM {name}: {1e6 * server.host_per_sequence_s:.0f} us")
        rows += [one for row in mine for one in _predicted(row, name, server, lengths)]
        if progress:
            progress((done + 1) / len(_VERSIONS))
    return Report(
        suite="accelmark",
        title="Llama 3 8B on an A100-80GB under vLLM 0.7.3 and 0.20.1, in process",
        calibrated_on="for each version one host time a sequence, on the median times between tokens at 5 and 10 "
        "requests/s",
        predicted="time to first token, time between tokens, requests and tokens a second of all rows",
        rows=rows,
        targets=_TARGETS,
        sources=[
            "FreedomIntelligence/AccelMark, commit 5797fc42: results/ and datasets/ (lengths of prompts)"
        ],
        notes=[f"Calibrated host time a sequence and step: {', '.join(fitted)}.", *_NOTES],
    )


_TARGETS = [
    Target(f"vLLM {name}", "max", limit, limit / 2, metric)
    for name in _VERSIONS
    for metric, limit in (
        ("tpot p50", 0.08),
        ("tpot p99", 0.08),
        ("ttft p50", 0.20),
        ("ttft p90", 0.20),
        ("ttft p99", 0.20),
        ("throughput", 0.08),
    )
]

_NOTES = [
    "Known beforehand: the benchmark's arrivals (its generator and seed), its three runs of the same prompts, and "
    "vLLM's prefix cache (on in 0.20, off in 0.7: all but the first run find their prompts).",
    "Taken from elsewhere: elementwise kernels that are fused, and decodes that suffer beside prompts, from "
    "LLMServingSim's kernel table of another card; the host's 8 ms before a step with prompts from its record. Set by "
    "hand, the same for both versions: 10 ms for each request outside the steps, which with those 8 is the upper end "
    "of the 11 to 18 ms that had been read off such runs, these rows among them.",
    "These rows were seen while the model was chosen; rows at higher rates, bursts and offline runs were not. Offline "
    "runs do not stream their tokens, and the host time of a sequence is that of streaming: expect them to be faster.",
    "vLLM 0.20 hides the host's time of a step behind the one before, so its host time a step is zero; 0.7 pays "
    "2.0 ms, by what Qwen2.5-0.5B takes in the two versions (3.83 and 1.83 ms).",
    "vLLM 0.7 computes prompts in steps of their own, before any decode; here they share steps. Its times between "
    "tokens therefore spread more than predicted at 10 requests/s, and its prompts wait less.",
    "Lengths of replies are assumed: 35 % cut at 512 tokens, the others uniform, which gives the mean of 345.",
]


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["effective_dtype"] == "bfloat16"]
    return [row for row in rows if row["gpu"] == "NVIDIA A100-SXM4-80GB" and "8B" in row["model"]]


def _lengths(path: Path) -> list[int]:
    with path.open(newline="", encoding="utf-8") as file:
        return [int(row["input_tokens"]) + _TEMPLATE for row in csv.DictReader(file)]


def _model(folder: Path) -> dict[str, Any]:
    """The shipped model with fused elementwise kernels, and with decodes that suffer beside prompts."""
    table = read_kernel_table(folder / f"{_FUSED}_dense.csv", folder / f"{_FUSED}_attention.csv")
    source = "LLMServingSim, commit 5daddb21: kernels of vLLM 0.19 on an RTX PRO 6000, by the clock"
    other, _ = fitted_model(table, profile("rtx-pro-6000"), _MODEL, source)
    model = model_document(_MODEL)
    for key in ("elementwise_floor_s", "kv_efficiency_mixed"):
        model[key] = figure(other[key]["value"], source, "assumed")
    model["prompt_host_s"] = figure(PROMPT_HOST_S, "suite llmservingsim", "assumed")
    return model


@lru_cache(maxsize=8)
def _replies(count: int) -> tuple[int, ...]:
    rng = random.Random(1)
    return tuple(_LONGEST if rng.random() < _CUT else rng.randint(1, _LONGEST) for _ in range(count))


@lru_cache(maxsize=1)
def _arrivals() -> dict[int, list[list[float]]]:
    rng = random.Random(_SEED)
    return {
        rate: [
            list(itertools.accumulate(rng.expovariate(rate) for _ in range(_REQUESTS))) for _ in range(_RUNS)
        ]
        for rate in _RATES
    }


def _requests(arrivals: Sequence[float], lengths: Sequence[int]) -> Requests:
    prompts = list(itertools.islice(itertools.cycle(lengths), len(arrivals)))
    return Requests(arrivals, prompts, _replies(len(arrivals)))


def _calibrated(
    version: Version, model: Mapping[str, Any], rows: Sequence[Mapping[str, str]], lengths: Sequence[int]
) -> Server:
    """The host time a sequence with which the median times between tokens are met in the geometric mean."""
    wanted = [(int(row["load"]), float(row["tpot_ms_p50"]) / 1e3) for row in rows if _is_calibration(row)]
    low, high = 0.0, 4e-4
    for _ in range(8):
        middle = (low + high) / 2
        server = Server(version, middle, model)
        medians = {
            rate: _median_tpot(_online(server, rate, lengths)) for rate in {rate for rate, _ in wanted}
        }
        if sum(math.log(medians[rate] / seconds) for rate, seconds in wanted) < 0:
            low = middle
        else:
            high = middle
    return Server(version, (low + high) / 2, model)


def _is_calibration(row: Mapping[str, str]) -> bool:
    return row["load_type"] == "poisson_qps" and row["load"] in _CALIBRATED


def _median_tpot(runs: Sequence[Served]) -> float:
    return float(np.median(np.concatenate([one.tpot for one in runs])))


def _online(server: Server, rate: int, lengths: Sequence[int]) -> list[Served]:
    first = rate == _RATES[0]
    return [
        _replay(server.engine(not first or index > 0), _requests(arrivals, lengths), server.model)
        for index, arrivals in enumerate(_arrivals()[rate])
    ]


def _serial(server: Server, lengths: Sequence[int]) -> list[Served]:
    apart = [60.0 * i for i in range(_SERIAL)]
    return [_replay(server.engine(run > 0), _requests(apart, lengths), server.model) for run in range(_RUNS)]


def _closed(server: Server, users: int, lengths: Sequence[int]) -> float:
    """Tokens a second with so many in flight all the time: a long queue behind a limit of running sequences.

    By Little's law, so that the end of the queue, when fewer run, does not count.
    """
    requests = _requests([0.0] * _CLOSED, lengths)
    served = _replay(server.engine(True, max_num_seqs=users), requests, server.model)
    busy_s = float(np.sum(served.finished - served.started + _OVERHEAD_S))
    return users * float(served.output_tokens.sum()) / busy_s


def _offline(server: Server, count: int, lengths: Sequence[int]) -> Served:
    engine = server.engine(True, max_num_seqs=512, max_num_batched_tokens=8192, request_overhead_s=0.0)
    return _replay(engine, _requests([0.0] * count, lengths), server.model)


def _replay(engine: Mapping[str, Any], requests: Requests, model: Mapping[str, Any]) -> Served:
    return replay(requests, gpu=_GPU, model=model, engine=engine)


def _predicted(row: Mapping[str, str], name: str, server: Server, lengths: Sequence[int]) -> list[Row]:
    case, mode = _case(row), f"vLLM {name}"
    if row["scenario"] == "interactive":
        return _latencies(row, case, mode, _serial(server, lengths))
    if row["load_type"] == "closed_concurrency":
        found = _closed(server, int(row["load"]), lengths)
        return [_rate(case, mode, "tok/s", float(row["out_tok_s"]), found)]
    if row["scenario"] == "offline" and row["out_tok_s"]:
        served = _offline(server, _OFFLINE.get(row["suite"], 100), lengths)
        return [_rate(case, mode, "tok/s", float(row["out_tok_s"]), served.tokens_per_s)]
    if row["load_type"] != "poisson_qps" or int(float(row["load"])) not in _RATES:
        return []
    runs = _online(server, int(float(row["load"])), lengths)
    elapsed = float(np.median([one.makespan for one in runs]))
    rate = _rate(case, mode, "1/s", _REQUESTS / float(row["elapsed_s_median"]), _REQUESTS / elapsed)
    fitted = "tpot p50" if _is_calibration(row) else ""
    return [*_latencies(row, case, mode, runs, fitted), rate]


def _case(row: Mapping[str, str]) -> str:
    load = {"poisson_qps": "{} requests/s", "serial": "serial", "closed_concurrency": "{} in flight"}
    told = load.get(row["load_type"], f"{row['load_type']} {{}}").format(row["load"])
    return f"{told}, {row['model'].split('/')[-1].removesuffix('-Instruct')}"


def _rate(case: str, mode: str, unit: str, measured: float, predicted: float) -> Row:
    return Row(case, mode, _MODEL, "throughput", unit, measured, predicted)


def _latencies(
    row: Mapping[str, str], case: str, mode: str, runs: Sequence[Served], fitted: str = ""
) -> list[Row]:
    found = []
    for name in ("ttft", "tpot"):
        values = np.concatenate([getattr(run, name) for run in runs])
        for share in (50, 90, 99):
            metric, told = f"{name} p{share}", row[f"{name}_ms_p{share}"]
            if told:
                predicted = 1e3 * float(np.quantile(values, share / 100))
                role: Role = "calibration" if metric == fitted else "prediction"
                found.append(Row(case, mode, _MODEL, metric, "ms", float(told), predicted, role=role))
    return found
