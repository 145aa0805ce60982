"""Completion in zsh and fish themselves: what the keyboard offers, not what the script says."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

#: Lines, and what they are completed with.
OFFERS = (
    ("gpushare comp", ["compare", "completion"]),
    ("gpushare compare vo", ["voice-calls", "voice-heavy", "voice-light", "voice.json"]),
    ("gpushare compare voice-light --mo", ["--modes", "--most-replications", "--most-requests"]),
    ("gpushare run voice-light --mode tim", ["time-slicing"]),
    ("gpushare compare voice-light --modes dedicated,m", ["dedicated,mig", "dedicated,mps"]),
    ("gpushare run voice-light --gpu h200", ["h200", "h200-nvl"]),
    ("gpushare trace in", ["inspect"]),
    ("gpushare model show llama-3.1-8", ["llama-3.1-8b"]),
    ("gpushare completion f", ["fish"]),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a file of one's own, among others, and the scripts."""
    for name in ("voice.json", "mine.json", "timed.csv"):
        (tmp_path / name).touch()
    for shell in ("zsh", "fish"):
        told = subprocess.run(
            [sys.executable, "-m", "gpushare", "completion", shell],
            capture_output=True,
            text=True,
            check=True,
        )
        (tmp_path / f"script.{shell}").write_text(told.stdout)
    return tmp_path


def test_fish_offers_what_may_stand_there(folder: Path) -> None:
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("there is no fish")
    asked = "; ".join(f"echo '#'; complete -C '{line}'" for line, _ in OFFERS)
    done = subprocess.run(
        [fish, "--no-config", "-c", f"source script.fish; {asked}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(folder), "PATH": os.environ["PATH"], "TERM": "dumb"},
    )
    assert done.stderr == ""
    found = [part.split("\n") for part in done.stdout.removeprefix("#\n").removesuffix("\n").split("\n#\n")]
    told = [sorted(line.partition("\t")[0] for line in part) for part in found]
    assert told == [offers for _, offers in OFFERS]


class Zsh:
    """A shell on a terminal of its own, since zsh completes only there."""

    def __init__(self, program: str, folder: Path) -> None:
        self.terminal, theirs = pty.openpty()
        told = {"HOME": str(folder), "PATH": os.environ["PATH"], "TERM": "dumb", "COLUMNS": "200"}
        words = ["setsid", "--ctty", "--wait", program, "-f", "-i"]
        self.process = subprocess.Popen(
            words, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=told
        )
        os.close(theirs)
        self.run("PS1=''; LISTMAX=1000; autoload -U compinit; compinit -u -D; source script.zsh")
        self.run(
            "zstyle ':completion:*' insert-unambiguous false; unsetopt auto_menu; bindkey '^I' list-choices"
        )

    def run(self, line: str) -> None:
        """Waits until a command has been done."""
        os.write(self.terminal, f"{line}; echo do''ne\n".encode())
        self.read("done")

    def read(self, until: str) -> None:
        """Reads until a text comes."""
        text, end = "", time.monotonic() + 30
        while until not in text and time.monotonic() < end:
            text += self.more()
        assert until in text, text

    def more(self) -> str:
        """What is there within a moment."""
        ready = select.select([self.terminal], [], [], 0.1)[0]
        return os.read(self.terminal, 65536).decode(errors="replace") if ready else ""

    def offers(self, line: str, enough: list[str]) -> list[str]:
        """What the list of choices has for a line, which zsh writes when no more keys wait: until there is `enough`."""
        os.write(self.terminal, f"{line}\t".encode())
        word = re.escape(line.rpartition(" ")[2])
        text, found, end = "", [""], time.monotonic() + 30
        while found != enough and time.monotonic() < end:
            text += self.more()
            lists = "\n".join(one for one in text.splitlines() if "gpushare" not in one)
            found = sorted(set(re.findall(rf"(?<!\S){word}\S*", lists)))
        os.write(self.terminal, b"\x15print -r en''ded\n")
        self.read("ended")
        return found

    def close(self) -> None:
        """Ends it."""
        os.write(self.terminal, b"exit\n")
        self.process.wait(30)
        os.close(self.terminal)


def test_zsh_offers_what_may_stand_there(folder: Path) -> None:
    zsh = shutil.which("zsh")
    if zsh is None or shutil.which("setsid") is None:
        pytest.skip("there is no zsh, or no setsid to give it a terminal")
    shell = Zsh(zsh, folder)
    try:
        for line, offers in OFFERS:
            assert shell.offers(line, offers) == offers, line
    finally:
        shell.close()
