"""Failures from Python: the worked example of docs/failures.md, and scenarios that are put under other faults."""

import json
import pickle
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "failures.md"


@pytest.fixture(scope="module")
def example() -> gs.Scenario:
    text = DOCUMENT.read_text(encoding="utf-8")
    block = text[text.index('{\n  "name": "four-embedders"') :]
    return gs.Scenario.from_dict(json.loads(block[: block.index("```")]))


def row(scenario: gs.Scenario) -> str:
    """Of the table in the document."""
    found = gs.simulate(scenario, replications=4, record_requests=False).summary()
    return (
        f"| {scenario.mode} | {100 * found['embed.availability']:.2f} % | {100 * found['embed.any_replica_up']:.2f} % "
        f"| {found['faults']:.1f} | {found['failed_by_faults']:,.0f} | {100 * found['success_rate']:.2f} % "
        f"| {found['error_budget_used']:.2f} |"
    )


def test_the_figures_of_the_worked_example_are_those_of_its_runs(example: gs.Scenario) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for mode in example.modes:
        assert row(example.with_mode(mode)) in text


def test_the_answer_says_whom_a_fault_takes_along_by_default(example: gs.Scenario) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for mode in ("time-slicing", "mps"):
        (said,) = [
            one for one in gs.simulate(example.with_mode(mode)).assumptions if "/faults/0" in one.where
        ]
        assert said.text in text
        table = gs.compare(example, [mode], record_requests=False, replications=1, most_replications=1)
        assert said.text in " ".join(table.text(details=True).split())


def test_a_result_says_what_failed_and_what_was_up(example: gs.Scenario) -> None:
    result = gs.simulate(example.with_mode("mps"), replications=2, record_requests=False)
    figures = result.summary()
    told = " ".join(str(result).split())
    up = f"{100 * figures['embed.availability']:.2f}"
    assert f"requests failed by them; up: embed {up}" in told
    assert "faults " not in str(gs.simulate(example.replace(faults=[], duration_s=60), record_requests=False))


def test_which_loss_is_worst_is_in_the_answer(example: gs.Scenario) -> None:
    asked = {"tolerate": "gpu", "success_rate": 0.97, "e2e_latency_p95": "2.45ms"}
    table = gs.compare(example, ["dedicated"], asked, record_requests=False)
    found = table.objectives["dedicated"]["tolerate gpu"].to_dict()
    assert found["meets"] is True
    assert found["found"] in DOCUMENT.read_text(encoding="utf-8")


def test_other_faults_stay_with_the_scenario(example: gs.Scenario) -> None:
    gpu = {"profile": "a100", "partitions": [{"processes": ["embed"]}]}
    on_three = gs.Placement.from_dict({"gpus": [gpu] * 3}, example.services)
    lost: list[dict[str, Any]] = [{"gpu": 2, "at_s": 0, "repair_s": 10}]
    # The document's own placement has one GPU: such a fault is of this placement alone.
    scenario = example.with_mode("mps").with_placement(on_three).with_faults(lost)
    assert scenario.document["faults"] == lost
    again = pickle.loads(pickle.dumps(scenario))
    assert again == scenario
    assert again.digest() == scenario.digest() != example.digest()
    assert again.document == scenario.document
    assert gs.Scenario.from_dict(scenario.document).document["faults"] == lost
    assert scenario.replace(seed=3).document["faults"] == lost
    assert scenario.replace(faults=[]).document["faults"] == []
    assert len(scenario.with_mode("mps").document["faults"]) == 2
    with pytest.raises(
        gs.ScenarioError, match="faults#/0/gpu: the placement has 3 GPUs, numbered from 0; found 3"
    ):
        scenario.with_faults([{"gpu": 3, "at_s": 0}])


def test_availability_may_be_asked_for(example: gs.Scenario) -> None:
    asked = example.with_objectives({"availability": 0.98, "any_replica_up": {"at_least": 0.9}})
    assert asked.objectives == {"embed.availability": 0.98, "embed.any_replica_up": 0.9}
    with pytest.raises(gs.ScenarioError, match="availability"):
        example.replace(faults=[], objectives={"availability": 0.98})
