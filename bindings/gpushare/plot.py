"""Figures; matplotlib is imported when the first one is drawn."""

from .report.plot import comparison, sweep, timelines, trace

__all__ = ["comparison", "sweep", "timelines", "trace"]
