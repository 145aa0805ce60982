"""What answers about a cluster have in common: a headline, a row for every policy, and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..frames.notices import Notice, plain
from ..frames.render import Field, brief, html_table, page_width, text_table, wrap
from .data import Cluster
from .sharing import Sharing

__all__ = ["Told"]


class Told:
    """Policies on the same cluster; prints as text, and as HTML in a notebook."""

    cluster: Cluster
    order_seed: int
    sharing: Sharing

    @property
    def warnings(self) -> Sequence[Notice]:
        """What is assumed, and what may mislead."""
        raise NotImplementedError

    def _headline(self) -> str:
        raise NotImplementedError

    def _fields(self) -> list[Field]:
        raise NotImplementedError

    def _notes(self, width: int) -> list[str]:
        raise NotImplementedError

    def text(self, width: int | None = None) -> str:
        """The answer first, then a row for every policy."""
        width = page_width(width)
        return "\n\n".join(
            [wrap(self._headline(), width), text_table(self._fields(), width=width), *self._notes(width)]
        )

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return brief(self, self._headline())

    def _repr_html_(self) -> str:
        return html_table(self._fields(), caption=self._headline(), notes=self._notes(10_000))

    def _shared(self, how: Mapping[str, Any], each: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """For JSON: `how` they were asked, and one policy, or ``policies`` with one for each."""
        shared = dict(how) | {
            "sharing": self.sharing.name,
            "mig_models": {model: found.name for model, found in self.sharing.profiles.items()},
            "nodes": len(self.cluster.nodes),
            "gpus": self.cluster.gpus,
            "pods": len(self.cluster.pods),
            "warnings": plain(self.warnings),
        }
        return each[0] | shared if len(each) == 1 else {"policies": list(each)} | shared
