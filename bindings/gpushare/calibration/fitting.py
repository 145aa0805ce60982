"""Measured runs to sharing constants and step demands."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import _core
from .._core import CalibrationError
from .._errors import fail
from ..frames.progress import followed
from ..scenario.profiles import Profile, profile, profile_names
from .calibration import Calibration, step_kind
from .fits import Fitted, KindFit, SharingFit
from .measurements import Measurements
from .runs import Group, StepKey
from .step_times import StepTimes

__all__ = ["calibrate", "profile_from"]

# Below this slowdown a pair says nothing of the pressure.
_LEAST_SLOWDOWN = 1.02
_GroupTuple = tuple[list[int], list[float], list[float], list[float]]


def calibrate(
    measured: Measurements | str | os.PathLike[str],
    base: str | os.PathLike[str] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Calibration:
    """Fits sharing constants and step demands to measured runs. Shared runs of the co-runs are not looked at.

    Parameters
    ----------
    measured : Measurements or path
        Or the folder that holds them.
    base : str or path, optional
        Profile that the constants go into. By default the one named in device.json, or one with as many SMs.
    progress : callable, optional
        Called with a share of 1.

    Returns
    -------
    Calibration

    Raises
    ------
    CalibrationError
        Measurements are missing, malformed or contradict each other.
    """
    if not isinstance(measured, Measurements):
        measured = Measurements.load(measured)
    with followed(progress, f"calibrate {measured.name}", "fraction") as told:
        return _calibrated(measured, base, told or (lambda _: None))


def _calibrated(
    measured: Measurements, base: str | os.PathLike[str] | None, tell: Callable[[float], None]
) -> Calibration:
    times = StepTimes(measured)
    document = _base_document(measured, base)
    source = f"fitted to {measured.name}"
    switching, switching_errors = _fit_switching(measured, times, document, source)
    tell(0.4)
    laws: dict[bool, SharingFit | None] = {}
    for capped in (False, True):
        laws[capped] = _fit_sharing(measured, times, document, source, capped)
        tell(0.8 if capped else 0.6)
    found = profile_from(document)
    demands = _fit_demands(measured, found)
    tell(1.0)
    return Calibration(
        measured.name,
        found,
        document,
        switching,
        switching_errors,
        laws[False],
        laws[True],
        demands,
        tuple(_sharing_warnings(switching, laws)),
        tuple(_demand_warnings(demands)),
        measured,
        times,
    )


def _base_document(measured: Measurements, base: str | os.PathLike[str] | None) -> dict[str, Any]:
    if base is None:
        base = measured.device.get("profile")
    if base is None:
        cards = [profile(name) for name in profile_names()]
        fitting = [card.name for card in cards if card.sms == measured.sms and not card.carried_from]
        if not fitting:
            raise fail(
                CalibrationError,
                measured.name,
                f"no profile has {measured.sms} SMs; name one (base=, --base) to fit into",
            )
        base = fitting[-1]  # of H100 and H200 the newer
    document: dict[str, Any] = json.loads(_core.profile_document(os.fspath(base)))
    return document


def _groups(
    measured: Measurements, select: Callable[[Group], bool]
) -> tuple[list[StepKey], list[_GroupTuple]]:
    groups = [group for group in measured.groups if select(group)]
    keys = list(dict.fromkeys(key for group in groups for key in group.steps))
    index = {key: i for i, key in enumerate(keys)}
    whole = measured.sms
    return keys, [
        (
            [index[key] for key in group.steps],
            list(group.alone_s),
            list(group.shared_s),
            [sms / whole for sms in group.sms],
        )
        for group in groups
    ]


def _fit_switching(
    measured: Measurements, times: StepTimes, document: dict[str, Any], source: str
) -> tuple[dict[str, Fitted], tuple[float, ...]]:
    constants = document["time_slicing"]
    slice_s = measured.slice_s or constants["slice_s"]["value"]
    found = {"slice_s": Fitted(slice_s, 0.0, measured.slice_s is not None)}
    keys, groups = _groups(measured, lambda group: group.mode == "time-slicing")
    if not groups:
        return found | {
            name: Fitted(constants[name]["value"], math.inf, False)
            for name in ("switch_idle_s", "switch_preempted_s", "refill_s")
        }, ()
    card = profile_from(document)
    kinds = [step_kind(measured, times, key, card) for key in keys]
    fit = _core.fit_time_slicing(groups, kinds, card, slice_s)
    for name in ("switch_idle_s", "switch_preempted_s", "refill_s", "throttle"):
        found[name] = Fitted(*fit[name])
    for name in ("slice_s", "switch_idle_s", "switch_preempted_s", "refill_s"):
        if found[name].determined:
            constants[name] = {"value": found[name].value, "source": source, "grade": "derived"}
    if found["throttle"].determined:
        _set_compute_power(measured, times, document, source, found["throttle"].value)
    return found, tuple(fit["relative_errors"])


def _set_compute_power(
    measured: Measurements, times: StepTimes, document: dict[str, Any], source: str, throttle: float
) -> None:
    """The draw of compute that makes saturated power-limited steps so much slower than the unthrottled clock would."""
    power = document["power"]
    left = power["limit_w"]["value"] - power.get("ready_w", power["idle_w"])["value"]
    draw = left * (1 + throttle) ** power["clock_exponent"]["value"]
    card = profile_from(document)
    shares = []
    for group in measured.groups:
        for key, alone in zip(group.steps, group.alone_s, strict=True):
            kind = step_kind(measured, times, key, card)
            compute = kind[2] / alone / card.flop_per_s[kind[4]]
            if group.mode == "time-slicing" and compute > _core.POWER_LIMITED_SHARE:
                bandwidth = kind[3] / alone / card.bandwidth_bytes_per_s
                shares.append((compute * (1 + throttle), bandwidth * (1 + throttle)))
    if not shares:
        return
    compute = sum(share[0] for share in shares) / len(shares)
    bandwidth = sum(share[1] for share in shares) / len(shares)
    active = power.get("active_w", {"value": 0.0})["value"] * min(1.0, compute / _core.REACHABLE_FLOP_SHARE)
    value = (draw - active - bandwidth * power["bandwidth_w"]["value"]) / compute
    power["compute_w"] = {"value": value, "source": source, "grade": "derived"}


def _fit_sharing(
    measured: Measurements, times: StepTimes, document: dict[str, Any], source: str, capped: bool
) -> SharingFit | None:
    keys, groups = _groups(measured, lambda group: group.mode == "mps" and group.capped == capped)
    if not groups:
        return None
    card = profile_from(document)
    kinds = [step_kind(measured, times, key, card) for key in keys]
    law = _core.fit_interference_law(groups, kinds, card, capped=capped)
    fit = _core.fit_interference(groups, kinds, card, capped=capped)
    document["mps"]["capped" if capped else "uncapped"] = {
        "value": law["law"],
        "source": f"{source}: law over {len(groups)} saturated groups",
        "grade": "derived",
    }
    alone = _mean_alone(keys, groups)
    return SharingFit(
        {
            key: KindFit(
                Fitted(*fit["susceptibility"][i]),
                Fitted(*fit["launch"][i]),
                Fitted(*fit["proportional"][i]),
                alone[i],
            )
            for i, key in enumerate(keys)
        },
        _pair_factors(len(keys), groups, fit["relative_errors"]),
        law["law"],
        tuple(Fitted(*one) for one in law["parameters"]),
        tuple(fit["relative_errors"]),
        tuple(law["relative_errors"]),
    )


def _pair_factors(kinds: int, groups: Sequence[_GroupTuple], errors: Sequence[float]) -> tuple[float, ...]:
    """Measured over fitted pressure of each pair of kinds: the geometric mean over its groups."""
    logs: list[list[float]] = [[] for _ in range(kinds * kinds)]
    error = iter(errors)
    for members, alone, shared, _ in groups:
        for i, kind in enumerate(members):
            measured = shared[i] / alone[i]
            fitted = measured * (1 + next(error))
            if len(members) == 2 and fitted > _LEAST_SLOWDOWN:
                factor = max(measured - 1, 0.0) / (fitted - 1)
                logs[kind * kinds + members[1 - i]].append(math.log(min(max(factor, 1 / 3), 3.0)))
    return tuple(math.exp(sum(one) / len(one)) if one else 1.0 for one in logs)


def _mean_alone(keys: Sequence[StepKey], groups: Sequence[_GroupTuple]) -> list[float]:
    times: list[list[float]] = [[] for _ in keys]
    for kinds, alone, _, _ in groups:
        for kind, seconds in zip(kinds, alone, strict=True):
            times[kind].append(seconds)
    return [math.exp(sum(map(math.log, one)) / len(one)) for one in times]


def _fit_demands(measured: Measurements, card: Profile) -> dict[tuple[str, str], dict[str, Any]]:
    demands: dict[tuple[str, str], dict[str, Any]] = {}
    for pair in dict.fromkeys((row.key.model, row.key.step) for row in measured.dedicated):
        rows = [row for row in measured.dedicated if row.key[:2] == pair]
        fit = _core.fit_step_demand(
            [(row.flop, row.bytes, float(row.sms), row.gpu_s, row.synced_s) for row in rows],
            card,
            rows[0].precision,
        )
        errors = sorted(abs(error) for error in fit.pop("relative_errors"))
        demands[pair] = {name: vars(Fitted(*value)) for name, value in fit.items()}
        demands[pair]["median_abs_error"] = errors[len(errors) // 2]
        demands[pair]["n"] = len(errors)
    return demands


def _sharing_warnings(switching: Mapping[str, Fitted], laws: Mapping[bool, SharingFit | None]) -> list[str]:
    warnings = [
        f"the data do not determine {name} of time-slicing; the profile's value stays"
        for name, one in switching.items()
        if not one.determined
    ]
    for capped, fit in laws.items():
        title = "MPS with caps" if capped else "MPS without caps"
        if fit is None:
            warnings.append(f"no saturated groups under {title}: the profile's law stays")
            continue
        loose = [str(key) for key, kind in fit.kinds.items() if not kind.susceptibility.determined]
        if loose:
            warnings.append(f"{title}: the data do not determine {', '.join(loose)}")
    return warnings


def _demand_warnings(demands: Mapping[tuple[str, str], Mapping[str, Any]]) -> list[str]:
    warnings = []
    for pair, demand in demands.items():
        loose = [name for name, one in demand.items() if isinstance(one, dict) and not one["determined"]]
        if loose:
            warnings.append(f"step demand of {' '.join(pair)}: the data do not determine {', '.join(loose)}")
    return warnings


def profile_from(document: Mapping[str, Any]) -> Profile:
    """A profile from its JSON document."""
    return _core.parse_profile(json.dumps(document), document["name"])
