"""The verdict of a comparison: by figures made by hand, by simulation, and on the command line."""

import math
from collections.abc import Sequence
from dataclasses import replace

import gpushare as gs
import pytest
from gpushare.planning.judging import Fared, Measured, implied, judge
from gpushare.planning.objectives import Objective, Objectives
from gpushare.planning.verdict import Verdict, decide


def figures(gpus: int, rate: float, p95: float, success: float = 1.0, **more: float) -> dict[str, float]:
    return {
        "gpus_used": gpus,
        "gpus_freed": 3 - gpus,
        "success_rate": success,
        "request_throughput": rate,
        "cost_per_month": gpus * 1440.0,
        "e2e_latency_p95_s": p95,
        **more,
    }


def relative(
    rows: dict[str, dict[str, float]], scenario: gs.Scenario, keep: gs.Kept | None = None
) -> Verdict:
    """The verdict without objectives, of figures by mode."""
    keep = keep or gs.Kept()
    alone = Measured(rows["dedicated"])
    bounds = implied(Objectives(), keep, alone, scenario)
    fared = [
        Fared(
            mode, Measured(row), judge(Measured(row), bounds, alone), shares=mode != "dedicated", alone=alone
        )
        for mode, row in rows.items()
    ]
    return decide("voice", fared, fared[0], keep=keep)


def asked(rows: dict[str, dict[str, float]], *bounds: Objective) -> Verdict:
    """The verdict with objectives."""
    alone = Measured(rows["dedicated"])
    fared = [
        Fared(
            mode,
            Measured(row),
            judge(Measured(row), bounds, alone),
            shares=mode != "dedicated",
            alone=alone,
            runs=32,
        )
        for mode, row in rows.items()
    ]
    return decide("voice", fared, fared[0])


def test_what_overloaded_dedicated_gpus_serve_is_not_all(light: gs.Scenario) -> None:
    verdict = relative({"dedicated": figures(3, 10, 2.0), "mps": figures(2, 9.9, 2.2)}, light)
    line = replace(verdict, keeps_up=0.23).line
    assert "99.0 % of the requests a second that dedicated GPUs serve (23 % of all) are served" in line


def test_sharing_is_advised_when_it_costs_little(light: gs.Scenario) -> None:
    rows = {"dedicated": figures(3, 10, 2.0), "mps": figures(2, 9.9, 2.2), "mig": figures(2, 9.8, 2.4)}
    verdict = relative(rows, light)
    assert (verdict.share, verdict.mode, verdict.meets, verdict.ties) == (True, "mps", True, [])
    assert verdict.line == (
        "Share, by mps: 2 GPUs instead of 3, 1 freed, $2,880 a month, $1,440 less ($17,280 a year). Users wait 10 % "
        "longer at p95 (2.2 s instead of 2 s end to end) and 99.0 % of the requests a second are served."
    )
    assert verdict.to_dict() | {"line": ""} == {
        "share": True,
        "mode": "mps",
        "line": "",
        "meets": True,
        "gpus": 2,
        "freed": 1,
        "cost_per_month": 2880,
        "saved_per_month": 1440,
        "ties": [],
    }


@pytest.mark.parametrize(
    ("shared", "why"),
    [
        (
            figures(2, 9.0, 2.0),
            "misses request_throughput: 9 requests/s, at least 9.5 requests/s is to be kept",
        ),
        (figures(2, 10, 2.6), "misses e2e_latency_p95_s: 2.6 s, at most 2.5 s is to be kept"),
        (figures(2, 10, 2.0, success=0.9), "misses success_rate: 90 %, at least 99 % is to be kept"),
        (figures(2, 10, math.nan), "misses e2e_latency_p95_s: none, at most 2.5 s is to be kept"),
        (figures(3, 10, 2.6), "No other mode frees a GPU"),
    ],
    ids=["fewer requests", "later", "failures", "nobody finished", "no GPU freed"],
)
def test_sharing_is_not_advised_when_it_costs_much(
    light: gs.Scenario, shared: dict[str, float], why: str
) -> None:
    verdict = relative({"dedicated": figures(3, 10, 2.0), "mps": shared}, light)
    assert (verdict.share, verdict.mode, verdict.meets) == (False, "dedicated", True)
    assert verdict.line.startswith("Do not share: keep 3 dedicated GPUs, $4,320 a month.")
    assert why in verdict.line


