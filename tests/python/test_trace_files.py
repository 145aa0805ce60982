"""Trace files as users have them: packed, columnar, of other shapes, and broken."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path

import gpushare as gs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

MOONCAKE = "\n".join(
    json.dumps({"timestamp": t, "input_length": n, "output_length": 5, "hash_ids": ids})
    for t, n, ids in [(0, 1030, [0, 1, 2]), (3000, 512, [0]), (3000, 600, [0, 9])]
)
AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,4808,10\n2023-11-16 18:17:04.5,3180,8"
BURSTGPT = (
    "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    "10.0,a,43,GPT-4,906,446,1352,Conversation log\n20.0,,2,ChatGPT,36,0,36,API log\n"
    "30.0,a,8,GPT-4,17,9,26,Conversation log\n"
)
SHAREGPT = json.dumps(
    [
        {
            "id": "a",
            "conversations": [{"from": "human", "value": "x" * 400}, {"from": "gpt", "value": "y" * 41}],
        },
        {"id": "b", "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "y" * 40}]},
        {"id": "c", "conversations": []},
    ]
)
SERVEGEN = "0,0.5,2.0,Gamma,0.25,1\n600,0,0,,0,0\n1200,1,1.5,Weibull,0.7,0.5\n"
PODS = (
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n"
    "p0,12000,16384,1,1000,,LS,Running,0,100,0\np1,6000,12288,1,460,V100M16|V100M32,BE,Pending,7,90,\n"
)


def test_gzip_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "conversation.jsonl.gz"
    path.write_bytes(gzip.compress(MOONCAKE.encode()))
    trace = gs.traces.load(path)
    assert trace.name == "conversation"
    assert trace.arrival_s.tolist() == [0, 3, 3]
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(gs.TraceError, match=r"conversation.jsonl.gz: cannot unpack the trace"):
        gs.traces.load(path)


def test_block_ids_and_their_origin_are_kept() -> None:
    trace = gs.traces.parse(MOONCAKE, "m.jsonl")
    assert trace.extra["hash_ids"].tolist() == [0, 1, 2, 0, 0, 9]
    assert trace.extra["hash_starts"].tolist() == [0, 3, 4, 6]
    assert trace.extra["block_tokens"] == 512
    assert trace.origin["format"] == "mooncake"
    assert "counts ms" in trace.origin["reason"]
    assert gs.traces.inspect(trace)["prefix_hit_rate"] == pytest.approx(2 / 6)


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "jsonl"])
def test_every_column_survives_being_saved(tmp_path: Path, suffix: str) -> None:
    if suffix != "jsonl":
        pytest.importorskip("pyarrow")
    text = (
        '{"session_id": "s", "timestamp": 250, "input_length": 600, "output_length": 4, "hash_ids": [4, 5]}\n'
        '{"session_id": "s", "delay": 125, "input_length": 9, "output_length": 8}\n'
    )
    trace = gs.traces.parse(text, "t.jsonl")
    path = tmp_path / f"t.{suffix}"
    gs.traces.save(trace, path)
    back = gs.traces.load(path)
    assert os.listdir(tmp_path) == [path.name]
    np.testing.assert_array_equal(back.arrival_s, trace.arrival_s)
    assert set(back.extra) == {"session", "parent", "delay_s", "hash_ids", "hash_starts", "block_tokens"}
    for name, column in trace.extra.items():
        np.testing.assert_array_equal(back.extra[name], column)


def test_parquet_of_a_published_layout_is_read_by_its_names(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    table = pa.table({"arrived_at": [1.0, 2.5], "num_prefill_tokens": [7, 8], "num_decode_tokens": [1, 2]})
    parquet.write_table(table, tmp_path / "v.parquet")
    trace = gs.traces.load(tmp_path / "v.parquet")
    assert trace.arrival_s.tolist() == [0, 1.5]
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing")
    with pytest.raises(gs.TraceError, match=r"broken.parquet: not a readable Parquet or Arrow file"):
        gs.traces.load(tmp_path / "broken.parquet")


def test_sharegpt_gives_lengths_without_times() -> None:
    trace = gs.traces.parse(SHAREGPT, "s.json")
    assert (trace.input_tokens.tolist(), trace.output_tokens.tolist()) == ([100], [11])
    lines = "\n".join(json.dumps(entry) for entry in json.loads(SHAREGPT)[:1])
    assert gs.traces.parse(lines, "s.jsonl").input_tokens.tolist() == [100]
    assert gs.traces.parse("\ufeff" + SHAREGPT, "s.json").input_tokens.tolist() == [100]
    for text, message in [
        ("[1]", 's.json#/0: expected an object with "conversations"'),
        (
            '[{"conversations": [{"value": 1}, {"value": "a"}]}]',
            "s.json#/0/conversations/0: expected a turn",
        ),
        ("[", "s.json: not JSON"),
        ("[]", "s.json: no conversation has a question and an answer"),
    ]:
        with pytest.raises(gs.TraceError, match=message):
            gs.traces.parse(text, "s.json", format="sharegpt")


def test_servegen_clients_are_windows_of_rate_and_burstiness(tmp_path: Path) -> None:
    path = tmp_path / "m-chunk-0-trace.csv"
    path.write_text(SERVEGEN)
    (tmp_path / "m-chunk-1-trace.csv").write_text("0,0,0,,0,0\n")  # a silent client
    clients = gs.traffic.servegen_clients(tmp_path)
    assert [client.name for client in clients] == ["m-chunk-0-trace"]
    assert clients[0].families == ("gamma", "gamma", "weibull")
    assert clients[0].shapes.tolist() == [0.25, 1, 0.7]
    assert clients[0].window_s == 600
    arrivals = gs.traffic.servegen(clients, fill_windows=True)
    assert gs.traffic.mean_rate(arrivals) == pytest.approx(0.5)
    # ServeGen's habit: exactly ceil(rate x 600) in each window.
    at = gs.traffic.times(arrivals, 1800.001)
    assert [int(((at > a) & (at <= a + 600)).sum()) for a in (0, 600, 1200)] == [300, 0, 600]
    doubled = gs.traffic.servegen(tmp_path, rate_per_s=1.0)
    assert gs.traffic.mean_rate(doubled) == pytest.approx(1.0)
    assert len(gs.traces.load(path, "servegen")) > 100
    assert len(gs.traces.load(path)) == len(gs.traces.load(path, "servegen"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,1,1,Gamma,1\n", "c.csv:1: expected the 6 fields window_start_s"),
        ("0,1,1,Gauss,1,1\n", 'c.csv:1: family: expected Gamma, Weibull or nothing, found "Gauss"'),
        ("0,x,1,Gamma,1,1\n", 'c.csv:1: rate_rps: expected a number between 0 and 1000000000, found "x"'),
        (
            "0,1,1,Gamma,1,1\n600,99999999990.5,1,Gamma,1,1\n",
            "c.csv:2: rate_rps: expected a number between 0 and",
        ),
        ("0,1,1,Gamma,1e10,1\n", "c.csv:1: shape: expected a number between 0 and 1000000000"),
        (
            "0,1,1,,1,1\n0.0001,1,1,,1,1\n",
            "c.csv:2: window_start_s: expected at least 0.001 s after the window before",
        ),
        ("0,1,1,Gamma,0,1\n", "c.csv:1: shape: expected at least 0.001"),
        ("600,1,1,Gamma,1,1\n0,1,1,Gamma,1,1\n", "c.csv:2: the window 0 s does not lie after 600 s"),
        ("", "c.csv: no window has requests"),
    ],
)
def test_a_broken_client_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(gs.TraceError, match=message):
        gs.traces.parse(text, "c.csv", format="servegen")


def test_the_widest_windows_that_are_read_are_legal_arrivals(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("0,1e9,1,Gamma,1e9,1\n0.001,0,1,,1,1\n0.002,1,1,Weibull,0.001,1\n9e8,1,1,Gamma,1,1\n")
    client = gs.traffic.read_client(path)
    assert gs.traffic.mean_rate(client.arrivals()) == pytest.approx(1, rel=0.01)


def test_servegen_lengths_are_read_but_not_run(tmp_path: Path) -> None:
    path = tmp_path / "chunk-0-dataset.json"
    path.write_text(
        json.dumps({"0": {"input_tokens": "{10: 0.5, 20: 0.5}"}, "1": {"input_tokens": "{10: 1.0}"}})
    )
    assert gs.traffic.read_lengths(path)["input_tokens"] == {
        "kind": "empirical",
        "values": [10.0, 20.0],
        "weights": [1.5, 0.5],
    }
    path.write_text(json.dumps({"0": {"input_tokens": "__import__('os').getcwd()"}}))
    with pytest.raises(gs.TraceError, match=r"dataset.json#/0/input_tokens: expected a text such as"):
        gs.traffic.read_lengths(path)


def test_openb_pods_and_nodes_are_tables_and_not_traces(tmp_path: Path) -> None:
    pods_file = tmp_path / "pods.csv"
    pods_file.write_text(PODS)
    pods = gs.traces.read_pods(pods_file)
    assert pods["gpu_milli"].tolist() == [1000, 460]
    assert pods["gpu_spec"].tolist() == ["", "V100M16|V100M32"]
    assert np.isnan(pods["scheduled_time"][1])
    with pytest.raises(gs.TraceError, match=r"pods.csv:1: these are OpenB pods, not requests"):
        gs.traces.load(pods_file)
    nodes_file = tmp_path / "nodes.csv"
    nodes_file.write_text("sn,cpu_milli,memory_mib,gpu,model\nn0,64000,262144,2,P100\n")
    assert gs.traces.read_nodes(nodes_file)["gpu"].tolist() == [2]
    with pytest.raises(gs.TraceError, match=r"nodes.csv:1: these are OpenB nodes"):
        gs.traces.load(nodes_file)
    for old, new, message in [
        ("460", "1460", 'pods.csv:3: column "gpu_milli": expected thousandths of a GPU'),
        ("gpu_milli", "gpu_mili", 'pods.csv:1: no column "gpu_milli"; is "gpu_mili" meant'),
        (",BE,", ",BE,,", "pods.csv:3: expected 11 fields as in the header line, found 12"),
        ("Pending,7", "Pending,soon", 'pods.csv:3: column "creation_time": expected seconds'),
    ]:
        pods_file.write_text(PODS.replace(old, new))
        with pytest.raises(gs.TraceError, match=message):
            gs.traces.read_pods(pods_file)


@given(
    st.sampled_from([MOONCAKE, AZURE, BURSTGPT, SHAREGPT, SERVEGEN, PODS]),
    st.sampled_from(["auto", "sharegpt", "servegen", "pods"]),
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), max_size=4),
)
def test_a_damaged_file_is_read_or_refused(
    tmp_path: Path, text: str, format: str, damage: list[tuple[int, bytes]]
) -> None:
    data = text.encode()
    for place, junk in damage:
        data = data[:place] + junk + data[place + 1 :]
    path = tmp_path / "damaged"
    path.write_bytes(data)
    refused = ""
    try:
        found = gs.traces.read_pods(path) if format == "pods" else gs.traces.load(path, format)
    except gs.TraceError as problem:
        refused = str(problem)
    assert "damaged" in refused or len(found) > 0


DATA = Path(os.environ.get("GPUSHARE_DATA", "nowhere")) / "public"


@pytest.mark.skipif(
    not DATA.is_dir(), reason="GPUSHARE_DATA names no folder with public/azure, public/mooncake, ..."
)
class TestPublished:
    """Counts, rates and dispersions of the real files, as their papers and our notes have them."""

    def test_azure_conversation(self) -> None:
        trace = gs.traces.load(DATA / "azure/AzureLLMInferenceTrace_conv.csv")
        figures = gs.traces.inspect(trace)
        assert len(trace) == 19_366
        expected = {
            "duration_s": 3501.7,
            "rate_per_s": 5.53,
            "gap_cv": 1.094,
            "dispersion_1s": 1.385,
            "dispersion_10s": 3.86,
            "dispersion_60s": 16.1,
            "input_mean": 1154.7,
            "input_p50": 1020,
            "input_p90": 2734,
            "input_max": 14_050,
            "output_mean": 211.1,
            "output_p50": 129,
            "output_max": 1000,
        }
        assert {name: figures[name] for name in expected} == pytest.approx(expected, rel=3e-3)

    def test_mooncake_conversation(self) -> None:
        trace = gs.traces.load(DATA / "mooncake/conversation_trace.jsonl")
        figures = gs.traces.inspect(trace)
        assert len(trace) == 12_031
        assert len(np.unique(trace.arrival_s)) == 1180
        assert figures["duration_s"] == pytest.approx(3537, abs=1)
        assert figures["rate_per_s"] == pytest.approx(3.40, abs=0.005)
        assert (figures["input_mean"], figures["input_max"]) == (pytest.approx(12_035, abs=1), 126_195)
        assert figures["output_mean"] == pytest.approx(343, abs=1)
        assert figures["prefix_hit_rate"] == pytest.approx(0.366, abs=5e-4)
        assert len(np.unique(trace.extra["hash_ids"])) == 182_790

    def test_burstgpt_samples_in_both_layouts(self) -> None:
        first = gs.traces.load(DATA / "burstgpt/BurstGPT_v1_sample_rows.csv")
        third = gs.traces.load(DATA / "burstgpt/BurstGPT_v3_sample_rows.csv")
        assert (first.arrival_s.tolist(), first.input_tokens.tolist()) == ([0, 40, 113], [472, 1087, 417])
        assert third.extra["session"].tolist() == [0, 1, 2, 3]

    def test_llmservingsim(self) -> None:
        trace = gs.traces.load(DATA / "llm_serving/workload_sharegpt_llama31_8b_300_sps10_NO_TOKEN_IDS.jsonl")
        assert len(trace) == 300
        assert gs.traces.inspect(trace)["rate_per_s"] == pytest.approx(10.3, rel=0.02)
        assert trace.input_tokens.mean() == pytest.approx(857, abs=1)
        assert trace.output_tokens.mean() == pytest.approx(653, abs=1)

    def test_openb(self) -> None:
        pods = gs.traces.read_pods(DATA / "openb/openb_pod_list_default.csv")
        counts = {int(n): int((pods["num_gpu"] == n).sum()) for n in np.unique(pods["num_gpu"])}
        assert counts == {0: 1088, 1: 6989, 2: 16, 4: 15, 8: 44}
        shared = (pods["num_gpu"] == 1) & (pods["gpu_milli"] < 1000)
        assert int(shared.sum()) == 3078
        assert int(np.isnan(pods["scheduled_time"]).sum()) == 897
        nodes = gs.traces.read_nodes(DATA / "openb/openb_node_list_gpu_node.csv")
        assert int(nodes["gpu"].sum()) == 6212

    def test_servegen_clients(self) -> None:
        client = gs.traffic.read_client(DATA / "servegen/m-large_chunk-0-trace.csv")
        assert len(client.starts_s) == 2016
        assert client.mean_rate_per_s == pytest.approx(0.558356, abs=1e-6)
        assert client.rates_per_s.max() == pytest.approx(4.79)
        active = client.rates_per_s > 0
        assert int(active.sum()) == 1301
        assert sum(family == "weibull" for family in client.families) == 1071

    def test_openb_pods_have_the_phases_and_classes_that_are_reported(self) -> None:
        pods = gs.traces.read_pods(DATA / "openb/openb_pod_list_default.csv")
        count = Counter(pods["pod_phase"].tolist())
        assert count == {"Running": 5193, "Failed": 1870, "Pending": 897, "Succeeded": 192}
        assert Counter(pods["qos"].tolist()) == {"LS": 4647, "BE": 3398, "Burstable": 100, "Guaranteed": 7}
        wait = pods["scheduled_time"] - pods["creation_time"]
        assert np.nanmedian(wait) == pytest.approx(2)
        assert pods["creation_time"].max() == 12_901_761
        nodes = gs.traces.read_nodes(DATA / "openb/openb_node_list_gpu_node.csv")
        cards = Counter({m: int(nodes["gpu"][nodes["model"] == m].sum()) for m in np.unique(nodes["model"])})
        assert cards["G2"] == 4392
        assert cards["T4"] == 842

    @pytest.mark.parametrize(
        ("file", "format", "requests"),
        [
            ("aiperf_mooncake_trace_examples.jsonl", "aiperf", 4),
            ("aiperf_multi_turn_example.jsonl", "aiperf", 2),
            ("llmservingsim_workload_examples.jsonl", "llmservingsim", 3),
            ("mooncake_conversation_HEAD20.jsonl", "mooncake", 20),
            ("qwen_bailian_schema_example.jsonl", "bailian", 1),
        ],
    )
    def test_the_published_example_of_each_format(self, file: str, format: str, requests: int) -> None:
        trace = gs.traces.load(DATA / "formats" / file, output_tokens=64)
        assert trace.origin["format"] == format
        assert len(trace) == requests

    def test_packed_and_columnar_copies_of_a_real_trace_are_the_same(self, tmp_path: Path) -> None:
        pytest.importorskip("pyarrow")
        source = DATA / "mooncake/conversation_trace.jsonl"
        (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(source.read_bytes(), 1))
        trace = gs.traces.load(source)
        gs.traces.save(trace, tmp_path / "c.parquet")
        for name in ("c.jsonl.gz", "c.parquet"):
            copy = gs.traces.load(tmp_path / name)
            np.testing.assert_array_equal(copy.arrival_s, trace.arrival_s)
            np.testing.assert_array_equal(copy.extra["hash_ids"], trace.extra["hash_ids"])

    def test_the_fit_reproduces_azures_dispersion_within_a_fifth(self) -> None:
        found = gs.traffic.fit(gs.traces.load(DATA / "azure/AzureLLMInferenceTrace_conv.csv"))
        assert found.kind == "gamma-poisson"
        assert found.error < 0.2
        assert found.lengths["input_distance"] < 0.02
        assert found.lengths["generated_correlation"] == pytest.approx(found.lengths["correlation"], abs=0.03)
