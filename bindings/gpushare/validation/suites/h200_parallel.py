"""Engines over two H200s (tensor parallelism) that share both, or one, with others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...scenario.scenario import Scenario
from ...study.simulation import simulate
from ..documents import figure, measured, model_document
from ..llm_loops import MODEL, asked, engine, steps
from ..networks import GPU, SOURCE, Batch, beside_language_models
from ..report import Report, Row, Target

__all__ = ["run"]

#: Modes as they were measured, and what each process of the library has.
_MODES: dict[str, tuple[str, dict[str, int]]] = {
    "time-slicing": ("time-slicing", {}),
    "mps": ("mps", {}),
    "mps-50": ("mps", {"active_thread_percentage": 50}),
}
_NEIGHBOUR = "neighbour"
#: Where the second process is beside the engine on GPUs 0 and 1; on both, one process each.
_GPUS = {"two engines": (0, 1), "one GPU": (0,), "both GPUs": (0, 1)}
#: Of a step's graph (assumed).
_LAUNCH_S = 5e-5
#: Seconds until all sequences decode, and that are then counted.
_BEFORE_S, _COUNTED_S = 1.0, 6.0
#: Rounds in which a step's time alone comes to be the one that was measured.
_ROUNDS = 4


@dataclass(frozen=True)
class _Step:
    """A step of a language model on each of its GPUs, and how much longer it takes than the arithmetic says."""

    phase: str
    sequences: int
    tokens: int
    sizes: Mapping[str, float]
    gpus: int
    kernels: int
    factor: float = 1.0

    def service(self) -> dict[str, Any]:
        return {
            "model": _model(self.sizes, self.kernels, self.factor),
            "tensor_parallel": self.gpus,
            "precision": "fp16",
            "engine": engine(
                _LAUNCH_S,
                kind="continuous-batching",
                max_num_seqs=self.sequences,
                max_num_batched_tokens=65_536,
                prefix_caching=self.phase == "decode",
            ),
        }

    def asked(self) -> dict[str, Any]:
        """Prompts again and again, or sequences whose replies do not end and whose prompts are computed once."""
        return asked(self.phase, self.sequences, self.tokens)


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite; `data` is not used (see `registry.run_suite`)."""
    table = measured("h200-parallel.json")
    known: dict[str, _Step | Batch] = {name: _step(name) for name in table["steps"]}
    known["roberta 8"] = beside_language_models()["roberta 8"]
    rows: list[Row] = []
    for done, (mode, place, names, step_ms) in enumerate(table["rows"]["rows"]):
        told = _step_times(mode, place, [known[name] for name in names])
        groups = [place, place if place == "two engines" else _NEIGHBOUR]
        for name, group, one, predicted in zip(names, groups, step_ms, told, strict=True):
            case = f"{' + '.join(names)}, {place}, {mode}"
            rows.append(Row(case, f"{mode}, {group}", name, "step", "s", one * 1e-3, predicted))
        if progress:
            progress((done + 1) / len(table["rows"]["rows"]))
    groups = [*_GPUS, _NEIGHBOUR]
    return Report(
        "h200-parallel",
        table["title"],
        "time alone and kernels of each step",
        "times of steps, of an engine over two GPUs and of what runs beside it",
        rows,
        [Target(f"{mode}, {group}", "median", 0.08, 0.04) for mode in _MODES for group in groups],
        [table["source"]],
        _NOTES,
    )


_NOTES = [
    "No constant was fitted to it. That an all-reduce leaves the GPU to others, and waits for its turn as other "
    "kernels do, was found with these rows in view: before, under MPS 7.5 % (p90 54) for two engines, 6 % (16) and "
    "9 % (18) for one beside neighbours on one and on both GPUs, and 7 and 8 % (48 and 60) for those.",
    "That arithmetic finds no SMs beside kernels of a language model that wait for memory came later (h200-mixed): "
    "under MPS 8.3 % (p90 19), 5.6 (15) and 8.2 (17) before for two engines and for one beside neighbours on one "
    "and on both GPUs; the neighbours 7.6 (18), which are worse now.",
    "By turns with neighbours on both GPUs an engine is predicted 17 % too fast on average, and half as long at "
    "most: turns of two GPUs are not in step, and ranks wait for each other at every all-reduce, which is not "
    "simulated (a warning says so where it may happen).",
]


def _step(name: str) -> _Step:
    """As measured, with the factor at which its time alone beside idle processes comes out."""
    table = measured("h200-parallel.json")
    one = table["steps"][name]
    _, phase, size = name.removesuffix(" on one").split()
    sequences, tokens = map(int, size.split("x"))
    step = _Step(phase, sequences, tokens, table["models"][one["model"]], one["gpus"], one["kernels"])
    for _ in range(_ROUNDS):
        (alone_s,) = _step_times("time-slicing", "one GPU", [step])
        step = replace(step, factor=step.factor * one["alone_ms"]["time-slicing"] * 1e-3 / alone_s)
    return step


