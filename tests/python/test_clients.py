"""Clients that give up and ask again: what results say of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gpushare as gs
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


def queue(client: Mapping[str, Any] | None, **traffic: Any) -> dict[str, Any]:
    """Jobs of one second on one server, nine in ten seconds unless `traffic` says otherwise."""
    entry: dict[str, Any] = {"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 0.9}} | traffic
    if client is not None:
        entry["client"] = dict(client)
    return {
        "name": "clients",
        "duration_s": 300,
        "services": {"server": {"model": {"kind": "synthetic", "gpu_s": 1}}},
        "pipelines": {"visit": {"stages": [{"name": "server", "service": "server"}]}},
        "traffic": [entry],
    }


@pytest.fixture(scope="module")
def result() -> gs.Result:
    return gs.simulate(gs.Scenario.from_dict(queue({"timeout_s": 2.5, "retries": 2})))


def test_every_request_ends_once_however_often_it_was_sent(result: gs.Result) -> None:
    requests, summary = result.requests, result.summary()
    status, attempts = np.asarray(requests["status"]), np.asarray(requests["attempts"])
    timed_out = np.asarray(requests["timed_out"])
    assert len(requests["request"]) == len(set(requests["request"])) == summary["arrived"]
    assert attempts.min() == 1
    assert attempts.max() == 3
    assert (attempts - 1).sum() == summary["retried"] > 0
    assert timed_out.sum() == summary["timed_out"] == summary["failed"] > 0
    assert set(status[timed_out == 1]) == {"failed"}
    assert summary["success_rate"] == pytest.approx(np.mean(status == "completed"), rel=1e-12)
    assert summary["offered_rate"] * summary["duration_s"] == pytest.approx(attempts.sum(), abs=5)
    # Latencies count from the first attempt: who was served by the third waited out two timeouts and two backoffs.
    latency = np.asarray(requests["e2e_latency_s"])[(status == "completed") & (attempts == 3)]
    assert latency.min() >= 2 * 2.5 + 0.5 + 1.0 + 1.0 - 1e-9


def test_clients_are_in_tables_and_breakdowns_where_there_are_some(result: gs.Result) -> None:
    by, summary = result.by("traffic"), result.summary()
    assert by["attempts"][0] == summary["arrived"] + summary["retried"]
    assert by["timed_out"][0] == summary["timed_out"]
    assert "attempts sent again" in " ".join(summary.text().split())
    patient = gs.simulate(gs.Scenario.from_dict(queue(None)))
    assert "timed_out" not in patient.summary()
    assert "attempts" not in patient.requests
    assert "attempts" not in patient.by("traffic")
    assert "timeout" not in patient.summary().text()


def test_a_retry_storm_serves_fewer_than_giving_up_does() -> None:
    """More attempts than the server can take waste what it does for those who have gone."""
    busy = {"arrivals": {"kind": "poisson", "rate_per_s": 1.2}}
    once, often = (
        gs.simulate(gs.Scenario.from_dict(queue({"timeout_s": 1.6, "retries": retries}, **busy))).summary()
        for retries in (0, 6)
    )
    assert once["arrived"] == often["arrived"]
    assert often["offered_rate"] > 1.5 * once["offered_rate"]
    wasted = [run["server.steps"] - run["completed"] for run in (once, often)]
    assert wasted[1] > wasted[0]


def test_a_timeout_that_no_idle_server_meets_is_warned_of() -> None:
    warned = [where for where, _ in gs.Scenario.from_dict(queue({"timeout_s": 0.8})).warnings]
    assert warned == ["/traffic/0/client/timeout_s"]
    assert not gs.Scenario.from_dict(queue({"timeout_s": 1.2})).warnings
    (milliseconds,) = gs.Scenario.from_dict(queue({"timeout_s": 30000})).warnings
    assert "if it is in milliseconds, write 30" in milliseconds[1]


@pytest.mark.parametrize(
    ("client", "legal"),
    [
        ({"timeout_s": 30}, True),
        ({"retries": 1}, True),
        ({"timeout_s": 30, "retries": 0}, True),
        ({"retries": 2, "backoff_s": 0}, True),
        ({}, False),
        ({"retries": 0}, False),
        ({"timeout_s": 0}, False),
        ({"retries": 11}, False),
        ({"timeout_s": 1, "jitter": 0.1}, False),
    ],
)
def test_reader_and_schema_agree_on_clients(client: dict[str, Any], legal: bool) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "scenarios" / "schema.json").read_text(encoding="utf-8"))
    document = queue(client)
    assert jsonschema.Draft202012Validator(schema).is_valid(document) is legal
    if legal:
        assert gs.Scenario.from_dict(document).name == "clients"
    else:
        with pytest.raises(gs.ScenarioError, match="/traffic/0/client"):
            gs.Scenario.from_dict(document)


def test_users_go_on_after_their_last_attempt() -> None:
    users = queue({"timeout_s": 1.5, "retries": 1, "backoff_s": 0.25}, kind="closed", users=3)
    del users["traffic"][0]["arrivals"]
    result = gs.simulate(gs.Scenario.from_dict(users))
    requests = result.requests
    for user in range(3):
        own = np.asarray(requests["user"]) == user
        arrival, finish = (np.asarray(requests[name])[own] for name in ("arrival_s", "finish_s"))
        order = np.argsort(arrival)
        assert (arrival[order][1:] >= finish[order][:-1] - 1e-9).all()
    assert result.summary()["timed_out"] > 0
