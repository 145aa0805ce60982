"""Measured runs to sharing constants, with their uncertainty."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import _core
from ..files import write_json
from ..frames.render import Field, brief, number, text_table, wrap
from ..scenario.profiles import Profile
from .fits import Fitted, SharingFit, Spread, Step
from .measurements import Measurements
from .model_files import step_models
from .runs import RENEWING_ROWS, Group, StepCard, StepKey
from .step_times import StepTimes

__all__ = ["Calibration", "step_kind"]

#: What `_core` takes of a kind: kernels, saturating share, FLOP, bytes, precision.
StepKindTuple = tuple[float, float, float, float, str]
# Times alone of the same steps in two processes differ by this much (one H200: 0.59 to 0.61 ms for a TTS frame).
_ALONE_SPREAD = 0.01
# Share of the peak FLOP rate that compute-bound steps reach.
_REACHABLE_FLOP_SHARE = 0.6


@dataclass(frozen=True)
class Calibration:
    """What `calibrate` found.

    Attributes
    ----------
    profile : Profile
        The card's profile with the fitted constants in it.
    switching : mapping
        ``slice_s``, ``switch_idle_s``, ``switch_preempted_s``, ``refill_s``, ``throttle``.
    switching_errors : tuple of float
    uncapped, capped : SharingFit or None
        MPS without and with caps; None without such groups.
    demands : mapping
        By (model, step): floor, efficiencies and host time.
    warnings, demand_warnings : tuple of str
        What the data do not determine of the sharing, and of the steps' demands.
    measured : Measurements
        What it was fitted to.
    times : StepTimes
        Step times alone.
    """

    name: str
    profile: Profile
    document: Mapping[str, Any]
    switching: Mapping[str, Fitted]
    switching_errors: tuple[float, ...]
    uncapped: SharingFit | None
    capped: SharingFit | None
    demands: Mapping[tuple[str, str], Mapping[str, Any]]
    warnings: tuple[str, ...]
    demand_warnings: tuple[str, ...]
    measured: Measurements
    times: StepTimes

    def __repr__(self) -> str:
        return brief(
            self, f"{self.name}: {len(self.switching)} figures of switching, {len(self.demands)} demands"
        )

    def unthrottled(self, group: Group, index: int) -> float:
        """Seconds alone of a client of a time-sliced group, without the throttling that its neighbours spare it."""
        limited = [self._limited(key, alone) for key, alone in zip(group.steps, group.alone_s, strict=True)]
        throttle = self.switching["throttle"].value if "throttle" in self.switching else 0.0
        spared = limited[index] and not all(limited)
        return group.alone_s[index] / (1 + throttle) if spared else group.alone_s[index]

    def _limited(self, key: StepKey, alone_s: float) -> bool:
        flop, _ = self.times.demand(key)
        return flop / alone_s / self.profile.flop_per_s[self.precision(key)] > _core.POWER_LIMITED_SHARE

    def step(
        self, key: StepKey, alone_s: float, sm_share: float, *, capped: bool, by_law: bool = False
    ) -> Step:
        """A step as a client of a co-run that takes `alone_s` on a share of the SMs.

        A kind that was measured beside others has its own susceptibility and pressure. One that was not is predicted
        from its card by the law, relative to the nearest measured shape of the same step where there is one, unless
        `by_law`.
        """
        predicted = self._predicted(key, alone_s, sm_share, capped)
        fit = self._fit(capped)
        near = [] if fit is None or by_law else _nearest(fit, key, alone_s)
        if fit is None or not near:
            return predicted
        first = fit.kinds[near[0][0]]
        part = predicted._replace(kind=list(fit.kinds).index(near[0][0]))
        if near[0][0] == key:
            return part._replace(susceptibility=first.susceptibility.value, pressure=first.pressure(sm_share))
        susceptibility = pressure = 0.0
        for other, weight in near:
            kind = fit.kinds[other]
            reference = self._predicted(other, kind.alone_s, sm_share, capped)
            susceptibility += weight * kind.susceptibility.value / reference.susceptibility
            pressure += weight * kind.pressure(sm_share) / reference.pressure
        return part._replace(
            susceptibility=predicted.susceptibility * susceptibility, pressure=predicted.pressure * pressure
        )

    def _predicted(self, key: StepKey, alone_s: float, sm_share: float, capped: bool) -> Step:
        kind = step_kind(self.measured, self.times, key, self.profile)
        step = Step(*_core.predict_step(kind, self.profile, alone_s, sm_share, capped=capped))
        return step._replace(one_launch=key.rows < RENEWING_ROWS)

    def _fit(self, capped: bool) -> SharingFit | None:
        return self.capped if capped else self.uncapped

    def pair_factors(self, *, capped: bool) -> list[float]:
        """The square of pair factors; empty without groups."""
        fit = self._fit(capped)
        return list(fit.pair_factors) if fit else []

    def precision(self, key: StepKey) -> str:
        """The arithmetic format of a step."""
        return self.measured.card(key).precision

    def spread(self, mode: str, *, capped: bool) -> Spread:
        """How far off calibrated figures may be, by the calibration's own errors."""
        if mode == "time-slicing":
            return Spread(_ALONE_SPREAD, 0.0, 0.05)
        fit = self._fit(capped)
        errors = fit.errors if fit else ()
        # What a slowdown is off by, the pressure behind it is off by two or three times: 1 + s d is mostly the 1.
        return Spread(_ALONE_SPREAD * (3 if capped else 1), 2.5 * _rms(errors) if errors else 0.3, 0.0)

    def write_profile(self, path: str | os.PathLike[str]) -> None:
        """Writes the profile with the fitted constants, each with how it was obtained; the file is replaced whole."""
        write_json(dict(self.document), path)

    def write_models(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Writes a model file for each step and length that was timed with two batch sizes or more.

        Parameters
        ----------
        folder : str or path
            Is made if there is none; files of the same names are replaced.

        Returns
        -------
        list of pathlib.Path
        """
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        written = []
        for name, document in step_models(self.measured, self.demands):
            written.append(target / f"{name}.json")
            write_json(document, written[-1])
        return written

    def to_dict(self) -> dict[str, Any]:
        """Every fitted figure with its standard error, for JSON."""
        return {
            "name": self.name,
            "profile": self.profile.name,
            "time_slicing": {key: vars(value) for key, value in self.switching.items()},
            **{
                name: {
                    "law": dict(fit.law),
                    "kinds": {
                        str(key): {
                            "susceptibility": vars(kind.susceptibility),
                            "launch": vars(kind.launch),
                            "proportional": vars(kind.proportional),
                        }
                        for key, kind in fit.kinds.items()
                    },
                }
                for name, fit in (("mps", self.uncapped), ("mps-capped", self.capped))
                if fit is not None
            },
            "demands": {" ".join(key): dict(value) for key, value in self.demands.items()},
            "warnings": [*self.warnings, *self.demand_warnings],
        }

    def __str__(self) -> str:
        switching = list(self.switching.items())
        parts = [
            f"{self.name}: sharing constants of {self.profile.title}",
            "",
            text_table(
                [
                    Field("time-slicing", [name for name, _ in switching], "left"),
                    Field("value", [_shown(name, one.value) for name, one in switching]),
                    Field("standard error", [_shown(name, one.standard_error) for name, one in switching]),
                ]
            ),
        ]
        for title, fit in (("MPS", self.uncapped), ("MPS with caps", self.capped)):
            if fit is not None:
                parts += ["", _kinds_table(title, fit)]
        for warning in (*self.warnings, *self.demand_warnings):
            parts += ["", wrap(f"warning: {warning}")]
        return "\n".join(parts)


def step_kind(measured: Measurements, times: StepTimes, key: StepKey, card: Profile) -> StepKindTuple:
    """A kind of step as `_core` takes it."""
    known = measured.card(key)
    flop, moved = times.demand(key)
    return (known.kernels, _saturating_share(times, key, known, card), flop, moved, known.precision)


def _saturating_share(times: StepTimes, key: StepKey, known: StepCard, card: Profile) -> float:
    """The share of a step's time that more SMs or more bandwidth would shorten: the most that anything known says."""
    flop, moved = times.demand(key)
    seconds = times.whole(key)
    computing = flop / seconds / card.flop_per_s[known.precision] / _REACHABLE_FLOP_SHARE
    moving = moved / seconds / card.bandwidth_bytes_per_s
    return min(1.0, max(times.saturating_share(key), known.full_share, computing, moving))


def _nearest(fit: SharingFit, key: StepKey, alone_s: float) -> list[tuple[StepKey, float]]:
    """The kinds that stand for one, with their weights: itself; else the measured shapes of the same step.

    That is the one that takes most nearly as long and, where it lies between two of the same model, the next
    on the other side, by the logarithm of the time.
    """
    if key in fit.kinds:
        return [(key, 1.0)]
    own = [other for other in fit.kinds if other[:2] == key[:2]]
    near = own or [other for other in fit.kinds if other.step == key.step]
    apart = {other: math.log(fit.kinds[other].alone_s / alone_s) for other in near}
    ordered = sorted(near, key=lambda other: abs(apart[other]))
    if not ordered:
        return []
    first = ordered[0]
    across = [other for other in own if apart[other] * apart[first] < 0]
    if not across:
        return [(first, 1.0)]
    second = min(across, key=lambda other: abs(apart[other]))
    share = abs(apart[first]) / (abs(apart[first]) + abs(apart[second]))
    return [(first, 1.0 - share), (second, share)]


def _rms(errors: Sequence[float]) -> float:
    return math.sqrt(sum(error * error for error in errors) / len(errors))


def _shown(name: str, value: float) -> str:
    return f"{1e3 * value:.4f} ms" if name.endswith("_s") else f"{100 * value:.1f} %"


def _kinds_table(title: str, fit: SharingFit) -> str:
    kinds = list(fit.kinds.items())
    fields = [
        Field(title, [str(key) for key, _ in kinds], "left"),
        Field("suscep-\ntibility", [number(kind.susceptibility.value) for _, kind in kinds]),
        Field("+-", [number(kind.susceptibility.standard_error) for _, kind in kinds]),
        Field("pressure", [number(kind.launch.value) for _, kind in kinds]),
        Field("+-", [number(kind.launch.standard_error) for _, kind in kinds]),
    ]
    if any(kind.proportional.value for _, kind in kinds):
        fields += [
            Field("pressure\nby SMs", [number(kind.proportional.value) for _, kind in kinds]),
            Field("+-", [number(kind.proportional.standard_error) for _, kind in kinds]),
        ]
    return text_table(fields)
