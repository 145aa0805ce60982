"""Exports: valid for their projects, as they are kept, read back as what was written, and refused with a reason."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import export_cases
import gpushare as gs
import kubernetes_validate  # type: ignore[import-untyped, unused-ignore]
import pytest
from export_cases import client, mps, shares
from gpushare.command.cli import main
from gpushare.kubernetes import device_plugin, dra, gpu_operator, mig_parted, servers
from gpushare.kubernetes.exporting import exported
from gpushare.kubernetes.fleet import fleet_of
from gpushare.kubernetes.formats import FORMATS
from gpushare.kubernetes.tables import Found, check
from gpushare.yaml_files import parse_yaml

CASES = export_cases.made()
#: Where kinds are validated by Kubernetes' own schemas; the versions that have resource.k8s.io/v1.
VERSIONS = ("1.34", "1.37")
CORE = {"ConfigMap", "Deployment", "Node", "ResourceClaim", "ResourceClaimTemplate"}
_META = {"name!": "text", "namespace": "text", "labels": {"*": "text"}}
_AMOUNT = {"quota!": "number", "limit!": "number", "overQuotaWeight!": "number"}
#: Kinds of other projects, by the tables of their fields (Kueue v1beta2, KAI scheduling.run.ai/v2).
TABLES: dict[str, Any] = {
    "ResourceFlavor": {"nodeLabels!": {"*": "text"}},
    "ClusterQueue": {
        "namespaceSelector!": {},
        "resourceGroups!": [
            {
                "coveredResources!": ["text"],
                "flavors!": [{"name!": "text", "resources!": [{"name!": "text", "nominalQuota!": "int"}]}],
            }
        ],
    },
    "LocalQueue": {"clusterQueue!": "text"},
    "Queue": {"parentQueue": "text", "resources!": {"cpu!": _AMOUNT, "memory!": _AMOUNT, "gpu!": _AMOUNT}},
}
API = {
    "ResourceFlavor": "kueue.x-k8s.io/v1beta2",
    "ClusterQueue": "kueue.x-k8s.io/v1beta2",
    "LocalQueue": "kueue.x-k8s.io/v1beta2",
    "Queue": "scheduling.run.ai/v2",
}
_DEVICE = {"driver!": "text", "device_ids!": ["text"], "capabilities!": ["text"]}
COMPOSE = {
    "name!": "text",
    "services!": {
        "*": {
            "image!": "text",
            "command": ["text"],
            "ipc": "text",
            "environment": {"*": "text"},
            "volumes": ["text"],
            "depends_on": ["text"],
            "deploy!": {"resources!": {"reservations!": {"devices!": [_DEVICE]}}},
        }
    },
    "volumes": {"*": {}},
}


def objects() -> Iterator[tuple[str, Any]]:
    """Every object of every case, with its file."""
    for case, files in CASES.items():
        for path, text in files.items():
            if path.endswith(".yaml"):
                for document in parse_yaml(text, f"{case}/{path}"):
                    yield f"{case}/{path}", document.value


def found(case: str, path: str) -> list[Found]:
    return [Found(one.value, one.where) for one in parse_yaml(CASES[case][path], path)]


@pytest.mark.parametrize("version", VERSIONS)
def test_objects_of_kubernetes_are_valid_by_its_own_schemas(version: str) -> None:
    kinds = set()
    for _, value in objects():
        if value.get("kind") in CORE:
            kubernetes_validate.validate(value, version, strict=True)
            kinds.add(value["kind"])
    assert kinds == CORE


def test_objects_of_other_projects_have_their_fields_and_no_others() -> None:
    kinds = set()
    for path, value in objects():
        kind = value.get("kind")
        if kind in TABLES:
            table = {"apiVersion!": "text", "kind!": "text", "metadata!": _META, "spec!": TABLES[kind]}
            check(Found(value, lambda pointer, path=path: f"{path}#{pointer}"), table)
            assert value["apiVersion"] == API[kind]
            kinds.add(kind)
        elif path.endswith("compose.yaml"):
            check(Found(value, lambda pointer, path=path: f"{path}#{pointer}"), COMPOSE)
            kinds.add("compose")
    assert kinds == {*TABLES, "compose"}


@pytest.mark.parametrize("case", export_cases.cases())
def test_exports_are_what_is_kept(case: str) -> None:
    kept = {
        str(file.relative_to(export_cases.EXPORTS / case)): file.read_text(encoding="utf-8")
        for file in (export_cases.EXPORTS / case).rglob("*")
        if file.is_file()
    }
    assert CASES[case] == kept, "python tests/golden/export_cases.py, and read the change"


def test_every_format_is_kept_by_some_case() -> None:
    there = {path.partition("/")[0] for files in CASES.values() for path in files} - {"README.md"}
    assert there == set(FORMATS)


def test_mig_parted_is_read_back_as_the_layouts() -> None:
    (config,) = found("mig-unequal".replace("mig", "mps"), "mig-parted/mig-parted-config.yaml")
    entries = mig_parted.read_mig_parted(config)
    assert [one.layout for one in entries["gpushare-rack0"]] == ["whole"]
    assert [one.layout for one in entries["gpushare-rack1"]] == ["3g.40gb+2g.20gb+1g.10gb"]
    layout = gs.mig.parse(entries["gpushare-rack1"][0].layout, "a100")
    assert str(layout) == "3g.40gb@0+2g.20gb@4+1g.10gb@6"
    (mapped,) = found("mps-unequal", "mig-parted/mig-parted-configmap.yaml")
    (inner,) = parse_yaml(mapped.value["data"]["config.yaml"])
    assert inner.value == config.value


def test_the_device_plugin_is_read_back_as_the_sharing() -> None:
    for case, method, replicas in (("time-slicing-4", "time-slicing", 4), ("mps-halves", "mps", 2)):
        (mapped,) = found(case, "device-plugin/device-plugin-configmap.yaml")
        for text in mapped.value["data"].values():
            (config,) = parse_yaml(text)
            read = device_plugin.read_plugin_config(Found(config.value, config.where))
            assert (read.method, read.replicas) == (method, {"nvidia.com/gpu": replicas})
            assert read.renamed
            assert read.one_each


def test_the_operators_values_hold_both_configurations() -> None:
    (values,) = found("mig-halves", "gpu-operator/gpu-operator-values.yaml")
    inner = gpu_operator.read_operator_values(values)
    entries = mig_parted.read_mig_parted(inner["mig-parted"])
    assert [one.layout for one in entries["gpushare-node0"]] == ["whole", "2x3g.40gb"]
    config = device_plugin.read_plugin_config(inner["device-plugin gpushare-node0"])
    assert (config.mig_strategy, config.method) == ("mixed", "exclusive")


def test_claims_are_read_back_as_parts_and_their_sharing() -> None:
    claims = [dra.read_claim(one) for one in found("mps-unequal", "dra/claims.yaml")]
    by_name = {one.name: one for one in claims}
    mps_claim = by_name["gpu0-whole"]
    assert (mps_claim.sharing, mps_claim.percentage, mps_claim.memory_limit_bytes) == ("mps", 60, 60 * 2**30)
    sliced = by_name["gpu1-2g-20gb-at-4"]
    assert sliced.sharing == "time-slicing"
    assert "device.attributes['gpu.nvidia.com'].profile == '2g.20gb'" in sliced.requests[0].conditions
    assert by_name["a100-3g-40gb"].template
    assert by_name["a100-3g-40gb"].sharing == "exclusive"


def test_less_than_the_claims_percentage_stands_in_the_pods_environment() -> None:
    pods = {one.value["metadata"]["name"]: one.value for one in found("mps-unequal", "dra/deployments.yaml")}
    environments = {
        name: {
            one["name"]: one["value"]
            for one in pod["spec"]["template"]["spec"]["containers"][0].get("env", [])
        }
        for name, pod in pods.items()
    }
    assert environments["chat-0"] == {"CUDA_MPS_PINNED_DEVICE_MEM_LIMIT": "0=61440M"}
    assert environments["eyes-0"] == {
        "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE": "40",
        "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT": "0=8192M",
    }


def test_servers_are_read_back_as_the_engines() -> None:
    (options,) = found("mps-halves", "vllm/vllm-chat.yaml")
    read = servers.read_vllm(options)
    assert (read["max-num-seqs"], read["max-num-batched-tokens"], read["gpu-memory-utilization"]) == (
        256,
        2048,
        0.45,
    )
    config = servers.read_triton(CASES["mps-halves"]["triton/eyes/config.pbtxt"], "config.pbtxt")
    assert config["max_batch_size"] == 8
    assert config["dynamic_batching"] == {
        "preferred_batch_size": [4, 8],
        "max_queue_delay_microseconds": 2000,
    }
    assert config["instance_group"] == [{"count": 1, "kind": "KIND_GPU"}]


def test_a_language_model_without_an_engine_has_the_flags_of_the_server_that_it_is_simulated_with() -> None:
    document = shares(
        [{"partitions": [{"processes": ["chat"]}]}, {"partitions": [{"processes": ["eyes"]}]}]
    ).document
    flags, loads = [], []
    for engine in ({}, {"engine": {"preset": "vllm-0.24"}}):
        document["services"]["chat"] = {"model": "llama-3.1-8b", **engine}
        scenario = gs.Scenario.from_dict(document)
        flags.append(exported("vllm", scenario)["vllm-chat.yaml"])
        loads.append(gs.simulate(scenario).summary()["chat.ttft_p95_s"])
    assert "max-num-seqs: 256\n" in flags[0]
    assert flags[0] == flags[1]
    assert loads[0] == loads[1]


def test_stand_ins_have_no_configuration_of_a_server() -> None:
    document = shares(
        [{"partitions": [{"processes": ["chat"]}]}, {"partitions": [{"processes": ["eyes"]}]}]
    ).document
    document["services"]["eyes"] = {"model": {"kind": "synthetic", "gpu_s": 0.01}}
    with pytest.raises(gs.ExportError, match="here are continuous-batching, stand-ins"):
        exported("triton", gs.Scenario.from_dict(document))


def test_every_process_of_the_plan_is_a_pod_and_a_container() -> None:
    for case, scenario in export_cases.cases().items():
        fleet = fleet_of(scenario)
        for path, text in CASES[case].items():
            if path.endswith("/deployments.yaml"):
                pods = sum(one.value["spec"]["replicas"] for one in parse_yaml(text))
                assert pods == len(fleet.replicas), path


def test_scripts_are_shell_and_put_instances_at_their_slots() -> None:
    script = CASES["mps-unequal"]["nvidia-smi/rack1.sh"]
    assert "nvidia-smi mig -i 0 -cgi 3g.40gb:0,2g.20gb:4,1g.10gb:6 -C\n" in script
    for files in CASES.values():
        for path, text in files.items():
            if path.endswith(".sh"):
                subprocess.run(["sh", "-n"], input=text.encode(), check=True, timeout=20)


GRAVE = {"partitions": [{"sharing": "time-slicing", "processes": ["eyes", "eyes"]}]}
ALONE = {"partitions": [{"processes": ["chat"]}]}


@pytest.mark.parametrize(
    ("format", "gpus", "says"),
    [
        ("device-plugin", [mps("chat", "eyes")], r"100/100 % .* caps each of 2 at 50 %.*; dra can say it"),
        ("device-plugin", [mps(client("chat", 60), client("eyes", 40))], r"60/40 %.*; dra can say it"),
        (
            "device-plugin",
            [GRAVE, ALONE],
            r"has 1 and 2 processes on devices of nvidia.com/gpu.*; dra can say it",
        ),
        (
            "gpu-operator",
            [GRAVE, mps(client("chat", 50), client("eyes", 50))],
            r"shares GPUs by mps and by time-slicing: the plugin has one method.*; dra can say it",
        ),
        (
            "pods",
            [ALONE, {**mps(client("eyes", 50), client("eyes", 50)), "layout": "7g.80gb"}],
            r"MPS on 7g.80gb: the plugin has MPS on whole GPUs only; dra can say it",
        ),
        (
            "kueue",
            [mps(client("chat", 50), client("eyes", 25), client("eyes", 25))],
            r"caps each of 3 at 33.3 %",
        ),
        ("kai", [mps("chat", "eyes")], r"KAI starts no MPS daemon"),
        ("hami", [mps("chat", "eyes")], r"shares of time, which is not what was simulated"),
        ("mig-parted", [ALONE, GRAVE], r"no GPU of this placement is cut"),
        (
            "nvidia-smi",
            [
                {
                    "layout": "3g.40gb@0(1c,2c)",
                    "partitions": [{"processes": ["eyes"]}, {"processes": ["eyes"]}],
                },
                ALONE,
            ],
            r"is a compute instance: .*; mig-parted can say it",
        ),
    ],
)
def test_what_a_format_cannot_say_is_refused_with_the_reason(
    format: str, gpus: list[dict[str, Any]], says: str, tmp_path: Path
) -> None:
    scenario = shares(gpus)
    with pytest.raises(gs.ExportError, match=says):
        gs.export(format, scenario, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert re.search(says, exported("all", scenario)["README.md"])


def test_shares_of_time_are_said_to_be_lost() -> None:
    says = "shares of a GPU's time (fair: eyes 1, eyes 3) are said by no file here"
    for sharing, lost in (({"mode": "time-slicing", "weights": [1, 3]}, True), ("time-slicing", False)):
        gpu = {"partitions": [{"sharing": sharing, "processes": ["eyes", "eyes"]}]}
        readme = exported("compose", shares([gpu, ALONE]))["README.md"]
        assert (says in readme) == lost


def test_more_memory_than_the_plugin_gives_is_refused() -> None:
    gpu = mps(client("chat", 30), client("eyes", 30), client("eyes", 30))
    with pytest.raises(
        gs.ExportError, match=r"has chat with 38\.\d GB under MPS: the plugin gives each of 3 the same"
    ):
        exported("device-plugin", shares([gpu]))


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("a: 1\n")
    with pytest.raises(FileExistsError, match="not an empty folder"):
        gs.export("dra", "voice-heavy", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.yaml"]


def test_the_readme_says_what_was_assumed_and_that_nothing_was_applied() -> None:
    text = exported("dra", gs.Scenario.load("voice-heavy", "mps"), gs.Naming(nodes={"node0": "gpu-7"}))[
        "README.md"
    ]
    for words in (
        "Nothing was applied to a cluster",
        "gpu-7",
        "seed 1",
        "example.invalid",
        "rollback/README.md",
    ):
        assert words in text


def test_formats_and_their_files_stand_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    text = capsys.readouterr().out
    for name, one in FORMATS.items():
        assert re.search(rf"^  {name} +.*{re.escape(one.files)}$", text, re.MULTILINE)


def test_the_files_of_a_format_are_those_that_its_help_names() -> None:
    for name, one in FORMATS.items():
        named = re.compile(
            "|".join(
                re.escape(word).replace("SERVICE", r"[\w-]+").replace("NODE", r"[\w-]+")
                for word in one.files.split(", ")
            )
        )
        there = {
            path.removeprefix(f"{name}/")
            for files in CASES.values()
            for path in files
            if path.startswith(f"{name}/") and "/rollback/" not in path
        }
        assert there
        assert all(re.search(rf"(^|/)({named.pattern})$", path) for path in there), there


def test_the_command_writes_a_plan_and_says_that_nothing_was_applied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = gs.Plan(gs.Scenario.load("voice-light"), None, scenario=gs.Scenario.load("voice-light", "mps"))  # type: ignore[arg-type]
    written = plan.export("dra", tmp_path / "python")
    assert main(["export", "dra", "voice-light", "--mode", "mps", "-o", str(tmp_path / "command")]) == 0
    assert "Nothing was applied" in capsys.readouterr().out
    for name in written:
        assert (tmp_path / "python" / name).read_bytes() == (tmp_path / "command" / name).read_bytes()
    none = gs.Plan(gs.Scenario.load("voice-light"), None, why="no card is large enough")  # type: ignore[arg-type]
    with pytest.raises(gs.ScenarioError, match="no placement to export: no card is large enough"):
        none.export("dra", tmp_path / "none")
