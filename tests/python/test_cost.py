"""What fleets cost and draw, which modes nobody beats, and what pays."""

import copy
import json
from typing import Any

import gpushare as gs
import pytest
from gpushare.study.estimates import Estimate
from gpushare.study.outcomes import Outcome
from gpushare.study.paired import payoff

FLEET: dict[str, Any] = {
    "name": "fleet",
    "duration_s": 600,
    "price_per_gpu_hour": 2.0,
    "carbon_g_per_kwh": 400,
    "host": {"cores": 32},
    "services": {
        "s": {
            "model": {
                "kind": "synthetic",
                "gpu_s": {"kind": "exponential", "mean": 0.5},
                "memory_bytes": 1e9,
            },
            "routing": "least-outstanding",
        }
    },
    "control": {
        "pools": {"p": {"nodes": {"min": 1, "max": 4, "boot_s": 20, "remove_after_s": 60}}},
        "services": {
            "s": {
                "pool": "p",
                "replicas": {"min": 1, "max": 4},
                "autoscaling": {"metric": "in-system", "target": 2},
                "cold_start": {"image_bytes": 0, "engine_s": 5},
            }
        },
    },
    "modes": {
        "autoscaled": {"control": {"pools": {"p": {"gpus_per_node": 1}}}},
        "fixed": {
            "control": {"pools": {"p": {"nodes": 4}}, "services": {"s": {"replicas": 4, "autoscaling": None}}}
        },
        "wasteful": {
            "control": {
                "pools": {"p": {"nodes": 4, "price_per_gpu_hour": 5}},
                "services": {"s": {"replicas": 4, "autoscaling": None}},
            }
        },
    },
    "pipelines": {"v": {"stages": [{"name": "s", "service": "s"}]}},
    "traffic": [
        {
            "kind": "open",
            "arrivals": {"kind": "piecewise", "rates_per_s": [0.5, 5, 0.5], "starts_s": [0, 200, 400]},
        }
    ],
    "objectives": {"s.latency_p95_s": 3.0},
}


@pytest.fixture(scope="module")
def table() -> gs.Comparison:
    return gs.compare(FLEET, replications=4, most_replications=4, record_requests=False)


def test_the_table_shows_what_fleets_are_chosen_by(table: gs.Comparison) -> None:
    for name in (
        "gpu_hours",
        "cost",
        "cost_per_month",
        "energy_kwh",
        "time_out_of_objectives",
        "success_rate",
    ):
        assert name in table.table.columns
    text = " ".join(table.text(details=True).split())
    assert "time out: share of the windows of time" in text
    assert "unless its pool says otherwise" in text
    assert "time" not in gs.compare("voice-light", modes=["mps"]).tables().split("req/s", 1)[0]
    assert table["fixed"]["gpu_hours"] == pytest.approx(4 * 600 / 3600)
    assert table["fixed"]["cost"] == pytest.approx(2 * 4 * 600 / 3600)
    assert table["wasteful"]["cost_per_month"] == pytest.approx(5 * 4 * 720)
    assert table["fixed"]["co2_kg"] == pytest.approx(0.4 * table["fixed"]["energy_kwh"])
    # Steps of synthetic models draw nothing that is known: idle power alone.
    assert table["fixed"]["mean_power_w"] == pytest.approx(4 * 49.7)
    assert table["autoscaled"]["time_out_of_objectives"] > table["fixed"]["time_out_of_objectives"]


def test_the_series_says_what_an_hour_costs(table: gs.Comparison) -> None:
    run = gs.simulate(FLEET, mode="autoscaled", record_requests=False)
    series = run.series.to_pandas()
    weighted = (series.cost_per_hour * (series.end_s - series.start_s)).sum() / 3600
    assert weighted == pytest.approx(run.summary()["cost"])
    assert series.cost_per_hour.min() == 2
    assert series.cost_per_hour.max() > 2


def test_the_front_has_the_modes_that_nobody_beats(table: gs.Comparison) -> None:
    assert table.front(y="s.latency_p95_s") == ["autoscaled", "fixed"]
    assert table.front("success_rate", "cost")[0] in table.modes
    with pytest.raises(gs.FigureError, match="neither side is better"):
        table.front("arrived", "cost")
    pytest.importorskip("matplotlib")
    figure = gs.plot.front(table, y="s.latency_p95_s")
    (axis,) = figure.axes
    assert {text.get_text() for text in axis.texts} == set(table.modes)
    assert axis.get_xlabel() == "cost_per_month, $/month"
    assert [round(float(x), 6) for x in axis.lines[0].get_xdata()] == pytest.approx(
        [float(table[mode]["cost_per_month"]) for mode in ("autoscaled", "fixed")]
    )


