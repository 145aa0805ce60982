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


def cpu_s() -> float:
    """Return the CPU seconds of all processes started here and waited for, and of their own."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def add(file: Path, name: str, began: float, cpu: float) -> None:
    """Add a step that began then and ends now."""
    with file.open("a", encoding="utf-8") as out:
        out.write(f"{name}\t{began:.2f}\t{time.time():.2f}\t{cpu:.2f}\n")


def table(file: Path) -> list[str]:
    """Return the lines of the table: CPU and wall seconds of each step in the order of their beginning, and of all."""
    rows = []
    for line in file.read_text(encoding="utf-8").splitlines():
        name, began, ended, cpu = line.split("\t")
        rows.append((float(began), float(ended), float(cpu), name))
    rows.sort()
    width = max(len(name) for *_, name in rows)
    lines = [f"{'step':{width}}    CPU s   wall s"]
    lines += [f"{name:{width}} {cpu:8.0f} {ended - began:8.0f}" for began, ended, cpu, name in rows]
    whole = max(ended for _, ended, *_ in rows) - rows[0][0]
    total = sum(cpu for *_, cpu, _ in rows)
    return [*lines, f"{'all (steps overlap)':{width}} {total:8.0f} {whole:8.0f}"]


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
