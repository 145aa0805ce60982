"""Multi-instance GPU: which layouts a card can be cut into."""

from .scenario.mig import Layout, layouts, multisets, parse, states

__all__ = ["Layout", "layouts", "multisets", "parse", "states"]


def __dir__() -> list[str]:
    return __all__
