"""Reads a folder of measured runs, and says where something is wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .._core import CalibrationError
from .._errors import fail
from ..files import data_file
from .runs import Client, CoRun, Group, ServedJob, StepCard, StepKey, StepRow

__all__ = ["Folder", "read_cards", "read_co_runs", "read_groups", "read_slice", "read_steps"]

# When co-runs in the same processes were stopped whose record does not say so itself.
_SAME_PROCESSES_STOP_S = 8.0


class Folder:
    """The JSON files of a folder, each an object."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def object(self, file: str, *, required: bool = False) -> dict[str, Any]:
        """The object in a file; empty where the file is missing and need not be there."""
        path = self.path / file
        if not path.is_file():
            if required:
                raise fail(CalibrationError, str(path), "the file is missing")
            return {}
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise fail(CalibrationError, str(path), f"not JSON: {error}") from None
        if not isinstance(document, dict):
            raise fail(CalibrationError, str(path), "expected an object")
        return document

    def where(self, file: str, pointer: str) -> str:
        """A place in a file, as errors name it."""
        return f"{self.path / file}#{pointer}"


class _At:
    """Checked access to one JSON value."""

    def __init__(self, value: Any, where: str) -> None:
        self.value = value
        self.where = where

    def fail(self, what: str) -> CalibrationError:
        return fail(CalibrationError, self.where, what)

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

    def parts(self, what: str) -> list[_At]:
        """The items of an array that must hold as many as `what` names."""
        found = list(self.items())
        if len(found) != what.count(",") + 1:
            raise self.fail(f"expected [{what}], found {len(found)} items")
        return found

    def members(self) -> Iterator[tuple[str, _At]]:
        if not isinstance(self.value, dict):
            raise self.fail("expected an object")
        for key, value in self.value.items():
            yield key, _At(value, f"{self.where}/{key}")

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


def read_steps(read: Folder, file: str, *, required: bool = False) -> list[StepRow]:
    """A step table; empty where the file is missing and need not be there."""
    return list(_steps(read, file, required))


def _steps(read: Folder, file: str, required: bool) -> Iterator[StepRow]:
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


def read_groups(read: Folder, file: str) -> list[Group]:
    """Saturated groups; empty where the file is missing."""
    return list(_groups(read, file))


def _groups(read: Folder, file: str) -> Iterator[Group]:
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
    parts = at.parts("model, step, batch, n")
    return StepKey(parts[0].text(), parts[1].text(), parts[2].count(), parts[3].count())


def read_co_runs(read: Folder, scenarios: Mapping[str, Any], file: str) -> list[CoRun]:
    """Measured co-runs of these scenarios; empty where the file is missing."""
    return list(_co_runs(read, scenarios, file))


def _co_runs(read: Folder, scenarios: Mapping[str, Any], file: str) -> Iterator[CoRun]:
    document = read.object(file)
    for case in document:
        if case not in scenarios:
            raise fail(CalibrationError, read.where(file, f"/{case}"), "scenarios.json has no such scenario")
        scenario = _At(scenarios[case], read.where("scenarios.json", "/" + case))
        clients = tuple(_client(one) for one in scenario.get("clients").items())
        caps = scenario.find("mps_active_thread_percentage")
        for mode, at in _At(document[case], read.where(file, f"/{case}")).members():
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
        arrival, steps = job.parts("arrival_s, steps")
        parts = []
        for step in steps.items():
            name, batch, n, repeats = step.parts("step, batch, n, repeats")
            parts.append((StepKey(model, name.text(), batch.count(), n.count()), repeats.count()))
        jobs.append((arrival.number(), tuple(parts)))
    return Client(model, tuple(jobs))


def _served(at: _At, clients: int) -> tuple[list[ServedJob], ...]:
    found = []
    for client in at.items():
        rows = []
        for row in client.get("rows").items():
            parts = row.parts("arrival_s, wait_ms, first_ms, done_ms")
            rows.append(ServedJob(*(part.number(-math.inf) for part in parts)))
        found.append(rows)
    if len(found) != clients:
        raise at.fail(f"expected {clients} clients, found {len(found)}")
    return tuple(found)


def read_slice(read: Folder, file: str) -> float | None:
    """Median time slice in seconds; None where the file is missing or holds no whole slice."""
    document = read.object(file)
    if not document:
        return None
    at = _At(document, read.where(file, ""))
    lengths = []
    for _, run in at.get("runs").members():
        processes = list(run.items())
        for process in processes if len(processes) > 1 else []:
            stretches = [one.numbers(2) for one in process.items()]
            lengths += [
                (end - start) / 1e9 for start, end in stretches[1:-1]
            ]  # the first and the last are cut
    return sorted(lengths)[len(lengths) // 2] if lengths else None


def read_cards(read: Folder) -> dict[StepKey, StepCard]:
    """The folder's own cards, or those of the probe kit's models."""
    if not (read.path / "cards.json").is_file():
        read = Folder(data_file("h200/cards.json").parent)
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
