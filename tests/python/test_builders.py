"""Scenarios of services that are described in a line each."""

from __future__ import annotations

import gpushare as gs
import numpy as np
import pytest


def test_each_kind_of_service_is_served_at_its_rate():
    loads = [
        gs.llm("Qwen/Qwen3-4B", rate=2, prompt=500, reply=20),
        gs.asr(rate=3),
        gs.tts(rate=1),
        gs.embedding(rate=5),
    ]
    summary = gs.simulate(gs.Scenario.of(*loads, gpu="h100", duration_s=200, warmup_s=0)).summary()
    for name, rate in (("llm", 2), ("asr", 3), ("tts", 1), ("embedding", 5)):
        count = summary[f"{name}.e2e_latency_count"]
        assert abs(count - 200 * rate) < 4 * np.sqrt(200 * rate)


@pytest.mark.parametrize("spread", [0, 0.5])
def test_sizes_have_the_mean_that_was_asked_for(spread):
    load = gs.llm("qwen3-4b", rate=20, prompt=800, reply=30, spread=spread)
    run = gs.simulate(gs.Scenario.of(load, gpu="h100", duration_s=200), record_requests=True)
    prompts = np.asarray(run.requests["input_tokens"])
    assert prompts.mean() == pytest.approx(800, rel=0.05)
    assert (prompts.std() == 0) == (spread == 0)
    sources = gs.Scenario.of(load).document.get("sources", [])
    assert bool(sources) == (spread > 0)  # an assumption is said where there is one


def test_users_a_log_or_a_rate_ask_and_only_one_of_them(tmp_path):
    trace = gs.traces.from_columns(
        {"arrival_s": [0, 1, 2], "input_tokens": [100, 200, 300], "output_tokens": [5, 6, 7]}
    )
    assert gs.simulate(gs.Scenario.of(gs.llm("qwen3-4b", log=trace))).summary()["completed"] == 3
    path = tmp_path / "log.csv"
    trace.save(str(path))
    assert gs.simulate(gs.Scenario.of(gs.llm("qwen3-4b", log=path))).summary()["completed"] == 3
    users = gs.llm("qwen3-4b", users=3, think_s=1, reply=10)
    assert gs.Scenario.of(users).document["traffic"][0]["users"] == 3
    with pytest.raises(gs.ScenarioError, match=r"llm: give one of rate .* found none"):
        gs.llm("qwen3-4b")
    with pytest.raises(gs.ScenarioError, match="found rate and users"):
        gs.asr(rate=1, users=2)


def test_turns_of_a_conversation_are_the_document_that_one_would_write():
    turns = gs.voice(
        users=5, llm={"model": "llama-3.1-8b", "precision": "fp8"}, slo={"voice_to_voice_p95": "3s"}
    )
    scenario = gs.Scenario.of(turns, gpu="h100", duration_s=120)
    assert scenario.document["services"]["llm"] == {"model": "llama-3.1-8b", "precision": "fp8"}
    assert gs.simulate(scenario).summary()["voice_to_voice_p95_s"] > 0
    assert gs.compare(scenario, replications=1).table


def test_bare_figures_of_a_service_are_its_own_and_others_are_as_they_are():
    chat = gs.llm("qwen3-4b", rate=1, slo={"ttft_p95": "500ms", "success_rate": 0.99})
    assert gs.Scenario.of(chat).objectives == {"llm.ttft_p95_s": 0.5, "success_rate": 0.99}


def test_speech_services_share_where_a_mode_shares_and_the_language_model_keeps_its_gpu():
    scenario = gs.Scenario.of(gs.llm("qwen3-4b", rate=1), gs.asr(rate=1), gs.tts(rate=1), mode="mps")
    processes = [p["processes"] for gpu in scenario.gpus for p in gpu["partitions"]]
    assert processes == [["llm"], ["asr", "tts"]]


def test_names_that_clash_and_nothing_at_all_are_refused():
    with pytest.raises(gs.ScenarioError, match="llm: two loads have this name"):
        gs.Scenario.of(gs.llm("qwen3-4b", rate=1), gs.llm("llama-3.1-8b", rate=1))
    with pytest.raises(gs.ScenarioError, match="a scenario needs a load"):
        gs.Scenario.of()
    two = gs.Scenario.of(gs.llm("qwen3-4b", rate=1), gs.llm("llama-3.1-8b", rate=1, name="chat"))
    assert two.services == ["llm", "chat"]


def test_engine_options_reach_the_engine_and_unknown_ones_are_refused_where_they_stand():
    made = gs.Scenario.of(gs.llm("qwen3-4b", rate=1, max_num_seqs=7))
    assert made.document["services"]["llm"]["engine"] == {"preset": "vllm-0.24", "max_num_seqs": 7}
    with pytest.raises(gs.ScenarioError, match='/services/llm/engine: unknown key "max_seqs"'):
        gs.Scenario.of(gs.llm("qwen3-4b", rate=1, max_seqs=7))


@pytest.mark.parametrize("builder", [gs.asr, gs.tts, gs.embedding, gs.voice, gs.rag])
def test_users_think_and_rates_do_not(builder):
    made = gs.Scenario.of(builder(users=2, think_s=3), gpu="a100")
    assert made.document["traffic"][0]["think_s"] == 3
    usual = gs.Scenario.of(builder(users=2), gpu="a100").document["traffic"][0]["think_s"]
    assert usual == (2.0 if builder is gs.voice else 10.0)
    with pytest.raises(gs.ScenarioError, match="think_s is of users"):
        builder(rate=2, think_s=3)


@pytest.mark.parametrize("lengths", [{"prompt": 9}, {"reply": 9}, {"prompt": 9, "reply": 9}, {"think_s": 1}])
def test_what_a_log_brings_is_not_given_beside_it(lengths):
    log = gs.traces.azure_conversation_like(1, 60)
    with pytest.raises(gs.ScenarioError, match=r"a log brings its own lengths|think_s is of users"):
        gs.llm("qwen3-4b", log=log, **lengths)
    assert gs.Scenario.of(gs.llm("qwen3-4b", log=log), gpu="a100").services == ["llm"]
