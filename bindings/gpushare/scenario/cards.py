"""The GPUs of this machine, and the profiles that fit them."""

from __future__ import annotations

import csv
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Any

from .. import _core
from ..frames.render import wrap
from .profiles import profile

__all__ = ["InstalledCard", "installed_cards"]

#: Asked of nvidia-smi; SMs are not among what it tells.
_QUERY = ("index", "name", "memory.total", "power.limit", "mig.mode.current", "clocks.max.sm")
_MIB = 2**20
#: What of the memory a profile may have less than nvidia-smi says, which counts what the driver keeps for itself.
_RESERVED = 0.04


@dataclass(frozen=True)
class InstalledCard:
    """A GPU of this machine.

    Attributes
    ----------
    index : str
        As nvidia-smi numbers it.
    name : str
        The product string.
    profile : str
        Name of the profile that fits it; empty where none does.
    differs : list of str
        What the card has otherwise than the profile.
    advice : str
        What to do about it.
    """

    index: str
    name: str
    profile: str
    differs: list[str] = field(default_factory=list)
    advice: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name."""
        return {
            "index": self.index,
            "name": self.name,
            "profile": self.profile,
            "differs": self.differs,
            "advice": self.advice,
        }

    def __str__(self) -> str:
        title = f" ({profile(self.profile).title})" if self.profile else ""
        lines = [f"GPU {self.index}, {self.name}: {self.profile or 'no profile'}{title}"]
        lines += [f"  differs: {text}" for text in self.differs]
        lines += [f"  {self.advice}"] if self.advice else []
        return "\n".join(wrap(line, indent="    ") for line in lines)


def installed_cards() -> list[InstalledCard]:
    """What nvidia-smi finds, with the profile that fits each.

    Returns
    -------
    list of InstalledCard

    Raises
    ------
    OSError
        Where there is no nvidia-smi, or it fails.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        raise OSError("there is no nvidia-smi here: gpushare needs no GPU, but doctor can only look at one")
    asked = subprocess.run(
        [program, f"--query-gpu={','.join(_QUERY)}", "--format=csv,noheader,nounits"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if asked.returncode != 0:
        said = (asked.stderr or asked.stdout).strip().splitlines()
        raise OSError(f"nvidia-smi failed: {said[0] if said else f'exit status {asked.returncode}'}")
    rows = [row for row in csv.reader(asked.stdout.splitlines(), skipinitialspace=True) if row]
    for row in rows:
        if len(row) != len(_QUERY):
            raise OSError(f"nvidia-smi: expected {', '.join(_QUERY)} of each GPU, found {', '.join(row)}")
    return [_card(dict(zip(_QUERY, row, strict=True))) for row in rows]


def _card(said: dict[str, str]) -> InstalledCard:
    name, index = said["name"].strip(), said["index"]
    try:
        card = profile(name)
    except _core.ProfileError:
        return InstalledCard(
            index,
            name,
            "",
            advice="write one: a file that names the nearest profile in carried_from, with the figures of "
            f"the card's data sheet and {_number(said['memory.total']):.0f} MiB of memory (docs/cards.md)",
        )
    differs = [*_differences(said, card)]
    advice = _advice(said, card, differs)
    return InstalledCard(index, name, card.name, differs, advice)


def _differences(said: dict[str, str], card: _core.Profile) -> list[str]:
    found = []
    memory = _number(said["memory.total"]) * _MIB
    if not 1 - _RESERVED <= card.memory_bytes / memory <= 1.005:
        found.append(f"memory {memory / 1e9:.1f} GB, the profile has {card.memory_bytes / 1e9:.1f}")
    limit = _number(said["power.limit"])
    if limit and abs(limit - card.power["limit_w"]) > 0.01 * card.power["limit_w"]:
        found.append(f"power limit {limit:g} W, the profile has {card.power['limit_w']:g}")
    clock = _number(said["clocks.max.sm"]) * 1e6
    if clock and abs(clock - card.clock_hz) > 0.02 * card.clock_hz:
        found.append(f"SM clock up to {clock / 1e9:.2f} GHz, the profile has {card.clock_hz / 1e9:.2f}")
    if said["mig.mode.current"] == "Enabled":
        if not card.mig:
            found.append("MIG is on, and the profile does not describe it")
        elif card.mig_sms < card.sms:
            found.append(f"MIG is on: {card.mig_sms} of {card.sms} SMs are used")
    return found


def _advice(said: dict[str, str], card: _core.Profile, differs: list[str]) -> str:
    if said["mig.mode.current"] == "Enabled" and card.mig:
        return (
            f'cut as "layout" says: gpushare mig layouts {card.name}; nvidia-smi mig -lgi shows how it is now'
        )
    if any(text.startswith("memory") for text in differs):
        return (
            f'a file with "carried_from": "{card.name}" and this memory describes it better (docs/cards.md)'
        )
    if card.carried_from:
        return (
            f"not measured: sharing and power as on {card.carried_from}; docs/measure-your-gpu.md takes them"
        )
    return ""


def _number(text: str) -> float:
    """0 where nvidia-smi says [N/A]."""
    try:
        return float(text)
    except ValueError:
        return 0.0
