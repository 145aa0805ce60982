"""Descriptions of GPU models and networks, every figure with source and grade."""

from __future__ import annotations

import functools
import os

from .. import _core
from .._numbers import check_name
from ..yaml_documents import with_yaml_lines

__all__ = ["Model", "Profile", "model", "model_names", "profile", "profile_names"]

Profile = _core.Profile
Model = _core.Model
ProfileLike = str | os.PathLike[str] | _core.Profile


def profile(gpu: ProfileLike) -> Profile:
    """A GPU model's description.

    Parameters
    ----------
    gpu : str, path or Profile
        A name (see `profile_names`), a file in JSON or YAML, or a profile, which is given back.

    Returns
    -------
    Profile

    Raises
    ------
    ProfileError
        When there is no such profile, or the file is malformed, with file and JSON pointer.

    Examples
    --------
    >>> import gpushare as gs
    >>> gs.profile("a100").sms
    108
    """
    if isinstance(gpu, Profile):
        return gpu
    name = check_name("gpu", gpu, "a name, a path or a Profile")
    if name in _shipped_names():
        return _shipped(name)
    with with_yaml_lines(_core.ProfileError):
        return _core.load_profile(name)


@functools.cache
def _shipped_names() -> frozenset[str]:
    return frozenset(_core.profile_names())


@functools.cache
def _shipped(name: str) -> Profile:
    """A profile cannot be changed, so that one is enough for all who ask for it."""
    return _core.load_profile(name)


def profile_names() -> list[str]:
    """Names that `profile` knows, ascending.

    Examples
    --------
    >>> import gpushare as gs
    >>> "h200" in gs.profile_names()
    True
    """
    return _core.profile_names()


def model(name_or_path: str | os.PathLike[str]) -> Model:
    """A network's cost description.

    Parameters
    ----------
    name_or_path : str or path
        A name (see `model_names`) or a file in JSON or YAML.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        When there is no such model, or the file is malformed, with file and JSON pointer.

    Examples
    --------
    >>> import gpushare as gs
    >>> gs.model("llama-3.1-8b").name
    'llama-3.1-8b'
    """
    with with_yaml_lines(_core.ModelError):
        return _core.load_model(check_name("model", name_or_path, "a name or a path"))


def model_names() -> list[str]:
    """Names that `model` knows, ascending."""
    return _core.model_names()
