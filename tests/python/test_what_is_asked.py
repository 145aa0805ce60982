"""What plans, capacity and comparisons are asked: taken as it is meant, or refused in words."""

import json

import gpushare as gs
import pytest
from gpushare.command.cli import main
from gpushare.planning.objectives import Objectives

TWO = {
    "name": "two",
    "gpu": "a100",
    "duration_s": 20,
    "services": {"a": {"model": "resnet50"}, "b": {"model": "yolov8n"}},
    "pipelines": {name: {"stages": [{"name": name, "service": name}]} for name in "ab"},
    "traffic": [
        {"pipeline": name, "kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 50}} for name in "ab"
    ],
}
BOUND = "a.latency_p95=20ms"


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "two.json"
    path.write_text(json.dumps(TWO))
    return str(path)


def test_a_single_bound_may_stand_for_its_list():
    modes = ["dedicated", "mps"]
    one = gs.compare(TWO, modes, slo=BOUND, most_replications=1)
    assert str(one.verdict) == str(gs.compare(TWO, modes, slo=[BOUND], most_replications=1).verdict)
    assert (
        gs.plan(TWO, slo=BOUND, gpus={"a100": 1}).to_dict()["objectives"]["a.latency_p95_s"]["bound"] == 0.02
    )


@pytest.mark.parametrize("call", [gs.plan, gs.capacity, gs.compare])
def test_two_bounds_of_one_figure_are_refused_unless_they_say_the_same(call):
    with pytest.raises(
        gs.ScenarioError, match=r'"a.latency_p95=20ms" and "a.latency_p95_s<=30ms" bound the same'
    ):
        call(TWO, slo=[BOUND, "a.latency_p95_s<=30ms"])
    same = Objectives.of(gs.Scenario.from_dict(TWO), None, [BOUND, "a.latency_p95_s<=0.02"])
    assert [one.bound for one in same.bounds] == [0.02]


def test_costs_are_bounded_only_where_gpus_have_a_price():
    with pytest.raises(gs.ScenarioError, match=r"objectives/cost_per_month: no GPU has a price; give prices"):
        gs.plan(TWO, slo=["cost_per_month=100"], gpus={"a100": 1})
    found = gs.plan(TWO, slo=[BOUND, "cost_per_month=2000"], gpus={"a100": 1}, prices={"a100": 2})
    assert found.meets
    assert found.to_dict()["objectives"]["cost_per_month"]["value"] == pytest.approx(1440)


def test_no_way_of_sharing_is_refused(document, capsys):
    assert main(["plan", document, "--slo", BOUND, "--modes", ""]) == 2
    assert "modes: none are given; legal are dedicated" in capsys.readouterr().err


def test_a_capacity_of_modes_that_there_are_not_is_an_error_and_of_some_a_row(document, capsys):
    assert main(["capacity", document, "--slo", BOUND, "--modes", "all"]) == 2
    assert 'unknown mode "all"' in capsys.readouterr().err
    found = gs.capacity(TWO, slo=BOUND, modes=["mps", "all"], replications=2, tolerance=0.5)
    assert found.modes["mps"].load > 0
    assert found.modes["all"].load == 0
    assert 'unknown mode "all"' in found.modes["all"].why


def test_a_plan_says_what_it_leaves_out_of_a_document():
    faulty = TWO | {"faults": [{"service": "a", "mtbf_s": 14400, "restart_s": 60}]}
    changing = gs.Scenario.load("bursty-day").replace(duration_s=60)
    for workload, key in ((faulty, "faults"), (changing, "control")):
        told = [one for one in gs.plan(workload, rounds=1, replications=2).warnings if one.where == f"/{key}"]
        assert len(told) == 1
        assert "is left out of it" in told[0].text


def test_notebooks_show_a_plan_and_a_claim_whole():
    found = gs.plan(TWO, slo=BOUND, gpus={"a100": 1})
    page = found._repr_html_()
    for text in ("1 a100 does for 2 dedicated GPUs", "a.latency_p95_s", "gpu0 a100", "lower bound: 1 GPU"):
        assert text in page
    claim = gs.check(model="llama-3.1-8b", gpu="a100", rate=45, input=1200, output=500)
    page = claim._repr_html_()
    assert "requests/s" in page
    assert claim.why.split(",")[0] in page


@pytest.mark.parametrize(
    ("column", "value", "wanted"),
    [
        ("latency_s", "-1", "a number of at least 0"),
        ("instance", "9g.80gb", "one of 1, 2, 3, 4, 7 compute slices"),
        ("batch", "0.5", "a whole number of at least 1"),
        ("processes", "0", "a whole number of at least 1"),
        ("throughput_per_s", "inf", "a number of at least 0"),
    ],
)
def test_tables_with_values_that_cannot_be_are_refused_where_they_stand(tmp_path, column, value, wanted):
    row = {
        "instance": "2g.20gb",
        "batch": "8",
        "processes": "1",
        "throughput_per_s": "200",
        "latency_s": "0.04",
    }
    path = tmp_path / "table.csv"

    def written(row, delimiter):
        path.write_text("\n".join(delimiter.join(line) for line in (row, row.values())))
        return gs.plan({"resnet": 100}, {"resnet": 0.1}, tables={"resnet": path}, gpus={"a100": 2})

    assert written(row, ";").gpus == written(row, ",").gpus == written(row, "\t").gpus == 1
    with pytest.raises(gs.ScenarioError, match=rf"row 1/{column}: found '{value}'; {wanted} is needed"):
        written(row | {column: value}, ",")
