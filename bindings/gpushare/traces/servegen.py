"""ServeGen's client files (Alibaba, Apache-2.0): windows of rate and burstiness of one client, and their mixture."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import TraceError
from .._errors import fail
from .._numbers import check_seed
from .unpacked import read_bytes

__all__ = ["Client", "client_from_csv", "read_client", "read_lengths"]

_FIELDS = "window_start_s,rate_rps,IA_cv,Gamma|Weibull,shape,scale"
_FAMILIES = ("Gamma", "Weibull", "")

#: The arrivals of a scenario take no more.
_MOST = {"window_start_s": 900_000_000, "rate_rps": 1_000_000_000, "shape": 1_000_000_000}
#: Of a window: below it, one that starts late would have no length.
_SHORTEST_S = 0.001


@dataclass(frozen=True, eq=False)
class Client:
    """One client's windows.

    Attributes
    ----------
    name : str
        Of the file.
    starts_s : ndarray
        Where windows begin, ascending, shape ``(windows,)``.
    rates_per_s : ndarray
        Mean requests a second in each.
    shapes : ndarray
        Of the gaps; 1 where no family was fitted.
    families : tuple of str
        ``"gamma"`` or ``"weibull"``.
    """

    name: str
    starts_s: npt.NDArray[np.float64]
    rates_per_s: npt.NDArray[np.float64]
    shapes: npt.NDArray[np.float64]
    families: tuple[str, ...]

    @property
    def window_s(self) -> float:
        """Length of a window."""
        return float(np.median(np.diff(self.starts_s))) if len(self.starts_s) > 1 else 600.0

    @property
    def mean_rate_per_s(self) -> float:
        """Over all windows, silent ones among them."""
        return float(self.rates_per_s.mean())

    def arrivals(self, *, scale: float = 1.0, fill_windows: bool = False) -> dict[str, Any]:
        """An arrival process for a scenario document, repeated for ever.

        Parameters
        ----------
        scale : float
            Factor on all rates.
        fill_windows : bool
            ServeGen's own habit: exactly ``ceil(rate x window)`` requests in each window, spread to fill it.
            It takes the variance out of counts.
        """
        document: dict[str, Any] = {
            "kind": "piecewise",
            "rates_per_s": (self.rates_per_s * scale).tolist(),
            "starts_s": (self.starts_s - self.starts_s[0]).tolist(),
            "period_s": float(self.starts_s[-1] - self.starts_s[0] + self.window_s),
            "gap_shapes": self.shapes.tolist(),
            "gap_kinds": list(self.families),
        }
        return document | ({"fill_windows": True} if fill_windows else {})

    def trace(self, seed: int = 1, duration_s: float | None = None) -> _core.Trace:
        """A trace of it with lengths of one token, for those who know the real ones to set.

        Raises
        ------
        TraceError
            When no request arrives in that time.
        """
        document = self.arrivals()
        times = _core.draw_arrivals(
            json.dumps(document),
            check_seed(seed),
            duration_s or document["period_s"],
            name=f"servegen/{self.name}",
        )
        if len(times) == 0:
            raise fail(TraceError, self.name, "no request arrives in this time")
        ones = np.ones(len(times), dtype=np.int32)
        return _core.Trace(times - times[0], ones, ones, self.name)


def _number(text: str, what: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (0 <= value <= _MOST[what]):
        raise fail(
            TraceError, where, f'{what}: expected a number between 0 and {_MOST[what]}, found "{text[:40]}"'
        )
    return value


def client_from_csv(data: bytes, source: str) -> Client:
    """Reads ``chunk-i-trace.csv``, which has no header line.

    Raises
    ------
    TraceError
        With file and line.
    """
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as problem:
        raise fail(TraceError, source, f"not UTF-8 text: {problem}") from None
    rows: list[tuple[float, float, float, str]] = []
    for i, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{source}:{i}"
        fields = [field.strip() for field in line.split(",")]
        if len(fields) != 6:
            raise fail(TraceError, where, f"expected the 6 fields {_FIELDS}, found {len(fields)}")
        start, rate = (_number(fields[k], ("window_start_s", "rate_rps")[k], where) for k in (0, 1))
        if fields[3] not in _FAMILIES:
            raise fail(
                TraceError, where, f'family: expected Gamma, Weibull or nothing, found "{fields[3][:40]}"'
            )
        shape = _number(fields[4], "shape", where)
        if fields[3] and rate > 0 and shape < 0.001:
            raise fail(TraceError, where, f'shape: expected at least 0.001, found "{fields[4][:40]}"')
        if rows and start <= rows[-1][0]:
            raise fail(TraceError, where, f"the window {start:g} s does not lie after {rows[-1][0]:g} s")
        if rows and start - rows[-1][0] < _SHORTEST_S:
            raise fail(
                TraceError,
                where,
                f'window_start_s: expected at least {_SHORTEST_S} s after the window before, found "{fields[0][:40]}"',
            )
        rows.append((start, rate, shape if fields[3] and rate > 0 else 1.0, fields[3].lower() or "gamma"))
    if not rows or all(row[1] == 0 for row in rows):
        raise fail(TraceError, source, "no window has requests")
    starts, rates, shapes = (np.array([row[k] for row in rows], dtype=np.float64) for k in range(3))
    name = os.path.splitext(os.path.basename(source.removesuffix(".gz")))[0]
    return Client(name, starts, rates, shapes, tuple(row[3] for row in rows))


def read_client(path: str | os.PathLike[str]) -> Client:
    """Reads one client's windows. See `client_from_csv`."""
    return client_from_csv(read_bytes(os.fspath(path)), os.fspath(path))


