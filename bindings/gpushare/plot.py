"""Figures; matplotlib is imported when the first one is drawn."""

from .report.plot import comparison, front, sensitivity, sweep, timelines, trace

__all__ = ["comparison", "front", "sensitivity", "sweep", "timelines", "trace"]
