"""Networks for images, text and sound on one H200: copies of one and pairs of unlike ones, with hosts and without."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ...scenario.scenario import Scenario
from ...study.simulation import simulate
from ..documents import measured
from ..networks import Batch, calibrated, share_of_sms, side_by_side
from ..report import Report, Row, Target

__all__ = ["run"]

#: Those that were looked at when it was decided that arithmetic fills the SMs at whatever rate it reaches.
_IN_VIEW = frozenset(["resnet50", "vit_b_16", "efficientnet_b0", "mobilenet_v3", "convnext_tiny", "bert"])
#: Modes as they were measured, and as the library has them, with the processes that there were.
_MODES = {
    "time-slicing": ("time-slicing", 4),
    "mps": ("mps", 4),
    "mps-50": ("mps:50/50", 2),
    "mps-25": ("mps:25/25/25/25", 4),
}
_OTHERS = "mps, unseen"
#: Steps of the slowest process that are simulated.
_STEPS = 80


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite; `data` is not used (see `registry.run_suite`)."""
    table = measured("h200-networks.json")
    batches: dict[tuple[str, int], Batch] = {}
    rows: list[Row] = []
    for done, (name, network) in enumerate(table["networks"].items()):
        for batch, found in _calibrated(network).items():
            batches[name, batch] = found
            rows += _copies(name, batch, found, network)
        if progress:
            progress(0.7 * (done + 1) / len(table["networks"]))
    for pair in table["pairs"]["rows"]:
        rows += _pair(batches, *pair)
    if progress:
        progress(1.0)
    return Report(
        "h200-networks",
        table["title"],
        "time on the GPU and kernels of each batch, and its rate alone beside idle processes (time-slicing)",
        "rates of two and four copies and of pairs of unlike networks, in each mode; batches are of so many items",
        rows,
        [
            Target("time-slicing", "median", 0.05, 0.03),
            Target("mps", "median", 0.08, 0.04),
            Target(_OTHERS, "median", 0.08, 0.04),
            Target("mps-50", "median", 0.08, 0.04),
            Target("mps-25", "median", 0.15, 0.08),
        ],
        [table["source"]],
        _NOTES,
        in_view={"mps": "that arithmetic fills the SMs at whatever rate it reaches (no figure was fitted)"},
    )


_NOTES = [
    "A case is a batch, of copies of one network or by a batch of another. A network is a floor and arithmetic, of "
    "which all its batches tell the ratio and each its own length; how fast arithmetic is in a network follows "
    "from its time alone (2 to 40 % of the peak rate here).",
    "Kernels wait for their hosts in step: two copies that begin together stay together, and slow each other under MPS "
    "where turns would let one compute while the other's host works. Of the 42 batches with 2 or 3 ms of host, two "
    "copies serve 0.68 to 1.37 of what they do by turns, and less in 29; saturated, two serve more in 39.",
    "Tried and not taken: arithmetic over the step's time as the share of the machine that a batch fills, instead of "
    "its squared share: saturated copies of those in view come closer (12.8 to 10.4 %, root mean square), of the "
    "others hardly (12.2 to 11.5), and copies with hosts worse (7.3 to 9.1 and 8.9 to 11.7).",
    "Not modelled: what short kernels wait beside those of 100 us (a Whisper encoder of 24 items slows others 15 to 16 "
    "times, predicted 9 to 10); what a quarter of the SMs leaves of the bandwidth to memory-bound networks.",
]


def _calibrated(network: Mapping[str, Any]) -> dict[int, Batch]:
    rates = {int(batch): one["steps_per_s"]["time-slicing"] for batch, one in network["batches"].items()}
    return calibrated(network, {batch: 1 / rate["saturated"]["1"] for batch, rate in rates.items()})


def _copies(name: str, batch: int, found: Batch, network: Mapping[str, Any]) -> list[Row]:
    rows = []
    for mode, kinds in network["batches"][str(batch)]["steps_per_s"].items():
        for kind, rates in kinds.items():
            host_s = network["host_ms"] * 1e-3 if kind == "with_host" else 0.0
            case = f"{batch}" + (f", host {network['host_ms']} ms" if host_s else "")
            for copies, rate in rates.items():
                told = sum(_rates([found] * int(copies), mode, host_s))
                rows.append(
                    Row(
                        case=f"{case} x{copies}",
                        mode=_split(mode, name),
                        client=name,
                        metric="rate",
                        unit="1/s",
                        measured=rate,
                        predicted=told,
                        role=_role(mode, int(copies), host_s),
                    )
                )
    return rows


def _role(mode: str, copies: int, host_s: float) -> Literal["prediction", "calibration", "check"]:
    """One copy by itself is what the figures are from, or right nearly without a model."""
    if copies > 1:
        return "prediction"
    return "calibration" if mode == "time-slicing" and not host_s else "check"


def _pair(batches: Mapping[tuple[str, int], Batch], a: str, a_batch: int, b: str, b_batch: int, mode: str,
          a_rate: float, b_rate: float) -> list[Row]:  # fmt: skip
    told = _rates([batches[a, a_batch], batches[b, b_batch]], mode, 0)
    cases = (f"{a_batch} by {b} {b_batch}", f"{b_batch} by {a} {a_batch}")
    return [
        Row(case, _split(mode, name), name, "rate", "1/s", rate, one)
        for case, name, rate, one in zip(cases, (a, b), (a_rate, b_rate), told, strict=True)
    ]


def _split(mode: str, name: str) -> str:
    return _OTHERS if mode == "mps" and name not in _IN_VIEW else mode


def _rates(running: Sequence[Batch], mode: str, host_s: float) -> list[float]:
    """Steps a second of each, all from the same moment on, beside processes that are idle."""
    way, processes = _MODES[mode]
    share = share_of_sms(way)
    cycle_s = host_s + sum(one.launch_s + one.gpu_s / share for one in running)
    window_s = _STEPS * cycle_s
    idle = [running[0]] * (processes - len(running))
    services = {f"s{i}": one.service(host_s) for i, one in enumerate([*running, *idle])}
    document = side_by_side("networks", services, way) | {
        "duration_s": window_s,
        "traffic": [
            {"name": f"s{i}", "pipeline": f"s{i}", "kind": "closed", "users": 1, "hold_s": window_s}
            for i in range(len(running))
        ],
    }
    summary = simulate(Scenario.from_dict(document), record_requests=False, threads=1).summary()
    return [float(summary[f"s{i}.e2e_latency_count"]) / window_s for i in range(len(running))]
