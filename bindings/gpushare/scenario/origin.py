"""What an answer was made from and by, to repeat it and to tell two of them apart."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._core import ScenarioError
from .._version import installed_version
from ..files import plain_json

if TYPE_CHECKING:
    from .scenario import Scenario

__all__ = ["Origin", "origin_of"]

_SHOWN_DIGITS = 12


@dataclass(frozen=True)
class Origin:
    """Version, seed and hashes of the inputs.

    Attributes
    ----------
    version : str
        Of the package, which says what the cards, models and presets are that come with it.
    seed : int
        Of the random streams.
    document : str
        SHA-256 of the scenario's document, as `files.plain_json` writes it, files without their folders.
    files : mapping of str to str
        SHA-256 of every file that it names, by its name without the folders.
    """

    version: str
    seed: int
    document: str
    files: Mapping[str, str]

    @property
    def line(self) -> str:
        """All of it in a short line; hashes by their first twelve digits."""
        named = "".join(f", {name} {digest[:_SHOWN_DIGITS]}" for name, digest in self.files.items())
        return f"gpushare {self.version}, seed {self.seed}, scenario {self.document[:_SHOWN_DIGITS]}{named}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "version": self.version,
            "seed": self.seed,
            "scenario_sha256": self.document,
            "files_sha256": dict(self.files),
        }


def _document_digest(scenario: Scenario, paths: Iterable[str]) -> str:
    """SHA-256 of a document in which files have no folders, so that it is the same wherever they lie."""
    text = plain_json(scenario.document)
    for path in paths:
        text = text.replace(json.dumps(path, ensure_ascii=False), json.dumps(os.path.basename(path)))
    return hashlib.sha256(f"{text}\n".encode()).hexdigest()


def origin_of(scenario: Scenario, seed: int | None = None) -> Origin:
    """That of what is simulated of a scenario.

    Parameters
    ----------
    scenario : Scenario
        A file of its that was changed since it was read is told as that, since its answer is of the earlier one.
    seed : int, optional
        By default the scenario's.
    """
    try:
        named = scenario._files.digests(scenario._handle)
    except ScenarioError as changed:
        named = {changed.where: "changed since it was read"}
    return Origin(
        installed_version(),
        scenario.seed if seed is None else seed,
        _document_digest(scenario, named),
        {os.path.basename(path): digest for path, digest in named.items()},
    )
