"""What a cluster could do with less: read from files alone, with everything that had to be assumed said."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare.command.cli import main
from gpushare.yaml_files import read_yaml, write_yaml

PRODUCT = "NVIDIA-A100-SXM4-80GB"


def node(name: str, gpus: int, product: str = PRODUCT) -> dict[str, Any]:
    labels = {"nvidia.com/gpu.product": product, "nvidia.com/gpu.count": str(gpus)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {"allocatable": {"nvidia.com/gpu": str(gpus)}},
    }


def pod(name: str, where: str, *words: str, app: str = "") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "ai", "labels": {"app": app or name.rpartition("-")[0]}},
        "spec": {
            "nodeName": where,
            "containers": [
                {"name": "a", "args": list(words), "resources": {"limits": {"nvidia.com/gpu": "1"}}}
            ],
        },
        "status": {"phase": "Running"},
    }


def scrape(rows: Sequence[tuple[str, int, float, float, float, str]]) -> str:
    """Lines of the exporter: node, GPU, busy, SMs, GB, pod."""
    lines = []
    for where, gpu, busy, sms, gb, name in rows:
        labels = f'gpu="{gpu}",modelName="NVIDIA A100-SXM4-80GB",Hostname="{where}"'
        labels += f',namespace="ai",pod="{name}"' if name else ""
        lines += [
            f"DCGM_FI_DEV_GPU_UTIL{{{labels}}} {100 * busy:g}",
            f"DCGM_FI_PROF_SM_ACTIVE{{{labels}}} {sms:g}",
            f"DCGM_FI_DEV_FB_USED{{{labels}}} {gb * 1e9 / 2**20:.0f}",
        ]
    return "\n".join(lines) + "\n"


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    """Four GPUs: two light detectors, a language model that is known, and a GPU that nobody uses."""
    write_yaml([node("gpu-1", 2), node("gpu-2", 2)], tmp_path / "nodes.yaml")
    pods = [
        pod("eyes-0", "gpu-1"),
        pod("eyes-1", "gpu-1"),
        pod("chat-0", "gpu-2", "--model=Qwen/Qwen3-4B", "--port=8000"),
    ]
    write_yaml([{"apiVersion": "v1", "kind": "List", "items": pods}], tmp_path / "pods.yaml")
    rows = [
        ("gpu-1", 0, 0.10, 0.04, 6.0, "eyes-0"),
        ("gpu-1", 1, 0.14, 0.05, 6.0, "eyes-1"),
        ("gpu-2", 0, 0.30, 0.20, 70.0, "chat-0"),
        ("gpu-2", 1, 0.0, 0.0, 0.5, ""),
    ]
    (tmp_path / "dcgm.prom").write_text(scrape(rows))
    return tmp_path


def test_pods_are_services_or_stand_ins_as_busy_as_they_were(cluster: Path) -> None:
    observed = gs.from_cluster(cluster)
    assert dict(observed.cards.counts) == {"a100": 4}
    eyes, chat = observed.tenants
    assert (eyes.name, eyes.copies, eyes.busy) == ("eyes", 2, pytest.approx(0.12))
    assert (chat.name, chat.model, chat.busy) == ("chat", "Qwen/Qwen3-4B", pytest.approx(0.30))
    services = observed.scenario.document["services"]
    assert services["eyes"]["model"]["sm_share"] == pytest.approx(0.045 / 0.12, abs=1e-3)
    assert services["chat"]["model"] == "qwen3-4b"
    alone = observed.scenario.with_placement(
        gs.Placement.from_dict(
            {
                "gpus": [
                    {"profile": "a100", "partitions": [{"processes": [name]}]}
                    for name in ("eyes", "eyes", "chat")
                ]
            }
        )
    )
    partitions = gs.simulate(alone, record_requests=False).runs[0].summary["partitions"]
    for partition, busy in zip(partitions, (0.12, 0.12, 0.30), strict=True):
        assert partition["busy"] == pytest.approx(busy, abs=0.05)


def test_what_is_known_of_a_service_stands_for_its_pods(cluster: Path, tmp_path: Path) -> None:
    chat = gs.Scenario.of(gs.llm("qwen3-4b", rate=2, prompt=300, reply=50), gpu="h100", name="mine")
    known = chat.with_objectives({"llm.ttft_p95": "250ms"})
    observed = gs.from_cluster(cluster, services={"chat": known})
    document = observed.scenario.document
    assert document["services"]["chat"] == known.document["services"]["llm"]
    (entry,) = [one for one in document["traffic"] if one["name"] == "chat"]
    assert entry["arrivals"]["rate_per_s"] == 2
    assert entry["sizes"] == known.document["traffic"][0]["sizes"]
    assert document["duration_s"] == known.duration_s
    assert list(document["objectives"]) == ["chat.ttft_p95"]
    assert observed.tenants[1].model == "as in mine"
    assert observed.scenario.gpus[0]["profile"] == "a100"  # where the pods are, not where the scenario was
    with pytest.raises(gs.ScenarioError, match="no service of the cluster has this name; it has eyes, chat"):
        gs.from_cluster(cluster, services={"chatty": known})
    two = gs.Scenario.of(gs.llm("qwen3-4b", rate=1), gs.tts(rate=1), gpu="a100")
    with pytest.raises(gs.ScenarioError, match="one service and one entry of traffic; found 2 and 2"):
        gs.from_cluster(cluster, services={"chat": two})


def test_everything_that_was_assumed_is_said(cluster: Path) -> None:
    said = "\n".join(map(str, gs.from_cluster(cluster).notices))
    for words in (
        "eyes: a stand-in: steps of 50 ms that keep a GPU 12 % busy, in each of 2",
        "prompts of 1,000 and replies of 200 tokens",
        "95th percentile",
    ):
        assert words in said
    text = gs.from_cluster(cluster).text(200)
    assert "4 a100, 2 services" in text


@pytest.mark.parametrize("beside", [("Deployment",), ("Deployment", "ReplicaSet"), ("ReplicaSet",)])
def test_what_makes_pods_is_not_counted_beside_them(
    cluster: Path, tmp_path: Path, beside: tuple[str, ...]
) -> None:
    counted = [(one.name, one.copies, one.busy) for one in gs.from_cluster(cluster).tenants]
    template = pod("eyes-0", "gpu-1")
    makers = []
    for kind in beside:
        name = {"Deployment": "eyes", "ReplicaSet": "eyes-7c9d8f6b5d"}[kind]
        meta: dict[str, Any] = {"name": name, "namespace": "ai", "labels": template["metadata"]["labels"]}
        if kind == "ReplicaSet":
            meta["ownerReferences"] = [{"kind": "Deployment", "name": "eyes"}]
        spec = {"replicas": 2, "template": {"metadata": {"labels": meta["labels"]}, "spec": template["spec"]}}
        makers.append({"apiVersion": "apps/v1", "kind": kind, "metadata": meta, "spec": spec})
    write_yaml(makers, cluster / "makers.yaml")
    assert [(one.name, one.copies, one.busy) for one in gs.from_cluster(cluster).tenants] == counted
    listed = read_yaml(cluster / "pods.yaml")[0].value["items"]
    write_yaml(
        [one for one in listed if one["kind"] != "Pod"], cluster / "pods.yaml"
    )  # of makers alone one counts
    assert [(one.name, one.copies) for one in gs.from_cluster(cluster).tenants][:1] == [("eyes", 2)]


def test_the_plan_says_what_could_be_freed(
    cluster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "plan.json"
    code = main(["plan", "--from-cluster", str(cluster), "--out", str(out), "--replications", "2"])
    assert code == 0
    text = capsys.readouterr().out
    assert "of 4 GPUs could be freed, if what was assumed holds" in text
    plan = json.loads(out.read_text())
    assert plan["cluster"]["freed"] == 4 - plan["gpus"] >= 2
    assert plan["cluster"]["assumed"]
    assert main(["export", "nvidia-smi", str(out), "-o", str(tmp_path / "out")]) == 0


def test_a_mock_of_a_scenario_comes_back_as_its_load(tmp_path: Path) -> None:
    scenario = gs.Scenario.load("voice-light")
    (tmp_path / "dcgm.prom").write_text(gs.mock(scenario).text())
    observed = gs.from_cluster(tmp_path)
    assert [tenant.name for tenant in observed.tenants] == ["asr-0", "llm-0", "tts-0"]
    partitions = gs.simulate(scenario).runs[0].summary["partitions"]
    for tenant, partition in zip(observed.tenants, partitions, strict=True):
        assert tenant.memory_bytes == pytest.approx(partition["memory_used_bytes"], abs=2**20)
        assert tenant.busy == pytest.approx(partition["busy"], rel=0.15)


def test_a_mock_of_what_was_found_is_found_again(cluster: Path, tmp_path: Path) -> None:
    observed = gs.from_cluster(cluster)
    dedicated = [
        {"profile": "a100", "partitions": [{"processes": [name]}]} for name in ("eyes", "eyes", "chat")
    ]
    again = tmp_path / "again"
    again.mkdir()
    mock = gs.mock(observed.scenario.with_placement(gs.Placement.from_dict({"gpus": dedicated})))
    (again / "dcgm.prom").write_text(mock.text())
    eyes, other, _ = gs.from_cluster(again).tenants
    for tenant in (eyes, other):
        assert tenant.busy == pytest.approx(0.12, abs=0.03)
        assert tenant.sms == pytest.approx(0.045, abs=0.015)


def test_a_node_that_counts_instances_has_as_many_gpus_as_hold_them(tmp_path: Path) -> None:
    write_yaml([node("gpu-1", 14, f"{PRODUCT}-MIG-1g.10gb"), pod("a-0", "gpu-1")], tmp_path / "all.yaml")
    (tmp_path / "dcgm.prom").write_text(scrape([("gpu-9", 0, 0.2, 0.1, 8, "a-0")]))
    assert dict(gs.from_cluster(tmp_path).cards.counts) == {"a100": 2}
    rows = [("gpu-1", gpu, 0.2, 0.1, 8, "a-0") for gpu in range(4)]
    (tmp_path / "dcgm.prom").write_text(scrape(rows))
    assert dict(gs.from_cluster(tmp_path).cards.counts) == {"a100": 4}


def test_pods_on_one_gpu_share_what_it_does(tmp_path: Path) -> None:
    write_yaml([node("gpu-1", 1), pod("a-0", "gpu-1"), pod("b-0", "gpu-1")], tmp_path / "all.yaml")
    rows = [("gpu-1", 0, 0.6, 0.3, 20.0, "a-0"), ("gpu-1", 0, 0.6, 0.3, 20.0, "b-0")]
    (tmp_path / "dcgm.prom").write_text(scrape(rows))
    for tenant in gs.from_cluster(tmp_path).tenants:
        assert tenant.busy == pytest.approx(0.3)
        assert tenant.memory_bytes == pytest.approx(10e9, rel=1e-3)
        assert any("shared equally" in note for note in tenant.notes)


def test_measurements_without_pods_go_to_the_pods_of_the_node(tmp_path: Path) -> None:
    write_yaml([node("gpu-1", 2), pod("a-0", "gpu-1"), pod("a-1", "gpu-1")], tmp_path / "all.yaml")
    (tmp_path / "dcgm.prom").write_text(
        scrape([("gpu-1", 0, 0.2, 0.1, 8, ""), ("gpu-1", 1, 0.4, 0.2, 8, "")])
    )
    (tenant,) = gs.from_cluster(tmp_path).tenants
    assert tenant.busy == pytest.approx(0.3)
    assert any("measurements without pods" in note for note in tenant.notes)


@pytest.mark.parametrize(("held_gb", "kept"), [(0.5, False), (1.2, True), (70.0, True)])
def test_an_idle_gpu_that_holds_memory_is_somebodys(tmp_path: Path, held_gb: float, kept: bool) -> None:
    write_yaml([node("gpu-1", 2), pod("a-0", "gpu-1")], tmp_path / "all.yaml")
    rows = [("gpu-1", 0, 0.6, 0.3, 20.0, "a-0"), ("gpu-1", 1, 0.0, 0.0, held_gb, "")]
    (tmp_path / "dcgm.prom").write_text(scrape(rows))
    found = gs.from_cluster(tmp_path)
    assert [tenant.busy == 0 for tenant in found.tenants] == [False, True][: 1 + kept]
    said = f"GPU 1 of gpu-1 is idle and holds {held_gb:.1f} GB, and whose that is, is not among the pods read"
    assert any(said in note for tenant in found.tenants for note in tenant.notes) == kept
    assert found.scenario.document["services"].keys() == {tenant.name for tenant in found.tenants}


def test_without_measurements_or_cards_it_says_what_is_missing(tmp_path: Path) -> None:
    write_yaml([node("gpu-1", 2), pod("a-0", "gpu-1")], tmp_path / "all.yaml")
    with pytest.raises(gs.Error, match="holds no utilisation of GPUs; add text of the DCGM exporter"):
        gs.from_cluster(tmp_path)
    write_yaml([pod("a-0", "gpu-1")], tmp_path / "all.yaml")
    with pytest.raises(gs.Error, match="say which GPUs there are"):
        gs.from_cluster(tmp_path)


def test_a_product_without_a_profile_can_be_told(tmp_path: Path) -> None:
    write_yaml([node("gpu-1", 1, "ACME-G1"), pod("a-0", "gpu-1")], tmp_path / "all.yaml")
    (tmp_path / "dcgm.prom").write_text(scrape([("gpu-1", 0, 0.2, 0.1, 8, "a-0")]))
    with pytest.raises(
        gs.Error, match=r'no profile describes the product "ACME-G1"; .*ACME-G1=PROFILE, of .* more$'
    ):
        gs.from_cluster(tmp_path)
    assert dict(gs.from_cluster(tmp_path, {"ACME-G1": "a30"}).cards.counts) == {"a30": 1}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["plan"], "give either a SCENARIO or --from-cluster DIR"),
        (["plan", "voice-light", "--from-cluster", "x"], "give either"),
        (["plan", "voice-light", "--products", "a=b"], "--products is for --from-cluster"),
    ],
)
def test_the_command_takes_a_scenario_or_a_cluster(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(("held_gb", "precision"), [(40, None), (10, "fp8"), (7, "int4"), (2, "int4")])
def test_weights_of_a_model_are_no_larger_than_what_its_server_holds(
    tmp_path: Path, held_gb: float, precision: str | None
) -> None:
    words = ("--model", "meta-llama/Llama-3.1-8B-Instruct")
    write_yaml([node("gpu-1", 1), pod("chat-0", "gpu-1", *words)], tmp_path / "all.yaml")
    (tmp_path / "dcgm.prom").write_text(scrape([("gpu-1", 0, 0.3, 0.2, held_gb, "chat-0")]))
    seen = gs.from_cluster(tmp_path)
    (service,) = seen.scenario.document["services"].values()
    assert service.get("precision") == precision
    assert ("taken to be in" in " ".join(seen.text().split())) == (precision is not None)
