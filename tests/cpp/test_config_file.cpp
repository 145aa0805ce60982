#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "gpushare/errors.hpp"
#include "gpushare/gpushare.hpp"

namespace test_config_file {

using namespace gpushare;
using nlohmann::json;

json llama() {
  return {
      {"model_type", "llama"},        {"num_hidden_layers", 32},          {"hidden_size", 4096},
      {"intermediate_size", 14336},   {"num_attention_heads", 32},        {"num_key_value_heads", 8},
      {"vocab_size", 128256},         {"torch_dtype", "bfloat16"},        {"rope_scaling", {{"factor", 8}}},
      {"tie_word_embeddings", false}, {"max_position_embeddings", 131072}};
}

const WeightFormat& fp16(const Model& model) { return std::get<LlmModel>(model.cost).formats.front(); }

TEST_CASE("a configuration is a model, with every parameter counted") {
  const Model model = parse_model(llama().dump());
  CHECK(model.name == "model");
  CHECK(fp16(model).weight_bytes == 2 * 8030261248.0);  // the checkpoint's
  CHECK(fp16(model).read_bytes == 2 * (8030261248.0 - 128256.0 * 4096));
  CHECK(fp16(model).kv_bytes_per_token == 131072);
  json tied = llama();
  tied["tie_word_embeddings"] = true;
  CHECK(fp16(parse_model(tied.dump())).weight_bytes == 2 * (8030261248.0 - 128256.0 * 4096));
}

TEST_CASE("biases, head norms and experts are counted where a family has them") {
  json qwen2 = llama();
  qwen2["model_type"] = "qwen2";
  CHECK(fp16(parse_model(qwen2.dump())).weight_bytes == 2 * (8030261248.0 + 32 * (4096 + 2 * 1024)));
  json qwen3 = llama();
  qwen3["model_type"] = "qwen3";
  CHECK(fp16(parse_model(qwen3.dump())).weight_bytes == 2 * (8030261248.0 + 32 * 2 * 128));
  json mixtral = llama();
  mixtral["model_type"] = "mixtral";
  mixtral["num_local_experts"] = 8;
  mixtral["num_experts_per_tok"] = 2;
  const Model experts = parse_model(mixtral.dump());
  CHECK(fp16(experts).expert_bytes == 2 * 32 * 8 * 3.0 * 4096 * 14336);
  CHECK(fp16(experts).weight_bytes == 2 * (8030261248.0 + 32 * (7 * 3.0 * 4096 * 14336 + 8 * 4096)));
  CHECK(std::get<LlmModel>(experts.cost).flop_per_token == 2 * 32 * (41943040.0 + 32768 + 2 * 176160768.0));
}

TEST_CASE("a service that names no precision has the format that a checkpoint's configuration says") {
  struct Checkpoint {
    json quantization;
    const char* format;
  };
  const json groups = {{"group_0", {{"weights", {{"num_bits", 4}, {"type", "int"}}}}}};
  const json floats = {{"group_0", {{"weights", {{"num_bits", 8}, {"type", "float"}}}}}};
  for (const Checkpoint& one : std::vector<Checkpoint>{
           {{{"quant_method", "mxfp4"}}, "int4"},
           {{{"quant_method", "fp8"}, {"fmt", "e4m3"}}, "fp8"},
           {{{"quant_method", "awq"}, {"bits", 4}}, "int4"},
           {{{"quant_method", "gptq"}, {"bits", 8}}, "int8"},
           {{{"quant_method", "bitsandbytes"}, {"load_in_8bit", true}}, "int8"},
           {{{"quant_method", "bitsandbytes"}, {"load_in_4bit", true}}, "int4"},
           {{{"quant_method", "modelopt"}, {"quant_algo", "FP8"}}, "fp8"},
           {{{"quant_method", "modelopt"}, {"quant_algo", "NVFP4"}}, "int4"},
           {{{"quant_method", "compressed-tensors"}, {"config_groups", groups}}, "int4"},
           {{{"quant_method", "compressed-tensors"}, {"config_groups", floats}}, "fp8"}}) {
    CAPTURE(one.quantization.dump());
    json config = llama();
    config["quantization_config"] = one.quantization;
    json document = json::parse(R"({"name": "one", "duration_s": 1, "services": {"s": {}},
      "pipelines": {"p": {"stages": [{"name": "s", "service": "s"}]}},
      "traffic": [{"kind": "closed", "users": 1, "sizes": {"input_tokens": 1, "output_tokens": 1}}]})");
    document["services"]["s"]["model"] = config;
    const auto served = [&] {
      return to_string(parse_scenario(document.dump()).workload.services[0].precision);
    };
    CHECK(served() == one.format);
    document["services"]["s"]["precision"] = "fp16";
    CHECK(served() == "fp16");
  }
  json odd = llama();
  odd["quantization_config"] = {{"quant_method", "aqlm"}};
  CHECK_THROWS_WITH(static_cast<void>(parse_model(odd.dump())),
                    doctest::Contains("leave it out and say the service's \"precision\""));
}

TEST_CASE("a folder's configuration is named after it, and its weights' index has to agree") {
  const auto folder = std::filesystem::temp_directory_path() / "gpushare_config" / "Small-8B";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "config.json") << llama().dump();
  CHECK(load_model(folder.string()).name == "Small-8B");
  CHECK(load_model((folder / "config.json").string()).name == "Small-8B");
  std::ofstream(folder / "model.safetensors.index.json") << R"({"metadata": {"total_size": 16060522496}})";
  CHECK(load_model(folder.string()).name == "Small-8B");
  std::ofstream(folder / "model.safetensors.index.json") << R"({"metadata": {"total_size": 17000000000}})";
  CHECK_THROWS_WITH_AS((void)load_model(folder.string()),
                       doctest::Contains("its parameters make 16,060,522,496 bytes in bfloat16"), ModelError);
  std::filesystem::remove_all(folder.parent_path());
}

TEST_CASE("a configuration of an unknown family is refused with those that are known") {
  json other = llama();
  other["model_type"] = "llamma";
  CHECK_THROWS_WITH_AS((void)parse_model(other.dump(), "c.json"),
                       doctest::Contains("c.json#/model_type: unknown family of models \"llamma\"; did you "
                                         "mean \"llama\"? Known: llama, mistral, "),
                       ModelError);
  other = llama();
  other["num_key_value_heads"] = 0;
  CHECK_THROWS_WITH_AS((void)parse_model(other.dump(), "c.json"),
                       doctest::Contains("c.json#/num_key_value_heads: expected"), ModelError);
}

}  // namespace test_config_file
