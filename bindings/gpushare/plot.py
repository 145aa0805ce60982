"""Figures; matplotlib is imported when the first one is drawn."""

from .report.plot import comparison, sensitivity, sweep, timelines, trace

__all__ = ["comparison", "sensitivity", "sweep", "timelines", "trace"]
