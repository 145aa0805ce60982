"""Models made of published configurations (config.json)."""

import json
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare import _core
from hypothesis import given, settings
from hypothesis import strategies as st

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "max_position_embeddings": 131072,
    "model_type": "llama",
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "vocab_size": 128256,
}
QWEN3_4B = LLAMA | {
    "head_dim": 128,
    "hidden_size": 2560,
    "intermediate_size": 9728,
    "max_position_embeddings": 40960,
    "model_type": "qwen3",
    "num_hidden_layers": 36,
    "tie_word_embeddings": True,
    "vocab_size": 151936,
}
MIXTRAL = LLAMA | {
    "max_position_embeddings": 32768,
    "model_type": "mixtral",
    "num_experts_per_tok": 2,
    "num_local_experts": 8,
    "vocab_size": 32000,
}
LLAMA_1B = LLAMA | {
    "head_dim": 64,
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "tie_word_embeddings": True,
}


def write(folder: Path, config: dict[str, Any], index: int | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    if index is not None:
        text = json.dumps({"metadata": {"total_size": index}, "weight_map": {}})
        (folder / "model.safetensors.index.json").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("llama-3.1-8b", LLAMA),
        ("llama-3.2-1b", LLAMA_1B),
        ("qwen3-4b", QWEN3_4B),
        ("mixtral-8x7b", MIXTRAL),
    ],
)
def test_a_configuration_makes_what_was_written_by_hand(
    name: str, config: dict[str, Any], tmp_path: Path
) -> None:
    made, written = gs.Model.from_hf(write(tmp_path, config)).figures, gs.model(name).figures
    for key in (
        "layers",
        "hidden",
        "flop_per_token",
        "head_flop",
        "attention_flop_per_pair",
        "context_tokens",
    ):
        assert made[key] == pytest.approx(written[key], rel=2e-3), key
    for key in ("attention_floor_s", "gemm_floor_s", "elementwise_bytes_per_token", "kernels_per_step"):
        assert made[key] == pytest.approx(written[key], rel=0.02), key
    of_name = {(item["name"], item["compute"]): item for item in written["formats"]}
    formats = {(item["name"], item["compute"]): item for item in made["formats"]}
    assert of_name.keys() <= formats.keys()
    for key, item in of_name.items():
        for figure in ("weight_bytes", "read_bytes", "expert_bytes", "kv_bytes_per_token"):
            assert formats[key][figure] == pytest.approx(item[figure], rel=3e-3), (key, figure)
        assert formats[key]["gemm_flop_efficiency"] == item["gemm_flop_efficiency"]
        assert formats[key]["gemm_bandwidth_efficiency"] == item["gemm_bandwidth_efficiency"]
        assert formats[key]["gemm_flop_curve"] == item["gemm_flop_curve"]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [  # as the models' cards say, in 10^9
        ("qwen2.5-0.5b", 0.49),
        ("qwen2.5-1.5b", 1.54),
        ("qwen2.5-3b", 3.09),
        ("qwen2.5-7b", 7.61),
        ("qwen2.5-14b", 14.7),
        ("qwen2.5-32b", 32.5),
        ("qwen2.5-72b", 72.7),
        ("qwen3-0.6b", 0.6),
        ("qwen3-1.7b", 1.7),
        ("qwen3-8b", 8.2),
        ("qwen3-14b", 14.8),
        ("qwen3-30b-a3b", 30.5),
        ("llama-3.2-3b", 3.21),
        ("mistral-7b", 7.25),
        ("gemma-2-2b", 2.61),
        ("gemma-2-9b", 9.24),
        ("gemma-2-27b", 27.2),
        ("gemma-3-1b", 1.0),
        ("phi-3-mini", 3.82),
        ("phi-4", 14.7),
        ("phi-4-mini", 3.84),
        ("gpt-oss-20b", 20.91),
        ("gpt-oss-120b", 116.83),
    ],
)
def test_shipped_configurations_have_the_parameters_of_their_cards(name: str, parameters: float) -> None:
    fp16 = gs.model(name).figures["formats"][0]
    assert fp16["name"] == "fp16"
    assert fp16["weight_bytes"] / 2e9 == pytest.approx(parameters, rel=0.015)