def test_what_is_kept_can_be_set(light: gs.Scenario) -> None:
    rows = {"dedicated": figures(3, 10, 2.0), "mps": figures(2, 9.9, 2.2)}
    assert not relative(rows, light, gs.Kept(latency=1.05)).share
    assert not relative(rows, light, gs.Kept(throughput=0.995)).share
    text = relative(rows, light, gs.Kept(latency=1.5)).text()
    assert "1.5 x dedicated e2e p95" in " ".join(text.split())
    assert gs.Kept.parse("latency=1.05, success=98%") == gs.Kept(1.05, 0.95, 0.98)
    for wrong in ("latenzy=1", "latency", "latency=x", "throughput=1.5", "latency=-1", ""):
        with pytest.raises(ValueError, match="keep: found"):
            gs.Kept.parse(wrong)


def test_the_cheapest_that_meets_everything_is_chosen_and_then_the_one_with_most_to_spare() -> None:
    ttft = Objective("llm.ttft_p95_s", 0.4)
    rows = {
        "dedicated": figures(3, 10, 2.0, **{"llm.ttft_p95_s": 0.1}),
        "a": figures(2, 10, 2.0, **{"llm.ttft_p95_s": 0.3}),
        "b": figures(2, 10, 2.0, **{"llm.ttft_p95_s": 0.2}),
        "c": figures(1, 10, 2.0, **{"llm.ttft_p95_s": 0.5}),
    }
    verdict = asked(rows, ttft)
    assert (verdict.mode, verdict.ties) == ("b", [])
    assert "Tightest: llm.ttft_p95_s, 200 ms, at most 400 ms is asked." in verdict.line
    assert asked(rows | {"c": rows["c"] | {"llm.ttft_p95_s": 0.39}}, ttft).mode == "c"


def test_ties_are_called_ties() -> None:
    ttft = Objective("llm.ttft_p95_s", 0.4)
    rows = {
        "dedicated": figures(3, 10, 2.0, **{"llm.ttft_p95_s": 0.1}),
        "a": figures(2, 10, 2.4, **{"llm.ttft_p95_s": 0.2}),
        "b": figures(2, 10, 2.1, **{"llm.ttft_p95_s": 0.201}),
    }
    verdict = asked(rows, ttft)
    assert (verdict.mode, verdict.ties) == ("b", ["a"])  # whose users wait least
    assert "A tie: a costs as much and has as much to spare." in verdict.line
    # Chance hides a difference too.
    estimates = {
        mode: row | {"llm.ttft_p95_s": gs.Estimate(value, 0.03)}
        for (mode, row), value in zip(rows.items(), (0.1, 0.2, 0.24), strict=True)
    }
    assert asked(estimates, ttft).ties == ["a"]
    assert (
        asked(
            {m: r | {"llm.ttft_p95_s": float(r["llm.ttft_p95_s"])} for m, r in estimates.items()}, ttft
        ).ties
        == []
    )


def test_a_share_near_one_has_its_distance_from_one_to_spare() -> None:
    alone = Measured(figures(3, 10, 2.0))
    success = Objective("success_rate", 0.99, at_most=False)
    one = Fared("mps", Measured(figures(2, 10, 2.0, success=0.995)), alone=alone)
    assert one.margin_of(success.judge(0.995))[0] == pytest.approx(0.5)
    assert one.margin_of(success.judge(0.98))[0] == pytest.approx(-1)
    assert one.margin_of(Objective("llm.ttft_p95_s", 0.4).judge(0.3))[0] == pytest.approx(0.25)
    kept = Objective("e2e_latency_p95_s", 2.5, implied=True)  # of which 0.5 s is what may be lost
    assert one.margin_of(kept.judge(2.4))[0] == pytest.approx(0.2)


