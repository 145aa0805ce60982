"""What a scenario is made from, so that it can be made again elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from .inputs import Inputs
from .placement import Placement

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """What a scenario is read from, its placement, what is to fail there, and how to say what was changed."""

    document: str
    mode: str = ""
    source: str = ""
    folder: str = ""
    inputs: Inputs = field(default_factory=Inputs)
    placement: Placement | None = None
    label: str = ""
    faults: str = ""
    changed: tuple[str, ...] = ()

    def key(self) -> tuple[str, ...]:
        """What the scenario depends on, as text."""
        key: tuple[str, ...] = (self.document, self.mode, self.folder)
        if self.inputs:
            key += (self.inputs.digest(),)
        if self.placement is not None:
            key += (self.placement._handle.json, self.label)
        if self.faults:
            key += (self.faults,)
        return key
