"""Measured runs of one card: step tables, saturated groups, and co-runs, as the probe kit writes them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .._core import CalibrationError
from .._errors import fail
from ..frames.render import brief
from .measurement_files import Folder, read_cards, read_co_runs, read_groups, read_slice, read_steps
from .runs import CoRun, Group, StepCard, StepKey, StepRow

__all__ = ["Measurements"]


@dataclass(frozen=True)
class Measurements:
    """Everything measured on one card.

    Attributes
    ----------
    name : str
        Of the folder.
    dedicated, by_sms : list of StepRow
        Step times on the whole card without MPS, and under MPS at several numbers of SMs.
    groups : list of Group
        Saturated pairs and larger groups.
    co_runs, repeats : list of CoRun
        The co-runs, and the same taken another time.
    slice_s : float or None
        Median time slice, from the stretches in which endless kernels ran.
    cards : mapping
        Model cards.
    device : mapping
        What the probe found out about the card; may be empty.
    """

    name: str
    dedicated: list[StepRow] = field(default_factory=list)
    by_sms: list[StepRow] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    co_runs: list[CoRun] = field(default_factory=list)
    repeats: list[CoRun] = field(default_factory=list)
    slice_s: float | None = None
    cards: Mapping[StepKey, StepCard] = field(default_factory=dict)
    device: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        steps = len(self.dedicated)
        return brief(
            self, f"{self.name}: {steps} steps, {len(self.groups)} groups, {len(self.co_runs)} co-runs"
        )

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Measurements:
        """Reads a folder in the probe kit's format.

        Parameters
        ----------
        folder : str or path
            With ``steps_dedicated.json`` and any of ``steps_by_sm_share.json``, ``pairs.json``, ``groups.json``,
            ``scenarios.json`` with ``measured.json`` and ``measured_repeat.json``, ``time_slices.json``,
            ``cards.json``, ``device.json``.

        Raises
        ------
        CalibrationError
            A file is missing or malformed; the message names file and place.
        """
        path = Path(folder)
        if not path.is_dir():
            raise fail(CalibrationError, str(path), "no such folder")
        files = Folder(path)
        scenarios = files.object("scenarios.json", required=(path / "measured.json").is_file())
        return cls(
            name=path.resolve().name,
            dedicated=read_steps(files, "steps_dedicated.json", required=True),
            by_sms=read_steps(files, "steps_by_sm_share.json"),
            groups=[*read_groups(files, "pairs.json"), *read_groups(files, "groups.json")],
            co_runs=read_co_runs(files, scenarios, "measured.json"),
            repeats=read_co_runs(files, scenarios, "measured_repeat.json"),
            slice_s=read_slice(files, "time_slices.json"),
            cards=read_cards(files),
            device=files.object("device.json"),
        )

    @property
    def sms(self) -> int:
        """SMs of the whole card."""
        return max(row.sms for row in self.dedicated)

    def with_groups_of(self, others: Measurements) -> Measurements:
        """The same with the saturated groups and the time slice of others; SMs of another card by their share of it."""
        if others is self:
            return self
        share = self.sms / others.sms
        groups = [
            replace(group, sms=tuple(max(1, round(sms * share)) for sms in group.sms))
            for group in others.groups
        ]
        return replace(self, groups=groups, slice_s=others.slice_s)

    def card(self, key: StepKey) -> StepCard:
        """The model card of a step, or of the nearest shape of the same step; one kernel where there is none."""
        if key in self.cards:
            return self.cards[key]
        same = [other for other in self.cards if other[:2] == key[:2]]
        return self.cards[min(same, key=key.distance)] if same else StepCard(1.0)
