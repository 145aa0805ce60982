#!/usr/bin/env python3
"""Runs the commands of docs/tutorial.md in a copy of examples/tutorial, and writes what they print below each.

usage: tools/update_tutorial.py
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "tutorial.md"
FOLDER = ROOT / "examples" / "tutorial"
STEP = re.compile(r"```sh\n(?P<command>.*?)```\n\n```text\n.*?```\n", re.DOTALL)


def main() -> None:
    DOCUMENT.write_text(rewritten(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


def rewritten(document: str) -> str:
    """The document with what its commands print now; they run one after the other, in a folder of their own."""
    with tempfile.TemporaryDirectory() as clean:
        folder = Path(clean) / "mine"
        shutil.copytree(FOLDER, folder)
        return STEP.sub(lambda step: shown(step["command"], folder), document)


def shown(command: str, folder: Path) -> str:
    """A command and its output, of a user who has nothing but the package."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    found = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={"PATH": path, "HOME": str(folder.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode != 0:
        raise SystemExit(f"{command}ended with {found.returncode}: {found.stderr}")
    return f"```sh\n{command}```\n\n```text\n{found.stdout.strip()}\n```\n"


if __name__ == "__main__":
    main()
