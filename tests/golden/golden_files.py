"""Where records are kept: one file for each case, the platform they hold on, and the list of changes."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import sys
from pathlib import Path

from golden_cases import HERE, Record, Records

FIGURES = HERE / "figures"
PLATFORM = "platform.json"
CHANGES = "CHANGES.md"


def this_platform() -> dict[str, str]:
    """What bytes depend on: machine, system, C library, and how that rounds on this processor."""
    return {
        "machine": platform.machine(),
        "system": sys.platform,
        "libc": " ".join(platform.libc_ver()),
        "arithmetic": _arithmetic(),
    }


def _arithmetic() -> str:
    """A hash of what the C library makes of some numbers: by processor, one result in a thousand rounds otherwise."""
    told = hashlib.sha256()
    for function in (math.exp, math.log, math.log1p, math.expm1, math.cos, lambda x: math.pow(x, 0.37)):
        told.update(" ".join(function(i / 1270).hex() for i in range(1, 20_000)).encode())
    return told.hexdigest()[:16]


def recorded_platform(folder: Path = FIGURES) -> dict[str, str] | None:
    """The platform on which the records were made; None without records."""
    path = folder / PLATFORM
    found: dict[str, str] | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return found


def recorded_cases(folder: Path = FIGURES) -> list[str]:
    """Names of the cases that are recorded."""
    return sorted(path.stem for path in folder.glob("*.json") if path.name != PLATFORM)


def load(case: str, folder: Path = FIGURES) -> Records:
    """The records of a case; none where it is new."""
    path = folder / f"{case}.json"
    if not path.exists():
        return {}
    runs = json.loads(path.read_text(encoding="utf-8"))
    return {run: Record(kept["figures"], kept["hashes"]) for run, kept in runs.items()}


def save(case: str, records: Records, folder: Path = FIGURES) -> None:
    """Writes the records of a case, a line for each figure; numbers are exact."""
    folder.mkdir(parents=True, exist_ok=True)
    runs = {run: {"figures": record.figures, "hashes": record.hashes} for run, record in records.items()}
    _write(folder / f"{case}.json", runs)


def save_platform(folder: Path = FIGURES) -> None:
    """Says that the records hold on this platform."""
    _write(folder / PLATFORM, this_platform())


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=0, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
