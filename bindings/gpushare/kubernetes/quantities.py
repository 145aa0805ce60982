"""Quantities as Kubernetes writes them: 500m, 10Gi, 2k."""

from __future__ import annotations

import re
from fractions import Fraction

from .._core import Error
from .._errors import fail

__all__ = ["parse_quantity", "quantity_of_bytes"]

_SUFFIXES = {
    "": 1,
    **{unit: 1024**power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), start=1)},
    **{unit: 1000**power for power, unit in enumerate(("k", "M", "G", "T", "P", "E"), start=1)},
    "m": Fraction(1, 1000),
    "u": Fraction(1, 1000**2),
    "n": Fraction(1, 1000**3),
}
_FORM = re.compile(
    r"(?P<number>[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40}))"
    r"((?P<unit>[KMGTPE]i|[numkMGTPE])|[eE](?P<power>[+-]?[0-9]{1,2}))?"
)
#: Suffixes of other habits, and what they mean here.
_LIKELY = {
    "K": "k",
    "KB": "k",
    "kB": "k",
    "MB": "M",
    "GB": "G",
    "TB": "T",
    "KiB": "Ki",
    "MiB": "Mi",
    "GiB": "Gi",
    "TiB": "Ti",
}
_BINARY = ("Ti", "Gi", "Mi", "Ki")


def parse_quantity(value: object, where: str = "") -> float:
    """The number that a quantity stands for.

    Parameters
    ----------
    value : str, int or float
        ``"10Gi"`` is 10 x 2**30, ``"500m"`` is 0.5, ``"1e3"`` is 1000.
    where : str
        Begins the message.

    Raises
    ------
    Error
        With the suffixes that there are, and the one that is likely meant.

    Examples
    --------
    >>> parse_quantity("10Gi"), parse_quantity("500m"), parse_quantity(2)
    (10737418240.0, 0.5, 2.0)
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    text = str(value).strip()
    found = _FORM.fullmatch(text)
    if found is None or not isinstance(value, str):
        suffix = text.lstrip("+-.0123456789 ")
        meant = f'; "{suffix}" is written {_LIKELY[suffix]} here' if suffix in _LIKELY else ""
        raise fail(
            Error,
            where,
            f'found "{text}"; write a number with one of Ki, Mi, Gi, Ti, k, M, G, T or m (1/1000): 10Gi, 500m{meant}',
        )
    scale = _SUFFIXES[found["unit"] or ""] * Fraction(10) ** int(found["power"] or 0)
    return float(Fraction(found["number"]) * scale)


def quantity_of_bytes(count: float) -> str:
    """Bytes as the largest binary unit in which they are whole, rounded down to whole MiB above one."""
    whole = int(count)
    if whole >= 2**20:
        whole -= whole % 2**20
    for power, unit in zip((4, 3, 2, 1), _BINARY, strict=True):
        if whole and whole % 1024**power == 0:
            return f"{whole // 1024**power}{unit}"
    return str(whole)
