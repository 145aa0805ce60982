"""Points by two figures as a page: what is behind each of them where one points, and one's own cut-out."""

from __future__ import annotations

import html
import importlib
import math
import os
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from ..extras import extra
from ..files import replace_file
from .fronts import Decision, Spot
from .look import BAD, GOOD, HUE, INK, SOFT

__all__ = ["front_page"]

#: Characters of a line of the title, and how high it is in pixels.
_TITLE, _LINE = 90, 19
#: Symbol, colour and meaning by state, as the picture has them.
_STYLES = {
    "met": ("circle", GOOD, "meets what is asked"),
    "missed": ("x", BAD, "misses something"),
    "open": ("diamond", "#8a6d00", "too close to say"),
    "": ("circle", HUE, "simulated"),
}


def front_page(
    drawn: Decision, told: Sequence[Sequence[str]], save: str | os.PathLike[str] | None = None
) -> Any:
    """The points of `front_chart` as a figure of Plotly.

    Parameters
    ----------
    drawn : Decision
        As `front_chart` takes it.
    told : sequence of sequence of str
        Lines that are shown of each point where one points at it.
    save : str or path, optional
        A file of HTML that needs nothing beside it, as large as Plotly's script (5 MB); it is replaced whole.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    ImportError
        When plotly is not installed, with what installs it.
    """
    with extra("interactive", "pictures to point at need"):
        made: Any = importlib.import_module("plotly.graph_objects")
    best = {spot.label: spot for spot in drawn.spots if spot.label in drawn.front}
    line = [best[name] for name in drawn.front]
    title = textwrap.wrap(drawn.title, _TITLE)
    figure = made.Figure()
    figure.add_scatter(
        x=[float(spot.x) for spot in line],
        y=[float(spot.y) for spot in line],
        mode="lines",
        line={"color": SOFT, "width": 1.5},
        name="nobody beats these in both",
        hoverinfo="skip",
    )
    for state, style in _STYLES.items():
        rows = [i for i, spot in enumerate(drawn.spots) if spot.state == state]
        if rows:
            figure.add_scatter(**_points([drawn.spots[i] for i in rows], [told[i] for i in rows], *style))
    if drawn.bound is not None:
        figure.add_hline(
            y=drawn.bound.value, line_dash="dash", line_color=BAD, annotation_text=drawn.bound.said
        )
    figure.update_layout(
        title={"text": _plain(title), "yref": "container", "y": 0.98, "yanchor": "top", "font": {"size": 14}},
        margin={"t": 40 + _LINE * len(title)},
        xaxis_title=_plain([drawn.x]),
        yaxis_title=_plain([drawn.y]),
        template="plotly_white",
        legend={"orientation": "h", "y": -0.2},
    )
    if save is not None:
        text = figure.to_html(include_plotlyjs=True, div_id="gpushare")
        replace_file(save, lambda file: file.write(text))
    return figure


def _points(
    spots: Sequence[Spot], told: Sequence[Sequence[str]], symbol: str, color: str, meaning: str
) -> dict[str, Any]:
    return {
        "x": [float(spot.x) for spot in spots],
        "y": [float(spot.y) for spot in spots],
        "error_x": {"array": [_half_width(spot.x) for spot in spots], "thickness": 1},
        "error_y": {"array": [_half_width(spot.y) for spot in spots], "thickness": 1},
        "mode": "markers",
        "marker": {
            "symbol": symbol,
            "color": color,
            "size": [15 if spot.chosen else 10 for spot in spots],
            "line": {"color": INK, "width": [2 if spot.chosen else 0 for spot in spots]},
        },
        "name": meaning,
        "text": [_plain(lines) for lines in told],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _plain(lines: Iterable[str]) -> str:
    """Lines as they are: between dollars Plotly would set mathematics."""
    return "<br>".join(html.escape(line).replace("$", "&#36;") for line in lines)


def _half_width(value: float) -> float:
    width = float(getattr(value, "half_width", 0.0))
    return width if math.isfinite(width) else 0.0
