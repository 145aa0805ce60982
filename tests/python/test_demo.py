"""The demonstration answers from the figures it shows."""

import json
from pathlib import Path

import gpushare as gs
import pytest
from gpushare.command import cli, demo


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a quick demonstration prints, with a short trace of our own."""
    path = tmp_path_factory.mktemp("demo") / "mine.csv"
    gs.traces.save(gs.traces.azure_conversation_like(2, 120), path)
    with pytest.MonkeyPatch.context() as patch:
        printed: list[str] = []
        patch.setattr("builtins.print", lambda *values, **_: printed.append(" ".join(map(str, values))))
        demo.run_demo(trace=str(path), quick=True)
    return "\n".join(printed)


def test_the_tables_fit_and_every_question_has_an_answer_first(shown: str) -> None:
    assert max(map(len, shown.splitlines())) <= 100
    lines = shown.splitlines()
    for title, answer in (
        ("1. 50 users, one GPU for each", "voice-heavy: "),
        ("2. 5 users, one GPU for each", "voice-light: "),
        ("3. The requests of mine.csv", "llm-trace: "),
        ("4. voice-heavy under each of the 19", "voice-heavy: "),
    ):
        (at,) = (i for i, line in enumerate(lines) if line.startswith(title))
        assert lines[at + 2].startswith(answer)
        end = next((i for i in range(at + 1, len(lines)) if lines[i].startswith(("===", "Next"))), len(lines))
        assert sum(bool(line) for line in lines[at:end]) <= 24, title
    for mode in ("dedicated", "time-slicing:4", "7x1g.10gb-int4", "mig:3g.40gb+3g.40gb"):
        assert mode in shown


def test_what_the_table_of_a_trace_says_is_not_said_again() -> None:
    scenario = demo.replay_scenario(None, quick=True)
    table = gs.compare(scenario, scenario.modes, most_replications=1, record_requests=False)
    text = demo._replayed(table, "answered", 80)
    assert "falls behind" in text
    assert "cannot keep up" in str(table.warnings)
    assert "cannot keep up" not in text


def test_the_trace_given_is_the_one_replayed(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    gs.traces.save(gs.Trace([0.0, 1.0, 2.0], [100, 100, 100], [10, 10, 10]), path)
    scenario = demo.replay_scenario(str(path), quick=False)
    assert scenario.modes == ["dedicated", "time-slicing:4", "7x1g.10gb-int4"]
    assert gs.simulate(scenario).summary()["arrived"] == 3
    path.write_text("ts;asked\n0;90\n4;80\n")
    named = demo.replay_scenario(str(path), quick=False, columns="arrival=ts,input=asked,output=20")
    assert gs.simulate(named).requests["output_tokens"].tolist() == [20, 20]
    with pytest.raises(ValueError, match="give its file with --trace"):
        demo.replay_scenario(None, quick=False, columns="input=9")
    with pytest.raises(gs.Error, match=r"missing\.csv"):
        demo.replay_scenario(str(tmp_path / "missing.csv"), quick=False)
    assert demo.replay_scenario(None, quick=True).duration_s == 600


def test_json_holds_the_answers_and_their_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "--quick", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert list(answers) == ["voice-heavy", "voice-light", "llm-trace", "layouts"]
    assert answers["voice-heavy"]["modes"]["mps"]["gpus_freed"] == 1
    assert len(answers["layouts"]["table"]["layout"]) == 19
    heavy, light, trace, layouts = (answer["origin"] for answer in answers.values())
    assert heavy == layouts
    assert len({one["scenario_sha256"] for one in (heavy, light, trace)}) == 3


def test_the_command_is_put_on_the_path_where_it_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "activate").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo.sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    assert demo._to_find_it() == [(". bin/activate", "to have gpushare on your path")]
    (tmp_path / "bin" / "activate").unlink()
    assert demo._to_find_it() == []