def read_lengths(path: str | os.PathLike[str]) -> dict[str, dict[str, list[float]]]:
    """Reads ``chunk-i-dataset.json``: distributions of lengths by name, summed over its windows.

    Its values are texts that hold Python dictionaries ``{tokens: probability}``; they are read, never run.

    Parameters
    ----------
    path : str or path
        A client's dataset.

    Returns
    -------
    dict
        ``{"input_tokens": {"kind": "empirical", "values": [...], "weights": [...]}, ...}``, ready for a scenario.

    Raises
    ------
    TraceError
        With the JSON pointer of what is wrong.
    """
    source = os.fspath(path)
    try:
        document = json.loads(read_bytes(source))
    except (ValueError, RecursionError) as problem:
        raise fail(TraceError, source, f"not JSON: {problem}") from None
    if not isinstance(document, dict):
        raise fail(TraceError, source, "expected an object of windows")
    sums: dict[str, dict[float, float]] = {}
    for window, entry in document.items():
        if not isinstance(entry, dict):
            raise fail(TraceError, f"{source}#/{window}", "expected an object of distributions")
        for name, text in entry.items():
            _add_lengths(sums.setdefault(name, {}), text, f"{source}#/{window}/{name}")
    return {name: _empirical(found) for name, found in sums.items() if found}


def _add_lengths(sums: dict[float, float], text: Any, where: str) -> None:
    try:
        found = ast.literal_eval(text) if isinstance(text, str) else text
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise fail(TraceError, where, "expected a text such as {100: 0.5, 200: 0.5}")
    for tokens, weight in found.items():
        if not all(isinstance(v, (int, float)) and 0 <= v < 1e9 for v in (tokens, weight)):
            raise fail(
                TraceError, where, f"expected tokens and their probability, found {tokens!r}: {weight!r}"
            )
        sums[float(tokens)] = sums.get(float(tokens), 0.0) + float(weight)


def _empirical(sums: dict[float, float]) -> dict[str, Any]:
    values: Sequence[float] = sorted(sums)
    return {"kind": "empirical", "values": list(values), "weights": [sums[v] for v in values]}
