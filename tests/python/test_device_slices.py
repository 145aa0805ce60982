"""Nodes that only ResourceSlices tell of, and shares of a card's memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare.kubernetes.reading import read_cluster_files
from gpushare.yaml_files import write_yaml

H100 = "NVIDIA H100 80GB HBM3"


def device(name: str, version: str, **attributes: str) -> dict[str, Any]:
    members = {
        "attributes": {key: {"string": value} for key, value in attributes.items()},
        "capacity": {"memory": {"value": "81559Mi"}},
    }
    return {"name": name, "basic": members} if version == "v1beta1" else {"name": name, **members}


def sliced(
    node: str, devices: list[dict[str, Any]], version: str, driver: str = "gpu.nvidia.com"
) -> dict[str, Any]:
    return {
        "apiVersion": f"resource.k8s.io/{version}",
        "kind": "ResourceSlice",
        "metadata": {"name": f"{node}-{driver}-x7"},
        "spec": {
            "driver": driver,
            "nodeName": node,
            "pool": {"name": node, "generation": 1, "resourceSliceCount": 1},
            "devices": devices,
        },
    }


def gpus(count: int, version: str) -> list[dict[str, Any]]:
    return [device(f"gpu-{i}", version, type="gpu", uuid=f"GPU-{i}", productName=H100) for i in range(count)]


def load(node: str, count: int, product: str = H100) -> str:
    return "".join(
        f'DCGM_FI_DEV_GPU_UTIL{{gpu="{i}",modelName="{product}",Hostname="{node}"}} 20\n'
        for i in range(count)
    )


@pytest.mark.parametrize("version", ["v1", "v1beta2", "v1beta1"])
def test_slices_of_devices_are_nodes_with_their_gpus(tmp_path: Path, version: str) -> None:
    plain = "v1beta1" if version == "v1beta1" else "v1"
    found = gpus(5, plain)
    documents = [
        sliced("a", found[:3], version),
        sliced("a", found[3:], version),
        sliced("b", gpus(2, plain), version),
        sliced("b", [device("nic-0", plain, type="nic")], version, "nic.example.com"),
    ]
    write_yaml(documents, tmp_path / "slices.yaml")
    seen = read_cluster_files(tmp_path)
    assert [(node.name, node.product, node.gpus) for node in seen.nodes] == [("a", H100, 5), ("b", H100, 2)]
    assert seen.nodes[0].memory_bytes == 81559 * 2**20
    assert seen.other == {"ResourceSlice": 1}
    assert "5 nvidia.com/gpu" in str(gs.import_files(tmp_path))


def test_instances_of_a_slice_count_their_gpus_once_and_possible_ones_not_at_all(tmp_path: Path) -> None:
    cut = [
        device(
            f"mig-{gpu}-{i}", "v1", type="mig", parentUUID=f"GPU-{gpu}", profile="3g.40gb", productName=H100
        )
        for gpu in (0, 1)
        for i in (0, 1)
    ]
    possible = {
        **device("gpu-3-mig", "v1", type="mig", profile="1g.10gb", productName=H100),
        "consumesCounters": [],
    }
    write_yaml([sliced("a", [*cut, *gpus(1, "v1"), possible], "v1")], tmp_path / "slices.yaml")
    (node,) = read_cluster_files(tmp_path).nodes
    assert node.gpus == 3
    assert node.resources == {"nvidia.com/mig-3g.40gb": 4.0, "nvidia.com/gpu": 1.0}


def test_a_node_with_labels_counts_before_its_slices(tmp_path: Path) -> None:
    labels = {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu.count": "4"}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a", "labels": labels}, "status": {}}
    write_yaml([sliced("a", gpus(4, "v1"), "v1"), node], tmp_path / "all.yaml")
    seen = read_cluster_files(tmp_path)
    assert [(one.name, one.gpus, one.product) for one in seen.nodes] == [("a", 4, "NVIDIA-H100-80GB-HBM3")]


def test_slices_are_enough_to_say_what_a_cluster_could_do_with_less(tmp_path: Path) -> None:
    write_yaml([sliced("a", gpus(3, "v1"), "v1")], tmp_path / "slices.yaml")
    (tmp_path / "dcgm.prom").write_text(load("a", 3))
    found = gs.from_cluster(tmp_path)
    assert found.cards.counts == {"h100": 3}


@pytest.mark.parametrize("share", [10, 25, 50])
def test_a_share_of_the_memory_is_that_of_the_pods_card(tmp_path: Path, share: int) -> None:
    write_yaml([sliced("a", gpus(2, "v1"), "v1")], tmp_path / "slices.yaml")
    limits = {"nvidia.com/gpu": 1, "nvidia.com/gpumem-percentage": share, "nvidia.com/gpucores": 30}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "eyes-0", "namespace": "ai"},
        "spec": {"nodeName": "a", "containers": [{"name": "c", "resources": {"limits": limits}}]},
        "status": {"phase": "Running"},
    }
    write_yaml([pod], tmp_path / "pods.yaml")
    (tmp_path / "dcgm.prom").write_text(load("a", 2))
    assert f"{share} % of its memory" in str(gs.import_files(tmp_path))
    (tenant,) = (one for one in gs.from_cluster(tmp_path).tenants if one.name == "eyes-0")
    assert tenant.memory_bytes == pytest.approx(share / 100 * gs.profile("h100").memory_bytes)
    assert any(f"{share} % of the memory" in note for note in tenant.notes)
