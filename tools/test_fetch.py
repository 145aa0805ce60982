#!/usr/bin/env python3
"""Configure without each package in turn and without a network: CMake must end with what is missing and what
gives it, and not with an error of git.

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
    if done.returncode == 0:
        return "configured all the same"
    said = " ".join(done.stderr.split())
    expected = [
        f"{package} is missing: it is not installed, and {repository} cannot be reached",
        f"apt-get install {debian}",
        f"-DFETCHCONTENT_SOURCE_DIR_{package.upper()}=FOLDER",
    ]
    missing = [text for text in expected if text not in said]
    if missing or said.count("CMake Error") != 1:
        return f"did not end with one error that says {missing}\n{done.stdout}{done.stderr}"
    return ""


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
