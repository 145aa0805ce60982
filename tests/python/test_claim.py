"""Claims: what the hardware allows, and what would have to be true."""

import json
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare.command import cli
from hypothesis import given
from hypothesis import strategies as st


def shipped(folder: str, name: str) -> dict[str, Any]:
    """A data file of the project."""
    path = Path(__file__).parents[2] / folder / f"{name}.json"
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def test_the_article_of_the_bursty_chatbot_claims_what_an_a100_cannot_compute() -> None:
    claim = gs.check("llama-3.1-8b", "a100", rate=45, input=1200, output=500)
    assert claim.verdict == "impossible"
    # 1,699 tokens at 13.96 GFLOP, 500 sampled at 1.05, 720,600 pairs at 524,288 FLOP; 312 TFLOP/s
    flop = 1699 * 13.96e9 + 500 * 1.05e9 + 1200 * 1201 / 2 * 524288
    assert claim.needs["compute"] == pytest.approx(45 * flop / 312e12, rel=1e-6)
    assert claim.needs["memory"] > 2  # keys and values alone are 4.3 TB/s
    requests = claim.bounds[0]
    assert requests.figure == "requests_per_s"
    assert requests.peak == pytest.approx(312e12 / flop, rel=1e-6)
    assert requests.kernels < requests.peak
    assert claim.conditions["cached"] is None  # the replies alone are too much
    assert claim.conditions["gpus"] >= 4
    assert str(claim).startswith("impossible: 45 requests/s on a100; its peak rates allow at most 12.7\n")
    assert max(len(line) for line in str(claim).splitlines()) <= 100


def test_one_user_cannot_read_the_weights_more_often_than_the_memory_allows(tmp_path: Path) -> None:
    card = shipped("profiles", "a30")
    card.update(name="l4", title="NVIDIA L4")
    for key in ("mig", "mig_sms", "memory_slots"):
        card.pop(key, None)
    card["bandwidth_bytes_per_s"]["value"] = 300e9
    card["flop_per_s"]["fp16"]["value"] = 121e12
    (tmp_path / "l4.json").write_text(json.dumps(card))
    mistral = shipped("models", "llama-3.1-8b")
    mistral["name"] = "mistral-7b"
    mistral["formats"] = {"fp16": mistral["formats"]["fp16"]}
    for key, value in (("weight_bytes", 14.5e9), ("read_bytes", 14.2e9)):
        mistral["formats"]["fp16"][key]["value"] = value
    (tmp_path / "mistral-7b.json").write_text(json.dumps(mistral))
    claim = gs.check(tmp_path / "mistral-7b.json", tmp_path / "l4.json", tokens_per_s=984, users=1)
    assert claim.verdict == "impossible"
    tokens = next(bound for bound in claim.bounds if bound.figure == "output_tokens_per_s")
    assert tokens.peak == pytest.approx(300 / 14.2, rel=0.01)


def test_what_would_have_to_be_true_makes_the_claim_possible() -> None:
    asked: dict[str, Any] = {"rate": 9, "input": 1200, "output": 500}
    claim = gs.check("llama-3.1-8b", **asked)
    assert claim.verdict == "possible only if"
    found = claim.conditions
    assert gs.check("llama-3.1-8b", **asked, gpus=found["gpus"]).verdict == "possible"
    assert gs.check("llama-3.1-8b", **asked, gpus=found["gpus"] - 1).verdict != "possible"
    assert gs.check("llama-3.1-8b", **asked, cached=found["cached"] + 0.001).verdict == "possible"
    assert gs.check("llama-3.1-8b", **asked, cached=found["cached"] - 0.01).verdict != "possible"
    shorter = asked | {"output": found["output"]}
    assert gs.check("llama-3.1-8b", **shorter).verdict == "possible"
    longer = asked | {"output": found["output"] + 2}
    assert gs.check("llama-3.1-8b", **longer).verdict != "possible"
    assert gs.check("llama-3.1-8b", **(asked | {"rate": 5})).verdict == "possible"


