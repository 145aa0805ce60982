"""Lists of nodes and pods say the same from files, frames and rows, and are refused alike."""

from __future__ import annotations

import csv
import math
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import gpushare as gs
import numpy as np
import pytest

NODES = [
    {
        "sn": "n0",
        "cpu_milli": 64000,
        "memory_mib": 512000,
        "gpu": 4,
        "model": "a100",
        "taints": "team=ml|spot",
    },
    {"sn": "n1", "cpu_milli": 64000, "memory_mib": 512000, "gpu": 2, "model": "t4", "taints": ""},
]
POD = {"name": "p", "cpu_milli": 1000, "memory_mib": 100, "num_gpu": 1, "gpu_milli": 500}


def as_file(rows: list[dict[str, Any]], path: Path) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def told(nodes: Any, pods: Any) -> Any:
    """What is refused, without the place; else what came of it."""
    try:
        runs = gs.cluster_over_time(nodes, pods, quotas={"a": 1})
    except gs.TraceError as problem:
        return str(problem).partition(" column ")[2]
    return runs.to_dict()["waits"], runs.policies["fgd"].pods["started_s"].tolist()


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"cpu_milli": -5}, True),
        ({"cpu_milli": 10**30}, True),
        ({"cpu_milli": "0.5"}, True),
        ({"memory_mib": "16Gi"}, True),
        ({"num_gpu": -1}, True),
        ({"num_gpu": 17}, True),
        ({"num_gpu": 0}, True),
        ({"gpu_milli": 0}, True),
        ({"gpu_milli": 1500}, True),
        ({"gpu_milli": "0.5"}, True),
        ({"priority": 10**12}, True),
        ({"priority": "high"}, True),
        ({"creation_time": -1}, True),
        ({"creation_time": 1_700_000_000_000}, True),
        ({"creation_time": "soon"}, True),
        ({"creation_time": 10, "deletion_time": 5}, True),
        ({"duration": -3}, True),
        ({"duration": "1 week"}, True),
        ({"selector": "east"}, True),
        ({"tolerations": "spot=true:PreferNoSchedule"}, True),
        ({"devices": "0,1"}, True),
        ({"creation_time": 1.5, "duration": 2.25}, False),
        ({"cpu_milli": "1000.0", "priority": 1.0}, False),
        ({"creation_time": "2026-11-30T09:00:00Z", "duration": "90min"}, False),
        ({"creation_time": 1_780_000_000, "deletion_time": 1_780_000_060}, False),
        ({"tolerations": "team|spot", "gpu_spec": "a100|h100", "group": "a"}, False),
    ],
)
def test_files_frames_and_rows_are_read_and_refused_alike(
    change: dict[str, Any], refused: bool, tmp_path: Path
) -> None:
    pandas = pytest.importorskip("pandas")
    rows = [POD | change]
    from_file = told(as_file(NODES, tmp_path / "nodes.csv"), as_file(rows, tmp_path / "pods.csv"))
    assert isinstance(from_file, str) == refused
    assert told(NODES, rows) == from_file
    assert told(NODES, pandas.DataFrame(rows)) == told(NODES, rows)


def test_a_refusal_says_how_a_quantity_or_a_time_is_written(tmp_path: Path) -> None:
    for change, hint in [
        ({"memory_mib": "16Gi"}, "; write 16384"),
        ({"gpu_milli": "0.5"}, "; write 500"),
        ({"cpu_milli": "1.5"}, "; write 1500"),
        ({"creation_time": 1_700_000_000_000}, r"in milliseconds\? Divide them by 1000"),
    ]:
        with pytest.raises(gs.TraceError, match=hint):
            gs.Cluster(NODES, as_file([POD | change], tmp_path / "pods.csv"))
    for given, meant in [("cpu", "cpu_milli"), ("memory", "memory_mib"), ("gpu_fraction", "gpu_milli")]:
        rows = [{given if name == meant else name: value for name, value in POD.items()}]
        with pytest.raises(gs.TraceError, match=f'no column "{meant}"; is "{given}" meant'):
            gs.Cluster(NODES, as_file(rows, tmp_path / "pods.csv"))
    for given, meant in [
        ("start_time", "scheduled_time"),
        ("end_time", "deletion_time"),
        ("runtime", "duration"),
    ]:
        with pytest.raises(gs.TraceError, match=f'unknown column "{given}"; is "{meant}" meant'):
            gs.Cluster(NODES, as_file([POD | {given: 5}], tmp_path / "pods.csv"))


@pytest.mark.parametrize(
    ("created", "lasts"),
    [
        ("2026-11-30T09:00:00Z", "1h"),
        (datetime(2026, 11, 30, 9, tzinfo=timezone.utc), timedelta(hours=1)),
        (datetime(2026, 11, 30, 9), 3600),
        (np.datetime64("2026-11-30T09:00:00"), np.timedelta64(1, "h")),
        (1_796_029_200, 3600.0),
    ],
)
def test_dates_and_lengths_are_seconds_from_the_midnight_before_the_first_pod(
    created: Any, lasts: Any
) -> None:
    cluster = gs.Cluster(NODES, [POD | {"creation_time": created, "duration": lasts}])
    assert (cluster.created_s.tolist(), cluster.duration_s.tolist()) == ([9 * 3600], [3600])
    assert ["2026-11-30, UTC" in notice.text for notice in cluster.notices] == [True]
    runs = gs.cluster_over_time(cluster).policies["fgd"]
    assert runs.pods["waited_s"].tolist() == [0]
    assert runs.mean["at_s"] == 10 * 3600


def test_a_taint_is_borne_with_the_effect_that_kubernetes_writes_after_it() -> None:
    rows = [POD | {"tolerations": "team=ml:NoSchedule|spot:NoExecute", "gpu_spec": "a100"}]
    assert gs.cluster_over_time(NODES, rows).policies["fgd"].started == 1
    assert gs.cluster_over_time(NODES, [rows[0] | {"tolerations": "spot"}]).policies["fgd"].started == 0


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    rows = [POD | {"creation_time": 0.5, "duration": math.nan}, POD | {"name": "q", "creation_time": 7}]
    cluster = gs.Cluster(NODES, rows)
    cluster.save(tmp_path / "n.csv", tmp_path / "p.csv")
    again = gs.Cluster(tmp_path / "n.csv", tmp_path / "p.csv")
    assert again.created_s.tolist() == [0.5, 7]
    assert gs.cluster_over_time(again).to_dict() == gs.cluster_over_time(cluster).to_dict()


@pytest.mark.parametrize("model", ["a100", "A100", "NVIDIA-A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB"])
def test_a_model_is_the_card_whose_product_it_is_under_mig_and_in_windows(model: str) -> None:
    nodes = [NODES[0] | {"model": model, "taints": ""}]
    rows = [POD | {"name": f"p{i}", "gpu_milli": 300, "num_gpu": 1} for i in range(12)]
    runs = gs.cluster_over_time(nodes, rows, sharing="mig")
    assert runs.policies["fgd"].started == 8  # two instances of 3g.40gb on each of four
    served = [POD | {"name": "c", "service": "detector"}]
    workload = {
        "name": "one",
        "duration_s": 60,
        "services": {"detector": {"model": "resnet50"}},
        "pipelines": {"one": {"stages": [{"name": "x", "service": "detector"}]}},
        "traffic": [{"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1}, "sizes": {}}],
    }
    hour = gs.cluster_window(gs.cluster_over_time(nodes, served), workload, at="00:10", window="1min")
    assert hour.scenario.placement.gpus[0]["profile"] == "a100"
