"""AccelMark: Llama 3 8B under two versions of vLLM on an A100, from one request at a time to a hundred a second."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...scenario.engines import engine_preset
from ..report import Report, Row, Target
from ..serving_runs import Served, data_folder, in_places, replay
from .accelmark_loads import RATES, REQUESTS, Load, burst, load_of, online, pooled, read_lengths, requests_of

__all__ = ["fitted_host_s", "run"]

_ROWS = "accelmark_a100_80gb.csv"
_LENGTHS = "accelmark_sharegpt_standard_v1_lengths.csv"
_GPU, _MODEL = "a100", "llama-3.1-8b"
#: Rates whose median time between tokens calibrates a version's host time.
_CALIBRATED = (5.0, 10.0)
#: Share of the requests a second that come, from which on a server keeps up: the last ones take their time.
_KEPT_UP = 0.8
#: Requests of a closed loop here.
_CLOSED = 600

Role = Literal["prediction", "calibration"]

#: Preset of each version and what the benchmark sets: a context of 4,096, which is V0's budget too. Offline it sets 512
#: sequences, and vLLM's offline class has another budget.
_VERSIONS: dict[str, dict[str, Any]] = {
    "0.20.1": {"preset": "vllm-0.20-in-process"},
    "0.7.3": {"preset": "vllm-0.7-in-process", "max_num_batched_tokens": 4096},
}
_OFFLINE: dict[str, dict[str, Any]] = {
    "0.20.1": {"max_num_seqs": 512, "max_num_batched_tokens": 8192},
    "0.7.3": {"max_num_seqs": 512},
}


#: The model's weights by the benchmark's names. Both sides of W8A8's products are int8, which no model here describes.
_WEIGHTS = {"BF16": "fp16", "W8A16": "int8", "W4A16": "int4", "FP8": "fp8"}
#: Where other weights were run as they should be: those of 0.20.1 are slower than bf16.
_WEIGHTS_VERSION = "0.7.3"
#: Output tokens a second of eight in flight there, as published beside the table (Llama 3.1 8B).
_EIGHT_IN_FLIGHT = {"W8A16": 695.0, "FP8": 710.0, "W4A16": 757.0}


@dataclass
class Server:
    """A version as its preset has it, or with another host time, and what was simulated of it."""

    version: str
    lengths: Sequence[int]
    host_per_sequence_s: float | None = None
    weights: str = "BF16"
    done: dict[Any, list[Served]] = field(default_factory=dict)

    def engine(self, **options: Any) -> dict[str, Any]:
        """The version's preset."""
        host = self.host_per_sequence_s
        return {
            **_VERSIONS[self.version],
            **({} if host is None else {"host_per_sequence_s": host}),
            **options,
        }

    @property
    def overhead_s(self) -> float:
        """Of a request outside the steps."""
        return float(engine_preset(_VERSIONS[self.version]["preset"]).engine["request_overhead_s"])

    def online(self, suite: str, rate: float) -> list[Served]:
        """The three runs at a rate."""
        key = ("online", suite, rate)
        if key not in self.done:
            scenario = online(self.lengths, suite, rate)
            self.done[key] = scenario.runs(self._replay(scenario.requests, self.engine()))[-3:]
        return self.done[key]

    def bursts(self, window: str) -> list[Served]:
        """The windows of one kind."""
        if "burst" not in self.done:
            scenario = burst(self.lengths)
            self.done["burst"] = scenario.runs(self._replay(scenario.requests, self.engine()))
        return self.done["burst"][0 if window == "steady" else 1 :: 2]

    def closed(self, users: int, pool: int, count: int) -> Served:
        """`count` requests of which so many are in flight all the time: a queue behind a limit of running sequences.

        A request arrives when the one before it in its place has ended; its overhead then follows the server's work.
        """
        key = ("closed", users, pool)
        if key not in self.done:
            prompts = [i % pool for i in range(count)]
            requests = requests_of(self.lengths, prompts, [0.0] * count)
            served = self._replay(requests, self.engine(max_num_seqs=users, request_overhead_s=0.0))
            self.done[key] = [in_places(served, users, self.overhead_s)]
        return self.done[key][0]

    def offline(self) -> Served:
        """All requests at once, a second time: the first was the warm-up."""
        prompts = list(range(REQUESTS["offline"]))
        requests = requests_of(self.lengths, prompts * 2, [0.0] * len(prompts) + [600.0] * len(prompts))
        engine = self.engine(request_overhead_s=0.0, **_OFFLINE[self.version])
        return self._replay(requests, engine).part(slice(len(prompts), None), 600.0)

    def _replay(self, requests: Any, engine: Mapping[str, Any]) -> Served:
        return replay(requests, gpu=_GPU, model=_MODEL, engine=engine, precision=_WEIGHTS[self.weights])


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite.

    Parameters
    ----------
    data : pathlib.Path
        Folder with ``accelmark_*.csv``, or the folder above it. Every row of the table with a load that the benchmark
        has is predicted; the others are named in the notes.
    progress : callable, optional
        Called with a share of 1.

    Returns
    -------
    Report
    """
    folder = data_folder(data, "accelmark", _ROWS)
    lengths = read_lengths(folder / _LENGTHS)
    by_version: dict[str, list[dict[str, str]]] = defaultdict(list)
    table = _table(folder / _ROWS)
    for row in [*table, *_eight_in_flight(table)]:
        by_version[_version(row)].append(row)
    rows: list[Row] = []
    notes: list[str] = []
    for done, (version, mine) in enumerate(sorted(by_version.items(), reverse=True)):
        if version not in _VERSIONS:
            notes.append(f"Not predicted: {len(mine)} rows of vLLM {version}, which has no preset.")
            continue
        servers = {name: Server(version, lengths, weights=name) for name in _WEIGHTS}
        for row in mine:
            found = [] if _foreign(row) else _predicted(row, servers[row["precision"]])
            rows += found
            if not found:
                told = _foreign(row) or f"{row['scenario']}, {row['load_type']} {row['load']}".strip()
                notes.append(f"Not predicted: vLLM {version}, {told}.")
        if progress:
            progress((done + 1) / len(by_version))
    return Report(
        suite="accelmark",
        title="Llama 3 8B on an A100-80GB under vLLM 0.7.3 and 0.20.1, in process",
        calibrated_on="for each version the preset's host time of a sequence, on the median times between tokens at 5 "
        "and 10 requests/s",
        predicted="time to first token, time between tokens, requests and tokens a second of all rows",
        rows=rows,
        targets=_TARGETS,
        sources=[
            "FreedomIntelligence/AccelMark, commit 5797fc42: results/, datasets/ (lengths of prompts), loadgen/ (loads)"
        ],
        notes=[*notes, *_NOTES],
        in_view={"": "the model and both presets, at up to 10 requests/s and 8 in flight"},
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
] + [Target(f"vLLM {_WEIGHTS_VERSION}, other weights", "max", 0.08, 0.04, "throughput")]

_NOTES = [
    "The shipped model and presets are what is simulated; set here is only what the benchmark sets (a context of 4,096 "
    "tokens; 512 sequences offline).",
    "Known beforehand: the benchmark's arrivals (its generator, seed and order of rates), ten requests that warm up, "
    "the same prompts in all runs (which vLLM 0.20's prefix cache finds), percentiles over all runs together.",
    "Lengths of replies are assumed: 35 % cut at 512 tokens, the others uniform, which gives the mean of 345.",
    "What of this benchmark entered the product: the time between tokens at 5 and 10 requests/s (host time of a "
    "sequence of `vllm-0.7`, `vllm-0.7-in-process`, `vllm-0.20` and `vllm-0.20-in-process`); one request at a time of "
    "Qwen2.5 0.5B, 3.83 against 1.83 ms a token (host time of a step of `vllm-0.7*`); 25 requests/s, with which the "
    "128 places of `vllm-0.20-in-process` agree; and of vLLM 0.7.3 with 100 requests at once 2,660, 1,760 and 2,822 "
    "tokens/s in bf16, int4 and FP8 (products of many tokens in `llama-3.1-8b`).",
    "Rows at higher rates, bursts and offline runs were not in view, but that of 2,660 tokens/s, of which 78 % are "
    "predicted. Offline runs do not stream their tokens, and the host time of a sequence is that of streaming.",
    "Other weights with 8 in flight: the products of one token are those of kernel tables (weight-only int8 and int4; "
    "FP8, which an A100 expands too, is taken to be as fast as int8), of many tokens from 100 requests at once, for "
    "int4 with its gain at 8 in view. Host times are those of bf16.",
    "In vLLM 0.7.3 clients and engine share one thread, and at 10 requests/s some replies suffer more than a host time "
    "in proportion to the batch explains (the time between tokens, p99).",
]


def _table(path: Path) -> list[dict[str, str]]:
    """The rows of Llama 3 and 3.1 8B on one A100-80GB."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if row["gpu"] == "NVIDIA A100-SXM4-80GB" and "Llama-3" in row["model"]]


