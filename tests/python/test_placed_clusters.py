"""Placements as clusters, and actions that change a fleet while it serves."""

from pathlib import Path
from typing import Any

import gpushare as gs
import numpy as np
import pytest


def columns(table: gs.Table, *names: str) -> list[list[Any]]:
    return [list(row) for row in zip(*(table[name].tolist() for name in names), strict=True)]


@pytest.mark.parametrize(
    ("mode", "pods"),
    [
        ("dedicated", [["asr-0", 1000, "0", ""], ["llm-0", 1000, "1", ""], ["tts-0", 1000, "2", ""]]),
        ("time-slicing", [["llm-0", 1000, "0", ""], ["asr-0", 500, "1", ""], ["tts-0", 500, "1", ""]]),
        ("mps:30/60", [["llm-0", 1000, "0", ""], ["asr-0", 300, "1", ""], ["tts-0", 600, "1", ""]]),
        (
            "mig:4g.40gb+2g.20gb",
            [["llm-0", 1000, "0", ""], ["tts-0", 500, "1", "0"], ["asr-0", 250, "1", "4"]],
        ),
    ],
)
def test_a_placement_is_a_cluster_whose_pods_stay_where_they_are(
    mode: str, pods: list[list[Any]], tmp_path: Path
) -> None:
    scenario = gs.Scenario.load("voice-light", mode)
    more = [{"name": "batch", "cpu_milli": 1000, "memory_mib": 0, "num_gpu": 1, "gpu_milli": 100}]
    cluster = gs.Cluster.from_placement(scenario, more)
    assert columns(cluster.pods, "name", "gpu_milli", "devices", "starts")[:-1] == pods
    assert cluster.services == [row[0][:3] for row in pods] + [""]
    assert cluster.nodes["cpu_milli"].tolist() == [32000]
    cluster.save(tmp_path / "nodes.csv", tmp_path / "pods.csv")
    again = gs.Cluster(tmp_path / "nodes.csv", tmp_path / "pods.csv")
    assert (again.nodes, again.pods) == (cluster.nodes, cluster.pods)
    sharing = "mig" if mode.startswith("mig") else "mps"
    run = gs.cluster_over_time(again, policy="gpushare", sharing=sharing).policies["gpushare"].pods
    assert run["devices"][:3].tolist() == [row[2] for row in pods]
    assert run["started_s"][:3].tolist() == [0, 0, 0]
    if sharing == "mig":
        assert run["instances"][:3].tolist() == ["", "4g.40gb@0", "2g.20gb@4"]
        assert run["instances"][3] == "1g.10gb@6"
    assert (run["node"][3] == "") == (mode in ("dedicated", "time-slicing"))


def test_ranks_of_a_replica_are_one_pod() -> None:
    document = {
        "name": "wide",
        "duration_s": 1,
        "services": {"llm": {"model": "llama-3.1-8b", "tensor_parallel": 2}},
        "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
        "traffic": [{"kind": "open", "arrivals": {"kind": "constant", "rate_per_s": 1},
                     "sizes": {"input_tokens": 10, "output_tokens": 2}}],
        "placement": {"gpus": [{"profile": "a100", "partitions": [{"processes": ["llm"]}]}] * 4},
    }  # fmt: skip
    cluster = gs.Cluster.from_placement(gs.Scenario.from_dict(document), cpu_milli=500, memory_mib=7)
    assert columns(cluster.pods, "name", "num_gpu", "devices", "cpu_milli", "memory_mib") == [
        ["llm-0", 2, "0|1", 1000, 14],
        ["llm-1", 2, "2|3", 1000, 14],
    ]
    assert cluster.nodes["cpu_milli"].tolist() == [10**9]  # no limit


