"""Objectives that are no bounds of figures that every run has, as texts say them: ``tolerate=gpu``."""

from __future__ import annotations

import math
import re
from typing import Any

from .._core import ScenarioError
from .._errors import fail

__all__ = ["said_of_document"]

_TEXT = re.compile(
    r"\s*(isolation|memory_headroom|tolerate|goodput)\s*(?:<=|>=|=|<|>|\u2264|\u2265)\s*(.*?)\s*"
)


def said_of_document(text: str) -> dict[str, Any] | None:
    """As a document has it what a text says; None where the text bounds any other figure.

    Raises
    ------
    ScenarioError
        For values that are none, and for what takes more than a text.
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    key, value = found.groups()
    if key == "isolation":
        raise fail(
            ScenarioError,
            f"slo {text}",
            'isolation is between services, and stands in the document: "objectives": {"isolation": '
            '[{"between": ["llm", "asr"], "level": "hardware"}]}',
        )
    if key == "tolerate":
        return {key: value}
    share = _share(value)
    if math.isnan(share):
        raise fail(ScenarioError, f"slo {text}", f"found {value!r}; write a share such as 0.2 or 20%")
    return {key: {"at_least": share} if key == "goodput" else share}


def _share(text: str) -> float:
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return math.nan
