"""Steps whose kernels the host launches one by one, beside others on one H200."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...scenario.scenario import Scenario
from ...study.simulation import simulate
from ..documents import figure, measured
from ..llm_loops import asked, language_model, steps
from ..networks import SOURCE, Batch, beside_language_models, side_by_side
from ..report import Report, Row, Target

__all__ = ["run"]

_MODES = {"time-slicing": "time-slicing", "mps": "mps", "mps-50": "mps:50/50"}
_EAGER = "eager "
#: Of the host before the first launch (assumed).
_BEFORE_LAUNCH_S = 3e-5
#: Seconds until all sequences decode, and that are then counted.
_BEFORE_S, _COUNTED_S = 0.3, 3.0
#: Where the host was so much slower or faster afterwards, alone, nothing can be said.
_STEADY = 0.1


@dataclass(frozen=True)
class _Client:
    """A process of a pair: its step, and how long that takes alone."""

    name: str
    kernels: int
    gpu_s: float
    alone_s: float

    @property
    def eager(self) -> bool:
        return self.name.startswith(_EAGER)

    @property
    def sequences(self) -> int:
        """That decode in it; 0 of other steps."""
        words = self.name.removeprefix(_EAGER).split()
        return int(words[2].split("x")[0]) if words[:2] == ["llm", "decode"] else 0

    @property
    def launch_s(self) -> float:
        """In which the host launches its kernels, beside the GPU."""
        return self.alone_s - _BEFORE_LAUNCH_S if self.eager else 0.0

    def service(self) -> dict[str, Any]:
        step = self.name.removeprefix(_EAGER)
        if step.startswith("llm"):
            service = language_model(
                self.kernels,
                _BEFORE_LAUNCH_S,
                max_num_seqs=max(1, self.sequences),
                prefix_caching=self.sequences > 0,
            )
        else:
            known = beside_language_models()[step]
            service = self._as_long(known).service() if self.eager else known.service()
        if self.eager:
            service["model"] |= {"launch_s": figure(self.launch_s, SOURCE)}
        return service

    def _as_long(self, known: Batch) -> Batch:
        longer = self.gpu_s / known.gpu_s
        return replace(
            known,
            floor_s=known.floor_s * longer,
            work_s=known.work_s * longer,
            kernels=self.kernels,
            launch_s=_BEFORE_LAUNCH_S,
        )

    def asked(self) -> dict[str, Any]:
        words = self.name.removeprefix(_EAGER).split()
        if words[0] != "llm":
            return {"users": 1}
        return asked(words[1], *map(int, words[2].split("x")))

    def step_s(self, name: str, summary: Mapping[str, Any]) -> float:
        """Mean seconds from step to step."""
        return _COUNTED_S / steps(summary, name, self.sequences)


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite; `data` is not used (see `registry.run_suite`)."""
    table = measured("h200-eager.json")
    rows: list[Row] = []
    for done, (mode, names, alone_ms, step_ms) in enumerate(table["rows"]["rows"]):
        if all(abs(before / after - 1) < _STEADY for before, after in alone_ms):
            pair = [
                _Client(name, step["kernels"], step["gpu_ms"] * 1e-3, sum(alone) / 2 * 1e-3)
                for name, alone, step in zip(
                    names, alone_ms, (table["steps"][name] for name in names), strict=True
                )
            ]
            for one, other, ms, told in zip(
                pair, reversed(pair), step_ms, _step_times(mode, pair), strict=True
            ):
                kind = mode if one.eager else f"{mode}, graph"
                rows.append(Row(f"{one.name} by {other.name}", kind, one.name, "step", "s", ms * 1e-3, told))
        if progress:
            progress((done + 1) / len(table["rows"]["rows"]))
    return Report(
        "h200-eager",
        table["title"],
        "time alone of each step (a language model's time on the GPU is its arithmetic's), and its kernels",
        "times of steps side by side, of pairs whose hosts were as fast alone before and afterwards to a tenth",
        rows,
        [Target(kind, "median", 0.1, 0.05) for mode in _MODES for kind in (mode, f"{mode}, graph")],
        [table["source"]],
        _NOTES,
    )


_NOTES = [
    "No constant was fitted to it. That the last kernel, launched when the others are done, waits for a turn of its"
    " own was found with a first set of such measurements in view, of which hosts were less steady; tried on these "
    "it brings eager steps by turns beside graphs from 19 to 6 %: most took 1.2 to 1.6 times as long, and were "
    "predicted as alone.",
    "That arithmetic finds no SMs beside kernels of a language model that wait for memory (h200-mixed) holds of "
    "graphs: kernels launched one by one leave the SMs in between. It came later; before, under MPS 9.1 % (p90 34),"
    " and 3.6 (9) of the graphs.",
    "Under MPS beside long prompts eager steps take 1.2 to 1.8 times as long as predicted: each kernel finds the "
    "machine full anew.",
]


def _step_times(mode: str, pair: Sequence[_Client]) -> list[float]:
    services = {f"s{i}": one.service() for i, one in enumerate(pair)}
    if mode != "mps-50":
        services["idle"] = beside_language_models()["bert 4"].service()
    hold = {"kind": "closed", "hold_s": _BEFORE_S + _COUNTED_S, "think_s": 0}
    document = side_by_side("eager", services, _MODES[mode]) | {
        "duration_s": _BEFORE_S + _COUNTED_S,
        "warmup_s": _BEFORE_S,
        "traffic": [
            {"name": f"s{i}", "pipeline": f"s{i}"} | hold | one.asked() for i, one in enumerate(pair)
        ],
    }
    summary = simulate(Scenario.from_dict(document), record_requests=False, threads=1).summary()
    return [one.step_s(f"s{i}", summary) for i, one in enumerate(pair)]
