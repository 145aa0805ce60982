"""What changed between two records of a case."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from golden_cases import FITS, Record, Records, unprefixed

#: Relative; of costs everywhere, because they are added up in another order, and of all figures on another platform.
CLOSE = 1e-12
#: Of fits everywhere: they stop when they are near enough, and NumPy's last bits hang on the processor.
CLOSE_FIT = 1e-6
#: Absolute, where figures may be off: of errors of rounding.
CLOSE_ERROR = 1e-9
#: Differences of a case that the list of changes names one by one.
MOST_LISTED = 30

ABSENT = object()


@dataclass(frozen=True)
class Difference:
    """A figure or hash that is not what it was; `was` or `now` is `ABSENT` where there is none."""

    case: str
    run: str
    name: str
    was: Any
    now: Any

    @property
    def new(self) -> bool:
        """Whether it was not recorded before."""
        return self.was is ABSENT

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.case, self.run, self.name) if part)
        if self.new:
            return f"{where}: new, {self.now!r}"
        now = "gone" if self.now is ABSENT else f"is {self.now!r}"
        return f"{where}: was {self.was!r}, {now}{_relative(self.was, self.now)}"


def _relative(was: object, now: object) -> str:
    change = relative_change(was, now)
    return "" if change is None else f" ({change:+.2g} relative)"


def relative_change(was: object, now: object) -> float | None:
    """(now - was) / was, where both are finite numbers and it was not zero."""
    numbers = [float(v) for v in (was, now) if isinstance(v, (int, float)) and math.isfinite(v)]
    return (numbers[1] - numbers[0]) / abs(numbers[0]) if len(numbers) == 2 and numbers[0] else None


def differences(case: str, before: Records, after: Records, *, same_platform: bool) -> list[Difference]:
    """Everything that differs; on another platform hashes are left out, and figures a little off, as fits always."""
    found = []
    fitted = case.startswith(FITS)
    tolerance = CLOSE_FIT if fitted else CLOSE
    for run in before | after:
        old, new = before.get(run, Record()), after.get(run, Record())
        exact_figures = same_platform and not fitted
        for was, now, exact in ((old.figures, new.figures, exact_figures), (old.hashes, new.hashes, True)):
            if was is old.hashes and not same_platform:
                continue
            for name in sorted({**was, **now}):
                pair = _value(was, name), _value(now, name)
                if not _same(name, *pair, tolerance=0.0 if exact else tolerance):
                    found.append(Difference(case, run, name, *pair))
    return found


def _value(kept: Mapping[str, Any], name: str) -> Any:
    """Runs with steps, or without requests, are kept where they differ from the first run only."""
    value = kept.get(name, kept.get(unprefixed(name), ABSENT))
    return ABSENT if value is None else value


def _same(name: str, was: Any, now: Any, *, tolerance: float) -> bool:
    if was is now or repr(was) == repr(now):
        return True
    if not (isinstance(was, (int, float)) and isinstance(now, (int, float))):
        return False
    if "cost" in name:
        tolerance = max(tolerance, CLOSE)
    if not tolerance:
        return False
    return math.isclose(was, now, rel_tol=tolerance, abs_tol=CLOSE_ERROR if "error" in name else 0.0)


def change_list(found: Iterable[Difference]) -> str:
    """The differences as Markdown, by case; many of one case are counted by figure."""
    by_case: dict[str, list[Difference]] = {}
    for one in found:
        by_case.setdefault(one.case, []).append(one)
    return "\n".join(line for case, ones in by_case.items() for line in _of_case(case, ones)) + "\n"


def _of_case(case: str, found: list[Difference]) -> list[str]:
    if len(found) <= MOST_LISTED:
        return [f"- {one}" for one in found]
    runs = len({one.run for one in found})
    head = f"- {case}: {len(found)} figures and hashes of {runs} run{'s' if runs > 1 else ''}"
    if all(one.new for one in found):
        return [f"{head}, all new"]
    kinds = Counter("new" if one.new else "gone" if one.now is ABSENT else "changed" for one in found)
    counted = Counter(one.name for one in found if not one.new)
    lines = [f"{head}: {', '.join(f'{n} {kind}' for kind, n in sorted(kinds.items()))}"]
    for name, times in counted.most_common(MOST_LISTED):
        lines.append(f"  - {name}: {times} times{_range(one for one in found if one.name == name)}")
    if len(counted) > MOST_LISTED:
        lines.append(f"  - and {len(counted) - MOST_LISTED} other figures")
    return lines


def _range(found: Iterable[Difference]) -> str:
    changes = [relative_change(one.was, one.now) for one in found]
    known = [change for change in changes if change is not None]
    return f", {min(known):+.2g} to {max(known):+.2g} relative" if known else ""
