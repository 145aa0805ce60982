"""What an answer was made from and by, to repeat it and to tell two of them apart."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._core import ScenarioError
from .._version import installed_version
from ..files import plain_json, sha256

if TYPE_CHECKING:
    from .scenario import Scenario

__all__ = ["SHOWN_DIGITS", "Origin", "origin_of", "origin_of_files", "origin_of_folders"]

#: Of a hash, in text.
SHOWN_DIGITS = 12
_HANDED = "handed over"


@dataclass(frozen=True)
class Origin:
    """Version, seed and hashes of the inputs.

    Attributes
    ----------
    version : str
        Of the package, which says what the cards, models and presets are that come with it.
    seed : int or None
        Of the random streams; None where nothing is drawn.
    document : str or None
        SHA-256 of the scenario's document, as `files.plain_json` writes it, files without their folders; None where
        there is no scenario.
    files : mapping of str to str
        SHA-256 of every file that it was made from, by its name without the folders; of traces and calls that were
        handed over beside the document one for all of them, by ``handed over``.
    """

    version: str
    seed: int | None
    document: str | None
    files: Mapping[str, str]

    @property
    def line(self) -> str:
        """All of it in a short line; hashes by their first twelve digits."""
        parts = [f"gpushare {self.version}"]
        parts += [f"seed {self.seed}"] if self.seed is not None else []
        parts += [f"scenario {self.document[:SHOWN_DIGITS]}"] if self.document is not None else []
        return ", ".join(
            [*parts, *(f"{name} {digest[:SHOWN_DIGITS]}" for name, digest in self.files.items())]
        )

    def beside(self, files: Iterable[str | os.PathLike[str]]) -> Origin:
        """The same, with files that were read beside the scenario."""
        return replace(self, files={**self.files, **_digests(files)})

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
    handed = scenario._recipe.inputs.digest()
    return Origin(
        installed_version(),
        scenario.seed if seed is None else seed,
        _document_digest(scenario, named),
        {os.path.basename(path): digest for path, digest in named.items()}
        | ({_HANDED: handed} if handed else {}),
    )


def origin_of_files(paths: Iterable[str | os.PathLike[str]], seed: int | None = None) -> Origin:
    """That of an answer which no scenario is simulated for.

    Parameters
    ----------
    paths : iterable of str or path
        What it was made from; names of what comes with the package, which the version tells, are no files.
    seed : int, optional
        Of what is drawn.
    """
    return Origin(installed_version(), seed, None, _digests(paths))


def origin_of_folders(*paths: str | None) -> Origin:
    """That of folders with measurements, all of whose JSON files may have been read; None is no folder."""
    return origin_of_files(
        file for path in paths if path is not None for file in sorted(Path(path).glob("*.json"))
    )


def _digests(paths: Iterable[str | os.PathLike[str]]) -> dict[str, str]:
    return {os.path.basename(path): sha256(path) for path in paths if os.path.isfile(path)}
