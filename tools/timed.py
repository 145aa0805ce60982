#!/usr/bin/env python3
"""Time the steps of a build: run a command as one of them, or print the table of all.

Usage: tools/timed.py NAME COMMAND...    runs it, and adds its times to the file that GPUSHARE_STEPS names
       tools/timed.py                    prints the table of that file
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

STEPS = "GPUSHARE_STEPS"

ALL = "all (steps overlap)"

#: CPU seconds that the steps of .ci/run may take, so that all of them are ten minutes of two cores.
BUDGET_S = {
    "build tools of Python": 5,
    "formatting, floors and sizes": 6,
    "packages and typing of Python": 30,
    "clang builds with address and undefined-behaviour sanitizers": 310,
    "C++ tests under them": 160,
    "release library and wheel": 220,
    "a program outside the project": 8,
    "stub against the module": 11,
    "release build of the tests": 20,
    "release tests": 45,
    "pytest": 340,
}


def cpu_s() -> float:
    """Return the CPU seconds of all processes started here and waited for, and of their own."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def add(file: Path, name: str, began: float, cpu: float) -> None:
    """Add a step that began then and ends now."""
    with file.open("a", encoding="utf-8") as out:
        out.write(f"{name}\t{began:.2f}\t{time.time():.2f}\t{cpu:.2f}\n")


def table(file: Path) -> list[str]:
    """Return the lines of the table: CPU and wall seconds of each step in the order of their beginning, and of all.

    Beside the CPU seconds stands what the step may take; what takes more is marked, and to be made faster, or a part
    of it moved to `make test-all`.
    """
    rows = []
    for line in file.read_text(encoding="utf-8").splitlines():
        name, began, ended, cpu = line.split("\t")
        rows.append((float(began), float(ended), float(cpu), name))
    rows.sort()
    whole = max(ended for _, ended, *_ in rows) - rows[0][0]
    rows.append((0, whole, sum(cpu for *_, cpu, _ in rows), ALL))
    budget = BUDGET_S | {ALL: sum(BUDGET_S.values())}
    width = max(len(name) for *_, name in rows)
    lines = [f"{'step':{width}}    CPU s   budget   wall s"]
    for began, ended, cpu, name in rows:
        most = budget.get(name)
        over = "  over its budget" if most is not None and cpu > most else ""
        lines.append(f"{name:{width}} {cpu:8.0f} {most or '-':>8} {ended - began:8.0f}{over}")
    return lines


def main() -> int:
    """Run a step, or print the table."""
    file = Path(os.environ[STEPS])
    if len(sys.argv) == 1:
        print("\n".join(table(file)))
        return 0
    name, *command = sys.argv[1:]
    print(f"== {name}", flush=True)
    began = time.time()
    code = subprocess.run(command, check=False).returncode
    add(file, name, began, cpu_s())
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
