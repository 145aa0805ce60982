"""What the command line says of itself: help, versions, errors, endings of files, and completion."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import gpushare as gs
import numpy
import pytest
from command_line import refused as error
from gpushare._errors import like, nearest
from gpushare.command import cli, progress
from gpushare.command.completion import script
from gpushare.frames.table_files import TABLE_ENDINGS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["completion", "bash"]])
def test_help_does_without_numpy(arguments: list[str]) -> None:
    code = (
        "import sys; sys.modules['numpy'] = None\nfrom gpushare.command.cli import main\nmain(sys.argv[1:])"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "gpushare" in done.stdout


def test_help_names_exit_codes_and_the_environment(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    text = capsys.readouterr().out
    for words in ("exit codes: 0 objectives met", "130 interrupted", "GPUSHARE_DEBUG=1", "COLUMNS"):
        assert words in text


def test_a_command_or_an_option_that_nobody_knows_names_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for arguments, words in (
        (["comparre", "x"], 'did you mean "compare"? Legal are compare, '),
        (["mig", "layout"], 'did you mean "layouts"? Legal is layouts (see gpushare mig --help)'),
        (
            ["run", "voice-light", "--sead", "1"],
            "found '--sead' '1'; did you mean \"--seed\"? Legal are --seed, ",
        ),
        (["run", "voice-light", "voice-heavy"], "found 'voice-heavy', of which nothing is known"),
        (
            ["replay", "x", "--gpu", "a100", "--time-unit", "m"],
            "found 'm'; did you mean \"ms\"? Legal are auto, s, ms, us, ns",
        ),
    ):
        told = error(capsys, *arguments)
        assert words in told
        assert told.count(",") <= 11
        assert told.count("\n") == 1


def test_ten_names_are_told_at_most() -> None:
    names = [f"name{i}" for i in range(30)]
    told = nearest("nam7", names)
    assert told.startswith('did you mean "name7"? Legal are name7, ')
    assert told.endswith(" and 20 more")
    assert nearest("zzz", ["a", "b"]) == "legal are a, b"
    assert nearest("zzz", ["a"]) == "legal is a"
    assert nearest("zzz", []) == "legal are none"


def test_of_many_cards_those_come_first_that_are_called_nearly_so() -> None:
    cards = gs.profile_names()
    for product, first in (
        ("NVIDIA-A100X", "a100"),
        ("NVIDIA H100 80GB HBM2e", "h100"),
        ("Tesla-V100S-PCIE-32GB", "v100-pcie-32gb"),
        ("NVIDIA RTX 5080", "rtx-5090"),
    ):
        told = like(product, cards)
        assert told.partition(",")[0] == first, told
        assert told.count(",") == 9
        assert told.endswith(f" and {len(cards) - 10} more")
    assert like("x", ["a", "b"]) == "a, b"


def test_an_error_shows_where_it_comes_from_when_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for value, shows in (("1", True), ("0", False), ("", False)):
        monkeypatch.setenv("GPUSHARE_DEBUG", value)
        told = error(capsys, "run", "voice-lite")
        assert ("Traceback" in told) == shows
        assert told.splitlines()[-1].startswith("gpushare: error: ")


def test_tables_are_written_as_their_names_end(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, light: gs.Scenario
) -> None:
    sweep = ["sweep", "voice-light", "--axis", "users=2,0", "--out"]
    expected = None
    for ending in TABLE_ENDINGS:
        path = tmp_path / f"points{ending}"
        assert cli.main([*sweep, str(path)]) == 0
        capsys.readouterr()
        found = _rows(path)
        expected = found if expected is None else expected
        assert [row["users"] for row in found] == [2, 0]
        assert found[0]["request_throughput"] == expected[0]["request_throughput"]
        assert numpy.isnan(found[1]["request_throughput"])
    for arguments in (sweep, ["capacity", "voice-light", "--slo", "success_rate>=1", "--out"]):
        told = error(capsys, *arguments, tmp_path / "points.xlsx")
        assert "found the ending '.xlsx'; legal are .csv, .json, .parquet, .yaml, .yml" in told
    assert "legal is .json" in error(capsys, "plan", "voice-light", "--out", tmp_path / "plan.txt")
    assert "legal are .html, .htm" in error(capsys, "report", "voice-light", "-o", tmp_path / "report")
    assert "'.xlsx'" in error(capsys, "run", "voice-light", "--out", tmp_path / "a.xlsx")
    assert sorted(path.suffix for path in tmp_path.iterdir()) == sorted(TABLE_ENDINGS)


def _rows(path: Path) -> list[dict[str, object]]:
    import pandas

    if path.suffix == ".csv":
        return pandas.read_csv(path).to_dict("records")
    if path.suffix == ".parquet":
        return pandas.read_parquet(path).to_dict("records")
    if path.suffix == ".json":
        return pandas.DataFrame(json.loads(path.read_text())).to_dict("records")
    from gpushare.yaml_files import read_yaml

    return pandas.DataFrame(read_yaml(path)[0].value).to_dict("records")


def test_every_answer_says_what_it_was_made_from(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    line = f"gpushare {gs.__version__}, seed 3, scenario "
    origins = []
    for command in (
        "compare voice-light --modes dedicated,mps",
        "run voice-light",
        "capacity voice-light --slo voice_to_voice_p95=1.5s --tolerance 90 --replications 2",
        "sensitivity voice-light --of success_rate --vary users",
    ):
        words = [*command.split(" "), "--seed", "3"]
        cli.main(words)
        assert line in " ".join(capsys.readouterr().out.split())
        cli.main([*words, "--json"])
        origins.append(json.loads(capsys.readouterr().out)["origin"])
    assert all(origin == origins[0] for origin in origins)
    assert origins[0]["version"] == gs.__version__
    assert len(origins[0]["scenario_sha256"]) == 64
    cli.main(["sweep", "voice-light", "--axis", "users=5,6", "--seed", "3", "--json"])
    first, second = (row["origin"] for row in json.loads(capsys.readouterr().out))
    assert first == origins[0]
    assert first["scenario_sha256"] != second["scenario_sha256"]
    trace = tmp_path / "mine.csv"
    gs.traces.save(gs.Trace([0.0, 1.0], [100, 100], [10, 10]), trace)
    document = gs.Scenario.load("llm-trace").document
    document["traffic"] = [{"kind": "trace", "path": str(trace)}]
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    cli.main(["run", str(path), "--json"])
    files = json.loads(capsys.readouterr().out)["origin"]["files_sha256"]
    assert files == {"mine.csv": gs.files.sha256(trace)}


def test_measurements_and_logs_say_in_json_what_they_were_read_from(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    trace = tmp_path / "mine.csv"
    arrivals = numpy.random.default_rng(1).exponential(0.5, 200).cumsum()
    gs.traces.save(gs.Trace(arrivals, [100] * 200, [10] * 200), trace)
    folder = gs.files.data_file("h200/measured.json").parent
    read = {path.name: gs.files.sha256(path) for path in folder.glob("*.json")}
    for command, seed, files in (
        (["validate", "nos"], None, {}),
        (["validate", str(folder)], None, read),
        (["calibrate", str(folder)], None, read),
        (["trace", "inspect", str(trace)], None, {"mine.csv": gs.files.sha256(trace)}),
        (["trace", "fit", str(trace), "--seed", "5"], 5, {"mine.csv": gs.files.sha256(trace)}),
    ):
        assert cli.main([*command, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["origin"] == {
            "version": gs.__version__,
            "seed": seed,
            "scenario_sha256": None,
            "files_sha256": files,
        }


def test_a_plan_says_where_it_was_written_and_json_is_nothing_else(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "plan.json"
    words = ["plan", "voice-light", "--gpus", "a100=2", "--replications", "1", "--out", str(out)]
    cli.main(words)
    assert capsys.readouterr().out.endswith(f"\n\nwrote {out}\n")
    cli.main([*words, "--json"])
    assert json.loads(capsys.readouterr().out) == json.loads(out.read_text())


def test_an_answer_advises_only_options_that_its_command_has(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    trace = tmp_path / "mine.csv"
    gs.traces.save(gs.Trace([0.0, 1.0], [100, 100], [10, 10]), trace)
    cli.main(["run", "voice-light"])
    assert "--replications 8" in capsys.readouterr().out
    cli.main(["replay", str(trace), "--model", "llama-3.1-8b", "--gpu", "a100"])
    told = capsys.readouterr().out
    assert "One run does not say what chance may change." in told
    assert "--replications" not in told


def _origin(command: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Of a command; its text says the same in short."""
    words = command.split(" ")
    assert cli.main(words) in (0, 4)
    text = " ".join(capsys.readouterr().out.split())
    assert cli.main([*words, "--json"]) in (0, 4)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["origin"]
    assert found["version"] == gs.__version__
    seed = f", seed {found['seed']}" if found["seed"] is not None else ""
    assert f"gpushare {found['version']}{seed}" in text
    for name, digest in found["files_sha256"].items():
        assert f"{name} {digest[:12]}" in text
    return found


