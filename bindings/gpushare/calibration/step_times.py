"""Times of steps alone, between the shapes and SM counts that were measured."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from .._core import CalibrationError
from .._errors import fail
from .measurements import Measurements
from .runs import StepKey, StepRow

__all__ = ["StepTimes"]

_Shape = tuple[int, int]
_Grid = Mapping[_Shape, float]


class StepTimes:
    """Step times of one card, by linear interpolation over batch and length, and over 1 / SMs.

    Parameters
    ----------
    measured : Measurements
        Its step tables, and what saturated groups took alone.
    """

    def __init__(self, measured: Measurements) -> None:
        self._measured = measured
        self._sms = measured.sms
        self._whole = _grids(measured.dedicated, lambda row: row.synced_s)
        self._flop = _grids([*measured.by_sms, *measured.dedicated], lambda row: row.flop)
        self._bytes = _grids([*measured.by_sms, *measured.dedicated], lambda row: row.bytes)
        by_sms: dict[int, list[StepRow]] = defaultdict(list)
        for row in measured.by_sms:
            by_sms[row.sms].append(row)
        self._by_sms = {sms: _grids(rows, lambda row: row.synced_s) for sms, rows in sorted(by_sms.items())}
        self._alone = _times_alone(measured)

    def whole(self, key: StepKey) -> float:
        """Seconds on the whole card, without MPS."""
        if key[:2] not in self._whole:
            seconds = self._alone.get((key, self._sms)) or self._measured.card(key).alone_s
            if seconds:
                return seconds
        return self._time(self._grid(self._whole, key), key)

    def under_mps(self, key: StepKey) -> float:
        """Seconds as the only MPS client, without a cap; as `whole` where that was not measured."""
        grids = self._by_sms.get(self._sms, {})
        return self._time(grids[key[:2]], key) if key[:2] in grids else self.whole(key)

    def capped(self, key: StepKey, sms: int) -> float:
        """Seconds as an MPS client with so many SMs.

        Groups timed alone on exactly these SMs correct the interpolation between the counts of the table.
        """
        if (key, sms) in self._alone:
            return self._alone[key, sms]
        between = self._between(key, sms)
        near = [other for other, count in self._alone if count == sms and other[:2] == key[:2]]
        if not near or sms in self._by_sms:
            return between
        closest = min(near, key=lambda other: abs(math.log(self._between(other, sms) / between)))
        return between * self._alone[closest, sms] / self._between(closest, sms)

    def saturating_share(self, key: StepKey) -> float:
        """Share w / (f + w) of ``time = f + w * whole / sms``, from the whole card and about a third of it."""
        counts = [sms for sms, grids in self._by_sms.items() if key[:2] in grids and sms < self._sms]
        if not counts:
            return 0.0
        few = min(counts, key=lambda sms: abs(sms - self._sms / 3))
        whole = self.under_mps(key)
        work = (self.capped(key, few) - whole) / (self._sms / few - 1)
        return min(1.0, max(0.0, work / whole))

    def demand(self, key: StepKey) -> tuple[float, float]:
        """FLOP and bytes of a step, from the tables or its card; 0 where they were not counted."""
        if key[:2] not in self._flop or self._beyond(self._flop[key[:2]], key):
            card = self._measured.card(key)
            return card.flop, card.bytes
        return _at(self._grid(self._flop, key), key), _at(self._grid(self._bytes, key), key)

    def _between(self, key: StepKey, sms: int) -> float:
        counts = [count for count, grids in self._by_sms.items() if key[:2] in grids]
        if not counts:
            return self.whole(key)
        times = [self._time(self._by_sms[count][key[:2]], key) for count in counts]
        inverse = [1 / count for count in counts]
        return _interpolate(inverse[::-1], times[::-1], 1 / sms)

    def _time(self, grid: _Grid, key: StepKey) -> float:
        """A table's time; of a shape beyond the table that has a card, by the cards of it and of the nearest."""
        if not self._beyond(grid, key):
            return _at(grid, key)
        cards = self._measured.cards
        timed = [other for other in (StepKey(*key[:2], *shape) for shape in grid) if other in cards]
        nearest = min(timed, key=lambda other: abs(math.log(cards[other].alone_s / cards[key].alone_s)))
        return grid[nearest[2:]] * cards[key].alone_s / cards[nearest].alone_s

    def _beyond(self, grid: _Grid, key: StepKey) -> bool:
        """Whether a step is larger or smaller than all of a table, and cards say how they compare."""
        cards = self._measured.cards
        batches, lengths = {batch for batch, _ in grid}, {n for _, n in grid}
        inside = min(batches) <= key.batch <= max(batches) and min(lengths) <= key.n <= max(lengths)
        return not inside and key in cards and any(StepKey(*key[:2], *shape) in cards for shape in grid)

    def _grid(self, grids: Mapping[tuple[str, str], _Grid], key: StepKey) -> _Grid:
        if key[:2] not in grids:
            known = ", ".join(sorted(f"{model} {step}" for model, step in grids))
            raise fail(CalibrationError, str(key), f"the step tables hold no such step; they hold {known}")
        return grids[key[:2]]


def _grids(
    rows: Sequence[StepRow], value: Callable[[StepRow], float]
) -> dict[tuple[str, str], dict[_Shape, float]]:
    grids: dict[tuple[str, str], dict[_Shape, float]] = defaultdict(dict)
    for row in rows:
        grids[row.key[:2]][row.key.batch, row.key.n] = value(row)
    return dict(grids)


def _times_alone(measured: Measurements) -> dict[tuple[StepKey, int], float]:
    found: dict[tuple[StepKey, int], set[float]] = defaultdict(set)
    for group in measured.groups:
        if group.mode == "mps":
            for key, sms, alone in zip(group.steps, group.sms, group.alone_s, strict=True):
                found[key, sms].add(alone)
    return {at: sum(times) / len(times) for at, times in found.items()}


def _interpolate(xs: Sequence[float], ys: Sequence[float], x: float) -> float:
    """Piecewise linear, and beyond the ends along the last piece but never below a tenth of the end."""
    if len(xs) == 1:
        return ys[0]
    right = next((i for i in range(1, len(xs) - 1) if x <= xs[i]), len(xs) - 1)
    left = right - 1
    slope = (ys[right] - ys[left]) / (xs[right] - xs[left])
    value = ys[left] + slope * (x - xs[left])
    return max(value, 0.1 * min(ys[left], ys[right]))


def _at(grid: _Grid, key: StepKey) -> float:
    shape = (key.batch, key.n)
    if shape in grid:
        return grid[shape]
    batches = sorted({batch for batch, _ in grid})
    column = []
    for batch in batches:
        lengths = sorted(n for b, n in grid if b == batch)
        column.append(_interpolate(lengths, [grid[batch, n] for n in lengths], key.n))
    return _interpolate(batches, column, key.batch)