def test_of_a_network_that_also_sees_the_part_that_writes_is_made(tmp_path: Path) -> None:
    # What a Gemma 3 leaves out is as transformers has it by default.
    inner = {
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "model_type": "gemma3_text",
        "num_hidden_layers": 34,
    }
    config = {"model_type": "gemma3", "text_config": inner, "vision_config": {"hidden_size": 1152}}
    folder = write(tmp_path, config, 8600000000)
    made, shipped = gs.Model.from_hf(folder).figures, gs.model("gemma-3-4b").figures
    assert made["formats"] == shipped["formats"]
    assert "also sees" in json.loads(_core.model_document(str(folder)))["description"]


def test_experts_are_counted_by_token() -> None:
    # Model cards: 3.6e9 and 5.1e9 parameters active of gpt-oss, 3.3e9 of Qwen3 30B A3B, with the embeddings.
    for name, active in (("gpt-oss-20b", 3.6), ("gpt-oss-120b", 5.1), ("qwen3-30b-a3b", 3.3)):
        figures = gs.model(name).figures
        met = (figures["flop_per_token"] + figures["head_flop"]) / 2e9
        assert met == pytest.approx(active, rel=0.12), name


def test_whisper_weighs_what_its_card_says() -> None:
    assert gs.model("whisper-large-v3").figures["weight_bytes"] / 2e6 == pytest.approx(1550, rel=0.01)
    assert gs.model("whisper-large-v3-turbo").figures["weight_bytes"] / 2e6 == pytest.approx(809, rel=0.01)


def test_an_embedder_is_the_one_that_was_written_by_hand() -> None:
    made, written = gs.model("e5-large-v2").figures, gs.model("embedding-0.3b").figures
    for key in ("flop_per_unit", "bytes_per_unit", "weight_bytes", "floor_s", "memory_bytes", "kernels"):
        assert made[key] == pytest.approx(written[key], rel=0.02), key
    assert gs.model("bge-reranker-v2-m3").figures["unit"] == "pair of 512 tokens"


def test_a_folder_a_file_and_a_cache_are_read_alike(tmp_path: Path) -> None:
    cache = write(tmp_path / "models--Qwen--Qwen3-4B" / "snapshots" / "1a2b", QWEN3_4B)
    plain = write(tmp_path / "Qwen3-4B", QWEN3_4B)
    for path in (cache, plain, plain / "config.json", str(plain)):
        model = gs.Model.from_hf(path)
        assert model.name == "Qwen3-4B"
        assert model.kind == "llm"
    assert {entry["grade"] for entry in model.provenance} == {"vendor", "derived", "assumed"}


def test_the_index_of_the_weights_has_to_agree(tmp_path: Path) -> None:
    assert gs.Model.from_hf(write(tmp_path / "right", LLAMA, 16060522496)).name == "right"
    double = LLAMA | {"torch_dtype": "float32"}
    assert gs.Model.from_hf(write(tmp_path / "double", double, 32121044992)).name == "double"
    with pytest.raises(
        gs.ModelError, match=r"parameters make 16,060,522,496 bytes in bfloat16, but .* 9,000"
    ):
        gs.Model.from_hf(write(tmp_path / "wrong", LLAMA, 9000000000))
    quantised = LLAMA | {"quantization_config": {"quant_method": "awq"}}
    assert gs.Model.from_hf(write(tmp_path / "awq", quantised, 5700000000)).name == "awq"


