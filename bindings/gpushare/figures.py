"""What figures there are, how they are named, and bounds of them."""

from .study.figures import Bound, Figure, LatencyMetric, describe, metrics, of, parse_bound, resolve

__all__ = ["Bound", "Figure", "LatencyMetric", "describe", "metrics", "of", "parse_bound", "resolve"]


def __dir__() -> list[str]:
    return __all__
