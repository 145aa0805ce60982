"""The command, run by tests."""

import subprocess
import sys
from pathlib import Path

import pytest
from gpushare.command import cli

Completed = subprocess.CompletedProcess[str]


def gpushare(*arguments: str | Path) -> Completed:
    """Runs the command as a process of its own."""
    command = [sys.executable, "-m", "gpushare", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Runs the command in this process and gives back what it printed."""
    assert cli.main([str(argument) for argument in arguments]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Runs the command in this process and gives back its error, beside which it prints nothing."""
    try:
        code = cli.main([str(argument) for argument in arguments])
    except SystemExit as left:
        code = int(str(left.code))
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    return captured.err


def fails(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The same, of an error of one line."""
    error = refused(capsys, *arguments)
    assert error.startswith("gpushare: error: ")
    assert error.count("\n") == 1
    return error
