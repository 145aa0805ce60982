"""The demonstration answers from the figures it shows."""

import json
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare.command import cli, demo
from gpushare.study.outcomes import Outcome


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a quick demonstration prints, with a short trace of our own."""
    path = tmp_path_factory.mktemp("demo") / "mine.csv"
    gs.traces.save(gs.traces.azure_conversation_like(2, 120), path)
    with pytest.MonkeyPatch.context() as patch:
        printed: list[str] = []
        patch.setattr("builtins.print", lambda *values, **_: printed.append(" ".join(map(str, values))))
        demo.run_demo(trace=str(path), quick=True)
    return "\n".join(printed)


def test_the_tables_fit_and_every_section_has_an_answer(shown: str) -> None:
    assert max(map(len, shown.splitlines())) <= 100
    assert shown.count("Answer: ") == 4
    for words in (
        "1. voice-heavy",
        "2. voice-light",
        "3. the requests of mine.csv",
        "4. voice-heavy under each of the 19",
    ):
        assert words in shown
    for mode in ("dedicated", "time-slicing:4", "7x1g.10gb-int4", "mig:3g.40gb+3g.40gb"):
        assert mode in shown


def test_the_trace_given_is_the_one_replayed(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    gs.traces.save(gs.Trace([0.0, 1.0, 2.0], [100, 100, 100], [10, 10, 10]), path)
    scenario = demo.replay_scenario(str(path), quick=False)
    assert scenario.modes == ["dedicated", "time-slicing:4", "7x1g.10gb-int4"]
    assert gs.simulate(scenario).summary()["arrived"] == 3
    with pytest.raises(gs.Error, match=r"missing\.csv"):
        demo.replay_scenario(str(tmp_path / "missing.csv"), quick=False)
    assert demo.replay_scenario(None, quick=True).duration_s == 600


class Figures(dict[str, Any]):
    """Stands for a summary."""

    limiting_resource = "asr: GPU time"


class Rows:
    """Stands for a comparison with known figures."""

    def __init__(self, rows: dict[str, dict[str, Any]], refused: dict[str, str] | None = None) -> None:
        self.results = {mode: Figures(row) for mode, row in rows.items()}
        self.refused = refused or {}
        self.modes = [*self.results, *self.refused]
        self.latencies = ["e2e_latency", "llm.ttft"]

    def __getitem__(self, mode: str) -> Figures:
        return self.results[mode]


def voice(gpus: int, throughput: float, mean: float, p95: float, success: float = 1.0) -> dict[str, Any]:
    return {
        "gpus_used": gpus,
        "gpus_freed": 3 - gpus,
        "success_rate": success,
        "request_throughput": throughput,
        "request_throughput_per_gpu": throughput / gpus,
        "cost_per_month": gpus * 1440.0,
        "e2e_latency_mean_s": mean,
        "e2e_latency_p95_s": p95,
    }


def test_sharing_is_advised_when_it_costs_little() -> None:
    rows = Rows(
        {"dedicated": voice(3, 10, 1.0, 2.0), "mps": voice(2, 9.9, 1.1, 2.2), "mig": voice(2, 9.9, 1.2, 2.4)}
    )
    answer = demo.sharing_answer(rows)  # type: ignore[arg-type]
    assert answer.startswith("share, by mps. It frees 1 of 3 GPUs ($1,440 a month)")
    assert "99.0 % of the requests" in answer
    # 9.9 / 2 against 10 / 3 requests a second per GPU.
    assert "1.49 times as many per GPU" in answer
    assert "mig 4.95 req/s per GPU, end to end +200 ms mean, +400 ms p95" in answer


@pytest.mark.parametrize(
    "shared",
    [
        voice(2, 9.0, 1.0, 2.0),
        voice(2, 10, 1.5, 2.6),
        voice(2, 10, 1.0, 2.0, success=0.9),
        voice(3, 10, 1.0, 2.0),
    ],
    ids=["fewer requests", "later", "failures", "no GPU freed"],
)
def test_sharing_is_not_advised_when_it_costs_much(shared: dict[str, Any]) -> None:
    answer = demo.sharing_answer(Rows({"dedicated": voice(3, 10, 1.0, 2.0), "mps": shared}))  # type: ignore[arg-type]
    assert answer.startswith("keep dedicated GPUs.")


def test_without_anything_to_compare_the_answer_says_so() -> None:
    rows = Rows({"dedicated": voice(3, 10, 1.0, 2.0)}, {"mps": "does not fit"})
    assert demo.sharing_answer(rows) == "nothing to compare: mps: does not fit"  # type: ignore[arg-type]


def llm(success: float, p50: float, p95: float) -> dict[str, Any]:
    return {
        "success_rate": success,
        "arrived": 1000,
        "duration_s": 100.0,
        "request_throughput": 10.0 * success,
        "output_token_throughput": 1200.0,
        "llm.ttft_p50_s": p50,
        "llm.ttft_p95_s": p95,
    }


def test_the_replay_prefers_early_tokens_among_those_that_serve() -> None:
    rows = Rows(
        {"alone": llm(1.0, 0.1, 0.3), "slow": llm(1.0, 0.2, 0.5), "lossy": llm(0.9, 0.05, 0.1)},
        {"big": "too big"},
    )
    answer = demo.replay_answer(rows)  # type: ignore[arg-type]
    assert answer.startswith("alone gives the earliest first token")
    assert (
        "lossy completes 90.0 % of 1,000 requests before the trace ends (it cannot keep up, so waiting "
        "times grow with the trace), 1,200 tokens/s, first token 50 ms at p50 and 100 ms at p95" in answer
    )
    assert "big is refused: too big." in answer
    assert demo.replay_answer(Rows({}, {"big": "too big"})) == "no mode can serve it: too big"  # type: ignore[arg-type]


def sweep_of(*rows: tuple[str, float]) -> gs.SweepTable:
    points = [gs.Point(None, {"layout": layout}) for layout, _ in rows]
    outcomes = [
        Outcome({"request_throughput_per_gpu": rate, "e2e_latency_p95_s": 1.0})
        if rate
        else Outcome(refused="too small")
        for _, rate in rows
    ]
    return gs.SweepTable(points, outcomes)


def test_the_best_layout_is_the_one_that_serves_most() -> None:
    answer = demo.layout_answer(sweep_of(("a", 1.0), ("b", 3.0), ("c", 0.0), ("d", 2.0)))
    assert answer.startswith(
        "b serves most, 3.00 requests a second per GPU at an end-to-end p95 of 1.00 s; a least, 1.00"
    )
    assert answer.endswith("1 of the 4 layouts is refused.")
    assert demo.layout_answer(sweep_of(("a", 0.0))) == "none of the 1 layouts can hold the services."


def test_json_holds_the_answers_and_their_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "--quick", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert list(answers) == ["voice-heavy", "voice-light", "llm-trace", "layouts"]
    assert answers["voice-heavy"]["modes"]["mps"]["gpus_freed"] == 1
    assert len(answers["layouts"]["table"]["layout"]) == 19
