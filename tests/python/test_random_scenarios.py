"""What holds of every scenario, whatever is served in whatever mode."""

import json
import random
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from random_scenarios import ran, random_scenario

ROOT = Path(__file__).resolve().parents[2]
PROFILE = json.loads((ROOT / "profiles" / "h200.json").read_text(encoding="utf-8"))
SMS = (8, 16, 24, 40, 66, 80, 100, 114, 132, 160, 200)


def memory_in_use(scenario: gs.Scenario, result: gs.Result) -> list[tuple[str, float, float]]:
    """Name of each partition, bytes in use, bytes that there are."""
    used = dict(zip(result.partitions["partition"], result.partitions["memory_used_bytes"], strict=True))
    return [
        (name, used[name], part["memory_bytes"])
        for i, gpu in enumerate(scenario.placement.gpus)
        for part in gpu["partitions"]
        if (name := f"gpu{i}/{part['name']}") in used
    ]


def check_memory(scenarios: int, luck: random.Random) -> None:
    seen = 0
    for _ in range(scenarios):
        document = random_scenario(luck)
        done = ran(document)
        if done is None:
            continue
        seen += 1
        for name, used, there in memory_in_use(*done):
            assert used <= there, (name, document)
    assert seen > scenarios / 3


def test_no_more_memory_is_in_use_than_there_is() -> None:
    check_memory(300, random.Random(1))


@pytest.mark.long
def test_no_more_memory_is_in_use_than_there_is_in_thousands_of_scenarios() -> None:
    check_memory(4000, random.Random())


def card(sms: int, folder: Path) -> str:
    """An H200 with another number of SMs, whose rates go with them; in memory it is the same."""
    share = sms / PROFILE["sms"]["value"]
    rates = {
        name: rate | {"value": rate["value"] * share} if isinstance(rate, dict) else rate * share
        for name, rate in PROFILE["flop_per_s"].items()
    }
    none = {"value": "none", "source": "of this test", "grade": "assumed"}
    document = PROFILE | {"sms": PROFILE["sms"] | {"value": sms}, "flop_per_s": rates, "mig": none}
    path = folder / f"sms-{sms}.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def one_service(luck: random.Random) -> dict[str, Any]:
    """A server that has its GPU to itself, for 20 s."""
    document = random_scenario(luck)
    service = document["services"]["s0"]
    for shared in ("replicas", "tensor_parallel"):
        service.pop(shared, None)
    return document | {
        "services": {"s0": service},
        "pipelines": {"s0": document["pipelines"]["s0"]},
        "traffic": document["traffic"][:1],
        "placement": {"mode": "dedicated"},
        "duration_s": 20,
    }


def slower(document: dict[str, Any], few: str, many: str) -> float | None:
    """How much longer the same requests take on the card with more SMs, as a share; None if one is refused."""
    means = []
    for gpu in (few, many):
        done = ran(document | {"gpu": gpu})
        if done is None:
            return None
        means.append(done[1].runs[0].figures["e2e_latency_mean_s"])
    return means[1] / means[0] - 1 if means[0] > 0 else None


def comparisons(count: int, luck: random.Random, folder: Path, alone: bool) -> list[float]:
    """`alone`: a server serves one request at a time."""
    cards = {sms: card(sms, folder) for sms in SMS}
    found: list[float] = []
    while len(found) < count:
        document = one_service(luck)
        engine = document["services"]["s0"]["engine"]
        if alone and engine["kind"] == "autoregressive-slots":
            continue  # its batches are those that it is compiled for
        if alone:
            engine["max_num_seqs" if "max_num_seqs" in engine else "max_batch"] = 1
        few, many = sorted(luck.sample(SMS, 2))
        difference = slower(document, cards[few], cards[many])
        if difference is not None:
            found.append(difference)
    return found


@pytest.mark.parametrize("count", [60, pytest.param(500, marks=pytest.mark.long)])
def test_more_sms_are_never_slower_for_one_request_after_another(count: int, tmp_path: Path) -> None:
    found = comparisons(count, random.Random(count), tmp_path, alone=True)
    assert max(found) <= 1e-9
    assert min(found) < -0.1


@pytest.mark.parametrize("count", [60, pytest.param(500, marks=pytest.mark.long)])
def test_in_batches_more_sms_are_slower_seldom_and_little(count: int, tmp_path: Path) -> None:
    """Who is free sooner begins with fewer, and whoever comes just after waits for them: a scheduling anomaly."""
    found = comparisons(count, random.Random(count), tmp_path, alone=False)
    assert sum(difference > 1e-9 for difference in found) <= count / 100
    assert max(found) < 0.05
    assert min(found) < -0.1
