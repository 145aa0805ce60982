"""What is legal and still likely to mislead is said in every output."""

import copy
import json
import subprocess
import sys
from typing import Any

import gpushare as gs
import pytest
from gpushare.frames.notices import Notice, merged

DOCUMENT: dict[str, Any] = {
    "name": "odd",
    "duration_s": 20,
    "services": {
        "server": {
            "model": {"kind": "synthetic", "gpu_s": 0.05, "memory_bytes": 1e9},
            "engine": {"request_overhead_s": 15},
        }
    },
    "pipelines": {"visit": {"stages": [{"name": "server", "service": "server"}]}},
    "traffic": [{"kind": "open", "arrivals": {"kind": "poisson", "rate_per_s": 1}}],
}
WHERE = "/services/server/engine/request_overhead_s"
MEANT = "if it is in milliseconds, write 0.015"


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gpushare", *words], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("odd") / "odd.json"
    file.write_text(json.dumps(DOCUMENT))
    return str(file)


def test_a_scenario_and_its_results_carry_their_warnings() -> None:
    scenario = gs.Scenario.from_dict(DOCUMENT)
    (warning,) = scenario.warnings
    assert isinstance(warning, Notice)
    assert warning.where == WHERE
    assert warning.text.endswith(MEANT)
    assert str(warning) == f"{WHERE}: {warning.text}"
    result = gs.simulate(scenario)
    assert warning in result.warnings
    for shown in (str(scenario), scenario._repr_html_(), str(result), result._repr_html_()):
        assert " ".join(shown.split()).count(MEANT) == 1


def test_a_comparison_says_a_fact_once_and_names_the_mode_where_it_is_of_one() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["services"]["server"]["replicas"] = 2
    table = gs.compare(document, ["time-slicing", "mps:0.5/50"])
    said = " ".join(table.text().split())
    assert said.count(MEANT) == 1
    assert "warning: mps:0.5/50: mode mps:0.5/50: 0.5 per cent is implausible" in said
    assert MEANT in table._repr_html_()
    assert next(one.where for one in table.warnings) == WHERE
    assert MEANT in table.table["warnings"][0]


@pytest.mark.parametrize(
    "words",
    [
        ("run",),
        ("compare", "--modes", "dedicated,mps"),
        ("plan",),
        ("capacity", "--replications", "2", "--tolerance", "50"),
    ],
    ids=lambda words: words[0],
)
def test_the_command_line_says_it_in_text_and_in_json(words: tuple[str, ...], path: str) -> None:
    name, *options = words
    said = command(name, path, *options)
    assert " ".join(said.stdout.split()).count(MEANT) == 1, said.stderr
    told = json.loads(command(name, path, *options, "--json").stdout)
    assert [one["where"] for one in told["warnings"]].count(WHERE) == 1


def test_a_sweep_says_it_for_every_row_in_json_and_once_in_text(path: str) -> None:
    words = ("sweep", path, "--axis", "seed=1,2")
    assert " ".join(command(*words).stdout.split()).count(MEANT) == 1
    rows = json.loads(command(*words, "--json").stdout)
    assert [row["warnings"][0]["where"] for row in rows] == [WHERE, WHERE]


