"""Objectives judged by simulation: runs until it is clear, losses that are to be tolerated, what is shown."""

from collections.abc import Sequence
from pathlib import Path

import gpushare as gs
import pytest
from gpushare.planning.failures import failures
from gpushare.planning.judging import Check, checks
from gpushare.planning.objectives import Objectives
from gpushare.planning.rounds import Budget, tolerance, until_clear
from gpushare.study.outcomes import Outcome
from gpushare.study.points import Point

VOICE = ["dedicated", "time-slicing", "mps", "mig:3g.40gb+3g.40gb"]


@pytest.fixture(scope="module")
def voice() -> gs.Comparison:
    return gs.compare("voice-heavy", record_requests=False)


def test_the_questions_of_the_demonstration(voice: gs.Comparison) -> None:
    assert not voice.verdict.share
    assert "mps, would free 1 ($1,440 a month), but misses request_throughput" in voice.verdict.line
    light = gs.compare("voice-light", record_requests=False).verdict
    assert (light.share, light.mode) == (True, "mps")
    assert light.to_dict()["freed"] == 1
    assert "2 GPUs instead of 3, 1 freed, $2,880 a month, $1,440 less" in light.line


def test_dedicated_gpus_are_simulated_beside_modes_without_them() -> None:
    seen: list[tuple[int, int]] = []
    table = gs.compare(
        "voice-light", ["mps"], record_requests=False, progress=lambda *counts: seen.append(counts)
    )
    assert table.modes == ["mps"]
    assert len(table) == 1
    assert list(table.results) == ["mps"]
    assert seen == [(1, 2), (2, 2)]
    assert table.verdict.alone is not None
    assert table.verdict.alone.gpus == 3
    assert table.verdict.share
    assert "simulated beside the modes" in " ".join(str(table).split())
    both = gs.compare("voice-light", ["dedicated", "mps"], record_requests=False)
    assert both.verdict.by_mode("mps").margin == table.verdict.by_mode("mps").margin
    alone = gs.compare("voice-heavy", ["mps"], record_requests=False).verdict
    assert (alone.share, alone.mode, alone.meets) == (False, "mps", False)
    assert alone.line.endswith("3 dedicated GPUs, $4,320 a month, do.")


def test_overloaded_dedicated_gpus_are_no_measure() -> None:
    table = gs.compare("bursty-llm", ["dedicated", "time-slicing:4"], record_requests=False)
    assert not table.verdict.share
    assert table.verdict.keeps_up < 0.2
    words = " ".join(table.text().split())
    assert "Dedicated GPUs do not keep up: they complete 17 % of the requests in time" in words
    assert "Dedicated GPUs do not keep up" not in " ".join(
        gs.compare("voice-heavy", ["dedicated"]).text().split()
    )


def test_what_came_in_the_warm_up_is_no_overload() -> None:
    # Two thirds of the run are warm-up, in which a tenth of its requests come.
    table = gs.compare("one-pod-spike", ["dedicated", "one-pod"], record_requests=False)
    assert table.verdict.keeps_up > 0.95
    assert "do not keep up" not in table.text()
    # One pod in place of four is fewer GPUs, though none of its own comes free.
    assert "1 GPU instead of 4, 3 freed, $1,440 a month, $4,320 less" in " ".join(table.verdict.line.split())


def test_modes_that_are_clear_are_not_run_again(voice: gs.Comparison) -> None:
    bound = float(voice["mps"]["tts.first_audio_p95_s"])
    table = gs.compare(
        "voice-heavy", slo=[f"tts.first_audio_p95={bound:.3f}s"], most_replications=8, record_requests=False
    )
    runs = {mode: len(result.runs) for mode, result in table.results.items()}
    assert runs["time-slicing"] == 4
    assert runs["mps"] == 8
    assert "Runs: dedicated 4, time-slicing 4, mps 8" in " ".join(table.text().split())
    assert "Means of 4 to 8 replications" in " ".join(table.text(details=True).split())
    assert table.objectives["mps"]["tts.first_audio_p95_s"].meets is None


def test_clear_objectives_take_four_runs_and_none_take_what_is_asked(light: gs.Scenario) -> None:
    assert gs.compare(light, ["mps"], slo=["llm.ttft_p95=10s"], record_requests=False).replications == 4
    assert gs.compare(light, ["mps"], slo=["llm.ttft_p95=10s"], most_replications=1).replications == 1
    assert gs.compare(light, ["mps"], {"llm.ttft_p95": "10s"}, replications=6).replications == 6
    assert gs.compare(light, ["mps"], replications=2, record_requests=False).replications == 2


def test_calibration_errors_count_as_chance_and_are_not_run_away(light: gs.Scenario) -> None:
    table = gs.compare(light, ["mps"], slo=["llm.ttft_p95=10s"], uncertainty=True, record_requests=False)
    assert table.replications == 24
    assert table.objectives["mps"]["llm.ttft_p95_s"].meets is True
    assert "each with calibration errors of its own" in " ".join(table.text().split())


