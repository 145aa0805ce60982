"""What commands print fits the terminal, whatever its width, and nothing of it is lost in a narrow one."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import gpushare as gs
import pytest
from gpushare.command import cli
from gpushare.frames.colours import coloured, paint
from gpushare.frames.render import Field, text_table
from gpushare.frames.sections import commands, pairs, section

WIDTHS = (60, 80, 120)
#: Commands, each in a folder of its own with what it reads.
COMMANDS = (
    "compare voice-light --replications 2",
    "compare voice-light --details --slo tts.first_audio_p95=1s --most-replications 1",
    "compare voice-light --modes mps,mig:1g.10gb+1g.10gb+1g.10gb+1g.10gb+1g.10gb+1g.10gb+1g.10gb",
    "run voice-light --mode mps --slo tts.first_audio_p95=1s --details --most-replications 1",
    "run voice-light --by traffic,llm.replica --window 60",
    "plan voice-light --modes mps --replications 1 --details",
    "capacity voice-light --slo voice_to_voice_p95=1.5s --modes dedicated,mps --tolerance 20 --replications 2",
    "sweep voice-light --axis users=2,5 --axis layout=3g.40gb+3g.40gb,4g.40gb+2g.20gb+1g.10gb",
    "sensitivity voice-light --of tts.first_audio_p95 --vary users --vary mode=dedicated,mps",
    "report voice-light --no-sensitivity -o report.html --modes dedicated,mps",
    "mig layouts a100",
    "profile list",
    "profile show a100",
    "model list",
    "model show llama-3.1-8b",
    "scenario list",
    "scenario show voice-heavy --mode mig:3g.40gb+3g.40gb",
    "check claim --model llama-3.1-8b --gpu a100 --rate 45 --input 1200 --output 500",
    "trace inspect trace.csv",
    "trace fit trace.csv",
    "replay trace.csv --model llama-3.1-8b --gpu a100",
)
#: A number that stands alone, as cells and sentences have them.
_NUMBER = re.compile(r"(?<![\w.@+…:/-])\d[\d,]*(?:\.\d+)?(?![\w@…])")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short names of files, as users have them."""
    monkeypatch.chdir(tmp_path)
    gs.traces.save(gs.traces.azure_conversation_like(1, 30), "trace.csv")


@pytest.mark.parametrize("command", COMMANDS)
def test_no_line_is_wider_than_the_terminal_and_no_figure_is_lost(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[int, set[str]] = {}
    for width in WIDTHS:
        monkeypatch.setenv("COLUMNS", str(width))
        assert cli.main(command.split(" ")) in (0, 4, 5)
        text = capsys.readouterr().out
        assert text
        wide = [line for line in text.splitlines() if len(line) > width]
        assert not wide, "\n".join(wide[:5])
        found[width] = set(_NUMBER.findall(" ".join(text.split())))
    for width in WIDTHS[:-1]:
        assert not found[WIDTHS[-1]] - found[width], f"at {width} columns"


def test_a_table_that_is_too_wide_is_turned_on_its_side() -> None:
    fields = [
        Field("mode", ["alone", "mig:3g"], "left"),
        Field("GPU\nbusy %", ["81", "84"]),
        Field("band-\nwidth", ["24", "35"]),
        Field("tts.\nlimit", ["host", "GPU"], "left"),
    ]
    assert text_table(fields, width=25).splitlines() == [
        "mode        alone  mig:3g",
        "----------  -----  ------",
        "GPU busy %     81      84",
        "bandwidth      24      35",
        "tts.limit    host     GPU",
    ]


def test_a_row_that_fits_in_no_way_is_a_paragraph() -> None:
    fields = [Field("what", ["a name of some length"], "left"), Field("why", ["for a reason " * 4], "left")]
    assert text_table(fields, width=40).splitlines() == [
        "a name of some length",
        "  why  for a reason for a reason for a",
        "       reason for a reason",
    ]


def test_commands_to_copy_run_whatever_the_width() -> None:
    command = (
        "printf '%s\\n' compare /a/rather/long/path/to/a/scenario/that/somebody/has.json --set users=3 -v"
    )
    for width in (40, 60, 120):
        text = commands("Next", [(command, "every figure")], width)
        assert max(map(len, text.splitlines())) <= width
        shell = text.partition("\n")[2]
        done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True)
        assert done.stdout.split() == command.split()[2:]
    assert "  # every figure" in text
    assert commands("Next", [], 80) == ""


def test_parts_without_lines_are_left_out() -> None:
    assert section("How sure", ["", ""], 80) == ""
    assert pairs("Why", [], 80) == ""
    assert pairs("Why", [("a", "b " * 20)], 30).splitlines()[2].startswith("     b")


_CODES = re.compile(r"\033\[[\d;]*m")
_BOUND = ["--slo", "tts.first_audio_p95=1s", "--most-replications", "1"]


def _on_a_terminal(words: list[str], **environment: str) -> str:
    """What the command writes on a terminal of 80 columns."""
    first, second = pty.openpty()
    told = {**os.environ, "COLUMNS": "80", "TERM": "xterm", **environment}
    with subprocess.Popen(
        [sys.executable, "-m", "gpushare", *words], stdout=second, stderr=subprocess.DEVNULL, env=told
    ) as process:
        os.close(second)
        parts = []
        with contextlib.suppress(OSError):  # Linux says so that nobody writes any more
            while part := os.read(first, 65536):
                parts.append(part)
        process.wait()
    os.close(first)
    return b"".join(parts).decode().replace("\r\n", "\n")


def test_a_terminal_has_colours_that_change_no_width_and_say_what_words_say() -> None:
    words = ["compare", "voice-heavy", *_BOUND]
    plain = _on_a_terminal(words, NO_COLOR="1")
    assert "\033" not in plain
    assert "\033" not in _on_a_terminal(words, TERM="dumb")
    found = _on_a_terminal(words)
    assert _CODES.sub("", found) == plain
    painted = re.findall(r"\033\[[\d;]+m([^\033]+)\033\[0m", found)
    assert "\033[1;31mMISSED\033[0m" in found
    assert "\033[32mmet\033[0m" in found
    assert not any(text != text.strip() for text in painted)
    assert max(map(len, plain.splitlines())) <= 80


def test_json_on_a_terminal_has_no_colours() -> None:
    assert "\033" not in _on_a_terminal(["compare", "voice-light", "--json", *_BOUND])


def test_marks_are_painted_wherever_a_table_puts_their_cells() -> None:
    fields = [
        Field("mode", ["alone", "mig:3g"], "left", ["best", "tie"]),
        Field("all met?", ["met", "MISSED"], "left", ["met", "failing"]),
        Field("and a column with a rather long title", ["1", "2"]),
    ]
    for width in (80, 40, 24):
        plain = text_table(fields, width=width)
        with coloured(True):
            found = text_table(fields, width=width)
        assert _CODES.sub("", found) == plain
        assert "\033[1;31mMISSED\033[0m" in found
        assert "\033[32mmet\033[0m" in found
    with coloured(True):
        assert paint("two\n  lines ", "met") == "\033[32mtwo\033[0m\n  \033[32mlines\033[0m "
        assert paint("none", "") == "none"


def test_nothing_is_coloured_where_nobody_looks() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gpushare", "compare", "voice-light"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "\033" not in done.stdout + done.stderr
