"""The same load asked in two ways has one answer, and where no load does, the reason is what stands in the way."""

from __future__ import annotations

import copy
import re
from typing import Any

import gpushare as gs
import pytest

BASE: dict[str, Any] = {
    "name": "chat",
    "duration_s": 120,
    "gpu": "a100",
    "price_per_gpu_hour": 2,
    "services": {"llm": {"model": "llama-3.1-8b"}},
    "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
    "traffic": [
        {
            "kind": "open",
            "arrivals": {"kind": "poisson", "rate_per_s": 2},
            "sizes": {"input_tokens": 500, "output_tokens": 100},
        }
    ],
}
HOW: dict[str, Any] = {"replications": 2, "tolerance": 0.02, "threads": 1}
PATH = "traffic.0.arrivals.rate_per_s"


def with_rate(rate: float) -> dict[str, Any]:
    document = copy.deepcopy(BASE)
    document["traffic"][0]["arrivals"]["rate_per_s"] = rate
    return document


def test_a_rate_by_its_path_is_found_as_finely_as_the_load_however_it_is_written() -> None:
    asked = {"llm.ttft_p95_s": 0.1}
    by_rate = gs.capacity(BASE, asked, **HOW)
    for document in (with_rate(2), with_rate(2.0)):
        by_path = gs.capacity(document, asked, vary=PATH, **HOW)
        assert by_path.load == pytest.approx(by_rate.load, rel=0.02)
        assert by_path.low <= by_path.load <= by_path.high
    assert by_path.load % 1 != 0


def test_what_is_counted_stays_whole() -> None:
    found = gs.capacity(BASE, {"llm.latency_p95_s": 3}, vary="traffic.0.sizes.output_tokens", **HOW)
    assert found.load == int(found.load) > 100


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"llm.ttft_p95_s": 0.001}, r"llm\.ttft_p95_s is \d+\.\d+ ms at 0\.\d+ requests/s, against .* 1 ms"),
        ({"cost_per_month": {"at_most": 1000}}, r"cost_per_month is \$1,440 at .*, against .* \$1,000"),
    ],
)
def test_where_no_load_does_the_reason_is_what_stands_in_the_way(asked: dict[str, Any], reason: str) -> None:
    found = gs.capacity(BASE, asked, **HOW)
    assert found.load == 0
    (mode,) = found.modes.values()
    assert re.search(reason, mode.why), mode.why


def test_a_path_beyond_a_list_says_how_far_it_goes() -> None:
    with pytest.raises(gs.ScenarioError, match=r'there is no "9"; legal are 0$'):
        gs.capacity(BASE, {"llm.ttft_p95_s": 1}, vary="traffic.9.arrivals.rate_per_s")


def test_a_number_that_bounds_nothing_is_told() -> None:
    found = gs.capacity(BASE, {"llm.ttft_p95_s": 1}, vary="price_per_gpu_hour", **HOW)
    assert found.headline.startswith("chat: nothing is missed up to ")
    assert "inf" not in str(found)


def test_a_loss_that_is_to_be_tolerated_is_simulated_and_memory_and_isolation_count() -> None:
    document = copy.deepcopy(BASE)
    document["services"]["llm"]["replicas"] = 2
    one = gs.capacity(BASE, {"llm.ttft_p95_s": 0.1}, **HOW)
    spare = gs.capacity(document, {"llm.ttft_p95_s": 0.1, "tolerate": "gpu"}, **HOW)
    assert spare.load == pytest.approx(one.load, rel=0.1)  # one of the two replicas is left
    assert "without any one gpu" in str(spare)
    alone = gs.capacity(BASE, {"llm.ttft_p95_s": 0.1, "tolerate": "gpu"}, **HOW)
    assert (alone.load, alone.modes[alone.best].why) == (0, "nothing else serves llm without gpu0")
    full = gs.capacity(document, {"llm.ttft_p95_s": 0.1, "memory_headroom": 0.2}, **HOW)
    assert (full.load, full.modes[full.best].why) == (0, "memory_headroom is 10 %, >= 20 % is asked")


def test_a_rate_of_at_least_so_much_is_missed_by_small_loads_and_limits_none() -> None:
    limits = {"llm.ttft_p95_s": 0.1}
    without = gs.capacity(BASE, limits, **HOW)
    floor = gs.capacity(BASE, limits | {"request_throughput": without.load / 2}, **HOW)
    assert floor.load == pytest.approx(without.load)
    beyond = gs.capacity(BASE, limits | {"request_throughput": 3 * without.load}, **HOW)
    assert beyond.load == 0
    assert re.search(
        r"request_throughput is .*, the most that the others allow, against request_throughput >=",
        beyond.text(200),
    )