def test_no_simulation_serves_more_than_is_called_possible() -> None:
    document = {
        "name": "claimed",
        "duration_s": 60,
        "services": {"llm": {"model": "llama-3.1-8b", "engine": {"kind": "continuous-batching"}}},
        "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
        "traffic": [
            {
                "kind": "closed",
                "users": 400,
                "sizes": {"input_tokens": 300, "output_tokens": 100},
            }
        ],
    }
    served = gs.simulate(gs.Scenario.from_dict(document)).summary()["request_throughput"]
    assert gs.check("llama-3.1-8b", rate=0.99 * served, input=300, output=100).verdict == "possible"
    bound = gs.check("llama-3.1-8b", rate=served, input=300, output=100).bounds[0]
    assert served <= bound.kernels <= bound.peak


def test_speech_and_batches() -> None:
    assert gs.check("parakeet-1.1b", streams=100).verdict == "possible"
    assert gs.check("parakeet-1.1b", streams=100_000).verdict == "impossible"
    assert gs.check("magpie-tts", streams=20, audio_s=5).verdict == "possible"
    assert gs.check("magpie-tts", streams=1000, audio_s=5).verdict != "possible"
    assert gs.check("embedding-0.3b", rate=100).verdict == "possible"
    assert gs.check("embedding-0.3b", rate=5000).verdict == "impossible"
    slice_ = gs.check("parakeet-1.1b", streams=100, partition="3g.40gb")
    whole = gs.check("parakeet-1.1b", streams=100)
    assert slice_.bounds[0].kernels < whole.bounds[0].kernels


def test_latencies_and_models_that_fit_no_gpu() -> None:
    assert gs.check("llama-3.1-8b", itl=0.005).verdict == "impossible"  # 15 GB at 2 TB/s
    assert gs.check("llama-3.1-8b", ttft=0.5, input=1200).verdict == "possible"
    assert gs.check("llama-3.1-8b", ttft=0.03, input=1200).verdict == "impossible"
    alone = gs.check("llama-3.1-70b", rate=1)
    assert alone.verdict == "impossible"
    assert "does not fit" in alone.why
    assert alone.conditions["gpus"] == 2
    assert gs.check("llama-3.1-70b", rate=1, gpus=2).verdict == "possible"


@given(
    st.sampled_from(
        ["llama-3.2-1b", "parakeet-rnnt-1.1b", "parakeet-ctc-0.6b", "magpie-tts", "bge-m3", "resnet50"]
    ),
    st.sampled_from([("input", 100, 900), ("output", 50, 400), ("audio_s", 2.0, 9.0), ("units", 2, 20)]),
)
def test_every_size_changes_the_answer_or_is_refused(model: str, size: tuple[str, float, float]) -> None:
    name, small, large = size
    told = ""
    bounds = []
    try:
        bounds = [gs.check(model, "a100", rate=1, **{name: value}).bounds[0] for value in (small, large)]
    except ValueError as error:
        told = str(error)
    assert told == "" or f"{name} changes nothing: a request to a model of kind" in told
    assert told or bounds[0].peak > bounds[1].peak


def test_claims_that_say_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing is claimed"):
        gs.check("llama-3.1-8b")
    with pytest.raises(ValueError, match="one rate, found rate and tokens_per_s"):
        gs.check("llama-3.1-8b", rate=1, tokens_per_s=1)
    with pytest.raises(ValueError, match="about an LLM"):
        gs.check("parakeet-1.1b", ttft=0.1)
    with pytest.raises(ValueError, match=r"real time.*claim a rate"):
        gs.check("llama-3.1-8b", streams=1)
    with pytest.raises(ValueError, match=r"no partition '5g.50gb'; known: whole, 7g\.80gb"):
        gs.check("llama-3.1-8b", rate=1, partition="5g.50gb")
    with pytest.raises(gs.ScenarioError, match="int3"):
        gs.check("llama-3.1-8b", rate=1, precision="int3")


