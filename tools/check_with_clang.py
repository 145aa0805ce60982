#!/usr/bin/env python3
"""Read every source by itself with clang, warnings as errors: what g++ accepts, clang must accept too.

Usage: tools/check_with_clang.py [--tidy]    (--tidy: with clang-tidy and the checks of .clang-tidy, which takes long)

The sources are those of the preset `clang`, a tree that is configured and never built. No file of the library is
merged with others there, so that an #include that is missing is found. The C++ tests are read together, for doctest
and JSON cost more than they; and the bindings' common header is read once. Clang-tidy gets everything file by file.
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

#: Of compile_commands.json: directory, file, command.
Entry = dict[str, str]


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


def read_command(entry: Entry) -> list[str]:
    """Return the command that reads a source and writes nothing."""
    words = iter(shlex.split(entry["command"]))
    command = []
    for word in words:
        if word == "-o":
            next(words)
        elif word != "-c":
            command.append(word)
    return [*command, "-fsyntax-only", "-Werror"]


def with_common_header(entries: list[Entry]) -> list[Entry]:
    """Read bindings/handles.hpp once for all who include it."""
    users = [
        entry
        for entry in entries
        if '#include "handles.hpp"' in Path(entry["file"]).read_text(encoding="utf-8")
    ]
    if not users:
        return entries
    common = BUILD / "handles.pch"
    header = str(ROOT / "bindings" / "handles.hpp")
    command = [*read_command(users[0])[:-3], "-x", "c++-header", header, "-o", str(common)]
    subprocess.run(command, cwd=users[0]["directory"], check=True)
    for entry in users:
        entry["command"] += f" -include-pch {common}"
    return entries


def with_merged_tests(entries: list[Entry], batches: int) -> list[Entry]:
    """Put the C++ tests together: each has a namespace of its own."""
    tests = [entry for entry in entries if Path(entry["file"]).parent == ROOT / "tests" / "cpp"]
    others = [entry for entry in entries if entry not in tests]
    for batch in range(batches):
        files = [entry["file"] for entry in tests[batch::batches]]
        merged = BUILD / f"tests_{batch}.cpp"
        merged.write_text("".join(f'#include "{file}"\n' for file in files), encoding="utf-8")
        command = tests[0]["command"].replace(tests[0]["file"], str(merged))
        others.insert(0, tests[0] | {"file": str(merged), "command": command})
    return others


def tidy_command(tidy: str) -> Callable[[Entry], list[str]]:
    """Return what makes the command that checks a source."""
    return lambda entry: [tidy, "--quiet", "--warnings-as-errors=*", "-p", str(BUILD), entry["file"]]


def main() -> int:
    """Check all files and print what clang says about those it refuses."""
    tidy = tidy_command(find("clang-tidy-14", "clang-tidy")) if "--tidy" in sys.argv[1:] else None
    configure(find("clang++-14", "clang++"))
    workers = int(os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", os.cpu_count() or 1))
    entries = json.loads((BUILD / "compile_commands.json").read_text(encoding="utf-8"))
    entries = [entry for entry in entries if BUILD not in Path(entry["file"]).parents]
    if not tidy:
        entries = with_common_header(with_merged_tests(entries, workers))

    def check(entry: Entry) -> bool:
        command = tidy(entry) if tidy else read_command(entry)
        done = subprocess.run(command, cwd=entry["directory"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(done.stdout, done.stderr, sep="\n", file=sys.stderr, flush=True)
        return done.returncode == 0

    with ThreadPoolExecutor(workers) as pool:
        accepted = sum(pool.map(check, entries))
    print(f"clang: {accepted} of {len(entries)} sources accepted")
    return 0 if accepted == len(entries) > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
