"""What the pods of a cluster want, from what was measured: pods of one service together, with what was assumed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .._core import Error
from .._errors import fail, like
from ..kubernetes.objects import Node, Pod
from ..kubernetes.reading import Seen
from ..kubernetes.telemetry import Load, loads
from ..scenario.profiles import profile, profile_names

__all__ = ["Cards", "Tenant", "cards_of", "tenants_of"]

_IDLE = 0.01  # share of time below which a GPU without pods does nothing that has to be kept
_HELD = (
    2**30
)  # bytes from which its memory is somebody's all the same (assumed: a process without data holds half of it)


@dataclass(frozen=True)
class Cards:
    """GPUs of the cluster by profile, and the profile of each node."""

    counts: Mapping[str, int]
    of_node: Mapping[str, str]

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.counts.values())


@dataclass
class Tenant:
    """Pods of one service: how many, on how many GPUs each, and what each GPU of one of them sees of it.

    `busy`, `sms` and `bandwidth` are shares of a whole GPU's time, SMs and bandwidth; `memory_bytes` is what one
    process holds, None where it was not measured.
    """

    name: str
    model: str
    copies: int
    ranks: int
    busy: float
    sms: float | None
    bandwidth: float | None
    memory_bytes: float | None
    notes: list[str] = field(default_factory=list)


def cards_of(seen: Seen, found: Sequence[Load], told: Mapping[str, str] | None = None) -> Cards:
    """Which GPUs there are.

    Parameters
    ----------
    seen, found
        What was read, and its loads.
    told : mapping of str to str, optional
        Profiles of products that are not known by name.

    Raises
    ------
    Error
        For a product without a profile, and where neither nodes nor measurements name any.
    """
    products: dict[str, str] = {}
    gpus: dict[str, int] = {}
    for node in seen.nodes:
        if node.gpus and node.product:
            products[node.name] = node.product
            gpus[node.name] = _cut(node, found, told or {}, seen.source) if node.instance else node.gpus
    if not gpus:
        there: dict[str, set[str]] = {}
        for load in found:
            there.setdefault(load.node, set()).add(load.gpu)
            if load.product:
                products.setdefault(load.node, load.product)
        gpus = {node: len(numbers) for node, numbers in there.items() if node in products}
    if not gpus:
        raise fail(
            Error,
            seen.source,
            "neither nodes (kubectl get nodes -o yaml, with the labels of GPU Feature Discovery or of a cloud's "
            "machine type) nor measurements (the label modelName) say which GPUs there are",
        )
    of_node = {
        node: _profile(product, told or {}, seen.source) for node, product in products.items() if node in gpus
    }
    counts: dict[str, int] = {}
    for name, count in gpus.items():
        counts[of_node[name]] = counts.get(of_node[name], 0) + count
    return Cards(counts, of_node)


def _cut(node: Node, found: Sequence[Load], told: Mapping[str, str], source: str) -> int:
    """GPUs of a node that counts instances: those that were measured, or as few as can hold the instances."""
    measured = {load.gpu for load in found if load.node == node.name}
    if measured:
        return len(measured)
    card = profile(_profile(node.product, told, source))
    most = next((one["max_count"] for one in card.mig if one["name"] == node.instance), 1)
    return -(-node.gpus // int(most))


def _profile(product: str, told: Mapping[str, str], source: str) -> str:
    try:
        return profile(told.get(product, product)).name
    except Error:
        raise fail(
            Error,
            source,
            f'no profile describes the product "{product}"; say which is nearest: {product}=PROFILE, of '
            f"{like(product, profile_names())}",
        ) from None


def tenants_of(seen: Seen, found: Sequence[Load], cards: Cards) -> list[Tenant]:
    """Services of the pods that use GPUs, and one for each GPU that works for no pod that was read.

    Raises
    ------
    Error
        Where nothing was measured.
    """
    if not any(_busy(load) is not None for load in found):
        raise fail(
            Error,
            seen.source,
            "holds no utilisation of GPUs; add text of the DCGM exporter, or a range query of DCGM_FI_DEV_GPU_UTIL",
        )
    if not seen.pods:
        return [_of_gpu(load, cards) for load in found if _busy(load) is not None]
    groups: dict[tuple[str, str, str], list[Pod]] = {}
    for pod in seen.pods:
        groups.setdefault((pod.namespace, pod.owner, pod.model), []).append(pod)
    services = [_once(pods) for pods in groups.values()]
    every = [pod for pods in services for pod in pods]
    taken: set[str] = set()
    tenants = [_of_pods(pods, found, every, cards, taken) for pods in services]
    return tenants + [_of_nobody(load, cards, taken) for load in _without_pods(found, every)]


def _once(pods: list[Pod]) -> list[Pod]:
    """Of a service its pods, where what makes them was read beside them; and no ReplicaSet beside its Deployment."""
    running = [pod for pod in pods if not pod.makes_pods]
    names = {pod.name for pod in pods}
    return running or [pod for pod in pods if pod.made_by not in names] or pods


def _busy(load: Load) -> float | None:
    """The share of time that is planned for; of SMs in use where nothing says it of the GPU."""
    for share in (load.busy_p95, load.busy, load.sms):
        if share:
            return share
    return load.busy if load.busy is not None else load.sms


def _without_pods(found: Sequence[Load], every: Sequence[Pod]) -> list[Load]:
    """Loads of GPUs that work, or hold memory, for none of the pods that were read."""
    served = {id(load) for pod in every for load, _ in _loads_of(pod, found, every, [])}
    return [load for load in found if id(load) not in served and (_works(load) or _holds(load))]


def _works(load: Load) -> bool:
    return (_busy(load) or 0.0) > _IDLE


def _holds(load: Load) -> bool:
    return (load.memory_bytes or 0.0) >= _HELD


def _of_nobody(load: Load, cards: Cards, taken: set[str]) -> Tenant:
    tenant = _of_gpu(load, cards)
    tenant.name = _free_name(tenant.name, taken)
    names = ", ".join(sorted(name for _, name in load.pods))
    whose = "whose work it is" if _works(load) else "whose that is"
    who = f"the pods that it is measured for ({names}) are" if names else f"{whose}, is"
    does = "works" if _works(load) else f"is idle and holds {(load.memory_bytes or 0.0) / 1e9:.1f} GB"
    tenant.notes.append(
        f"GPU {load.gpu} of {load.node or 'a node'} {does}, and {who} not among the pods read: kept as it is"
    )
    return tenant


def _free_name(name: str, taken: set[str]) -> str:
    free = name
    while free in taken:
        free += "-2"
    taken.add(free)
    return free


def _of_gpu(load: Load, cards: Cards) -> Tenant:
    where = f"{load.node or 'node'}-{load.gpu}" + (f"-{load.instance}" if load.instance else "")
    if len(load.pods) == 1:
        where = next(iter(load.pods))[1]
    share = _share(load, cards)
    return Tenant(
        where.replace(".", "-"),
        "",
        1,
        1,
        _busy(load) or 0.0,
        None if load.sms is None else load.sms * share,
        load.bandwidth,
        load.memory_bytes,
        [] if share == 1 else [f"its work fills the instance {load.profile}, {100 * share:.0f} % of the SMs"],
    )


def _share(load: Load, cards: Cards) -> float:
    """Of the card's SMs, what an instance has."""
    if not load.profile or load.node not in cards.of_node:
        return 1.0
    card = profile(cards.of_node[load.node])
    found = next((one for one in card.mig if one["name"] == load.profile), None)
    return float(found["sms"]) / card.sms if found is not None else 1.0


