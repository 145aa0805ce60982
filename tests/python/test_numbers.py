"""Numbers that callers give: Python's or NumPy's, refused by us when there is no room for them."""

from typing import Any

import gpushare as gs
import numpy as np
import pytest


@pytest.mark.parametrize("seed", [np.int64(7), np.uint8(7), np.array(7)[()]])
def test_numpy_integers_are_integers(seed: Any, light: gs.Scenario) -> None:
    assert gs.simulate(light, seed=seed).runs[0].requests == gs.simulate(light, seed=7).runs[0].requests
    assert len(gs.simulate(light, replications=np.int32(2), threads=np.int16(1)).runs) == 2
    assert gs.traffic.times({"kind": "poisson", "rate_per_s": 1}, 10, seed=seed).size > 0
    assert [point.seed for point in gs.grid(light, seed=np.arange(2))] == [0, 1]


@pytest.mark.parametrize(
    ("seed", "needed"),
    [
        (-1, "at least 0"),
        (2**64, "at most 18446744073709551615"),
        (1.5, "at least 0"),
        (True, "at least 0"),
        ("7", "at least 0"),
        (np.arange(2), "at least 0"),
        (np.float64(2), "at least 0"),
    ],
)
def test_what_is_no_seed_is_refused_in_our_words(seed: Any, needed: str, light: gs.Scenario) -> None:
    with pytest.raises(ValueError, match=f"^seed: found .*; an integer of {needed}"):
        gs.simulate(light, seed=seed)
    with pytest.raises(ValueError, match=f"^seed: found .*; an integer of {needed}"):
        gs.traffic.times({"kind": "poisson", "rate_per_s": 1}, 10, seed=seed)
    with pytest.raises(ValueError, match=f"^seed: found .*; an integer of {needed}"):
        gs.traces.azure_conversation_like(seed, 100)


@pytest.mark.parametrize("name", ["replications", "threads"])
@pytest.mark.parametrize("value", [0, -1, 2**31, 2**70, 1.0, None, True])
def test_what_is_no_count_is_refused_in_our_words(name: str, value: Any, light: gs.Scenario) -> None:
    if name == "threads" and value is None:
        return
    with pytest.raises(ValueError, match=f"^{name}: found .*; an integer of at (least|most) "):
        gs.simulate(light, **{name: value})


@pytest.mark.parametrize(
    "seconds", [-1, float("nan"), float("inf"), np.float32("nan"), "1", np.ones(2), True]
)
def test_what_is_no_span_is_refused_in_our_words(seconds: Any, light: gs.Scenario) -> None:
    with pytest.raises(ValueError, match=r"^series_s: found .*; a number of at least 0 is needed"):
        gs.simulate(light, series_s=seconds)
