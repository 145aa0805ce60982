"""Measured runs of one card: step tables, saturated groups, and co-runs, as the probe kit writes them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ._core import CalibrationError
from .files import data_file

__all__ = ["Client", "CoRun", "Group", "Measurements", "ServedJob", "StepCard", "StepKey", "StepRow"]


class StepKey(NamedTuple):
    """A step and its shape: ``StepKey("llm", "decode", 64, 2048)``."""

    model: str
    step: str
    batch: int
    n: int

    def __str__(self) -> str:
        return f"{self.model} {self.step} {self.batch}x{self.n}"

    def distance(self, other: StepKey) -> float:
        """How far apart two shapes of a step are: the sum of the logarithms of their ratios."""
        return abs(math.log(self.batch / other.batch)) + abs(math.log(self.n / other.n))


@dataclass(frozen=True)
class StepRow:
    """One row of a step table: seconds, FLOP and bytes of a step on so many SMs."""

    key: StepKey
    sms: int
    gpu_s: float
    synced_s: float
    flop: float
    bytes: float
    precision: str


@dataclass(frozen=True)
class StepCard:
    """What a model card knows of a step: kernels, the share of its time in which one fills the machine, work, time."""

    kernels: float
    full_share: float = 0.0
    flop: float = 0.0
    bytes: float = 0.0
    alone_s: float = 0.0
    precision: str = "bf16"


@dataclass(frozen=True)
class Group:
    """Clients that each repeat one step without pause.

    Attributes
    ----------
    mode : {"time-slicing", "mps"}
    percentages : tuple of float or None
        Active thread percentage of each client; None under time-slicing.
    """

    mode: str
    percentages: tuple[float, ...] | None
    sms: tuple[int, ...]
    steps: tuple[StepKey, ...]
    alone_s: tuple[float, ...]
    shared_s: tuple[float, ...]

    @property
    def capped(self) -> bool:
        """Whether any client has fewer SMs than the card."""
        return self.percentages is not None and min(self.percentages) < 100


@dataclass(frozen=True)
class Client:
    """A process of a co-run: its model, and its jobs as ``(arrival_s, [(step, repeats), ...])``."""

    model: str
    jobs: tuple[tuple[float, tuple[tuple[StepKey, int], ...]], ...]


class ServedJob(NamedTuple):
    """A job served; milliseconds from its arrival."""

    arrival_s: float
    wait_ms: float
    first_ms: float
    done_ms: float


@dataclass(frozen=True)
class CoRun:
    """One co-run under one kind of sharing.

    Attributes
    ----------
    case, mode : str
    clients : tuple of Client
    percentages : tuple of float
        Active thread percentage of each client; 100 where there are no caps.
    stop_after_s : float
        No client takes a new job later than this after the start.
    same_processes : bool
        Whether `alone` and `shared` were taken in the same processes.
    alone : tuple of list of ServedJob
        Each client by itself: on the whole card, unless `alone_capped`.
    shared : tuple of list of ServedJob
        All together: what is to be predicted.
    """

    case: str
    mode: str
    clients: tuple[Client, ...]
    percentages: tuple[float, ...]
    stop_after_s: float
    same_processes: bool
    alone: tuple[list[ServedJob], ...]
    alone_capped: bool
    shared: tuple[list[ServedJob], ...]


# When co-runs in the same processes were stopped whose record does not say so itself.
_SAME_PROCESSES_STOP_S = 8.0


@dataclass(frozen=True)
class Measurements:
    """Everything measured on one card.

    Attributes
    ----------
    name : str
        Of the folder.
    dedicated, by_sms : list of StepRow
        Step times on the whole card without MPS, and under MPS at several numbers of SMs.
    groups : list of Group
        Saturated pairs and larger groups.
    co_runs, repeats : list of CoRun
        The co-runs, and the same taken another time.
    slice_s : float or None
        Median time slice, from the stretches in which endless kernels ran.
    cards : mapping
        Model cards.
    device : mapping
        What the probe found out about the card; may be empty.
    """

    name: str
    dedicated: list[StepRow] = field(default_factory=list)
    by_sms: list[StepRow] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    co_runs: list[CoRun] = field(default_factory=list)
    repeats: list[CoRun] = field(default_factory=list)
    slice_s: float | None = None
    cards: Mapping[StepKey, StepCard] = field(default_factory=dict)
    device: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Measurements:
        """Reads a folder in the probe kit's format.

        Parameters
        ----------
        folder : str or path
            With ``steps_dedicated.json`` and any of ``steps_by_sm_share.json``, ``pairs.json``, ``groups.json``,
            ``scenarios.json`` with ``measured.json`` and ``measured_repeat.json``, ``time_slices.json``,
            ``cards.json``, ``device.json``.

        Raises
        ------
        CalibrationError
            A file is missing or malformed; the message names file and place.
        """
        path = Path(folder)
        if not path.is_dir():
            raise CalibrationError(f"{path}: no such folder")
        read = _Folder(path)
        scenarios = read.object("scenarios.json", required=(path / "measured.json").is_file())
        slices = read.object("time_slices.json")
        return cls(
            name=path.resolve().name,
            dedicated=list(_steps(read, "steps_dedicated.json", required=True)),
            by_sms=list(_steps(read, "steps_by_sm_share.json")),
            groups=[*_groups(read, "pairs.json"), *_groups(read, "groups.json")],
            co_runs=list(_co_runs(read, scenarios, "measured.json")),
            repeats=list(_co_runs(read, scenarios, "measured_repeat.json")),
            slice_s=_median_slice(slices),
            cards=_cards(read),
            device=read.object("device.json"),
        )

    @property
    def sms(self) -> int:
        """SMs of the whole card."""
        return max(row.sms for row in self.dedicated)

    def card(self, key: StepKey) -> StepCard:
        """The model card of a step, or of the nearest shape of the same step; one kernel where there is none."""
        if key in self.cards:
            return self.cards[key]
        same = [other for other in self.cards if other[:2] == key[:2]]
        return self.cards[min(same, key=key.distance)] if same else StepCard(1.0)


class _Folder:
    """Reads JSON files of a folder, and says where something is wrong."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def object(self, file: str, *, required: bool = False) -> dict[str, Any]:
        path = self.path / file
        if not path.is_file():
            if required:
                raise CalibrationError(f"{path}: the file is missing")
            return {}
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise CalibrationError(f"{path}: not JSON: {error}") from None
        if not isinstance(document, dict):
            raise CalibrationError(f"{path}: expected an object")
        return document

    def where(self, file: str, pointer: str) -> str:
        return f"{self.path / file}#{pointer}"


