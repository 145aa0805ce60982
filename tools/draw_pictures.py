#!/usr/bin/env python3
"""Draws the pictures of README.md and the site into docs/pictures: the decision of voice-heavy, and how predictions do.

usage: tools/draw_pictures.py

Drawn by hand as SVG and not by a plotting package, whose versions differ by bytes: a test compares the files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import gpushare as gs
from gpushare.validation import Report, run_suite
from gpushare.validation.accuracy import committed

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
INK, SOFT, LINE, GRID = "#1b2a38", "#51606e", "#5b7a99", "#dfe6ec"
#: Blue and vermilion of Okabe and Ito: told apart by everyone, and by filled and hollow too.
GOOD, BAD, BAND = "#0072b2", "#d55e00", "#e3eef7"


@dataclass
class Picture:
    """A drawing on a white card, with what it shows as a text for those who do not see it."""

    width: float
    height: float
    title: str
    parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, words: str, **style: Any) -> None:
        """Words, from the left unless `anchor` says otherwise."""
        size, weight = style.get("size", 12), style.get("weight", 400)
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" '
            f'text-anchor="{style.get("anchor", "start")}" fill="{style.get("fill", SOFT)}">{escape(words)}</text>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, **style: Any) -> None:
        """A straight line."""
        dashes = f' stroke-dasharray="{style["dashes"]}"' if "dashes" in style else ""
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{style.get("stroke", GRID)}" '
            f'stroke-width="{style.get("width", 1)}"{dashes}/>'
        )

    def dot(
        self, x: float, y: float, radius: float, colour: str, *, hollow: bool = False, faint: bool = False
    ) -> None:
        """A disc, or a ring."""
        fill = f'fill="#ffffff" stroke="{colour}" stroke-width="2"' if hollow else f'fill="{colour}"'
        opacity = ' fill-opacity="0.45"' if faint else ""
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" {fill}{opacity}/>')

    def shape(self, points: Sequence[tuple[float, float]], fill: str) -> None:
        """A filled polygon."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polygon points="{path}" fill="{fill}"/>')

    def svg(self) -> str:
        """The file."""
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {self.height:g}" '
                f'width="{self.width:g}" height="{self.height:g}" role="img" font-family="system-ui, sans-serif">',
                f"<title>{escape(self.title)}</title>",
                f'<rect width="{self.width:g}" height="{self.height:g}" rx="6" fill="#ffffff"/>',
                *self.parts,
                "</svg>",
                "",
            ]
        )


def log_scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """Positions of values from `low` to `high`, in decades."""
    return lambda value: start + (end - start) * math.log(value / low) / math.log(high / low)


def decades(low: float, high: float) -> Iterator[float]:
    """1, 10, 100, ... between two values."""
    for power in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1):
        yield 10.0**power


# --- the decision ------------------------------------------------------------------------------------------------

SCENARIO, FIGURE, BOUND = "voice-heavy", "voice_to_voice_p95_s", 3.0


def decision() -> str:
    """What each mode costs, and how long users of voice-heavy wait, beside what they are to wait at most."""
    table = gs.compare(SCENARIO, slo=[f"{FIGURE}={BOUND:g}s"])
    found = [
        (mode, float(one[FIGURE]), float(one["cost_per_month"])) for mode, one in table.summaries.items()
    ]
    mode = table.verdict.mode
    if not table.verdict.share or mode is None:
        raise SystemExit(f"{SCENARIO}: nothing is shared any more; another bound makes a better picture")
    taken, alone = table.summaries[mode], table.summaries["dedicated"]
    said = f"{mode}: {float(taken['gpus_used']):.0f} GPUs instead of {float(alone['gpus_used']):.0f}"
    saved = f"${float(alone['cost_per_month']) - float(taken['cost_per_month']):,.0f} a month less"
    picture = Picture(760, 342, f"{SCENARIO}: {said}, {saved}")
    picture.text(24, 32, f"Share, by {said}, {saved}", size=15, weight=600, fill=INK)
    picture.text(
        24, 52, "A voice agent, 50 users: cost, and the time from the end of speech to the first audio (p95)"
    )
    left, right, top, bottom = 84, 736, 92, 292
    high_x = max(wait for _, wait, _ in found) * 1.35
    high_y = max(cost for _, _, cost in found) * 1.15
    at_x = log_scale(min(wait for _, wait, _ in found) / 1.9, high_x, left, right)
    asked = at_x(BOUND)
    picture.shape([(left, top), (asked, top), (asked, bottom), (left, bottom)], BAND)
    for cost in range(0, int(high_y), 1000):
        y = bottom - (bottom - top) * cost / high_y
        picture.line(left, y, right, y)
        picture.text(left - 8, y + 4, f"${cost:,}", anchor="end")
    picture.text(left - 60, top - 10, "$ a month")
    for wait in (1, 1.5, 2, 3, 4, 6, 8, 10):
        if left <= at_x(wait) <= right:
            picture.line(at_x(wait), bottom, at_x(wait), bottom + 5, stroke=LINE)
            picture.text(at_x(wait), bottom + 20, f"{wait:g} s", anchor="middle")
    picture.line(left, bottom, right, bottom, stroke=LINE)
    picture.line(asked, top, asked, bottom, stroke=INK, width=1.5, dashes="5 4")
    picture.text(asked + 6, top + 14, f"asked: at most {BOUND:g} s", fill=INK, weight=600)
    level: dict[float, int] = {}
    for mode, wait, cost in sorted(found, key=lambda one: one[1]):
        x, y = at_x(wait), bottom - (bottom - top) * cost / high_y
        met = wait <= BOUND
        picture.dot(x, y, 7, GOOD if met else BAD, hollow=not met)
        below = level.setdefault(cost, 0) % 2 == 1 and met  # neighbours of one price by turns
        level[cost] += 1
        anchor = "end" if met and asked - x < 90 else "middle"
        at = x + 7 if anchor == "end" else x
        picture.text(at, y + 24 if below else y - 14, f"{mode}, {wait:.2f} s", anchor=anchor, fill=INK)
    picture.dot(left + 8, 330, 5, GOOD)
    picture.text(left + 20, 334, "keeps to it")
    picture.dot(left + 108, 330, 5, BAD, hollow=True)
    picture.text(left + 120, 334, "misses it")
    return picture.svg()


