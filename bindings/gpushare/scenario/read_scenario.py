"""What a scenario says that was read."""

from __future__ import annotations

import json
from typing import Any

from .. import _core
from ..frames.notices import Notice, notices, told
from ..frames.render import brief, html_table, text_table, wrap
from .placement import Placement, placed_fields
from .workload import Workload


class ReadScenario:
    """Values of a scenario, none of which changes."""

    __slots__ = ("_handle",)
    _handle: _core.Scenario

    @property
    def name(self) -> str:
        """Name of the scenario."""
        return self._handle.name

    @property
    def description(self) -> str:
        """What it stands for."""
        return self._handle.description

    @property
    def mode(self) -> str:
        """Mode as shown in tables: ``"dedicated"``, ``"mig:3g.40gb+3g.40gb"``, ..."""
        return self._handle.mode

    @property
    def modes(self) -> list[str]:
        """The document's own named modes, in its order."""
        return self._handle.modes

    @property
    def services(self) -> list[str]:
        """Names of the services."""
        return self._handle.services

    @property
    def gpus(self) -> list[dict[str, Any]]:
        """Every GPU: its ``node``, ``profile``, ``layout`` and ``partitions``, as `Placement.gpus` has them."""
        return self._handle.gpus

    @property
    def seed(self) -> int:
        """Seed of its random streams."""
        return self._handle.seed

    @property
    def duration_s(self) -> float:
        """Simulated seconds; arrivals end here and the rest drains. 0: a run lasts until the last answer."""
        return self._handle.duration_s

    @property
    def warmup_s(self) -> float:
        """Seconds left out of the figures."""
        return self._handle.warmup_s

    @property
    def price_per_gpu_hour(self) -> float | dict[str, float]:
        """Price of one GPU for an hour, or the prices by kind of GPU."""
        return self._handle.price_per_gpu_hour

    @property
    def baseline_gpus(self) -> int:
        """GPUs of the dedicated placement: what "freed" is counted against."""
        return self._handle.baseline_gpus

    @property
    def host_cores(self) -> int:
        """CPU cores of the host, of the first where there are several nodes; 0: no limit."""
        return self._handle.host_cores

    @property
    def placement(self) -> Placement:
        """Where every process runs."""
        return Placement(self._handle.placement)

    @property
    def workload(self) -> Workload:
        """What has to be served, wherever it runs."""
        return Workload(**self._handle.workload)

    @property
    def document(self) -> dict[str, Any]:
        """The document with the mode or placement applied; a copy."""
        result: dict[str, Any] = json.loads(self._handle.document)
        return result

    @property
    def objectives(self) -> dict[str, Any]:
        """What it has to keep to, as the document has it but with figures by their canonical names; a copy."""
        result: dict[str, Any] = json.loads(self._handle.objectives)
        return result

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """What it says that is legal and still likely to mislead: magnitudes that no server, card or user has."""
        return notices(self._handle.warnings)

    @property
    def assumptions(self) -> tuple[Notice, ...]:
        """What its figures hang on and it does not say: defaults, and constants of sharing carried over from a card."""
        return notices(self._handle.assumptions)

    @property
    def figure_names(self) -> list[str]:
        """Canonical names of the figures that its runs have; with latencies that nobody may come to have."""
        return self._handle.figure_names

    def _title(self) -> str:
        modes = f"; its modes: {', '.join(self.modes)}" if self.modes else ""
        length = f"{self.duration_s:g} s" if self.duration_s > 0 else "until the last answer"
        return f"{self.name}, {self.mode}: {length}, seed {self.seed}{modes}"

    def __repr__(self) -> str:
        return brief(self, self._title())

    def __str__(self) -> str:
        parts = [wrap(self._title()), wrap(self.description), text_table(placed_fields(self.gpus))]
        parts += told(self.warnings)
        return "\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        return html_table(
            placed_fields(self.gpus),
            caption=self._title(),
            notes=[*([self.description] if self.description else []), *told(self.warnings, 10_000)],
        )