class _At:
    """Checked access to one JSON value."""

    def __init__(self, value: Any, where: str) -> None:
        self.value = value
        self.where = where

    def fail(self, what: str) -> CalibrationError:
        return CalibrationError(f"{self.where}: {what}")

    def get(self, key: str) -> _At:
        if not isinstance(self.value, dict) or key not in self.value:
            raise self.fail(f'expected an object with "{key}"')
        return _At(self.value[key], f"{self.where}/{key}")

    def find(self, key: str) -> _At | None:
        return self.get(key) if isinstance(self.value, dict) and key in self.value else None

    def items(self) -> Iterator[_At]:
        if not isinstance(self.value, list):
            raise self.fail("expected an array")
        for i, value in enumerate(self.value):
            yield _At(value, f"{self.where}/{i}")

    def number(self, least: float = 0.0) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float) or not self.value >= least:
            raise self.fail(f"expected a number of at least {least:g}, found {json.dumps(self.value)}")
        return float(self.value)

    def count(self) -> int:
        value = self.number(1)
        if value != int(value):
            raise self.fail(f"expected a whole number, found {value:g}")
        return int(value)

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.fail("expected a string")
        return self.value

    def numbers(self, count: int | None = None) -> tuple[float, ...]:
        found = tuple(item.number() for item in self.items())
        if count is not None and len(found) != count:
            raise self.fail(f"expected {count} numbers, found {len(found)}")
        return found


def _steps(read: _Folder, file: str, *, required: bool = False) -> Iterator[StepRow]:
    document = read.object(file, required=required)
    if not document:
        return
    for row in _At(document, read.where(file, "")).get("rows").items():
        precision = row.find("precision")
        yield StepRow(
            StepKey(
                row.get("model").text(),
                row.get("step").text(),
                row.get("batch").count(),
                row.get("n").count(),
            ),
            row.get("sms").count(),
            row.get("gpu_ms").number() / 1e3,
            row.get("synced_ms").number() / 1e3,
            row.get("gflop").number() * 1e9,
            row.get("gbyte").number() * 1e9,
            precision.text() if precision else "bf16",
        )


