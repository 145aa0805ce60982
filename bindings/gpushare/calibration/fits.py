"""What fits to measured runs give: figures with their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .runs import StepKey

__all__ = ["Fitted", "KindFit", "SharingFit", "Spread", "Step"]


@dataclass(frozen=True)
class Fitted:
    """A fitted figure: value, standard error, and whether the data determine it."""

    value: float
    standard_error: float = 0.0
    determined: bool = True


class Step(NamedTuple):
    """A step as a client of a co-run, as `_core` takes it: ``CoRunStep`` in ``gpushare/calibration.hpp``."""

    gpu_s: float
    memory_s: float
    compute_s: float
    power_w: float
    susceptibility: float
    pressure: float
    occupancy: float
    slip: float
    kind: int
    one_launch: bool


@dataclass(frozen=True)
class KindFit:
    """Susceptibility and pressure of one measured kind of step.

    With caps the pressure is ``launch + sm_share / 0.5 * proportional``; without, `launch` alone.
    """

    susceptibility: Fitted
    launch: Fitted
    proportional: Fitted
    alone_s: float

    def pressure(self, sm_share: float) -> float:
        """The pressure of a client that has this share of the SMs."""
        return self.launch.value + sm_share / 0.5 * self.proportional.value


@dataclass(frozen=True)
class SharingFit:
    """One kind of sharing: the kinds that were measured, and the law for those that were not.

    Attributes
    ----------
    pair_factors : tuple of float
        What pairs measured side by side correct the pressures by: row the kind that suffers, column the one that
        presses, in the order of `kinds`; 1 where a pair was not measured.
    errors, law_errors : tuple of float
        Predicted over measured less 1, for each client of each group, with fitted kinds and with the law alone.
    """

    kinds: Mapping[StepKey, KindFit]
    pair_factors: tuple[float, ...]
    law: Mapping[str, float]
    law_parameters: tuple[Fitted, ...]
    errors: tuple[float, ...]
    law_errors: tuple[float, ...]


@dataclass(frozen=True)
class Spread:
    """Standard deviations (of logarithms) of times alone, of pressures and of switch costs."""

    alone: float
    pressure: float
    switching: float
