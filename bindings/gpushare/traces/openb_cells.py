"""Cells of tables of nodes and pods: what each column holds, and what cannot be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from .._core import TraceError
from .._errors import fail
from .._numbers import length_of
from .dates import seconds

__all__ = [
    "NODE_COLUMNS",
    "OTHER_NODE_COLUMNS",
    "OTHER_POD_COLUMNS",
    "POD_COLUMNS",
    "TIMES",
    "WHOLE",
    "cell",
    "check_node",
    "check_pod",
]

NODE_COLUMNS = {"sn": "text", "cpu_milli": "cores", "memory_mib": "mib", "gpu": "count", "model": "text"}
POD_COLUMNS = {
    "name": "text",
    "cpu_milli": "cores",
    "memory_mib": "mib",
    "num_gpu": "count",
    "gpu_milli": "share",
}
# What only some files have: OpenB's own, and what schedulers know beside it.
OTHER_NODE_COLUMNS = {"labels": "labels", "taints": "taints"}
OTHER_POD_COLUMNS = {
    "gpu_spec": "text",
    "qos": "text",
    "pod_phase": "text",
    "creation_time": "time",
    "deletion_time": "time",
    "scheduled_time": "time",
    "duration": "length",
    "priority": "integer",
    "group": "text",
    "gang": "text",
    "selector": "labels",
    "tolerations": "taints",
    "service": "text",
    "node": "text",
    "devices": "numbers",
    "starts": "numbers",
}
#: Kinds of cells that are seconds, and those that are whole numbers.
TIMES = ("time", "length")
WHOLE = ("cores", "mib", "count", "share", "integer")

#: GPUs of one node, at most.
_MOST_GPUS = 16
#: Later ones are no seconds: it is the year 2096 of those who count from 1970.
_LATEST_S = 4e9
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(Mi|Gi|Ti)?")
_MIB = {"Mi": 1, "Gi": 1024, "Ti": 1024**2}
#: How Kubernetes ends a taint that keeps pods away.
_EFFECT = re.compile(r":(NoSchedule|NoExecute)$")


def _between(least: int, most: int) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = int(text.removesuffix(".0"))  # pandas writes so where a column has gaps
        if not least <= value <= most:
            raise ValueError
        return value

    return parse


def _integer(text: str) -> float:
    return _between(-(10**9), 10**9)(text) if text else 0


def _seconds(given: float) -> float:
    if not 0 <= given <= _LATEST_S:
        raise ValueError
    return given


def _time(text: str) -> float:
    if not text:
        return math.nan
    try:
        return _seconds(float(text))
    except ValueError:
        return _seconds(seconds(text))


def _length(text: str) -> float:
    return _seconds(length_of(text)) if text else math.nan


def _numbers(text: str) -> str:
    if text and not all(part.isdecimal() and len(part) < 4 for part in text.split("|")):
        raise ValueError
    return text


def _labels(text: str) -> str:
    if text and not all("=" in part.strip("=") for part in text.split("|")):
        raise ValueError
    return text


def _taints(text: str) -> str:
    """As the library has them, without the effect."""
    parts = [_EFFECT.sub("", part) for part in text.split("|")]
    if any(":" in part for part in parts):
        raise ValueError
    return "|".join(parts)


_LEGAL: dict[str, tuple[Callable[[str], str | float], str]] = {
    "text": (str, "text"),
    "cores": (_between(0, 10**12), "thousandths of a core, a whole number of at least 0"),
    "mib": (_between(0, 10**15), "MiB, a whole number of at least 0"),
    "count": (_between(0, _MOST_GPUS), f"a whole number from 0 to {_MOST_GPUS}"),
    "share": (_between(0, 1000), "thousandths of a GPU, a whole number from 0 to 1000"),
    "time": (
        _time,
        f"seconds from 0 to {_LATEST_S:.0f}, a date such as 2026-11-30T09:00:00Z, or nothing",
    ),
    "length": (_length, f"seconds from 0 to {_LATEST_S:.0f}, a length such as 90min, or nothing"),
    "integer": (_integer, "a whole number within a thousand million, or nothing"),
    "numbers": (_numbers, "whole numbers of at least 0, several with | between them, or nothing"),
    "labels": (_labels, "key=value, several with | between them, or nothing"),
    "taints": (
        _taints,
        "key=value or key, several with | between them, or nothing (what only prefers other nodes keeps nobody away)",
    ),
}


def cell(text: str, kind: str, column: str, where: str) -> str | float:
    """What a cell says; times are seconds, NaN where there is none, and dates those since 1970.

    Raises
    ------
    TraceError
        That says what would be right.
    """
    parse, legal = _LEGAL[kind]
    try:
        return parse(text)
    except ValueError:
        found = f'column "{column}": expected {legal}, found "{text[:40]}"{_meant(text, kind)}'
        raise fail(TraceError, where, found) from None


def _meant(text: str, kind: str) -> str:
    """How to write a quantity as Kubernetes has it, or milliseconds."""
    found = _QUANTITY.fullmatch(text.strip())
    if kind == "time" and text.strip().isdecimal():
        return "; in milliseconds? Divide them by 1000"
    if found is None:
        return ""
    if kind == "mib" and found[2]:
        return f"; write {float(found[1]) * _MIB[found[2]]:.0f}"
    if kind in ("cores", "share") and "." in found[1] and not found[2]:
        return f"; write {1000 * float(found[1]):.0f}"
    return ""


def check_pod(row: Mapping[str, str | float], where: str) -> None:
    """Refuses a pod whose cells contradict each other.

    Raises
    ------
    TraceError
    """
    if row["num_gpu"] and not row["gpu_milli"]:
        raise fail(
            TraceError, where, 'column "gpu_milli": found 0 of a pod with GPUs; expected 1 to 1000 of each'
        )
    if not row["num_gpu"] and row["gpu_milli"]:
        raise fail(
            TraceError,
            where,
            f'column "num_gpu": found 0 of a pod with gpu_milli {row["gpu_milli"]}; expected at least 1',
        )
    began, ended = row.get("creation_time", math.nan), row.get("deletion_time", math.nan)
    if isinstance(began, float | int) and isinstance(ended, float | int) and ended < began:
        raise fail(
            TraceError,
            where,
            f'column "deletion_time": found {ended:.0f}; expected no less than the creation_time {began:.0f}',
        )


def check_node(row: Mapping[str, str | float], where: str) -> None:
    """Refuses a node without a name.

    Raises
    ------
    TraceError
    """
    if not row["sn"]:
        raise fail(TraceError, where, 'column "sn": found nothing; expected the name of the node')