def test_what_reads_files_beside_a_scenario_says_which(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    gs.traces.save(gs.Trace([0.0, 1.0], [100, 100], [10, 10]), "mine.csv")
    Path("nodes.csv").write_text("sn,cpu_milli,memory_mib,gpu,model\na,96000,400000,8,G2\n")
    Path("pods.csv").write_text("name,cpu_milli,memory_mib,num_gpu,gpu_milli\np0,4000,8000,1,500\n")

    def digests(*names: str) -> dict[str, str]:
        return {name: gs.files.sha256(name) for name in names}

    replayed = _origin("replay mine.csv --model llama-3.1-8b --gpu a100", capsys)
    assert len(replayed["files_sha256"].pop("handed over")) == 64
    assert replayed["files_sha256"] == digests("mine.csv")
    packed = _origin("cluster nodes.csv pods.csv --seeds 1 --order-seed 5", capsys)
    assert (packed["seed"], packed["scenario_sha256"]) == (5, None)
    assert packed["files_sha256"] == digests("nodes.csv", "pods.csv")
    claimed = _origin("check claim --model llama-3.1-8b --gpu a100 --rate 4", capsys)
    assert (claimed["seed"], claimed["scenario_sha256"], claimed["files_sha256"]) == (None, None, {})
    report = "report voice-light --modes mps --no-sensitivity --seed 4 -o r.html"
    assert _origin(report, capsys)["seed"] == 4
    cli.main(["plan", "voice-light", "--gpus", "a100=2", "--replications", "1", "--out", "plan.json"])
    capsys.readouterr()
    planned = _origin("report plan.json --no-sensitivity -o r.html", capsys)
    assert planned["files_sha256"] == digests("plan.json")


def test_progress_of_a_share_tells_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 20.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    shown = progress.Progress("mine")
    assert shown._left(0.1, 1.0) == ""
    assert shown._left(0.2, 1.0) == ", about 80 s"


# ---- completion


def completed(*words: str, folder: Path) -> list[str]:
    """What bash offers for the last of the words."""
    ask = "_gpushare\nprintf '%s\\n' \"${COMPREPLY[@]}\""
    text = f'{script(cli._parser(), "bash")}\nCOMP_WORDS=("$@")\nCOMP_CWORD=$(($# - 1))\n{ask}\n'
    done = subprocess.run(
        ["bash", "-c", text, "bash", "gpushare", *words],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_commands_options_and_names(tmp_path: Path) -> None:
    (tmp_path / "my scenario.json").touch()
    (tmp_path / "voice.json").touch()
    for words, offers in (
        (["comp"], ["compare", "completion"]),
        (["mig", "la"], ["layouts"]),
        (["compare", "voice"], ["voice-calls", "voice-heavy", "voice-light", "voice.json"]),
        (["run", "voice-light", "--repl"], ["--replications"]),
        (["run", "voice-light", "--mode", "tim"], ["time-slicing"]),
        (["compare", "voice-light", "--modes", "dedicated,mp"], ["dedicated,mps"]),
        (["run", "voice-light", "--gpu", "h200"], ["h200", "h200-nvl"]),
        (["mig", "layouts", "a100-4"], ["a100-40gb"]),
        (["model", "show", "llama-3.1-8"], ["llama-3.1-8b"]),
        (["check", "claim", "--model", "llama-3.1-8"], ["llama-3.1-8b"]),
        (["replay", "x", "--time-unit", "m"], ["ms"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
    ):
        assert completed(*words, folder=tmp_path) == offers, words


def test_other_shells_know_the_same_commands(capsys: pytest.CaptureFixture[str]) -> None:
    for shell in ("zsh", "fish"):
        assert cli.main(["completion", shell]) == 0
        text = capsys.readouterr().out
        for word in ("compare", "voice-heavy", "h100", "time-slicing", "replications"):
            assert word in text
        program = shutil.which(shell)
        if program is not None:
            subprocess.run([program, "-n", "-c", text], check=True)


def test_setting_up_is_quiet_and_tells_what_failed(tmp_path: Path) -> None:
    quietly = str(ROOT / "tools" / "quietly")
    plain = {name: value for name, value in os.environ.items() if name != "CI"}

    def ran(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [quietly, *words], capture_output=True, text=True, cwd=tmp_path, env=plain | more, check=False
        )

    good = ran("making it", "echo", "much")
    assert (good.returncode, good.stdout, good.stderr) == (0, "making it\n", "")
    bad = ran("making it", "bash", "-c", "seq 100; exit 3")
    assert (bad.returncode, bad.stdout) == (3, "making it\n")
    assert bad.stderr.splitlines() == [
        "failed (3): making it; the end of build/setup.log:",
        *(str(number) for number in range(71, 101)),
    ]
    assert "much" in (tmp_path / "build" / "setup.log").read_text(encoding="utf-8")
    assert ran("making it", "echo", "much", CI="true").stdout == "making it\nmuch\n"
