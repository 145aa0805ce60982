"""The tutorial's commands print what it shows."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


def test_its_commands_print_what_it_shows() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "update_tutorial.py"))
    assert tool["rewritten"](TUTORIAL) == TUTORIAL, "run tools/update_tutorial.py"


def test_there_are_four_of_them_and_each_is_run() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "update_tutorial.py"))
    commands = re.findall(r"^gpushare ", TUTORIAL, re.MULTILINE)
    assert len(commands) == len(tool["STEP"].findall(TUTORIAL)) == 4


def test_a_command_that_fails_is_told(tmp_path: Path) -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "update_tutorial.py"))
    with pytest.raises(SystemExit, match=r"ended with 2: gpushare: error: .*no-such"):
        tool["shown"]("gpushare run no-such\n", tmp_path)


def test_the_figures_of_its_folder_are_those_that_it_invents() -> None:
    folder = ROOT / "examples" / "tutorial"
    invented = runpy.run_path(str(folder / "make.py"))
    assert (folder / "vllm.log").read_text(encoding="utf-8") == invented["log"]()
    assert (folder / "cluster" / "dcgm.prom").read_text(encoding="utf-8") == invented["scrape"]()
