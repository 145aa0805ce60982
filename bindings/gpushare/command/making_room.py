"""What would let refused modes run: language models that take less of the memory that they share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .._core import Error

if TYPE_CHECKING:
    from ..scenario.scenario import Scenario

__all__ = ["settings_that_fit"]

_KEY = "gpu_memory_utilization"


def settings_that_fit(scenario: Scenario, refused: Iterable[str]) -> list[str]:
    """``--set`` and its words for each language model, so that modes refused for their memory can run.

    Parameters
    ----------
    scenario : Scenario
        Whose modes.
    refused : iterable of str
        Modes that cannot run.

    Returns
    -------
    list of str
        Empty where none is refused for this, and where the document says how much each takes.
    """
    from ..scenario.builders import kind_of_model

    shares = [share for mode in refused for share in _fitting_shares(scenario, mode)]
    taking = [
        name
        for name, service in scenario.document["services"].items()
        if kind_of_model(service.get("model")) == "llm" and _KEY not in service.get("engine", {})
    ]
    if not shares:
        return []
    return [word for name in taking for word in ("--set", f"services.{name}.engine.{_KEY}={min(shares):g}")]


def _fitting_shares(scenario: Scenario, mode: str) -> list[float]:
    """Shares of the memory with which the language models of each part would fit together; none of other refusals."""
    from ..scenario.placing import fits

    try:
        misfits = fits(scenario.with_mode(mode)).misfits
    except Error:
        return []
    return [one.fitting_share for one in misfits if one.fitting_share is not None]
