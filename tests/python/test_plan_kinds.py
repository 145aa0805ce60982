"""Kinds of GPU and prices however a caller says them: one meaning, or a refusal that says what would be right."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import gpushare as gs
import numpy as np
import pytest
from gpushare.planning.kinds import counts_of, price_of, prices_of

TABLE = {
    "instance": ["1g.10gb", "7g.80gb"],
    "batch": [1, 1],
    "processes": [1, 1],
    "throughput_per_s": [100, 500],
    "latency_s": [0.01, 0.002],
}


@pytest.mark.parametrize(
    "said",
    [
        2,
        np.int64(2),
        2.0,
        {"a100": 2},
        {"A100": np.int32(2)},
        {"a100": "2"},
        {"a100": np.float64(2)},
        {"a100": 2, "h100": 0},
        "a100=2",
        "a100=2, h100=0",
    ],
)
def test_the_same_number_of_gpus_however_it_is_said(said: Any) -> None:
    assert [(gs.profile(name).name, count) for name, count in counts_of(said, "a100").items()] == [
        ("a100", 2)
    ]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (0, "gpus: all are 0"),
        ({"a100": 0}, "gpus: all are 0"),
        ({}, "gpus: none are given"),
        ("", "gpus: none are given"),
        ({"a100": 2.5}, "gpus/a100: found 2.5; a whole number of GPUs"),
        ({"a100": -1}, "gpus/a100: found -1; a whole number"),
        ({"a100": True}, "gpus/a100: found True; a whole number"),
        ({"a100": "eight"}, "gpus/a100: found 'eight'; a whole number"),
        ({"a100": float("nan")}, "gpus/a100: found nan; a whole number"),
        ({"a100": 2, "A100": 3}, "gpus/A100: this kind of GPU is there twice"),
        ("a100=2,a100=3", "gpus/a100: this kind of GPU is there twice"),
        (["a100", "a100"], "gpus/a100: this kind of GPU is there twice"),
    ],
)
def test_what_is_no_number_of_gpus_is_refused(said: Any, message: str) -> None:
    with pytest.raises(gs.ScenarioError, match=message):
        counts_of(said, "a100")


@pytest.mark.parametrize(
    "said", [2.5, "2.5", np.float32(2.5), {"a100": 2.5}, {"A100": "2.5"}, "a100=2.5,h100=4"]
)
def test_the_same_price_however_it_is_said(said: Any) -> None:
    assert price_of("a100", prices_of(said)) == 2.5


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (-1, "prices: found -1; write"),
        (float("nan"), "prices: found nan; write"),
        ({"a100": None}, "prices/a100: found None; a finite number"),
        ({"a100": -2}, "prices/a100: found -2; a finite number"),
        ({"h100": 3}, "prices/a100: this kind of GPU has no price; those with one: h100"),
        ({}, "prices/a100: this kind of GPU has no price; those with one: none"),
        ("a100=2,a100=3", "prices/a100: this kind of GPU is there twice"),
        ("cheap", "prices: found 'cheap'; a finite number"),
    ],
)
def test_what_is_no_price_is_refused(said: Any, message: str) -> None:
    with pytest.raises(gs.ScenarioError, match=message):
        price_of("a100", prices_of(said))


def test_gpus_that_cost_nothing_are_planned_with() -> None:
    found = gs.plan(
        "voice-light", {"voice_to_voice_p95": "3s"}, prices=0, modes=["dedicated"], rounds=5, replications=2
    )
    assert (found.meets, found.cost_per_month) == (True, 0)


def test_a_card_that_cannot_be_cut_is_planned_from_what_was_measured_on_all_of_it() -> None:
    for instance in ("whole", 7):
        table = {name: values[1:] for name, values in TABLE.items()} | {"instance": [instance]}
        found = gs.plan({"a": 700}, {"a": 0.1}, tables={"a": table}, gpus={"l4": 4})
        assert (found.gpus, [one.instance for one in found.placed]) == (2, ["whole"] * 2)


@pytest.mark.parametrize(
    "options",
    [
        ["plan", "voice-light", "--gpus", "a100=2,a100=3"],
        ["plan", "voice-light", "--price", "a100=2,a100=3"],
        ["plan", "--tables", "t.csv", "--rates", "a=2,a=3", "--slo", "a.latency_p99=1s"],
        ["plan", "--from-cluster", ".", "--products", "X=a100,X=h100"],
        ["cluster", "nodes.csv", "pods.csv", "--timed", "--quota", "a=2,a=3"],
        ["cluster", "nodes.csv", "pods.csv", "--sharing", "mig", "--mig", "a=a100,a=h100"],
        ["export", "pods", "voice-light", "-o", "x", "--nodes", "node0=a,node0=b"],
    ],
)
def test_a_name_that_an_option_has_twice_is_refused(options: list[str], tmp_path: Any) -> None:
    (tmp_path / "nodes.csv").write_text("sn,cpu_milli,memory_mib,gpu,model\nn0,9,9,1,a100\n")
    (tmp_path / "pods.csv").write_text("name,cpu_milli,memory_mib,num_gpu,gpu_milli\np,1,1,1,500\n")
    (tmp_path / "t.csv").write_text(
        "service,instance,batch,processes,throughput_per_s,latency_s\na,1,1,1,9,0.1\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "gpushare", *options],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 2
    assert "twice" in done.stderr


@pytest.mark.parametrize("said", ["MPS", "mps ", "mps,MPS", ["Mps"], ["MPS", "mps"]])
def test_ways_of_sharing_are_known_in_any_case(said: Any) -> None:
    found = gs.plan("voice-light", {"voice_to_voice_p95": "3s"}, modes=said, rounds=5, replications=2)
    plain = gs.plan("voice-light", {"voice_to_voice_p95": "3s"}, modes=["mps"], rounds=5, replications=2)
    assert found.to_dict() == plain.to_dict()


@pytest.mark.parametrize("said", ["mps:60/40", "mps:x4", "mig:3g.40gb+3g.40gb", "time-slicing:2"])
def test_a_plan_chooses_copies_caps_and_layouts_itself(said: str) -> None:
    with pytest.raises(gs.ScenarioError, match=f"write {said.partition(':')[0]}: a plan chooses"):
        gs.plan("voice-light", {"voice_to_voice_p95": "3s"}, modes=[said])


def test_too_few_gpus_are_told_how_many_would_do() -> None:
    how: dict[str, Any] = {"modes": ["dedicated"], "rounds": 5, "replications": 2}
    asked = {"voice_to_voice_p95": "3s"}
    needed = gs.plan("voice-light", asked, gpus=8, **how).gpus
    found = gs.plan("voice-light", asked, gpus=needed - 1, **how)
    assert found.meets is not True
    assert f"; {needed}, one for each server, would do, and there are {needed - 1}" in found.why
    assert gs.plan("voice-light", asked, gpus=needed, **how).meets
