"""Files of clusters: published configurations mean what their projects say, and what is wrong is said with its line."""

import json
from pathlib import Path
from typing import Any

import export_cases
import gpushare as gs
import published_configurations as published
import pytest
from gpushare.command.cli import main
from gpushare.kubernetes import telemetry
from gpushare.kubernetes.explaining import import_files
from gpushare.kubernetes.quantities import parse_quantity, quantity_of_bytes
from gpushare.kubernetes.reading import Seen, read_cluster_files
from gpushare.yaml_files import write_yaml, yaml_text
from hypothesis import given
from hypothesis import strategies as st
from published_configurations import mig_entry


def read(folder: Path, *documents: Any) -> Seen:
    write_yaml(documents, folder / "given.yaml")
    return read_cluster_files(folder / "given.yaml")


@pytest.mark.parametrize("name", published.MIG_PARTED_DEFAULT)
def test_mig_parteds_default_configurations_are_layouts(name: str, tmp_path: Path) -> None:
    counts = published.MIG_PARTED_DEFAULT[name]
    seen = read(tmp_path, {"version": "v1", "mig-configs": {name: [mig_entry(counts)]}})
    (entry,) = seen.configs[0].value
    text = str(gs.import_files(tmp_path / "given.yaml"))
    if counts is None:
        assert "whole, without MIG" in text
    elif not counts:
        assert "there are no instances" in text
    else:
        cards = [card for card in gs.profile_names() if fits(entry.layout, card)]
        assert cards, name
        assert all(card in text for card in cards)


def fits(layout: str, card: str) -> bool:
    try:
        gs.mig.parse(layout, card)
    except gs.Error:
        return False
    return True


@pytest.mark.parametrize("pci", published.MIG_PARTED_BALANCED)
def test_a_configuration_by_card_fits_the_card_that_it_names(pci: str, tmp_path: Path) -> None:
    card, counts = published.MIG_PARTED_BALANCED[pci]
    entry = mig_entry(counts, **{"device-filter": [pci]})
    seen = read(tmp_path, {"version": "v1", "mig-configs": {"all-balanced": [entry]}})
    assert seen.configs[0].value[0].device_filter == (pci,)
    assert fits(seen.configs[0].value[0].layout, card)


def test_a_configuration_of_single_gpus_says_which(tmp_path: Path) -> None:
    entries = [mig_entry(counts, devices) for devices, counts in published.MIG_PARTED_CUSTOM]
    config = yaml_text([{"version": "v1", "mig-configs": {"custom-config": entries}}])
    seen = read(
        tmp_path,
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"config.yaml": config}},
    )
    assert [one.devices for one in seen.configs[0].value] == [(0, 1, 2, 3), (4,), (5,), (6,), (7,)]
    text = gs.import_files(tmp_path / "given.yaml").text(200)
    assert "GPU 0, 1, 2, 3: whole, without MIG" in text
    assert "GPU 4: 7 x 1g.5gb, as mig:7x1g.5gb on a100-40gb" in text


@pytest.mark.parametrize(("method", "renamed", "replicas"), published.DEVICE_PLUGIN_EXAMPLES)
def test_the_device_plugins_examples_are_modes(
    method: str, renamed: bool, replicas: int, tmp_path: Path
) -> None:
    shared = {"renameByDefault": renamed, "resources": [{"name": "nvidia.com/gpu", "replicas": replicas}]}
    read(tmp_path, {"version": "v1", "sharing": {method: shared}})
    text = gs.import_files(tmp_path / "given.yaml").text(300)
    assert ("pods ask for nvidia.com/gpu.shared" in text) == renamed
    if method == "mps":
        assert "10 clients of MPS on each, 10 % of the threads and 1/10 of the memory each" in text
        assert "a pod that asks for more than one fails" in text
    else:
        assert "10 processes take turns on each, as time-slicing:x10" in text
        assert "is granted, and brings no more time" in text


def test_the_quickstart_of_dra_is_a_pod_with_two_gpus(tmp_path: Path) -> None:
    seen = read(tmp_path, *published.DRA_QUICKSTART)
    (claim,) = seen.claims
    assert claim.template
    assert (claim.sharing, claim.requests[0].device_class, claim.requests[0].count) == (
        "exclusive",
        "gpu.nvidia.com",
        1,
    )
    (pod,) = seen.pods
    assert pod.gpus == 2
    assert seen.other == {"Namespace": 1}


