"""GPU models that pods ask for."""

from __future__ import annotations

from collections.abc import Sequence

from .._errors import nearest
from ..frames.notices import Notice
from ..frames.tables import Table

__all__ = ["unknown_models"]

_NAMED = 3


def unknown_models(pods: Table, models: Sequence[str]) -> list[Notice]:
    """One for each ``gpu_spec`` of which no node has any model, with the pods that can go nowhere for it.

    Parameters
    ----------
    pods : Table
        ``name`` and perhaps ``gpu_spec``.
    models : sequence of str
        Those of the nodes.
    """
    if "gpu_spec" not in pods:
        return []
    asking: dict[str, list[str]] = {}
    for name, wanted in zip(pods["name"], pods["gpu_spec"], strict=True):
        if wanted and not set(str(wanted).split("|")) & set(models):
            asking.setdefault(str(wanted), []).append(str(name))
    return [Notice("gpu_spec", _told(wanted, names, models)) for wanted, names in asking.items()]


def _told(wanted: str, names: Sequence[str], models: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    case = [model for model in models if model.lower() == wanted.lower()]
    hint = f'did you mean "{case[0]}"?' if case else nearest(wanted, models)
    return f'no node has the GPU model "{wanted}" that {shown}{more} can go to alone; {hint}'