def test_what_chance_leaves_open_is_too_close_to_say() -> None:
    ttft = Objective("llm.ttft_p95_s", 0.4)
    rows = {
        "dedicated": figures(3, 10, 2.0, **{"llm.ttft_p95_s": gs.Estimate(0.1, 0.01)}),
        "mps": figures(2, 10, 2.0, **{"llm.ttft_p95_s": gs.Estimate(0.41, 0.02)}),
    }
    verdict = asked(rows, ttft)
    assert (verdict.share, verdict.mode, verdict.meets) == (False, "dedicated", True)
    assert (
        "mps, would free 1 ($1,440 a month), but whether it keeps llm.ttft_p95_s is open after 32 runs"
        in verdict.line
    )
    assert "410 ± 20 ms, at most 400 ms is asked" in verdict.line
    open_ = asked(rows | {"dedicated": rows["dedicated"] | {"llm.ttft_p95_s": 0.5}}, ttft)
    assert (open_.share, open_.mode, open_.meets) == (False, "mps", None)
    assert open_.line.startswith("Too close to say. mps (2 GPUs instead of 3, 1 freed")
    assert "Dedicated GPUs miss the objectives too: misses llm.ttft_p95_s" in " ".join(open_.text().split())


def test_where_no_mode_meets_everything_the_nearest_says_what_it_misses() -> None:
    rows = {
        "dedicated": figures(3, 10, 2.0, **{"llm.ttft_p95_s": 0.3}),
        "mps": figures(2, 10, 2.0, **{"llm.ttft_p95_s": 0.5}),
    }
    verdict = asked(rows, Objective("llm.ttft_p95_s", 0.2))
    assert (verdict.share, verdict.mode, verdict.meets) == (False, "dedicated", False)
    assert verdict.line.startswith(
        "No mode does. The nearest, dedicated (3 GPUs, $4,320 a month), misses llm.ttft_p95_s"
    )


def test_relative_bounds_are_judged_run_by_run(light: gs.Scenario) -> None:
    """Both have the same luck, so that a difference is clear that their intervals would hide."""
    luck = [1.0, 1.2, 0.9, 1.1]
    alone = [figures(3, 10, 2.0 * f) for f in luck]
    near = [figures(2, 10, 2.4 * f) for f in luck]

    def measured(runs: Sequence[dict[str, float]]) -> Measured:
        values = [run["e2e_latency_p95_s"] for run in runs]
        mean = sum(values) / len(values)
        estimate = {"e2e_latency_p95_s": gs.Estimate(mean, 2.0, len(values))}
        return Measured(runs[0] | estimate, {"e2e_latency_p95_s": values})

    bound = implied(Objectives(), gs.Kept(), measured(alone), light)[0]
    assert bound.figure == "e2e_latency_p95_s"
    (one,) = judge(measured(near), [bound], measured(alone))
    assert one.meets is True
    assert bound.judge(measured(near).summary[bound.figure]).meets is None
    (worse,) = judge(measured([figures(2, 10, 2.6 * f) for f in luck]), [bound], measured(alone))
    assert worse.meets is False


def test_pipelines_are_judged_one_by_one() -> None:
    document = {
        "name": "two",
        "services": {"embed": {"model": "embedding-0.3b"}, "asr": {"model": "parakeet-1.1b"}},
        "pipelines": {
            "e": {"stages": [{"name": "embed", "service": "embed"}]},
            "a": {"stages": [{"name": "asr", "service": "asr"}]},
        },
        "traffic": [
            {
                "pipeline": "e",
                "kind": "open",
                "arrivals": {"kind": "poisson", "rate_per_s": 50},
                "sizes": {"units": 1},
            },
            {"pipeline": "a", "kind": "closed", "users": 4, "sizes": {"speech_s": 4}},
        ],
        "duration_s": 20,
    }
    table = gs.compare(document, modes=["dedicated", "mps"], record_requests=False)
    asked_of = set(table.objectives["mps"])
    assert {"e.e2e_latency_p95_s", "a.e2e_latency_p95_s"} <= asked_of
    assert {"e.e2e_latency_count", "a.e2e_latency_count"} <= asked_of
    assert not asked_of & {"e2e_latency_p95_s", "request_throughput"}
    bounded = gs.compare(document, ["mps"], slo=["e.e2e_latency_p95=1s"], record_requests=False)
    # The users of a wait for answers, so that latencies tell how many requests they make.
    assert set(bounded.objectives["mps"]) == {"e.e2e_latency_p95_s", "e.e2e_latency_count", "success_rate"}
    ends = {name: f"{name}.e2e_latency_p95_s" for name in "ea"}
    worst = max(ends, key=lambda name: table["mps"][ends[name]] / table["dedicated"][ends[name]])
    assert f"Users of {worst} wait" in table.verdict.line
    assert "95 % of the requests of every pipeline" in " ".join(str(table).split())
