"""Arrival processes, what is done to traces, and which process fits one."""

import json
import math
from typing import Any

import gpushare as gs
import numpy as np
import pytest
from gpushare.traces.doctor import diagnose
from hypothesis import given
from hypothesis import strategies as st

T = gs.traffic


def counts(at: np.ndarray, window_s: float, duration_s: float) -> np.ndarray:
    return np.bincount((at / window_s).astype(int), minlength=round(duration_s / window_s))


@pytest.mark.parametrize(
    ("arrivals", "rate"),
    [
        (T.constant(2.0), 2.0),
        (T.poisson(5.0), 5.0),
        (T.gamma(5.0, cv=2.0), 5.0),
        (T.weibull(5.0, shape=0.6), 5.0),
        (T.gamma_poisson(5.0, shape=2.0, block_s=10, gap_shape=0.8), 5.0),
        (T.on_off([10, 1], [4, 16]), 2.8),
        # Rates 1 -> 0: 0.3, 0 -> 1: 0.1, so three quarters of the time in state 0.
        (T.mmpp([2.0, 10.0], [[0, 0.1], [0.3, 0]]), 4.0),
        (T.piecewise([10, 2], [0, 30], period_s=120), 4.0),
        (T.diurnal(5.0, [1, 3]), 5.0),
        (T.diurnal(5.0, [1, 2, 3], daily=[1, 1, 1, 1, 1, 0.5, 0.5]), 5.0),
        (T.spikes(), 0.7 * 7.5 + 0.3 * 60),
        (T.mixture(T.poisson(1.0), T.gamma(2.0, shape=0.5), T.constant(0.5)), 3.5),
    ],
)
def test_a_process_has_the_mean_rate_it_says(arrivals: dict[str, Any], rate: float) -> None:
    assert T.mean_rate(arrivals) == pytest.approx(rate, rel=1e-9)
    duration = 7 * 86_400.0 if "daily" in arrivals else 86_400.0
    at = T.times(arrivals, duration, seed=3)
    spread = np.array([len(part) for part in np.array_split(counts(at, 600, duration), 4)])
    assert spread.sum() > 0
    assert len(at) / duration == pytest.approx(rate, rel=0.05)
    assert np.all(np.diff(at) >= 0)
    np.testing.assert_array_equal(at, T.times(arrivals, duration, seed=3))


def test_weibull_gaps_have_the_variation_of_their_shape() -> None:
    gaps = np.diff(T.times(T.weibull(10.0, shape=0.5), 20_000))
    # CV^2 = Gamma(1 + 2/k) / Gamma(1 + 1/k)^2 - 1 = 24 / 4 - 1 = 5.
    assert (gaps.std() / gaps.mean()) ** 2 == pytest.approx(5, rel=0.1)


def test_an_mmpp_switches_as_its_matrix_says() -> None:
    # Index of dispersion of a two-state MMPP in long windows (Fischer and Meier-Hellstern, 1993):
    # 1 + 2 r1 r2 (l1 - l2)^2 / ((r1 + r2)^2 (l1 r2 + l2 r1)), with r the rates out of the states.
    l1, l2, r1, r2 = 2.0, 10.0, 0.1, 0.3
    expected = 1 + 2 * r1 * r2 * (l1 - l2) ** 2 / ((r1 + r2) ** 2 * (l1 * r2 + l2 * r1))
    at = T.times(T.mmpp([l1, l2], [[0, r1], [r2, 0]]), 400_000)
    assert T.dispersion(at, 200) == pytest.approx(expected, rel=0.1)


def test_the_day_of_spikes_is_quiet_for_seven_tenths_of_it() -> None:
    at = T.times(T.spikes(), 86_400)
    rates = counts(at, 10, 86_400) / 10
    assert np.mean(rates < 30) == pytest.approx(0.7, abs=0.01)
    quiet = rates[rates < 30]
    assert np.quantile(quiet, 0.05) > 3
    assert quiet.mean() == pytest.approx(7.5, rel=0.03)
    assert rates[rates > 30].mean() == pytest.approx(60, rel=0.03)


def test_load_generators_habits_take_the_variance_out_of_counts() -> None:
    for seed in range(5):
        at = T.times(T.vllm_bench(10.0, 500, burstiness=0.25), 1e6, seed=seed)
        assert len(at) == 500
        assert at[-1] == pytest.approx(50)  # the last at N / rate
        stage = T.times(T.inference_perf(10.0, 60.0), 1e6, seed=seed)
        assert len(stage) == 600
        assert stage[-1] == pytest.approx(60)
        served = T.times(
            T.gamma(1.03, shape=0.3) | {"convention": "servegen", "window_s": 100}, 1000.001, seed=seed
        )
        ends = np.arange(1, 11) * 100.0
        per_window = np.diff(np.searchsorted(served, ends + 1e-6), prepend=0)
        assert per_window.tolist() == [103] * 10
    assert T.inference_perf(3.0, 10.0, kind="poisson") == T.poisson(3.0)


