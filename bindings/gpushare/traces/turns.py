"""Turns of voice calls as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..frames.tables import Table

__all__ = ["MEMBERS", "lines", "text"]

#: Members of a line, in their order.
MEMBERS = (
    "call",
    "turn",
    "user_tokens",
    "prompt_tokens",
    "first_sentence_tokens",
    "reply_tokens",
    "start_s",
    "silence_s",
    "speech_s",
    "audio_s",
    "heard_s",
)


def lines(calls: Mapping[str, Any] | Table) -> Iterator[str]:
    """One JSON object for each turn, from columns of that name."""
    columns = [np.asarray(calls[name]).tolist() for name in MEMBERS]
    for row in zip(*columns, strict=True):
        yield json.dumps(dict(zip(MEMBERS, row, strict=True))) + "\n"


def text(calls: Mapping[str, Any] | Table) -> bytes:
    """All of them."""
    return "".join(lines(calls)).encode()
