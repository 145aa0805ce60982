"""What is no file, or has no end, is refused in words wherever a file is read."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="has no devices")

READERS: dict[str, Callable[[str], Any]] = {
    "scenario": gs.Scenario.load,
    "trace": gs.traces.load,
    "calls": gs.traffic.read_calls,
    "profile": gs.profile,
    "result": gs.load_result,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("path", "found"), [("/dev/zero", "device"), ("/dev/urandom", "device"), ("/", "folder")]
)
def test_a_device_is_refused(reader: str, path: str, found: str) -> None:
    with pytest.raises(gs.Error, match=f"^{path}: expected .* file, found a {found}$"):
        READERS[reader](path)


@pytest.mark.parametrize("reader", READERS)
def test_a_pipe_that_nobody_writes_to_is_refused(reader: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(gs.Error, match=r"expected .* file, found a named pipe$"):
        READERS[reader](str(tmp_path / "pipe.json"))


def test_a_document_of_gigabytes_is_refused_before_it_fills_memory(tmp_path: Path) -> None:
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.truncate(300 << 20)
    with pytest.raises(gs.ScenarioError, match="has more than 256 MB, as no document does"):
        gs.Scenario.load(huge)
    with pytest.raises(gs.TraceError, match="more than 256 MB: this is no log"):
        gs.traces.load(huge, format="azure")


def test_a_pipe_of_the_shell_is_read_like_a_file(light: gs.Scenario, tmp_path: Path) -> None:
    code = "import gpushare as gs; print(gs.Scenario.load('/dev/stdin').name)"
    text = (Path(__file__).parents[2] / "scenarios" / "voice-light.json").read_bytes()
    done = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, timeout=60)
    assert done.stdout.decode().strip() == light.name, done.stderr
