"""What a planner of many services takes from predictions instead of simulations."""

import gpushare as gs
import pytest
from gpushare.planning.asked import Asked
from gpushare.planning.objectives import Objectives
from gpushare.planning.problem import Config, Part, Tenant
from gpushare.planning.runs import Runs
from gpushare.planning.space import make_space
from gpushare.planning.staging import Staging
from gpushare.planning.trials import Trials

WHOLE = Part(0, "whole")


def trials(rates, bounds):
    """Of detectors, each with a pipeline of its own."""
    names = [f"d{i}" for i in range(len(rates))]
    document = {
        "name": "detectors",
        "gpu": "a100",
        "duration_s": 60,
        "warmup_s": 5,
        "services": {name: {"model": "yolos-small"} for name in names},
        "pipelines": {name: {"stages": [{"name": name, "service": name}]} for name in names},
        "traffic": [
            {"pipeline": name, "kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": rate}}
            for name, rate in zip(names, rates, strict=True)
        ],
        "placement": {"mode": "dedicated"},
        "objectives": bounds,
    }
    scenario = gs.Scenario.from_dict(document)
    space = make_space(scenario, {"a100": 8}, None, ("dedicated", "mps", "time-slicing"), {})
    runs = Runs()
    return Trials(Staging(space, Asked(space, Objectives.of(scenario))), runs), runs


def alone(service):
    return Config(WHOLE, (Tenant(service, 0, 1),))


def together(*services):
    return Config(WHOLE, tuple(Tenant(service, 0, 1) for service in services))


def test_what_is_foreseen_is_near_to_what_is_simulated():
    judge, _ = trials([5.0, 3.0], {"d0.latency_p95_s": 0.3, "d1.latency_p95_s": 0.5})
    assert judge.foresee(together(0, 1)) == {}  # nobody trusts it yet
    judge.trust(0.15)
    for config in (alone(0), alone(1), together(0, 1)):
        foreseen = judge.foresee(config)
        judge.configs([config])
        simulated = {
            int(one.objective.figure[1]): one.value / one.objective.bound
            for one in judge.of_config[config].judged
            if one.objective.figure.endswith("latency_p95_s")
        }
        assert foreseen.keys() == simulated.keys()
        for service, value in simulated.items():
            assert 1 + foreseen[service] == pytest.approx(value, rel=0.3)


def test_nothing_is_foreseen_of_other_figures_than_the_main_latencys_p95():
    judge, _ = trials([5.0, 3.0], {"d0.latency_p99_s": 0.3, "d1.latency_p95_s": 0.5})
    judge.trust(0.15)
    assert judge.foresee(together(0, 1)) == {}
    assert judge.foresee(alone(1)).keys() == {1}


def test_what_is_hopeless_is_not_simulated_but_for_one_in_twenty():
    rates = [9.0] * 8
    judge, runs = trials(rates, {f"d{i}.latency_p95_s": 0.1 for i in range(8)})
    judge.trust(0.15)
    pairs = [together(i, k) for i in range(8) for k in range(i)]
    opinions = judge.configs(pairs)
    assert all(opinion.verdict.value == "fails" for opinion in opinions)
    assert all(max(opinion.excess.values()) > 0.5 for opinion in opinions)
    simulated = [judge.of_config[pair] for pair in pairs if not judge.of_config[pair].foreseen]
    assert judge.foretold == len(pairs)
    assert judge.checked == judge.confirmed == len(simulated) == 2
    assert runs.count < 2 * len(pairs)