def test_what_no_cluster_has_is_refused() -> None:
    def placed(*gpus: dict[str, Any]) -> gs.Placement:
        return gs.Placement.from_dict({"gpus": list(gpus)})

    half = {"sharing": "mps", "processes": ["a", "b"]}
    with pytest.raises(ValueError, match=r"node0, GPU 0, 3g.40gb@0: 2 processes share an instance"):
        gs.Cluster.from_placement(
            placed({"profile": "a100", "layout": "3g.40gb+3g.40gb", "partitions": [half, {}]})
        )
    one = {"partitions": [{"processes": ["a"]}]}
    with pytest.raises(ValueError, match=r"node0: has GPUs of 2 kinds \(a100, h100\)"):
        gs.Cluster.from_placement(placed({"profile": "a100"} | one, {"profile": "h100"} | one))
    cluster = gs.Cluster.from_placement(placed({"profile": "a100"} | one))
    with pytest.raises(gs.Error, match='pod "a-0": is fixed to node "node0", but pods that arrive'):
        gs.cluster(cluster)


def test_pods_need_not_say_when_they_end(tmp_path: Path) -> None:
    path = tmp_path / "pods.csv"
    path.write_text("name,cpu_milli,memory_mib,num_gpu,gpu_milli,creation_time,duration\np,1,1,1,500,40,9\n")
    cluster = gs.Cluster([{"sn": "n", "cpu_milli": 9, "memory_mib": 9, "gpu": 1, "model": "a100"}], path)
    assert (cluster.created_s.tolist(), cluster.duration_s.tolist()) == ([40], [9])


def test_a_column_of_places_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "pods.csv"
    path.write_text("name,cpu_milli,memory_mib,num_gpu,gpu_milli,node,devices\np,1,1,1,500,n,0-1\n")
    with pytest.raises(gs.TraceError, match=r'pods.csv:2: column "devices": expected whole numbers of at'):
        gs.Cluster([{"sn": "n", "cpu_milli": 9, "memory_mib": 9, "gpu": 1, "model": "a100"}], path)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"at_s": 1}, "actions/0: an action has one of start, drain, stop, recut; found none"),
        (
            {"at_s": 1, "stop": "tts", "replica": 0, "when": 1},
            "actions/0/when: unknown member; expected at_s",
        ),
        ({"stop": "tts", "replica": 0}, "actions/0/at_s: found nothing; a number of at least 0"),
        ({"at_s": 1, "stop": "ttx", "replica": 0}, 'actions/0/stop: unknown service "ttx".*is "tts" meant'),
        ({"at_s": 1, "recut": 7}, "actions/0/recut: found 7; the placement has 2 GPUs"),
        ({"at_s": 1, "start": "tts", "gpu": -1}, "actions/0/gpu: found -1; the placement has 2 GPUs"),
        ({"at_s": 1, "start": "tts", "sharing": "mpx"}, "actions/0/sharing: found 'mpx'; expected one of"),
        (
            {"at_s": 1, "start": "tts", "sharing": "exclusive", "active_thread_percentage": 50},
            "actions/0/active_thread_percentage: only processes that share by mps have it",
        ),
    ],
)
def test_an_action_that_cannot_be_is_refused(action: dict[str, Any], message: str) -> None:
    with pytest.raises(gs.ScenarioError, match=message):
        gs.simulate("voice-light", mode="mps", actions=[action])


def test_actions_change_the_fleet_while_it_serves() -> None:
    actions = [
        {"at_s": 40, "start": "tts", "gpu": 1, "sharing": "mps"},
        {"at_s": 80, "drain": "tts", "replica": 0},
    ]
    requests = gs.simulate("voice-light", mode="mps", actions=actions).requests
    arrived = np.asarray(requests["arrival_s"])
    replica = np.asarray(requests["tts.replica"])
    assert set(replica[arrived < 20]) == {0}
    assert set(replica[(arrived > 41) & (arrived < 70)]) == {0, 1}
    assert set(replica[arrived > 90]) == {1}
    with pytest.raises(gs.SimulationError, match="service 2 has no replica 4 to drain or stop"):
        gs.simulate("voice-light", actions=[{"at_s": 1, "stop": "tts", "replica": 4}])
    with pytest.raises(gs.SimulationError, match="a replica of tts has 1 rank; found seats for 2"):
        gs.simulate("voice-light", actions=[{"at_s": 1, "start": "tts", "gpu": [0, 1]}])


# --- windows -----------------------------------------------------------------------------------------------------
