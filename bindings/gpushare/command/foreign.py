"""Files of a cluster that are given where a scenario is expected."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress

from .._core import Error, ScenarioError

__all__ = ["meant_otherwise"]


def meant_otherwise(error: Exception, options: argparse.Namespace) -> str:
    """What to do with the file that was refused as a scenario; empty where it is none of a cluster's."""
    names = (getattr(options, word, None) for word in ("scenario", "what", "name"))
    given = next((name for name in names if isinstance(name, str)), "")
    if not isinstance(error, ScenarioError) or not os.path.isfile(given):
        return ""
    from ..kubernetes.reading import read_cluster_files

    with suppress(Error, OSError, ImportError):
        seen = read_cluster_files(given)
        found = ", ".join(sorted({one.what for one in seen.configs})) or "kubectl or an exporter"
        return (
            f"{given} is no scenario but a file of a cluster ({found}: {seen.files[given]}). `gpushare import {given}` "
            "says what it means, and `gpushare plan --from-cluster FOLDER` plans from the folder that has it"
        )
    return ""
