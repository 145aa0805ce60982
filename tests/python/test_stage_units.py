"""A stage says how many units it visits a batch model with; others take those of traffic."""

import copy
import json
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare import _core
from gpushare.command.cli import main
from hypothesis import given
from hypothesis import strategies as st

MODELS = ("bge-reranker-v2-m3", "bge-m3", "resnet50")
ENGINES: tuple[dict[str, Any], ...] = (
    {"kind": "fifo"},
    {"kind": "dynamic-batching", "max_batch": 8, "max_queue_delay_s": 0.002},
)


def document(model: str, engine: dict[str, Any], stage: Any, size: Any) -> dict[str, Any]:
    return {
        "name": "units",
        "gpu": "a100",
        "duration_s": 20,
        "services": {"net": {"model": model, "engine": engine}},
        "pipelines": {
            "net": {"stages": [{"name": "net", "service": "net"} | ({"units": stage} if stage else {})]}
        },
        "traffic": [
            {"kind": "open", "pipeline": "net", "arrivals": {"kind": "poisson", "rate_per_s": 15}}
            | ({"sizes": {"units": size}} if size else {})
        ],
    }


def run(made: dict[str, Any], mode: str) -> Any:
    return gs.simulate(gs.Scenario.from_dict(made), mode=mode)


COSTS = ("arrival_s", "net.started_s", "net.finished_s", "e2e_latency_s", "status")


@given(
    st.sampled_from(MODELS),
    st.sampled_from(ENGINES),
    st.integers(1, 64) | st.floats(0.5, 40),
    st.none() | st.integers(1, 99),
    st.sampled_from(["dedicated", "time-slicing:2", "mps:x2"]),
)
def test_a_stage_with_units_costs_what_traffic_with_them_costs(
    model: str, engine: dict[str, Any], units: float, others: int | None, mode: str
) -> None:
    stage, traffic = document(model, engine, units, others), document(model, engine, None, units)
    own, theirs = run(stage, mode).requests, run(traffic, mode).requests
    for column in COSTS:
        assert list(own[column]) == list(theirs[column])
    bounds = [_core.service_bounds(gs.Scenario.from_dict(made)._handle) for made in (stage, traffic)]
    assert bounds[0] == bounds[1]


@given(st.integers(0, 20))
def test_units_of_a_stage_are_drawn_for_each_visit(seed: int) -> None:
    drawn = {"kind": "uniform", "low": 1, "high": 39}
    made = document("bge-reranker-v2-m3", {"kind": "fifo"}, drawn, None) | {"seed": seed, "duration_s": 100}
    requests = run(made, "dedicated").requests
    took = requests["net.finished_s"] - requests["net.started_s"]
    assert len(set(took.round(9))) > len(took) / 2
    fixed = run(document("bge-reranker-v2-m3", {"kind": "fifo"}, 20, None), "dedicated").requests
    (each,) = {round(float(one), 6) for one in fixed["net.finished_s"] - fixed["net.started_s"]}
    assert took.mean() == pytest.approx(each, rel=0.1)


def test_every_stage_has_its_own() -> None:
    question = gs.Scenario.of(
        gs.rag(rate=0.05, passages=40, spread=0), gpu="a100", duration_s=400, warmup_s=0
    )
    requests = gs.simulate(question, mode="dedicated").requests
    for part, units in (("embedder", 1), ("reranker", 40)):
        model = question.document["services"][part]["model"]
        engine = question.document["services"][part].get("engine", {"kind": "dynamic-batching"})
        alone = run(
            document(model, engine, units, None) | {"traffic": [_one_at_a_time()]}, "dedicated"
        ).requests
        took = {round(float(t), 9) for t in requests[f"{part}.finished_s"] - requests[f"{part}.started_s"]}
        assert took == {round(float(t), 9) for t in alone["net.finished_s"] - alone["net.started_s"]}


