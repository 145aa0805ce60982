#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/names.hpp"
#include "core/text.hpp"
#include "gpushare/errors.hpp"
#include "gpushare/gpushare.hpp"

namespace test_names {

using namespace gpushare;

TEST_CASE("A card is known by its name and by the strings that tools and labels have for it") {
  const std::vector<std::pair<std::string, std::string>> known{
      {"H100", "h100"},
      {"NVIDIA H100 80GB HBM3", "h100"},
      {"NVIDIA-H100-80GB-HBM3", "h100"},
      {"h100_sxm", "h100"},
      {"H100-SXM5-80GB", "h100"},
      {"NVIDIA A100-SXM4-80GB", "a100"},
      {"A100-SXM4-40GB", "a100-40gb"},
      {"NVIDIA A100 80GB PCIe", "a100-pcie"},
      {"NVIDIA-A100-PCIe", "a100-pcie"},
      {"NVIDIA H200", "h200"},
      {"nvidia a30", "a30"},
      {"NVIDIA GeForce RTX 4090", "rtx-4090"},
      {"NVIDIA RTX PRO 6000 Blackwell Server Edition", "rtx-pro-6000"},
      {"NVIDIA-L4", "l4"},
      {"L40S", "l40s"},
      {"Tesla-T4", "t4"},
      {"NVIDIA T4", "t4"},
      {"Tesla V100-SXM2-32GB", "v100"},
      {"Tesla-V100-SXM2-16GB", "v100-16gb"},
      {"V100", "v100"},
      {"Tesla V100-PCIE-16GB", "v100-pcie"},
      {"Tesla V100-PCIE-32GB", "v100-pcie-32gb"},
      {"NVIDIA-A10", "a10"},
      {"NVIDIA A16", "a16"},
      {"NVIDIA RTX A6000", "a6000"},
      {"RTX A6000", "a6000"},
      {"NVIDIA GeForce RTX 3090", "rtx-3090"},
      {"NVIDIA-GeForce-RTX-5090", "rtx-5090"},
      {"NVIDIA RTX 6000 Ada Generation", "rtx-6000-ada"},
      {"NVIDIA H100 PCIe", "h100-pcie"},
      {"NVIDIA-H100-NVL", "h100-nvl"},
      {"NVIDIA H200 NVL", "h200-nvl"},
      {"NVIDIA GH200 480GB", "gh200"},
      {"GH200", "gh200"},
      {"NVIDIA GH200 144G HBM3e", "gh200-144gb"},
      {"GH200 144GB", "gh200-144gb"},
      {"NVIDIA B200", "b200"},
      {"NVIDIA GB200", "gb200"},
      {"NVIDIA B300 SXM6 AC", "b300"},
      {"NVIDIA GB300", "gb300"},
      {"NVIDIA-GB10", "gb10"},
      {"NVIDIA A100-PCIE-40GB", "a100-pcie-40gb"},
      {"NVIDIA GeForce RTX 3060", "rtx-3060"},
      {"NVIDIA-H100-80GB-HBM3-SHARED", "h100"},
      {"GB200 NVL72", "gb200"},
      {"H100 PCIe 80GB", "h100-pcie"},
      {"L40S 48GB", "l40s"},
      {"T4 16GB", "t4"},
      {"nvidia-a100-80gb", "a100"},
      {"nvidia-tesla-a100", "a100-40gb"},
      {"nvidia-tesla-v100", "v100-16gb"},
      {"nvidia-tesla-t4", "t4"},
      {"nvidia-h100-mega-80gb", "h100"}};
  for (const auto& one : known) {
    INFO(one.first);
    CHECK(load_profile(one.first).name == one.second);
  }
  for (const std::string& name : profile_names()) {
    INFO(name);
    CHECK(load_profile(load_profile(name).title).name == name);
  }
}

TEST_CASE("A model is known by its title and by its repository's id") {
  CHECK(load_model("meta-llama/Llama-3.1-8B-Instruct").name == "llama-3.1-8b");
  CHECK(load_model("LLAMA_3_1_8B").name == "llama-3.1-8b");
  CHECK(load_model("Meta-Llama-3.1-70B").name == "llama-3.1-70b");
  CHECK(load_model("Qwen/Qwen3-32B").name == "qwen3-32b");
  CHECK(load_model("mistralai/Mixtral-8x7B-Instruct-v0.1").name == "mixtral-8x7b");
  CHECK(load_model("llama_3.2_1b").name == "llama-3.2-1b");
  const std::vector<std::pair<std::string, std::string>> known{
      {"Qwen/Qwen2.5-7B-Instruct", "qwen2.5-7b"},
      {"Qwen/Qwen3-30B-A3B", "qwen3-30b-a3b"},
      {"Qwen/Qwen3-0.6B", "qwen3-0.6b"},
      {"meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b"},
      {"mistralai/Mistral-7B-Instruct-v0.3", "mistral-7b"},
      {"google/gemma-2-9b-it", "gemma-2-9b"},
      {"google/gemma-3-27b-it", "gemma-3-27b"},
      {"microsoft/phi-4", "phi-4"},
      {"microsoft/Phi-4-mini-instruct", "phi-4-mini"},
      {"microsoft/Phi-3-mini-4k-instruct", "phi-3-mini"},
      {"openai/gpt-oss-120b", "gpt-oss-120b"},
      {"openai/whisper-large-v3", "whisper-large-v3"},
      {"openai/whisper-large-v3-turbo", "whisper-large-v3-turbo"},
      {"nvidia/parakeet-tdt-0.6b-v2", "parakeet-tdt-0.6b"},
      {"nvidia/parakeet-ctc-0.6b", "parakeet-ctc-0.6b"},
      {"BAAI/bge-m3", "bge-m3"},
      {"BAAI/bge-reranker-v2-m3", "bge-reranker-v2-m3"},
      {"intfloat/multilingual-e5-large", "multilingual-e5-large"},
      {"intfloat/e5-large-v2", "e5-large-v2"},
      {"yolov8n", "yolov8n"},
      {"ResNet-50", "resnet50"}};
  for (const auto& one : known) {
    INFO(one.first);
    CHECK(load_model(one.first).name == one.second);
  }
  CHECK_THROWS_AS(static_cast<void>(load_model("openai/whisper-large-v2")), Error);
  for (const std::string& name : model_names()) {
    INFO(name);
    CHECK(load_model(load_model(name).title).name == name);
  }
}

TEST_CASE("Another product is neither taken nor suggested") {
  const auto refusal = [](const std::string& name) {
    try {
      static_cast<void>(load_profile(name));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("found");
  };
  for (const char* name :
       {"H800", "A40", "B100", "L40", "A10G", "RTX 3090 Ti", "RTX 3060 Ti", "A800-PCIE-40GB", "MI300X"}) {
    INFO(name);
    const std::string said = refusal(name);
    CHECK(said.find("no GPU profile is called") != std::string::npos);
    CHECK(said.find("did you mean") == std::string::npos);
  }
  CHECK(refusal("rxt-4090").find("did you mean \"rtx-4090\"") != std::string::npos);
  CHECK(refusal("a100-pice").find("did you mean \"a100-pcie\"") != std::string::npos);
  CHECK_THROWS_WITH_AS(static_cast<void>(load_model("Qwen/Qwen2.5-33B")), doctest::Contains("Qwen2.5-33B"),
                       Error);
  CHECK_THROWS_AS(static_cast<void>(load_model("meta-llama/llama-3.1-8b.json")), Error);
}

TEST_CASE("Words of names") {
  CHECK(names::words("meta-llama/Llama-3.1-8B-Instruct") == std::vector<std::string>{"llama", "3.1", "8b"});
  CHECK(names::words("NVIDIA A100 80GB PCIe") == std::vector<std::string>{"a100", "80gb", "pcie"});
  CHECK(names::words(" ... ").empty());
}

TEST_CASE("a few telling words are enough, and blanks do not matter") {
  CHECK(load_profile("5090").name == "rtx-5090");
  CHECK(load_profile("rtx6000ada").name == "rtx-6000-ada");
  CHECK(load_profile("h200nvl").name == "h200-nvl");
  CHECK_THROWS_AS(static_cast<void>(load_profile("6000")), ProfileError);  // Ada, or PRO
  CHECK_THROWS_AS(static_cast<void>(load_profile("100")), ProfileError);
  CHECK(load_model("Qwen/Qwen3-30B-A3B-Instruct-2507").name == "qwen3-30b-a3b");
}

TEST_CASE("a repository's name for weights in another format is told the model and its precision") {
  const auto told = [](const char* name) {
    try {
      static_cast<void>(load_model(name));
    } catch (const ModelError& error) {
      return std::string(error.what());
    }
    return std::string("found");
  };
  CHECK(
      told("hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4")
          .find("; it is llama-3.1-8b with weights in int4: write that model, and \"precision\": \"int4\"") !=
      std::string::npos);
  CHECK(told("RedHatAI/Meta-Llama-3.1-70B-Instruct-FP8").find("llama-3.1-70b with weights in fp8") !=
        std::string::npos);
  CHECK(told("unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit").find("llama-3.1-8b with weights in int4") !=
        std::string::npos);
  CHECK(
      told("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w8a8").find("llama-3.1-8b with weights in int8") !=
      std::string::npos);
  CHECK(told("bartowski/Qwen2.5-7B-Instruct-GGUF:Q4_K_M").find("qwen2.5-7b with weights in int4") !=
        std::string::npos);
  CHECK(told("Meta-Llama-3.1-8B-Instruct-Q8_0.gguf").find("llama-3.1-8b with weights in int8") !=
        std::string::npos);
  CHECK(told("nvidia/Llama-3.1-8B-Instruct-NVFP4")
            .find("weights in NVFP4, whose arithmetic is not described") != std::string::npos);
  CHECK(told("x/Llama-3.1-8B-FP8-INT4").find("with weights in") == std::string::npos);  // two things
  const std::string unknown = told("deepseek-ai/DeepSeek-V3");
  CHECK(unknown.starts_with("no model is called \"deepseek-ai/DeepSeek-V3\""));
  CHECK(unknown.ends_with("a published config.json among them"));
  CHECK(told("./no/such") == "./no/such: there is no such file");
}

TEST_CASE("Every machine of a cloud has a card that is described, and is told with it") {
  const std::vector<std::pair<std::string, std::string>> machines{{"p4d.24xlarge", "a100-40gb"},
                                                                  {"NVIDIA DGX Spark", "gb10"},
                                                                  {"dgx-h100", "h100"},
                                                                  {"HGX H200", "h200"},
                                                                  {"p4de.24xlarge", "a100"},
                                                                  {"p5.48xlarge", "h100"},
                                                                  {"p5en.48xlarge", "h200"},
                                                                  {"g6e.12xlarge", "l40s"},
                                                                  {"g6.xlarge", "l4"},
                                                                  {"a2-highgpu-1g", "a100-40gb"},
                                                                  {"a2-ultragpu-8g", "a100"},
                                                                  {"a3-megagpu-8g", "h100"},
                                                                  {"g2-standard-4", "l4"},
                                                                  {"Standard_ND96asr_v4", "a100-40gb"},
                                                                  {"Standard_ND96amsr_A100_v4", "a100"},
                                                                  {"Standard_NC24ads_A100_v4", "a100-pcie"},
                                                                  {"Standard_NC40ads_H100_v5", "h100-nvl"},
                                                                  {"Standard_ND96isr_H100_v5", "h100"},
                                                                  {"Standard_NC4as_T4_v3", "t4"}};
  for (const auto& one : machines) {
    const std::string &machine = one.first, &card = one.second;
    INFO(machine);
    CHECK(profile_of_machine(machine) == card);
    CHECK_NOTHROW(static_cast<void>(load_profile(card)));
    try {
      static_cast<void>(load_profile(machine));
      FAIL("accepted");
    } catch (const ProfileError& error) {
      CHECK(std::string(error.what()).find("it is a machine with " + card + ": write that card") !=
            std::string::npos);
    }
  }
  CHECK(profile_of_machine("g5.xlarge") == "a10g");
  CHECK_THROWS_WITH_AS(static_cast<void>(load_profile("g5.xlarge")),
                       doctest::Contains("it is a machine with a10g, which no profile describes"),
                       ProfileError);
  for (const char* other : {"", "p4d", "m5.large", "Standard_NV6ads_A10_v5", "a100", "c2-standard-4"})
    CHECK(profile_of_machine(other).empty());
}

TEST_CASE(
    "A card is known with its size however that is written, and told without a count or a vGPU's type") {
  for (const std::string& name : profile_names()) {
    const GpuProfile card = load_profile(name);
    const auto size = std::lround(card.nominal_memory_bytes / 1e9);
    for (const std::string& written :
         {text::format("{}GB", size), text::format("{}G", size), text::format("({} GB)", size)}) {
      CAPTURE(name + " " + written);
      try {
        CHECK(load_profile(name + " " + written).name == name);
      } catch (const ProfileError&) {
        CHECK_THROWS_AS(static_cast<void>(load_profile(text::format("{} {}GB", name, size))), ProfileError);
      }
    }
    for (const std::string& counted : {"8x" + name, "2 x " + name, name + "x4"}) {
      CAPTURE(counted);
      CHECK_THROWS_WITH_AS(static_cast<void>(load_profile(counted)),
                           doctest::Contains(("; write \"" + name + "\", and how many").c_str()),
                           ProfileError);
    }
    CHECK_THROWS_WITH_AS(static_cast<void>(load_profile(name + "-8Q")),
                         doctest::Contains(("it is a vGPU of " + name).c_str()), ProfileError);
  }
  CHECK(load_profile("A100 80G").name == "a100");
  CHECK(load_profile("A100-40").name == "a100-40gb");
  CHECK(load_profile("H100-80").name == "h100");
}

TEST_CASE("A model is known by the name of a file or an image of it") {
  for (const std::string& name : model_names()) {
    CAPTURE(name);
    for (const char* end : {".gguf", ".onnx", ":latest", ":1.8.3"})
      CHECK(load_model(name + end).name == name);
  }
  CHECK(load_model("Systran/faster-whisper-large-v3").name == "whisper-large-v3");
}

TEST_CASE("A server's version that is not described is told those that are, and never taken for one") {
  for (const char* name : {"vllm", "vLLM 0.6.3", "vllm-0.10", "vllm-0.24.1"})
    CHECK_THROWS_WITH_AS(static_cast<void>(load_engine_preset(name)), doctest::Contains("of vllm there are "),
                         ScenarioError);
  CHECK_THROWS_WITH_AS(static_cast<void>(load_engine_preset("trtllm")),
                       doctest::Contains("there is tensorrt-llm"), ScenarioError);
  CHECK_THROWS_WITH_AS(static_cast<void>(load_engine_preset("ollama")),
                       doctest::Contains("its host times are not known"), ScenarioError);
}

TEST_CASE("An instance is not taken for its card") {
  for (const char* label : {"NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "NVIDIA A100-SXM4-40GB MIG 1g.5gb"})
    CHECK_THROWS_WITH_AS(
        static_cast<void>(load_profile(label)),
        doctest::Contains("it is an instance of a100-40gb: write that card, and the mode \"mig:1g.5gb\""),
        ProfileError);
}

}  // namespace test_names
