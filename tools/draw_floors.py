#!/usr/bin/env python3
"""Draw the floors of the C++ library into docs/floors.svg.

Usage: tools/draw_floors.py [--check]    (--check: exit 1 when the picture is not of today's floors)
"""

import sys
from html import escape
from pathlib import Path

import check_floors

#: What a newcomer finds in each room.
ROOMS = {
    "core": "time, event queue, luck, statistics, text, JSON, catalogues",
    "hardware": "GPU profiles, MIG, partitions, demand to time",
    "sharing": "executors, the law of contention, power",
    "models": "a file for each kind of network",
    "traces": "files to traces",
    "serving": "engines and their options",
    "traffic": "arrivals, calls",
    "placement": "modes, what fits, who serves whom",
    "control": "policies of a fleet that follows its load",
    "results": "figures, bottleneck, tables, run log",
    "documents": "JSON to workload and placement",
    "simulation": "the kernel, its parts, a fleet that changes",
    "calibration": "measured runs to constants",
    "planning": "search over placements",
    "clusters": "nodes, pods, packing",
}
WIDTH, HEIGHT, GAP, LEFT, TOP = 880, 54, 8, 40, 34
FILL, LINE, TEXT, SOFT = "#eef3f8", "#5b7a99", "#1b2a38", "#51606e"


def box(x: float, y: float, width: float, room: str) -> str:
    """Return one room."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{HEIGHT}" rx="4" fill="{FILL}" stroke="{LINE}"/>'
        f'<text x="{x + 12:g}" y="{y + 22:g}" font-weight="600" fill="{TEXT}">{escape(room)}/</text>'
        f'<text x="{x + 12:g}" y="{y + 41:g}" font-size="12" fill="{SOFT}">{escape(ROOMS[room])}</text>'
    )


def draw(root: Path) -> str:
    """Return the picture of the rooms that are there."""
    floors = [
        (number, [room for room in rooms if (root / check_floors.SOURCES / room).is_dir()])
        for number, rooms in enumerate(check_floors.FLOORS, start=1)
    ]
    floors = [(number, rooms) for number, rooms in floors if rooms]
    height = TOP + len(floors) * (HEIGHT + GAP) + 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' font-family="system-ui, sans-serif" font-size="14">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="20" fill="{SOFT}" font-size="12">libgpushare/src: a room uses its own floor and'
        " those below it</text>",
    ]
    for row, (number, rooms) in enumerate(reversed(floors)):
        y = TOP + row * (HEIGHT + GAP)
        parts.append(f'<text x="14" y="{y + 33:g}" fill="{SOFT}">{number}</text>')
        width = (WIDTH - LEFT - GAP - (len(rooms) - 1) * GAP) / len(rooms)
        parts += [box(LEFT + i * (width + GAP), y, width, room) for i, room in enumerate(rooms)]
    return "\n".join([*parts, "</svg>", ""])


def main() -> int:
    """Write or check the picture."""
    root = Path(__file__).resolve().parent.parent
    picture = root / "docs" / "floors.svg"
    wanted = draw(root)
    if "--check" in sys.argv[1:]:
        if not picture.exists() or picture.read_text(encoding="utf-8") != wanted:
            print(f"{picture.relative_to(root)}: is not of today's floors; run tools/draw_floors.py")
            return 1
        return 0
    picture.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