def _model(sizes: Mapping[str, float], kernels: int, factor: float) -> dict[str, Any]:
    """Llama 3.1 8B with other sizes, each of whose times is `factor` times as long."""
    layers, hidden, kv_width, inner = (sizes[key] for key in ("layers", "hidden", "kv_width", "inner"))
    of_layers = layers * hidden * (2 * hidden + 2 * kv_width + 3 * inner)
    of_head = hidden * sizes["vocabulary"]
    model = model_document(MODEL)
    wider = layers / model["layers"]["value"]
    elements = wider * hidden / model["hidden"]["value"]
    stretched = {
        key: model["formats"]["fp16"][key] for key in ("gemm_bandwidth_efficiency", "gemm_flop_efficiency")
    }
    weights = model["formats"]["fp16"] | {
        "weight_bytes": figure(2 * (of_layers + 2 * of_head), SOURCE),
        "read_bytes": figure(2 * (of_layers + of_head), SOURCE),
        "kv_bytes_per_token": figure(4 * layers * kv_width, SOURCE),
        **{key: figure(old["value"] / factor, SOURCE) for key, old in stretched.items()},
    }
    longer = {"gemm_floor_s": wider, "elementwise_floor_s": wider, "attention_floor_s": wider}
    longer["elementwise_bytes_per_token"] = elements
    shorter = ("attention_flop_efficiency", "kv_efficiency_base", "kv_efficiency_slope", "kv_efficiency_max")
    return model | {
        "layers": figure(layers, SOURCE),
        "hidden": figure(hidden, SOURCE),
        "flop_per_token": figure(2 * of_layers, SOURCE),
        "head_flop": figure(2 * of_head, SOURCE),
        "attention_flop_per_pair": figure(4 * layers * hidden, SOURCE),
        "kernels_per_step": figure(kernels, SOURCE),
        "formats": {"fp16": weights},
        **{key: figure(model[key]["value"] * times * factor, SOURCE) for key, times in longer.items()},
        **{key: figure(model[key]["value"] / factor, SOURCE) for key in shorter},
    }


def _step_times(mode: str, place: str, running: Sequence[_Step | Batch]) -> list[float]:
    """Mean seconds from step to step of each, beside a process on each GPU that is idle."""
    sharing, limits = _MODES[mode]
    names: list[list[str]] = []
    services = {f"idle{gpu}": beside_language_models()["roberta 8"].service() for gpu in (0, 1)}
    on: list[list[str]] = [["idle0"], ["idle1"]]
    for i, one in enumerate(running):
        spans = isinstance(one, _Step) and one.gpus > 1
        names.append([f"s{i}"] if spans else [f"s{i}-{gpu}" for gpu in _GPUS[place]])
        services |= dict.fromkeys(names[-1], one.service())
        for gpu in (0, 1) if spans else _GPUS[place]:
            on[gpu].append(f"s{i}" if spans else f"s{i}-{gpu}")
    hold = {"hold_s": _BEFORE_S + _COUNTED_S, "think_s": 0}
    document = {
        "name": "parallel",
        "gpu": GPU,
        "duration_s": _BEFORE_S + _COUNTED_S,
        "warmup_s": _BEFORE_S,
        "services": services,
        "pipelines": {name: {"stages": [{"name": name, "service": name}]} for name in services},
        "traffic": [
            {"name": name, "pipeline": name, "kind": "closed"} | hold | _asked(one)
            for one, all_names in zip(running, names, strict=True)
            for name in all_names
        ],
        "placement": {
            "gpus": [
                {
                    "partitions": [
                        {"sharing": sharing, "processes": [{"service": name} | limits for name in gpu]}
                    ]
                }
                for gpu in on
            ]
        },
    }
    summary = simulate(Scenario.from_dict(document), record_requests=False, threads=1).summary()
    return [
        sum(_step_s(one, name, summary) for name in all_names) / len(all_names)
        for one, all_names in zip(running, names, strict=True)
    ]


def _asked(one: _Step | Batch) -> dict[str, Any]:
    return one.asked() if isinstance(one, _Step) else {"users": 1}


def _step_s(one: _Step | Batch, name: str, summary: Mapping[str, Any]) -> float:
    decoding = one.sequences if isinstance(one, _Step) and one.phase == "decode" else 0
    return _COUNTED_S / steps(summary, name, decoding)
