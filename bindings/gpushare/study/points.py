"""Cases of a study: scenarios, each with its place on the axes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .. import _core
from .._numbers import check_seed
from ..frames.notices import Notice
from ..scenario.scenario import ModeLike, Scenario, ScenarioLike, mode_text
from .simulation import as_scenario

__all__ = ["REFUSALS", "Point", "combinations", "grid", "mode_list", "mode_points"]

#: Modes compared when the document names none.
DEFAULT_MODES = ("dedicated", "time-slicing", "mps")
#: What a scenario's mode is called where its control block places everything.
_CONTROL = "control"

#: What says that a case is impossible, not that it is wrong.
REFUSALS = (_core.LayoutError, _core.OutOfMemoryError)


@dataclass(frozen=True)
class Point:
    """One combination of the axes.

    Attributes
    ----------
    scenario : Scenario or None
        What to simulate; None when this combination is impossible.
    axes : mapping of str to object
        The value on each axis: a number, or text.
    seed : int or None
        Seed of the run; None takes the scenario's.
    refused : str
        Why the combination is impossible; empty otherwise.
    error : str
        What is wrong with it; empty otherwise.
    warnings : sequence of Notice
        Of an impossible combination, what may be odd in what it says.
    """

    scenario: Scenario | None
    axes: Mapping[str, Any]
    seed: int | None = None
    refused: str = ""
    error: str = ""
    warnings: Sequence[Notice] = ()

    def __repr__(self) -> str:
        values = ", ".join(f"{axis}={value}" for axis, value in self.axes.items())
        return f"<Point {values}{self._state()}>"

    def _state(self) -> str:
        return "; refused" if self.refused else "; error" if self.error else ""


def mode_list(modes: Sequence[ModeLike] | ModeLike, named: Sequence[str] = ()) -> list[ModeLike]:
    """Modes as a list: a text is split at semicolons, line ends and commas, but those inside a layout.

    A comma does not begin a mode in ``mig:2g.20gb,1g.10gb``.

    Parameters
    ----------
    modes : sequence of str or Layout, str, or Layout
        Modes, or one text of several.
    named : sequence of str
        Names that the scenario gives to modes.
    """
    if not isinstance(modes, (str, _core.Layout)):
        return list(modes)
    if isinstance(modes, _core.Layout):
        return [modes]
    words = {grammar.partition("[")[0].partition(":")[0] for grammar, _ in _core.mode_kinds()}
    apart = [one for one in re.split(r"[;\n]", modes) if one.strip()]
    if len(apart) > 1:
        return [mode for one in apart for mode in mode_list(one, named)]
    found: list[ModeLike] = []
    for part in (text.strip() for text in re.split(r",(?![^(]*\))", modes.strip("; \n"))):
        begins = part in named or re.split("[:/]", part)[0].lower() in words
        last = found[-1] if found else ""
        if isinstance(last, str) and last.lower().startswith("mig:") and not begins and part:
            found[-1] = f"{last},{part}"
        elif part:
            found.append(part)
    return found


def grid(scenario: ScenarioLike, **axes: Iterable[Any]) -> list[Point]:
    """The Cartesian product of axes, the last one varying fastest.

    Parameters
    ----------
    scenario : Scenario, str, path or mapping
        Where the points start from, as in `simulate`.
    **axes
        Values by axis. ``mode`` and ``layout`` (MIG layouts, as text or `Layout`) put the scenario into that
        mode, ``seed`` is the run's seed, ``users`` and ``rate_per_s`` change the only closed or open traffic
        entry; any other name is a member or a path of the document, as in `Scenario.replace`.

    Returns
    -------
    list of Point
        Combinations whose layout or memory is impossible are points with a reason, and those that are not valid
        are points with an error.

    Raises
    ------
    Error
        When no combination is valid: the first error, such as a path or mode that does not exist.
    ValueError
        For an axis without values, or both `mode` and `layout`.

    Examples
    --------
    >>> import gpushare as gs
    >>> len(gs.grid("voice-light", users=[2, 5], mode=["dedicated", "mps"]))
    4
    """
    points, errors = combinations(scenario, axes)
    if len(errors) == len(points):
        raise errors[0]
    return points


def combinations(
    scenario: ScenarioLike, axes: Mapping[str, Iterable[Any]]
) -> tuple[list[Point], list[_core.Error]]:
    """The points of `grid`, and the errors of those that are not valid."""
    base = as_scenario(scenario)
    if "mode" in axes and "layout" in axes:
        raise ValueError('axes: "layout" is a mode too; give either "mode" or "layout"')
    values = {axis: _values(axis, given) for axis, given in axes.items()}
    errors: list[_core.Error] = []
    points = [
        _point(base, dict(zip(values, combination, strict=True)), errors)
        for combination in itertools.product(*values.values())
    ]
    return points, errors


def _values(axis: str, given: Iterable[Any]) -> Sequence[Any]:
    if isinstance(given, (str, _core.Layout)) or not isinstance(given, Iterable):
        given = [given]
    values = list(given)
    if not values:
        raise ValueError(f"{axis}: an axis needs at least one value")
    return values


def _point(base: Scenario, combination: Mapping[str, Any], errors: list[_core.Error]) -> Point:
    changes = dict(combination)
    seed = changes.pop("seed", None)
    if seed is not None:
        seed = check_seed(seed)
    axes = {axis: _shown(axis, value) for axis, value in combination.items()}
    try:
        scenario = base.replace(**changes) if changes else base
    except REFUSALS as error:
        return Point(None, axes, seed, refused=str(error))
    except _core.Error as error:
        errors.append(error)
        return Point(None, axes, seed, error=str(error))
    try:
        scenario.check_memory()
    except REFUSALS as error:
        return Point(None, axes, seed, refused=str(error), warnings=scenario.warnings)
    return Point(scenario, axes, seed)


def _shown(axis: str, value: Any) -> Any:
    """A number, or text for what a column of numbers cannot hold."""
    if axis == "mode":
        return mode_text(value)
    if hasattr(value, "item"):
        value = value.item()
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def mode_points(scenario: Scenario, modes: Sequence[ModeLike] | None, seed: int | None = None) -> list[Point]:
    """A case for each mode, as `compare` takes them; one that does not exist or does not suit has its error.

    Raises
    ------
    ValueError
        For an empty list, and for a fleet under control without modes.
    """
    if modes is None and not scenario.modes and scenario.mode == _CONTROL:
        raise ValueError(
            'modes: "control" places every service, and the document names no modes beside it; name some, such as '
            '"modes": {"fixed": {"control": null, "placement": {"mode": "dedicated"}}}, or run it'
        )
    modes = mode_list(modes, scenario.modes) if modes is not None else (scenario.modes or list(DEFAULT_MODES))
    if not modes:
        raise ValueError("modes: an empty list; give at least one mode")
    points, _ = combinations(scenario, {"mode": modes})
    return [replace(point, seed=seed) for point in points]
