"""Who lives where on GPUs that are cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..scenario.placement import Placement

__all__ = ["instances", "unlike"]


def instances(placement: Placement) -> dict[str, list[str]]:
    """Services by instance, ``gpu1/4g.40gb@0``, of GPUs that are cut; no one's are left out."""
    return {
        f"gpu{number}/{part['name']}": list(part["processes"])
        for number, gpu in enumerate(placement.gpus)
        if gpu["layout"] != "whole"
        for part in gpu["partitions"]
        if part["processes"]
    }


def unlike(homes: Mapping[str, Mapping[str, list[str]]]) -> Iterator[tuple[str, str]]:
    """Each mode in which services got instances of several kinds: who has which."""
    for mode, where in homes.items():
        kinds = {place.partition("/")[2].partition("@")[0] for place in where}
        if len(kinds) > 1 and len({name for names in where.values() for name in names}) > 1:
            held = ", ".join(f"{' and '.join(names)} on {place}" for place, names in where.items())
            yield mode, held