def test_a_scenario_may_name_a_configuration(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", LLAMA)
    document = gs.Scenario.load("llm-trace").document
    service = next(iter(document["services"].values()))
    for model in (str(folder / "config.json"), str(folder), LLAMA):
        service["model"] = model
        assert gs.Scenario.from_dict(document).name


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        ({"model_type": "mamba"}, "/model_type", ["unknown family of models", "mamba", "llama", "by hand"]),
        ({"model_type": "qwen4"}, "/model_type", ["qwen4"]),
        ({"hidden_size": 0}, "/hidden_size", ["between 1 and"]),
        ({"vocab_size": None}, "/vocab_size", ["vocab_size", "null"]),
        ({"num_hidden_layers": "32"}, "/num_hidden_layers", ["whole number"]),
    ],
)
def test_what_cannot_be_made_is_refused_with_its_place(
    change: dict[str, Any], where: str, words: list[str], tmp_path: Path
) -> None:
    with pytest.raises(gs.ModelError) as caught:
        gs.Model.from_hf(write(tmp_path, LLAMA | change))
    assert f"config.json#{where}" in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_what_is_no_path_is_not_taken_for_a_shipped_model() -> None:
    with pytest.raises(gs.ModelError, match=r"7B-Instruct: there is no such file or folder"):
        gs.Model.from_hf("Qwen/Qwen2.5-7B-Instruct")


def test_a_claim_about_a_configuration_is_held_against_the_card() -> None:
    # 14.5 GB of weights at 300 GB/s are 21 iterations a second.
    claim = gs.check(
        "mistralai/Mistral-7B-Instruct-v0.3", "L4", tokens_per_s=984, users=1, input=100, output=200
    )
    assert claim.verdict == "impossible"


decoders = st.fixed_dictionaries(
    {
        "model_type": st.sampled_from(
            ["llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text", "phi3"]
        ),
        "num_hidden_layers": st.integers(1, 200),
        "hidden_size": st.integers(1, 400).map(lambda n: 64 * n),
        "intermediate_size": st.integers(1, 100_000),
        "num_attention_heads": st.sampled_from([1, 2, 8, 32, 64]),
        "num_key_value_heads": st.sampled_from([1, 2, 8]),
        "vocab_size": st.integers(1, 300_000),
        "tie_word_embeddings": st.booleans(),
    }
)


@given(decoders)
@settings(max_examples=60, deadline=None)
def test_every_decoder_is_consistent(
    tmp_path_factory: pytest.TempPathFactory, config: dict[str, Any]
) -> None:
    folder = write(tmp_path_factory.mktemp("m"), config)
    figures = gs.Model.from_hf(folder).figures
    embedding = 2 * config["vocab_size"] * config["hidden_size"]
    by_name = {(item["name"], item["compute"]): item for item in figures["formats"]}
    fp16 = by_name["fp16", "fp16"]
    resident_only = 0 if config["tie_word_embeddings"] else embedding
    assert fp16["weight_bytes"] - fp16["read_bytes"] == pytest.approx(resident_only)
    # A byte a token and FLOP of the products, but for norms and biases, which no product reads.
    assert fp16["read_bytes"] >= figures["flop_per_token"] + figures["head_flop"] - 1
    assert by_name["int4", "fp16"]["weight_bytes"] < by_name["int8", "fp16"]["weight_bytes"]
    assert by_name["int8", "fp16"]["weight_bytes"] < fp16["weight_bytes"]
    assert by_name["fp8", "fp8"]["kv_bytes_per_token"] == fp16["kv_bytes_per_token"] / 2
    twice = config | {"num_hidden_layers": 2 * config["num_hidden_layers"]}
    doubled = gs.Model.from_hf(write(folder, twice)).figures
    for key in (
        "flop_per_token",
        "attention_flop_per_pair",
        "elementwise_bytes_per_token",
        "attention_floor_s",
    ):
        assert doubled[key] == pytest.approx(2 * figures[key])


def test_the_documentation_has_every_model() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    rows = {name for row in text.splitlines() if row.startswith("| ") for name in row.split("`")[1::2]}
    assert rows == set(gs.model_names())
