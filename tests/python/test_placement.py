"""Placements as values: made by modes and by hand, written and read, simulated, and whether they fit."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import gpushare as gs
import jsonschema  # type: ignore[import-untyped, unused-ignore]
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

SCHEMA = json.loads((Path(__file__).parents[2] / "scenarios/schema.json").read_text(encoding="utf-8"))
# Fleets under control are placed by their pools.
SCENARIOS = [one for one in map(gs.Scenario.load, gs.scenario_names()) if "control" not in one.document]
MODES = [(scenario.name, mode) for scenario in SCENARIOS for mode in scenario.modes]


def queue(**more: Any) -> dict[str, Any]:
    """Jobs of half a second."""
    return {
        "name": "queue",
        "duration_s": 60,
        "services": {"server": {"model": {"kind": "synthetic", "gpu_s": 0.5, "memory_bytes": 1e9}}},
        "pipelines": {"visit": {"stages": [{"name": "server", "service": "server"}]}},
        "traffic": [{"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1}}],
    } | more


def same_run(a: gs.Scenario, b: gs.Scenario) -> bool:
    """Whether both give the same figures and rows, to the last bit."""
    one, other = gs.simulate(a), gs.simulate(b)
    rows = all(
        np.array_equal(one.requests[name], other.requests[name], equal_nan=name not in ("status", "traffic"))
        for name in one.requests.columns
        if one.requests.type(name) != "category"
    )
    return rows and dict(one.summary()) == dict(other.summary())


@pytest.mark.parametrize(("name", "mode"), MODES, ids=[f"{name}-{mode}" for name, mode in MODES])
def test_a_placement_written_and_read_is_the_same_and_simulates_the_same(name: str, mode: str) -> None:
    scenario = gs.Scenario.load(name, mode)
    placement = scenario.placement
    back = gs.Placement.from_dict(json.loads(json.dumps(placement.to_dict())))
    assert back == placement
    assert hash(back) == hash(placement)
    assert back.gpus == placement.gpus == scenario.gpus
    assert back.nodes == placement.nodes
    placed = gs.Scenario.load(name).with_mode(mode).with_placement(back, mode)
    assert placed.placement == placement
    jsonschema.Draft202012Validator(SCHEMA).validate(placed.document)
    assert gs.Scenario.from_dict(placed.document).placement == placement
    assert placed.baseline_gpus == scenario.baseline_gpus
    assert same_run(placed, scenario)


def test_a_mode_as_a_value_places_as_the_scenario_in_that_mode() -> None:
    scenario = gs.Scenario.load("voice-heavy")
    for mode in ("dedicated", "time-slicing:2", "mps:30/70", "mig:4g.40gb+3g.40gb/mps"):
        assert gs.place(mode, scenario) == scenario.with_mode(mode).placement
    layout = gs.mig.parse("3g.40gb+3g.40gb")
    assert gs.place(layout, scenario) == scenario.with_mode("mig:3g.40gb+3g.40gb").placement
    other = gs.place("mps", scenario, gpu="h100", consolidate=["llm", "tts"])
    assert [gpu["profile"] for gpu in other.gpus] == ["h100", "h100"]
    assert other.gpus[1]["partitions"][0]["processes"] == ["llm", "tts"]
    with pytest.raises(gs.ScenarioError, match='consolidate: unknown service "stt"; known: asr, llm, tts'):
        gs.place("mps", scenario, consolidate=["stt"])
    with pytest.raises(gs.ScenarioError, match=r'unknown mode "mips"; did you mean "mps"\?'):
        gs.place("mips", scenario)
    with pytest.raises(gs.LayoutError):
        gs.place("mig:8g.80gb", scenario)
    with pytest.raises(gs.OutOfMemoryError, match=r"gpu1/1g.10gb@0: tts needs .* which 7x1g.10gb has not"):
        gs.place("mig:7x1g.10gb", scenario)


HAND_MADE: dict[str, Any] = {
    "nodes": [
        {
            "name": "rack",
            "host": {"cores": 16},
            "interconnect": {"latency_s": 2e-5, "bandwidth_bytes_per_s": 2.5e10},
            "gpus": [
                {
                    "profile": "h100",
                    "partitions": [
                        {
                            "sharing": "mps",
                            "processes": [
                                {"service": "llm", "active_thread_percentage": 62.5},
                                {"service": "asr", "memory_limit_bytes": 12e9},
                            ],
                        }
                    ],
                }
            ],
        },
        {
            "gpus": [
                {
                    "profile": "a100",
                    "layout": "3g.40gb@0+2g.20gb@4",
                    "partitions": [
                        {
                            "sharing": {"mode": "time-slicing", "slice_s": 0.001, "switch_idle_s": 0.0},
                            "processes": ["tts", "asr"],
                        },
                        {"processes": []},
                    ],
                }
            ]
        },
    ]
}


def test_a_placement_made_by_hand_keeps_everything() -> None:
    placement = gs.Placement.from_dict(HAND_MADE)
    assert placement.to_dict() == HAND_MADE
    assert placement.services == ["llm", "asr", "tts"]
    assert placement.nodes[0] == {
        "name": "rack",
        "host_cores": 16,
        "interconnect": {"latency_s": 2e-5, "bandwidth_bytes_per_s": 2.5e10},
    }
    assert placement.nodes[1] == {"name": "node1", "host_cores": 0, "interconnect": None}
    shared = placement.gpus[0]["partitions"][0]
    assert shared["processes"] == ["llm", "asr"]
    assert shared["active_thread_percentages"] == [62.5, 100]
    assert shared["memory_limits_bytes"] == [None, 12e9]
    sliced = placement.gpus[1]["partitions"][0]
    assert (sliced["slice_s"], sliced["switch_preempted_s"], sliced["switch_idle_s"]) == (0.001, None, 0)
    assert str(placement).splitlines() == [
        "node   GPU        partition  sharing       processes",
        "-----  ---------  ---------  ------------  ---------",
        "rack   gpu0 h100  whole      mps           llm, asr",
        "node1  gpu1 a100  3g.40gb@0  time-slicing  tts, asr",
        "node1  gpu1 a100  2g.20gb@4  exclusive     none",
    ]
    assert "<td" in placement._repr_html_()


@given(
    percentages=st.lists(st.floats(0.5, 99.5), min_size=1, max_size=4),
    cores=st.integers(0, 64),
    slices=st.one_of(st.none(), st.floats(0, 0.1)),
)
def test_numbers_survive_being_written(percentages: list[float], cores: int, slices: float | None) -> None:
    document = copy.deepcopy(HAND_MADE)
    node, other = document["nodes"]
    if cores:
        node["host"] = {"cores": cores}
    else:
        del node["host"]
    node["gpus"][0]["partitions"][0]["processes"] = [
        {"service": "llm", "active_thread_percentage": p} for p in percentages
    ]
    sharing = {"mode": "time-slicing"} | ({} if slices is None else {"switch_preempted_s": slices})
    other["gpus"][0]["partitions"][0]["sharing"] = sharing if len(sharing) > 1 else "time-slicing"
    placement = gs.Placement.from_dict(document)
    assert placement.to_dict() == document
    assert pickle.loads(pickle.dumps(placement)) == placement


def test_placements_name_services_so_another_scenario_may_have_them() -> None:
    voice = gs.Scenario.load("voice-heavy")
    document = voice.document
    document["services"] = dict(reversed(document["services"].items()))  # other numbers
    other = gs.Scenario.from_dict(document)
    placement = gs.place("mps:40/60", voice)
    assert other.services == ["tts", "llm", "asr"]
    assert other.with_placement(placement).gpus == voice.with_placement(placement).gpus
    with pytest.raises(gs.ScenarioError, match=r'placement#/nodes/0.*unknown service "llm"'):
        gs.Scenario.from_dict(queue()).with_placement(placement)


def test_another_placement_stays_through_copies_and_changes() -> None:
    scenario = gs.Scenario.load("voice-light")
    placed = scenario.with_placement(gs.place("mig:4g.40gb+3g.40gb", scenario), "mine")
    assert placed.mode == "mine"
    assert pickle.loads(pickle.dumps(placed)) == placed
    assert hash(pickle.loads(pickle.dumps(placed))) == hash(placed)
    assert placed != scenario
    assert placed.replace(users=3).placement == placed.placement
    assert placed.replace(users=3).mode == "mine"
    assert placed.replace(mode="mps") == scenario.replace(mode="mps")
    assert placed.replace(**{"/placement/consolidate": ["asr", "llm"]}).mode == "dedicated"
    assert placed.with_mode("mps") == scenario.with_mode("mps")
    assert gs.simulate(placed).summary()["gpus_used"] == 2


def test_a_placement_that_cannot_run_is_refused() -> None:
    scenario = gs.Scenario.from_dict(queue())
    two = {"profile": "a100", "partitions": [{"processes": ["server", "server"]}]}
    with pytest.raises(
        gs.ScenarioError, match="/gpus/0/partitions/0/processes: partition whole is exclusive"
    ):
        gs.Placement.from_dict({"gpus": [two]})
    free = gs.Placement.from_dict({"gpus": [{"profile": "a100", "partitions": [{}]}]}, ["server"])
    with pytest.raises(gs.ScenarioError, match='service "server" is placed on no GPU'):
        gs.fits(scenario, free)
    with pytest.raises(gs.ScenarioError, match="/gpus/0/partitions/0/processes/0: expected"):
        gs.Placement.from_dict({"gpus": [{"profile": "a100", "partitions": [{"processes": [7]}]}]})
    with pytest.raises(gs.LayoutError, match="/gpus/0/layout"):
        gs.Placement.from_dict({"gpus": [{"profile": "a100", "layout": "9g", "partitions": []}]})


def test_what_fits_and_what_is_lacking() -> None:
    scenario = gs.Scenario.load("voice-heavy")
    fit = gs.fits(scenario)
    assert fit
    assert fit.misfits == []
    halves = gs.fits(scenario, gs.place("mig:3g.40gb+3g.40gb", scenario))
    assert list(halves.free_bytes) == ["gpu0/whole", "gpu1/3g.40gb@0", "gpu1/3g.40gb@4"]
    crowd = gs.fits(scenario, gs.place("mps", scenario.replace(**{"services.tts.replicas": 3})))
    assert not crowd
    (misfit,) = crowd.misfits
    assert (misfit.reason, misfit.place, misfit.gpu, misfit.partition) == ("sum", "gpu1/whole", 1, 0)
    assert (misfit.process, misfit.service) == (None, None)
    assert crowd.free_bytes["gpu1/whole"] == misfit.available - misfit.needed < 0
    with pytest.raises(gs.OutOfMemoryError) as refusal:
        scenario.replace(**{"services.tts.replicas": 3}, mode="mps").check_memory()
    assert str(refusal.value) == f"{misfit.place}: {misfit.text}"
    assert str(crowd).splitlines()[-1] == str(refusal.value)
    assert "GB" in crowd._repr_html_()


def test_a_workload_is_what_is_served_wherever_it_runs() -> None:
    scenario = gs.Scenario.load("voice-heavy")
    workload = scenario.workload
    assert workload == scenario.with_mode("mps").workload
    assert [service["name"] for service in workload.services] == ["asr", "llm", "tts"]
    assert workload.services[1] == {
        "name": "llm",
        "model": "nemotron-nano-vl-8b",
        "precision": "fp16",
        "replicas": 1,
        "tensor_parallel": 1,
        "memory_bytes": None,
    }
    assert workload.pipelines == {"turn": ["asr", "llm", "tts"]}
    assert workload.traffic == {"callers": "closed"}
    assert (workload.duration_s, workload.warmup_s, workload.price_per_gpu_hour) == (375, 0, 2)
    assert "nemotron-nano-vl-8b" in str(workload)
    assert "nemotron-nano-vl-8b" in workload._repr_html_()


def test_replicas_that_are_asked_for_are_not_those_that_a_mode_places() -> None:
    scenario = gs.Scenario.from_dict(queue(), "time-slicing:4")
    assert scenario.workload.services[0]["replicas"] == 1
    assert scenario.gpus[0]["partitions"][0]["processes"] == ["server"] * 4
    assert gs.place("dedicated", scenario) == scenario.with_mode("dedicated").placement


def test_prices_by_kind_of_gpu() -> None:
    prices = {"a100": 2.0, "h100": 4.5}
    gpus = [{"profile": kind, "partitions": [{"processes": ["server"]}]} for kind in ("a100", "h100", "h100")]
    document = queue(price_per_gpu_hour=prices, placement={"gpus": gpus})
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    scenario = gs.Scenario.from_dict(document)
    assert scenario.price_per_gpu_hour == prices == scenario.workload.price_per_gpu_hour
    assert gs.simulate(scenario).summary()["cost_per_month"] == pytest.approx(11 * 720)
    a30 = gs.place("dedicated", scenario, gpu="a30")
    with pytest.raises(gs.ScenarioError, match="GPU a30 has no price, but a100, h100 have"):
        scenario.with_placement(a30)


def test_nodes_in_a_document_have_their_own_hosts() -> None:
    gpu = {"partitions": [{"processes": ["server"]}]}
    nodes = [{"name": "a", "host": {"cores": 4}, "gpus": [gpu]}, {"host": {"cores": 8}, "gpus": [gpu]}]
    document = queue(placement={"nodes": nodes})
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    scenario = gs.Scenario.from_dict(document)
    assert scenario.host_cores == 4
    assert [node["host_cores"] for node in scenario.placement.nodes] == [4, 8]
    assert [gpu["node"] for gpu in scenario.gpus] == ["a", "node1"]
    assert str(scenario).splitlines()[-2:] == [
        "a      gpu0 a100  whole      exclusive  server",
        "node1  gpu1 a100  whole      exclusive  server",
    ]
    document["host"] = {"cores": 2}
    with pytest.raises(gs.ScenarioError, match="/placement/nodes: nodes have a"):
        gs.Scenario.from_dict(document)


def shared_by_time(sharing: object, processes: list[object]) -> dict[str, Any]:
    return {"gpus": [{"profile": "a100", "partitions": [{"sharing": sharing, "processes": processes}]}]}


def test_weights_are_written_beside_the_policy_or_with_the_processes() -> None:
    beside = shared_by_time({"mode": "time-slicing", "weights": [0.25, 0.75]}, ["asr", "tts"])
    inside = shared_by_time(
        "time-slicing", [{"service": "asr", "weight": 0.25}, {"service": "tts", "weight": 0.75}]
    )
    placement = gs.Placement.from_dict(beside)
    assert placement == gs.Placement.from_dict(inside)
    assert gs.Placement.from_dict(placement.to_dict()) == placement
    part = placement.gpus[0]["partitions"][0]
    assert (part["policy"], part["lease_s"], part["shares"]) == ("fair", 0.25, [0.25, 0.75])


def test_a_mode_has_weights_in_the_order_of_the_services() -> None:
    scenario = gs.Scenario.load("voice-heavy")
    part = gs.place("time-slicing:1/3", scenario, consolidate=["asr", "tts"])
    assert part.gpus[-1]["partitions"][0]["shares"] == [1, 3]
    with pytest.raises(gs.ScenarioError, match="3 weights for 2 processes"):
        gs.place("time-slicing:1/2/1", scenario, consolidate=["asr", "tts"])


@pytest.mark.parametrize(
    ("sharing", "processes", "what"),
    [
        ({"policy": "strict"}, ["asr"], "every process says its"),
        ({"policy": "strict"}, [{"service": "asr", "weight": 1}], "weights are of"),
        ({"policy": "strict"}, [{"service": "asr", "gpu_fraction": 0.6}] * 2, "have 1.2 of the GPU's time"),
        ({"policy": "fair"}, [{"service": "asr", "gpu_fraction": 0.6}], "the same number is a"),
        ({"policy": "fair", "slice_s": 0.1}, ["asr"], "is a .lease_s"),
        ({"policy": "fair", "plan_s": 5}, ["asr"], "plans are of"),
        ({"lease_s": 0.1}, ["asr"], "the round has slices"),
        ({"policy": "round-robin", "weights": [1]}, ["asr"], "not of round-robin"),
        ({"weights": [1, 2]}, ["asr"], "a weight for each of the 1 processes"),
        ({"weights": [1]}, [{"service": "asr", "weight": 1}], "say it in one place"),
    ],
)
def test_shares_that_mean_nothing_are_refused(
    sharing: dict[str, Any], processes: list[object], what: str
) -> None:
    with pytest.raises(gs.ScenarioError, match=what):
        gs.Placement.from_dict(shared_by_time({"mode": "time-slicing", **sharing}, processes))
