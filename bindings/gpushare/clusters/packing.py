"""Pods that arrive one after another and never leave: how much of the GPUs each policy fills."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, SupportsFloat

import numpy as np
import numpy.typing as npt

from .. import _core
from .._numbers import check_count, check_seed
from ..frames.progress import followed
from ..scenario.profiles import ProfileLike
from ..study.runner import run_counted, stoppable
from .data import Cluster, Rows, cluster_of
from .results import CURVES, Packing, PolicyRuns
from .sharing import sharing_of

__all__ = ["cluster", "policies_of", "policy_names"]

#: Shuffles, at most.
_MOST_SEEDS = 100_000


def policy_names() -> list[str]:
    """Names of the packing policies."""
    return [name for name, _ in _core.packing_policies()]


def policies_of(given: str | Sequence[str]) -> list[str]:
    """Each once, in order; commas separate them, capitals and hyphens do not matter, and ``all`` is each.

    Raises
    ------
    ValueError
        For a name that is no policy's, or none at all.
    """
    words = given.split(",") if isinstance(given, str) else list(given)
    known = policy_names()
    own = {_key(name): name for name in known}
    names: list[str] = []
    for word in (word.strip() for word in words if word.strip()):
        if word.lower() == "all":
            names += known
        elif _key(word) in own:
            names.append(own[_key(word)])
        else:
            raise ValueError(f"policy: found {word!r}; expected some of {', '.join(known)}, or all")
    if not names:
        raise ValueError(f"policy: found none; expected some of {', '.join(known)}, or all")
    return list(dict.fromkeys(names))


def _key(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def cluster(
    nodes: Rows | Cluster,
    pods: Rows | None = None,
    *,
    policy: str | Sequence[str] = "fgd",
    seeds: int | Sequence[int] = 10,
    arrive: float = 1.3,
    at: float | Sequence[float] | None = None,
    sharing: str = "time-slicing",
    mig: Mapping[str, ProfileLike] | None = None,
    order_seed: int = 1,
    threads: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Packing:
    """Packs pods on nodes as they arrive, shuffled, one after another; none leaves, and what fits nowhere is dropped.

    This is how fragmentation gradient descent was compared (Weng et al., "Beware of Fragmentation", ATC'23): its six
    policies, classes of pods, measure of fragmentation and arrivals.

    Parameters
    ----------
    nodes, pods : path, table, frame, mapping, list of rows or Cluster
        As `Cluster` takes them; a Cluster alone has both.
    policy : str or sequence of str
        Of ``gpushare.clusters.packing.policy_names()``; commas separate several.
    seeds : int or sequence of int
        Shuffles: as many from 1 on, or these.
    arrive : float
        GPU demand that arrives, of the GPUs: pods are drawn again, or left out, until it is.
    at : float or sequence of float, optional
        Shares arrived to look at; by default 1 and `arrive`.
    sharing : {"time-slicing", "mps", "mig"}
        How shares are held: as asked, or by the smallest MIG instance with as large a part of compute and memory.
    mig : mapping of str to profile, optional
        Which profile a model of the nodes is, where its name does not say.
    order_seed : int
        Of the order of nodes, in which ties are broken.
    threads : int, optional
        Runs at a time; by default one a core.
    progress : callable, optional
        Told runs done and in all.

    Returns
    -------
    Packing

    Raises
    ------
    TraceError
        For rows that cannot be.
    ValueError
        For a policy, share or count that there is not.

    Examples
    --------
    >>> import gpushare as gs
    >>> gs.cluster("nodes.csv", "pods.csv", policy="fgd,gpushare")  # doctest: +SKIP
    """
    found = cluster_of(nodes, pods)
    names = policies_of(policy)
    order_seed = check_seed(order_seed, "order_seed")
    numbers = _seeds(seeds)
    looks = _looks(arrive, at)
    share = sharing_of(sharing, found.models, mig)
    cases = [(name, seed) for name in names for seed in numbers]

    def run(case: tuple[str, int], cancelled: Callable[[], bool]) -> dict[str, Any]:
        with stoppable(cancelled):
            return found.data.arrivals(
                policy=case[0],
                arrive=float(arrive),
                seed=case[1],
                order_seed=order_seed,
                sharing=sharing,
                mig=dict(share.profiles),
                cancelled=cancelled,
            )

    with followed(progress, "packing", "count") as told:
        outcomes = run_counted(run, cases, told, threads=threads)
    runs = {
        name: _policy_runs(name, [outcomes[n * len(numbers) + i] for i in range(len(numbers))])
        for n, name in enumerate(names)
    }
    return Packing(found, runs, numbers, float(arrive), looks, order_seed, share)


def _seeds(given: int | Sequence[int]) -> list[int]:
    if isinstance(given, Iterable):
        numbers = [check_seed(seed, "seeds") for seed in given]
    else:
        numbers = list(range(1, check_count("seeds", given, most=_MOST_SEEDS) + 1))
    if not numbers:
        raise ValueError("seeds: found none; expected how many, or a list of seeds")
    return numbers


def _looks(arrive: float, at: float | Sequence[float] | None) -> list[float]:
    if not _is_share(arrive, 100):
        raise ValueError(f"arrive: found {arrive!r}; expected a share of the GPUs above 0 and at most 100")
    asked = list(at) if isinstance(at, Iterable) else [] if at is None else [at]
    for look in asked:
        if not _is_share(look, arrive):
            raise ValueError(f"at: found {look!r}; expected shares above 0 and at most arrive = {arrive:g}")
    looks = [1.0, arrive] if arrive > 1 else [arrive]
    return sorted({round(float(look), 2) for look in [*looks, *asked]})


def _is_share(value: object, most: float) -> bool:
    return isinstance(value, SupportsFloat) and 0 < float(value) <= most


def _policy_runs(name: str, outcomes: Sequence[Mapping[str, Any]]) -> PolicyRuns:
    longest = max(len(outcome["allocation"]) for outcome in outcomes)

    def padded(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.pad(values, (0, longest - len(values)), constant_values=np.nan)

    curves = {curve: np.stack([padded(outcome[curve]) for outcome in outcomes]) for curve in CURVES}
    counts = {
        count: np.array([outcome[count] for outcome in outcomes])
        for count in outcomes[0]
        if count not in CURVES
    }
    return PolicyRuns(name, curves, counts)
