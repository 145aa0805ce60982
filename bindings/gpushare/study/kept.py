"""Figures of a run that were kept in a file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..frames.notices import Notice
from ..frames.render import Field
from .bottleneck import Bottleneck
from .results import Summary

__all__ = ["KeptSummary"]


class KeptSummary(Summary):
    """Figures that were kept in a file, without their runs.

    Parameters
    ----------
    metrics : mapping of str to float
        By name.
    bottleneck : Bottleneck or None
        What the requests wait for most.
    only_pipeline, title : str
        The pipeline that the names of latencies leave out, and what is shown above the figures.
    warnings, assumptions : sequence of Notice
        What may mislead in them, and what they hang on that nobody said.
    """

    def __init__(
        self,
        metrics: Mapping[str, float],
        bottleneck: Bottleneck | None,
        only_pipeline: str,
        title: str,
        warnings: Sequence[Notice] = (),
        assumptions: Sequence[Notice] = (),
    ) -> None:
        self._runs = ()
        self.warnings = tuple(warnings)
        self.assumptions = tuple(assumptions)
        self._metrics = dict(metrics)
        self._latencies = [name.removesuffix("_p95_s") for name in metrics if name.endswith("_p95_s")]
        self.only_pipeline = only_pipeline
        if bottleneck is not None:
            self.bottleneck = bottleneck
        self._title_text = title

    def _title(self) -> str:
        return self._title_text

    def _partition_fields(self) -> list[Field]:
        names = [name.removesuffix(".busy") for name in self._metrics if re.fullmatch(r".*/.*\.busy", name)]
        return [Field("partition", names, "left"), *self._partition_figures(names)]