def _one_at_a_time() -> dict[str, Any]:
    return {"kind": "closed", "pipeline": "net", "users": 1, "think_s": 5}


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        ({"name": "llm", "service": "llm", "units": 4}, r'found "llm" \(a llm model\)'),
        ({"name": "wait", "delay_s": 1, "units": 4}, "found a delay"),
        ({"name": "net", "service": "net", "units": 0}, "a visit has to have units"),
        ({"name": "net", "service": "net", "units": -1}, "units"),
        ({"name": "net", "service": "net", "units": "20"}, "units"),
        ({"name": "net", "service": "net", "unit": 20}, 'did you mean "units"'),
    ],
)
def test_units_of_other_stages_are_refused(stage: dict[str, Any], told: str) -> None:
    made = document("bge-m3", {"kind": "fifo"}, None, None)
    made["services"]["llm"] = {"model": "llama-3.2-1b"}
    made["pipelines"]["net"]["stages"].append(stage | {"name": "other"})
    made["traffic"][0]["sizes"] = {"input_tokens": 9, "output_tokens": 9}
    with pytest.raises(gs.ScenarioError, match=told):
        gs.Scenario.from_dict(made)


def test_units_of_traffic_that_no_stage_takes_are_told() -> None:
    both = document("bge-m3", {"kind": "fifo"}, 3, 7)
    (told,) = [one for one in gs.Scenario.from_dict(both).warnings if "sizes/units" in str(one)]
    assert "changes nothing: net (bge-m3) takes the units of its stage" in str(told)
    mixed = copy.deepcopy(both)
    mixed["pipelines"]["net"]["stages"].append({"name": "again", "service": "net"})
    assert not [one for one in gs.Scenario.from_dict(mixed).warnings if "sizes/units" in str(one)]


def test_init_writes_a_pipeline_of_questions(tmp_path: Path) -> None:
    out = tmp_path / "rag.json"
    assert main(["init", "--rag", "--llm", "qwen3-4b", "--rate", "2", "-o", str(out)]) == 0
    made = json.loads(out.read_text())
    assert [stage.get("units") for stage in made["pipelines"]["rag"]["stages"]] == [1, 20, None]
    assert made["services"]["llm"]["model"] == "qwen3-4b"


@pytest.mark.parametrize("key", ["services", "model", "server"])
def test_a_stage_that_names_its_service_otherwise_is_told_both(key: str) -> None:
    made = document("bge-m3", {"kind": "fifo"}, None, None)
    made["pipelines"]["net"]["stages"][0][key] = made["pipelines"]["net"]["stages"][0].pop("service")
    with pytest.raises(gs.ScenarioError, match=rf'needs a "service" \(net\) or a "delay_s"; found "{key}"'):
        gs.Scenario.from_dict(made)


@pytest.mark.parametrize("word", ["unit", "passages", "documents", "batch_size", "num-documents", "texts"])
def test_other_words_for_units_are_told_ours(word: str) -> None:
    made = document("bge-m3", {"kind": "fifo"}, None, None)
    made["pipelines"]["net"]["stages"][0][word] = 20
    with pytest.raises(gs.ScenarioError, match='did you mean "units"'):
        gs.Scenario.from_dict(made)


def test_what_is_no_load_is_told() -> None:
    with pytest.raises(gs.ScenarioError, match=r"found 'voice-heavy'; gs\.Scenario\.load reads"):
        gs.Scenario.of("voice-heavy")  # type: ignore[arg-type]


@pytest.mark.parametrize("place", ["stage", "traffic"])
def test_units_of_another_magnitude_are_warned_of(place: str) -> None:
    many = document("bge-m3", {"kind": "fifo"}, *((2e6, None) if place == "stage" else (None, 2e6)))
    assert any(
        "texts, images or seconds of one request" in str(one) for one in gs.Scenario.from_dict(many).warnings
    )
    few = document("bge-m3", {"kind": "fifo"}, *((20, None) if place == "stage" else (None, 20)))
    assert gs.Scenario.from_dict(few).warnings == ()