def test_a_claim_under_mps_has_its_limits(tmp_path: Path) -> None:
    read(tmp_path, published.DRA_MPS)
    text = gs.import_files(tmp_path / "given.yaml").text(300)
    assert "under MPS, at most 50 % of the threads each, at most 10.7 GB each" in text


def mig_config(devices: object = "all", enabled: bool = True, **more: object) -> dict[str, Any]:
    return {"version": "v1", "mig-configs": {"a": [{"devices": devices, "mig-enabled": enabled, **more}]}}


def plugin_config(
    method: str, name: str = "nvidia.com/gpu", replicas: int = 2, **more: object
) -> dict[str, Any]:
    return {
        "version": "v1",
        "sharing": {method: {"resources": [{"name": name, "replicas": replicas}], **more}},
    }


def pod_asking(count: str) -> dict[str, Any]:
    limits = {"nvidia.com/gpu": count}
    return {
        "kind": "Pod",
        "metadata": {"name": "a"},
        "spec": {"containers": [{"resources": {"limits": limits}}]},
    }


WRONG = [
    (mig_config(**{"device": "all"}), r'unknown key "device"; did you mean "devices"\?'),
    (mig_config("some", **{"mig-devices": {}}), "write all, or a list"),
    (mig_config([0], enabled=False, **{"mig-devices": {"1g.5gb": 7}}), "cannot be both"),
    (mig_config(**{"mig-devices": {"3g@0": 1}}), "write a profile"),
    (mig_config(), "mig-devices is missing"),
    (plugin_config("mps", replicas=1), "found 1; the plugin takes 2 or more"),
    (plugin_config("mps", "nvidia.com/mig-1g.5gb"), "MPS is for whole GPUs"),
    (plugin_config("timeSlicing", replica=4), r'unknown key "replica"'),
    ({"version": "v1", "flags": {"migStrategy": "multi"}}, "the plugin knows none, single, mixed"),
    ({"kind": "ResourceClaim", "metadata": {"name": "a"}, "spec": {}}, 'the key "devices" is missing'),
    (pod_asking("1GB"), '"GB" is written G'),
    ({"migManager": {"config": {"data": {"config.yaml": "a: [1"}}}}, r"config\.yaml:1:6"),
]


@pytest.mark.parametrize(("document", "says"), WRONG)
def test_what_is_wrong_is_said_with_its_line(document: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(gs.Error, match=says) as raised:
        read(tmp_path, document)
    assert "given.yaml:" in str(raised.value)


NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {
        "name": "gpu-1",
        "labels": {
            "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB-SHARED",
            "nvidia.com/gpu.count": "2",
            "nvidia.com/gpu.replicas": "4",
            "nvidia.com/gpu.memory": "81920",
            "nvidia.com/gpu.sharing-strategy": "time-slicing",
        },
    },
    "status": {"allocatable": {"cpu": "63500m", "memory": "500Gi", "nvidia.com/gpu": "8"}},
}
POD = {
    "metadata": {
        "name": "chat-7d9f8c6b5-x2x4z",
        "namespace": "ai",
        "ownerReferences": [{"kind": "ReplicaSet", "name": "chat-7d9f8c6b5f"}],
    },
    "spec": {
        "nodeName": "gpu-1",
        "containers": [
            {
                "name": "vllm",
                "command": ["vllm", "serve", "Qwen/Qwen3-4B"],
                "env": [
                    {"name": "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", "value": "30"},
                    {"name": "KEY", "valueFrom": {}},
                ],
                "resources": {"limits": {"nvidia.com/gpu": "1", "cpu": "500m"}},
            }
        ],
    },
    "status": {"phase": "Running"},
}


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_nodes_and_pods_are_read_as_kubectl_prints_them(suffix: str, tmp_path: Path) -> None:
    over = {**POD, "status": {"phase": "Succeeded"}}
    web = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "nginx", "resources": {}}]}}
    documents = {"nodes": [NODE], "pods": [{"kind": "Pod", **one} for one in (POD, over, web)]}
    for name, objects in documents.items():
        value = {"apiVersion": "v1", "kind": "List", "items": objects}
        text = yaml_text([value]) if suffix == "yaml" else json.dumps(value)
        (tmp_path / f"{name}.{suffix}").write_text(text)
    seen = read_cluster_files(tmp_path)
    (node,) = seen.nodes
    assert (node.product, node.gpus, node.replicas, node.cores) == ("NVIDIA-A100-SXM4-80GB", 2, 4, 63.5)
    assert node.memory_bytes == 80 * 2**30
    (pod,) = seen.pods
    assert (pod.owner, pod.model, pod.node, pod.gpus, pod.percentage) == (
        "chat",
        "Qwen/Qwen3-4B",
        "gpu-1",
        1,
        30,
    )
    assert seen.other == {"Pod": 2}