@pytest.mark.parametrize(
    ("arrivals", "message"),
    [
        ({"kind": "poison", "rate_per_s": 1}, r'arrivals#/kind: .*"poisson"'),
        ({"kind": "weibull", "rate_per_s": 1}, "shape"),
        ({"kind": "mmpp", "rates_per_s": [1, 2], "transitions_per_s": [[0, 1]]}, "expected 2 rows"),
        (
            {"kind": "mmpp", "rates_per_s": [1, 2], "transitions_per_s": [[0, 0], [1, 0]]},
            "a way out of state 0",
        ),
        ({"kind": "mixture", "clients": []}, "not empty"),
        ({"kind": "mixture", "clients": [{"kind": "mixture", "clients": []}]}, "#/clients/0"),
        ({"kind": "diurnal", "rate_per_s": 1, "hourly": [1] * 5}, "5 factors; a day has 24 hours"),
        ({"kind": "diurnal", "rate_per_s": 1, "hourly": [0, 0]}, "no request would ever arrive"),
        ({"kind": "gamma", "rate_per_s": 1, "shape": 1, "convention": "vllm"}, "vllm-bench"),
        ({"kind": "spikes", "low_per_s": 5, "high_per_s": 1, "spike_per_s": 9}, "is below low_per_s"),
        (
            {"kind": "piecewise", "rates_per_s": [1], "starts_s": [0], "fill_windows": True},
            "add a period_s",
        ),
    ],
)
def test_a_process_that_contradicts_itself_is_refused_with_its_place(
    arrivals: dict[str, Any], message: str
) -> None:
    with pytest.raises(gs.ScenarioError, match=message):
        T.mean_rate(arrivals)


def test_processes_stand_in_scenarios_as_they_are() -> None:
    document = gs.Scenario.load("bursty-llm").document
    document["traffic"][0]["arrivals"] = T.mixture(T.weibull(1.0, shape=0.7), T.mmpp([1.0], [[0]]))
    document |= {"duration_s": 120, "warmup_s": 0}
    run = gs.simulate(gs.Scenario.from_dict(document))
    assert len(run.requests) == pytest.approx(240, rel=0.3)


def three() -> gs.Trace:
    text = "\n".join(
        json.dumps(row)
        for row in [
            {"timestamp": 0, "input_length": 512, "output_length": 1, "hash_ids": [0], "session_id": "a"},
            {"timestamp": 0, "input_length": 600, "output_length": 2, "hash_ids": [0, 1], "session_id": "b"},
            {
                "timestamp": 3000,
                "input_length": 1100,
                "output_length": 3,
                "hash_ids": [0, 2, 3],
                "session_id": "a",
            },
            {"timestamp": 3000, "input_length": 10, "output_length": 4, "hash_ids": [9], "session_id": "c"},
            {"timestamp": 6000, "input_length": 10, "output_length": 5, "hash_ids": [9], "session_id": "c"},
            {"timestamp": 6000, "input_length": 10, "output_length": 6, "hash_ids": [9], "session_id": "d"},
        ]
    )
    return gs.traces.parse(text, "three.jsonl")


def test_rescaling_keeps_the_shape_and_changes_the_rate() -> None:
    trace = gs.traces.azure_conversation_like(1, 300)
    fast = gs.traces.rescale(trace, speed=2)
    np.testing.assert_allclose(fast.arrival_s, trace.arrival_s / 2)
    slow = gs.traces.rescale(trace, rate_per_s=1)
    assert gs.traces.inspect(slow)["rate_per_s"] == pytest.approx(1)
    assert gs.traces.inspect(slow)["gap_cv"] == pytest.approx(gs.traces.inspect(trace)["gap_cv"])
    with pytest.raises(ValueError, match="give rate_per_s or speed"):
        gs.traces.rescale(trace)
    with pytest.raises(ValueError, match="speed: found -1"):
        gs.traces.rescale(trace, speed=-1)


def test_a_window_starts_at_its_first_request_and_forgets_parents_outside() -> None:
    part = gs.traces.window(three(), 1, 6)
    assert part.arrival_s.tolist() == [0, 0]
    assert part.output_tokens.tolist() == [3, 4]
    assert part.extra["parent"].tolist() == [-1, -1]
    assert part.extra["hash_ids"].tolist() == [0, 2, 3, 9]
    assert part.extra["hash_starts"].tolist() == [0, 3, 4]
    with pytest.raises(gs.TraceError, match="three: no request is left"):
        gs.traces.window(three(), 7)


