"""Multi-instance GPU: which layouts a card can be cut into."""

from __future__ import annotations

from .. import _core
from .profiles import ProfileLike, profile

__all__ = ["Layout", "layouts", "multisets", "parse", "states"]

Layout = _core.Layout


def layouts(
    gpu: ProfileLike = "a100", *, double_memory: bool = False, before_r510: bool = False
) -> list[Layout]:
    """Maximal layouts: no instance can be added to them.

    Parameters
    ----------
    gpu : str, path or Profile
        The GPU model.
    double_memory : bool
        Also use the 1g instances with twice the memory.
    before_r510 : bool
        Under a driver before R510, which refuses 4g beside 3g.

    Returns
    -------
    list of Layout
        One for each set of placements, largest instances first: 19 on A100.

    Raises
    ------
    ProfileError
        For a GPU that is not known.
    LayoutError
        For a GPU without MIG.

    Examples
    --------
    >>> import gpushare as gs
    >>> len(gs.mig.layouts("a100"))
    19
    """
    return _core.maximal_layouts(profile(gpu), double_memory=double_memory, before_r510=before_r510)


def multisets(
    gpu: ProfileLike = "a100", *, double_memory: bool = False, before_r510: bool = False
) -> list[Layout]:
    """Maximal layouts that differ in their instances, each in its first placement: 14 on A100."""
    return _core.maximal_multisets(profile(gpu), double_memory=double_memory, before_r510=before_r510)


def states(
    gpu: ProfileLike = "a100", *, double_memory: bool = False, before_r510: bool = False
) -> list[Layout]:
    """Every legal state, the empty one included: 298 on A100. See `layouts`.

    Examples
    --------
    >>> import gpushare as gs
    >>> len(gs.mig.states("a100"))
    298
    """
    return _core.all_states(profile(gpu), double_memory=double_memory, before_r510=before_r510)


def parse(text: str, gpu: ProfileLike = "a100") -> Layout:
    """Reads a layout such as ``"3g.40gb@0+3g.40gb@4"``, ``"7x1g.10gb"`` or ``"whole"``.

    Parameters
    ----------
    text : str
        Instances joined by ``+``; where starts are left out they are found. ``"3g.40gb@0(1c,2c)"`` splits an
        instance.
    gpu : str, path or Profile
        The GPU model.

    Returns
    -------
    Layout

    Raises
    ------
    LayoutError
        Which spans clash, or which instances there are.

    Examples
    --------
    >>> import gpushare as gs
    >>> str(gs.mig.parse("3g.40gb+3g.40gb"))
    '3g.40gb@0+3g.40gb@4'
    """
    return _core.parse_layout(profile(gpu), text)
