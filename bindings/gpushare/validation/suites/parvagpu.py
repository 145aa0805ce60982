"""ParvaGPU: convolutional networks on every MIG size, in batches, by one to five processes."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...scenario.profiles import Profile, profile
from ..closed_loop import Step, cycle_s, resources
from ..fitting import fit_positive
from ..report import Report, Row, Target

__all__ = ["run"]

_GPU = "a100"
_INSTANCES = {1: "1g.10gb", 2: "2g.20gb", 3: "3g.40gb", 4: "4g.40gb", 7: "7g.80gb"}
_CALIBRATED = (1, 7)
_COLUMNS = ["Mig instance", "Batch size", "Workload Number", "Throughput", "Latency"]
#: Assumed share of the work that bandwidth bounds, the rest being arithmetic: 1g has 1/7 of the SMs and 1/8
#: of the bandwidth of 7g, which is too alike to tell them apart.
_MEMORY_SHARE = 0.5
#: The longer of launches and work counts; a fit wants a bend instead of a corner.
_BEND = 6.0
#: Estimate of a convolutional network's launches.
_KERNELS = 150


@dataclass(frozen=True)
class Measurement:
    """A row of the data: `throughput` of one process, items a second."""

    size: int
    batch: int
    processes: int
    throughput: float


@dataclass(frozen=True)
class Network:
    """A network's cost, seconds: launches of a step; floor and work on the whole GPU."""

    launch_s: float
    floor_per_item_s: float
    work_s: float
    work_per_item_s: float

    def step(self, batch: int) -> Step:
        """What a batch demands."""
        work_s = self.work_s + batch * self.work_per_item_s
        return Step(
            launch_s=self.launch_s,
            floor_s=batch * self.floor_per_item_s,
            compute_s=(1 - _MEMORY_SHARE) * work_s,
            memory_s=_MEMORY_SHARE * work_s,
            kernels=_KERNELS,
        )


def run(data: Path | None = None, progress: Callable[[float], None] | None = None) -> Report:
    """Runs the suite.

    Parameters
    ----------
    data : pathlib.Path
        Folder with the published profiles, one CSV file for each network.
    progress : callable, optional
        Called with a share of 1.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        There is no such folder, no CSV file in it, or a file that is not of the published format.
    """
    gpu = profile(_GPU)
    files = _files(data)
    rows: list[Row] = []
    left_out = 0
    for done, file in enumerate(files):
        found, repeated = read(file)
        left_out += repeated
        network = calibrate(found, gpu, file)
        rows += [_row(file.stem, network, one, gpu) for one in found]
        if progress:
            progress((done + 1) / len(files))
    return Report(
        suite="parvagpu",
        title="ParvaGPU: networks on MIG instances of an A100, one to five processes in each",
        calibrated_on="1g and 7g with one process, all batches: four numbers for each network",
        predicted="2g, 3g and 4g with one process, and two to five processes under MPS on every size",
        rows=rows,
        targets=[Target("", "median", 0.06, 0.04), Target("", "p90", 0.15, 0.10)],
        sources=["MunQ-Lee/ParvaGPU_SC24, commit 5f3de1e, prof_data/ (MIT): A100-SXM4-80GB"],
        notes=[
            "A network is the host's time to launch a step (what neither batch nor size changes), work "
            "that SMs and bandwidth shorten, and a floor that grows with the batch only. Half of the work "
            "is taken to be bound by bandwidth: one slice and seven do not tell.",
            f"{left_out} rows repeat the throughput of one process fewer to the last digit and are left "
            "out: a process had ended.",
        ],
    )


def _files(data: Path | None) -> list[Path]:
    if data is None:
        raise ValueError(
            'suite "parvagpu" needs the folder of the published profiles (prof_data/ of '
            "MunQ-Lee/ParvaGPU_SC24): they are not shipped"
        )
    if not data.is_dir():
        raise ValueError(f"{data}: there is no such folder; the parvagpu suite reads *.csv from it")
    files = sorted(data.glob("*.csv"))
    if not files:
        raise ValueError(f"{data}: no *.csv in this folder; the parvagpu suite reads one for each network")
    return files


