"""What monitoring says of GPUs: text of the DCGM exporter, and range queries of Prometheus as JSON or CSV.

Units are those of the exporter: GPU_UTIL in per cent, *_ACTIVE as shares, FB_* in MiB.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import numpy as np

from .._core import Error
from .._errors import fail

__all__ = [
    "Load",
    "Sample",
    "is_exposition",
    "loads",
    "read_csv_samples",
    "read_exposition",
    "read_prometheus",
]

#: Metrics that are read: what each is, its scale to a share or to bytes, and the most that it can be.
_METRICS = {
    "DCGM_FI_DEV_GPU_UTIL": ("busy", 0.01, 1.0),
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": ("engine", 1.0, 1.0),
    "DCGM_FI_PROF_SM_ACTIVE": ("sms", 1.0, 1.0),
    "DCGM_FI_PROF_DRAM_ACTIVE": ("bandwidth", 1.0, 1.0),
    "DCGM_FI_DEV_FB_USED": ("memory", float(2**20), float(2**41)),
}
#: From here on a number stands for none: the least that DCGM writes so is 2^31 - 16.
_BLANK = 2.0**31 - 16
#: Labels that name the node, the first that is there; what Prometheus renames comes before what it adds.
_NODES = ("Hostname", "hostname", "node", "kubernetes_node", "exported_instance", "instance")
_LINE = re.compile(
    r"(?P<name>[a-zA-Z_:][\w:]*)\s*(\{(?P<labels>.*)\})?\s+(?P<value>\S+)(\s+(?P<at>-?[0-9]+))?\s*"
)
_LABEL = re.compile(r'\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


@dataclass(frozen=True)
class Sample:
    """One value of a metric; `at_s` is None in a scrape, which is of one moment."""

    metric: str
    labels: Mapping[str, str]
    value: float
    at_s: float | None = None


@dataclass
class Load:
    """What a GPU, or an instance of one, was doing.

    `busy` is the mean share of time in which something ran (`busy_p95` its 95th percentile), `sms` and `bandwidth` the
    mean shares of SMs and of the memory's bandwidth in use (None: not measured), `memory_bytes` the most taken.
    """

    node: str
    gpu: str
    instance: str = ""
    profile: str = ""
    product: str = ""
    busy: float | None = None
    busy_p95: float | None = None
    sms: float | None = None
    bandwidth: float | None = None
    memory_bytes: float | None = None
    samples: int = 0
    pods: set[tuple[str, str]] = field(default_factory=set)


def is_exposition(text: str) -> bool:
    """Whether a text looks like what an exporter serves."""
    return bool(
        re.match(r"(\s*#[^\n]*\n)*\s*(# (HELP|TYPE) |[a-zA-Z_:][\w:]*(\{[^\n]*\})?\s+[-+0-9.NIni])", text)
    )


def read_exposition(text: str, source: str) -> list[Sample]:
    """Samples of the metrics that matter here.

    Raises
    ------
    Error
        With file and line.
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = _LINE.fullmatch(line.strip())
        if parts is None:
            raise fail(
                Error, f"{source}:{number}", f'found "{line.strip()[:60]}"; write NAME{{LABEL="TEXT"}} VALUE'
            )
        if parts["name"] in _METRICS:
            where = f"{source}:{number}"
            at = int(parts["at"]) / 1000 if parts["at"] else None
            labels = _labels(parts["labels"] or "", where)
            found.append(_sample(parts["name"], labels, parts["value"], at, where))
    return found


def _labels(text: str, where: str) -> dict[str, str]:
    found, position = {}, 0
    while position < len(text.rstrip(", ")):
        one = _LABEL.match(text, position)
        if one is None:
            raise fail(
                Error, where, f'found "{text[position : position + 40]}" among labels; write LABEL="TEXT"'
            )
        found[one[1]] = re.sub(r'\\[\\"n]', lambda escape: _ESCAPES[escape[0]], one[2])
        position = one.end()
    return found


def _number(text: Any, where: str) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        raise fail(Error, where, f'found "{str(text)[:40]}"; a number is needed') from None


def _sample(metric: str, labels: Mapping[str, str], value: Any, at_s: float | None, where: str) -> Sample:
    """A value that the metric can have, or what DCGM writes where it has none; anything else is of another unit."""
    found = _number(value, where)
    _, scale, most = _METRICS[metric]
    if abs(found) < _BLANK and not -1e-9 <= found * scale <= most * 1.0001:
        raise fail(
            Error,
            where,
            f"found {found:g} for {metric}; a number from 0 to {most / scale:g} is needed: is the unit right?",
        )
    return Sample(metric, labels, found, at_s)


def read_prometheus(value: Any, source: str) -> list[Sample]:
    """Samples of an answer of Prometheus' HTTP API: a matrix (range query) or a vector.

    Raises
    ------
    Error
        With file and pointer.
    """
    if value.get("status") != "success":
        why = value.get("error", "no status success")
        raise fail(
            Error, source, f"the query failed: {why}; repeat it, and save the answer of /api/v1/query_range"
        )
    data = value.get("data")
    result = data.get("result") if isinstance(data, dict) else None
    if not isinstance(result, list):
        raise fail(Error, f"{source}#/data", "result is missing; save the answer of /api/v1/query_range")
    found = []
    for number, series in enumerate(result):
        where = f"{source}#/data/result/{number}"
        if not isinstance(series, dict) or not isinstance(series.get("metric"), dict):
            raise fail(Error, where, "metric is missing: a series has its labels there")
        labels = {str(key): str(text) for key, text in series["metric"].items()}
        metric = labels.pop("__name__", "")
        if metric not in _METRICS:
            known = ", ".join(_METRICS)
            why = f'found "{metric}"' if metric else "the query leaves no __name__ (as rate and avg do)"
            raise fail(Error, where, f"{why}; query one of {known} as it is")
        pairs = series.get("values", [series["value"]] if "value" in series else [])
        for pair in pairs:
            if not isinstance(pair, list) or len(pair) != 2:
                raise fail(Error, where, "a value is a pair of a time and a text")
            found.append(_sample(metric, labels, pair[1], _number(pair[0], where), where))
    return found


