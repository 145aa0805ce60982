"""``gpushare doctor`` and ``gpushare model from-hf``: what stands between a machine and the data of the package."""

import json
import os
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare import _core
from gpushare.command.cli import main

Answer = tuple[int, str, str]


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts an nvidia-smi on the path that prints these lines."""

    def write(*lines: str, code: int = 0) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text("\n".join(["#!/bin/sh", "cat << 'END'", *lines, "END", f"exit {code}"]))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return write


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> Answer:
    code = main(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def test_a_card_that_fits_is_named_with_what_differs(smi: Any, capsys: pytest.CaptureFixture[str]) -> None:
    smi(
        "0, NVIDIA A100-SXM4-80GB, 81920, 400.00, Enabled, 1410",
        "1, NVIDIA L4, 23034, 60.00, [N/A], 2040",
        "2, NVIDIA H200, 120000, 700.00, Disabled, 1980",
    )
    code, out, _ = ask(capsys, "doctor")
    assert code == 0
    first, second, third = (part.splitlines() for part in out.split("GPU ")[1:])
    assert first[0] == "0, NVIDIA A100-SXM4-80GB: a100 (NVIDIA A100-SXM4-80GB)"
    assert first[1] == "  differs: MIG is on: 98 of 108 SMs are used"
    assert "gpushare mig layouts a100" in first[2]
    assert second[0].startswith("1, NVIDIA L4: l4 ")
    assert second[1] == "  differs: power limit 60 W, the profile has 72"
    assert "as on rtx-4090" in second[2]
    assert third[1] == "  differs: memory 125.8 GB, the profile has 150.3"
    assert '"carried_from": "h200"' in third[2]


@pytest.mark.parametrize("name", gs.profile_names())
def test_every_card_is_known_by_its_title_and_differs_in_nothing(name: str, smi: Any) -> None:
    from gpushare.scenario.cards import installed_cards

    card = gs.profile(name)
    limit, clock = card.power["limit_w"], card.clock_hz / 1e6
    smi(f"0, {card.title}, {card.memory_bytes / 2**20:.0f}, {limit}, [N/A], {clock:.0f}")
    (found,) = installed_cards()
    assert found.profile == name
    assert found.differs == []


def test_a_card_that_no_profile_fits_is_told_how_to_get_one(
    smi: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    smi("0, NVIDIA A40, 46068, 300.00, [N/A], 1740")
    code, out, _ = ask(capsys, "doctor")
    assert code == 3
    assert "NVIDIA A40: no profile" in out
    assert "46068 MiB" in out
    code, out, _ = ask(capsys, "doctor", "--json")
    assert json.loads(out)["gpus"][0]["profile"] == ""


def test_a_machine_without_a_working_card_is_told_so(
    smi: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    smi("Failed to initialize NVML: Driver/library version mismatch", code=18)
    code, _, err = ask(capsys, "doctor")
    assert code == 2
    assert "nvidia-smi failed: Failed to initialize NVML" in err
    monkeypatch.setenv("PATH", "")
    code, _, err = ask(capsys, "doctor")
    assert code == 2
    assert "there is no nvidia-smi here" in err


def test_a_card_that_is_not_cut_is_said_to_have_no_mig_or_none_described(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = ask(capsys, "mig", "layouts", "t4")
    assert " ".join(out.split()) == (
        "t4: Tesla T4 has no MIG (NVIDIA MIG User Guide, supported GPUs: this card is not among them); "
        "its only layout here is whole"
    )
    document = json.loads(_core.profile_document("t4"))
    del document["mig"]
    (tmp_path / "mine.json").write_text(json.dumps(document))
    _, out, _ = ask(capsys, "mig", "layouts", str(tmp_path / "mine.json"))
    assert "MIG is not described in the profile of Tesla T4" in " ".join(out.split())


def test_a_configuration_becomes_a_file_that_is_a_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "Small-1B"
    folder.mkdir()
    shape = {"num_hidden_layers": 16, "hidden_size": 2048, "intermediate_size": 8192, "vocab_size": 128256}
    config = {"model_type": "llama", "num_attention_heads": 32, "num_key_value_heads": 8, **shape}
    (folder / "config.json").write_text(json.dumps(config))
    code, printed, _ = ask(capsys, "model", "from-hf", str(folder))
    assert code == 0
    target = tmp_path / "small.json"
    code, out, _ = ask(capsys, "model", "from-hf", str(folder / "config.json"), "-o", str(target))
    assert code == 0
    assert "assumed" in out
    assert target.read_text() == printed
    assert gs.model(target).figures == gs.Model.from_hf(folder).figures
    assert gs.model(target).name == "Small-1B"
    code, _, err = ask(capsys, "model", "from-hf", str(tmp_path / "nowhere"))
    assert code == 2
    assert "nowhere" in err
