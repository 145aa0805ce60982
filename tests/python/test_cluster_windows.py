"""A cluster's services simulated for a while."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import gpushare as gs
import numpy as np
import pytest
from gpushare.command.cli import main


def columns(table: gs.Table, *names: str) -> list[list[Any]]:
    return [list(row) for row in zip(*(table[name].tolist() for name in names), strict=True)]


NODES = [
    {"sn": "n0", "cpu_milli": 32000, "memory_mib": 1000000, "gpu": 2, "model": "a100"},
    {"sn": "n1", "cpu_milli": 16000, "memory_mib": 1000000, "gpu": 1, "model": "a100"},
]


def pod(name: str, milli: int, service: str = "", **more: Any) -> dict[str, Any]:
    given = {"cpu_milli": 2000, "memory_mib": 1000, "num_gpu": 1, "gpu_milli": milli, "service": service}
    return {"name": name} | given | more


#: A second embedder comes at 09:05 and leaves at 09:15; who runs the batch job nobody says.
PODS = [
    pod("chat-a", 400, "chat"),
    pod("chat-b", 400, "chat"),
    pod("embed-a", 250, "embed"),
    pod("embed-b", 250, "embed", creation_time=32700, duration=600),
    pod("batch", 250, creation_time=100, duration=86400),
]
WORKLOAD: dict[str, Any] = {
    "name": "desk",
    "gpu": "a100",
    "duration_s": 86400,
    "services": {
        "chat": {"model": "llama-3.1-8b", "routing": "least-outstanding", "replicas": 5},
        "embed": {"model": "embedding-0.3b", "routing": "least-outstanding"},
    },
    "pipelines": {
        "ask": {"stages": [{"name": "chat", "service": "chat"}]},
        "find": {"stages": [{"name": "embed", "service": "embed"}]},
    },
    "traffic": [
        {
            "name": "ask",
            "pipeline": "ask",
            "kind": "open",
            "arrivals": {"kind": "diurnal", "rate_per_s": 2, "hourly": [1, 1, 1, 2, 2, 1]},
            "sizes": {"input_tokens": 500, "output_tokens": 100},
        },
        {
            "name": "find",
            "pipeline": "find",
            "kind": "open",
            "arrivals": {"kind": "poisson", "rate_per_s": 20},
            "sizes": {"input_tokens": 200},
        },
    ],
    "objectives": {"chat.ttft_p95_s": 0.5, "find.e2e_latency_p95_s": 0.05},
}


def window(sharing: str, pods: list[dict[str, Any]] = PODS, **how: Any) -> gs.ClusterWindow:
    runs = gs.cluster_over_time(NODES, pods, policy="gpushare", sharing=sharing)
    return gs.cluster_window(runs, WORKLOAD, **({"at": "09:00", "window": "20min"} | how))


def written(placement: dict[str, Any]) -> dict[str, Any]:
    """The window by hand: 20 minutes from 09:00 on, and five before them."""
    document = copy.deepcopy(WORKLOAD)
    del document["services"]["chat"]["replicas"]
    document["duration_s"], document["warmup_s"] = 1500, 300
    document["traffic"][0]["arrivals"]["clock_s"] = 32100
    return document | {"placement": placement}


def capped(service: str, percent: float) -> dict[str, Any]:
    """A client of MPS with its share of 85.356 GB."""
    return {
        "service": service,
        "active_thread_percentage": percent,
        "memory_limit_bytes": 853561835.52 * percent,
    }


def shared(sharing: str, *processes: Any) -> dict[str, Any]:
    return {"profile": "a100", "partitions": [{"sharing": sharing, "processes": list(processes)}]}


def cut(layout: str, *processes: str) -> dict[str, Any]:
    parts = [{"processes": [name] if name else []} for name in processes]
    return {"profile": "a100", "layout": layout, "partitions": parts}


#: Nodes as the placement has them, and what the second embedder is. The batch job holds two cores of its node.
BY_HAND: dict[str, tuple[list[tuple[str, int, list[dict[str, Any]]]], dict[str, Any]]] = {
    "mps": (
        [
            ("n0", 32, [shared("mps", capped("chat", 40)), shared("mps", capped("embed", 25))]),
            ("n1", 14, [shared("mps", capped("chat", 40))]),
        ],
        {"start": "embed", "gpu": 2, "sharing": "mps"}
        | {key: value for key, value in capped("embed", 25).items() if key != "service"},
    ),
    "time-slicing": (
        [
            ("n0", 32, [shared("time-slicing", "chat"), shared("time-slicing", "embed")]),
            ("n1", 14, [shared("time-slicing", "chat")]),
        ],
        {"start": "embed", "gpu": 2, "sharing": "time-slicing"},
    ),
    "mig": (
        [
            ("n0", 30, [cut("2g.20gb@0+2g.20gb@2", "embed", "")]),
            ("n1", 16, [cut("3g.40gb@0+3g.40gb@4", "chat", "chat")]),
        ],
        {"start": "embed", "gpu": 0, "partition": "2g.20gb@2"},
    ),
}


@pytest.mark.parametrize("sharing", BY_HAND)
def test_a_window_is_the_run_that_one_would_write_by_hand(sharing: str) -> None:
    found = window(sharing)
    nodes, start = BY_HAND[sharing]
    placement = {"nodes": [{"name": name, "host": {"cores": c}, "gpus": gpus} for name, c, gpus in nodes]}
    actions = [
        {"at_s": 660} | start,
        {"at_s": 1200, "stop": "embed", "replica": 1, "moves_requests": True},
    ]
    run = gs.simulate(written(placement), actions=actions, replications=found.fared.runs)
    assert dict(found.result.summary()) == dict(run.summary())
    assert found.result.requests == run.requests
    again = gs.simulate(found.scenario, actions=found.actions, replications=found.fared.runs)
    assert again.requests == run.requests
    assert found.meets
    assert found.scenario.warmup_s == 300
    served = found.replicas
    assert columns(served, "service", "replica", "from_s", "until_s")[-1] == ["embed", 1, 32760, 33300]
    embeds = np.asarray(run.requests["embed.replica"])
    came = np.asarray(run.requests["arrival_s"])[embeds == 1]
    assert came.min() >= 660
    assert came.max() <= 1200
    told = " ".join(found.text(200).split())
    assert told.startswith("Within objectives from 09:00 to 09:20 on the layout of gpushare, 4 replicas on")
    assert ("1 pod without a service (batch) shares 1 GPU with chat, embed" in told) == (sharing != "mig")
    assert "1 of the pods come in the run, and serve 60 s after they start (assumed)" in told


@pytest.mark.parametrize("gpu", [cut("4g.40gb@0+2g.20gb@4", "chat", "embed"), shared("exclusive", "chat")])
def test_a_placement_comes_back_from_its_cluster_to_the_bit(gpu: dict[str, Any]) -> None:
    gpus = [gpu, shared("exclusive", "embed")]
    document = written({"nodes": [{"name": "n", "host": {"cores": 8}, "gpus": gpus}]})
    document["warmup_s"] = 0
    del document["traffic"][0]["arrivals"]["clock_s"]
    scenario = gs.Scenario.from_dict(document)
    cluster = gs.Cluster.from_placement(scenario)
    runs = gs.cluster_over_time(cluster, sharing="mig")
    found = gs.cluster_window(runs, scenario, at=0, window=1500, ready_s=0)
    assert found.scenario.placement == scenario.placement
    assert not found.actions
    run = gs.simulate(scenario, replications=found.fared.runs)
    assert found.result.requests == run.requests
    assert dict(found.result.summary()) == dict(run.summary())


def test_replicas_that_miss_are_named() -> None:
    found = window("mps", slo=["chat.ttft_p95=90ms", "find.e2e_latency_p95=6.95ms"])
    assert found.meets is False
    assert columns(found.replicas, "pod", "misses") == [
        ["chat-b", "ask.chat.ttft_p95_s"],
        ["embed-a", ""],
        ["chat-a", "ask.chat.ttft_p95_s"],
        ["embed-b", "find.e2e_latency_p95_s"],
    ]
    assert found.text().startswith("MISSED from 09:00 to 09:20 on the layout of gpushare")
    assert max(map(len, found.text(80).splitlines())) <= 80
    assert found.to_dict()["objectives"]["ask.chat.ttft_p95_s"]["meets"] is False
    assert (
        found.result.by("chat.replica")["requests"].sum()
        == len(found.result.requests) - (np.asarray(found.result.requests["measured"]) == 0).sum()
    )


def test_a_gpu_is_cut_anew_for_a_pod_whose_instance_was_another_ones() -> None:
    pods = [
        pod("chat-a", 1000, "chat"),
        pod("chat-b", 1000, "chat"),
        pod("embed-a", 428, "embed", node="n0", devices=[0]),
        pod("early", 428, "embed", duration=32600, node="n0", devices=[0]),
        pod("late", 250, "embed", creation_time=32600, duration=700, node="n0", devices=[0], starts=[4]),
    ]
    pods[0] |= {"node": "n1", "devices": [0]}
    pods[1] |= {"node": "n0", "devices": [1]}
    found = window("mig", pods)
    assert found.scenario.placement.gpus[0]["layout"] == "3g.40gb@0+3g.40gb@4"
    assert [dict(one) for one in found.actions] == [
        {"at_s": 500, "stop": "embed", "replica": 1, "moves_requests": True},
        {"at_s": 560, "recut": 0, "layout": "3g.40gb@0+2g.20gb@4"},
        {"at_s": 560, "start": "embed", "gpu": [0], "partition": "2g.20gb@4", "sharing": "exclusive"},
        {"at_s": 1200, "stop": "embed", "replica": 2, "moves_requests": True},
    ]
    assert found.replicas["requests"].min() > 0


def test_pods_that_have_no_place_are_told() -> None:
    found = window("time-slicing", [*PODS[:4], pod("wide", 1000, "chat"), pod("wider", 1000, "chat")])
    assert "chat: wider had no place by the end of the window and serves nobody" in map(str, found.warnings)
    late = window("mps", [*PODS[:3], pod("late", 250, "embed", creation_time=33570)])
    assert "late" not in late.replicas["pod"].tolist()
    said = "embed: late held its GPU in the window and never served: it was not ready in time"
    assert said in map(str, late.warnings)


@pytest.mark.parametrize(
    ("pods", "how", "message"),
    [
        (PODS, {"at": "9am"}, "at: found '9am'; write a time such as 09:00"),
        (PODS, {"window": "0s"}, "window: found '0s'; write a length such as 1h"),
        (PODS, {"policy": "fgd"}, "policy: found 'fgd'; expected one of gpushare"),
        (PODS, {"gpus": {"H9": "h100"}}, "gpus: no node has GPUs of model 'H9'; there are a100"),
        ([pod("x", 400, "caht")], {}, 'pod "x": the workload has no service "caht".*is "chat" meant'),
        (
            [pod("x", 1000, "chat", num_gpu=2)],
            {},
            'pod "x": asks for 2 GPUs; a replica of chat has tensor_pa',
        ),
        (PODS[:2], {}, "embed: no pod serves it when the run begins, at 08:55: none comes in the window"),
        ([*PODS[:2], PODS[3]], {"at": "09:08"}, "embed: no pod serves it .* its first pod is not ready yet"),
    ],
)
def test_a_window_that_cannot_be_is_refused(
    pods: list[dict[str, Any]], how: dict[str, Any], message: str
) -> None:
    with pytest.raises((gs.ScenarioError, ValueError), match=message):
        window("mps", pods, **how)


def test_pods_of_others_may_be_busy_all_the_time() -> None:
    workload = copy.deepcopy(WORKLOAD)
    for key in ("services", "pipelines"):
        workload[key].popitem()
    workload["traffic"].pop()
    workload["objectives"] = {"e2e_latency_p95_s": 3, "ttft_p95_s": 1}
    nodes = [NODES[1] | {"gpu": 2}]
    here = {"node": "n1", "devices": [0]}
    pods = [
        pod("chat-a", 400, "chat", **here),
        pod("batch", 300, duration=86400, **here),
        pod("other", 300, num_gpu=2),
    ]
    runs = gs.cluster_over_time(nodes, pods, sharing="mps")
    found = gs.cluster_window(runs, workload, at="09:00", window="5min", others="busy")
    idle = gs.cluster_window(runs, workload, at="09:00", window="5min")
    busy = found.result.summary()
    assert busy["ask.e2e_latency_p95_s"] > 1.05 * idle.result.summary()["e2e_latency_p95_s"]
    assert list(found.fared.named()) == ["ask.e2e_latency_p95_s", "ask.chat.ttft_p95_s"]
    assert found.replicas["pod"].tolist() == ["chat-a", "batch", "other"]
    assert found.scenario.placement.gpus[0]["partitions"][0]["active_thread_percentages"] == [40, 30, 30]
    for one in (found, idle):
        assert [node["host_cores"] for node in one.scenario.placement.nodes] == [12]
    assert "with pods of others on its GPUs busy all the time" in " ".join(found.text().split())
    with pytest.raises(ValueError, match="others: found 'calm'; expected idle or busy"):
        gs.cluster_window(runs, workload, at="09:00", others="calm")
    pods[1] |= {"creation_time": 32500}
    late = gs.cluster_over_time(nodes, pods[:2], sharing="mps")
    told = gs.cluster_window(late, workload, at="09:00", window="5min", others="busy").warnings
    assert any("taken to be idle (none of them is there when the run begins)" in str(one) for one in told)


def test_models_that_are_no_profile_are_asked_for() -> None:
    nodes = [node | {"model": "G2"} for node in NODES]
    runs = gs.cluster_over_time(nodes, PODS, policy="gpushare,fgd", until_s=40000)
    with pytest.raises(ValueError, match=r"gpus: node n. has GPUs of model 'G2', which is no profile"):
        gs.cluster_window(runs, WORKLOAD, at=32400, policy="fgd")
    found = gs.cluster_window(runs, WORKLOAD, at=32400, window=60, policy="fgd", gpus={"G2": "a100"})
    assert found.scenario.placement.gpus[0]["profile"] == "a100"
    with pytest.raises(ValueError, match="policy: found none; expected one of gpushare, fgd"):
        gs.cluster_window(runs, WORKLOAD, at=32400)
    with pytest.raises(ValueError, match="window: ends at 12:00; the packing ends at 11:06:40"):
        gs.cluster_window(runs, WORKLOAD, at="11:00", policy="fgd")


def test_traffic_goes_on_from_the_time_of_the_window() -> None:
    document = copy.deepcopy(WORKLOAD)
    trace = {"arrival_s": [0, 10, 33000, 33100, 40000], "input_tokens": [9] * 5, "output_tokens": [2] * 5}
    closed = {"kind": "closed", "users": 3, "ramp_up_s": 5, "hold_s": 9, "think_s": 1}
    find = {"name": "find", "pipeline": "find", "sizes": {"input_tokens": 50}}
    document["traffic"] = [{"name": "old", "pipeline": "ask", "kind": "trace"}, find | closed]
    document["objectives"] = {}
    document["faults"] = [{"gpu": 0, "mtbf_s": 9e8}]
    scenario = gs.Scenario.from_dict(document, traces={"old": trace})
    runs = gs.cluster_over_time(NODES, PODS[:3], sharing="mps")
    found = gs.cluster_window(runs, scenario, at="09:00", window="20min")
    requests = found.result.requests
    asked = np.asarray(requests["arrival_s"])[np.asarray(requests["traffic"]) == "old"]
    assert asked.tolist() == [0, 100]  # from the first of the window on
    late = np.asarray(requests["arrival_s"])[np.asarray(requests["traffic"]) == "find"].max()
    assert late > 1490  # users stay
    told = [str(one) for one in found.warnings]
    assert "/traffic/1: 3 users throughout the window: ramp_up_s, hold_s left out" in told
    assert any(one.startswith("/faults: is left out") for one in told)
    assert found.text().startswith("No objectives are asked for from 09:00 to 09:20")
    with pytest.raises(
        gs.ScenarioError, match="/traffic/0: the trace has no request in the window; it ends a"
    ):
        gs.cluster_window(runs, scenario, at="14:00")


def test_the_command_says_the_packing_first_and_then_the_window(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes, pods, desk = tmp_path / "nodes.csv", tmp_path / "pods.csv", tmp_path / "desk.json"
    gs.Cluster(NODES, PODS).save(nodes, pods)
    desk.write_text(json.dumps(WORKLOAD))
    given = ["cluster", str(nodes), str(pods), "--sharing", "mps"]
    asked = ["--policy", "gpushare,fgd", "--workload", str(desk), "--at", "09:00", "--window", "20min"]
    assert main([*given, *asked]) == 0
    out = capsys.readouterr().out
    assert out.startswith("5 pods in 1.0 days on 2 nodes with 3 GPUs")
    assert out.index("Within objectives from 09:00 to 09:20 on the layout of gpushare") < out.index(
        "Within objectives from 09:00 to 09:20 on the layout of fgd"
    )
    assert main([*given, *asked, "--slo", "chat.ttft_p95=100ms", "--json"]) == 4
    told = json.loads(capsys.readouterr().out)
    assert [one["meets"] for one in told["windows"]] == [False, False]
    for words, message in [
        (["--window", "1h"], "--window: is of a window; give --workload and --at too"),
        (["--workload", str(desk)], "--workload: when does the window begin? Give --at too"),
        (["--timed", "--at", "0.5"], "--at: shares are of pods that never leave, and times of a window"),
    ]:
        assert main([*given, *words]) == 2
        assert message in capsys.readouterr().err


def test_the_example_of_the_documentation_is_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "clusters.md").read_text()
    section = text.partition("## Is the hour within its objectives?")[2]
    names = iter(("nodes.csv", "pods.csv", "desk.json"))
    for kind, block in re.findall(r"```(csv|json)\n(.*?)```", section, re.DOTALL):
        (tmp_path / next(names)).write_text(block if kind == "csv" else json.dumps(json.loads(block)))
    rows = re.findall(
        r"^\| ([a-z-]+)(?:, `--others (busy)`)? \| (met|missed) \| (\S+) ms \| (\S+) ms \| (\d) \|$",
        section,
        re.M,
    )
    assert len(rows) == 5
    for sharing, others, verdict, first, found, gpus in rows:
        given = [str(tmp_path / name) for name in ("nodes.csv", "pods.csv")]
        how = [
            "--policy",
            "gpushare",
            "--sharing",
            sharing,
            "--workload",
            str(tmp_path / "desk.json"),
            "--json",
        ]
        how += ["--others", others or "idle"]
        code = main(["cluster", *given, *how, "--at", "09:00", "--window", "1h"])
        told = json.loads(capsys.readouterr().out)
        assert told["started_pods"] == len(PODS)
        assert told["waits"]["max_s"] == 0
        hour = told["windows"][0]
        assert (code, hour["meets"]) == {"met": (0, True), "missed": (4, False)}[verdict]
        assert f"{1000 * hour['objectives']['ask.chat.ttft_p95_s']['value']:.0f}" == first
        assert f"{1000 * hour['objectives']['find.e2e_latency_p95_s']['value']:.1f}" == found
        assert (hour["gpus"], hour["replications"]) == (int(gpus), 4)
        said = [one["text"] for one in hour["warnings"] if one["where"] == "others"]
        assert len(said) == (sharing != "mig")
        assert all(("always busy" if others else "taken to be idle") in text for text in said)
