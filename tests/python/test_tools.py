"""The checks of the source tree, on trees made up for them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parent.parent.parent / "tools"


def run(tool: str, root: Path) -> tuple[int, list[str]]:
    """Return the exit code and the lines of a check of `root`."""
    done = subprocess.run(
        [sys.executable, str(TOOLS / tool), str(root)], capture_output=True, text=True, check=False
    )
    assert not done.stderr
    return done.returncode, done.stdout.splitlines()


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / "libgpushare" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


SOUND = {
    "include/gpushare/time.hpp": "#pragma once\n#include <vector>\n",
    "include/gpushare/mig.hpp": '#include "gpushare/time.hpp"\n',
    "include/gpushare/gpushare.hpp": '#include "gpushare/mig.hpp"\n',
    "src/core/clock.hpp": '#include "gpushare/time.hpp"\n',
    "src/hardware/mig.cpp": '#include "gpushare/mig.hpp"\n#include "core/clock.hpp"\n#include <nlohmann/json.hpp>\n',
    "src/traces/csv.hpp": '#include "core/clock.hpp"\n',
    "src/models/llm.hpp": '#include "traces/csv.hpp"\n',
}


def test_a_tree_whose_includes_go_down_is_sound(tmp_path: Path) -> None:
    write(tmp_path, SOUND)
    assert run("check_floors.py", tmp_path) == (0, ["floors: every include goes down"])


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (
            "src/core/clock.cpp",
            '#include <chrono>\n\n#  include "hardware/mig.hpp"\n',
            "libgpushare/src/core/clock.cpp:3: includes hardware/mig.hpp of floor 2: "
            "core/ is on floor 1 and may use: core",
        ),
        (
            "src/core/clock.cpp",
            '#include "gpushare/mig.hpp"\n',
            "libgpushare/src/core/clock.cpp:1: includes gpushare/mig.hpp of floor 2: "
            "core/ is on floor 1 and may use: core",
        ),
        (
            "include/gpushare/errors.hpp",
            "#include <gpushare/mig.hpp>\n",
            "libgpushare/include/gpushare/errors.hpp:1: includes gpushare/mig.hpp of floor 2: "
            "core/ is on floor 1 and may use: core",
        ),
        (
            "include/gpushare/mig.hpp",
            '#include "core/clock.hpp"\n',
            "libgpushare/include/gpushare/mig.hpp:1: a public header includes core/clock.hpp: "
            "it may include public ones alone",
        ),
        (
            "src/hardware/mig.cpp",
            '#include "gpushare/gpushare.hpp"\n',
            "libgpushare/src/hardware/mig.cpp:1: includes the umbrella: name the headers that it needs",
        ),
        (
            "src/attic/box.cpp",
            "",
            "libgpushare/src/attic/box.cpp:1: has no floor: give it one in FLOORS of tools/check_floors.py",
        ),
        (
            "include/gpushare/box.hpp",
            "",
            "libgpushare/include/gpushare/box.hpp:1: has no floor: give it one in HEADERS of tools/check_floors.py",
        ),
    ],
)
def test_an_include_that_does_not_go_down_is_told(tmp_path: Path, file: str, text: str, said: str) -> None:
    write(tmp_path, SOUND | {file: text})
    assert run("check_floors.py", tmp_path) == (1, [said])


def test_a_circle_of_rooms_is_told_with_its_includes(tmp_path: Path) -> None:
    write(tmp_path, SOUND | {"src/traces/json.cpp": '#include "gpushare/model.hpp"\n'})
    code, lines = run("check_floors.py", tmp_path)
    assert code == 1
    around = "of the circle models -> traces -> models: one of these rooms must do without the next"
    assert lines == [
        f"libgpushare/src/models/llm.hpp:1: includes traces/csv.hpp, part {around}",
        f"libgpushare/src/traces/json.cpp:1: includes gpushare/model.hpp, part {around}",
    ]


def functions(count: int) -> str:
    return "".join(f"  void f{number}();\n" for number in range(count))


def lines(count: int) -> str:
    return "".join(f"  work({number});\n" for number in range(count))


needs_ctags = pytest.mark.skipif(
    shutil.which("ctags-universal") is None and shutil.which("ctags") is None,
    reason="Universal Ctags (apt-get install universal-ctags) is not installed",
)


@needs_ctags
def test_sizes_within_the_limits_are_sound(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "src/core/box.hpp": f"class Box {{\n{functions(25)}  void f1(int);\n}};\n",
            "src/core/lid.hpp": f"struct Lid {{\n{functions(25)}}};\n",
            "src/core/box.cpp": f"void Box::f0() {{\n{lines(63)}}}\n",
            "src/core/long.cpp": "\n" * 400,
        },
    )
    assert run("check_sizes.py", tmp_path)[0] == 0


@needs_ctags
@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (
            "src/core/box.hpp",
            f"class Box {{\n{functions(26)}}};\n",
            "1: class Box has 26 functions: at most 25",
        ),
        (
            "src/core/box.hpp",
            f"struct Box {{\n{functions(20)}  struct Lid {{\n{functions(26)}}};\n}};\n",
            "22: class Lid has 26 functions: at most 25",
        ),
        (
            "src/core/box.cpp",
            f"\nauto pack(int x) -> int {{\n{lines(64)}}}\n",
            "2: function pack has 66 lines: at most 65",
        ),
        ("src/core/box.cpp", "\n" * 401, "1: file libgpushare/src/core/box.cpp has 401 lines: at most 400"),
    ],
)
def test_what_is_too_large_is_told(tmp_path: Path, file: str, text: str, said: str) -> None:
    write(tmp_path, {file: text})
    assert run("check_sizes.py", tmp_path) == (1, [f"libgpushare/{file}:{said}"])


@needs_ctags
def test_python_counts_without_docstrings_and_protocols(tmp_path: Path) -> None:
    folder = tmp_path / "bindings" / "gpushare"
    folder.mkdir(parents=True)
    methods = "".join(f"    def f{number}(self): ...\n" for number in range(25))
    docstring = '    """' + "Words.\n" * 70 + '    """\n'
    (folder / "box.py").write_text(
        f"class Box:\n    def __init__(self): ...\n{methods}\n\ndef pack():\n{docstring}    return 1\n",
        encoding="utf-8",
    )
    assert run("check_sizes.py", tmp_path)[0] == 0
    (folder / "box.py").write_text(
        f"class Box:\n{methods}    def more(self): ...\n\n\ndef pack():\n" + "    work()\n" * 65,
        encoding="utf-8",
    )
    assert run("check_sizes.py", tmp_path) == (
        1,
        [
            "bindings/gpushare/box.py:1: class Box has 26 functions: at most 25",
            "bindings/gpushare/box.py:30: function pack has 66 lines: at most 65",
        ],
    )