def test_a_loop_repeats_with_sessions_and_prompts_of_its_own() -> None:
    twice = gs.traces.loop(three(), 2, pause_s=1)
    assert twice.arrival_s.tolist() == [0, 0, 3, 3, 6, 6, 7, 7, 10, 10, 13, 13]
    assert set(twice.extra["session"][:6]).isdisjoint(twice.extra["session"][6:])
    assert set(twice.extra["hash_ids"][:9]).isdisjoint(twice.extra["hash_ids"][9:])
    assert twice.extra["parent"].tolist() == [-1, -1, 0, -1, 3, -1, -1, -1, 6, -1, 9, -1]
    shared = gs.traces.loop(three(), 2, shared_prefixes=True)
    assert gs.traces.inspect(shared)["prefix_hit_rate"] > gs.traces.inspect(twice)["prefix_hit_rate"]


def test_thinning_keeps_whole_sessions_and_nests() -> None:
    trace = gs.traces.azure_conversation_like(1, 600)
    session = np.arange(len(trace)) // 3
    trace = gs.Trace(
        trace.arrival_s, trace.input_tokens, trace.output_tokens, "s", {"session": session.astype(np.int32)}
    )
    half, tenth = gs.traces.thin(trace, 0.5), gs.traces.thin(trace, 0.1)
    kept = np.unique(half.extra["session"], return_counts=True)
    assert len(half) == pytest.approx(len(trace) / 2, rel=0.1)
    assert np.mean(kept[1] == 3) > 0.99
    assert set(tenth.extra["session"]) <= set(half.extra["session"])
    with pytest.raises(ValueError, match="share: found 0"):
        gs.traces.thin(trace, 0)


def test_jitter_spreads_a_grid_and_keeps_what_belongs_together() -> None:
    trace = gs.traces.loop(three(), 50, pause_s=3)
    spread = gs.traces.jitter(trace, seed=5)
    assert gs.traces.inspect(spread)["ties"] == 0
    assert np.all(np.diff(spread.arrival_s) >= 0)
    assert spread.arrival_s[-1] < trace.arrival_s[-1] + 3
    by_length = dict(zip(np.sort(trace.output_tokens), np.sort(spread.output_tokens), strict=True))
    assert all(a == b for a, b in by_length.items())
    parent = spread.extra["parent"]
    sessions = spread.extra["session"]
    followed = np.flatnonzero(parent >= 0)
    np.testing.assert_array_equal(sessions[followed], sessions[parent[followed]])
    np.testing.assert_array_equal(spread.arrival_s, gs.traces.jitter(trace, 3.0, seed=5).arrival_s)
    with pytest.raises(ValueError, match="lie on no grid"):
        gs.traces.jitter(gs.traces.azure_conversation_like(1, 60))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20), st.lists(st.integers(0, 50), max_size=20))
def test_merging_keeps_every_request_in_order(first: list[int], second: list[int]) -> None:
    parts = []
    for times in (first, second):
        if times:
            at = np.sort(np.array(times, dtype=float))
            parts.append(gs.Trace(at - at[0], [1] * len(at), [2] * len(at), "p"))
    merged = gs.traces.merge(*parts)
    assert len(merged) == len(first) + len(second)
    expected = np.sort(np.concatenate([part.arrival_s for part in parts]))
    np.testing.assert_array_equal(merged.arrival_s, expected)


def test_merging_fills_columns_that_one_trace_lacks() -> None:
    plain = gs.Trace([0.0, 1.0], [7, 8], [1, 2], "plain")
    merged = gs.traces.merge(three(), plain)
    assert merged.name == "three+plain"
    assert merged.extra["session"].tolist() == [0, 1, -1, -1, 0, 2, 2, 3]
    assert merged.extra["parent"].tolist() == [-1, -1, -1, -1, 0, -1, 5, -1]
    assert np.diff(merged.extra["hash_starts"]).tolist() == [1, 2, 0, 0, 3, 1, 1, 1]


def test_lengths_are_drawn_in_pairs() -> None:
    source = gs.Trace([0, 1, 2], [10, 200, 3000], [1, 2, 3])
    trace = T.generate(T.poisson(5), source, 600, seed=4)
    pairs = set(zip(trace.input_tokens.tolist(), trace.output_tokens.tolist(), strict=True))
    assert pairs == {(10, 1), (200, 2), (3000, 3)}
    assert T.generate(T.constant(1), (100, 20), 10).input_tokens.tolist() == [100] * 9
    with pytest.raises(gs.TraceError, match=r"no request arrives in 0\.001 s"):
        T.generate(T.constant(1), (1, 1), 0.001)


