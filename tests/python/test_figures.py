"""Names, bounds and meanings of figures, and what replications agree on."""

import dataclasses
import math
import pickle
import runpy
from pathlib import Path

import gpushare as gs
import pytest
from gpushare.study.bottleneck import Bottleneck, agreed
from gpushare.study.estimates import scaled

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def summary(light: gs.Scenario) -> gs.Summary:
    return gs.simulate(light, mode="mps", record_requests=False).summary()


@pytest.fixture(scope="module")
def two_pipelines(light: gs.Scenario) -> gs.Summary:
    document = light.document
    (name,) = document["pipelines"]
    document["pipelines"]["second"] = document["pipelines"][name]
    (traffic,) = document["traffic"]
    document["traffic"].append(traffic | {"name": "more", "pipeline": "second"})
    return gs.simulate(gs.Scenario.from_dict(document), record_requests=False).summary()


def test_every_figure_of_a_summary_is_described(summary: gs.Summary) -> None:
    for name, value in summary.items():
        figure = gs.figures.describe(name)
        assert figure.name == name
        assert figure.title
        assert figure.meaning
        assert isinstance(value, int) == (figure.kind == "count")
        assert name.endswith("_bytes") == (figure.unit == "bytes")
    first_audio = gs.figures.describe("tts.first_audio_p95_s")
    assert (first_audio.unit, first_audio.kind, first_audio.better) == ("s", "time", "lower")
    assert first_audio.meaning == (
        "from the reply's first sentence to its first chunk of speech, wait for a worker and all: 95th percentile"
    )
    assert first_audio.title == "first audio p95"
    assert first_audio.shown(0.25) == 250
    assert gs.figures.describe("gpu0/whole.busy").meaning == "share of the time with a kernel running"
    assert gs.figures.describe("llm.busy").meaning == "share of time a replica has a step in hand"
    with pytest.raises(gs.FigureError, match=r'unknown figure "llm\.warmth"'):
        gs.figures.describe("llm.warmth")


def test_latencies_are_felt_or_not() -> None:
    assert {name for name, metric in gs.figures.metrics().items() if metric.felt} == {
        "e2e_latency", "voice_to_voice", "ttft", "after_speech", "first_audio", "first_chunk", "latency",
    }  # fmt: skip


def test_a_name_may_be_short_where_it_is_unique(summary: gs.Summary) -> None:
    assert summary["first_audio_p95_s"] == summary["tts.first_audio_p95_s"]
    assert summary.get("first_audio_p95_s") == summary["tts.first_audio_p95_s"]
    assert summary[f"{summary.only_pipeline}.tts.latency_mean_s"] == summary["tts.latency_mean_s"]
    assert gs.figures.resolve(summary, "ttft_p50_s") == "llm.ttft_p50_s"
    assert gs.figures.resolve(["a.b_s", "c"], "b_s") == "a.b_s"
    assert "ttft_p50_s" in summary
    assert "ttft_p50_s" not in list(summary)


def test_an_unknown_name_is_a_missing_key_with_the_nearest(summary: gs.Summary) -> None:
    with pytest.raises(KeyError) as caught:
        summary["request_thruput"]
    assert isinstance(caught.value, gs.FigureError)
    assert str(caught.value) == 'unknown figure "request_thruput"; nearest: request_throughput'
    assert "request_thruput" not in summary
    assert math.isnan(summary.get("request_thruput", math.nan))


def test_an_ambiguous_name_lists_the_choices(summary: gs.Summary, two_pipelines: gs.Summary) -> None:
    with pytest.raises(gs.FigureError, match=r'figure "switching" is ambiguous: gpu0/whole.switching, gpu1'):
        summary["switching"]
    assert two_pipelines.only_pipeline == ""
    with pytest.raises(gs.FigureError) as caught:
        two_pipelines["tts.first_audio_p95_s"]
    (first, second) = (
        str(caught.value).removeprefix('figure "tts.first_audio_p95_s" is ambiguous: ').split(", ")
    )
    assert second == "second.tts.first_audio_p95_s"
    assert two_pipelines[first] != two_pipelines[second]
    assert two_pipelines["second.tts.first_audio_p95_s"] > 0


