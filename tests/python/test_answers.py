"""The judgement of figures, with figures made by hand."""

from typing import Any

from gpushare.frames.render import text_table
from gpushare.planning.answers import layout_answer, replay_answer, replay_fields


class Figures(dict[str, Any]):
    """Stands for a summary."""

    limiting_resource = "asr: GPU time"


def by_mode(rows: dict[str, dict[str, Any]]) -> Any:
    """Stands for the summaries of a comparison."""
    return {mode: Figures(row) for mode, row in rows.items()}


def llm(success: float, p50: float, p95: float) -> dict[str, Any]:
    return {
        "success_rate": success,
        "arrived": 1000,
        "duration_s": 100.0,
        "offered_rate": 10.0,
        "request_throughput": 10.0 * success,
        "output_token_throughput": 1200.0,
        "llm.ttft_p50_s": p50,
        "llm.ttft_p95_s": p95,
    }


def test_the_replay_prefers_early_tokens_among_those_that_serve() -> None:
    rows = by_mode({"alone": llm(1.0, 0.1, 0.3), "slow": llm(1.0, 0.2, 0.5), "lossy": llm(0.9, 0.05, 0.1)})
    answer = replay_answer(rows, {"big": "too big"})
    assert answer.startswith(
        "alone has the earliest first token after 300 ms at p95, of the modes that serve"
    )
    assert replay_answer({}, {"big": "too big"}) == "no mode can serve it: too big"
    alone = replay_answer(by_mode({"lossy": llm(0.9, 0.05, 0.1)}), {})
    assert alone.startswith(
        "lossy serves most requests, with the first token after 100 ms at p95, but it cannot"
    )
    text = text_table(replay_fields(rows, {"big": "too big"}))
    (lossy,) = (line.split() for line in text.splitlines() if line.startswith("lossy"))
    assert lossy == ["lossy", "90.0", "1,200", "50.0", "100.0", "falls", "behind"]
    assert next(line for line in text.splitlines() if line.startswith("big")).endswith("refused")


def layout(rate: float) -> dict[str, float]:
    return {"request_throughput_per_gpu": rate, "e2e_latency_p95_s": 1.0}


def test_the_best_layout_is_the_one_that_serves_most() -> None:
    figures = {"a": layout(1.0), "b": layout(3.0), "d": layout(2.0)}
    answer = layout_answer(figures, {"c": "too small"})
    assert answer.startswith(
        "b serves most, 3.00 requests a second per GPU at an end-to-end p95 of 1 s; a least, 1.00"
    )
    assert answer.endswith("1 of the 4 layouts is refused.")
    assert layout_answer({}, {"a": "too small"}) == "none of the 1 layouts can hold the services."