@pytest.mark.parametrize("gap_s", [0.3, 0.25])
def test_a_clock_is_fitted_by_what_is_nearest_to_it(gap_s: float) -> None:
    regular = gs.traces.from_columns(
        {"arrival_s": np.arange(400) * gap_s, "input_tokens": [9] * 400, "output_tokens": [9] * 400}, "clock"
    )
    found = T.fit(regular, replications=5)
    assert found.kind in ("gamma", "weibull")  # which can be regular
    assert found.error < found.candidates["poisson"]
    assert min(found.measured.values()) == pytest.approx(0.0, abs=0.2)
    assert "index of dispersion" in str(found)


def test_the_fit_takes_the_simplest_process_that_does() -> None:
    lengths = (100, 20)
    plain = T.fit(T.generate(T.poisson(5), lengths, 3600), replications=10)
    assert plain.kind == "poisson"
    modulated = T.generate(T.gamma_poisson(5, shape=5, block_s=60), lengths, 7200, seed=2)
    found = T.fit(modulated, replications=20)
    assert found.kind == "gamma-poisson"
    assert found.error < 0.2
    assert found.candidates["gamma"] > 0.5
    again = T.fit(modulated, replications=20)
    assert again.to_dict() == found.to_dict()
    assert "index of dispersion" in str(found)
    assert T.mean_rate(found.arrivals) == pytest.approx(len(modulated) / modulated.arrival_s[-1], rel=0.01)
    assert found.sizes()["input_tokens"] == {"kind": "empirical", "values": [100.0], "weights": [200]}
    assert len(found.generate(600)) > 1000
    with pytest.raises(gs.TraceError, match="at least 100 requests") as caught:
        T.fit(gs.Trace([0.0, 30.0], [1, 1], [1, 1], "short"))
    assert caught.value.where == "short"


def test_dispersion_counts_whole_windows() -> None:
    assert T.dispersion(np.arange(100.0), 10) == 0
    assert math.isnan(T.dispersion(np.arange(10.0), 10))


class TestDoctor:
    """What `gpushare trace inspect` warns of."""

    def warnings(self, tmp_path: Any, text: str, **options: Any) -> str:
        path = tmp_path / "t.txt"
        path.write_text(text)
        return "\n".join(diagnose(path, **options).warnings)

    def test_it_finds_grids_failures_and_disorder(self, tmp_path: Any) -> None:
        rows = [f"{t // 12 * 3},{5 + t},{t % 4}" for t in range(240)]
        rows[7], rows[200] = rows[200], rows[7]
        text = "arrival_s,input_tokens,output_tokens\n" + "\n".join(rows)
        found = self.warnings(tmp_path, text)
        assert "on a grid of 3 s" in found
        assert "jitter(trace, 3)" in found
        assert "60 rows (25.0 %) have no output tokens" in found
        assert "lie before the row above them" in found

    def test_it_knows_blocks_of_another_size(self, tmp_path: Any) -> None:
        rows = [
            {"timestamp": t + 0.5, "input_length": 5000 + t, "output_length": 5}
            | {"hash_ids": list(range(-(-(5000 + t) // 512)))}
            for t in range(150)
        ]
        text = "\n".join(json.dumps(row) for row in rows)
        found = self.warnings(tmp_path, text, format="timed-trace")
        assert "blocks of 512 tokens, not 16" in found
        assert "32 times too short" in found
        assert "blocks of" not in self.warnings(tmp_path, text, format="timed-trace", block_tokens=512)

    def test_it_doubts_units_that_give_impossible_rates(self, tmp_path: Any) -> None:
        rows = [json.dumps({"timestamp": 700 * t, "input_length": 5, "output_length": 5}) for t in range(150)]
        assert "they may count ms" in self.warnings(tmp_path, "\n".join(rows))
        assert "they may count ms" not in self.warnings(tmp_path, "\n".join(rows), time_unit="ms")

    def test_it_names_lasting_bursts_and_silences(self, tmp_path: Any) -> None:
        trace = T.generate(T.gamma_poisson(5, shape=1, block_s=60), (100, 10), 1200)
        late = gs.traces.merge(trace, gs.Trace([0.0, 3000.0], [1, 1], [1, 1]))
        path = tmp_path / "t.csv"
        gs.traces.save(late, path)
        found = diagnose(path)
        assert any("bursts last" in text for text in found.warnings)
        assert any("silences" in text for text in found.warnings)
        assert found.to_dict()["format"] == "csv"
        assert "warning: bursts last" in str(found)
