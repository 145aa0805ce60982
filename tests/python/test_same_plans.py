"""Plans cost what the planner in C++ says: both are held to the files of tests/plans."""

import json
from pathlib import Path

import gpushare as gs
import pytest

PLANS = sorted((Path(__file__).parent.parent / "plans").glob("*.json"))
#: Searches of a tenth of a minute, so they wait for `make properties`.
SLOW = ("fleet",)


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=pytest.mark.long if path.stem in SLOW else ()) for path in PLANS],
    ids=lambda path: path.stem,
)
def test_the_cheapest_placement_costs_what_the_other_planner_says(path):
    case = json.loads(path.read_text())
    how = {key: case[key] for key in ("modes", "variants") if key in case}
    plan = gs.plan(case["scenario"], gpus=case["gpus"], **how)
    assert plan.meets is True
    assert plan.gpus == case["cost"]
    assert plan.lower_bound == case["cost"]
    if "runner_up" in case:
        assert plan.runner_up.startswith(f"{case['runner_up']} a100: ")
    if "breaks" in case:
        assert [one.judged and one.judged.objective.figure for one in plan.breaks] == case["breaks"]
    if "nearest" in case:
        nearest = case["nearest"]
        names = [name.split(" (")[0] for name in plan.nearest.what.split(" on ")[0].split(" + ")]
        assert names == nearest["services"]
        assert nearest["part"] in plan.nearest.what
        assert nearest["why"] in plan.nearest.why