# --- predictions -------------------------------------------------------------------------------------------------

#: What a panel shows: its heading, the suites, and which of their modes.
PANELS = (
    ("Shared GPU: 13 co-runs on one H200", ("h200", "h200-second"), ("time-slicing", "mps", "mps-capped")),
    ("vLLM server on one H200", ("vllm-h200",), ("alone",)),
    ("Speech on A100 and H100", ("speech-nim",), ("a100", "h100")),
)
SCATTERED = tuple(dict.fromkeys(suite for _, suites, _ in PANELS for suite in suites))


def predictions(reports: dict[str, Report]) -> str:
    """Every predicted latency of the headline suites beside the measured one."""
    picture = Picture(960, 386, "Predicted latencies against measured ones")
    picture.text(
        24,
        30,
        "Predicted against measured latencies, which calibration had not seen",
        size=15,
        weight=600,
        fill=INK,
    )
    picture.text(
        24,
        50,
        "Each point is one figure, in milliseconds on both axes; the band is 10 % either way, the line is exact",
    )
    for place, (heading, suites, modes) in enumerate(PANELS):
        rows = [
            (row.measured, row.predicted)
            for suite in suites
            for row in reports[suite].rows
            if row.role == "prediction" and row.mode in modes and row.unit == "ms"
        ]
        panel(picture, 52 + place * 308, heading, rows)
    return picture.svg()


def panel(picture: Picture, left: float, heading: str, rows: Sequence[tuple[float, float]]) -> None:
    """One square with its points."""
    size, top = 250.0, 106.0
    low = min(min(row) for row in rows) / 1.3
    high = max(max(row) for row in rows) * 1.3
    at_x, at_y = log_scale(low, high, left, left + size), log_scale(low, high, top + size, top)
    picture.text(left, top - 26, heading, weight=600, fill=INK)
    picture.text(left, top - 10, f"{len(rows)} figures")
    picture.shape([(left, at_y(low)), (at_x(low * 1.1), at_y(low)), (left + size, at_y(high / 1.1)), (left + size, top),
                   (at_x(high / 1.1), top), (left, at_y(low * 1.1))], BAND)  # fmt: skip
    for value in decades(low, high):
        picture.line(at_x(value), top, at_x(value), top + size)
        picture.line(left, at_y(value), left + size, at_y(value))
        picture.text(at_x(value), top + size + 18, f"{value:,.15g}", anchor="middle")
        picture.text(left - 6, at_y(value) + 4, f"{value:,.15g}", anchor="end")
    picture.line(left, top + size, left + size, top, stroke=LINE)
    for measured, predicted in rows:
        picture.dot(at_x(measured), at_y(predicted), 3.2, GOOD, faint=True)
    picture.line(left, top + size, left + size, top + size, stroke=LINE)
    picture.line(left, top, left, top + size, stroke=LINE)


def errors() -> str:
    """Median and 90th percentile of the errors of every suite and mode, as they are committed."""
    found = [
        (f"{suite}: {mode}", one["median_abs_error"], one["p90_abs_error"], one["n"])
        for suite, modes in committed().items()
        for mode, one in modes.items()
    ]
    top, row, left, right = 92, 19, 330, 860
    picture = Picture(960, top + row * len(found) + 30, "Errors of all suites")
    picture.text(24, 30, "How far off, suite by suite", size=15, weight=600, fill=INK)
    picture.text(
        24,
        50,
        "|predicted / measured - 1|: the disc is the median, the ring the 90th percentile, at right how many figures",
    )
    high = max(one[2] for one in found)
    limit = math.ceil(high * 10) / 10

    def at(error: float) -> float:
        return left + (right - left) * error / limit

    for step in range(int(limit * 10 + 0.5) + 1):
        picture.line(at(step / 10), top - 10, at(step / 10), top + row * len(found))
        picture.text(at(step / 10), top - 16, f"{step * 10} %", anchor="middle")
    for place, (name, median, ninth, count) in enumerate(found):
        y = top + row * place + 10
        picture.text(left - 14, y + 4, name, anchor="end", fill=INK)
        picture.line(at(median), y, at(ninth), y, stroke=LINE, width=2)
        picture.dot(at(ninth), y, 4, GOOD, hollow=True)
        picture.dot(at(median), y, 4.5, GOOD)
        picture.text(right + 56, y + 4, f"{count}", anchor="end")
    return picture.svg()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    reports = {suite: run_suite(suite, None) for suite in SCATTERED}
    drawn = {"decision": decision(), "predictions": predictions(reports), "errors": errors()}
    for name, text in drawn.items():
        (FOLDER / f"{name}.svg").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
