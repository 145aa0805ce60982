"""Parts of a scenario that are changed by name or path, from Python and on the command line."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import gpushare as gs
import pytest
from gpushare.command import cli
from gpushare.command.scenarios import price_of
from gpushare.scenario.changes import Changes, change, parse_change
from hypothesis import given
from hypothesis import strategies as st


def error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(list(arguments)) == 2
    return capsys.readouterr().err


def test_the_same_text_works_in_python_and_on_the_command_line(
    capsys: pytest.CaptureFixture[str], light: gs.Scenario
) -> None:
    text = "services.llm.replicas=2"
    changed = light.replace(text, "/traffic/0/think_s=3", users=7)
    assert changed.document["services"]["llm"]["replicas"] == 2
    assert (changed.document["traffic"][0]["users"], changed.document["traffic"][0]["think_s"]) == (7, 3)
    assert changed.baseline_gpus == light.baseline_gpus + 1
    words = ["scenario", "show", "voice-light", "--json", "--set", text, "--set", "/traffic/0/think_s=3"]
    assert cli.main([*words, "--set", "users=7"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["services"]["llm"]["replicas"] == 2
    assert shown["traffic"][0]["users"] == 7


def test_values_are_json_or_words() -> None:
    assert parse_change("users=20") == ("users", 20)
    assert parse_change("services.llm.precision=int8") == ("services.llm.precision", "int8")
    assert parse_change('a.b=[1, "x"]') == ("a.b", [1, "x"])
    with pytest.raises(
        gs.ScenarioError, match="has to be JSON, whose names and texts stand in double quotes"
    ):
        parse_change("faults=[{kind: context}]")
    assert parse_change("mode=mps:50/50") == ("mode", "mps:50/50")
    assert parse_change("layout=7") == ("layout", "7")
    for wrong in ("users", "=3", "users=", " = "):
        with pytest.raises(ValueError, match=r"--set: found .*; write PATH=VALUE"):
            parse_change(wrong, "--set")


def test_what_was_changed_can_be_said_again(light: gs.Scenario) -> None:
    texts = ("users=7", "services.llm.precision=fp16", 'description="3"', "price_per_gpu_hour=2.5")
    changed = light.replace(*texts, mode="mps")
    assert changed._recipe.changed == texts
    assert light.replace(*changed._recipe.changed, mode="mps") == changed
    assert changed.with_mode("dedicated")._recipe.changed == texts
    assert Changes([], {"layout": "3g.40gb"}).mode("") == "mig:3g.40gb"


def test_a_path_that_leads_nowhere_names_the_nearest(
    capsys: pytest.CaptureFixture[str], light: gs.Scenario
) -> None:
    for text, words in (
        (
            "services.lm.replicas=2",
            '/services/lm: there is no such member; did you mean "llm"? Legal are asr',
        ),
        ("servces.llm.replicas=2", "Legal are services, sources"),
        ("services.llm.replicaz=2", 'unknown key "replicaz"; did you mean "replicas"?'),
        ("traffic.3.users=2", "/traffic/3: there is no such element; legal are 0 to 0"),
        ("users=few", "/traffic/0/users"),
    ):
        with pytest.raises(gs.ScenarioError) as told:
            light.replace(text)
        assert words in str(told.value)
        assert words in error(capsys, "run", "voice-light", "--set", text)
    assert str(told.value).count(", ") < 10


def test_gpu_and_price_are_those_of_the_document(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["scenario", "show", "voice-light", "--json", "--gpu", "h100", "--price", "$3.5"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["gpu"], shown["price_per_gpu_hour"]) == ("h100", 3.5)
    assert price_of("a100=2, h100=4.5") == {"a100": 2.0, "h100": 4.5}
    for wrong in ("x", "2,3", "a100=2,3", "a100="):
        assert "--price: found " in error(capsys, "run", "voice-light", "--price", wrong)
    placed = gs.Scenario.load("voice-light").with_mode("dedicated").document
    placed["placement"] = {"gpus": [{"profile": "h100", **gpu} for gpu in _gpus("voice-light")]}
    path = tmp_path / "placed.json"
    path.write_text(json.dumps(placed), encoding="utf-8")
    assert "at /placement/gpus/0/profile, " in error(capsys, "run", str(path), "--gpu", "a100")


def _gpus(name: str) -> list[dict[str, object]]:
    found = gs.Scenario.load(name).placement.to_dict()
    gpus = found["gpus"] if "gpus" in found else found["nodes"][0]["gpus"]
    return [{key: value for key, value in gpu.items() if key != "profile"} for gpu in gpus]


def commands(
    parser: argparse.ArgumentParser, name: str = ""
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command that does something, by its words."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield name, parser
    for group in groups:
        for word, below in group.choices.items():
            yield from commands(below, f"{name} {word}".strip())


TAKE_ONE = {
    name: parser
    for name, parser in commands(cli._parser())
    for action in parser._actions
    if action.metavar in ("SCENARIO", "PLAN|SCENARIO") and not action.option_strings
}


@pytest.mark.parametrize("name", TAKE_ONE)
def test_every_command_that_takes_a_scenario_takes_changes_to_it(name: str) -> None:
    assert {"--set", "--gpu", "--price"} <= set(TAKE_ONE[name]._option_string_actions)


@pytest.mark.parametrize("name", [name for name, _ in commands(cli._parser())])
def test_what_is_written_goes_where_o_says_in_every_command(name: str) -> None:
    options = dict(commands(cli._parser()))[name]._option_string_actions
    assert ("--out" in options) <= ("-o" in options)


@given(st.integers(0, 2), st.integers(1, 99), st.sampled_from([".", "/"]))
def test_elements_of_lists_are_found_by_number_and_by_name(stage: int, units: int, mark: str) -> None:
    scenario = gs.Scenario.of(gs.rag(rate=1), gpu="a100")
    names = [one["name"] for one in scenario.document["pipelines"]["rag"]["stages"]]

    def path(element: object) -> str:
        return ("/" if mark == "/" else "") + mark.join(("pipelines", "rag", "stages", str(element), "name"))

    changed = [scenario.replace(f"{path(one)}=s{units}") for one in (stage, names[stage])]
    assert changed[0] == changed[1]
    assert changed[0].document["pipelines"]["rag"]["stages"][stage]["name"] == f"s{units}"


def test_an_element_that_is_not_there_is_told_with_the_names() -> None:
    scenario = gs.Scenario.of(gs.rag(rate=1), gpu="a100")
    assert (
        scenario.replace("traffic.rag.arrivals.rate_per_s=3").document["traffic"][0]["arrivals"]["rate_per_s"]
        == 3
    )
    with pytest.raises(gs.ScenarioError, match="legal are 0 to 2, or by name embedder, reranker, llm"):
        scenario.replace("pipelines.rag.stages.rerank.units=3")
    with pytest.raises(gs.ScenarioError, match="the list is empty"):
        change({"faults": []}, "faults.0.at_s", 3)


def test_those_commands_are_known() -> None:
    expected = {"run", "compare", "plan", "capacity", "sweep", "sensitivity", "report", "export", "mock"}
    assert set(TAKE_ONE) >= expected


def test_a_plan_file_takes_no_changes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text('{"meets": true, "scenario": null}', encoding="utf-8")
    page = str(tmp_path / "page.html")
    assert "--set is for scenarios" in error(capsys, "report", str(plan), "--set", "users=2", "-o", page)
    out = str(tmp_path / "out")
    assert "--gpu is for scenarios" in error(capsys, "export", "dra", str(plan), "--gpu", "h100", "-o", out)
    assert "--from-cluster has none" in error(
        capsys, "plan", "--from-cluster", str(tmp_path), "--gpu", "h100"
    )
    assert "engine" in error(capsys, "calibrate", str(tmp_path), "--set", "users=2")


def test_a_report_repeats_what_was_changed(light: gs.Scenario) -> None:
    table = gs.compare(light.replace("users=3"), ["dedicated", "mps"], record_requests=False)
    assert "--set users=3" in table._report_told(False).command