def test_a_comparison_that_goes_on_says_the_same(light: gs.Scenario, tmp_path: Path) -> None:
    store = tmp_path / "points.jsonl"
    once, again = (
        gs.compare(light, ["dedicated", "mps"], slo=["llm.ttft_p95=10s"], resume=store) for _ in range(2)
    )
    assert not again.results
    assert str(again) == str(once)
    assert again.verdict.to_dict() == once.verdict.to_dict()


def test_runs_double_until_it_is_clear_or_the_budget_ends(light: gs.Scenario) -> None:
    points = [Point(light, {"mode": str(i)}) for i in range(2)]
    seen: list[list[int]] = []

    def unclear(outcomes: Sequence[Outcome], counts: Sequence[int]) -> list[int]:
        seen.append(list(counts))
        return [1]

    told: list[tuple[int, int]] = []
    budget = Budget(3, 10, False, True)
    outcomes, counts = until_clear(points, unclear, budget, progress=lambda *n: told.append(n))
    assert seen == [[4, 4], [4, 8]]
    assert counts == [4, 10]
    assert [outcome.figures["request_throughput"].count for outcome in outcomes] == [4, 10]  # type: ignore[attr-defined]
    assert told == [(1, 2), (2, 2), (3, 3), (4, 4)]
    assert (Budget(1, 32, True, True).first, Budget(1, 32, True, True).most) == (24, 24)
    assert (Budget(2, 32, False, False).first, Budget(2, 32, False, False).most) == (2, 2)


def test_each_mode_keeps_its_own_objectives(light: gs.Scenario) -> None:
    document = light.document | {
        "modes": {
            "loose": {"placement": {"mode": "mps"}},
            "strict": {"placement": {"mode": "mps"}, "objectives": {"llm.ttft_p95": "1ms"}},
        },
        "objectives": {"llm.ttft_p95": "10s"},
    }
    table = gs.compare(document, ["loose", "strict"], record_requests=False)
    assert table.asked
    found = {mode: named["llm.ttft_p95_s"].to_dict() for mode, named in table.objectives.items()}
    assert (found["loose"]["bound"], found["loose"]["meets"]) == (10, True)
    assert (found["strict"]["bound"], found["strict"]["meets"]) == (0.001, False)
    assert table.verdict.mode == "loose"
    assert "by mode" in table.text()


def test_goodput_may_be_asked_for_beside_a_latency(light: gs.Scenario) -> None:
    table = gs.compare(light, ["mps"], slo=["goodput>=95%", "llm.ttft_p95=10s"], record_requests=False)
    assert table.objectives["mps"]["goodput"].meets is True


def test_isolation_headroom_and_failures_are_judged(light: gs.Scenario) -> None:
    apart = {"isolation": [{"between": ["asr", "tts"], "level": "hardware"}]}
    lenient = gs.Kept(latency=3, throughput=0.5)
    table = gs.compare(light, VOICE, apart, keep=lenient, record_requests=False)
    found = {mode: named["isolation of asr, tts"].meets for mode, named in table.objectives.items()}
    assert list(found.values()) == [True, False, False, True]
    assert table.verdict.mode == "mig:3g.40gb+3g.40gb"
    process = Objectives.of(light, {"isolation": [{"between": ["asr", "tts"], "level": "process"}]})
    assert [checks(light.with_mode(mode), process)[0].meets for mode in VOICE] == [True, True, False, True]
    head = gs.compare(light, ["dedicated"], {"memory_headroom": 0.2}, record_requests=False)
    told = head.objectives["dedicated"]["memory_headroom"].to_dict()
    assert (told["value"], told["bound"], told["meets"]) == (pytest.approx(0.1, abs=0.01), 0.2, False)
    assert "misses memory_headroom: 10 %, >= 20 % is asked" in head.verdict.line
    one = gs.compare(light, ["dedicated"], {"tolerate": "gpu", "llm.ttft_p95": "10s"}, record_requests=False)
    (check,) = [c for c in one.objectives["dedicated"].values() if isinstance(c, Check)]
    assert (check.meets, check.found) == (False, "nothing else serves asr without gpu0")


def test_what_tolerates_a_failure_is_simulated_without_each_gpu() -> None:
    document = {
        "name": "pair",
        "services": {"llm": {"model": "llama-3.1-8b", "replicas": 2}},
        "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
        "traffic": [
            {
                "kind": "open",
                "arrivals": {"kind": "poisson", "rate_per_s": 4},
                "sizes": {"input_tokens": 500, "output_tokens": 100},
            }
        ],
        "duration_s": 60,
        "placement": {"mode": "dedicated"},
    }
    scenario = gs.Scenario.from_dict(document)
    budget = Budget(4, 4, False, True)
    found = {}
    for p95 in (0.001, 10.0):
        asked = Objectives.of(scenario, {"tolerate": "gpu", "llm.ttft_p95_s": p95})
        found[p95] = tolerance(scenario, asked, asked.bounds, budget)
    # What is lost is down in a run like any other: the figure is that of the run in which it is.
    down = {
        i: simulated_p95(scenario.with_faults([{"gpu": i, "at_s": 0, "restart_s": 1e6}]), budget)
        for i in range(2)
    }
    worst = max(down, key=lambda i: down[i])
    told = f"without gpu{worst} llm.ttft_p95_s is {1e3 * down[worst]:.4g} ms, <= {{}} is asked"
    assert (found[10.0].meets, found[10.0].found) == (True, "holds: " + told.format("10 s"))
    assert (found[0.001].meets, found[0.001].found) == (False, "missed: " + told.format("1 ms"))


