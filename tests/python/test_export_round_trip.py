"""Any placement: each format says it, and its reader reads it back, or refuses it with a reason."""

from collections import Counter
from contextlib import suppress
from functools import lru_cache
from typing import Any

import gpushare as gs
import kubernetes_validate  # type: ignore[import-untyped, unused-ignore]
from export_cases import shares
from gpushare.kubernetes import device_plugin, dra, mig_parted
from gpushare.kubernetes.exporting import exported
from gpushare.kubernetes.fleet import Fleet, Part, fleet_of
from gpushare.kubernetes.formats import FORMATS
from gpushare.kubernetes.objects import Pod, read_pods
from gpushare.kubernetes.tables import Found
from gpushare.yaml_files import parse_yaml
from hypothesis import assume, given
from hypothesis import strategies as st

#: A node with each service on GPUs of its own; what else there is draws detectors, which fit anywhere.
ALONE: list[dict[str, Any]] = [{"partitions": [{"processes": [name]}]} for name in ("chat", "eyes")]
LAYOUTS = [str(layout) for layout in gs.mig.states("a100") if layout]


@st.composite
def partitions(draw: st.DrawFn) -> dict[str, Any]:
    sharing = draw(st.sampled_from(["exclusive", "time-slicing", "mps"]))
    count = 1 if sharing == "exclusive" else draw(st.integers(1, 4))
    names = ["eyes"] * count
    if sharing != "mps":
        return {"sharing": sharing, "processes": names}
    caps = draw(st.sampled_from([100, 60, 50, 25, 20]))
    clients = [
        {"service": name, "active_thread_percentage": caps - 5 * (i % 2)} for i, name in enumerate(names)
    ]
    return {"sharing": sharing, "processes": clients if caps < 100 else names}


@st.composite
def gpus(draw: st.DrawFn) -> dict[str, Any]:
    layout = draw(st.one_of(st.just("whole"), st.sampled_from(LAYOUTS)))
    count = len(gs.mig.parse(layout, "a100").partitions)
    inner = draw(
        st.lists(st.one_of(partitions(), st.just({"processes": []})), min_size=count, max_size=count)
    )
    return {"layout": layout, "partitions": inner}


@lru_cache(maxsize=100)  # the same text is looked at from several sides
def objects(text: str) -> list[Found]:
    return [Found(one.value, one.where) for one in parse_yaml(text)]


def pods(text: str) -> list[Pod]:
    found = [read_pods(one) for one in objects(text)]
    return [pod for pod in found if pod is not None]


def filled(fleet: Fleet) -> list[Part]:
    return [part for card in fleet.cards for part in card.parts if part.seats]


@given(st.lists(st.lists(gpus(), min_size=1, max_size=2), min_size=1, max_size=2))
def test_a_placement_is_read_back_or_refused(nodes: list[list[dict[str, Any]]]) -> None:
    scenario = shares(*nodes, ALONE)
    assume(gs.fits(scenario))
    fleet = fleet_of(scenario)
    said: dict[str, dict[str, str]] = {}
    for name in FORMATS:
        with suppress(gs.ExportError):
            said[name] = exported(name, scenario)
    assert set(said) >= {"dra", "compose", "vllm", "triton", "nvidia-smi"}
    check_instances(fleet, said.get("mig-parted"))
    check_plugin(fleet, said.get("device-plugin"))
    check_claims(fleet, said["dra"])
    # Reading Kubernetes' schemas takes longer than all the rest: the last of each file only.
    for name in ("claims.yaml", "deployments.yaml"):
        kubernetes_validate.validate(objects(said["dra"][name])[-1].value, "1.37", strict=True)
    for files in said.values():
        if "deployments.yaml" in files:
            assert sum(pod.copies for pod in pods(files["deployments.yaml"])) == len(fleet.replicas)


def check_instances(fleet: Fleet, files: dict[str, str] | None) -> None:
    assert (files is not None) == any(card.cut for card in fleet.cards)
    if files is None:
        return
    (config,) = objects(files["mig-parted-config.yaml"])
    entries = mig_parted.read_mig_parted(config)
    chosen = {
        one.value["metadata"]["name"]: one.value["metadata"]["labels"][mig_parted.LABEL]
        for one in objects(files["node-labels-mig.yaml"])
    }
    for card in fleet.cards:
        own = [one for one in entries[chosen[card.node]] if not one.devices or card.index in one.devices]
        assert len(own) == 1
        assert own[0].enabled == card.cut
        assert own[0].counts == (Counter(part.instance for part in card.parts) if card.cut else {})


def check_plugin(fleet: Fleet, files: dict[str, str] | None) -> None:
    if files is None:
        return
    (mapped,) = objects(files["device-plugin-configmap.yaml"])
    chosen = {
        one.value["metadata"]["name"]: one.value["metadata"]["labels"][device_plugin.LABEL]
        for one in objects(files["node-labels-device-plugin.yaml"])
    }
    for node, cards in fleet.nodes.items():
        (config,) = objects(mapped.value["data"][chosen[node]])
        read = device_plugin.read_plugin_config(config)
        for card in cards:
            for part in card.parts:
                if part.seats:
                    assert read.replicas.get(part.resource, 1) == len(part.seats)
                    assert not part.shared or read.method == part.sharing


def check_claims(fleet: Fleet, files: dict[str, str]) -> None:
    claims = {one.name: one for one in map(dra.read_claim, objects(files["claims.yaml"]))}
    shared = [part for part in filled(fleet) if part.shared]
    assert sum(not one.template for one in claims.values()) == len(shared)
    given = Counter((one.sharing, one.percentage or 100) for one in claims.values() if not one.template)
    capped = [max(seat.percentage for seat in part.seats) for part in shared]
    assert given == Counter((part.sharing, cap) for part, cap in zip(shared, capped, strict=True))
    for pod in pods(files["deployments.yaml"]):
        (name,) = pod.claims
        limit = claims[name].percentage or 100
        assert (pod.percentage or limit) <= limit
