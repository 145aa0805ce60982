"""Documents that suites change before they run them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["figure", "model_document"]


def figure(value: float, source: str, grade: str = "derived") -> dict[str, Any]:
    """A figure of a model or profile, with its source."""
    return {"value": value, "source": source, "grade": grade}


def model_document(name: str) -> dict[str, Any]:
    """The JSON document of a model that comes with the package, to be changed and put into a scenario.

    Raises
    ------
    FileNotFoundError
        There is no such model.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "data" / "models", package.parent.parent / "models"):
        path = folder / f"{name}.json"
        if path.is_file():
            document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            document.pop("$schema", None)
            return document
    raise FileNotFoundError(f"models/{name}.json is neither in the package nor in the source tree")
