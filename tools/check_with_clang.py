#!/usr/bin/env python3
"""Read every source by itself with clang, warnings as errors: what g++ accepts, clang must accept too.

Usage: tools/check_with_clang.py [--tidy]    (--tidy: with clang-tidy and the checks of .clang-tidy, which takes long)

The sources are those of the preset `clang`, a tree that is configured and never built. No file is merged with others
there, so that an #include that is missing is found.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "clang"


def find(*names: str) -> str:
    """Return the first of these programs that is installed."""
    for name in names:
        if found := shutil.which(name):
            return found
    sys.exit(f"missing: {names[-1]} (on Debian: apt-get install {names[-1].rstrip('+')})")


def configure(clang: str) -> None:
    """Write the compile commands."""
    pybind11 = subprocess.run(
        ["python", "-m", "pybind11", "--cmakedir"], capture_output=True, text=True, check=True
    ).stdout.strip()
    command = ["cmake", "--preset", "clang", f"-DCMAKE_CXX_COMPILER={clang}", f"-Dpybind11_DIR={pybind11}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)


def read_command(entry: dict[str, str]) -> list[str]:
    """Return the command that reads a source and writes nothing."""
    words = iter(shlex.split(entry["command"]))
    command = []
    for word in words:
        if word == "-o":
            next(words)
        elif word != "-c":
            command.append(word)
    return [*command, "-fsyntax-only", "-Werror"]


def tidy_command(tidy: str) -> Callable[[dict[str, str]], list[str]]:
    """Return what makes the command that checks a source."""
    return lambda entry: [tidy, "--quiet", "--warnings-as-errors=*", "-p", str(BUILD), entry["file"]]


def main() -> int:
    """Check all files and print what clang says about those it refuses."""
    command = read_command
    if "--tidy" in sys.argv[1:]:
        command = tidy_command(find("clang-tidy-14", "clang-tidy"))
    configure(find("clang++-14", "clang++"))
    entries = json.loads((BUILD / "compile_commands.json").read_text(encoding="utf-8"))
    ours = [entry for entry in entries if BUILD not in Path(entry["file"]).parents]
    # The slowest to read first, so that no worker is left alone with one at the end.
    ours.sort(key=lambda entry: "bindings" not in entry["file"])

    def check(entry: dict[str, str]) -> bool:
        done = subprocess.run(
            command(entry), cwd=entry["directory"], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            print(done.stdout, done.stderr, sep="\n", file=sys.stderr, flush=True)
        return done.returncode == 0

    workers = int(os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", os.cpu_count() or 1))
    with ThreadPoolExecutor(workers) as pool:
        accepted = sum(pool.map(check, ours))
    print(f"clang: {accepted} of {len(ours)} sources accepted")
    return 0 if accepted == len(ours) > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
