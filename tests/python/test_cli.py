"""The command line: tables for people, JSON for machines, one line for errors."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from command_line import fails, gpushare, run
from gpushare import files
from gpushare.command import cli, commands, progress


@pytest.fixture
def scenario(tmp_path: Path, light: gs.Scenario) -> Path:
    path = tmp_path / "light.json"
    path.write_text(json.dumps(light.document), encoding="utf-8")
    return path


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.csv"
    gs.traces.save(gs.traces.azure_conversation_like(1, 60), path)
    return path


HELP = [
    [],
    ["run"],
    ["compare"],
    ["sweep"],
    ["sensitivity"],
    ["mig"],
    ["mig", "layouts"],
    ["profile", "show"],
    ["profile", "list"],
    ["model", "show"],
    ["scenario", "show"],
    ["trace", "inspect"],
    ["trace", "fit"],
    ["demo"],
]


@pytest.mark.parametrize("command", HELP, ids=lambda command: " ".join(command) or "gpushare")
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([*command, "--help"])
    assert left.value.code == 0
    text = capsys.readouterr().out
    assert "usage: gpushare" in text
    if command != ["mig"]:
        assert "examples:" in text


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"gpushare {gs.__version__}\n"


def test_run_prints_a_summary(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, scenario: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = run(capsys, "run", scenario, "--mode", "mps", "--seed", "4")
    assert "voice-light, mps" in text
    assert "seed 4" in text
    assert max(map(len, text.splitlines())) <= 80


def test_run_speaks_json(capsys: pytest.CaptureFixture[str], scenario: Path) -> None:
    answer = json.loads(run(capsys, "run", scenario, "--replications", "2", "--json"))
    assert (answer["mode"], answer["replications"]) == ("dedicated", 2)
    assert set(answer["summary"]["request_throughput"]) == {"mean", "half_width", "count"}


def test_run_writes_tables(capsys: pytest.CaptureFixture[str], scenario: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    run(capsys, "run", scenario, "--steps", "--out", folder)
    assert sorted(os.listdir(folder)) == ["partitions.csv", "requests.csv", "steps.csv", "summary.json"]
    result = gs.simulate(scenario, record_steps=True)
    with open(folder / "requests.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["arrival_s"]) for row in rows] == result.requests["arrival_s"].tolist()
    assert [row["status"] for row in rows] == result.requests["status"].tolist()
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["completed"] == result.summary()["completed"]
    single = tmp_path / "requests.csv"
    single.write_text("old")
    run(capsys, "run", scenario, "--out", single)
    assert single.read_bytes() == (folder / "requests.csv").read_bytes()
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_compare_prints_a_row_for_each_mode(capsys: pytest.CaptureFixture[str], scenario: Path) -> None:
    text = run(capsys, "compare", scenario, "--modes", "dedicated,mps")
    assert sum(line.startswith(("dedicated ", "mps ")) for line in text.splitlines()) == 2
    assert (
        text.index("voice-light: Share") < text.index("Why: ") < text.index("How sure") < text.index("Next")
    )
    more = run(capsys, "compare", scenario, "--modes", "dedicated,mps", "--details")
    assert "assumed: /services/asr/precision" in more
    assert "assumed: " not in text
    assert max(map(len, more.splitlines())) <= 100
    answer = json.loads(run(capsys, "compare", scenario, "--json"))
    assert list(answer["modes"]) == gs.Scenario.load("voice-light").modes
    assert answer["modes"]["mps"]["gpus_freed"] == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_tells_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 12.0, 13.0, 600.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress.Progress("mine") as shown:
        for done in (40, 42, 44, 46):
            shown.count(done, 100)
    lines = sys.stderr.getvalue().split("\r\033[K")  # type: ignore[attr-defined]
    assert lines == [
        "",
        "mine: 40 of 100, 60 left",
        "mine: 42 of 100, 58 left, about 58 s",
        "mine: 44 of 100, 56 left, about 42 s",
        "mine: 46 of 100, 54 left, about 88 min",
        "",
    ]


def test_sweep_knows_all_layouts(light: gs.Scenario) -> None:
    axis, values = commands.parse_axis("layout=all", light)
    assert (axis, len(values)) == ("layout", 19)
    assert commands.parse_axis("/services/tts/engine/slots=8,32", light)[1] == [8, 32]
    assert commands.parse_axis("layout=3g.40gb(1c,2c)+3g.40gb,7g.80gb", light)[1] == [
        "3g.40gb(1c,2c)+3g.40gb",
        "7g.80gb",
    ]
    assert commands.parse_axis("services.llm.precision=fp16,int8", light)[1] == ["fp16", "int8"]


@pytest.mark.parametrize(
    ("options", "count"),
    # 19, 14 and 298 on A100, 18 before R510, 78 with double memory.
    [
        ([], 19),
        (["--multisets"], 14),
        (["--states"], 298),
        (["--before-r510"], 18),
        (["--double-memory"], 78),
    ],
)
def test_mig_layouts_are_listed(capsys: pytest.CaptureFixture[str], options: list[str], count: int) -> None:
    text = run(capsys, "mig", "layouts", "a100", *options)
    assert text.startswith(f"a100: {count} ")
    assert max(map(len, text.splitlines())) <= 100
    rows = json.loads(run(capsys, "mig", "layouts", "a100", *options, "--json"))
    assert len(rows) == count
    assert all(row["partitions"] for row in rows)
    for row in rows:
        assert row["stranded_sms"] == 108 - sum(part["sms"] for part in row["partitions"])
        assert row["stranded_memory_bytes"] >= 0


@pytest.mark.parametrize(("group", "name"), [("profile", "a100"), ("model", "llama-3.1-8b")])
def test_figures_are_shown_with_source_and_grade(
    capsys: pytest.CaptureFixture[str], group: str, name: str
) -> None:
    text = run(capsys, group, "show", name)
    assert "[vendor]" in text or "[derived]" in text
    assert max(map(len, text.splitlines())) <= 100
    answer = json.loads(run(capsys, group, "show", name, "--json"))
    assert answer["name"] == name
    assert all(
        figure["grade"] in ("vendor", "measured", "derived", "assumed") for figure in answer["figures"]
    )
    assert name in run(capsys, group, "list")
    assert name in [entry["name"] for entry in json.loads(run(capsys, group, "list", "--json"))]


def test_scenarios_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert "voice-heavy" in run(capsys, "scenario", "list")
    assert "3g.40gb@4" in run(capsys, "scenario", "show", "voice-heavy", "--mode", "mig:3g.40gb+3g.40gb")
    document = json.loads(run(capsys, "scenario", "show", "voice-heavy", "--json"))
    assert gs.Scenario.from_dict(document).name == "voice-heavy"


def test_traces_are_inspected(capsys: pytest.CaptureFixture[str], trace: Path) -> None:
    text = run(capsys, "trace", "inspect", trace)
    assert "requests a second" in text
    answer = json.loads(run(capsys, "trace", "inspect", trace, "--format", "csv", "--keep-empty", "--json"))
    assert answer["requests"] == len(gs.traces.load(trace))
    assert answer["format"] == "csv"
    assert "format csv, time in s" in text


def test_an_inspected_trace_is_drawn(capsys: pytest.CaptureFixture[str], trace: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = trace.with_suffix(".png")
    run(capsys, "trace", "inspect", trace, "--plot", picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_trace_is_fitted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    gs.traces.save(gs.traffic.generate(gs.traffic.poisson(4), (100, 20), 600), path)
    assert "poisson for plain" in run(capsys, "trace", "fit", path)
    answer = json.loads(run(capsys, "trace", "fit", path, "--json"))
    assert answer["arrivals"]["kind"] == "poisson"
    assert answer["sizes"]["output_tokens"]["values"] == [20.0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "voice-hevy"], ["voice-heavy"]),
        (["run", "missing.json"], ["missing.json"]),
        (["run", "voice-light", "--mode", "mig:4g.40gb+4g.40gb"], ["4g.40gb"]),
        (["run", "llm-trace", "--mode", "mig:1g.10gb+1g.10gb"], ["1g.10gb", "GB"]),
        (["run", "voice-light", "--seed", "-1"], ["--seed", "at least 0"]),
        (["run", "voice-light", "--replications", "x"], ["--replications", "'x'"]),
        (["run", "voice-light", "--sead", "1"], ["--sead"]),
        (["compare", "voice-light", "--modes", ""], ["modes"]),
        (["sweep", "voice-light", "--axis", "users"], ["--axis", "users=5,20,50"]),
        (["sweep", "voice-light", "--axis", "users=1..5"], ["write every value, such as users=1,...,5"]),
        (
            ["sweep", "voice-light", "--axis", "users=10:50:10"],
            ["write every value, such as users=10,...,50"],
        ),
        (
            ["sweep", "voice-light", "--axis", "users=1,2", "--axis", "users=3"],
            ["users is there twice; write --axis users=1,2,3"],
        ),
        (
            ["cluster", "n.csv", "p.csv", "--timed", "--seeds", "3"],
            ["--seeds: is of pods that arrive shuffled"],
        ),
        (["sweep", "voice-light", "--axis", "users=0"], ["/traffic/0/users"]),
        (["sweep", "voice-light", "--axis", "userz=1"], ["userz"]),
        (
            ["sweep", "voice-light", "--axis", "users=2", "--best", "speed"],
            ["--best", "speed", "request_throughput"],
        ),
        (
            ["sweep", "voice-light", "--axis", "users=2", "--minimize", "llm.ttft_p59"],
            ["--minimize", "nearest: llm.ttft_p50_s, llm.ttft_p95_s"],
        ),
        (
            ["sensitivity", "voice-light", "--of", "ttft_p95", "--vary", "users=1,2,3"],
            ["--vary", "NAME=LOW,HIGH"],
        ),
        (["sensitivity", "voice-light", "--of", "ttft_p95", "--vary", "userz"], ["userz"]),
        (["sweep", "voice-light", "--axis", "users=2", "--pareto", "duration"], ["--pareto", "duration_s"]),
        (["mig", "layouts", "a101"], ["a100"]),
        (["profile", "show", "a101"], ["a100"]),
        (["model", "show", "llama"], ["llama"]),
        (["trace", "inspect", "missing.csv"], ["missing.csv"]),
        (["demo", "--trace", "missing.csv"], ["missing.csv"]),
        (["dance"], ["dance"]),
        ([], ["COMMAND"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_errors_are_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: list[str]
) -> None:
    text = fails(capsys, *arguments)
    for word in words:
        assert word in text


def test_the_process_fails_without_a_traceback() -> None:
    done = gpushare("run", "missing.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("gpushare: error: ")
    assert "Traceback" not in done.stderr
    good = gpushare("mig", "layouts", "a100", "--json")
    assert (good.returncode, good.stderr, len(json.loads(good.stdout))) == (0, "", 19)


def test_an_output_folder_that_cannot_be_made_is_an_error(
    capsys: pytest.CaptureFixture[str], scenario: Path
) -> None:
    assert "light.json" in fails(capsys, "run", scenario, "--out", scenario / "sub")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["mig", "layouts", "a100", "--states"], 0),
        (["run", "voice-light", "--slo", "voice_to_voice_p95=1ms"], 4),
        (["run", "voice-light", "--slo", "voice_to_voice_p95=1ms", "--json"], 4),
    ],
)
def test_a_reader_that_goes_away_is_no_error_and_changes_no_exit_code(words: list[str], code: int) -> None:
    command = [sys.executable, "-m", "gpushare", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == code


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_control_c_ends_with_130(tmp_path: Path, light: gs.Scenario) -> None:
    path = tmp_path / "long.json"
    document = light.document
    document["traffic"][0]["hold_s"] = 20_000_000
    path.write_text(json.dumps(document), encoding="utf-8")
    target = tmp_path / "requests.csv"
    # The child says when it is past its imports; half a second later it is in the run, which takes hours.
    imports = (
        "import sys\nfrom gpushare.command import cli, commands\nfrom gpushare.study import simulation\n"
    )
    code = imports + "print('ready', flush=True)\nsys.exit(cli.main())"
    command = [sys.executable, "-c", code, "run", str(path), "--out", str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (130, "gpushare: error: interrupted\n")
    assert os.listdir(tmp_path) == ["long.json"]


def test_a_file_is_whole_or_untouched(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(file: Any) -> None:
        file.write("half")
        raise RuntimeError("disk")

    with pytest.raises(RuntimeError, match="disk"):
        files.replace_file(path, fail)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_json_has_no_nan() -> None:
    value = {"a": float("nan"), "b": [float("inf"), 1.5, "x"], 3: (1, None, gs.Estimate(2.0, float("inf")))}
    assert json.loads(files.plain_json(value)) == {"a": None, "b": [None, 1.5, "x"], "3": [1, None, 2.0]}


@pytest.mark.parametrize("command", ["run", "compare", "plan", "sweep"])
def test_a_file_of_a_cluster_is_no_scenario_but_is_read(
    capsys: pytest.CaptureFixture[str], command: str, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("version: v1\nmig-configs: {}\n", encoding="utf-8")
    more = ["--axis", "seed=1,2"] if command == "sweep" else []
    assert f"{path}: is a configuration of mig-parted; gpushare import {path}" in fails(
        capsys, command, path, *more
    )