def _groups(read: _Folder, file: str) -> Iterator[Group]:
    document = read.object(file)
    if not document:
        return
    for row in _At(document, read.where(file, "")).get("rows").items():
        steps = row.find("clients")
        keys = tuple(_key(one) for one in (steps.items() if steps else (row.get("a"), row.get("b"))))
        clients = len(keys)
        percentages = row.get("active_thread_percentage")
        yield Group(
            row.get("mode").text(),
            None if percentages.value is None else percentages.numbers(clients),
            tuple(one.count() for one in row.get("sms").items()),
            keys,
            tuple(ms / 1e3 for ms in row.get("alone_ms").numbers(clients)),
            tuple(ms / 1e3 for ms in row.get("shared_ms").numbers(clients)),
        )


def _key(at: _At) -> StepKey:
    parts = list(at.items())
    if len(parts) != 4:
        raise at.fail("expected [model, step, batch, n]")
    return StepKey(parts[0].text(), parts[1].text(), parts[2].count(), parts[3].count())


def _co_runs(read: _Folder, scenarios: Mapping[str, Any], file: str) -> Iterator[CoRun]:
    document = read.object(file)
    for case in document:
        if case not in scenarios:
            raise CalibrationError(f"{read.where(file, '/' + case)}: scenarios.json has no such scenario")
        scenario = _At(scenarios[case], read.where("scenarios.json", "/" + case))
        clients = tuple(_client(one) for one in scenario.get("clients").items())
        caps = scenario.find("mps_active_thread_percentage")
        for mode in document[case]:
            at = _At(document[case][mode], read.where(file, f"/{case}/{mode}"))
            share = caps.find(mode) if caps else None
            same = bool(at.get("same_processes").value)
            stop = scenario.get("stop_after_s").number()
            own_stop = at.find("stop_after_s")
            capped = at.find("alone_capped")
            yield CoRun(
                case,
                mode,
                clients,
                share.numbers(len(clients)) if share else (100.0,) * len(clients),
                own_stop.number() if own_stop else min(stop, _SAME_PROCESSES_STOP_S) if same else stop,
                same,
                _served(capped or at.get("alone"), len(clients)),
                capped is not None,
                _served(at.get("shared"), len(clients)),
            )


def _client(at: _At) -> Client:
    model = at.get("model").text()
    jobs = []
    for job in at.get("jobs").items():
        arrival, steps = job.items()
        parts = []
        for step in steps.items():
            name, batch, n, repeats = step.items()
            parts.append((StepKey(model, name.text(), batch.count(), n.count()), repeats.count()))
        jobs.append((arrival.number(), tuple(parts)))
    return Client(model, tuple(jobs))


def _served(at: _At, clients: int) -> tuple[list[ServedJob], ...]:
    found = []
    for client in at.items():
        rows = []
        for row in client.get("rows").items():
            if not isinstance(row.value, list) or len(row.value) != 4:
                raise row.fail("expected [arrival_s, wait_ms, first_ms, done_ms]")
            rows.append(ServedJob(*map(float, row.value)))
        found.append(rows)
    if len(found) != clients:
        raise at.fail(f"expected {clients} clients, found {len(found)}")
    return tuple(found)


def _median_slice(document: Mapping[str, Any]) -> float | None:
    lengths = sorted(
        (end - start) / 1e9
        for run, processes in document.get("runs", {}).items()
        if len(processes) > 1
        for stretches in processes
        for start, end in stretches[1:-1]  # the first and the last are cut
    )
    return lengths[len(lengths) // 2] if lengths else None


def _cards(read: _Folder) -> dict[StepKey, StepCard]:
    """The folder's own cards, or those of the probe kit's models."""
    if not (read.path / "cards.json").is_file():
        read = _Folder(data_file("h200/cards.json").parent)
    document = _At(read.object("cards.json", required=True), read.where("cards.json", ""))
    cards = {}
    for row in document.get("rows").items():
        key = StepKey(
            row.get("model").text(), row.get("step").text(), row.get("batch").count(), row.get("n").count()
        )
        precision = row.find("precision")
        cards[key] = StepCard(
            row.get("kernels").number(1),
            _number_or_zero(row, "full_share"),
            _number_or_zero(row, "gflop") * 1e9,
            _number_or_zero(row, "gbyte") * 1e9,
            _number_or_zero(row, "gpu_ms") / 1e3,
            precision.text() if precision else "bf16",
        )
    return cards


def _number_or_zero(at: _At, name: str) -> float:
    found = at.find(name)
    return found.number() if found else 0.0
