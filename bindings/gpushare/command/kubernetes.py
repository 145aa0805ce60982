"""Commands about clusters outside: ``gpushare export``, ``import`` and ``mock``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from .exporting import add_export
from .importing import add_import
from .mocking import add_mock

__all__ = ["add_kubernetes"]


def add_kubernetes(subparsers: Any, add: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds the commands."""
    for one in (add_export, add_import, add_mock):
        one(subparsers, add)
