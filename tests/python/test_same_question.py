"""The same question put to several commands has the same answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare.command.cli import main
from gpushare.study.points import mode_list

ROWS = [(0.4 * i, 300 + 40 * (i % 7), 20 + 9 * (i % 5)) for i in range(60)]


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main([*words, "--json"]) in (0, 4)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    lines = "".join(f"{at},{n},{m}\n" for at, n, m in ROWS)
    path.write_text("arrival_s,input_tokens,output_tokens\n" + lines)
    return path


def test_a_server_that_nobody_names_is_the_same_everywhere(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "mine.json"
    model = ("llama-3.1-8b", "--gpu", "h100")
    assert main(["init", "--llm", *model, "--from-log", str(log), "-o", str(scenario)]) == 0
    capsys.readouterr()
    bare = json.loads(scenario.read_text())
    del bare["services"]["llm"]["engine"]
    trace = gs.traces.load(log)
    built = gs.Scenario.of(gs.llm("llama-3.1-8b", log=trace), gpu="h100")
    found = {
        "init": gs.simulate(scenario).summary(),
        "replay": gs.replay(trace, "llama-3.1-8b", "h100").run.summary(),
        "no engine": gs.simulate(gs.Scenario.from_dict(bare, folder=tmp_path)).summary(),
        "built": gs.simulate(built).summary(),
        "run": answer(capsys, "run", str(scenario))["summary"],
        "replay LOG": answer(capsys, "replay", str(log), "--model", *model)["summary"],
    }
    for name, summary in found.items():
        for figure in ("llm.ttft_p95_s", "llm.itl_mean_s", "e2e_latency_mean_s", "output_token_throughput"):
            assert summary[figure] == pytest.approx(found["init"][figure], rel=1e-3), (name, figure)


def test_a_saved_plan_is_its_scenario_wherever_one_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, plan = tmp_path / "mine.json", tmp_path / "plan.json"
    document = gs.Scenario.of(gs.asr(rate=2), gs.tts(rate=1), gpu="h100", duration_s=120).document
    mine.write_text(json.dumps(document))
    assert main(["plan", str(mine), "--out", str(plan)]) == 0
    capsys.readouterr()
    placed = gs.Scenario.load(plan)
    assert placed.gpus
    saved = json.loads(plan.read_text())
    assert len(placed.gpus) == saved["gpus"]
    figures = answer(capsys, "run", str(plan))["summary"]
    assert figures == answer(capsys, "run", str(plan), "--set", "seed=1")["summary"]
    within = saved["objectives"]["request_throughput"]
    assert figures["request_throughput"] == pytest.approx(within["value"], rel=0.15)
    again = answer(capsys, "plan", str(plan), "--set", "/traffic/0/arrivals/rate_per_s=2.5")
    assert again["meets"]


def test_a_plan_without_a_placement_says_why(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"meets": False, "scenario": None, "why": "nothing fits"}))
    with pytest.raises(gs.ScenarioError, match=r"plan\.json: the plan has no placement: nothing fits"):
        gs.Scenario.load(plan)


@pytest.mark.parametrize("between", [",", ";", "; ", "\n", " ;\n"])
def test_modes_are_the_same_whatever_stands_between_them(between: str) -> None:
    modes = ["mps:60/40", "mig:3g.40gb+3g.40gb", "time-slicing", "mig:7x1g.10gb"]
    assert mode_list(between.join(modes)) == modes
    assert mode_list(f"mig:2g.20gb,1g.10gb{between}mps") == ["mig:2g.20gb,1g.10gb", "mps"]


@pytest.mark.parametrize(
    ("model", "gpu"), [("llama-3.3-70b", "h100"), ("llama-3.1-8b", "a100"), ("qwen3-14b", "h200")]
)
@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_what_a_split_server_does_is_no_impossible_claim(model: str, gpu: str, ranks: int) -> None:
    if model == "llama-3.3-70b" and ranks == 1:
        pytest.skip("one card does not hold it")
    load = gs.llm(model, users=1, think_s=0, prompt=100, reply=100, precision="fp8")
    scenario = gs.Scenario.of(load, gpu=gpu, duration_s=30)
    summary = gs.simulate(scenario.replace(**{"services.llm.tensor_parallel": ranks})).summary()
    claim = gs.check(
        model,
        gpu,
        itl=summary["llm.itl_mean_s"],
        ttft=summary["llm.ttft_mean_s"],
        rate=summary["request_throughput"],
        input=100,
        output=100,
        precision="fp8",
        gpus=ranks,
    )
    assert claim.verdict == "possible", claim


@pytest.mark.parametrize("model", ["qwen2.5-32b", "llama-3.1-8b", "qwen2.5-0.5b", "resnet50"])
@pytest.mark.parametrize("gpu", ["h100", "gh200", "l40s"])
def test_more_gpus_never_allow_less(model: str, gpu: str) -> None:
    most: dict[str, float] = {}
    for gpus in (1, 2, 3, 4, 8):
        claim = gs.check(model, gpu, rate=1, gpus=gpus)
        for bound in claim.bounds:
            allowed = 1 / bound.kernels if bound.least else bound.kernels
            assert allowed >= most.get(bound.figure, 0.0) * (1 - 1e-9), (gpus, bound)
            most[bound.figure] = allowed


@pytest.mark.parametrize("services", [1, 2, 3])
def test_a_load_says_how_many_entries_of_traffic_it_is_of(services: int) -> None:
    loads = [gs.embedding(rate=20, name=f"e{i}") for i in range(services)]
    scenario = gs.Scenario.of(*loads, gpu="a100", duration_s=20)
    found = gs.capacity(
        scenario, {f"{one.name}.e2e_latency_p95": "50ms" for one in loads}, replications=2, tolerance=0.5
    )
    assert (f"requests/s of {services} entries of traffic together" in found.text()) == (services > 1)


def test_a_plan_that_tolerates_a_loss_shows_each_figure_while_it_is_lost() -> None:
    load = gs.llm("llama-3.1-8b", rate=8, prompt=800, reply=100)
    document = gs.Scenario.of(load, gpu="h100", duration_s=100).document
    document["services"]["llm"] |= {"replicas": 2, "routing": "least-outstanding"}
    document["objectives"] = {"llm.ttft_p95_s": 0.3, "tolerate": "gpu"}
    plan = gs.plan(gs.Scenario.from_dict(document))
    assert plan.meets
    (first,) = (one for one in plan.judged if one.objective.figure.endswith("ttft_p95_s"))
    lost = dict(document, faults=[{"gpu": 0, "at_s": 0, "repair_s": 1e6}], objectives={})
    with_all, with_one = (
        gs.simulate(gs.Scenario.from_dict(one), replications=4).summary()["llm.ttft_p95_s"]
        for one in (dict(document, objectives={}), lost)
    )
    assert with_one > 1.1 * with_all
    assert first.value == pytest.approx(with_one, rel=0.1)


def test_modes_that_lack_room_are_followed_by_the_command_that_makes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    loads = (gs.llm("qwen2.5-7b", rate=0.2), gs.embedding("whisper-large-v3", rate=0.2))
    document = gs.Scenario.of(*loads, gpu="l40s", duration_s=60).document
    Path("mine.json").write_text(json.dumps(document))
    main(["compare", "mine.json", "--modes", "mps,time-slicing"])
    text = capsys.readouterr().out
    assert text.count("refused") > 0
    (command,) = (line.strip() for line in text.splitlines() if "gpu_memory_utilization=" in line)
    main(command.partition("  #")[0].split()[1:])
    assert "refused" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("figure", "bound", "told"),
    [
        ("asr.latency_p95", "300ms", True),
        ("asr.e2e_latency_p95", "2s", True),
        ("asr.latency_p95", "9s", False),
        ("asr.after_speech_p95", "300ms", False),
        ("tts.e2e_latency_p95", "300ms", False),
    ],
)
def test_a_bound_of_what_counts_the_speech_itself_is_told(figure: str, bound: str, told: bool) -> None:
    scenario = gs.Scenario.of(gs.asr(rate=2), gs.tts(rate=1), gpu="l40s", objectives={figure: bound})
    assert any("counts the speech itself" in one.text for one in scenario.warnings) == told
    voice = gs.Scenario.of(gs.voice(users=3), gpu="a100", objectives={"e2e_latency_p95": bound})
    assert any("voice_to_voice" in one.text for one in voice.warnings) == (bound != "9s")