def _of_pods(
    pods: Sequence[Pod], found: Sequence[Load], every: Sequence[Pod], cards: Cards, taken: set[str]
) -> Tenant:
    first = pods[0]
    notes: list[str] = []
    seen = [(load, share) for pod in pods for load, share in _loads_of(pod, found, every, notes)]
    if not seen:
        measured = [load for load in found if _busy(load) is not None]
        notes.append("not measured: taken to be as busy as the others on average")
        seen = [(load, 1.0) for load in measured]
    whole = [share * _share(load, cards) for load, share in seen]
    memory = [load.memory_bytes * share for load, share in seen if load.memory_bytes is not None]
    if any(one < 1 for one in whole) and any(load.profile for load, _ in seen):
        notes.append("its work fills the MIG instance that it has")
    ranks = max(1, round(first.gpus))
    return Tenant(
        _free_name(first.owner or first.name, taken),
        first.model,
        sum(pod.copies for pod in pods),
        ranks,
        _mean([(_busy(load) or 0.0) * share for load, share in seen]),
        _of_known(
            [None if load.sms is None else load.sms * one for (load, _), one in zip(seen, whole, strict=True)]
        ),
        _of_known([None if load.bandwidth is None else load.bandwidth * share for load, share in seen]),
        _limit(first, cards, notes) or (max(memory) if memory else None),
        notes,
    )


def _limit(pod: Pod, cards: Cards, notes: list[str]) -> float | None:
    """Bytes that a pod is limited to; a share of a card's memory is of its node's, or of the smallest there is."""
    if pod.memory_bytes is not None or pod.memory_share is None:
        return pod.memory_bytes
    kinds = [cards.of_node[pod.node]] if pod.node in cards.of_node else list(cards.counts)
    card = min((profile(kind) for kind in kinds), key=lambda one: one.memory_bytes)
    notes.append(f"{100 * pod.memory_share:g} % of the memory of {card.name} is its limit")
    return pod.memory_share * card.memory_bytes


def _is_of(pod: Pod, namespace: str, name: str) -> bool:
    """Whether a measured pod is this one, or one that this workload makes: they are named after it."""
    made = not pod.node and not pod.phase and name.startswith(f"{pod.name}-")
    return namespace == pod.namespace and (name == pod.name or made)


def _loads_of(
    pod: Pod, found: Sequence[Load], every: Sequence[Pod], notes: list[str]
) -> Iterator[tuple[Load, float]]:
    """Loads of the GPUs of a pod, each with the share of it that is the pod's."""
    own = [load for load in found if any(_is_of(pod, *measured) for measured in load.pods)]
    if own:
        for load in own:
            if len(load.pods) > 1 and not any("shared equally" in note for note in notes):
                notes.append("what its GPU does is shared equally among the pods on it")
            yield load, 1 / len(load.pods)
        return
    beside = [other for other in every if other.node and other.node == pod.node]
    here = [load for load in found if pod.node and load.node == pod.node and not load.pods]
    if here:
        asked = sum(other.gpus * other.copies for other in beside)
        if not any("without pods" in note for note in notes):
            notes.append("measurements without pods: its node's GPUs are shared equally among the pods there")
        for load in here:
            yield load, min(1.0, len(here) / max(asked, 1.0))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _of_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return _mean(known) if known else None


def all_loads(seen: Seen) -> list[Load]:
    """Every load that was measured."""
    return loads(seen.samples)