@pytest.mark.parametrize(("rate", "code"), [(5, 0), (45, 4), (9, 5)])
def test_the_command_says_it_by_its_exit_code(
    capsys: pytest.CaptureFixture[str], rate: float, code: int
) -> None:
    claim = [
        "check",
        "claim",
        "--model",
        "llama-3.1-8b",
        "--rate",
        str(rate),
        "--input",
        "1200",
        "--output",
        "500",
    ]
    assert cli.main([*claim, "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert found["claim"]["rate"] == rate
    assert cli.main(claim) == code
    assert capsys.readouterr().out.startswith(found["verdict"])


def test_bounds_of_a_scenario_by_service_and_partition() -> None:
    scenario = gs.Scenario.load("voice-light")
    bounds = {found["service"]: found for found in gs._core.service_bounds(scenario._handle)}
    assert set(bounds) == {"asr", "llm", "tts"}
    served = gs.simulate(scenario).summary()["request_throughput"]
    assert bounds["llm"]["offered_per_s"] >= served
    assert bounds["tts"]["offered_per_s"] > 5 * bounds["llm"]["offered_per_s"]  # sentences
    parts = {part["partition"]: part for part in bounds["llm"]["partitions"]}
    assert not parts["1g.10gb"]["fits"]
    assert parts["3g.40gb"]["capacity_per_s"] < parts["whole"]["capacity_per_s"]
    found = gs._core.load_bound(scenario._handle)
    assert found["factor"] > 1
    assert found["service"] in bounds or found["gpu"] is not None


@pytest.mark.parametrize(
    ("model", "told", "assumed"),
    [
        ("llama-3.1-8b", {"rate": 5}, ["prompts of 1 token", "replies of 256 tokens", "weights in fp16"]),
        ("llama-3.1-8b", {"rate": 5, "input": 9, "precision": "int4"}, ["replies of 256 tokens"]),
        ("gpt-oss-20b", {"rate": 5, "input": 100, "output": 10}, ["weights in int4"]),
        ("llama-3.1-8b", {"rate": 5, "input": 100, "output": 10, "precision": "fp16"}, []),
        ("parakeet-1.1b", {"streams": 5}, ["utterances of 10 s"]),
        ("magpie-tts", {"streams": 5, "audio_s": 3}, []),
        ("whisper-large-v3", {"rate": 1}, ["requests of 1 window of 30 s of speech"]),
    ],
)
def test_what_was_not_told_is_said(model: str, told: dict[str, Any], assumed: list[str]) -> None:
    claim = gs.check(model, **told)
    assert claim.assumed == claim.to_dict()["assumed"] == assumed
    assert ("Not told, and taken to be" in str(claim)) == bool(assumed)


def test_weights_that_a_card_only_keeps_are_told() -> None:
    claim = gs.check("llama-3.1-8b", gpu="a100", itl=0.01, precision="fp8")
    assert [text.partition(":")[0] for text in claim.warnings] == ["a100 cannot multiply in fp8"]
    assert "Note: a100 cannot multiply in fp8" in str(claim)
    assert gs.check("llama-3.1-8b", gpu="h100", itl=0.01, precision="fp8").warnings == []


def test_other_weights_are_those_that_are_not_the_published_ones() -> None:
    claim = gs.check("gpt-oss-20b", gpu="h100", rate=1e5)
    assert "int4" not in claim.conditions["precisions"]


def test_a_request_beyond_the_context_is_refused() -> None:
    gs.check("llama-3.1-8b", rate=1, input=131_000, output=72)
    with pytest.raises(ValueError, match=r"131,073 tokens of a request .* context of 131,072"):
        gs.check("llama-3.1-8b", rate=1, input=131_000, output=73)
