#!/usr/bin/env python3
"""Hold the floors of the C++ library: a room uses its own floor and those below, and no circle joins two rooms.

Usage: tools/check_floors.py [ROOT]    (the folder that holds libgpushare/; the project's own unless told)
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: The folders of libgpushare/src, from the ground up.
FLOORS = (
    ("core",),
    ("hardware",),
    ("sharing", "models", "traces"),
    ("serving", "traffic"),
    ("placement",),
    ("control",),
    ("results", "documents"),
    ("simulation", "calibration"),
    ("planning", "clusters"),
)

#: The room to which each public header belongs. The umbrella has none: it includes all, and nothing includes it.
UMBRELLA = "gpushare.hpp"
HEADERS = {
    "actions.hpp": "control",
    "arrivals.hpp": "traffic",
    "bounds.hpp": "planning",
    "calibration.hpp": "calibration",
    "calls.hpp": "traffic",
    "capacity.hpp": "planning",
    "cluster_run.hpp": "clusters",
    "clusters.hpp": "clusters",
    "control.hpp": "control",
    "demand.hpp": "hardware",
    "engine.hpp": "models",
    "engines.hpp": "serving",
    "errors.hpp": "core",
    "event_queue.hpp": "core",
    "fields.hpp": "core",
    "faults.hpp": "sharing",
    "figures.hpp": "results",
    "fits.hpp": "placement",
    "json_rows.hpp": "traces",
    "judgement.hpp": "planning",
    "memory.hpp": "models",
    "mig.hpp": "hardware",
    "model.hpp": "models",
    "objectives.hpp": "placement",
    "placement.hpp": "placement",
    "plan.hpp": "planning",
    "profile.hpp": "hardware",
    "provenance.hpp": "core",
    "random.hpp": "core",
    "run_log.hpp": "results",
    "scenario.hpp": "documents",
    "sharing.hpp": "sharing",
    "simulation.hpp": "simulation",
    "statistics.hpp": "core",
    "summary.hpp": "results",
    "table.hpp": "core",
    "time.hpp": "core",
    "trace.hpp": "traces",
    "warnings.hpp": "documents",
    "what_if.hpp": "planning",
    "workload.hpp": "placement",
    "yaml.hpp": "core",
}

#: Includes that go up and are known: file and what it includes. One that is gone must go from here too.
EXEMPT: set[tuple[str, str]] = set()

PUBLIC = "libgpushare/include/gpushare"
SOURCES = "libgpushare/src"
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]')


@dataclass(frozen=True)
class Include:
    """One #include of ours, with the rooms that it joins."""

    file: str
    line: int
    what: str
    of: str
    to: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def floor_of(room: str) -> int:
    """Return the number of a room's floor, the ground being 1; zero when it has none."""
    return next((number for number, rooms in enumerate(FLOORS, 1) if room in rooms), 0)


def legal(room: str) -> str:
    """Say what a room may use."""
    rooms = [name for rooms in FLOORS[: floor_of(room)] for name in rooms]
    return f"{room}/ is on floor {floor_of(room)} and may use: {', '.join(rooms)}"


def room_of(path: str, headers: dict[str, str]) -> str | None:
    """Return the room of a path as it stands in an #include; None when it is not ours."""
    folder, _, name = path.partition("/")
    if folder == "gpushare" and name:
        return headers.get(name, "")
    return folder if name and floor_of(folder) else None


def files_of(root: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield every source and header with its room and how an #include names it."""
    for path in sorted((root / SOURCES).rglob("*.[chi][pn][pl]")):
        name = path.relative_to(root / SOURCES).as_posix()
        yield path, name.split("/")[0], name
    for path in sorted((root / PUBLIC).glob("*.hpp")):
        if path.name != UMBRELLA:
            yield path, HEADERS.get(path.name, ""), f"gpushare/{path.name}"


def read(root: Path) -> tuple[list[Include], list[str]]:
    """Return the includes between our own files, and what is wrong with files that have no floor."""
    includes, problems = [], []
    for path, room, name in files_of(root):
        file = path.relative_to(root).as_posix()
        if not floor_of(room):
            table = "HEADERS" if name.startswith("gpushare/") else "FLOORS"
            problems.append(f"{file}:1: has no floor: give it one in {table} of tools/check_floors.py")
            continue
        for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = INCLUDE.match(text)
            target = found and room_of(found[1], HEADERS)
            if not found or target is None:
                continue
            if name.startswith("gpushare/") and not found[1].startswith("gpushare/"):
                problems.append(
                    f"{file}:{line}: a public header includes {found[1]}: it may include public ones alone"
                )
            elif found[1] == f"gpushare/{UMBRELLA}":
                problems.append(f"{file}:{line}: includes the umbrella: name the headers that it needs")
            elif target:
                includes.append(Include(file, line, found[1], room, target))
    return includes, problems


def upward(includes: list[Include]) -> list[Include]:
    """Return the includes of a higher floor."""
    return [include for include in includes if floor_of(include.to) > floor_of(include.of)]


def circle(includes: list[Include]) -> list[Include]:
    """Return one include for each step of a circle of rooms; none when there is no circle."""
    edges: dict[str, dict[str, Include]] = {}
    for include in includes:
        if include.of != include.to:
            edges.setdefault(include.of, {}).setdefault(include.to, include)

    done: set[str] = set()

    def walk(room: str, way: list[Include]) -> list[Include]:
        visited = [step.of for step in way]
        if room in visited:
            return way[visited.index(room) :]
        if room in done:
            return []
        for include in edges.get(room, {}).values():
            if found := walk(include.to, [*way, include]):
                return found
        done.add(room)
        return []

    return next((found for room in sorted(edges) if (found := walk(room, []))), [])


def check(root: Path, exempt: set[tuple[str, str]]) -> list[str]:
    """Return what is wrong, a line each."""
    includes, problems = read(root)
    up = upward(includes)
    known = [include for include in up if (include.file, include.what) in exempt]
    for include in up:
        if include not in known:
            floor = floor_of(include.to)
            problems.append(f"{include}: includes {include.what} of floor {floor}: {legal(include.of)}")
    for file, what in sorted(exempt - {(include.file, include.what) for include in known}):
        problems.append(
            f"{file}:1: no longer includes {what}: take it out of EXEMPT of tools/check_floors.py"
        )
    steps = circle([include for include in includes if include not in up])
    for step in steps:
        problems.append(
            f"{step}: includes {step.what}, part of the circle "
            f"{' -> '.join([*(one.of for one in steps), steps[0].of])}: one of these rooms must do without the next"
        )
    return problems


def main() -> int:
    """Check the tree and print what is wrong."""
    own = Path(__file__).resolve().parent.parent
    root = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else own
    problems = check(root, EXEMPT if root == own else set())
    print("\n".join(problems) or "floors: every include goes down")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