def simulated_p95(scenario: gs.Scenario, budget: Budget) -> float:
    result = gs.simulate(scenario, replications=budget.first, record_requests=False)
    return float(result.summary()["llm.ttft_p95_s"])


TWO_NODES = {
    "name": "nodes",
    "duration_s": 40,
    "services": {"llm": {"model": "llama-3.1-8b", "precision": "int4"}},
    "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
    "traffic": [
        {
            "kind": "open",
            "arrivals": {"kind": "poisson", "rate_per_s": 2},
            "sizes": {"input_tokens": 200, "output_tokens": 50},
        }
    ],
}
CUT = {"layout": "3g.40gb@0+3g.40gb@4", "partitions": [{"processes": ["llm"]}, {"processes": ["llm"]}]}
WHOLE = {"partitions": [{"sharing": "mps", "processes": ["llm", "llm"]}]}


@pytest.mark.parametrize(
    ("what", "placement", "lost", "served_by"),
    [
        ("node", [[WHOLE, CUT], [WHOLE]], ["node0", "node1"], [{4, 5}, {0, 1, 2, 3}]),
        ("gpu", [[WHOLE, CUT]], ["gpu0", "gpu1"], [{2, 3}, {0, 1}]),
        (
            "instance",
            [[WHOLE, CUT]],
            ["gpu0/whole", "gpu1/3g.40gb@0", "gpu1/3g.40gb@4"],
            [{2, 3}, {0, 1, 3}, {0, 1, 2}],
        ),
    ],
)
def test_a_loss_takes_what_is_there_and_nothing_else(what, placement, lost, served_by) -> None:
    document = TWO_NODES | {"placement": {"nodes": [{"gpus": gpus} for gpus in placement]}}
    scenario = gs.Scenario.from_dict(document)
    found = failures(scenario, what)
    assert [one.what for one in found] == lost
    for one, replicas in zip(found, served_by, strict=True):
        run = gs.simulate(one.scenario)
        assert set(run.requests["llm.replica"].tolist()) == replicas
        assert run.summary()["failed"] == 0


def test_the_loss_of_the_only_node_leaves_nothing() -> None:
    scenario = gs.Scenario.from_dict(TWO_NODES | {"placement": {"gpus": [WHOLE, CUT]}})
    assert [(one.what, one.lacking, one.scenario) for one in failures(scenario, "node")] == [
        ("node0", "llm", None)
    ]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_text_fits(voice: gs.Comparison, width: int) -> None:
    text = voice.verdict.text(width)
    assert max(map(len, text.splitlines())) <= width
    assert text.startswith("voice-heavy: Do not share")
    for words in ("MISSED", "met", "-10 % x", "1.25 x dedicated"):
        assert words in text


def test_a_notebook_shows_the_verdict_first(voice: gs.Comparison) -> None:
    page = voice._repr_html_()
    assert page.index("Do not share") < page.index("request_throughput*") < page.index("limited by")


def test_a_sweep_says_which_points_meet(light: gs.Scenario) -> None:
    points = gs.grid(light, users=[2, 40], mode=["dedicated", "mps"])
    table = gs.sweep(points, slo=["tts.first_audio_p95=200ms"])
    assert table.meets == [True, True, False, False]
    assert table["meets"].tolist() == [1, 1, 0, 0]
    assert table.to_dict()["meets"] == table.meets
    assert table.line.startswith("2 of 4 points meet the objectives. The cheapest: users=2, mode=mps (2 GPUs")
    assert str(table).splitlines()[0].startswith("2 of 4 points")
    assert table.pareto("request_throughput").meets == [False]
    assert "best" not in gs.sweep(points[:1])._repr_html_()
    assert gs.sweep(points[:1]).meets is None
    assert "meets" not in gs.sweep(points[:1]).columns


def test_a_sweep_runs_again_what_is_open(light: gs.Scenario) -> None:
    points = gs.grid(light, users=[2, 5])
    middle = float(gs.sweep(points, replications=4).values("e2e_latency_p95_s")[1])
    table = gs.sweep(points, {"e2e_latency_p95_s": middle}, most_replications=8)
    assert table["request_throughput_half_width"].shape == (2,)
    assert [outcome.figures["success_rate"].count for outcome in table.outcomes][1] == 8
    assert "replications each" in table._title()
