"""Documents that suites read, or change before they run them."""

from __future__ import annotations

import json
from typing import Any

from ..files import data_file

__all__ = ["figure", "measured", "model_document"]


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
    document: dict[str, Any] = json.loads(data_file(f"{name}.json", "models").read_text(encoding="utf-8"))
    document.pop("$schema", None)
    return document


def measured(file: str) -> Any:
    """A JSON file of ``validation/``: measured figures, each table with its source."""
    return json.loads(data_file(file).read_text(encoding="utf-8"))