@pytest.mark.parametrize("case", export_cases.cases())
def test_what_was_exported_is_read_back_whole(case: str) -> None:
    seen = read_cluster_files(export_cases.EXPORTS / case)
    assert {Path(name).parts[0] for name in seen.files} >= {"dra", "vllm"}
    models = {service["model"] for service in export_cases.cases()[case].workload.services}
    assert {pod.model for pod in seen.pods} == models


def test_a_folder_without_anything_about_gpus_says_what_is_read(tmp_path: Path) -> None:
    with pytest.raises(gs.Error, match=r"nothing about GPUs was found .*1 Service.*kubectl get pods,nodes"):
        read(tmp_path, {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}})


SCRAPE = """# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-1",modelName="NVIDIA H200",Hostname="gpu-1",pod="chat-0",namespace="ai"} 40
DCGM_FI_DEV_GPU_UTIL{gpu="1",modelName="NVIDIA A100-SXM4-80GB",Hostname="gpu-1"} 9223372036854775794
DCGM_FI_PROF_SM_ACTIVE{gpu="0",Hostname="gpu-1"} 0.2 1764400000000
DCGM_FI_DEV_FB_USED{gpu="0",Hostname="gpu-1"} 1024
DCGM_FI_PROF_GR_ENGINE_ACTIVE{gpu="1",GPU_I_PROFILE="3g.40gb",GPU_I_ID="1",Hostname="gpu-1"} 0.5
DCGM_FI_DEV_GPU_TEMP{gpu="0",Hostname="gpu-1"} 50
"""


def test_a_scrape_is_what_each_gpu_was_doing(tmp_path: Path) -> None:
    (tmp_path / "dcgm.prom").write_text(SCRAPE)
    whole, instance = telemetry.loads(read_cluster_files(tmp_path).samples)
    assert (whole.node, whole.gpu, whole.busy, whole.sms, whole.memory_bytes) == (
        "gpu-1",
        "0",
        0.4,
        0.2,
        2**30,
    )
    assert whole.pods == {("ai", "chat-0")}
    assert (instance.gpu, instance.instance, instance.profile, instance.busy) == ("1", "1", "3g.40gb", 0.5)


def _range(values: list[tuple[float, str]]) -> dict[str, Any]:
    metric = {
        "__name__": "DCGM_FI_DEV_GPU_UTIL",
        "Hostname": "gpu-1",
        "gpu": "0",
        "exported_pod": "chat-0",
        "pod": "dcgm-exporter-x",
    }
    return {
        "status": "success",
        "data": {"resultType": "matrix", "result": [{"metric": metric, "values": values}]},
    }


