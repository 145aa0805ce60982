"""Figures; matplotlib is imported when the first one is drawn."""

from .report.plot import comparison, front, sensitivity, sweep, timelines, trace
from .report.series import series

__all__ = ["comparison", "front", "sensitivity", "series", "sweep", "timelines", "trace"]
