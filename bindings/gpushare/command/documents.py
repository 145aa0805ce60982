"""Documents that commands take: plans beside scenarios."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["plan_document"]


def plan_document(what: str) -> dict[str, Any] | None:
    """The document of a plan; None for what is none."""
    from ..scenario.other_documents import is_plan

    path = Path(what)
    if path.suffix != ".json" or not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # the reader of scenarios says what is wrong with it
    return document if is_plan(document) else None
