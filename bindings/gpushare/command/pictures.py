"""``--plot FILE``: what each command draws."""

from __future__ import annotations

import argparse
from typing import Any

from .. import files

__all__ = ["WINDOWS", "add_plot", "check_plot", "plot_plan", "plot_sweep"]


#: Of a run that is drawn over time.
WINDOWS = 40


def add_plot(parser: argparse.ArgumentParser, what: str) -> None:
    """``--plot FILE``, which draws what its help says."""
    parser.add_argument("--plot", metavar="FILE", help=f"draw {what} (png, svg, pdf; needs matplotlib)")


def check_plot(options: argparse.Namespace) -> None:
    """Refuses a file that cannot be written, and a missing package, before anything is simulated."""
    if options.plot is not None:
        from ..charts.look import picture_kind

        picture_kind(options.plot)
        files.try_to_write(options.plot)


def plot_plan(found: Any, before: Any, path: str) -> None:
    """GPUs of a plan, below dedicated ones."""
    from ..report.gpus import gpus

    if found.scenario is None:
        raise ValueError(f"--plot: there is no placement to draw: {found.why}")
    gpus(found.scenario, before, save=path)


def plot_sweep(table: Any, axes: list[str], figure: str, path: str) -> None:
    """A map over two axes, otherwise lines over the first."""
    from ..report.plot import heat, sweep

    if len(axes) == 2:
        heat(table, axes[0], axes[1], figure, save=path)
    else:
        sweep(table, axes[0], figure, save=path)
