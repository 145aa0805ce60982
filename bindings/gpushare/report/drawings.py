"""Charts as SVG, each row of which can be reached by keyboard and says its values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from .content import Dots, Effect, Tornado
from .markup import Markup, tag

__all__ = ["dots", "nice_end", "tornado"]

_WIDTH, _SIDE, _ROW, _TOP = 360.0, 6.0, 46.0, 8.0


def nice_end(largest: float) -> float:
    """The end of an axis that holds a value: 1, 1.5, 2, 3, 4, 5, 6, 8 or 10 times a power of ten."""
    if not largest > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    return next(
        step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= largest * (1 - 1e-12)
    )


def _said(value: float, unit: str) -> str:
    return (
        "none"
        if math.isnan(value)
        else f"{value:,.3g} {unit}".rstrip()
        if value < 1000
        else f"{value:,.0f} {unit}"
    )


def _unit(unit: str, largest: float) -> tuple[float, str]:
    """Seconds as people say them."""
    return (1000.0, "ms") if unit == "s" and largest < 1 else (1.0, unit)


def _axis(low: float, high: float, bottom: float, unit: str, to_x: Callable[[float], float]) -> list[Markup]:
    found = [tag("line", x1=to_x(low), x2=to_x(high), y1=bottom, y2=bottom, class_="axis")]
    middle = (low + high) / 2
    for value, anchor in ((low, "start"), (middle, "middle"), (high, "end")):
        found.append(
            tag("text", _said(value, unit), x=to_x(value), y=bottom + 15, text_anchor=anchor, class_="tick")
        )
    return found


def _bound(bound: float, to_x: Callable[[float], float], bottom: float, said: str) -> list[Markup]:
    x = to_x(bound)
    anchor = "end" if x > _WIDTH / 2 else "start"
    shift = -4 if anchor == "end" else 4
    return [
        tag("line", x1=x, x2=x, y1=_TOP + 8, y2=bottom, class_="bound"),
        tag("text", f"bound {said}", x=x + shift, y=_TOP + 6, text_anchor=anchor, class_="tick"),
    ]


def dots(chart: Dots) -> Markup:
    """A row for each mode: p50 as a ring, p95 as a disc, p99 as a bar, and the bound as a line."""
    known = [v for row in chart.values for v in row if not math.isnan(v)]
    # A bound at the end would stand in the figures.
    largest = max([*known, 0.0 if math.isnan(chart.bound) else 1.3 * chart.bound], default=1.0)
    factor, unit = _unit(chart.unit, largest)
    end = nice_end(largest * factor)
    top = _TOP + (14.0 if not math.isnan(chart.bound) else 0.0)
    bottom = top + _ROW * len(chart.modes) + 2

    def to_x(value: float) -> float:
        return _SIDE + (_WIDTH - 2 * _SIDE) * value / end

    parts = _axis(0.0, end, bottom, unit, to_x)
    if not math.isnan(chart.bound):
        parts += _bound(chart.bound * factor, to_x, bottom, _said(chart.bound * factor, unit))
    for i, (mode, values) in enumerate(zip(chart.modes, chart.values, strict=True)):
        scaled = [value * factor for value in values]
        parts.append(_dot_row(mode, scaled, unit, top + i * _ROW, to_x, mode == chart.chosen))
    title = tag("figcaption", tag("strong", chart.title), f" {chart.meaning}" if chart.meaning else "")
    label = f"{chart.title} by mode"
    drawn = tag("svg", *parts, viewBox=f"0 0 {_WIDTH:g} {bottom + 22:g}", role="group", aria_label=label)
    return tag("figure", title, drawn, class_="chart")


def _dot_row(
    mode: str, values: Sequence[float], unit: str, top: float, to_x: Callable[[float], float], chosen: bool
) -> Markup:
    names = ("p50", "p95", "p99")
    said = ", ".join(f"{name} {_said(v, unit)}" for name, v in zip(names, values, strict=True))
    y = top + 30
    parts = [
        tag("rect", x=0, y=top, width=_WIDTH, height=_ROW - 2, rx=4, class_="target"),
        tag("text", mode, x=_SIDE, y=top + 16, class_="label"),
        tag(
            "text",
            f"p95 {_said(values[1], unit)}",
            x=_WIDTH - _SIDE,
            y=top + 16,
            text_anchor="end",
            class_="value",
        ),
    ]
    p50, p95, p99 = values
    if not math.isnan(p50) and not math.isnan(p99):
        parts.append(tag("line", x1=to_x(p50), x2=to_x(p99), y1=y, y2=y, class_="range"))
        parts.append(tag("line", x1=to_x(p99), x2=to_x(p99), y1=y - 6, y2=y + 6, class_="p99"))
    if not math.isnan(p95):
        parts.append(tag("circle", cx=to_x(p95), cy=y, r=5, class_="p95"))
    if not math.isnan(p50):
        parts.append(tag("circle", cx=to_x(p50), cy=y, r=4, class_="p50"))
    return tag(
        "g",
        *parts,
        class_="row chosen" if chosen else "row",
        tabindex=0,
        role="img",
        aria_label=f"{mode}: {said}",
        data_mode=mode,
        data_said=f"{mode}: {said}",
    )


def tornado(chart: Tornado) -> Markup:
    """A row for each change, from the figure at its low value to that at its high one; the largest first."""
    ends = [v for e in chart.effects for v in (e.at_low, e.at_high) if not math.isnan(v)]
    bounds = [chart.bound] if _is_near(chart.bound, [*ends, chart.base]) else []
    known = [v for v in (*ends, chart.base, *bounds) if not math.isnan(v)]
    factor, unit = _unit(chart.unit, max(map(abs, known), default=1.0))
    low, high = min(known, default=0.0) * factor, max(known, default=1.0) * factor
    if high <= low:
        low, high = min(0.0, low), max(1.0, high)
    top = _TOP + 14.0
    bottom = top + _ROW * len(chart.effects) + 2

    def to_x(value: float) -> float:
        return _SIDE + (_WIDTH - 2 * _SIDE) * (value - low) / (high - low)

    parts = _axis(low, high, bottom, unit, to_x)
    if bounds:
        parts += _bound(chart.bound * factor, to_x, bottom, _said(chart.bound * factor, unit))
    base = to_x(chart.base * factor)
    parts.append(tag("line", x1=base, x2=base, y1=top, y2=bottom, class_="base"))
    for i, effect in enumerate(chart.effects):
        parts.append(_bar_row(effect, factor, unit, top + i * _ROW, to_x, base))
    drawn = tag(
        "svg", *parts, viewBox=f"0 0 {_WIDTH:g} {bottom + 22:g}", role="group", aria_label=chart.title
    )
    far = (
        ""
        if bounds or math.isnan(chart.bound)
        else f" its bound, {_said(chart.bound * factor, unit)}, is far away"
    )
    return tag("figure", tag("figcaption", tag("strong", chart.title), far), drawn, class_="chart wide")


def _is_near(bound: float, values: Sequence[float]) -> bool:
    """Whether a bound fits the axis without leaving no room for the values."""
    known = [value for value in values if not math.isnan(value)]
    if math.isnan(bound) or not known:
        return False
    low, high = min(known), max(known)
    return low - bound <= 2 * (high - low) and bound - high <= 2 * (high - low)


def _bar_row(
    effect: Effect, factor: float, unit: str, top: float, to_x: Callable[[float], float], base: float
) -> Markup:
    low, high = effect.at_low * factor, effect.at_high * factor
    more = f"; {effect.told}" if effect.told else ""
    said = (
        f"{effect.name}: {_said(low, unit)} with {effect.low}, {_said(high, unit)} with {effect.high}{more}"
    )
    parts = [
        tag("rect", x=0, y=top, width=_WIDTH, height=_ROW - 2, rx=4, class_="target"),
        tag("text", f"{effect.name}: {effect.low} to {effect.high}", x=_SIDE, y=top + 16, class_="label"),
    ]
    for value, y, kind in ((low, top + 22, "low"), (high, top + 30, "high")):
        if not math.isnan(value):
            x = to_x(value)
            size = {"width": max(abs(x - base), 1.0), "height": 8}
            parts.append(tag("rect", x=min(x, base), y=y, **size, class_=f"bar {kind}"))
    return tag("g", *parts, class_="row", tabindex=0, role="img", aria_label=said, data_said=said)
