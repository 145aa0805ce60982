"""GPUs as boxes: slots to scale from top to bottom, who lives where, and how full the memory is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .content import Box, Fleets, Part
from .markup import Markup, join, tag

__all__ = ["fleets"]

_ROW = 2.2  # rem for each slot of a card of eight, the least in which one slot shows a line
_LEAST = 17.6


def fleets(content: Fleets) -> Markup:
    """Both sides beside each other, where there is room."""
    services = list(
        dict.fromkeys(
            name for _, boxes in content.sides for box in boxes for p in box.parts for name in p.processes
        )
    )
    return tag("div", *(_side(title, boxes, services) for title, boxes in content.sides), class_="fleets")


def _side(title: str, boxes: Sequence[Box], services: Sequence[str]) -> Markup:
    cards = tag("ul", *(_box(box, services) for box in boxes), class_="gpus")
    return tag("div", tag("h3", title), cards, class_="fleet")


def _box(box: Box, services: Sequence[str]) -> Markup:
    height = max(_LEAST, _ROW * box.slots) if len(box.parts) > 1 else _LEAST / 2.4
    parts = [_part(part, height, services) for part in box.parts]
    filled = sum(part.span for part in box.parts)
    if filled < 1 - 1e-9 and len(box.parts) > 0:
        parts.append(tag("li", "not cut", class_="part free", style=_place(filled, 1 - filled, height)))
    head = tag("p", tag("strong", box.name), f" {box.kind}", class_="gpu-name")
    return tag("li", head, tag("ul", *parts, class_="slots", style=f"height:{height:g}rem"), class_="gpu")


def _place(begin: float, span: float, height: float) -> str:
    return f"top:{begin * height:.3f}rem;height:{span * height:.3f}rem"


def _part(part: Part, height: float, services: Sequence[str]) -> Markup:
    chips = [_chip(name, cap, services) for name, cap in zip(part.processes, part.caps, strict=True)] or [
        tag("span", "nobody", class_="nobody")
    ]
    told = [tag("span", part.name, class_="part-name"), *chips]
    shared = "" if part.sharing == "exclusive" else part.sharing
    if shared:
        told.append(tag("span", f"by {shared}", class_="sharing"))
    small = part.span * height < 4
    if part.memory:
        told.append(tag("span", part.memory, class_="memory"))
    used = 0.0 if math.isnan(part.used) else min(1.0, part.used)
    fill = tag("span", class_="fill", style=f"width:{100 * used:.1f}%")
    words = tag("span", join(told), class_="words")
    return tag(
        "li",
        fill,
        words,
        class_="part small" if small else "part",
        style=_place(part.begin, part.span, height),
    )


def _chip(name: str, cap: str, services: Sequence[str]) -> Markup:
    return tag("span", f"{name} {cap}".rstrip(), class_=f"chip s{services.index(name) % 6}")