def _version(row: Mapping[str, str]) -> str:
    return row["framework_version"].split("+")[0]


def _eight_in_flight(table: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Rows of other weights that are published and not in the table; the rest as in that of bf16."""
    like = [
        row
        for row in table
        if _version(row) == _WEIGHTS_VERSION
        and (row["precision"], row["load_type"], row["load"]) == ("BF16", "closed_concurrency", "8")
    ]
    there = {row["precision"] for row in table if row["load_type"] == "closed_concurrency"}
    return [
        {**like[-1], "precision": weights, "out_tok_s": str(seen)}
        for weights, seen in _EIGHT_IN_FLIGHT.items()
        if like and weights not in there
    ]


def _foreign(row: Mapping[str, str]) -> str:
    """Why a row is another experiment than those here; empty: it is not."""
    if not row["model"].split("/")[-1].removeprefix("Meta-").startswith(("Llama-3-8B", "Llama-3.1-8B")):
        return f"model {row['model']}"
    weights = row["precision"]
    if weights not in _WEIGHTS or (weights != "BF16" and _version(row) != _WEIGHTS_VERSION):
        return f"weights {weights}, {row['scenario']} {row['load']}"
    if row["suite"] not in RATES:
        return f"the prompts of {row['suite']}"
    return ""


def fitted_host_s(version: str, data: Path) -> float:
    """The host time a sequence with which the median times between tokens are met in the geometric mean.

    What the preset's figure comes from, in seconds; `data` as for `run`.
    """
    folder = data_folder(data, "accelmark", _ROWS)
    lengths = read_lengths(folder / _LENGTHS)
    wanted = [
        (row["suite"], load.number, float(row["tpot_ms_p50"]) / 1e3)
        for row in _table(folder / _ROWS)
        if _version(row) == version
        and not _foreign(row)
        and row["precision"] == "BF16"
        and (load := load_of(row)) is not None
        and _is_calibration(load)
    ]
    low, high = 0.0, 4e-4
    for _ in range(9):
        server = Server(version, lengths, (low + high) / 2)
        off = [math.log(_median_tpot(server.online(suite, rate)) / seen) for suite, rate, seen in wanted]
        if sum(off) < 0:
            low = (low + high) / 2
        else:
            high = (low + high) / 2
    return (low + high) / 2


def _is_calibration(load: Load) -> bool:
    return load.kind == "rate" and load.number in _CALIBRATED


def _median_tpot(runs: Sequence[Served]) -> float:
    return float(np.median(pooled(runs, "tpot")))


def _predicted(row: Mapping[str, str], server: Server) -> list[Row]:
    load = load_of(row)
    if load is None:
        return []
    case, mode = f"{load}, {row['model'].split('/')[-1].removesuffix('-Instruct')}", f"vLLM {server.version}"
    if server.weights != "BF16":
        case, mode = f"{case}, {server.weights}", f"{mode}, other weights"
    if load.kind == "serial":
        count = REQUESTS["interactive"]
        return _latencies(row, case, mode, [server.closed(1, count, 3 * count)])
    if load.kind == "burst":
        return _latencies(row, case, mode, server.bursts(load.window))
    if load.kind == "rate":
        runs = server.online(row["suite"], load.number)
        fitted = "tpot p50" if _is_calibration(load) else ""
        return [*_latencies(row, case, mode, runs, fitted), *_requests_per_s(row, case, mode, runs)]
    if not row["out_tok_s"]:
        return []
    role: Role = "prediction"
    if load.kind == "closed":
        served = server.closed(int(load.number), REQUESTS["sustained"], _CLOSED)
        found = load.number * float(served.output_tokens.sum()) / float(np.sum(served.latency))
    else:
        found = server.offline().tokens_per_s
        if server.weights != "BF16":  # the model's figures for products of many tokens come from these
            role = "calibration"
    return [Row(case, mode, _MODEL, "throughput", "tok/s", float(row["out_tok_s"]), found, role=role)]


def _requests_per_s(row: Mapping[str, str], case: str, mode: str, runs: Sequence[Served]) -> list[Row]:
    if not row["elapsed_s_median"]:
        return []
    elapsed = float(np.median([one.makespan for one in runs]))
    count = REQUESTS["online"]
    seen = count / float(row["elapsed_s_median"])
    load = load_of(row)
    # A server that keeps up serves as many as come, whatever the model.
    kept_up = load is not None and seen >= _KEPT_UP * load.number
    role: Literal["prediction", "check"] = "check" if kept_up else "prediction"
    return [Row(case, mode, _MODEL, "throughput", "1/s", seen, count / elapsed, role=role)]


def _latencies(
    row: Mapping[str, str], case: str, mode: str, runs: Sequence[Served], fitted: str = ""
) -> list[Row]:
    found = []
    for name in ("ttft", "tpot"):
        values = pooled(runs, name)
        for share in (50, 90, 99):
            metric, told = f"{name} p{share}", row[f"{name}_ms_p{share}"]
            if told:
                predicted = 1e3 * float(np.quantile(values, share / 100))
                role: Role = "calibration" if metric == fitted else "prediction"
                found.append(Row(case, mode, _MODEL, metric, "ms", float(told), predicted, role=role))
    return found
