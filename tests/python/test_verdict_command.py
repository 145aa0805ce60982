"""What the commands say of objectives: lines, codes, JSON and errors."""

import json
from pathlib import Path

import gpushare as gs
import pytest
from gpushare.command import cli


def command(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    try:
        code = cli.main([str(argument) for argument in arguments])
    except SystemExit as left:
        code = int(str(left.code))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def document(tmp_path: Path, light: gs.Scenario) -> Path:
    path = tmp_path / "light.json"
    path.write_text(json.dumps(light.document), encoding="utf-8")
    return path


LOOSE, STRICT = "tts.first_audio_p95=10s", "tts.first_audio_p95=1ms"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["compare"], 0),
        (["compare", "--slo", LOOSE], 0),
        (["compare", "--slo", STRICT], 4),
        (["compare", "--keep", "throughput=1,latency=0"], 0),
        (["run"], 0),
        (["run", "--slo", LOOSE], 0),
        (["run", "--slo", STRICT], 4),
        (["sweep", "--axis", "users=2,3"], 0),
        (["sweep", "--axis", "users=2,3", "--slo", LOOSE], 0),
        (["sweep", "--axis", "users=2,3", "--slo", STRICT], 4),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_exit_codes(
    capsys: pytest.CaptureFixture[str], document: Path, arguments: list[str], code: int
) -> None:
    name, *rest = arguments
    found, out, errors = command(capsys, name, document, *rest)
    assert (found, errors) == (code, "")
    assert out


def test_too_close_to_say_is_5(
    capsys: pytest.CaptureFixture[str], document: Path, light: gs.Scenario
) -> None:
    middle = float(gs.simulate(light, replications=4, record_requests=False).summary()["e2e_latency_p95_s"])
    few = ["--slo", f"e2e_latency_p95={middle}s", "--most-replications", "4"]
    assert command(capsys, "compare", document, "--modes", "dedicated", *few)[0] == 5
    code, out, _ = command(capsys, "run", document, *few)
    assert code == 5
    assert "too close to say, whether it keeps e2e_latency_p95_s is open after 4 runs" in " ".join(
        out.split()
    )
    assert command(capsys, "sweep", document, "--axis", "users=5", *few)[0] == 5


def test_nothing_ran_is_3(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(capsys, "compare", "llm-trace", "--modes", "mig:1g.10gb+1g.10gb")
    assert (code, out.split(".")[0]) == (3, "llm-trace: Nothing ran")
    assert command(capsys, "sweep", "llm-trace", "--axis", "mode=mig:1g.10gb+1g.10gb")[0] == 3


def test_codes_are_documented(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ([], ["compare"], ["run"], ["sweep"]):
        out = " ".join(command(capsys, *name, "--help")[1].split())
        assert (
            "0 objectives met, or none were given; 2 error; 3 nothing ran; 4 missed; 5 too close to say"
            in out
        )


def test_compare_prints_the_verdict_first(
    capsys: pytest.CaptureFixture[str], document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    for arguments in (["compare"], ["run", "--slo", LOOSE], ["sweep", "--axis", "mode=mps", "--slo", LOOSE]):
        name, *rest = arguments
        out = command(capsys, name, document, *rest)[1]
        assert max(map(len, out.splitlines())) <= 60
    assert command(capsys, "compare", document)[1].startswith("voice-light: Share, by ")


def test_json_has_verdict_and_objectives(capsys: pytest.CaptureFixture[str], document: Path) -> None:
    code, out, _ = command(capsys, "compare", document, "--slo", LOOSE, "--json")
    answer = json.loads(out)
    assert code == 0
    members = ["scenario", "origin", "verdict", "objectives", "instances", "warnings", "assumptions", "modes"]
    assert list(answer) == members
    assert set(answer["verdict"]) >= {
        "share",
        "mode",
        "line",
        "meets",
        "gpus",
        "freed",
        "cost_per_month",
        "ties",
    }
    assert answer["verdict"]["meets"] is True
    one = answer["objectives"]["mps"]["tts.first_audio_p95_s"]
    assert one["low"] < one["value"] < one["high"] < one["bound"] == 10
    assert one["meets"] is True
    assert not one["implied"]
    ran = json.loads(command(capsys, "run", document, "--slo", STRICT, "--json")[1])
    assert (ran["meets"], ran["objectives"]["tts.first_audio_p95_s"]["bound"]) == (False, 0.001)
    assert "meets" not in json.loads(command(capsys, "run", document, "--json")[1])
    rows = json.loads(command(capsys, "sweep", document, "--axis", "users=2", "--slo", STRICT, "--json")[1])
    assert [row["meets"] for row in rows] == [False]


@pytest.mark.parametrize("name", [["compare"], ["run"], ["sweep", "--axis", "users=2"]], ids=" ".join)
@pytest.mark.parametrize(
    ("slo", "words"),
    [
        (["llm.ttft_p59=8ms"], ["slo llm.ttft_p59=8ms", "unknown figure", "nearest: llm.ttft_p50_s"]),
        (["speed=8"], ["slo speed=8", "unknown figure", "known: duration_s", "more"]),
        (["first_audio=8ms"], ["slo first_audio=8ms", "tts.first_audio_p95_s"]),
        (["foo"], ["slo foo", "such as llm.ttft_p95=500ms"]),
        (["success_rate>=99%", "success_rate<=98%"], ["objectives/success_rate", "cannot both hold"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_bad_objectives_name_the_place_and_the_nearest(
    capsys: pytest.CaptureFixture[str], document: Path, name: list[str], slo: list[str], words: list[str]
) -> None:
    options = [word for text in slo for word in ("--slo", text)]
    code, out, errors = command(capsys, name[0], document, *name[1:], *options)
    assert (code, out, errors.count("\n")) == (2, "", 1)
    for word in words:
        assert word in errors
    choices = errors.rpartition("nearest: " if "nearest: " in errors else "known: ")[2]
    assert choices.count(",") < 10


def test_bad_objectives_of_a_document_have_a_pointer(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, light: gs.Scenario
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(light.document | {"objectives": {"llm.ttft_p59": 1}}), encoding="utf-8")
    code, _, errors = command(capsys, "compare", path)
    assert code == 2
    assert "bad.json" in errors
    assert "/objectives/llm.ttft_p59" in errors
    assert "llm.ttft_p95_s" in errors