def read(file: Path) -> tuple[list[Measurement], int]:
    """Rows that ran, and how many were left out as repeats.

    Raises
    ------
    ValueError
        With file and line.
    """
    with file.open(newline="", encoding="utf-8-sig") as lines:
        table = csv.reader(lines)
        if next(table, None) != _COLUMNS:
            raise ValueError(f"{file}:1: expected the columns {', '.join(_COLUMNS)}")
        parsed = [_parse(file, line, cells) for line, cells in enumerate(table, 2) if cells]
    rows = [row for row in parsed if row.throughput > 0 and np.isfinite(row.throughput)]
    at = {(row.size, row.batch, row.processes): row.throughput for row in rows}
    kept = [row for row in rows if at.get((row.size, row.batch, row.processes - 1)) != row.throughput]
    return kept, len(rows) - len(kept)


def _parse(file: Path, line: int, cells: list[str]) -> Measurement:
    try:
        row = Measurement(int(cells[0]), int(cells[1]), int(cells[2]), float(cells[3]))
    except (ValueError, IndexError):
        raise ValueError(f"{file}:{line}: expected five numbers, found {','.join(cells)!r}") from None
    if row.size not in _INSTANCES or row.batch < 1 or row.processes < 1:
        sizes = ", ".join(map(str, _INSTANCES))
        raise ValueError(f"{file}:{line}: sizes are {sizes}; batch and processes at least 1; found {cells!r}")
    return row


def calibrate(rows: list[Measurement], gpu: Profile, file: Path) -> Network:
    """Fits a network to its single processes on the smallest and the largest instance.

    Raises
    ------
    ValueError
        There are fewer such rows than numbers to fit.
    """
    used = [row for row in rows if _is_calibration(row)]
    if len(used) < 4 or {row.size for row in used} != set(_CALIBRATED):
        raise ValueError(f"{file}: sizes 1 and 7 with one process must have four rows or more between them")
    batch = np.array([row.batch for row in used], dtype=np.float64)
    longer = np.array([_work_factor(gpu, row.size) for row in used])
    seconds = np.array([row.batch / row.throughput for row in used])

    def predict(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        launch, floor, work, work_per_item = numbers
        gpu_s = floor * batch + (work + work_per_item * batch) * longer
        found: npt.NDArray[np.float64] = (launch**_BEND + gpu_s**_BEND) ** (1 / _BEND)
        return found

    per_item = float(np.min(seconds / batch))
    start = [float(np.min(seconds)), per_item / 10, per_item, per_item]
    launch, floor, work, work_per_item = (float(x) for x in fit_positive(predict, seconds.tolist(), start))
    return Network(launch, floor, work, work_per_item)


def _work_factor(gpu: Profile, size: int) -> float:
    sms, bandwidth = resources(gpu, _INSTANCES[size])
    return (1 - _MEMORY_SHARE) / sms + _MEMORY_SHARE / bandwidth


def _is_calibration(row: Measurement) -> bool:
    return row.processes == 1 and row.size in _CALIBRATED


def _row(network: str, cost: Network, row: Measurement, gpu: Profile) -> Row:
    instance = _INSTANCES[row.size]
    step = cost.step(row.batch)
    shared = row.processes > 1
    seconds = cycle_s(
        _GPU,
        f"mig:{instance}/mps" if shared else f"mig:{instance}",
        step.model(gpu),
        row.processes,
        max(step.launch_s, step.gpu_s(*resources(gpu, instance))),
    )
    return Row(
        case=f"{row.size}g batch {row.batch} x{row.processes}",
        mode="mig/mps" if shared else "mig",
        client=network,
        metric="throughput",
        unit="1/s",
        measured=row.throughput,
        predicted=row.batch / seconds,
        role="calibration" if _is_calibration(row) else "prediction",
    )