def test_a_range_query_and_its_tables_say_the_same(tmp_path: Path) -> None:
    values = [(1.7e9 + 15 * i, str(10 * i)) for i in range(11)]
    (tmp_path / "a.json").write_text(json.dumps(_range(values)))
    rows = "".join(f"DCGM_FI_DEV_GPU_UTIL,gpu-1,0,{at},{value}\n" for at, value in values)
    (tmp_path / "b.csv").write_text(f"metric,Hostname,gpu,timestamp,value\n{rows}")
    wide = "".join(f"2026-11-29 12:{i:02d}:00,{value}\n" for i, (_, value) in enumerate(values))
    (tmp_path / "c.csv").write_text(f'Time,"DCGM_FI_DEV_GPU_UTIL{{Hostname=""gpu-1"",gpu=""0""}}"\n{wide}')
    for name in ("a.json", "b.csv", "c.csv"):
        (load,) = telemetry.loads(read_cluster_files(tmp_path / name).samples)
        assert (load.node, load.gpu, load.samples) == ("gpu-1", "0", 11), name
        assert load.busy == pytest.approx(0.5)
        assert load.busy_p95 == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.prom", '# TYPE a gauge\na{b="c" 1\n', r"a\.prom:2: .*write NAME"),
        ("a.prom", "a 1\nDCGM_FI_DEV_GPU_UTIL{gpu=0} 1\n", r"a\.prom:2: .*among labels"),
        ("a.prom", "a 1\nDCGM_FI_DEV_GPU_UTIL x\n", r"a\.prom:2: .*a number is needed"),
        ("a.json", '{"status": "error", "error": "query timed out"}', "the query failed: query timed out"),
        (
            "a.json",
            '{"status": "success", "data": {"result": [{"metric": {}, "values": []}]}}',
            "no __name__",
        ),
        ("a.json", '{"status": ', r"a\.json:1:12: is not JSON"),
        ("a.csv", "time,load\n1,2\n", r"a\.csv:1: found the columns time, load; needed are metric"),
        ("a.csv", "metric,timestamp,value\nDCGM_FI_DEV_GPU_UTIL,1,x\n", r"a\.csv:2: .*a number is needed"),
        ("a.csv", "metric,timestamp,value\nDCGM_FI_DEV_GPU_UTIL,noon,1\n", r"a\.csv:2: .*a time in seconds"),
    ],
)
def test_what_is_wrong_in_measurements_is_said_with_its_line(
    name: str, text: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(gs.Error, match=says):
        read_cluster_files(tmp_path)


@given(st.integers(1, 10**6), st.sampled_from(["Ki", "Mi", "Gi", "Ti", "k", "M", "G", "T", "m", "", "e3"]))
def test_quantities_are_numbers(count: int, unit: str) -> None:
    scale = {"m": 1e-3, "": 1.0, "e3": 1e3}
    scale |= {name: 1024.0**power for power, name in enumerate(("Ki", "Mi", "Gi", "Ti"), 1)}
    scale |= {name: 1000.0**power for power, name in enumerate(("k", "M", "G", "T"), 1)}
    assert parse_quantity(f"{count}{unit}") == pytest.approx(count * scale[unit])
    assert parse_quantity(quantity_of_bytes(count * 2.0**20)) == count * 2**20


@pytest.mark.parametrize("text", ["10GB", "ten", "1 Gi", "", "1..2", True, None])
def test_what_is_no_quantity_is_refused_with_the_units(text: Any) -> None:
    with pytest.raises(gs.Error, match="write a number with one of Ki, Mi, Gi"):
        parse_quantity(text)


def test_the_command_explains_and_names_the_files_that_it_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dcgm.prom").write_text(SCRAPE)
    assert main(["import", str(tmp_path)]) == 0
    assert "dcgm.prom: 5 samples" in capsys.readouterr().out
    assert main(["import", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["loads"][0]["busy %"] == 40.0
    with pytest.raises(SystemExit):
        main(["import", "--help"])
    text = capsys.readouterr().out
    for name in ("nodes.yaml", "pods.yaml", "mig-parted.yaml", "values.yaml", "prometheus.csv", "dcgm.prom"):
        assert name in text


def test_a_scenario_takes_the_quantities_of_a_claim() -> None:
    """kubernetes-sigs/dra-driver-nvidia-gpu#1026: MPS, 50 % of threads and 10Gi each."""
    clients = [export_cases.client("eyes", 50, memory_limit_bytes="10Gi") for _ in range(2)]
    alone = {"partitions": [{"processes": ["chat"]}]}
    scenario = export_cases.shares([export_cases.mps(*clients), alone])
    assert scenario.gpus[0]["partitions"][0]["memory_limits_bytes"] == [10 * 2**30] * 2
    with pytest.raises(gs.ScenarioError, match=r'expected bytes, or a text with their unit such as "10Gi"'):
        export_cases.shares(
            [export_cases.mps(export_cases.client("eyes", 50, memory_limit_bytes="10 gigs")), alone]
        )


CONTAINERS = [{"name": "c", "image": "x", "resources": {"limits": {"nvidia.com/gpu": "2"}}}]
TEMPLATE = {"spec": {"containers": CONTAINERS}}
CUSTOM: dict[str, tuple[str, dict[str, Any], list[tuple[str, int]]]] = {
    "NIMService": (
        "apps.nvidia.com/v1alpha1",
        {"image": {"repository": "r"}, "replicas": 3, "resources": {"limits": {"nvidia.com/gpu": 2}}},
        [("own", 3)],
    ),
    "InferenceService": (
        "serving.kserve.io/v1beta1",
        {"predictor": {"minReplicas": 2, "model": {"resources": {"limits": {"nvidia.com/gpu": "2"}}}}},
        [("own", 2)],
    ),
    "LeaderWorkerSet": (
        "leaderworkerset.x-k8s.io/v1",
        {
            "replicas": 2,
            "leaderWorkerTemplate": {"size": 4, "leaderTemplate": TEMPLATE, "workerTemplate": TEMPLATE},
        },
        [("own-0", 2), ("own-1", 6)],
    ),
    "RayService": (
        "ray.io/v1",
        {"rayClusterConfig": {"workerGroupSpecs": [{"groupName": "g", "replicas": 3, "template": TEMPLATE}]}},
        [("own", 3)],
    ),
    "CronJob": (
        "batch/v1",
        {"jobTemplate": {"spec": {"parallelism": 3, "template": TEMPLATE}}},
        [("own", 3)],
    ),
    "Service": ("serving.knative.dev/v1", {"template": TEMPLATE}, [("own", 1)]),
    "Rollout": ("argoproj.io/v1alpha1", {"replicas": 4, "template": TEMPLATE}, [("own", 4)]),
    "Job": (
        "batch.volcano.sh/v1alpha1",
        {"minAvailable": 2, "tasks": [{"replicas": 2, "name": "worker", "template": TEMPLATE}]},
        [("own", 2)],
    ),
    "PyTorchJob": (
        "kubeflow.org/v1",
        {
            "pytorchReplicaSpecs": {
                "Master": {"replicas": 1, "template": TEMPLATE},
                "Worker": {"replicas": 3, "template": TEMPLATE},
            }
        },
        [("own-master", 1), ("own-worker", 3)],
    ),
}


@pytest.mark.parametrize("kind", CUSTOM)
def test_objects_of_other_projects_are_the_pods_that_they_make(kind: str, tmp_path: Path) -> None:
    version, spec, pods = CUSTOM[kind]
    seen = read(tmp_path, {"apiVersion": version, "kind": kind, "metadata": {"name": "own"}, "spec": spec})
    assert [(one.name, one.copies) for one in seen.pods] == pods
    assert all(one.resources == {"nvidia.com/gpu": 2} for one in seen.pods)
    assert all(one.makes_pods for one in seen.pods)


def test_objects_without_gpus_are_counted_as_not_read(tmp_path: Path) -> None:
    plain = {"containers": [{"name": "c", "image": "x", "resources": {"limits": {"cpu": "1"}}}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, **TEMPLATE}
    service = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {"template": {"spec": plain}},
    }
    seen = read(tmp_path, pod, service)
    assert [one.name for one in seen.pods] == ["p"]
    assert dict(seen.other) == {"Service": 1}
    assert "not read: 1 Service" in str(gs.import_files(tmp_path / "given.yaml"))


def test_slices_of_instaslice_are_instances(tmp_path: Path) -> None:
    limits = {"instaslice.redhat.com/mig-1g.5gb": 1}
    spec = {"containers": [{"name": "c", "image": "x", "resources": {"limits": limits}}]}
    seen = read(tmp_path, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
    assert seen.pods[0].resources == {"nvidia.com/mig-1g.5gb": 1}


def test_a_configuration_in_a_file_and_in_a_config_map_is_told_once(tmp_path: Path) -> None:
    gs.export("mig-parted", gs.Scenario.load("voice-light", "mig:3g.40gb+2g.20gb+2g.20gb"), tmp_path)
    found = import_files(tmp_path)
    assert len(found.seen.configs) > 1
    lines = [line for line in found.text(200).splitlines() if line.startswith("mig-parted ")]
    assert lines
    assert len(lines) == len(set(lines))
