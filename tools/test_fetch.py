#!/usr/bin/env python3
"""Configure without each package in turn and without a network: CMake must say what it lacks and where it looked.

Usage: tools/test_fetch.py
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEPENDENCIES = ROOT / "cmake" / "Dependencies.cmake"

#: Makes git look for every repository where there is none.
NO_NETWORK = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "url.file:///nowhere/.insteadOf",
    "GIT_CONFIG_VALUE_0": "https://",
}


def problem(package: str, debian: str, repository: str) -> str:
    """Return what is wrong with what CMake says without this package; empty when it says all."""
    with tempfile.TemporaryDirectory() as build:
        done = subprocess.run(
            ["cmake", "-S", ROOT, "-B", build, f"-DCMAKE_DISABLE_FIND_PACKAGE_{package}=ON"],
            env=os.environ | NO_NETWORK,
            capture_output=True,
            text=True,
            check=False,
        )
    said = f"{package} is not installed (on Debian: {debian}); fetching"
    if done.returncode == 0:
        return "configured all the same"
    line = next((line for line in done.stdout.splitlines() if said in line), "")
    return (
        "" if repository in line else f"did not say: {said} ... from {repository}\n{done.stdout}{done.stderr}"
    )


def main() -> int:
    """Try every package."""
    text = DEPENDENCIES.read_text(encoding="utf-8")
    packages = re.findall(r"^gpushare_package\((\w+) (\S+) \S+ (\S+)", text, re.MULTILINE)
    problems = {package: found for package, *rest in packages if (found := problem(package, *rest))}
    for package, found in problems.items():
        print(f"without {package}: {found}", file=sys.stderr)
    print(
        f"{len(packages) - len(problems)} of {len(packages)} packages are named when they cannot be fetched"
    )
    return 1 if problems or not packages else 0


if __name__ == "__main__":
    sys.exit(main())
