"""Pictures; matplotlib is imported when the first one is drawn (``pip install 'gpushare-sim[plot]'``).

Every one takes ``save=`` (a file: png, svg, pdf), and those of one panel ``ax=`` (axes to draw into).

>>> import gpushare as gs
>>> table = gs.compare("voice-light", modes=["dedicated", "mps"])
>>> figure = gs.plot.decision(table, save="decision.png")  # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .report.gpus import gpus
from .report.measured import predictions, timelines, trace
from .report.plot import front, heat, latencies, sensitivity, sweep
from .report.series import series
from .report.turns import audio_gaps, request

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .planning.capacity_text import Capacity
    from .planning.deciding import Comparison
    from .planning.deciding_sweeps import SweepTable

__all__ = [
    "audio_gaps",
    "capacity",
    "comparison",
    "decision",
    "front",
    "gpus",
    "heat",
    "interactive",
    "latencies",
    "predictions",
    "request",
    "sensitivity",
    "series",
    "sweep",
    "timelines",
    "trace",
]


def comparison(
    table: Comparison,
    latencies: Sequence[str] | None = None,
    *,
    save: str | os.PathLike[str] | None = None,
) -> Figure:
    """The whole answer: the decision, GPUs as boxes before and after, and p50, p95 and p99 of every latency.

    Parameters
    ----------
    table : Comparison
        What to draw; modes that did not run are left out.
    latencies : sequence of str, optional
        By default those of `Comparison.latencies`.
    save : str or path, optional
        A file to write it to, of the kind that its ending says: png, svg, pdf.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    ValueError
        For a latency that was not measured; when nothing ran.
    """
    return table.plot(latencies, save=save)


def decision(
    table: Comparison,
    y: str | None = None,
    x: str | None = None,
    *,
    ax: Axes | None = None,
    save: str | os.PathLike[str] | None = None,
) -> Figure:
    """What modes cost against a figure that is asked for, its bound, intervals, and the modes that nobody beats.

    Parameters
    ----------
    table : Comparison
        What to draw; modes that did not run are left out.
    y : str, optional
        A figure, by a short name too; by default the objective that is missed most often, or has least to spare.
    x : str, optional
        By default ``cost_per_month``, or ``gpus_used`` where nothing has a price.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    save : str or path, optional
        A file to write it to.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    FigureError
        For a figure that is unknown or ambiguous.
    ImportError
        When matplotlib is not installed.
    ValueError
        When nothing ran.
    """
    return table.plot_decision(y, x, ax=ax, save=save)


def interactive(
    table: Comparison | SweepTable,
    y: str | None = None,
    x: str | None = None,
    *,
    save: str | os.PathLike[str] | None = None,
) -> Any:
    """A decision, or the points of a sweep, to point at: each says its axes, its figures and what is met and missed.

    Parameters
    ----------
    table : Comparison or SweepTable
        What to draw; what did not run is left out.
    y, x : str, optional
        Figures, by short names too; of a comparison as in `decision`, of a sweep by default the end-to-end p95 and the
        cost.
    save : str or path, optional
        A file of HTML to write it to, which needs nothing beside it (5 MB).

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    FigureError
        For a figure that is unknown or ambiguous; of a sweep also for one of which neither side is better.
    ImportError
        When plotly is not installed (``pip install 'gpushare-sim[interactive]'``).
    ValueError
        When nothing ran.
    """
    from .planning.interactive import interactive as draw

    return draw(table, x or "", y or "", save)


def capacity(
    found: Capacity,
    figure: str | None = None,
    *,
    ax: Axes | None = None,
    save: str | os.PathLike[str] | None = None,
) -> Figure:
    """A figure over the load, a line with its band for each mode, the bound, and the largest load that meets it.

    Parameters
    ----------
    found : Capacity
        From `gpushare.capacity`.
    figure : str, optional
        By default that of the objective that is missed first.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    save : str or path, optional
        A file to write it to.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        When matplotlib is not installed.
    ValueError
        For a figure without an objective.
    """
    return found.plot(figure, ax=ax, save=save)


def __dir__() -> list[str]:
    return __all__