def test_bounds_have_units(summary: gs.Summary) -> None:
    bound = gs.figures.parse_bound(summary, "llm.ttft_p95=500ms")
    assert dataclasses.astuple(bound) == ("llm.ttft_p95_s", 0.5, True)
    assert gs.figures.parse_bound(list(summary), "success_rate=99%") == gs.figures.Bound(
        "success_rate", 0.99, False
    )
    assert gs.figures.parse_bound(summary, "vram_used<=40GiB").value == 40 * 2**30
    assert (
        gs.figures.parse_bound(summary, f"{summary.only_pipeline}.e2e_latency_p95=2s").name
        == "e2e_latency_p95_s"
    )
    with pytest.raises(gs.FigureError, match='found "GB"'):
        gs.figures.parse_bound(summary, "llm.ttft_p95_s=5GB")
    with pytest.raises(gs.FigureError, match="write <= or >="):
        gs.figures.parse_bound(summary, "gpu_busy=80%")


def test_small_factors_divide() -> None:
    assert scaled(73.25e9, 1e-9) == 73.25
    assert scaled(0.5, 100) == 50
    estimate = scaled(gs.Estimate(2e9, 1e9, 3), 1e-9)
    assert isinstance(estimate, gs.Estimate)
    assert (float(estimate), estimate.half_width, estimate.count) == (2, 1, 3)


def test_a_bottleneck_is_a_value_and_reads_as_words(light: gs.Scenario) -> None:
    result = gs.simulate(light, mode="mps", record_requests=False)
    found = result.summary().bottleneck
    assert found == result.runs[0].bottleneck
    assert (found.cause, found.service, found.partition) == ("gpu-time", "tts", "gpu1/whole")
    assert 0.8 < found.busy < 1
    assert (
        result.summary().limiting_resource == f"tts: GPU time of gpu1/whole ({100 * found.busy:.0f} % busy)"
    )
    assert found.brief == "tts: GPU time"
    assert pickle.loads(pickle.dumps(found)) == found
    with pytest.raises(ValueError, match='unknown cause "weather"'):
        str(Bottleneck("weather"))


def bottleneck(cause: str = "gpu-time", busy: float = 0.9, partition: str = "gpu1/whole") -> Bottleneck:
    return Bottleneck(cause, "tts", partition, busy)


def test_replications_agree_whatever_their_shares() -> None:
    found = agreed([bottleneck(busy=0.966), bottleneck(busy=0.972), bottleneck(busy=0.957)])
    assert found == Bottleneck("gpu-time", "tts", "gpu1/whole", pytest.approx(0.965), votes=3, replications=3)  # type: ignore[arg-type]
    assert str(found) == "tts: GPU time of gpu1/whole (96 % busy)"


def test_replications_that_differ_in_cause_service_or_partition_are_told() -> None:
    found = agreed([bottleneck(busy=0.5, partition="gpu0/whole"), bottleneck(busy=0.9), bottleneck(busy=0.8)])
    assert (found.partition, found.busy) == ("gpu1/whole", pytest.approx(0.85))
    assert str(found) == "tts: GPU time of gpu1/whole (85 % busy) (2 of 3 runs)"
    assert found.brief == "tts: GPU time"
    first = agreed([bottleneck("compute"), bottleneck("memory-bandwidth")])
    assert str(first) == "tts: compute of gpu1/whole (90 % busy) (1 of 2 runs)"


def test_five_replications_of_a_voice_scenario_agree() -> None:
    summary = gs.simulate("voice-heavy", mode="mps", replications=5, record_requests=False).summary()
    assert (summary.bottleneck.votes, summary.bottleneck.replications) == (5, 5)
    assert summary.limiting_resource == "tts: GPU time of gpu1/whole (96 % busy)"


def test_a_comparison_tells_prices_by_kind_of_gpu(light: gs.Scenario) -> None:
    document = light.document | {"price_per_gpu_hour": {"a100": 2, "h100": 4.5}}
    table = gs.compare(gs.Scenario.from_dict(document), ["mps"], record_requests=False)
    assert "A month has 720 hours at $2 for a100, $4.5 for h100." in " ".join(
        table.text(details=True).split()
    )


def test_the_document_of_figures_is_that_of_the_table() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "update_figures.py"))
    document = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")
    assert tool["markdown"]() in document, "run tools/update_figures.py"
    for scope in ("run", "latency", "partition", "service"):
        for name in gs.figures.of(scope):
            assert f"| `{name}` |" in document
