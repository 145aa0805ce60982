"""Parts of GPUs by themselves: what tenants leave of them, and what they would do."""

import gpushare as gs
import pytest
from gpushare import _core

PLACED = {"profile": "a100", "partitions": [{"sharing": "mps", "processes": ["llm", "tts"]}]}


def scenario():
    return gs.Scenario.of(gs.llm("llama-3.1-8b", rate=3, gpu_memory_utilization=0.5), gs.tts(rate=1))


def test_a_part_is_predicted_as_a_placement_that_has_nothing_else():
    placement = gs.Placement.from_dict({"gpus": [PLACED]}, ["llm", "tts"])
    expected = _core.what_if(scenario()._handle, placement._handle)["services"]
    parts = _core.Parts(scenario()._handle)
    found = parts.predict([("a100", "", "mps", [(0, 1, 100.0), (1, 1, 100.0)])])[0]
    assert found == [(expected[name]["latency"], expected[name]["p95_s"]) for name in ("llm", "tts")]
    halved = parts.predict([("a100", "", "mps", [(0, 2, 100.0), (1, 2, 100.0)])])[0]
    assert all(less[1] < more[1] for less, more in zip(halved, found, strict=True))


def test_a_part_that_is_too_small_has_no_prediction():
    parts = _core.Parts(scenario()._handle)
    assert parts.free_share("a100", "1g.10gb", "exclusive", [(0, 1, 100.0)]) is None
    assert parts.predict([("a100", "1g.10gb", "exclusive", [(0, 1, 100.0)])]) == [None]
    whole, half = (parts.free_share("a100", name, "exclusive", [(1, 1, 100.0)]) for name in ("", "3g.40gb"))
    assert 0 < half < whole < 1


def test_a_way_of_sharing_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="unknown way of sharing"):
        _core.Parts(scenario()._handle).free_share("a100", "", "turns", [(0, 1, 100.0)])