def read_csv_samples(text: str, source: str) -> list[Sample]:
    """Samples of a table: one row a value (``metric``, ``timestamp``, ``value`` and labels), or one column a series.

    In the second form, as Grafana saves it, the first column is the time and the others are headed
    ``METRIC{LABEL="TEXT"}``.

    Raises
    ------
    Error
        With file and line, and the columns that are needed.
    """
    table = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        rows = list(table)
    except csv.Error as error:
        raise fail(Error, f"{source}:{table.line_num}", f"is no table: {error}") from None
    if not rows or not rows[0]:
        raise fail(Error, source, "is empty")
    header = [name.strip() for name in rows[0]]
    lower = [name.lower() for name in header]
    metric = next((lower.index(name) for name in ("metric", "__name__", "name") if name in lower), None)
    if metric is not None and "value" in lower:
        return list(_long(rows[1:], header, lower, metric, source))
    series = [(i, _LINE.fullmatch(f"{name} 0")) for i, name in enumerate(header)]
    wide = [(i, found) for i, found in series if found is not None and found["name"] in _METRICS]
    if not wide:
        raise fail(
            Error,
            f"{source}:1",
            f"found the columns {', '.join(header[:6])}; needed are metric, timestamp, value and labels, or a "
            "column for each "
            'series such as DCGM_FI_DEV_GPU_UTIL{Hostname="node1",gpu="0"}',
        )
    found = []
    for index, head in wide:
        labels = _labels(head["labels"] or "", f"{source}:1")
        for number, row in enumerate(rows[1:], start=2):
            if index < len(row) and row[index].strip():
                where = f"{source}:{number}"
                found.append(_sample(head["name"], labels, row[index], _time(row[0], where), where))
    return found


def _long(
    rows: list[list[str]], header: list[str], lower: list[str], metric: int, source: str
) -> Iterator[Sample]:
    value = lower.index("value")
    time = next((lower.index(name) for name in ("timestamp", "time", "ts") if name in lower), None)
    for number, row in enumerate(rows, start=2):
        if not any(row):
            continue
        where = f"{source}:{number}"
        if len(row) != len(header):
            raise fail(Error, where, f"has {len(row)} columns, the first line {len(header)}")
        if row[metric] not in _METRICS:
            continue
        labels = {
            name: text
            for i, (name, text) in enumerate(zip(header, row, strict=True))
            if i not in (metric, value, time)
        }
        at = _time(row[time], where) if time is not None else None
        yield _sample(row[metric], labels, row[value], at, where)


def _time(text: str, where: str) -> float:
    """Seconds since 1970, of a number of seconds or milliseconds, or of an ISO time."""
    try:
        number = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        except ValueError:
            raise fail(
                Error, where, f'found "{text[:40]}"; a time in seconds or like 2026-11-29T12:00:00Z is needed'
            ) from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    return number / 1000 if number > 1e11 else number


def loads(samples: Iterable[Sample]) -> list[Load]:
    """What each GPU or instance was doing, in order of nodes and numbers.

    What DCGM writes where it has no value is left out.
    """
    found: dict[tuple[str, str, str], Load] = {}
    values: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for sample in samples:
        kind, scale, most = _METRICS[sample.metric]
        value = sample.value * scale
        if not 0 <= value <= most * 1.0001:
            continue
        labels = sample.labels
        node = next((labels[name] for name in _NODES if labels.get(name)), "")
        key = (node.partition(":")[0], labels.get("gpu", ""), labels.get("GPU_I_ID", ""))
        load = found.setdefault(key, Load(*key))
        load.product = load.product or labels.get("modelName", "")
        load.profile = load.profile or labels.get("GPU_I_PROFILE", "")
        pod = labels.get("exported_pod") or labels.get("pod", "")
        if pod and not pod.startswith(("dcgm-exporter", "nvidia-dcgm-exporter")):
            load.pods.add((labels.get("exported_namespace") or labels.get("namespace", ""), pod))
        values.setdefault(key, {}).setdefault(kind, []).append(value)
    for key, load in found.items():
        _fill(load, values[key])
    return [found[key] for key in sorted(found, key=lambda key: (key[0], len(key[1]), key))]


def _fill(load: Load, values: Mapping[str, list[float]]) -> None:
    # An instance has no utilisation of its own; its graphics engine is busy when something runs there.
    busy = values.get("engine" if load.instance else "busy") or values.get("busy") or values.get("engine")
    if busy:
        load.busy, load.busy_p95 = float(np.mean(busy)), float(np.percentile(busy, 95))
    load.sms = _mean(values.get("sms"))
    load.bandwidth = _mean(values.get("bandwidth"))
    load.memory_bytes = max(values["memory"]) if "memory" in values else None
    load.samples = max(map(len, values.values()))


def _mean(values: list[float] | None) -> float | None:
    mean = float(np.mean(values)) if values else None
    return mean if mean is None or math.isfinite(mean) else None


def is_prometheus(value: Any) -> bool:
    """Whether a JSON document is an answer of Prometheus."""
    return isinstance(value, dict) and "status" in value and ("data" in value or "error" in value)