def test_regret_is_against_the_best_fixed_mode_in_hindsight(table: gs.Comparison) -> None:
    found = table.regret("autoscaled")
    assert (found.mode, found.baseline) == (
        "autoscaled",
        "fixed",
    )  # not "wasteful", which stays too but costs more
    assert float(found.difference) == float(table.pays("autoscaled", "fixed").difference)
    slower = table.regret("autoscaled", "s.latency_p95")
    assert float(slower.difference) > 0
    assert table.regret("fixed", among=["autoscaled"]).baseline == "autoscaled"
    with pytest.raises(ValueError, match="no other mode has it"):
        table.regret("fixed", among=[])
    with pytest.raises(gs.FigureError, match="nothing is best by it"):
        table.regret("autoscaled", "gpu_busy")


def test_what_pays_is_said_by_paired_differences(table: gs.Comparison) -> None:
    cheaper = table.pays("autoscaled", "fixed")
    assert cheaper.pays is True
    assert cheaper.verdict == "pays"
    assert cheaper.figure == "cost_per_month"
    assert cheaper.difference + cheaper.difference.half_width < 0
    by_run = [
        a.figures["cost_per_month"] - b.figures["cost_per_month"]
        for a, b in zip(table.results["autoscaled"].runs, table.results["fixed"].runs, strict=True)
    ]
    assert cheaper.difference == pytest.approx(sum(by_run) / 4)
    assert table.pays("fixed", "autoscaled").verdict == "does not pay"
    assert table.pays("fixed", "fixed").verdict == "does not pay"
    assert table.pays("fixed", "autoscaled", "s.latency_p95").pays is True
    assert "4 replications" in str(cheaper)
    with pytest.raises(KeyError, match="no mode 'none'"):
        table.pays("none", "fixed")
    with pytest.raises(gs.FigureError, match="nothing pays by it"):
        table.pays("autoscaled", "fixed", "arrived")


def test_one_replication_tells_nothing() -> None:
    table = gs.compare(FLEET, modes=["autoscaled", "fixed"], objectives={}, record_requests=False)
    found = table.pays("autoscaled", "fixed")
    assert found.verdict == "cannot be told"
    assert found.pays is None


@pytest.mark.parametrize(
    ("first", "verdict"),
    [
        ([1.0, 1.1, 0.9], "pays"),
        ([3.0, 3.1, 2.9], "does not pay"),
        ([2.0, 2.0, 2.0], "does not pay"),
        ([1.0, 2.9, 2.0], "cannot be told"),
    ],
)
def test_the_verdict_follows_the_interval(first: list[float], verdict: str) -> None:
    outcomes = tuple(
        Outcome({"cost": Estimate(0.0, 0.0, 3)}, samples={"cost": values})
        for values in (first, [2.0, 2.0, 2.0])
    )
    found = payoff(("a", "b"), (outcomes[0], outcomes[1]), "cost")
    assert found.verdict == verdict
    # Where zero is in the interval nothing is said to pay.
    zero_inside = abs(found.difference) <= found.difference.half_width
    assert not (zero_inside and found.pays)


def test_the_command_prints_the_front(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from gpushare.command.cli import main

    document = copy.deepcopy(FLEET)
    path = tmp_path / "fleet.json"
    path.write_text(json.dumps(document))
    ask = ["compare", str(path), "--most-replications", "4", "--front", "cost_per_month,s.latency_p95_s"]
    main(ask)
    assert "nobody beats in both of cost_per_month and s.latency_p95_s: autoscaled, fixed" in " ".join(
        capsys.readouterr().out.split()
    )
    main([*ask, "--json"])
    assert json.loads(capsys.readouterr().out)["front"] == ["autoscaled", "fixed"]
    assert main(["compare", str(path), "--front", "cost"]) == 2
    assert "two figures with a comma" in capsys.readouterr().err


def test_a_run_says_what_it_emits_where_the_document_says_what_a_kilowatt_hour_does() -> None:
    plain = gs.Scenario.load("voice-light")
    summary = gs.simulate(plain.replace(carbon_g_per_kwh=400)).summary()
    energy, carbon = f"{summary['energy_kwh']:.3g} kWh", f"{summary['co2_kg']:.3g} kg of CO2"
    assert f"energy      {energy}, {carbon}" in str(summary)
    assert "CO2" not in str(gs.simulate(plain).summary())
