"""Figures in long form: one row each, with what its name says in columns of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ..frames.tables import Table
from . import figures

__all__ = ["tidy"]

_UNITS = ("_s", "_bytes")
#: Latencies of whole pipelines, and those that engines measure over all of them; the others are of a stage.
_OF_PIPELINES = ("e2e_latency", "voice_to_voice")
_OF_SERVICES = ("itl", "chunk_latency", "interarrival_jitter", "first_chunk", "inter_chunk")


def tidy(values: Mapping[str, float], only_pipeline: str = "") -> Table:
    """A row for each figure.

    Parameters
    ----------
    values : mapping of str to float
        By canonical name.
    only_pipeline : str
        The pipeline that names of latencies leave out.

    Returns
    -------
    Table
        ``pipeline`` (of latencies, but for those that engines measure over all), ``stage`` (or the service or partition
        that it is of), ``metric``, ``statistic`` (of latencies: ``mean``, ``p50``, ...), ``value``, ``half_width``
        (NaN: one run, or not known), ``unit``.
    """
    rows = [_split(name, only_pipeline) for name in values]
    widths = [getattr(value, "half_width", math.nan) for value in values.values()]
    columns = {
        name: [row[i] for row in rows] for i, name in enumerate(("pipeline", "stage", "metric", "statistic"))
    }
    return Table(
        "figures",
        {
            **columns,
            "value": np.array([float(value) for value in values.values()]),
            "half_width": np.array([width if math.isfinite(width) else math.nan for width in widths]),
            "unit": [figures.describe(name).unit for name in values],
        },
    )


def _split(name: str, only_pipeline: str) -> tuple[str, str, str, str]:
    """Pipeline, stage, metric and statistic of a canonical name."""
    owner, _, last = name.rpartition(".")
    for metric in figures.metrics():
        statistic = last.removeprefix(f"{metric}_")
        if statistic != last and statistic in figures.of("latency"):
            return *_place(owner, metric, only_pipeline), metric, _plain(statistic)
    return "", owner, _plain(last), ""


def _place(owner: str, metric: str, only_pipeline: str) -> tuple[str, str]:
    """Pipeline and stage of a latency."""
    if only_pipeline:
        return only_pipeline, owner
    pipeline, dot, stage = owner.partition(".")
    if dot:
        return pipeline, stage
    if metric in _OF_PIPELINES:
        return owner, ""
    return "" if metric in _OF_SERVICES else owner, owner


def _plain(name: str) -> str:
    """Without its unit, which has a column of its own."""
    for unit in _UNITS:
        name = name.removesuffix(unit)
    return name
