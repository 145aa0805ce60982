"""Model files from timed steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .fits import Fitted
from .measurements import Measurements
from .runs import StepRow

__all__ = ["step_models"]


def step_models(
    measured: Measurements, demands: Mapping[tuple[str, str], Mapping[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """A batch model for each step and length that was timed with two batch sizes or more.

    Parameters
    ----------
    measured : Measurements
    demands : mapping
        By (model, step), as `Calibration.demands`.

    Yields
    ------
    name : str
    document : dict
        A model file: an item is one sequence or stream of the batch.
    """
    for (model, step), demand in demands.items():
        rows = [row for row in measured.dedicated if row.key[:2] == (model, step)]
        for n in sorted({row.key.n for row in rows}):
            of_length = [row for row in rows if row.key.n == n]
            if len({row.key.batch for row in of_length}) > 1:
                name = f"{model}-{step}-{n}"
                yield name, _document(name, measured, of_length, demand)


def _document(
    name: str, measured: Measurements, rows: Sequence[StepRow], demand: Mapping[str, Any]
) -> dict[str, Any]:
    fitted = f"fitted to the step tables of {measured.name}; median |error| {100 * demand['median_abs_error']:.1f} %"
    counted = f"counted by hand, step tables of {measured.name}"
    flop = _line(rows, [row.flop for row in rows])
    moved = _line(rows, [row.bytes for row in rows])
    document: dict[str, Any] = {
        "name": name,
        "title": f"{rows[0].key.model}: one {rows[0].key.step} step of length {rows[0].key.n}",
        "kind": "batch",
        "unit": "item",
        "precision": rows[0].precision,
        "floor_s": _figure(demand["floor_s"], fitted),
        "kernels": {"value": measured.card(rows[0].key).kernels, "source": "model card", "grade": "measured"},
        "memory_bytes": {"value": max(moved[0], 1e9), "source": "assumed: the weights", "grade": "assumed"},
        "host_after_s": _figure(demand["host_s"], fitted),
    }
    if flop[1] > 0:
        document["flop_per_unit"] = {"value": flop[1], "source": counted, "grade": "derived"}
        document["flop_efficiency"] = _figure(demand["flop_efficiency"], fitted)
    if moved[0] + moved[1] > 0:
        document["weight_bytes"] = {"value": moved[0], "source": counted, "grade": "derived"}
        document["bytes_per_unit"] = {"value": moved[1], "source": counted, "grade": "derived"}
        document["bandwidth_efficiency"] = _figure(demand["bandwidth_efficiency"], fitted)
    return document


def _line(rows: Sequence[StepRow], values: Sequence[float]) -> tuple[float, float]:
    """Intercept and slope over the batch, neither below zero."""
    batches = np.array([row.key.batch for row in rows], dtype=float)
    slope, intercept = np.polyfit(batches, np.array(values), 1)
    return max(0.0, float(intercept)), max(0.0, float(slope))


def _figure(fitted: Mapping[str, Any], source: str) -> dict[str, Any]:
    found = Fitted(**fitted)
    grade = "derived" if found.determined else "assumed"
    doubt = "" if found.determined else "; the data do not determine it"
    return {"value": found.value, "source": source + doubt, "grade": grade}
