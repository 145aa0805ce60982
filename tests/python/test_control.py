"""Fleets under control, as documents and as results."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import gpushare as gs
import jsonschema  # type: ignore[import-untyped, unused-ignore]
import numpy as np
import pytest

SCHEMA = json.loads((Path(__file__).parents[2] / "scenarios/schema.json").read_text(encoding="utf-8"))


def document(**control: Any) -> dict[str, Any]:
    """Jobs of a second on a pool of A100, one replica for every two requests in the system."""
    pool = {"nodes": {"min": 1, "max": 3, "boot_s": 20}} | control.pop("pool", {})
    service = {
        "pool": "p",
        "replicas": {"min": 1, "max": 3},
        "autoscaling": {"metric": "in-system", "target": 2},
        "cold_start": {"image_bytes": 2e9, "engine_s": 5},
    } | control.pop("service", {})
    assert not control
    return {
        "name": "jobs",
        "duration_s": 120,
        "services": {
            "server": {"model": {"kind": "synthetic", "gpu_s": 1, "memory_bytes": 1e9}, "routing": "random"}
        },
        "control": {
            "pools": {"p": {name: value for name, value in pool.items() if value is not None}},
            "services": {"server": {name: value for name, value in service.items() if value is not None}},
        },
        "pipelines": {"visit": {"stages": [{"name": "server", "service": "server"}]}},
        "traffic": [
            {"kind": "open", "arrivals": {"kind": "piecewise", "rates_per_s": [0.1, 4], "starts_s": [0, 40]}}
        ],
    }


def test_what_happened_to_the_fleet_is_told_in_order() -> None:
    run = gs.simulate(document())
    changes = run.changes
    told = list(zip(changes["at_s"], changes["change"], changes["of"], strict=True))
    ordered = [at for at, change, _ in told if change == "node ordered"]
    ready = [at for at, change, _ in told if change == "node ready"]
    serves = [at for at, change, of in told if change == "replica serves" and of == "server"]
    assert len(ordered) == len(ready) == len(serves) == 2
    assert np.all(np.diff(changes["at_s"]) >= 0)
    # 20 s to boot, 10 s for the image, half a second for its gigabyte, 5 s for the engine.
    assert np.allclose(np.array(ready) - ordered, 20)
    assert np.allclose(np.array(serves) - ready, 15.5)
    assert run.summary()["gpus_used"] == 3


def test_windows_add_up_to_the_run() -> None:
    run = gs.simulate(document(), series_s=7)
    series = run.series
    length = series["end_s"] - series["start_s"]
    assert length[-1] == pytest.approx(120 % 7)
    arrived = float((series["offered_rate"] * length).sum())
    assert arrived == pytest.approx(run.summary()["arrived"])
    assert float((series["gpus_on"] * length).sum()) / 3600 == pytest.approx(run.summary()["gpu_hours"])
    assert set(series["server.replicas"]) <= {1.0, 2.0, 3.0}
    assert len(gs.simulate(document()).series) == 288
    assert len(gs.simulate("voice-light").series) == 0
    assert len(gs.simulate("voice-light", series_s=15).series) > 0
    with pytest.raises(ValueError, match="series_s: found -1"):
        gs.simulate(document(), series_s=-1)


def test_a_series_changes_nothing_else() -> None:
    without, with_series = gs.simulate("bursty-llm", series_s=0), gs.simulate("bursty-llm", series_s=10)
    assert dict(without.summary()) | {"events": 0} == dict(with_series.summary()) | {"events": 0}


def test_an_hour_of_the_bursty_day_costs_what_its_nodes_were_on() -> None:
    scenario = gs.Scenario.load("bursty-day", mode="autoscaled-3-min")
    hour = scenario.document | {"duration_s": 3600}
    hour["traffic"][0]["arrivals"] = {
        "kind": "piecewise",
        "rates_per_s": [5, 40, 5],
        "starts_s": [0, 900, 1500],
    }
    run = gs.simulate(hour, record_requests=False)
    summary = run.summary()
    assert 1 < summary["gpu_hours"] < summary["gpus_used"] <= 24
    assert summary["cost_per_month"] == pytest.approx(2 * summary["gpu_hours"] * 720)
    changes = list(run.changes["change"])
    # A node that boots for four minutes and a pod that starts for two come after most of a spike of ten.
    assert changes.count("node ordered") > 3
    assert changes.count("node left") > 3
    assert summary["rejected"] > 0


@pytest.mark.parametrize("name", ["bursty-day", "day-and-night"])
def test_the_shipped_days_are_read_in_every_mode(name: str) -> None:
    scenario = gs.Scenario.load(name)
    jsonschema.Draft202012Validator(SCHEMA).validate(scenario.document)
    for mode in scenario.modes:
        there = scenario.with_mode(mode)
        assert gs.Scenario.from_dict(there.document).gpus == there.gpus


def test_the_day_is_cut_anew_twice() -> None:
    scenario = gs.Scenario.load("day-and-night", mode="reconfigured").document
    short = copy.deepcopy(scenario) | {"duration_s": 7 * 3600}  # the end of a night
    for entry in short["traffic"]:
        entry["arrivals"]["rates_per_s"] = [rate / 20 for rate in entry["arrivals"]["rates_per_s"]]
    run = gs.simulate(short, record_requests=False)
    told = list(zip(run.changes["at_s"], run.changes["change"], strict=True))
    assert [change for at, change in told if at < 6 * 3600] == []
    closes = [at for at, change in told if change == "GPU closes"]
    opens = [at for at, change in told if change == "GPU opens"]
    assert closes == [6 * 3600] * 2
    # Idle instances are empty at once: seen at the next look of the pool, 10 s later at most, and a second to cut.
    assert all(1 <= at - 6 * 3600 <= 11 for at in opens)
    assert run.summary()["failed"] == 0


SAYS = {
    "unknown metric": (
        {"service": {"autoscaling": {"metric": "in_system", "target": 2}}},
        'autoscaling/metric.*did you mean "in-system"',
    ),
    "nothing to move it": (
        {"service": {"autoscaling": None}},
        'between "min" and "max" there must be an "autoscaling" or a "schedule"',
    ),
    "no such pool": ({"service": {"pool": "q"}}, "/control/services/server/pool.*unknown pool"),
    "busy of one": (
        {"service": {"autoscaling": {"metric": "busy", "target": 1}}},
        "below 1, or nothing is ever added",
    ),
    "seats of an exclusive partition": ({"pool": {"seats": 2}}, "exclusive has one seat"),
    "shared without seats": ({"pool": {"sharing": "mps"}}, 'say how many "seats"'),
    "cap without MPS": (
        {"pool": {"sharing": "time-slicing", "seats": 2, "active_thread_percentage": 50}},
        "only processes that share by mps have it",
    ),
    "more than the seats": (
        {"service": {"replicas": {"min": 2, "max": 3}}},
        '2 replicas start in pool "p", whose 1 node have 1 seat|2 replicas start',
    ),
    "times that do not ascend": (
        {"service": {"schedule": [{"at_s": 5, "replicas": 2}, {"at_s": 5, "replicas": 1}]}},
        "times must ascend",
    ),
    "beyond the period": (
        {"service": {"schedule": [{"at_s": 90, "replicas": 2}], "schedule_period_s": 60}},
        "begins again every 60",
    ),
    "no such instance": (
        {"pool": {"layout": "3g.40gb+3g.40gb"}, "service": {"instance": "2g.20gb"}},
        "unknown instance.*3g.40gb",
    ),
    "bounds of a load": (
        {
            "pool": {
                "reshape": {
                    "layout": "7x1g.10gb",
                    "service": "server",
                    "metric": "rate",
                    "above": 1,
                    "below": 2,
                }
            }
        },
        "less is needed",
    ),
    "unknown key": ({"pool": {"seat": 2}}, 'unknown key "seat".*did you mean "seats"'),
    "every request without a count": (
        {"service": {"autoscaling": {"metric": "rate", "target": 1, "every_s": 0}}},
        'needs the metric "in-system"',
    ),
}


@pytest.mark.parametrize("case", SAYS)
def test_a_slip_is_told_with_what_would_be_right(case: str) -> None:
    changed, says = SAYS[case]
    with pytest.raises((gs.ScenarioError, gs.LayoutError), match=f"(?s){says}"):
        gs.Scenario.from_dict(document(**copy.deepcopy(changed)))


def test_control_places_what_it_controls_alone() -> None:
    twice = document() | {"placement": {"gpus": [{"partitions": [{"processes": ["server"]}]}]}}
    with pytest.raises(gs.ScenarioError, match='"control" places every service; leave the list of GPUs out'):
        gs.Scenario.from_dict(twice)
    with pytest.raises(gs.ScenarioError, match="has nothing to place"):
        gs.Scenario.from_dict(document(), mode="mps")
    replicas = document()
    replicas["services"]["server"]["replicas"] = 2
    with pytest.raises(gs.ScenarioError, match='"control" says how many replicas server has'):
        gs.Scenario.from_dict(replicas)
    beside = document()
    beside["services"]["other"] = {"model": {"kind": "synthetic", "gpu_s": 0.1, "memory_bytes": 1e9}}
    beside["pipelines"]["visit"]["stages"].append({"name": "other", "service": "other", "after": "server"})
    scenario = gs.Scenario.from_dict(beside, mode="dedicated")
    assert [gpu["partitions"][0]["processes"] for gpu in scenario.gpus] == [["other"], ["server"]]


def test_times_that_nobody_said_are_told() -> None:
    told = {one.where: one.text for one in gs.Scenario.from_dict(document()).assumptions}
    assert "/control/pools/p/nodes/boot_s" not in told
    assert (
        told["/control/services/server/cold_start"]
        == "by default image_bytes_per_s 2e+08, weights_bytes_per_s 2e+09"
    )
    unsaid = gs.Scenario.from_dict(
        document(pool={"nodes": {"min": 1, "max": 2}}, service={"cold_start": None})
    )
    told = {one.where: one.text for one in unsaid.assumptions}
    assert told["/control/pools/p/nodes/boot_s"] == "by default 240"
    assert "engine_s 60" in told["/control/services/server/cold_start"]


def test_a_run_over_time_is_drawn() -> None:
    figure = gs.plot.series(gs.simulate(document()))
    rates, fleet, load, waits = figure.axes
    assert [line.get_label() for line in rates.lines] == ["offered", "served", "rejected"]
    assert [line.get_label() for line in fleet.lines] == ["GPUs on", "server replicas"]
    assert len(load.lines[0].get_ydata()) == 288
    assert waits.get_ylabel() in ("e2e_latency, s", "e2e_latency, ms")
    with pytest.raises(ValueError, match="was not recorded over time"):
        gs.plot.series(gs.simulate("voice-light"))
    with pytest.raises(ValueError, match="no latency 'ttft'; there are e2e_latency"):
        gs.plot.series(gs.simulate(document()), latency="ttft")


def test_the_command_writes_windows_and_changes(tmp_path: Path) -> None:
    scenario = tmp_path / "jobs.json"
    scenario.write_text(json.dumps(document()), encoding="utf-8")
    run = [sys.executable, "-m", "gpushare", "run", str(scenario), "--out", str(tmp_path / "out")]
    subprocess.run(
        [*run, "--series", "10", "--plot", str(tmp_path / "run.png")], check=True, capture_output=True
    )
    windows = (tmp_path / "out/series.csv").read_text(encoding="utf-8").splitlines()
    assert len(windows) == 1 + 12
    assert windows[0].startswith("start_s,end_s,offered_rate")
    assert "node ordered" in (tmp_path / "out/changes.csv").read_text(encoding="utf-8")
    assert (tmp_path / "run.png").stat().st_size > 10_000
    still = [sys.executable, "-m", "gpushare", "run", "voice-light", "--plot", str(tmp_path / "still.png")]
    subprocess.run(still, check=True, capture_output=True)
    assert (tmp_path / "still.png").stat().st_size > 10_000


#: As HorizontalPodAutoscaler, KEDA, the cluster autoscaler and others call what a control block and faults have.
CALLED = [
    ("/control/services/llm", "min_replicas", "replicas"),
    ("/control/services/llm", "max_replica_count", "replicas"),
    ("/control/services/llm", "termination_grace_period_seconds", "grace_s"),
    ("/control/services/llm/autoscaling", "polling_interval", "every_s"),
    ("/control/services/llm/autoscaling", "cooldown_period", "down"),
    ("/control/services/llm/autoscaling", "threshold", "target"),
    ("/control/services/llm/autoscaling/down", "stabilization_window_seconds", "window_s"),
    ("/control/pools/a/nodes", "scale_down_unneeded_time", "remove_after_s"),
    ("/control/pools/a/nodes", "scale_down_delay_after_add", "remove_after_add_s"),
    ("/control/pools/a/nodes", "boot_time", "boot_s"),
    ("/control/pools/a", "boot_s", "nodes"),
    ("/control/pools/a", "instance_type", "gpu"),
    ("/faults/0", "mttr_s", "restart_s"),
    ("/faults/0", "xid", "kind"),
]
FLEET = {
    "name": "fleet",
    "duration_s": 600,
    "services": {"llm": {"model": "llama-3.1-8b"}},
    "pipelines": {"llm": {"stages": [{"name": "llm", "service": "llm"}]}},
    "traffic": [
        {
            "kind": "open",
            "arrivals": {"kind": "poisson", "rate_per_s": 1},
            "sizes": {"input_tokens": 9, "output_tokens": 9},
        }
    ],
    "control": {
        "pools": {"a": {"nodes": {"max": 2}}},
        "services": {
            "llm": {
                "pool": "a",
                "replicas": {"min": 1, "max": 2},
                "autoscaling": {"metric": "in-system", "target": 9, "down": {"window_s": 60}},
            }
        },
    },
    "faults": [{"service": "llm", "mtbf_s": 9000, "kind": "context"}],
}


def put(path: str, value: Any) -> dict[str, Any]:
    """The fleet with another value at a path."""
    changed = copy.deepcopy(FLEET)
    node: Any = changed
    *steps, last = path[1:].split("/")
    for step in steps:
        node = node[int(step)] if isinstance(node, list) else node[step]
    node[last] = value
    return changed


@pytest.mark.parametrize(("where", "word", "meant"), CALLED)
def test_the_keys_of_other_autoscalers_are_told_however_they_are_written(
    where: str, word: str, meant: str
) -> None:
    first, *rest = word.split("_")
    for written in (word, word.replace("_", "-"), first + "".join(part.title() for part in rest)):
        if written == meant:
            continue
        with pytest.raises(gs.ScenarioError) as caught:
            gs.simulate(put(f"{where}/{written}", 5))
        assert f'{where}: unknown key "{written}"; did you mean "{meant}"?' in str(caught.value)


@pytest.mark.parametrize(
    ("path", "word", "meant"),
    [
        ("/control/services/llm/autoscaling/metric", "queueLength", "in-system"),
        ("/control/services/llm/autoscaling/metric", "concurrency", "in-system"),
        ("/control/services/llm/autoscaling/metric", "rps", "rate"),
        ("/control/services/llm/autoscaling/metric", "DCGM_FI_DEV_GPU_UTIL", "busy"),
        ("/faults/0/kind", "OOM", "allocation"),
        ("/faults/0/kind", "Xid 31", "context"),
        ("/faults/0/kind", "XID-79", "device"),
    ],
)
def test_the_values_of_other_tools_are_told(path: str, word: str, meant: str) -> None:
    with pytest.raises(gs.ScenarioError, match=f'found "{word}"; did you mean "{meant}"'):
        gs.simulate(put(path, word))


def test_a_fleet_may_have_no_node_at_all_and_says_what_came_and_went() -> None:
    empty = put(
        "/control/pools/a/nodes", {"min": 0, "max": 2, "remove_after_s": 30, "remove_after_add_s": 30}
    )
    empty["control"]["services"]["llm"]["replicas"] = {"min": 0, "max": 2}
    empty["traffic"][0]["arrivals"] = {"kind": "constant", "rate_per_s": 0.005}
    del empty["faults"]
    run = gs.simulate(empty | {"duration_s": 4000}, seed=2)
    assert run.summary()["gpu_hours"] < 4000 / 3600
    assert "fleet       llm 0." in str(run.summary())
    assert "nodes ordered" in str(run.summary())


def test_a_fleet_without_modes_is_not_compared_with_itself() -> None:
    with pytest.raises(ValueError, match='the document names no modes beside it; name some, such as "modes"'):
        gs.compare(FLEET)


def test_nodes_on_which_nothing_runs_are_rows_and_count_in_what_is_busy() -> None:
    one = document(pool={"nodes": 1}, service={"replicas": 1, "autoscaling": None})
    three = document(pool={"nodes": 3}, service={"replicas": 1, "autoscaling": None})
    alone, run = gs.simulate(one), gs.simulate(three)
    partitions = run.partitions
    assert list(partitions["partition"]) == ["gpu0/whole", "gpu1/whole", "gpu2/whole"]
    assert list(partitions["sharing"]) == ["exclusive", "empty", "empty"]
    assert run.summary()["gpu_busy"] == pytest.approx(alone.summary()["gpu_busy"] / 3)
    assert run.summary()["vram_allocated_bytes"] == 3 * alone.summary()["vram_allocated_bytes"]
    assert run.summary()["gpu_hours"] == pytest.approx(3 * alone.summary()["gpu_hours"])


def test_a_node_counts_in_what_is_busy_only_while_it_is_there() -> None:
    """One GPU is busy all along; another is there, and empty, for a part of the run."""
    nodes = {"min": 1, "max": 2, "start": 2, "remove_after_s": 30, "remove_after_add_s": 0}
    late = document(pool={"nodes": nodes}, service={"replicas": 1, "autoscaling": None})
    run = gs.simulate(late)
    hours = run.summary()["gpu_hours"] * 3600 / 120  # GPUs, on average
    assert 1 < hours < 1.5
    busy = dict(zip(run.partitions["partition"], run.partitions["busy"], strict=True))
    assert list(busy) == ["gpu0/whole", "gpu1/whole"]
    assert run.summary()["gpu_busy"] == pytest.approx(busy["gpu0/whole"] / hours)
