"""What would let refused modes run: language models that take less of the memory that they share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["settings_that_fit"]

_ASKED = re.compile(r"choose a gpu_memory_utilization of at most (0\.\d+) for each LLM process")
_KEY = "gpu_memory_utilization"


def settings_that_fit(document: Mapping[str, Any], refused: Iterable[str]) -> list[str]:
    """``--set`` and its words for each language model, so that modes refused for their memory can run.

    Parameters
    ----------
    document : mapping
        A scenario's.
    refused : iterable of str
        Why modes cannot run.

    Returns
    -------
    list of str
        Empty where none is refused for this, and where the document says how much each takes.
    """
    from ..scenario.builders import kind_of_model

    shares = [float(found[1]) for why in refused if (found := _ASKED.search(why))]
    services = document.get("services", {})
    taking = [
        name
        for name, service in services.items()
        if kind_of_model(service.get("model")) == "llm" and _KEY not in service.get("engine", {})
    ]
    if not shares:
        return []
    return [word for name in taking for word in ("--set", f"services.{name}.engine.{_KEY}={min(shares):g}")]
