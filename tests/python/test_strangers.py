"""What people write who have not read the manual: amounts, names of a cluster, missing folders."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare.command import amounts
from gpushare.command.cli import main
from gpushare.kubernetes.telemetry import loads, read_csv_samples, read_exposition, read_prometheus
from gpushare.planning import advice
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (amounts.seconds, "0.2", 0.2),
        (amounts.seconds, "200ms", 0.2),
        (amounts.seconds, "200 ms", 0.2),
        (amounts.seconds, "500µs", 500e-6),
        (amounts.seconds, "2min", 120.0),
        (amounts.rate, "45/s", 45.0),
        (amounts.rate, "90/min", 1.5),
        (amounts.tokens, "1.2k", 1200.0),
        (amounts.whole_tokens, "128k", 128000),
        (amounts.dollars, "$2.50", 2.5),
        (amounts.share, "90%", 0.9),
        (amounts.share, "0.9", 0.9),
        (amounts.above_zero, "1e3", 1000.0),
    ],
)
def test_amounts_take_the_units_that_people_write(
    read: Callable[[str], float], text: str, value: float
) -> None:
    assert read(text) == value


@given(
    st.sampled_from(
        [amounts.seconds, amounts.rate, amounts.tokens, amounts.whole_tokens, amounts.above_zero]
    ),
    st.one_of(
        st.sampled_from(["", "nan", "inf", "1e999", "0", "-1", "2,5", "1,200", "1 2", "ms", "5kg"]), st.text()
    ),
)
def test_an_amount_is_positive_and_finite_or_refused_with_an_example(
    read: Callable[[str], float], text: str
) -> None:
    told = ""
    try:
        value = read(text)
    except argparse.ArgumentTypeError as error:
        value, told = 1.0, str(error)
    assert 0 < value < float("inf")
    assert not told or (told.startswith(f"found {text!r}; ") and " such as " in told)


def _error(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    try:
        code: object = main(list(words))
    except SystemExit as left:  # of the parser
        code = left.code
    assert code == 2
    return capsys.readouterr().err.removeprefix("gpushare: error: ").strip()


def test_what_cannot_be_written_names_the_folder_that_is_missing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    missing = tmp_path / "none"
    for words in (
        ("init", "--llm", "-o", str(missing / "x.yaml")),
        ("export", "dra", "voice-light", "-o", str(missing / "out")),
        ("run", "voice-light", "--out", str(missing / "requests.csv")),
    ):
        found = _error(capsys, *words)
        assert found.endswith(f"there is no folder {missing}"), found
        assert "Errno" not in found


@pytest.mark.parametrize("partition", ["3g.40gb", "MIG 3g.40gb", "3G.40GB", "3g", "9", "mig-3g.40gb"])
def test_the_partition_of_a_claim_is_written_as_in_a_layout(
    capsys: pytest.CaptureFixture[str], partition: str
) -> None:
    claim = ["check", "claim", "--model", "llama-3.1-8b", "--itl", "30ms", "--partition"]
    assert main([*claim, partition]) == 0
    assert "on a100/3g.40gb; its kernels allow" in capsys.readouterr().out
    assert "its instance of 3g is 3g.40gb" in _error(capsys, *claim, "3g.20gb")
    assert "found '2x3g', 2 instances" in _error(capsys, *claim, "2x3g")


def test_a_log_alone_is_of_a_language_model(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("arrival_s,input_tokens,output_tokens\n0,100,10\n1,100,10\n")
    assert main(["init", "--from-log", str(log), "-o", str(tmp_path / "x.json")]) == 0
    assert json.loads((tmp_path / "x.json").read_text())["services"]["llm"]["model"] == "llama-3.1-8b"
    assert f"{tmp_path / 'x.json'}: llm on a100" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("kinds", ["8", "8xa100", "8 x A100", "a100:8", "a100=2.5", "a100=-1"])
def test_counts_of_gpus_in_other_orders_are_told_the_right_one(
    capsys: pytest.CaptureFixture[str], kinds: str
) -> None:
    assert _error(capsys, "plan", "voice-light", "--gpus", kinds) == (
        f"--gpus: found {kinds!r}; write KIND=COUNT such as a100=8"
    )


def test_costs_nothing_is_not_said_where_no_price_is_known() -> None:
    document = gs.Scenario.load("voice-light").document
    priced = gs.simulate(document).summary()
    free = gs.simulate({**document, "price_per_gpu_hour": 0}).summary()
    assert "a month" in str(priced)
    assert "a month" not in str(free)


@pytest.mark.parametrize(
    ("naming", "told"),
    [
        (gs.Naming(namespace="имя"), "namespace: found 'имя'"),
        (gs.Naming(namespace=""), "namespace: found ''"),
        (gs.Naming(namespace="a" * 64), "namespace: found 'aaaa"),
        (gs.Naming(nodes={"node0": "My Node"}), "nodes: node0: found 'My Node'"),
        (gs.Naming(nodes={"node7": "gpu-7"}), "nodes: found 'node7'; the placement has node0"),
    ],
)
def test_names_that_no_cluster_takes_are_refused(naming: gs.Naming, told: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=told):
        gs.export("dra", "voice-light", tmp_path / "out", naming)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format", ["DRA", "Device Plugin", "gpu_operator", " kueue "])
def test_formats_are_known_in_any_case(format: str, tmp_path: Path) -> None:
    assert "README.md" in gs.export(format, "voice-light", tmp_path / "out")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("torch.bfloat16", "fp16"),
        ("BF16", "fp16"),
        ("nf4", "int4"),
        ("AWQ", "int4"),
        ("fp8_e4m3", "fp8"),
        ("w8a8", "int8"),
    ],
)
def test_a_precision_is_known_by_what_checkpoints_call_it(said: str, meant: str) -> None:
    document = gs.Scenario.load("bursty-llm").document
    (service,) = document["services"]

    def tokens_per_s(precision: str) -> float:
        changed = {**document["services"][service], "precision": precision}
        run = {**document, "services": {service: changed}, "duration_s": 60, "warmup_s": 0}
        return gs.simulate(run).summary()["output_token_throughput"]

    assert tokens_per_s(said) == tokens_per_s(meant)
    assert tokens_per_s(meant) != tokens_per_s("int8" if meant == "fp16" else "fp16")


_GPU = 'gpu="0",modelName="NVIDIA A100-SXM4-80GB",Hostname="n1"'


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("DCGM_FI_DEV_GPU_UTIL", "145"),
        ("DCGM_FI_DEV_GPU_UTIL", "-3"),
        ("DCGM_FI_PROF_SM_ACTIVE", "30"),
        ("DCGM_FI_PROF_DRAM_ACTIVE", "1.2"),
    ],
)
def test_utilisation_in_another_unit_is_refused_and_not_left_out(metric: str, value: str) -> None:
    told = f"found {float(value):g} for {metric}; a number from 0 to"
    with pytest.raises(gs.Error, match=f"dcgm.prom:1: {told}"):
        read_exposition(f"{metric}{{{_GPU}}} {value}\n", "dcgm.prom")
    with pytest.raises(gs.Error, match=f"x.csv:2: {told}"):
        read_csv_samples(f"metric,timestamp,value,gpu\n{metric},1,{value},0\n", "x.csv")
    series = {"metric": {"__name__": metric}, "values": [[1, value]]}
    with pytest.raises(gs.Error, match=told):
        read_prometheus({"status": "success", "data": {"resultType": "matrix", "result": [series]}}, "x.json")


@pytest.mark.parametrize("blank", ["2147483632", "9223372036854775792", "140737488355328", "NaN"])
def test_what_the_exporter_writes_for_nothing_is_left_out(blank: str) -> None:
    text = f"DCGM_FI_DEV_GPU_UTIL{{{_GPU}}} {blank}\nDCGM_FI_PROF_SM_ACTIVE{{{_GPU}}} 0.3\n"
    (found,) = loads(read_exposition(text, "dcgm.prom"))
    assert found.busy is None
    assert found.sms == 0.3


def _cluster(folder: Path, **files: Any) -> Path:
    for name, content in files.items():
        kind = "prom" if isinstance(content, str) else "json"
        (folder / f"{name}.{kind}").write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def _pod(name: str, **members: Any) -> dict[str, Any]:
    spec = {
        "containers": [{"name": "c", "image": "x", **members.pop("container", {})}],
        **members.pop("spec", {}),
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **members}, "spec": spec}


def test_a_gpu_that_works_for_no_pod_that_was_read_is_not_freed(tmp_path: Path) -> None:
    def busy(gpu: int, value: int, pod: str = "") -> str:
        labels = _GPU.replace('gpu="0"', f'gpu="{gpu}"') + (
            f',pod="{pod}",namespace="default"' if pod else ""
        )
        return f"DCGM_FI_DEV_GPU_UTIL{{{labels}}} {value}\n"

    gpus = busy(0, 40, "chat-0") + busy(1, 70, "other-team-0") + busy(2, 60) + busy(3, 0)
    pods = _pod("chat-0", container={"resources": {"limits": {"nvidia.com/gpu": 1}}})
    found = gs.from_cluster(_cluster(tmp_path, dcgm=gpus, pods=pods))
    assert [tenant.busy for tenant in found.tenants] == pytest.approx([0.4, 0.7, 0.6])
    notices = " ".join(str(notice) for notice in found.notices)
    assert (
        "GPU 1 of n1 works, and the pods that it is measured for (other-team-0) are not among the pods"
        in notices
    )
    assert "GPU 2 of n1 works, and whose work it is, is not among the pods read" in notices


def test_pods_of_a_deployment_are_measured_as_its_own(tmp_path: Path) -> None:
    template = _pod("", container={"resources": {"limits": {"nvidia.com/gpu": 1}}})
    chat = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "chat", "namespace": "default"},
        "spec": {"replicas": 2, "template": {"spec": template["spec"]}},
    }
    scrape = "".join(
        f'DCGM_FI_DEV_GPU_UTIL{{{_GPU.replace("0", str(gpu), 1)},pod="{pod}",namespace="default"}} {busy}\n'
        for gpu, (pod, busy) in enumerate(
            {"chat-5d9c7f-abcde": 20, "chat-5d9c7f-fghij": 40, "chatter-0": 90}.items()
        )
    )
    found = gs.from_cluster(_cluster(tmp_path, dcgm=scrape, pods=chat))
    assert [(tenant.copies, tenant.busy) for tenant in found.tenants] == [(2, pytest.approx(0.3)), (1, 0.9)]


def test_work_that_only_the_sms_show_counts(tmp_path: Path) -> None:
    scrape = f"DCGM_FI_PROF_SM_ACTIVE{{{_GPU}}} 0.3\nDCGM_FI_DEV_GPU_UTIL{{{_GPU.replace('0', '1', 1)}}} 50\n"
    found = gs.from_cluster(_cluster(tmp_path, dcgm=scrape))
    assert [tenant.busy for tenant in found.tenants] == pytest.approx([0.3, 0.5])


@pytest.mark.parametrize(
    ("labels", "card"),
    [
        ({"node.kubernetes.io/instance-type": "p4d.24xlarge"}, "a100-40gb"),
        ({"node.kubernetes.io/instance-type": "Standard_NC24ads_A100_v4"}, "a100-pcie"),
        ({"cloud.google.com/gke-accelerator": "nvidia-tesla-a100"}, "a100-40gb"),
        ({"cloud.google.com/gke-accelerator": "nvidia-h100-mega-80gb"}, "h100"),
        ({"nvidia.com/gpu.product": "NVIDIA-L4", "node.kubernetes.io/instance-type": "p4d.24xlarge"}, "l4"),
    ],
)
def test_a_node_is_known_by_what_its_cloud_calls_it(
    labels: dict[str, str], card: str, tmp_path: Path
) -> None:
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n1", "labels": labels},
        "status": {"allocatable": {"nvidia.com/gpu": "8"}},
    }
    scrape = 'DCGM_FI_DEV_GPU_UTIL{gpu="0",Hostname="n1"} 50\n'
    assert gs.from_cluster(_cluster(tmp_path, nodes=node, dcgm=scrape)).cards.counts == {card: 8}


@pytest.mark.parametrize(
    ("pod", "memory_mib", "threads"),
    [
        (_pod("kai", annotations={"gpu-memory": "2000"}), 2000, None),
        (
            _pod(
                "volcano",
                container={
                    "resources": {
                        "limits": {
                            "volcano.sh/vgpu-number": 1,
                            "volcano.sh/vgpu-memory": 3000,
                            "volcano.sh/vgpu-cores": 50,
                        }
                    }
                },
            ),
            3000,
            50.0,
        ),
    ],
)
def test_pods_of_other_schedulers_ask_for_gpus(
    pod: dict[str, Any], memory_mib: int, threads: float | None, tmp_path: Path
) -> None:
    (found,) = gs.import_files(_cluster(tmp_path, pods=pod)).seen.pods
    assert found.gpus == 1
    assert found.memory_bytes == memory_mib * 2**20
    assert found.percentage == threads


def test_advice_calls_caps_mps() -> None:
    assert advice._way((70.0, 30.0)) == "mps"
    assert advice._way("time-slicing") == "time-slicing"