def test_what_is_refused_still_says_what_is_odd(tmp_path: Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["services"]["server"]["model"] = "llama-3.1-8b"
    document["services"]["server"]["memory_bytes"] = 20
    document["traffic"][0]["sizes"] = {"input_tokens": 100, "output_tokens": 10}
    file = tmp_path / "small.json"
    file.write_text(json.dumps(document))
    said = command("run", str(file))
    assert said.returncode != 0
    assert "memory_bytes gives it 20 bytes" in said.stderr
    assert "if it is in GB, write 2e+10" in said.stderr
    table = gs.compare(document, ["dedicated"])
    assert "if it is in GB, write 2e+10" in " ".join(table.text().split())


def test_one_fact_of_all_cases_is_said_once() -> None:
    same, other = Notice("/a", "odd"), Notice("b", "grows")
    assert merged({"x": [same], "y": [same, other]}) == (same, Notice("y: b", "grows"))


def test_overload_is_called_overload_in_every_output(tmp_path: Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    del document["services"]["server"]["engine"]
    document["duration_s"] = 60
    document["traffic"][0]["arrivals"]["rate_per_s"] = 60
    file = tmp_path / "overloaded.json"
    file.write_text(json.dumps(document))
    result = gs.simulate(document)
    summary = result.summary()
    assert summary["completed"] == summary["arrived"]
    assert summary["success_rate"] == pytest.approx(20 / 60, rel=0.1)
    assert summary["offered_rate"] == pytest.approx(60, rel=0.1)
    assert summary["late"] == summary["backlog"] > 1000
    assert result.runs[0].summary["traffic"][0]["keeps_up"] is False
    for words in (("run",), ("compare", "--modes", "dedicated", "--details"), ("sweep", "--axis", "seed=1")):
        said = " ".join(command(words[0], str(file), *words[1:]).stdout.split())
        assert said.count("cannot keep up: ") == 1
        assert "offered" in said
        assert "if the rate is of a minute, write rate_per_s" in said


def test_a_closed_loop_says_that_its_users_wait() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["traffic"] = [{"kind": "closed", "users": 50}]
    assert "by users who wait for their answers" in " ".join(gs.simulate(document).summary().text().split())
    said = gs.compare(document, ["dedicated"]).text(details=True)
    assert "in a closed loop, where users wait for their answers" in " ".join(said.split())


def test_a_run_that_would_not_end_is_refused_with_its_size(tmp_path: Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["traffic"][0]["arrivals"]["rate_per_s"] = 1e7
    with pytest.raises(gs.SimulationError, match=r"about 2e\+08 requests would come in 20 s"):
        gs.simulate(document)
    document["traffic"][0]["arrivals"]["rate_per_s"] = 10
    with pytest.raises(gs.SimulationError, match="more than the 100 that a run takes"):
        gs.simulate(document, most_requests=100)
    file = tmp_path / "ten.json"
    file.write_text(json.dumps(document))
    assert command("run", str(file), "--most-requests", "100").returncode == 2
    assert command("run", str(file), "--most-requests", "0").returncode == 0
    assert command("compare", str(file), "--most-requests", "100").returncode == 3


def test_all_modes_bad_is_exit_3_with_a_row_for_each(path: str) -> None:
    said = command("compare", path, "--modes", "mpps,mig:3g.40gb,9g,mps:50/50/50")
    assert said.returncode == 3
    assert 'did you mean "mps"' in " ".join(said.stdout.split())
    assert "mig:3g.40gb,9g refused: " in " ".join(said.stdout.split())


def test_seed_0_is_a_seed_of_its_own(path: str) -> None:
    assert "seed 0" in command("run", path, "--seed", "0").stdout
    zero, one = (gs.simulate(DOCUMENT, seed=seed).summary()["arrived"] for seed in (0, 1))
    in_document = gs.simulate(DOCUMENT | {"seed": 0}).summary()["arrived"]
    assert (zero, one) == (in_document, gs.simulate(DOCUMENT).summary()["arrived"])


def test_independent_pipelines_have_no_latency_in_common() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["pipelines"]["other"] = {"stages": [{"name": "server", "service": "server"}]}
    document["traffic"] = [{**document["traffic"][0], "pipeline": name} for name in ("visit", "other")]
    summary = gs.simulate(document).summary()
    assert "e2e_latency_p95_s" not in list(summary)
    assert {"visit.e2e_latency_p95_s", "other.e2e_latency_p95_s"} <= set(summary)
    assert not any(name.startswith("e2e_latency") for name in gs.Scenario.from_dict(document).figure_names)
    with pytest.raises(
        gs.FigureError, match=r"ambiguous: visit\.e2e_latency_p95_s, other\.e2e_latency_p95_s"
    ):
        summary["e2e_latency_p95_s"]
    shown = gs.sweep(gs.grid(document, seed=[1, 2])).text().split()
    assert shown.count("e2e") == 2
    assert {"visit", "other"} <= set(shown)


def test_empty_instances_are_rows_and_warnings() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["services"]["server"]["model"]["memory_bytes"] = 2e10
    mode = "mig:4g.40gb+3x1g.10gb"
    result = gs.simulate(document, mode=mode)
    said = " ".join(result.summary().text().split())
    assert "gpu0/1g.10gb@6 empty" in said
    assert "52 SMs and 40.0 GB in no process's instance" in said
    assert "3 of 4 instances are empty" in said
    table = " ".join(gs.compare(document, ["dedicated", mode]).text(details=True).split())
    assert f"warning: {mode}: gpu0: 3 of 4 instances are empty" in table
    assert "unused" in table
    assert "3 of 4 instances are empty" in " ".join(gs.sweep(gs.grid(document, mode=[mode])).text().split())


def test_defaults_and_constants_of_another_card_are_in_the_answer(path: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["services"]["server"]["replicas"] = 2
    result = gs.simulate(document, mode="time-slicing")
    wheres = [one.where for one in result.assumptions]
    assert "/gpu" in wheres
    assert "a100#/time_slicing/slice_s" in wheres
    compared = gs.compare(document, ["time-slicing"])
    assert "carried over from another card" in str(compared)
    assert "carried over from another card" in str(result)
    for shown in (
        result.summary().text(details=True),
        result._repr_html_(),
        compared.text(details=True),
    ):
        assert "assumed: a100#/time_slicing/slice_s: 0.00208 is carried over" in " ".join(shown.split())
    both = gs.compare(document, ["dedicated", "time-slicing"]).text(details=True)
    assert "assumed: time-slicing: a100#/time_slicing/slice_s" in " ".join(both.split())
    told = json.loads(command("run", path, "--json").stdout)
    assert "/gpu" in [one["where"] for one in told["assumptions"]]
    assert "/gpu" in [
        one["where"] for one in json.loads(command("compare", path, "--json").stdout)["assumptions"]
    ]


def test_carried_constants_widen_what_a_prediction_may_be_off_by() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["services"]["server"]["engine"] = {}
    document["services"]["server"]["replicas"] = 2
    document["traffic"][0]["arrivals"]["rate_per_s"] = 15
    width = {
        gpu: gs.simulate(document | {"gpu": gpu}, mode="time-slicing", uncertainty=True).summary()[
            "gpu_switching"
        ]
        for gpu in ("h200", "a30")
    }
    assert width["a30"].half_width / width["a30"] > 1.25 * width["h200"].half_width / width["h200"]
