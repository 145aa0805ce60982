"""How shares of GPUs are held: as they are asked for, or by instances of the models that can be cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._core import Profile, ProfileError
from ..frames.notices import Notice
from ..scenario.profiles import ProfileLike, profile

__all__ = ["SHARINGS", "Sharing", "profile_of_model", "sharing_of"]

SHARINGS = ("time-slicing", "mps", "mig")
#: OpenB does not say what its G2 and G3 are.
_ASSUMED = {"G2": "a100", "G3": "a100"}


@dataclass(frozen=True)
class Sharing:
    """One of `SHARINGS`, the profiles of the models that are cut, and what is assumed of it."""

    name: str
    profiles: Mapping[str, Profile]
    notices: Sequence[Notice] = ()

    @property
    def words(self) -> str:
        """In a sentence."""
        if self.name != "mig":
            return f"shares of GPUs are held as asked ({self.name})"
        cut = ", ".join(f"{model} as {found.name}" for model, found in self.profiles.items())
        return f"a share is held by the smallest MIG instance with as much ({cut or 'no model can be cut'})"


def sharing_of(name: str, models: Sequence[str], mig: Mapping[str, ProfileLike] | None) -> Sharing:
    """What `name` means on nodes of these GPU models.

    Raises
    ------
    ValueError
        When there is no such way to share, a model of `mig` has no nodes, or its profile cannot be cut.
    """
    if name not in SHARINGS:
        raise ValueError(f"sharing: found {name!r}; expected {', '.join(SHARINGS)}")
    if name != "mig":
        if mig:
            raise ValueError(f'mig: GPUs are cut under sharing "mig" alone; found {name!r}')
        return Sharing(name, {})
    for model in mig or {}:
        if model not in models:
            raise ValueError(f"mig: no node has GPUs of model {model!r}; there are {', '.join(models)}")
    found, notices = {}, []
    for model in models:
        given = (mig or {}).get(model)
        if given is None:
            given = profile_of_model(model)
        if given is None and model in _ASSUMED:
            given = _ASSUMED[model]
            notices.append(
                Notice(f"mig.{model}", f"the list does not say what it is; taken for {given} (assumed)")
            )
        card = None if given is None else profile(given)
        if card is not None and _can_be_cut(card):
            found[model] = card
        elif model in (mig or {}):
            raise ValueError(f"mig: {card.name if card else model} cannot be cut into instances")
    whole = [model for model in models if model not in found]
    if whole:
        text = "taken to be without MIG: shares of these are held as they are (assumed)"
        notices.append(Notice(", ".join(f"mig.{model}" for model in whole), text))
    return Sharing(name, found, tuple(notices))


def profile_of_model(model: str) -> Profile | None:
    """The profile of that name, product or label, if there is one."""
    try:
        return profile(model)
    except ProfileError:
        return None


def _can_be_cut(card: Profile) -> bool:
    return bool(card.mig)
