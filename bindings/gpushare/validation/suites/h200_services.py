"""A language model's jobs beside a network's requests on one H200, both as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...scenario.scenario import Scenario
from ...study.results import Result
from ...study.simulation import simulate
from ...traces.columns import from_columns
from ..documents import measured
from ..llm_loops import language_model
from ..networks import HELD, Batch, beside_language_models, side_by_side
from ..report import Report, Row, Target

__all__ = ["run"]

_MODES = {"time-slicing": "time-slicing", "mps": "mps", "mps-50": "mps:50/50"}
_STATISTICS = ("mean", "p50", "p95")


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite; `data` is not used (see `registry.run_suite`)."""
    table = measured("h200-services.json")
    networks = beside_language_models()
    rows: list[Row] = []
    for done, case in enumerate(table["cases"]):
        jobs, requests = (len(times) / times[-1] for times in case["arrivals_s"].values())
        asked = f"{case['prompt_tokens']} + {case['decodes']} tokens {jobs:.1f}/s"
        name = f"{asked}, {case['network']} {requests:.0f}/s"
        for mode, known in case["latencies_ms"].items():
            run = _simulated(table, case, networks[case["network"]], mode)
            told = _latencies_ms(case, run)
            power_w = float(run.summary()["mean_power_w"])
            rows.append(Row(name, "power", "card", mode, "W", case["mean_power_w"][mode], power_w))
            for client, figures in known.items():
                kind = mode if client == "llm" else f"{mode}, network"
                rows += [
                    Row(name, kind, client, f"latency {statistic}", "ms", was, is_told)
                    for statistic, was, is_told in zip(_STATISTICS, figures, told[client], strict=True)
                ]
        if progress:
            progress((done + 1) / len(table["cases"]))
    return Report(
        "h200-services",
        table["title"],
        "of the network its time on the GPU and kernels, of the language model kernels alone (h200-mixed)",
        "latencies of both by time-slicing, under MPS and with caps of 50 %: the model as it is shipped",
        rows,
        [
            *(Target(mode, "median", 0.05, 0.03) for mode in _MODES),
            *(Target(f"{mode}, network", "median", 0.05, 0.03) for mode in _MODES),
            Target("power", "median", 0.10, 0.05),
        ],
        [table["source"]],
        _NOTES,
        in_view=dict.fromkeys(("mps", "mps, network"), HELD),
    )


_NOTES = [
    "Measured after all laws were chosen. 25 to 79 jobs of the language model and 386 to 2,058 requests of the "
    "network in 20 s, simulated at the same moments.",
    "Under MPS networks beside decodes were predicted 13 % too fast (suite h200-mixed), and where the queue is near"
    " its limit (100 requests/s beside 3 jobs/s) latencies came out at half of what they were: 15.7 and 46.3 % off "
    "in the median and at the 90th percentile, 7.3 and 18.7 now; the language model 3.9 and 7.1, and 4.6 and 9.7 "
    "now.",
    "That the clock follows the mean draw, and what steps draw, came later, from other measurements "
    "(h200-clock.json): before, language models by turns were 2.7 % off in the median, and the card was told to "
    "draw 27 % too little.",
]


def _simulated(table: Mapping[str, Any], case: Mapping[str, Any], network: Batch, mode: str) -> Result:
    services = {"llm": _server(table, case), "network": network.service()}
    document = side_by_side("services", services, _MODES[mode])
    document["traffic"] = [{"name": name, "pipeline": name, "kind": "trace"} for name in services]
    tokens = {"llm": (case["prompt_tokens"], case["decodes"] + 1), "network": (1, 1)}
    traces = {name: _trace(name, times, *tokens[name]) for name, times in case["arrivals_s"].items()}
    return simulate(Scenario.from_dict(document, traces=traces), threads=1)


def _latencies_ms(case: Mapping[str, Any], run: Result) -> dict[str, list[float]]:
    """Mean, p50 and p95 of each client."""
    requests = run.requests
    taken_ms = 1e3 * (np.asarray(requests["finish_s"]) - np.asarray(requests["arrival_s"]))
    found = {}
    for name in case["arrivals_s"]:
        mine = taken_ms[np.asarray(requests["traffic"]) == name][1:]
        found[name] = [float(mine.mean()), *map(float, np.quantile(mine, (0.5, 0.95)))]
    return found


def _server(table: Mapping[str, Any], case: Mapping[str, Any]) -> dict[str, Any]:
    """One job at a time, whose steps have as many kernels as a prompt and its decodes in the mean."""
    steps = case["decodes"] + 1
    kernels = (table["prompt_kernels"] + case["decodes"] * table["decode_kernels"]) / steps
    host_s = table["host_ms"] * 1e-3
    return language_model(kernels, host_s, max_num_seqs=1, prefix_caching=False, async_scheduling=False)


def _trace(name: str, times: Sequence[float], input_tokens: int, output_tokens: int) -> Any:
    arrivals = np.array([0.0, *times])  # a trace begins with its first request; this one does not count
    columns = {
        "arrival_s": arrivals,
        "input_tokens": np.full(len(arrivals), input_tokens),
        "output_tokens": np.full(len(arrivals), output_tokens),
    }
    return from_columns(columns, name)
