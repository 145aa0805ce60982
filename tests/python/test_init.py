"""``gpushare init`` and ``gpushare schema``."""

from __future__ import annotations

import contextlib
import io
import json
import re
import tempfile
from pathlib import Path

import gpushare as gs
import pytest
from gpushare.command.cli import main
from gpushare.scenario.commented import commented_yaml
from gpushare.yaml_files import parse_yaml
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "services"),
    [
        ("--llm Qwen/Qwen3-4B --rate 3 --prompt 900 --reply 20 --slo llm.ttft_p95=500ms", ["llm"]),
        ("--llm --asr --tts --embedding --users 4 --gpu h100 --price 3", ["llm", "asr", "tts", "embedding"]),
        ("--voice --users 20 --gpu NVIDIA-L40S", ["asr", "llm", "tts"]),
        ("--tts fastpitch-hifigan --out mine.json", ["tts"]),
    ],
)
def test_what_it_writes_is_a_scenario_that_runs(words, services, capsys):
    assert main(["init", *words.split()]) == 0
    name = re.match(r"(\S+):", capsys.readouterr().out)[1]
    scenario = gs.Scenario.load(name)
    assert scenario.services == services
    assert gs.simulate(scenario.replace(duration_s=30, warmup_s=0)).summary()["completed"] > 0


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("--llm Qwen/Qwen3-4B --rate 3", "Qwen3-4B at 3/s"),
        ("--llm", "llama-3.1-8b at 1/s"),
        ("--llm --embedding --users 4", "llama-3.1-8b and embedding-0.3b for 4 users"),
        ("--voice --users 1", "voice for 1 user"),
        ("--llm --rate 3 -o chat.json", "chat"),
    ],
)
def test_answers_begin_with_what_was_asked_or_the_name_that_was_given(words, name):
    assert main(["init", *words.split()]) == 0
    (written,) = Path().iterdir()
    assert gs.Scenario.load(written).name == name


@given(st.lists(st.sampled_from(["llm", "asr", "tts", "embedding", "voice", "rag"]), unique=True, min_size=1))
def test_what_is_asked_for_is_there_or_refused(kinds):
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()) as told:
        out = Path(folder) / "made.json"
        code = main(["init", *(f"--{kind}" for kind in kinds), "-o", str(out)])
        parts = {"voice": ["asr", "llm", "tts"], "rag": ["embedder", "reranker", "llm"]}
        pipelines = [kind for kind in kinds if kind in parts]
        if code == 0:
            services = gs.Scenario.load(out).services
            names = {"embedding": "embedder"} if pipelines else {}
            for kind in kinds:
                assert set(parts.get(kind, [names.get(kind, kind)])) <= set(services)
        else:
            assert pipelines
            assert re.search("leave out --|write a scenario of each", told.getvalue())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--asr --prompt 500", "--prompt is of language models"),
        ("--llm --from-log log.csv --reply 5", "brings its own lengths and times; leave out --reply"),
        ("--llm --from-log log.csv --rate 5", "brings its own lengths and times; leave out --rate"),
        ("--rag --llm --from-log log.csv", "leave out --rag"),
    ],
)
def test_lengths_and_rates_that_nothing_takes_are_refused(words, told, tmp_path, capsys):
    (tmp_path / "log.csv").write_text("arrival_s,input_tokens,output_tokens\n0,10,5\n1,20,5\n")
    assert main(["init", *words.split()]) == 2
    assert told in capsys.readouterr().err


def test_a_log_is_replayed(tmp_path, capsys):
    (tmp_path / "log.csv").write_text("arrival_s,input_tokens,output_tokens\n0,10,5\n1,20,5\n")
    assert main(["init", "--llm", "--from-log", "log.csv"]) == 0
    scenario = gs.Scenario.load("scenario.yaml")
    assert scenario.name == "llama-3.1-8b as in log.csv"
    assert gs.simulate(scenario).summary()["completed"] == 2
    assert "path: log.csv" in (tmp_path / "scenario.yaml").read_text()  # both may go elsewhere
    assert main(["init", "--asr", "--from-log", "log.csv", "--force"]) == 2
    assert "--from-log is what an llm is asked" in capsys.readouterr().err


def test_the_files_of_a_cluster_are_a_scenario(tmp_path, capsys):
    folder = Path(__file__).parents[2] / "examples/tutorial/cluster"
    assert (
        main(["init", "--from-cluster", str(folder), "-o", "cluster.yaml", "--slo", "success_rate=99%"]) == 0
    )
    assert "assumed: traffic" in capsys.readouterr().out
    scenario = gs.Scenario.load("cluster.yaml")
    assert scenario.services == gs.from_cluster(folder).scenario.services
    assert scenario.objectives == {"success_rate": 0.99}
    assert main(["init", "--from-cluster", str(folder), "--llm"]) == 2
    assert "leave out --llm" in capsys.readouterr().err


def test_a_file_that_is_there_is_kept(tmp_path, capsys):
    (tmp_path / "scenario.yaml").write_text("mine")
    assert main(["init", "--llm"]) == 2
    assert "scenario.yaml exists" in capsys.readouterr().err
    assert (tmp_path / "scenario.yaml").read_text() == "mine"
    assert main(["init", "--llm", "--force"]) == 0


def test_five_questions_are_asked_of_a_person_and_nobody_else(monkeypatch, capsys):
    assert main(["init"]) == 2
    assert "say which services" in capsys.readouterr().err
    answers = iter(["llm, tts", "", "", "2", "h100", "llm.ttft_p95=1s"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: next(answers))
    assert main(["init"]) == 0
    scenario = gs.Scenario.load("scenario.yaml")
    assert scenario.services == ["llm", "tts"]
    assert scenario.document["gpu"] == "h100"
    assert scenario.objectives == {"llm.ttft_p95_s": 1}
    assert scenario.name == "llama-3.1-8b and magpie-tts at 2/s"
    assert next(answers, None) is None


@pytest.mark.parametrize("name", gs.scenario_names())
def test_comments_change_nothing_and_stand_above_keys_that_the_schema_describes(name):
    document = json.loads(gs.Scenario.load(name)._handle.original.given)
    text = commented_yaml(document, "two\nlines")
    assert text.startswith("# two\n# lines\n")
    assert parse_yaml(text)[0].value == document
    lines = text.splitlines()
    above = lines[next(i for i, line in enumerate(lines) if line.startswith("price_per_gpu_hour:")) - 1]
    assert above.startswith("# ")


@pytest.mark.parametrize("kind", ["scenario", "model", "profile", "engine"])
def test_schemas_are_printed(kind, capsys):
    assert main(["schema", kind]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].startswith("https://json-schema.org")
    assert main(["schema", "scenarios"]) == 2


def test_questions_that_nobody_answers_end_in_a_line(monkeypatch, capsys):
    def ended(question):
        raise EOFError

    monkeypatch.setattr("builtins.input", ended)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert main(["init"]) == 2
    assert "the input ended at: Which services" in capsys.readouterr().err
