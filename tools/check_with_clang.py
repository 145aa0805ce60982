#!/usr/bin/env python3
"""Read every source of a build tree with clang, warnings as errors: what g++ accepts, clang must accept too.

Usage: tools/check_with_clang.py [BUILD]    (build/release unless told; it must have been configured)
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def clang_command(clang: str, entry: dict[str, str]) -> list[str]:
    """Return the command that g++ was given, for clang, and without its output."""
    words = iter(shlex.split(entry["command"])[1:])
    command = [clang, "-fsyntax-only", "-Werror", "-Wno-unknown-warning-option"]
    for word in words:
        if word in ("-o", "-MF", "-MT", "-MQ"):
            next(words)
        elif word not in ("-c", "-MD", "-MMD"):
            command.append(word)
    return command


def main() -> int:
    """Check all files and print what clang says about those it refuses."""
    build = Path(sys.argv[1] if len(sys.argv) > 1 else "build/release")
    clang = shutil.which("clang++-14") or shutil.which("clang++")
    if clang is None:
        print("missing: clang++ (on Debian: apt-get install clang)", file=sys.stderr)
        return 1
    entries = json.loads((build / "compile_commands.json").read_text())
    ours = [entry for entry in entries if "_deps" not in Path(entry["file"]).parts]

    def check(entry: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            clang_command(clang, entry), cwd=entry["directory"], capture_output=True, text=True
        )

    workers = int(os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", os.cpu_count() or 1))
    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(check, ours))
    refused = [result for result in results if result.returncode != 0]
    for result in refused:
        print(result.stderr, file=sys.stderr)
    print(f"{clang}: {len(ours) - len(refused)} of {len(ours)} sources accepted")
    return 1 if refused or not ours else 0


if __name__ == "__main__":
    sys.exit(main())
